package sqlstore

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/sunco-go/sunco"
)

const (
	keepEvents = 2 * time.Hour // their ids; Zendesk delivers again for 15 minutes
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
