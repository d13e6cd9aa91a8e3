package sunco

import (
	"hash/maphash"
	"sync"
)

const rememberedEvents = 1 << 16 // at least; twice as many at most

// eventKey names an event by the hashes of its app and its own id. The webhook
// does not count: two webhooks can report one event.
type eventKey [2]uint64

type eventState int

const (
	eventNew  eventState = iota
	eventBusy            // OnEvent is running
	eventSeen            // OnEvent has succeeded
)

// eventMemory holds the events that are being handled and those that were
// handled last. The zero value is empty.
type eventMemory struct {
	mu            sync.Mutex
	seed          maphash.Seed
	busy          map[eventKey]struct{}
	recent, older map[eventKey]struct{} // when recent is full, older is forgotten
}

// begin returns the state of an event, and its key. A new one is busy until end.
func (m *eventMemory) begin(e *Event) (key eventKey, state eventState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.busy == nil {
		m.seed = maphash.MakeSeed()
		m.busy, m.recent, m.older = map[eventKey]struct{}{}, map[eventKey]struct{}{}, map[eventKey]struct{}{}
	}
	key = eventKey{maphash.String(m.seed, e.AppID), maphash.String(m.seed, e.ID)}
	for _, seen := range [...]map[eventKey]struct{}{m.recent, m.older} {
		if _, found := seen[key]; found {
			return key, eventSeen
		}
	}
	if _, found := m.busy[key]; found {
		return key, eventBusy
	}
	m.busy[key] = struct{}{}
	return key, eventNew
}

// end ends what begin began, and remembers the event if it was handled.
func (m *eventMemory) end(key eventKey, handled bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.busy, key)
	if !handled {
		return
	}
	if len(m.recent) == rememberedEvents {
		m.recent, m.older = m.older, m.recent
		clear(m.recent)
	}
	m.recent[key] = struct{}{}
}
