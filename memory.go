package sunco

import (
	"crypto/sha256"
	"sync"
)

const rememberedEvents = 1 << 16 // at least; twice as many at most

// eventKey names an event. Keys have one size and no pointers.
type eventKey [16]byte

// keyOfEvent ignores the webhook: two webhooks can report one event. An app id
// contains no zero byte.
func keyOfEvent(e *Event) eventKey {
	var space [128]byte
	name := append(space[:0], e.AppID...)
	name = append(append(name, 0), e.ID...)
	digest := sha256.Sum256(name)
	return eventKey(digest[:16])
}

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
	busy          map[eventKey]struct{}
	recent, older map[eventKey]struct{} // when recent is full, older is forgotten
}

// begin returns the state of an event. A new one is busy until end.
func (m *eventMemory) begin(key eventKey) eventState {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, seen := range [...]map[eventKey]struct{}{m.recent, m.older} {
		if _, found := seen[key]; found {
			return eventSeen
		}
	}
	if _, found := m.busy[key]; found {
		return eventBusy
	}
	if m.busy == nil {
		m.busy, m.recent, m.older = map[eventKey]struct{}{}, map[eventKey]struct{}{}, map[eventKey]struct{}{}
	}
	m.busy[key] = struct{}{}
	return eventNew
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
