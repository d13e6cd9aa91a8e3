package inbound

import (
	"context"
	"sync"
	"time"
)

// deadline is a context that ends at a time, or with the one that it holds. The timer
// is made when somebody first waits for its end: most events need none.
type deadline struct {
	context.Context
	end time.Time

	mu      sync.Mutex
	stopped bool
	timed   context.Context // nil: nobody waits
	cancel  context.CancelFunc
}

// Deadline implements [context.Context].
func (d *deadline) Deadline() (time.Time, bool) { return d.end, true }

// Done implements [context.Context].
func (d *deadline) Done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timed == nil {
		d.timed, d.cancel = context.WithDeadline(d.Context, d.end)
		if d.stopped {
			d.cancel()
		}
	}
	return d.timed.Done()
}

// Err implements [context.Context].
func (d *deadline) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch err := d.Context.Err(); {
	case d.timed != nil:
		return d.timed.Err()
	case err != nil:
		return err
	case !time.Now().Before(d.end):
		return context.DeadlineExceeded
	case d.stopped:
		return context.Canceled
	}
	return nil
}

// Value implements [context.Context]. Contexts that are made of this one find by it
// the one with the timer.
func (d *deadline) Value(key any) any {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timed != nil {
		return d.timed.Value(key)
	}
	return d.Context.Value(key)
}

// stop ends the context.
func (d *deadline) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped = true; d.timed != nil {
		d.cancel()
	}
}
