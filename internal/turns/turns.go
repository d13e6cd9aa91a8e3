// Package turns lets calls with the same key run one after the other.
package turns

import (
	"context"
	"sync"
)

// Turns is a line of calls for each key, in the order they came. The zero
// value is ready.
type Turns struct {
	mu    sync.Mutex
	lines map[string]*line
}

// line is one key's: whoever has put something into slot runs.
type line struct {
	slot  chan struct{}
	calls int // that wait or run
}

// Wait returns when it is the caller's turn, or with the context's error. Done
// ends the turn.
func (t *Turns) Wait(ctx context.Context, key string) (done func(), err error) {
	t.mu.Lock()
	if t.lines == nil {
		t.lines = map[string]*line{}
	}
	l := t.lines[key]
	if l == nil {
		l = &line{slot: make(chan struct{}, 1)}
		t.lines[key] = l
	}
	l.calls++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if l.calls--; l.calls == 0 {
			delete(t.lines, key)
		}
	}
	select {
	case l.slot <- struct{}{}:
		return func() { <-l.slot; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
