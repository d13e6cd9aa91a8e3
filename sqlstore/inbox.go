package sqlstore

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"iter"
	"time"

	"github.com/sunco-go/sunco"
)

const keepEvents = 2 * time.Hour // their ids; Zendesk delivers for 15 minutes

// Enqueue is the OnEvent of a [sunco.EventHandler]. It stores an event for
// [Store.Work], sealed. An event whose id was stored for the same app within 2 hours is
// a duplicate, and is dropped. Nil means that the event survives the end of the
// process.
func (s *Store) Enqueue(ctx context.Context, _ *sunco.Installation, e *sunco.Event) error {
	if e == nil {
		return &sunco.InputError{Name: "event", Reason: "nil"}
	}
	plain, err := e.MarshalJSON()
	if err != nil {
		return err
	}
	lane := laneOf(e)
	keyID, sealed := s.keys.seal(forEvent, plain, e.AppID, string(lane))
	seen := hash("event", e.AppID, e.ID)
	if e.ID == "" { // a duplicate cannot be recognized without one
		seen = hash(rand.Text())
	}
	if s.dialect == PostgreSQL { // in one round trip
		_, err = s.exec(ctx, "WITH seen AS ("+insertSeen+" RETURNING 1), lane AS (INSERT INTO sunco_lanes AS l "+
			"(lane, waiting, run_at, lease, attempts) SELECT $3::bytea, 1, {now}, '', 0 FROM seen "+moreWaiting+" RETURNING lane) "+
			"INSERT INTO sunco_events (lane, app_id, key_id, sealed, received_at) "+
			"SELECT lane, $4::text, $5::text, $6::bytea, {now} FROM lane",
			seen, micros(keepEvents), lane, e.AppID, keyID, sealed)
	} else {
		err = s.write(ctx, func(r runner) error {
			n, err := r.exec(ctx, insertSeen, seen, micros(keepEvents))
			if err != nil || n == 0 {
				return err
			}
			if _, err = r.exec(ctx, insertLane, lane); err != nil {
				return err
			}
			_, err = r.exec(ctx, "INSERT INTO sunco_events (lane, app_id, key_id, sealed, received_at) "+
				"VALUES ($1, $2, $3, $4, {now})", lane, e.AppID, keyID, sealed)
			return err
		})
	}
	if err != nil {
		return failed("enqueue", err)
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

// insertSeen inserts an id that is new or has expired, and nothing else.
const insertSeen = "INSERT INTO sunco_seen AS s (id, expires_at) VALUES ($1, {now} + $2) " +
	"ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at WHERE s.expires_at < {now}"

// insertLane adds one event to those that wait in a conversation. On PostgreSQL its
// lock makes the order of seq the order of the commits there.
const (
	insertLane = "INSERT INTO sunco_lanes AS l (lane, waiting, run_at, lease, attempts) VALUES ($1, 1, {now}, '', 0) " +
		moreWaiting
	moreWaiting = "ON CONFLICT (lane) DO UPDATE SET waiting = l.waiting + 1"
)

// hash returns 128 bits of SHA-256.
func hash(texts ...string) []byte {
	sum := sha256.Sum256(appendTexts(nil, texts...))
	return sum[:16]
}

// laneOf names what events are handled one after the other: those of a conversation,
// else those of a user, else those of the app that are about neither.
func laneOf(e *sunco.Event) []byte {
	var about struct {
		Conversation struct {
			ID string `json:"id"`
		} `json:"conversation"`
		User struct {
			ID string `json:"id"`
		} `json:"user"`
	}
	_ = e.Decode(&about) // fills in what there is
	if about.Conversation.ID != "" {
		return hash(e.AppID, "conversation", about.Conversation.ID)
	}
	return hash(e.AppID, "user", about.User.ID)
}

// DeadEvent is an event that [Store.Work] has given up. It is kept until Retry or
// Discard.
type DeadEvent struct {
	ID         int64        // for Retry and Discard
	AppID      string       // the customer's app
	ReceivedAt time.Time    // when Enqueue stored it
	DiedAt     time.Time    // when Work gave it up
	Event      *sunco.Event // nil if its row does not open
}

// Dead yields the dead events, the oldest first. For one whose row does not open it
// yields a DeadEvent without Event and a [*SealError], and goes on; it ends after any
// other error.
func (s *Store) Dead(ctx context.Context) iter.Seq2[*DeadEvent, error] {
	return func(yield func(*DeadEvent, error) bool) {
		for after, more := int64(0), true; more; {
			var found []*storedEvent
			err := s.read().query(ctx, func(rows *sql.Rows) error {
				e := new(storedEvent)
				found = append(found, e)
				return rows.Scan(&e.seq, &e.lane, &e.appID, &e.keyID, &e.sealed, &e.dead, &e.receivedAt)
			}, "SELECT seq, lane, app_id, key_id, sealed, dead, received_at FROM sunco_events "+
				"WHERE dead <> 0 AND seq > $1 ORDER BY seq LIMIT $2", after, page)
			if err != nil {
				yield(nil, failed("dead", err))
				return
			}
			for _, e := range found {
				event, err := s.openEvent(e)
				if !yield(&DeadEvent{e.seq, e.appID, time.UnixMicro(e.receivedAt), time.UnixMicro(e.dead), event}, err) {
					return
				}
				after = e.seq
			}
			more = len(found) == page
		}
	}
}

// storedEvent is a row of sunco_events.
type storedEvent struct {
	seq              int64
	lane             []byte
	appID, keyID     string
	sealed           []byte
	dead, receivedAt int64
}

func (s *Store) openEvent(e *storedEvent) (*sunco.Event, error) {
	plain, err := s.keys.open(forEvent, e.keyID, e.sealed, e.appID, string(e.lane))
	if err != nil {
		return nil, err
	}
	event := new(sunco.Event)
	if event.UnmarshalJSON(plain) != nil {
		return nil, &SealError{e.appID, e.keyID}
	}
	return event, nil
}

// Retry lets a dead event wait again, before what waits in its conversation. The error
// is an [*sunco.InputError] if no dead event has this ID.
func (s *Store) Retry(ctx context.Context, id int64) error {
	return s.changeDead(ctx, "retry", "UPDATE sunco_events SET dead = 0", id)
}

// Discard deletes a dead event. The error is an [*sunco.InputError] if no dead event
// has this ID.
func (s *Store) Discard(ctx context.Context, id int64) error {
	return s.changeDead(ctx, "discard", "DELETE FROM sunco_events", id)
}

func (s *Store) changeDead(ctx context.Context, what, change string, id int64) error {
	var lane []byte
	var found bool
	err := s.write(ctx, func(r runner) (err error) {
		found, err = r.one(ctx, []any{&lane}, change+" WHERE seq = $1 AND dead <> 0 RETURNING lane", id)
		if found && err == nil && what == "retry" {
			_, err = r.exec(ctx, insertLane, lane)
		}
		return err
	})
	if err == nil && !found {
		return &sunco.InputError{Name: "dead event", Reason: "none has this ID"}
	}
	return failed(what, err)
}
