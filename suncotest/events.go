package suncotest

import (
	"errors"
	"net/http"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/hooks"
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
	return hooks.NewDelivery(hooks.Webhook(hook), secret, ours(events))
}

// SampleTriggers returns the triggers of which [SampleEvent] has an event. These are
// all documented ones but passthrough:messaging, whose payload is not documented.
func SampleTriggers() []string { return hooks.SampleTriggers() }

// SampleEvent returns an event with a payload of the documented shape. n chooses
// whom it is about: another number is another user in another conversation, and the
// same one always the same. The event has no id yet, so that it can be sent again and
// again; its payload is a json.RawMessage.
//
// Its user and conversation do not exist on any platform, so that a reply to them
// gets 404; [Platform.Say] makes both. A conversation:message is a text that a user
// wrote. Conversations have a brandId, which the platform sends although its
// description lacks it. A conversation:referral has no createdAt and a number for
// externalId, as in the published example. It panics for a trigger that is not in
// [SampleTriggers].
func SampleEvent(trigger string, n int) Event {
	event, ok := hooks.SampleEvent(trigger, n)
	if !ok {
		panic("suncotest: there is no sample of " + trigger)
	}
	return Event(event)
}

// SampleReply is like SampleEvent("conversation:message", n) for a message that the
// business wrote in the same conversation: the bot's own messages come back this way.
func SampleReply(n int) Event { return Event(hooks.SampleReply(n)) }
