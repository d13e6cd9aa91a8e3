package messaging

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/sunco-go/sunco"
)

// Activity says that somebody types or has read a conversation. The zero
// Author is the business. A user may only read.
type Activity struct {
	Type   string `json:"type"` // one of the Activity constants
	Author Author `json:"author"`
	Source Source `json:"source,omitzero"` // in events; not sent
}

// The types of an [Activity].
const (
	ActivityRead        = "conversation:read"
	ActivityTypingStart = "typing:start"
	ActivityTypingStop  = "typing:stop"
)

// PostActivity shows that the business types or has read a conversation, or
// that a user has. It is tried again after a lost answer.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/PostActivity
func (a App) PostActivity(ctx context.Context, id string, activity Activity) error {
	l := new(limits)
	l.id("conversation id", id)
	l.text("type", activity.Type, 1, unlimited)
	activity.Author = activity.Author.sent(l, "author")
	activity.Source = Source{}
	return a.do(ctx, l, &sunco.Call{
		Op: "post activity", Method: http.MethodPost, Path: "/conversations/" + id + "/activity", Body: activity,
		Repeat: true,
	})
}

// ConversionEvents are events for the conversion API of one channel, in Meta's
// own JSON: exactly one of the fields is set.
type ConversionEvents struct {
	Messenger []json.RawMessage
	Instagram []json.RawMessage
	WhatsApp  []json.RawMessage
}

// ConversionResult is what became of conversion events.
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
	return encode(struct {
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

// MessageRef refers to data that a channel keeps. The event
// passthrough:messaging brings the reference. Only Apple's are supported.
type MessageRef struct {
	UserID string           `json:"userId"`
	Apple  *AppleMessageRef `json:"apple,omitzero"`
}

// AppleMessageRef refers to data that Apple keeps.
type AppleMessageRef struct {
	InteractiveDataRef InteractiveDataRef `json:"interactiveDataRef"`
}

// InteractiveDataRef is the reference of Apple's.
type InteractiveDataRef struct {
	URL       string `json:"url"`
	BID       string `json:"bid"`
	Key       string `json:"key"`
	Signature string `json:"signature"`
	Owner     string `json:"owner"`
}

// DownloadMessageRef writes what a reference refers to, a JSON object of at
// most 64 MiB. It is tried again after a lost answer unless bytes were written.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/DownloadMessageRef
func (a App) DownloadMessageRef(ctx context.Context, id string, ref MessageRef, to io.Writer) error {
	l := new(limits)
	l.id("conversation id", id)
	l.id("userId", ref.UserID)
	if to == nil {
		l.refuse("to", "nil")
	}
	return a.do(ctx, l, &sunco.Call{
		Op: "download message ref", Method: http.MethodPost, Path: "/conversations/" + id + "/download", Body: ref,
		Out: to, Repeat: true,
	})
}
