package sqlstore

import (
	"context"
	"database/sql"
	"iter"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/internal/sqldb"
)

// DeadEvent is an event that [Store.Work] has given up. It is kept until [Store.Retry]
// or [Store.Discard].
type DeadEvent struct {
	ID         int64
	AppID      string       // the customer's app
	ReceivedAt time.Time    // when Enqueue stored it
	DiedAt     time.Time    // when Work gave it up
	Event      *sunco.Event // nil if its row does not open

	bad error // why it does not open
}

// Dead yields the dead events, the oldest first. For one whose row does not open it
// yields a DeadEvent without Event and a [*SealError], and goes on. It ends after any
// other error.
func (s *Store) Dead(ctx context.Context) iter.Seq2[*DeadEvent, error] {
	scan := func(rows *sql.Rows) (*DeadEvent, int64, error) {
		var e storedEvent
		var received, died int64
		err := rows.Scan(&e.seq, &e.lane, &e.appID, &e.keyID, &e.sealed, &received, &died)
		d := &DeadEvent{ID: e.seq, AppID: e.appID, ReceivedAt: time.UnixMicro(received), DiedAt: time.UnixMicro(died)}
		d.Event, d.bad = s.openEvent(&e)
		return d, e.seq, err
	}
	return func(yield func(*DeadEvent, error) bool) {
		for d, err := range sqldb.Pages(ctx, s.db, 0, scan, "SELECT seq, lane, app_id, key_id, sealed, received_at, dead "+
			"FROM sunco_events WHERE seq > $1 AND dead <> 0 ORDER BY seq") {
			if err == nil {
				err = d.bad
			}
			if !yield(d, failed("dead", err)) {
				return
			}
		}
	}
}

// OldestWaiting returns when the event was stored that has waited for [Store.Work] the
// longest. It returns the zero time if no event waits.
func (s *Store) OldestWaiting(ctx context.Context) (at time.Time, err error) {
	var micros int64
	const query = "SELECT received_at FROM sunco_events WHERE dead = 0 ORDER BY seq LIMIT 1"
	found, err := s.db.Read().One(ctx, []any{&micros}, query)
	if found && err == nil {
		at = time.UnixMicro(micros)
	}
	return at, failed("oldest waiting", err)
}

// Retry lets a dead event wait again, before what waits in its conversation. The error
// is an [*sunco.InputError] if there is no dead event with this ID.
func (s *Store) Retry(ctx context.Context, id int64) error {
	n, err := s.db.Exec(ctx, []any{id}, "UPDATE sunco_events SET dead = 0 WHERE seq = $1 AND dead <> 0",
		insertLane+"SELECT lane, 1, {now}, '', 0 FROM sunco_events WHERE seq = $1 AND {if}"+oneMore)
	return oneDead("retry", n, err)
}

// Discard deletes a dead event. The error is an [*sunco.InputError] if there is no dead
// event with this ID.
func (s *Store) Discard(ctx context.Context, id int64) error {
	n, err := s.db.Exec(ctx, []any{id}, "DELETE FROM sunco_events WHERE seq = $1 AND dead <> 0")
	return oneDead("discard", n, err)
}

func oneDead(what string, n int64, err error) error {
	if err == nil && n == 0 {
		return &sunco.InputError{Name: "id", Reason: "no dead event has it"}
	}
	return failed(what, err)
}
