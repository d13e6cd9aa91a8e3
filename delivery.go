package sunco

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/sunco-go/sunco/internal/inbound"
	"github.com/sunco-go/sunco/internal/lenient"
)

const (
	maxDelivery = 16 << 20 // bytes, as received
	maxEvents   = 1 << 14  // of a delivery
	maxKey      = 4 << 10  // bytes; Zendesk's secrets have some 80
)

// Delivery is one webhook delivery: a list of events in one customer's app.
// A delivery can mix users and conversations.
//
// https://developer.zendesk.com/api-reference/conversations/#section/Webhook-Triggers
type Delivery struct {
	AppID     string  // the customer's app
	WebhookID string  // the webhook that reports the events
	Version   string  // the version of the payloads, "v2"; empty when absent
	Events    []Event // in the order of the delivery; Zendesk promises no order

	raw []byte
}

// Raw returns the delivery as Zendesk sent it. The bytes belong to the
// Delivery: do not modify them.
func (d *Delivery) Raw() []byte { return d.raw }

// Event is one event of a delivery. Its Payload says what happened; read it
// with [Event.Decode]. A field is zero when its member is absent or has another
// type than documented. Unknown types and members are kept in Payload and Raw.
//
// As JSON, an Event is the delivery that carries this event alone, so that a
// queue can store it; see [Event.MarshalJSON].
//
// The events of a delivery share its bytes: keeping one event keeps them all.
type Event struct {
	ID        string    // unique within the app; two deliveries can report one event
	Type      string    // one of the Trigger constants, or a type that this package does not know
	CreatedAt time.Time // when it happened
	AppID     string    // the customer's app
	WebhookID string    // the webhook that reports the event

	// Payload is the member of that name, byte for byte; nil when absent.
	// [TriggerConversationMessage] also reports the bot's own messages and those
	// that people write to a human agent. So answer only where
	// message.author.type is "user", and where
	// conversation.activeSwitchboardIntegration is absent or its integrationType
	// is the ClientID; a messaging.Bot does so. The bytes belong to the Event: do not
	// modify them.
	Payload json.RawMessage

	version string
	raw     []byte
}

// Raw returns the whole event as Zendesk sent it. The bytes belong to the
// Event: do not modify them.
func (e *Event) Raw() []byte { return e.raw }

// Decode decodes the payload into the value that into points to. Names match
// with exact case. Unknown members are ignored, and of a repeated member the
// last counts.
//
// A member of another type than its Go value is skipped, the rest is filled in,
// and the error is an [*InputError] that names the member. The error is also an
// InputError when there is no payload.
func (e *Event) Decode(into any) error {
	if e.Payload == nil {
		return &InputError{Name: "event payload", Reason: "absent"}
	}
	if err := lenient.Decode(e.Payload, into); err != nil {
		return &InputError{Name: "event payload", Reason: err.Error()}
	}
	return nil
}

// MarshalJSON returns the delivery that would carry this event alone:
//
//	{"app":{"id":"…"},"webhook":{"id":"…","version":"v2"},"events":[…]}
//
// The event in it is [Event.Raw], byte for byte. Package encoding/json may
// rewrite its white space and escapes, which changes nothing of what it says.
// Package encoding/json/v2 needs the options AllowInvalidUTF8 and
// AllowDuplicateNames, because people's text can be both. The error is an
// [*InputError] for an Event that was not read from a delivery.
func (e Event) MarshalJSON() ([]byte, error) {
	if e.raw == nil {
		return nil, &InputError{Name: "event", Reason: "not read from a delivery"}
	}
	version, _ := jsonv2.Marshal(e.version, jsontext.AllowInvalidUTF8(true)) // text has no other error
	return fmt.Appendf(nil, `{"app":{"id":"%s"},"webhook":{"id":"%s","version":%s},"events":[%s]}`,
		e.AppID, e.WebhookID, version, e.raw), nil
}

// UnmarshalJSON reads what [Event.MarshalJSON] wrote. The error is an
// [*InputError] for anything but a delivery of one event.
func (e *Event) UnmarshalJSON(body []byte) error {
	delivery := &Delivery{raw: bytes.Clone(body)}
	if err := delivery.decode(); err != nil {
		return &InputError{Name: "event", Reason: err.Error()}
	}
	if len(delivery.Events) != 1 {
		return &InputError{Name: "event", Reason: "not a delivery of one event"}
	}
	*e = delivery.Events[0]
	return nil
}

