package suncotest

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

// Event is something that happened in an app, as webhooks are told of it.
// [SampleEvent] makes ready ones.
type Event struct {
	// Trigger is the event's type, and what a webhook subscribes to.
	Trigger string

	// Payload is written as JSON with encoding/json. Nil: an empty object. A
	// whole user belongs here, and a source with its client and its device: what
	// a webhook did not ask for with includeFullUser and includeFullSource is
	// taken out on the way to it.
	Payload any

	// ID is the key for duplicates: the same one again means the same event.
	// Empty: a new one whenever the event is sent.
	ID string

	// CreatedAt is when it happened. Zero: the moment it is sent.
	CreatedAt time.Time

	// Undated leaves createdAt out.
	Undated bool
}

// Emit makes events happen in an app. Every webhook of the app gets those of them
// whose trigger it subscribed to, in one delivery and in this order, which may mix
// users and conversations. Emit returns at once; the deliveries go out in the
// background, [Platform.Deliveries] tells how they fare, and [Behavior] doubles and
// disturbs them. That nobody subscribed is no error. The error says that there is
// no such app, that the integration is not in it, that an event has no trigger or a
// payload that cannot be written as JSON, or that the platform is closed.
//
// A delivery is a POST with the webhook's secret in X-API-Key. It succeeds with any
// 2xx that begins within 20 seconds. After 400, 401, 403, 404 and 406 it is never
// tried again; after anything else it is, at growing intervals, until there were five
// attempts or the next would begin more than 15 minutes after the first. It ends early
// when its webhook is deleted, the integration removed or the platform closed.
func (p *Platform) Emit(appID string, events ...Event) error {
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
	if p.network.Context().Err() != nil {
		return errors.New("suncotest: the platform is closed")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.state.byApp(appID)
	switch {
	case a == nil:
		return fmt.Errorf("suncotest: there is no app %q", appID)
	case a.installed == nil:
		return fmt.Errorf("suncotest: the integration is not installed in app %q", appID)
	}
	return p.tell(a, written)
}

// NewDelivery returns a delivery as a server receives it, to test one's own handler
// without a platform:
//
//	handler.ServeHTTP(httptest.NewRecorder(), suncotest.NewDelivery(
//		suncotest.Webhook{AppID: app, ID: id, Target: "/hooks"}, secret,
//		suncotest.SampleEvent("conversation:message", 1)))
//
// An empty Target is /, and Triggers is ignored. Every call sends new event ids,
// except for events that bring their own. Like httptest.NewRequest it panics when
// the target cannot be parsed; so it does when a payload cannot be written as JSON.
func NewDelivery(hook Webhook, secret string, events ...Event) *http.Request {
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
	payload payloadFor
}

// encode writes the payload.
func (e Event) encode() (json.RawMessage, error) {
	if e.Trigger == "" {
		return nil, errors.New("suncotest: an event has no trigger")
	}
	if e.Payload == nil {
		return json.RawMessage("{}"), nil
	}
	raw, err := encode(e.Payload)
	if err != nil {
		return nil, fmt.Errorf("suncotest: the payload of a %s: %w", e.Trigger, err)
	}
	return raw, nil
}

func (e Event) wire(payload json.RawMessage) wireEvent {
	w := wireEvent{ID: e.ID, Type: e.Trigger, Payload: payload}
	if e.CreatedAt.IsZero() {
		e.CreatedAt = time.Now()
	}
	if !e.Undated {
		w.CreatedAt = e.CreatedAt.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return w
}

// encode is json.Marshal that leaves <, > and & as they are.
func encode(value any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func deliveryBody(appID, webhookID string, events []wireEvent) ([]byte, error) {
	type object struct {
		ID      string `json:"id"`
		Version string `json:"version,omitempty"`
	}
	return encode(struct {
		App     object      `json:"app"`
		Webhook object      `json:"webhook"`
		Events  []wireEvent `json:"events"`
	}{object{ID: appID}, object{webhookID, "v2"}, events})
}

// tell queues a delivery for every webhook that wants to hear of the events. The
// mutex is held.
func (p *Platform) tell(a *account, events []happening) error {
	for i := range events {
		if events[i].ID == "" {
			events[i].ID = p.mu.NextID("event", a.AppID)
		}
		if events[i].CreatedAt.IsZero() {
			events[i].CreatedAt = time.Now()
		}
	}
	for _, w := range a.installed.webhooks {
		var list []wireEvent
		for _, e := range events {
			if !slices.Contains(w.Triggers, e.Trigger) {
				continue
			}
			raw, err := encode(e.payload(w.IncludeFullUser, w.IncludeFullSource))
			if err != nil {
				return err
			}
			list = append(list, e.wire(raw))
			if p.cfg.Behavior.DeliveryDoubled {
				list = append(list, list[len(list)-1])
			}
		}
		if len(list) == 0 {
			continue
		}
		if p.cfg.Behavior.DeliveryReordered {
			slices.Reverse(list)
		}
		if err := p.queue(a, w, list); err != nil {
			return err
		}
	}
	return nil
}
