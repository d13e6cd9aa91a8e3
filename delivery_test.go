package sunco_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

func readDelivery(t *testing.T, body string, edits ...func(*http.Request)) *sunco.Delivery {
	t.Helper()
	delivery, err := sunco.ReadDelivery(deliveryRequest(body, edits...))
	require.NoError(t, err)
	return delivery
}

func TestDelivery(t *testing.T) {
	body := ` {
		"webhook" : {"version":"v3","id":"` + testHook + `", "name":"x"},
		"region": "eu",
		"app" : {"plan":{"id":"no"},"id":"` + testAppID + `"},
		"events" : [
			{"payload":{"user":{"id":"u1","externalId":912382197,"score":1e400},"text":"é \ud83d \u0000"},"id":"e1","type":"conversation:referral","Type":"x"} ,
			{"id":"e2","type":"galaxy:explode","createdAt":"2026-03-14T10:26:53.5+01:00","payload":null,"extra":[1,2]},
			{"id":"e\u0033","type":"conversation\u003amessage","createdAt":1773480413589},
			{}
		]
	} `
	d := readDelivery(t, body)
	assert.Equal(t, body, string(d.Raw()))
	assert.Equal(t, []string{testAppID, testHook, "v3"}, []string{d.AppID, d.WebhookID, d.Version})
	require.Len(t, d.Events, 4)
	for _, e := range d.Events {
		assert.Equal(t, []string{testAppID, testHook}, []string{e.AppID, e.WebhookID})
		assert.Contains(t, body, string(e.Raw()))
		assert.True(t, json.Valid(e.Raw()))
	}
	assert.Equal(t, "e1", d.Events[0].ID)
	assert.Equal(t, sunco.TriggerConversationReferral, d.Events[0].Type, "a name in another case is another name")
	assert.Zero(t, d.Events[0].CreatedAt)
	assert.Equal(t, `{"user":{"id":"u1","externalId":912382197,"score":1e400},"text":"é \ud83d \u0000"}`, string(d.Events[0].Payload))
	assert.Equal(t, "galaxy:explode", d.Events[1].Type)
	assert.True(t, time.Date(2026, 3, 14, 9, 26, 53, 5e8, time.UTC).Equal(d.Events[1].CreatedAt))
	assert.Equal(t, "null", string(d.Events[1].Payload))
	assert.Equal(t, `{"id":"e2","type":"galaxy:explode","createdAt":"2026-03-14T10:26:53.5+01:00","payload":null,"extra":[1,2]}`, string(d.Events[1].Raw()))
	assert.Equal(t, "e3", d.Events[2].ID)
	assert.Equal(t, sunco.TriggerConversationMessage, d.Events[2].Type)
	assert.Zero(t, d.Events[2].CreatedAt)
	assert.Nil(t, d.Events[2].Payload)
	assert.Equal(t, "{}", string(d.Events[3].Raw()))
}

// The form that the documents show, and that Zendesk sends.
func TestDeliveryAsDocumented(t *testing.T) {
	first := `{"id":"e1","createdAt":"2026-03-14T09:26:53.589Z","type":"conversation:message","payload":{"message":{"id":"m"}}}`
	second := `{"id":"e\u0032","createdAt":"2026-03-14T09:26:54.000\u005a","type":"user\u003amerge","payload":{},"extra":1}`
	body := `{"app":{"id":"` + testAppID + `"},"webhook":{"id":"` + testHook + `","version":"v2"},"events":[` + first + "," + second + `]}`
	for _, body := range []string{body, " " + body} {
		d := readDelivery(t, body)
		assert.Equal(t, []string{testAppID, testHook, "v2"}, []string{d.AppID, d.WebhookID, d.Version})
		require.Len(t, d.Events, 2)
		for i, want := range []struct{ id, kind, payload, raw string }{
			{"e1", sunco.TriggerConversationMessage, `{"message":{"id":"m"}}`, first}, {"e2", sunco.TriggerUserMerge, "{}", second},
		} {
			e := d.Events[i]
			assert.Equal(t, []string{want.id, want.kind, want.payload, want.raw, testAppID, testHook},
				[]string{e.ID, e.Type, string(e.Payload), string(e.Raw()), e.AppID, e.WebhookID})
		}
		assert.Equal(t, time.Date(2026, 3, 14, 9, 26, 53, 589e6, time.UTC), d.Events[0].CreatedAt)
		assert.Equal(t, time.Date(2026, 3, 14, 9, 26, 54, 0, time.UTC), d.Events[1].CreatedAt)
	}
}

