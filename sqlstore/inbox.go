package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"iter"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/internal/sqldb"
)

const keepEvents = 2 * time.Hour // their ids; Zendesk delivers again for 15 minutes

const (
	// insertLane is followed by a SELECT of lane, 1, {now}, '' and 0.
	insertLane = "INSERT INTO sunco_lanes AS l (lane, waiting, run_at, lease, attempts) "
	oneMore    = " ON CONFLICT (lane) DO UPDATE SET waiting = l.waiting + 1"
)

// Enqueue is the OnEvent of a [sunco.EventHandler]. It stores an event for
// [Store.Work], sealed. It drops an event whose id was stored for the same app within
// 2 hours. Nil means that the event survives the end of the process.
func (s *Store) Enqueue(ctx context.Context, _ *sunco.Installation, e *sunco.Event) error {
	if e == nil {
		return &sunco.InputError{Name: "event", Reason: "nil"}
	}
	plain, err := e.MarshalJSON()
	if err != nil {
		return err
	}
	lane, seen := laneOf(e), hash("event", e.AppID, e.ID)
	if e.ID == "" { // a duplicate cannot be recognized without one
		seen = hash(rand.Text())
	}
	keyID, sealed := s.keys.Seal(forEvent, plain, e.AppID, string(lane))
	// On PostgreSQL the lock on the lane makes the order of seq that of the commits.
	_, err = s.db.Exec(ctx, []any{seen, keepEvents.Microseconds(), lane, e.AppID, keyID, sealed},
		insertSeen,
		insertLane+"SELECT $3, 1, {now}, '', 0 WHERE {if}"+oneMore,
		"INSERT INTO sunco_events (lane, app_id, key_id, sealed, received_at) SELECT $3, $4, $5, $6, {now} WHERE {if}")
	if err != nil {
		return failed("enqueue", err)
	}
	s.signal()
	return nil
}

// laneOf names what is handled one after the other: the events of a conversation, else
// those of a user, else those of the app that are about neither.
func laneOf(e *sunco.Event) []byte {
	type reference struct {
		ID string `json:"id"`
	}
	var about struct {
		Conversation reference `json:"conversation"`
		User         reference `json:"user"`
	}
	_ = e.Decode(&about) // fills in what there is
	if about.Conversation.ID != "" {
		return hash(e.AppID, "conversation", about.Conversation.ID)
	}
	return hash(e.AppID, "user", about.User.ID)
}

// storedEvent is a row of sunco_events.
type storedEvent struct {
	seq          int64
	lane         []byte
	appID, keyID string
	sealed       []byte
}

func (s *Store) openEvent(e *storedEvent) (*sunco.Event, error) {
	plain, err := s.unseal(forEvent, e.keyID, e.sealed, e.appID, string(e.lane))
	if err != nil {
		return nil, err
	}
	event := new(sunco.Event)
	return event, event.UnmarshalJSON(plain)
}

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
func (s *Store) OldestWaiting(ctx context.Context) (time.Time, error) {
	var at int64
	found, err := s.db.Read().One(ctx, []any{&at}, "SELECT received_at FROM sunco_events WHERE dead = 0 ORDER BY seq LIMIT 1")
	if err != nil || !found {
		return time.Time{}, failed("oldest waiting", err)
	}
	return time.UnixMicro(at), nil
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
