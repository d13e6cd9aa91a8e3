package inbound

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"
)

// deadline is a context that ends at a time, or with the one that it holds. Its timer
// is made when somebody first waits for its end.
type deadline struct {
	context.Context
	end time.Time

	mu     sync.Mutex
	err    error
	timed  context.Context // nil: nobody waits
	cancel context.CancelFunc
}

// Deadline implements [context.Context].
func (d *deadline) Deadline() (time.Time, bool) { return d.end, true }

// Done implements [context.Context].
func (d *deadline) Done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timed == nil {
		ended := d.ended() != nil
		d.timed, d.cancel = context.WithDeadline(d.Context, d.end)
		if ended {
			d.cancel()
		}
	}
	return d.timed.Done()
}

// Err implements [context.Context].
func (d *deadline) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ended()
}

// ended returns why the context has ended, and keeps the first reason.
func (d *deadline) ended() error {
	switch {
	case d.err != nil:
	case d.timed != nil:
		d.err = d.timed.Err()
	default:
		d.err = d.Context.Err()
	}
	return d.err
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

// String implements [fmt.Stringer], so that printing a context reads no field that
// changes.
func (d *deadline) String() string { return fmt.Sprintf("%v.WithDeadline(%v)", d.Context, d.end) }

// stop ends the context: because its time is over, or it is no longer needed.
func (d *deadline) stop(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = cmp.Or(d.ended(), err)
	if d.timed != nil && err == context.Canceled {
		d.cancel()
	}
}
