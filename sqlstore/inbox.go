package sqlstore

import (
	"context"
	"iter"
	"time"

	"github.com/sunco-go/sunco"
)

// Enqueue is the OnEvent of a [sunco.EventHandler].
func (s *Store) Enqueue(ctx context.Context, in *sunco.Installation, e *sunco.Event) error {
	return errNotYet
}

// Work calls onEvent for stored events, at most workers at the same time. It runs
// until ctx ends, waits for what runs, and then returns nil.
func (s *Store) Work(ctx context.Context, workers int,
	onEvent func(ctx context.Context, in *sunco.Installation, e *sunco.Event) error) error {
	return errNotYet
}

// DeadEvent is an event that was given up.
type DeadEvent struct {
	ID         int64        // for Retry and Discard
	AppID      string       // the customer's app
	ReceivedAt time.Time    // when Enqueue stored it
	DiedAt     time.Time    // when it was given up
	Event      *sunco.Event // nil if the row does not open
}

// Dead yields the dead events, the oldest first. For one whose row does not open it
// yields both the DeadEvent, without its Event, and a [*SealError].
func (s *Store) Dead(ctx context.Context) iter.Seq2[*DeadEvent, error] {
	return func(func(*DeadEvent, error) bool) {}
}

// Retry makes a dead event wait again. The error is a [*sunco.InputError] if no dead
// event has the id.
func (s *Store) Retry(ctx context.Context, id int64) error { return errNotYet }

// Discard deletes a dead event. The error is a [*sunco.InputError] if no dead event
// has the id.
func (s *Store) Discard(ctx context.Context, id int64) error { return errNotYet }