// A member of another type costs itself and nothing else.
func TestDeliveryOddMembers(t *testing.T) {
	for _, odd := range []string{`{"id":null,"type":"a"}`, `{"id":7,"type":"a"}`, `{"id":"x","type":null}`, `{"type":["a"]}`, `{"createdAt":true}`, "null", `"e"`, "7", "[]"} {
		for _, version := range []string{`"v2"`, "2", "null"} {
			body := `{"app":{"id":"` + testAppID + `"},"webhook":{"id":"` + testHook + `","version":` + version + `},"events":[` + event("e1") + "," + odd + "," + event("e2") + `]}`
			d := readDelivery(t, body)
			require.Len(t, d.Events, 3)
			assert.Equal(t, []string{"e1", odd, "e2"}, []string{d.Events[0].ID, string(d.Events[1].Raw()), d.Events[2].ID})
			assert.Equal(t, version == `"v2"`, d.Version == "v2")
			assert.Zero(t, d.Events[1].CreatedAt)
		}
	}
}

// Halves of surrogate pairs in ids do not make two events one.
func TestDeliveryOddText(t *testing.T) {
	d := readDelivery(t, deliveryBody(`{"id":"\ud83d"}`, `{"id":"\ud83e"}`, "{\"id\":\"\xff\"}", `{"id":"e","id\ud83d":1}`))
	seen := map[string]bool{}
	for _, e := range d.Events {
		seen[e.ID] = true
	}
	assert.Len(t, seen, 4)
}

func TestDeliveryBodies(t *testing.T) {
	var events []string
	for i := range 300 { // beyond the size that is believed, and many events
		events = append(events, messageEvent(i))
	}
	for _, body := range []string{deliveryBody(), deliveryBody(messageEvent(1)), deliveryBody(events...), deliveryBody(events[0]) + strings.Repeat(" ", 1<<20-len(deliveryBody(events[0])))} {
		for _, length := range []int64{int64(len(body)), -1, 0, 1, 5000, 1 << 20} {
			d := readDelivery(t, body, withBody(iotest.OneByteReader(strings.NewReader(body[:min(len(body), 100)]))), func(r *http.Request) {
				r.ContentLength = length
				r.Body = io.NopCloser(io.MultiReader(r.Body, strings.NewReader(body[min(len(body), 100):])))
			})
			assert.True(t, body == string(d.Raw()), "%d bytes, %d announced", len(body), length)
			assert.Equal(t, len(body), cap(d.Raw()), "appending cannot reach anything else")
		}
	}
	d := readDelivery(t, deliveryBody(events...))
	require.Len(t, d.Events, len(events))
	for i, e := range d.Events {
		assert.Equal(t, events[i], string(e.Raw()))
		assert.Equal(t, len(e.Payload), cap(e.Payload))
	}
}

func TestDeliveryErrors(t *testing.T) {
	for name, r := range map[string]*http.Request{
		"nil":       nil,
		"no body":   {Method: http.MethodPost},
		"GET":       deliveryRequest(deliveryBody(), withMethod(http.MethodGet)),
		"no JSON":   deliveryRequest("hello-canary"),
		"repeated":  deliveryRequest(`{"canary":1,"canary":2}`),
		"no app":    deliveryRequest(`{"canary":1}`),
		"too much":  deliveryRequest(strings.Repeat(" ", 1<<20+1)),
		"limited":   deliveryRequest(deliveryBody(), func(r *http.Request) { r.Body = http.MaxBytesReader(nil, r.Body, 5) }),
		"truncated": deliveryRequest("", withBody(iotest.ErrReader(io.ErrUnexpectedEOF))),
	} {
		d, err := sunco.ReadDelivery(r)
		assert.Nil(t, d, name)
		requireInput(t, "delivery", err)
		assert.NotContains(t, err.Error(), "canary", name)
	}
}

func TestEventDecode(t *testing.T) {
	d := readDelivery(t, deliveryBody(messageEvent(1), `{"id":"e2"}`, `{"id":"e3","payload":{"message":"hunter2","cut":"\ud83d"}}`))
	var payload struct {
		Message struct {
			Content struct {
				Text string `json:"text"`
			} `json:"content"`
		} `json:"message"`
	}
	require.NoError(t, d.Events[0].Decode(&payload))
	assert.Contains(t, payload.Message.Content.Text, `my parcel "B-7"`)
	requireInput(t, "event payload", d.Events[1].Decode(&payload))
	err := d.Events[2].Decode(&payload)
	requireInput(t, "event payload", err)
	assert.NotContains(t, err.Error(), "hunter2")
	var loose map[string]any
	require.NoError(t, d.Events[2].Decode(&loose))
	assert.Equal(t, "hunter2", loose["message"])
}

func TestEventLogValue(t *testing.T) {
	d := readDelivery(t, deliveryBody(messageEvent(1)))
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).InfoContext(context.Background(), "x", "event", &d.Events[0], "none", (*sunco.Event)(nil))
	assert.Contains(t, log.String(), d.Events[0].ID)
	assert.NotContains(t, log.String(), "parcel")
}
