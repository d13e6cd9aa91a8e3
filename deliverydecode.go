package sunco

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// decode fills d from d.raw in one pass. Names match with exact case, and a
// repeated name at any depth is an error. Text that is not valid UTF-8, half
// a surrogate pair for example, where a channel cut an emoji in two, comes
// through as it is: a refusal would lose the event for ever.
func (d *Delivery) decode() error {
	if (*wireDelivery)(d).scan() {
		return nil
	}
	*d = Delivery{raw: d.raw} // now as the decoder sees it
	decoder := envelopeDecoders.Get().(*envelopeDecoder)
	defer envelopeDecoders.Put(decoder)
	return decoder.decode((*wireDelivery)(d))
}

// envelopeDecoder is what decoding an envelope needs again and again. It keeps
// nothing of a delivery.
type envelopeDecoder struct {
	jsontext.Decoder
	input bytes.Buffer
}

var envelopeDecoders = sync.Pool{New: func() any { return new(envelopeDecoder) }}

func (e *envelopeDecoder) decode(d *wireDelivery) error {
	defer e.reset(nil)
	e.reset(d.raw)
	if err := d.read(&e.Decoder); err != nil {
		return err
	}
	if _, err := e.ReadToken(); err != io.EOF {
		return deliveryShape("something follows the delivery")
	}
	return nil
}

func (e *envelopeDecoder) reset(input []byte) {
	e.input = *bytes.NewBuffer(input)
	e.Reset(&e.input, jsontext.AllowInvalidUTF8(true))
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

// scan reads the delivery when it is in the form that the documents show, and
// leaves every other form to read.
func (d *wireDelivery) scan() bool {
	begin := d.head()
	s := &scanner{d.raw, begin}
	d.Events = make([]Event, 0, 1)
	if begin == 0 || !s.array(scanDepth, func() bool { return d.scanEvent(s) }) || !s.take('}') {
		return false
	}
	s.skip()
	d.complete()
	return s.at == len(s.text)
}

// head reads what stands before the events when it is without white space and
// its members are in the documents' order. It returns where the events begin,
// or zero. An id has no character that JSON treats specially.
func (d *wireDelivery) head() int {
	const before, between, after = `{"app":{"id":"`, `"},"webhook":{"id":"`, `","version":"v2"},"events":`
	const longest = len(before) + maxID + len(between) + maxID + len(after)
	ids, found := bytes.CutPrefix(d.raw[:min(len(d.raw), longest)], []byte(before))
	end := bytes.Index(ids, []byte(after))
	if !found || end < 0 {
		return 0
	}
	app, webhook, found := strings.Cut(string(ids[:end]), between)
	if !found || !validID(app) || !validID(webhook) {
		return 0
	}
	d.AppID, d.WebhookID, d.Version = app, webhook, payloadVersion
	return len(before) + end + len(after)
}

func (d *wireDelivery) scanEvent(s *scanner) bool {
	e, begin := d.next(s.at), s.at
	ok := s.object(scanDepth, func(name, value []byte) bool { e.set(name, value); return true })
	e.raw = s.text[begin:s.at:s.at]
	return ok
}

// next returns a new event, which begins at an offset.
func (d *wireDelivery) next(at int) *Event {
	if len(d.Events) == 1 { // the others will be about as long as the first
		const most = 64
		d.Events = slices.Grow(d.Events, min((len(d.raw)-at)/len(d.Events[0].raw)+1, most))
	}
	d.Events = append(d.Events, Event{})
	return &d.Events[len(d.Events)-1]
}

// read reads the delivery in any form.
func (d *wireDelivery) read(dec *jsontext.Decoder) error {
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
	d.complete()
	return nil
}

// complete tells the events where they come from.
func (d *wireDelivery) complete() {
	for i := range d.Events {
		d.Events[i].AppID, d.Events[i].WebhookID = d.AppID, d.WebhookID
	}
}

// readReference reads {"id":…,"version":…}.
func readReference(dec *jsontext.Decoder, id, version *string) error {
	_, err := readMembers(dec, "app or webhook is no object", func(name []byte) error {
		var to *string
		switch string(name) {
		case "id":
			to = id
		case "version":
			to = version
		default:
			return dec.SkipValue()
		}
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		setText(to, value)
		return nil
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
		if err := d.readEvent(dec, d.next(int(dec.InputOffset()))); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

func (d *wireDelivery) readEvent(dec *jsontext.Decoder, e *Event) error {
	last := func(value jsontext.Value) []byte { // as it stands in the delivery
		end := int(dec.InputOffset())
		return d.raw[end-len(value) : end : end]
	}
	if dec.PeekKind() != '{' {
		value, err := dec.ReadValue()
		e.raw = last(value)
		return err
	}
	begin, err := readMembers(dec, "", func(name []byte) error {
		name = bytes.Clone(name)
		value, err := dec.ReadValue()
		if err == nil {
			e.set(name, last(value))
		}
		return err
	})
	e.raw = last(d.raw[begin:dec.InputOffset()])
	return err
}

// set takes one member of an event. One of another type than it should be is
// left alone: the other events, and what else this one says, still count.
func (e *Event) set(name, value []byte) {
	switch string(name) {
	case "id":
		setText(&e.ID, value)
	case "type":
		setText(&e.Type, value)
	case "createdAt":
		if value[0] == '"' {
			_ = e.CreatedAt.UnmarshalText(unquoteJSON(value))
		}
	case "payload":
		e.Payload = value
	}
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

// setText takes a string, and nothing else.
func setText(to *string, value jsontext.Value) {
	if value.Kind() != '"' {
		return
	}
	switch text := unquoteJSON(value); string(text) { // known ones cost no memory
	case TriggerConversationMessage:
		*to = TriggerConversationMessage
	case payloadVersion:
		*to = payloadVersion
	default:
		*to = string(text)
	}
}

const payloadVersion = "v2"

// refuseValue says that the next value has another type than it should, or
// that there is none.
func refuseValue(dec *jsontext.Decoder, reason string) error {
	if err := dec.SkipValue(); err != nil {
		return err
	}
	return deliveryShape(reason)
}