// LogValue implements [slog.LogValuer]. It leaves out the payload, which can be
// a person's message.
func (e *Event) LogValue() slog.Value {
	if e == nil {
		return slog.Value{}
	}
	return slog.GroupValue(
		slog.String("id", e.ID),
		slog.String("type", e.Type),
		slog.Time("created_at", e.CreatedAt),
		slog.String("app_id", e.AppID),
		slog.String("webhook_id", e.WebhookID),
	)
}

// KeyDigest returns the SHA-256 of a delivery's key, the X-API-Key header. The
// key is the secret of one of the customer's webhooks: a store that keeps the
// SHA-256 of each secret finds the installation by it. [ReadDelivery] compares the
// key with what was found. The error is a [*RequestError] with status 401: the key
// is missing, or there are several different ones.
func KeyDigest(r *http.Request) ([32]byte, error) {
	key, several := "", false
	for _, value := range r.Header["X-Api-Key"] {
		several = several || value != "" && key != "" && value != key
		key = cmp.Or(key, value)
	}
	if key == "" || several || len(key) > maxKey {
		return [32]byte{}, refuseDelivery(http.StatusUnauthorized, "no X-API-Key header, several different ones, or too long")
	}
	return digestOf(key), nil
}

// digestOf returns the SHA-256 of a key. A key of the usual length is copied on
// the stack.
func digestOf(key string) [32]byte {
	var space [128]byte
	return sha256.Sum256(append(space[:0], key...))
}

// ReadDelivery authenticates and reads a delivery. In is the installation that a
// store found by the [KeyDigest], nil when it found none. ReadDelivery checks the
// key, then reads the body, of at most 16 MiB, and then compares the delivery's app
// and webhook with those of in. [EventHandler] does all this and more.
//
// The error is a [*RequestError]. Answer with its status, and HEAD with 200:
// Zendesk delivers again after 503, and gives up after 400, 401 and 403.
//
// A repeated member is an error at the top level of the delivery, and so is a
// repeated id of app or webhook. Anywhere else the last one counts. The caller
// limits the time that a body may take, and closes it.
func ReadDelivery(r *http.Request, in *Installation) (*Delivery, error) {
	if r == nil || r.Method != http.MethodPost {
		return nil, refuseDelivery(http.StatusMethodNotAllowed, "the method is not POST")
	}
	key, err := KeyDigest(r)
	if err != nil {
		return nil, err
	}
	return readDelivery(r, in, key)
}

// readDelivery is ReadDelivery of a POST with this key.
func readDelivery(r *http.Request, in *Installation, key [32]byte) (*Delivery, error) {
	secret, refused := authenticate(in, key)
	if refused != nil {
		return nil, refused
	}
	body, refused := readDeliveryBody(r)
	if refused != nil {
		return nil, refused
	}
	delivery := &Delivery{raw: body}
	switch err := delivery.decode(); {
	case err == lenient.ErrIncomplete,
		err == lenient.ErrSyntax && int64(len(body)) < r.ContentLength:
		return nil, refuseDelivery(http.StatusServiceUnavailable, "the body is empty or incomplete")
	case err != nil:
		return nil, refuseDelivery(http.StatusBadRequest, err.Error())
	case delivery.AppID != in.AppID:
		return nil, refuseDelivery(http.StatusForbidden, "it is about another app")
	case !slices.ContainsFunc(in.Webhooks, func(w Webhook) bool {
		return w.ID == delivery.WebhookID && w.Secret.Reveal() == secret.Reveal()
	}):
		return nil, refuseDelivery(http.StatusForbidden, "it is about another webhook")
	}
	return delivery, nil
}

func refuseDelivery(status int, reason string) *RequestError {
	return &RequestError{"delivery", reason, status}
}

// authenticate returns the secret that a key is the digest of. It compares the key
// with all secrets of an installation, in a time that does not depend on which
// matches, and with an empty one where there is no installation.
func authenticate(in *Installation, key [32]byte) (secret Secret, refused *RequestError) {
	webhooks := []Webhook{{}}
	if in != nil && len(in.Webhooks) > 0 {
		webhooks = in.Webhooks
	}
	incomplete := false
	for i := range webhooks {
		digest := digestOf(webhooks[i].Secret.Reveal())
		if subtle.ConstantTimeCompare(digest[:], key[:]) == 1 {
			secret = webhooks[i].Secret
		}
		incomplete = incomplete || webhooks[i].Secret.IsZero()
	}
	switch {
	case in == nil:
		refused = refuseDelivery(http.StatusServiceUnavailable, "no installation has this key; it may be stored soon")
	case in.AppID == "" || secret.IsZero() && incomplete:
		refused = refuseDelivery(http.StatusServiceUnavailable,
			"the installation has no AppID or no webhook secret: store what EnsureWebhook returned")
	case secret.IsZero():
		refused = refuseDelivery(http.StatusUnauthorized, "the key is no secret of the installation's webhooks")
	}
	return secret, refused
}

