package hooks

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// Event is something that happened in an app; the fake's public type explains the
// fields.
type Event struct {
	Trigger   string
	Payload   any
	ID        string
	CreatedAt time.Time
	Undated   bool
}

// Emit tells the webhooks of an integration what happened in its app, in one delivery
// to each. The lock is held.
func (s *Service) Emit(appID, integrationID string, events []Event) error {
	written := make([]happening, len(events))
	for i, e := range events {
		raw, err := e.encode()
		if err != nil {
			return err
		}
		written[i] = happening{Event: e, payload: func(user, source bool) any {
			return prune(raw, e.Trigger, user, source)
		}}
	}
	return s.tell(appID, integrationID, written)
}

// Tell is Emit for one event whose payload depends on what a webhook asked for. The
// lock is held, so that events are told in the order in which they happened, and Tell
// does not wait.
func (s *Service) Tell(appID, integrationID, trigger string, payload wire.Payload) {
	_ = s.tell(appID, integrationID, []happening{{Event{Trigger: trigger}, payload}}) // the payloads are our own
}

// NewDelivery returns a delivery as a server receives it.
func NewDelivery(hook Webhook, secret string, events []Event) *http.Request {
	list := make([]wireEvent, len(events))
	for i, e := range events {
		raw, err := e.encode()
		if err != nil {
			panic(err)
		}
		e.ID = cmp.Or(e.ID, wire.RandomHex(12))
		list[i] = e.wire(prune(raw, e.Trigger, hook.IncludeFullUser, hook.IncludeFullSource))
	}
	body, err := deliveryBody(hook.AppID, hook.ID, list)
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest(http.MethodPost, cmp.Or(hook.Target, "/"), bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", userAgent)
	r.Header.Set(keyHeader, secret)
	return r
}

const keyHeader = "X-API-Key"

// wireEvent is how an event is written on the wire.
type wireEvent struct {
	ID        string          `json:"id"`
	Type      string          `json:"type"`
	CreatedAt string          `json:"createdAt,omitempty"`
	Payload   json.RawMessage `json:"payload"`
}

// happening is an event whose payload still depends on who is told.
type happening struct {
	Event
	payload wire.Payload
}

// encode writes the payload.
func (e Event) encode() (json.RawMessage, error) {
	if e.Trigger == "" {
		return nil, errors.New("suncotest: an Event needs a Trigger")
	}
	if e.Payload == nil {
		return json.RawMessage("{}"), nil
	}
	raw, err := wire.Encode(e.Payload)
	if err != nil {
		return nil, fmt.Errorf("suncotest: Payload of %s: %w", e.Trigger, err)
	}
	return raw, nil
}

func (e Event) wire(payload json.RawMessage) wireEvent {
	w := wireEvent{ID: e.ID, Type: e.Trigger, Payload: payload}
	if e.CreatedAt.IsZero() {
		e.CreatedAt = time.Now()
	}
	if !e.Undated {
		w.CreatedAt = e.CreatedAt.UTC().Format(wire.Time)
	}
	return w
}

func deliveryBody(appID, webhookID string, events []wireEvent) ([]byte, error) {
	type object struct {
		ID      string `json:"id"`
		Version string `json:"version,omitempty"`
	}
	return wire.Encode(struct {
		App     object      `json:"app"`
		Webhook object      `json:"webhook"`
		Events  []wireEvent `json:"events"`
	}{object{ID: appID}, object{webhookID, "v2"}, events})
}

// tell queues a delivery for every webhook that wants to hear of the events. The
// lock is held.
func (s *Service) tell(appID, integrationID string, events []happening) error {
	for i := range events {
		if events[i].ID == "" {
			events[i].ID = s.opts.Lock.NextID("event", appID)
		}
		if events[i].CreatedAt.IsZero() {
			events[i].CreatedAt = time.Now()
		}
	}
	for _, w := range s.webhooks[integrationID] {
		var list []wireEvent
		for _, e := range events {
			if !slices.Contains(w.Triggers, e.Trigger) {
				continue
			}
			raw, err := wire.Encode(e.payload(w.IncludeFullUser, w.IncludeFullSource))
			if err != nil {
				return err
			}
			list = append(list, e.wire(raw))
			if s.opts.Doubled {
				list = append(list, list[len(list)-1])
			}
		}
		if len(list) == 0 {
			continue
		}
		if s.opts.Reordered {
			slices.Reverse(list)
		}
		if err := s.queue(appID, w, list); err != nil {
			return err
		}
	}
	return nil
}
