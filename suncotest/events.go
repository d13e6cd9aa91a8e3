package suncotest

import (
	"errors"
	"net/http"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/hooks"
)

// Event is an event of an app, as webhooks receive it. [SampleEvent] returns examples.
type Event struct {
	// Trigger is the type of the event. Webhooks subscribe to triggers.
	Trigger string

	// Payload is encoded with encoding/json. Nil: an empty object. Put in whole users,
	// and sources with their client and device: the platform removes what a webhook did
	// not ask for with includeFullUser and includeFullSource.
	Payload any

	// ID identifies the event. Two events with the same ID are duplicates. Empty: a new
	// ID each time the event is sent.
	ID string

	// CreatedAt is when the event happened. Zero: when it is sent.
	CreatedAt time.Time

	// Undated leaves createdAt out of the event.
	Undated bool
}

// Emit sends events of an app to its webhooks. Each webhook gets the events whose
// triggers it subscribed to, in one delivery and in this order; they may be about
// different users and conversations. Emit returns at once and the deliveries follow in
// the background. [Platform.Deliveries] shows what became of them, and fields of
// [Behavior] repeat and reorder them.
//
// A delivery is a POST with the webhook's secret in X-API-Key. Any 2xx within 20 seconds
// is success. The platform does not try again after 400, 401, 403, 404 or 406. After any
// other answer, or none, it tries again at growing intervals, up to five attempts within
// 15 minutes. A delivery ends early when its webhook is deleted, the integration is
// removed or the platform is closed.
//
// Emit returns an error when there is no such app, when the integration is not installed
// in it, when an event has no trigger or a payload that cannot be encoded, and after
// Close. It is no error when no webhook subscribed.
func (p *Platform) Emit(appID string, events ...Event) error {
	if p.network.Context().Err() != nil {
		return errors.New("suncotest: the platform is closed")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	integration, err := p.oauth.Integration(appID)
	if err != nil {
		return err
	}
	return p.hooks.Emit(appID, integration, ours(events))
}

// ours are the events as the rooms know them.
func ours(events []Event) []hooks.Event {
	list := make([]hooks.Event, len(events))
	for i, e := range events {
		list[i] = hooks.Event(e)
	}
	return list
}

// NewDelivery returns a delivery as a server receives it, to test a handler without a
// platform:
//
//	handler.ServeHTTP(httptest.NewRecorder(), suncotest.NewDelivery(
//		suncotest.Webhook{AppID: app, ID: id, Target: "/hooks"}, secret,
//		suncotest.SampleEvent("conversation:message", 1)))
//
// An empty Target is /. Triggers is ignored. Each call makes new event ids, except for
// events with an ID of their own. NewDelivery panics when the target cannot be parsed, as
// httptest.NewRequest does, and when an event cannot be encoded.
func NewDelivery(hook Webhook, secret string, events ...Event) *http.Request {
	return hooks.NewDelivery(hooks.Webhook(hook), secret, ours(events))
}

// SampleTriggers returns the triggers of which [SampleEvent] has an example: all that are
// documented, except passthrough:messaging, whose payload has no schema.
func SampleTriggers() []string { return hooks.SampleTriggers() }

// SampleEvent returns an event with a payload as documented. n chooses the user and the
// conversation: the same n is always the same user, another n is another one. The event
// has no ID, so that it can be sent many times. Its payload is a json.RawMessage.
//
// A conversation:message is a text that a user wrote. The user and the conversation do
// not exist on any platform, so that a reply to them gets 404; use [Platform.Say] for
// ones that do. Conversations have a brandId, which Zendesk sends although it is not in
// the API's description. A conversation:referral has no createdAt and a number as its
// externalId, as in the published example.
//
// SampleEvent panics for a trigger that is not in [SampleTriggers].
func SampleEvent(trigger string, n int) Event {
	event, ok := hooks.SampleEvent(trigger, n)
	if !ok {
		panic("suncotest: there is no sample of " + trigger)
	}
	return Event(event)
}

// SampleReply returns a conversation:message that the business wrote in the conversation
// of SampleEvent("conversation:message", n). Webhooks receive a bot's own messages too.
func SampleReply(n int) Event { return Event(hooks.SampleReply(n)) }
