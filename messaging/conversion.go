package messaging

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/internal/lenient"
)

// ConversionEvents are events for the conversion API of one channel, in Meta's
// own JSON: exactly one of the fields is set.
type ConversionEvents struct {
	Messenger []json.RawMessage
	Instagram []json.RawMessage
	WhatsApp  []json.RawMessage
}

// ConversionResult says how many conversion events were received, and in which
// data set.
type ConversionResult struct {
	DatasetID      string `json:"datasetId,omitzero"`
	EventsReceived int    `json:"eventsReceived,omitzero"`
}

// MarshalJSON implements [encoding/json.Marshaler].
func (e ConversionEvents) MarshalJSON() ([]byte, error) {
	type payload struct {
		Data []json.RawMessage `json:"data"`
	}
	type channel struct {
		Payload payload `json:"payload"`
	}
	return lenient.Encode(struct {
		Messenger channel `json:"messenger,omitzero"`
		Instagram channel `json:"instagram,omitzero"`
		WhatsApp  channel `json:"whatsapp,omitzero"`
	}{channel{payload{e.Messenger}}, channel{payload{e.Instagram}}, channel{payload{e.WhatsApp}}})
}

// PostConversionEvents reports what a user did on a channel of Meta's.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/PostConversionEvents
func (a App) PostConversionEvents(ctx context.Context, id string, events ConversionEvents) (*ConversionResult, error) {
	l := new(limits)
	l.id("conversation id", id)
	channels := 0
	for _, list := range [][]json.RawMessage{events.Messenger, events.Instagram, events.WhatsApp} {
		if len(list) > 0 {
			channels++
		}
		for _, event := range list {
			l.object("conversion events", event)
		}
	}
	if channels != 1 {
		l.refuse("conversion events", "exactly one of Messenger, Instagram and WhatsApp is needed")
	}
	call := &sunco.Call{
		Op: "post conversion events", Method: http.MethodPost, Path: "/conversations/" + id + "/conversionEvents",
		Body: events,
	}
	got, err := a.call(ctx, l, call)
	if err != nil {
		return nil, err
	}
	return one(got.ConversionEvents, call, "conversion events")
}