// readDeliveryBody reads a body to its end. What can never be read is 400,
// because Zendesk sends a delivery again after 413, 415 and the like.
func readDeliveryBody(r *http.Request) ([]byte, *RequestError) {
	switch contentType := r.Header["Content-Type"]; {
	case len(contentType) == 0 || slices.ContainsFunc(contentType, func(s string) bool { return !inbound.IsJSON(s) }):
		return nil, refuseDelivery(http.StatusBadRequest, "the content type is not application/json")
	case !inbound.IsPlain(r.Header["Content-Encoding"]):
		return nil, refuseDelivery(http.StatusBadRequest, "the body is compressed")
	case r.ContentLength > maxDelivery:
		return nil, refuseDelivery(http.StatusBadRequest, "longer than 16 MiB")
	case r.Body == nil:
		return nil, nil
	}
	body, err := inbound.ReadAll(r, maxDelivery+1)
	switch {
	case err != nil:
		return nil, refuseDelivery(http.StatusServiceUnavailable, "the body did not arrive whole, or is limited")
	case len(body) > maxDelivery:
		return nil, refuseDelivery(http.StatusBadRequest, "longer than 16 MiB")
	}
	return body, nil
}

// decode fills d from d.raw in one pass. A member of another type than it should
// have is left out.
func (d *Delivery) decode() error {
	r := lenient.NewReader(d.raw)
	defer r.Close()
	var events []Event
	err := r.Object(func(name []byte) error {
		switch string(name) {
		case "app":
			return readReference(r, &d.AppID, new(string))
		case "webhook":
			return readReference(r, &d.WebhookID, &d.Version)
		case "events":
			const usual = 1000 // bytes of an event
			events = make([]Event, 0, max(1, len(d.raw)/usual))
			isList, err := r.Elements(func() error {
				events = append(events, Event{})
				if len(events) > maxEvents {
					return lenient.ErrSyntax
				}
				return events[len(events)-1].read(r)
			})
			if isList {
				d.Events = events
			}
			return err
		}
		_, err := r.Value()
		return err
	})
	switch {
	case len(events) > maxEvents:
		return errors.New("more than 16,384 events")
	case err != nil:
		return err
	case !validID(d.AppID):
		return errors.New("app.id is missing or not an id")
	case !validID(d.WebhookID):
		return errors.New("webhook.id is missing or not an id")
	case d.Events == nil:
		return errors.New("events is missing or not a list")
	}
	for i := range d.Events {
		e := &d.Events[i]
		e.AppID, e.WebhookID, e.version = d.AppID, d.WebhookID, d.Version
	}
	return nil
}

// readReference reads {"id":…,"version":…}.
func readReference(r *lenient.Reader, id, version *string) error {
	_, err := r.Members(func(name []byte) error {
		isID, isVersion := string(name) == "id", string(name) == "version"
		value, err := r.Value()
		switch {
		case isID && *id != "":
			return lenient.ErrRepeated
		case isID:
			setText(id, value)
		case isVersion:
			setText(version, value)
		}
		return err
	})
	return err
}

func (e *Event) read(r *lenient.Reader) (err error) {
	e.raw, err = r.Members(func(name []byte) error {
		value, err := r.Value()
		switch string(name) {
		case "id":
			setText(&e.ID, value)
		case "type":
			setText(&e.Type, value)
		case "createdAt":
			if value.Kind() == '"' {
				_ = e.CreatedAt.UnmarshalText(lenient.Unquote(value))
			}
		case "payload":
			e.Payload = json.RawMessage(value)
		}
		return err
	})
	return err
}

// setText takes a string, and nothing else. Text that is not valid, half an emoji
// for example, stays as it stands: different halves are different ids.
func setText(to *string, value jsontext.Value) {
	if value.Kind() != '"' {
		return
	}
	switch text := lenient.Unquote(value); string(text) { // what is usual costs no memory
	case TriggerConversationMessage:
		*to = TriggerConversationMessage
	case "v2":
		*to = "v2"
	default:
		*to = string(text)
	}
}
