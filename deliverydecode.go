package sunco

import (
	"bytes"
	"errors"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// decode fills d from d.raw in one pass. Names match with exact case, and a
// repeated name at any depth is an error. Text that is not valid UTF-8, half
// a surrogate pair for example, where a channel cut an emoji in two, comes
// through as it is: a refusal would lose the event for ever.
func (d *Delivery) decode() error {
	return jsonv2.Unmarshal(d.raw, (*wireDelivery)(d), jsontext.AllowInvalidUTF8(true))
}

// deliveryReason says what is wrong without quoting the body, which the
// decoder's own texts do.
func deliveryReason(err error) string {
	shape := new(InputError)
	switch {
	case errors.As(err, &shape):
		return shape.Reason
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "a member is repeated"
	default:
		return "not JSON"
	}
}

func deliveryShape(reason string) error { return &InputError{Name: "delivery", Reason: reason} }

// wireDelivery is a Delivery as the decoder sees it.
type wireDelivery Delivery

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (d *wireDelivery) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	_, err := readMembers(dec, "the delivery is no object", func(name []byte) (err error) {
		switch string(name) {
		case "app":
			err = readReference(dec, &d.AppID, new(string))
		case "webhook":
			err = readReference(dec, &d.WebhookID, &d.Version)
		case "events":
			err = d.readEvents(dec)
		default:
			err = dec.SkipValue()
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case !validID(d.AppID):
		return deliveryShape("app.id is missing or no id")
	case !validID(d.WebhookID):
		return deliveryShape("webhook.id is missing or no id")
	case d.Events == nil:
		return deliveryShape("events is missing")
	}
	for i := range d.Events {
		d.Events[i].AppID, d.Events[i].WebhookID = d.AppID, d.WebhookID
	}
	return nil
}

// readReference reads {"id":…,"version":…}.
func readReference(dec *jsontext.Decoder, id, version *string) error {
	_, err := readMembers(dec, "app or webhook is no object", func(name []byte) (err error) {
		switch string(name) {
		case "id":
			*id, err = readText(dec, "the id of the app or the webhook is no string")
		case "version":
			*version, err = readText(dec, "the version of the webhook is no string")
		default:
			err = dec.SkipValue()
		}
		return err
	})
	return err
}

func (d *wireDelivery) readEvents(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '[' {
		return refuseValue(dec, "events is no array")
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	d.Events = make([]Event, 0, 1)
	for dec.PeekKind() != ']' {
		if len(d.Events) == 1 { // the others will be about as long as the first
			const most = 64
			more := (len(d.raw)-int(dec.InputOffset()))/len(d.Events[0].raw) + 1
			d.Events = slices.Grow(d.Events, min(more, most))
		}
		d.Events = append(d.Events, Event{})
		if err := d.readEvent(dec, &d.Events[len(d.Events)-1]); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

func (d *wireDelivery) readEvent(dec *jsontext.Decoder, e *Event) error {
	begin, err := readMembers(dec, "an event is no object", func(name []byte) (err error) {
		switch string(name) {
		case "id":
			e.ID, err = readText(dec, "the id of an event is no string")
		case "type":
			e.Type, err = readText(dec, "the type of an event is no string")
		case "createdAt":
			var value jsontext.Value
			if value, err = dec.ReadValue(); len(value) > 2 && value.Kind() == '"' {
				_ = e.CreatedAt.UnmarshalText(value[1 : len(value)-1])
			}
		case "payload":
			var value jsontext.Value
			value, err = dec.ReadValue()
			end := dec.InputOffset()
			e.Payload = d.raw[end-int64(len(value)) : end : end]
		default:
			err = dec.SkipValue()
		}
		return err
	})
	if err == nil {
		end := dec.InputOffset()
		e.raw = d.raw[begin:end:end]
	}
	return err
}

// readMembers reads an object. Visit gets the name of each member, which is
// good until the value is read, and reads the value. Begin is where in the
// input the object begins.
func readMembers(dec *jsontext.Decoder, otherwise string, visit func(name []byte) error) (begin int64, err error) {
	if dec.PeekKind() != '{' {
		return 0, refuseValue(dec, otherwise)
	}
	if _, err := dec.ReadToken(); err != nil {
		return 0, err
	}
	begin = dec.InputOffset() - 1
	for dec.PeekKind() != '}' {
		name, err := dec.ReadValue()
		if err != nil {
			return 0, err
		}
		if err := visit(unquoteJSON(name)); err != nil {
			return 0, err
		}
	}
	_, err = dec.ReadToken()
	return begin, err
}

// readText reads a string.
func readText(dec *jsontext.Decoder, otherwise string) (string, error) {
	if dec.PeekKind() != '"' {
		return "", refuseValue(dec, otherwise)
	}
	value, err := dec.ReadValue()
	if err != nil {
		return "", err
	}
	switch text := unquoteJSON(value); string(text) { // known ones cost no memory
	case TriggerConversationMessage:
		return TriggerConversationMessage, nil
	case payloadVersion:
		return payloadVersion, nil
	default:
		return string(text), nil
	}
}

const payloadVersion = "v2"

// unquoteJSON returns what a JSON string says. Without escapes that is the
// part between the quotes, the decoder's own memory.
func unquoteJSON(value jsontext.Value) []byte {
	if bytes.IndexByte(value, '\\') < 0 {
		return value[1 : len(value)-1]
	}
	text, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return value[1 : len(value)-1] // half a surrogate pair: different ones stay different
	}
	return text
}

// refuseValue says that the next value has another type than it should, or
// that there is none.
func refuseValue(dec *jsontext.Decoder, reason string) error {
	if err := dec.SkipValue(); err != nil {
		return err
	}
	return deliveryShape(reason)
}
