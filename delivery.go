package sunco

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const maxDelivery = 1 << 20 // bytes

// Delivery is one webhook delivery: what happened in one customer's app, as
// one webhook reports it. A delivery can mix users and conversations, so look
// at every event.
//
// https://developer.zendesk.com/api-reference/conversations/#section/Webhook-Triggers
type Delivery struct {
	AppID     string  // the customer's app
	WebhookID string  // the webhook that reports, one of the customer's
	Version   string  // of the payloads: "v2"; empty when absent
	Events    []Event // in the order they came; Zendesk promises none

	raw []byte
}

// Raw returns the delivery as Zendesk sent it, with members that this package
// does not know. It is the Delivery's own: do not modify it.
func (d *Delivery) Raw() []byte { return d.raw }

// Event is one event of a delivery. What it means is in Payload, which is not
// decoded before [Event.Decode] asks for it; types and members that this
// package does not know come through unchanged. A field is zero when its member
// is absent or has another type, which is no reason to lose the others.
//
// The events of a delivery share its bytes: one that is kept keeps them all.
type Event struct {
	ID        string // the key for duplicates, which cannot be recognised without one
	Type      string // one of the Trigger constants, or one that did not exist yet
	CreatedAt time.Time
	AppID     string // the customer's app
	WebhookID string // the webhook that reports

	// Payload is the member of that name, byte for byte; nil when absent. A
	// [TriggerConversationMessage] comes for the bot's own messages too, so
	// act where message.author.type is "user". It is the Event's own: do not
	// modify it.
	Payload json.RawMessage

	raw []byte
}

// Raw returns the whole event as Zendesk sent it, with members that this
// package does not know. It is the Event's own: do not modify it.
func (e *Event) Raw() []byte { return e.raw }

// Decode decodes the payload into a pointer. Names match with exact case and
// unknown members are ignored; json tags are those of encoding/json/v2, where
// the option string is for numbers only and a [time.Duration] needs a format.
// The error is an [*InputError]: the payload is absent, or a member has another
// type than into gives it.
func (e *Event) Decode(into any) error {
	if err := jsonv2.Unmarshal(e.Payload, into, jsontext.AllowInvalidUTF8(true)); err != nil {
		reason := "absent, or a member has another type"
		// Only the place: the text of the error can quote the payload.
		if semantic := new(jsonv2.SemanticError); errors.As(err, &semantic) {
			reason = "does not fit the Go value"
			if semantic.GoType != nil {
				reason = "does not fit the Go type " + semantic.GoType.String()
			}
		}
		return &InputError{Name: "event payload", Reason: reason}
	}
	return nil
}

// LogValue implements [slog.LogValuer]. The payload, which is somebody's
// message, is left out.
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

// ReadDelivery reads a delivery from a request: a POST of at most 1 MiB of
// JSON in which no member is repeated at any depth. It authenticates nothing
// and drops no duplicates; [EventHandler] does, and authenticates first. The
// error is an [*InputError]. The request's body is not closed.
func ReadDelivery(r *http.Request) (*Delivery, error) {
	delivery, refused := readDelivery(r)
	if refused != nil {
		return nil, refused
	}
	return delivery, nil
}

func refuseDelivery(status int, reason string) *RequestError {
	return &RequestError{"delivery", reason, status}
}

// readDelivery is [ReadDelivery] with the status to answer. What can never be
// read is 400, because Zendesk sends 413, 415 and the like again and again.
func readDelivery(r *http.Request) (*Delivery, *RequestError) {
	if r == nil || r.Body == nil {
		return nil, refuseDelivery(http.StatusBadRequest, "no request body")
	}
	switch contentType := r.Header["Content-Type"]; {
	case r.Method != http.MethodPost:
		return nil, refuseDelivery(http.StatusMethodNotAllowed, "the method is not POST")
	case len(contentType) != 1 || !isJSON(contentType[0]):
		return nil, refuseDelivery(http.StatusBadRequest, "the content type is not application/json")
	case !plain(r.Header["Content-Encoding"]):
		return nil, refuseDelivery(http.StatusBadRequest, "the body is compressed")
	case r.ContentLength > maxDelivery:
		return nil, refuseDelivery(http.StatusBadRequest, "longer than 1 MiB")
	}
	body, refused := readDeliveryBody(r.Body, r.ContentLength)
	if refused != nil {
		return nil, refused
	}
	delivery := &Delivery{raw: body}
	if err := delivery.decode(); err != nil {
		return nil, refuseDelivery(http.StatusBadRequest, deliveryReason(err))
	}
	return delivery, nil
}

// readDeliveryBody reads a body to its end, into a buffer that fits it when
// its length was announced. Nobody else uses the buffer afterwards, so that
// payloads can point into it.
func readDeliveryBody(from io.Reader, announced int64) ([]byte, *RequestError) {
	const unknown, trusted = 4 << 10, 64 << 10 // bytes; a length costs nothing to announce
	size := int(min(announced, trusted))
	if size < 0 {
		size = unknown
	}
	body := make([]byte, 0, size+1) // one more, to see the end
	for {
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case len(body) > maxDelivery:
			return nil, refuseDelivery(http.StatusBadRequest, "longer than 1 MiB")
		case err == io.EOF:
			return body[:len(body):len(body)], nil
		case err != nil && errors.As(err, new(*http.MaxBytesError)):
			return nil, refuseDelivery(http.StatusBadRequest, "longer than the server takes")
		case err != nil:
			return nil, refuseDelivery(http.StatusServiceUnavailable, "the body did not arrive whole")
		case len(body) == cap(body):
			body = append(make([]byte, 0, min(2*cap(body), maxDelivery+1)), body...)
		}
	}
}
