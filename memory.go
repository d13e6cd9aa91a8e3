package sunco

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"sync"
	"time"
)

const (
	rememberedEvents = 1 << 16 // at least; twice as many at most
	finishTimeout    = 5 * time.Second
)

// claimState is whose an event is.
type claimState int

const (
	eventClaimed claimState = iota // ours to hand over
	eventSeen                      // it was handed over
	eventBusy                      // somebody is handing it over, or nobody can tell
)

// eventClaim is the right to hand one event over.
type eventClaim struct {
	finish func(ctx context.Context, handled bool) error // of the partner's
	key    eventKey
	own    bool // key is in the handler's memory
}

// claim asks the partner's memory, or else the handler's own.
func (h *EventHandler) claim(ctx context.Context, e *Event) (claim eventClaim, state claimState) {
	if e.ID == "" {
		return claim, eventClaimed
	}
	if h.Claim == nil {
		claim.key, claim.own = keyOfEvent(e), true
		return claim, h.memory.claim(claim.key)
	}
	state = eventBusy
	defer func() {
		if recover() != nil {
			h.logPanic(ctx, "Claim", eventIDAttr(e)...)
			state = eventBusy
		}
	}()
	seen, finish, err := h.Claim(ctx, e)
	switch {
	case err != nil:
		h.log(ctx, slog.LevelInfo, "Claim failed or the event is being handled", eventIDAttr(e)...)
		return claim, eventBusy
	case seen:
		return claim, eventSeen
	}
	claim.finish = finish
	return claim, eventClaimed
}

// end gives the claim back, and reports whether that worked. It has time of
// its own: an event that was handed over late is remembered all the same.
func (c eventClaim) end(ctx context.Context, h *EventHandler, e *Event, handled bool) (ok bool) {
	if c.own {
		h.memory.finish(c.key, handled)
	}
	if c.finish == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	defer func() {
		if recover() != nil {
			h.logPanic(ctx, "the finish function of Claim", eventIDAttr(e)...)
			ok = false
		}
	}()
	if err := c.finish(ctx, handled); err != nil {
		h.log(ctx, slog.LevelWarn, "the finish function of Claim failed", eventIDAttr(e)...)
		return false
	}
	return true
}

// eventKey names an event in the memory of the handler.
type eventKey [16]byte

// keyOfEvent makes keys of one size, without pointers. Ids of apps and
// webhooks contain no zero byte.
func keyOfEvent(e *Event) eventKey {
	var space [192]byte
	name := append(space[:0], e.AppID...)
	name = append(append(name, 0), e.WebhookID...)
	name = append(append(name, 0), e.ID...)
	digest := sha256.Sum256(name)
	return eventKey(digest[:16])
}

// eventMemory knows the events that are being handed over and those that were
// handed over last. The zero value is empty.
type eventMemory struct {
	mu            sync.Mutex
	busy          map[eventKey]struct{}
	recent, older map[eventKey]struct{} // when recent is full, older is forgotten
}

func (m *eventMemory) claim(key eventKey) claimState {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, found := m.recent[key]; found {
		return eventSeen
	}
	if _, found := m.older[key]; found {
		return eventSeen
	}
	if _, found := m.busy[key]; found {
		return eventBusy
	}
	if m.busy == nil {
		m.busy, m.recent = map[eventKey]struct{}{}, map[eventKey]struct{}{}
	}
	m.busy[key] = struct{}{}
	return eventClaimed
}

func (m *eventMemory) finish(key eventKey, handled bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.busy, key)
	if !handled {
		return
	}
	if len(m.recent) == rememberedEvents {
		m.recent, m.older = m.older, m.recent
		clear(m.recent)
		if m.recent == nil {
			m.recent = map[eventKey]struct{}{}
		}
	}
	m.recent[key] = struct{}{}
}
