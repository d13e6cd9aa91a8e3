package sunco_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

func readDelivery(t *testing.T, body string, edits ...func(*http.Request)) *sunco.Delivery {
	t.Helper()
	delivery, err := sunco.ReadDelivery(deliveryRequest(body, edits...), receiving())
	require.NoError(t, err)
	return delivery
}

func TestDelivery(t *testing.T) {
	payload := `{"user":{"id":"u1","externalId":912382197,"score":1e400},"text":"é \ud83d \u0000"}`
	second := `{"id":"e2","type":"galaxy:explode","createdAt":"2026-03-14T10:26:53.5+01:00","payload":null,"extra":[1,2]}`
	body := ` {
		"webhook" : {"version":"v3","id":"` + testHook + `", "name":"x"},
		"region": "eu",
		"app" : {"plan":{"id":"no"},"id":"` + testAppID + `"},
		"events" : [
			{"payload":` + payload + `,"id":"e1","type":"conversation:referral","Type":"x"} ,
			` + second + `,
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
	assert.Equal(t, payload, string(d.Events[0].Payload))
	assert.Equal(t, "galaxy:explode", d.Events[1].Type)
	assert.True(t, time.Date(2026, 3, 14, 9, 26, 53, 5e8, time.UTC).Equal(d.Events[1].CreatedAt))
	assert.Equal(t, "null", string(d.Events[1].Payload))
	assert.Equal(t, second, string(d.Events[1].Raw()))
	assert.Equal(t, "e3", d.Events[2].ID)
	assert.Equal(t, sunco.TriggerConversationMessage, d.Events[2].Type)
	assert.Zero(t, d.Events[2].CreatedAt)
	assert.Nil(t, d.Events[2].Payload)
	assert.Equal(t, "{}", string(d.Events[3].Raw()))
}

// The form that the documents show, and that Zendesk sends.
func TestDeliveryAsDocumented(t *testing.T) {
	first := `{"id":"e1","createdAt":"2026-03-14T09:26:53.589Z","type":"conversation:message",` +
		`"payload":{"message":{"id":"m"}}}`
	second := `{"id":"e\u0032","createdAt":"2026-03-14T09:26:54.000\u005a",` +
		`"type":"user\u003amerge","payload":{},"extra":1}`
	body := deliveryBody(first, second)
	for _, body := range []string{body, " " + body} {
		d := readDelivery(t, body)
		assert.Equal(t, []string{testAppID, testHook, "v2"}, []string{d.AppID, d.WebhookID, d.Version})
		require.Len(t, d.Events, 2)
		for i, want := range []struct{ id, kind, payload, raw string }{
			{"e1", sunco.TriggerConversationMessage, `{"message":{"id":"m"}}`, first},
			{"e2", sunco.TriggerUserMerge, "{}", second},
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
	for _, odd := range []string{
		`{"id":null,"type":"a"}`, `{"id":7,"type":"a"}`, `{"id":"x","type":null}`, `{"type":["a"]}`, `{"createdAt":true}`,
		"null", `"e"`, "7", "[]",
	} {
		for _, version := range []string{`"v2"`, "2", "null"} {
			body := strings.Replace(deliveryBody(event("e1"), odd, event("e2")), `"v2"`, version, 1)
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
	d := readDelivery(t, deliveryBody(
		`{"id":"\ud83d"}`, `{"id":"\ud83e"}`, "{\"id\":\"\xff\"}", `{"id":"e","id\ud83d":1}`))
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
	for _, body := range []string{
		deliveryBody(), deliveryBody(messageEvent(1)), deliveryBody(events...),
		deliveryBody(events[0]) + strings.Repeat(" ", 1<<20),
	} {
		for _, length := range []int64{int64(len(body)), -1, 0, 1, 5000, 1 << 20} {
			begin, rest := body[:100], body[100:]
			reader := io.MultiReader(iotest.OneByteReader(strings.NewReader(begin)), strings.NewReader(rest))
			d := readDelivery(t, "", withBody(reader), func(r *http.Request) { r.ContentLength = length })
			assert.True(t, body == string(d.Raw()), "%d bytes, %d announced", len(body), length)
		}
	}
	d := readDelivery(t, deliveryBody(events...))
	require.Len(t, d.Events, len(events))
	for i, e := range d.Events {
		assert.Equal(t, events[i], string(e.Raw()))
		assert.Equal(t, len(e.Payload), cap(e.Payload))
	}
}

// endless is a body that does not end, and counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestDeliveryIsBounded(t *testing.T) {
	body := new(endless)
	_, err := sunco.ReadDelivery(deliveryRequest("", withBody(body)), receiving())
	assert.Equal(t, 400, requireRequestError(t, "delivery", err).Status)
	assert.LessOrEqual(t, body.read, 16<<20+1)
}

func TestDeliveryErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		in     *sunco.Installation
		r      *http.Request
	}{
		"nobody":     {503, nil, deliveryRequest("canary")},
		"unfinished": {503, &sunco.Installation{Webhooks: receiving().Webhooks}, deliveryRequest(deliveryBody())},
		"no request": {405, receiving(), nil},
		"GET":        {405, receiving(), deliveryRequest(deliveryBody(), withMethod(http.MethodGet))},
		"no key":     {401, receiving(), deliveryRequest(deliveryBody(), withHeader("X-API-Key"))},
		"wrong key":  {401, receiving(), deliveryRequest(deliveryBody(), withHeader("X-API-Key", "canary"))},
		"no body":    {503, receiving(), deliveryRequest(deliveryBody(), func(r *http.Request) { r.Body = nil })},
		"no JSON":    {400, receiving(), deliveryRequest("hello-canary")},
		"repeated":   {400, receiving(), deliveryRequest(`{"canary":1,"canary":2}`)},
		"no app":     {400, receiving(), deliveryRequest(`{"canary":1}`)},
		"cut":        {503, receiving(), deliveryRequest(`{"canary":"`)},
		"broken":     {503, receiving(), deliveryRequest("", withBody(iotest.ErrReader(errors.New("canary"))))},
		"other app":  {403, receiving(), deliveryRequest(strings.ReplaceAll(deliveryBody(), testAppID, "canary"))},
		"other hook": {403, receiving(), deliveryRequest(strings.ReplaceAll(deliveryBody(), testHook, "canary"))},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := sunco.ReadDelivery(tc.r, tc.in)
			assert.Nil(t, d)
			refused := requireRequestError(t, "delivery", err)
			assert.Equal(t, tc.status, refused.Status)
			assert.NotContains(t, err.Error(), "canary")
		})
	}
}

func TestKeyDigest(t *testing.T) {
	want := sha256.Sum256([]byte(hookSecret))
	for name, keys := range map[string][]string{
		"one": {hookSecret}, "doubled": {hookSecret, hookSecret}, "beside an empty one": {"", hookSecret, ""},
	} {
		digest, err := sunco.KeyDigest(deliveryRequest("", withHeader("X-API-Key", keys...)))
		require.NoError(t, err, name)
		assert.Equal(t, want, digest, name)
	}
	for name, keys := range map[string][]string{
		"none": nil, "empty": {"", ""}, "different": {hookSecret, "x"}, "huge": {strings.Repeat("k", 1<<16)},
	} {
		digest, err := sunco.KeyDigest(deliveryRequest("", withHeader("X-API-Key", keys...)))
		assert.Equal(t, 401, requireRequestError(t, "delivery", err).Status, name)
		assert.Zero(t, digest, name)
	}
}

// Webhooks that share a secret are told apart by the id of the delivery.
func TestDeliveryOfWebhooksWithOneSecret(t *testing.T) {
	in := &sunco.Installation{AppID: testAppID}
	for id, secret := range map[string]string{"a": "s", "b": "s", "c": "t"} {
		in.Webhooks = append(in.Webhooks, sunco.Webhook{ID: id, Secret: sunco.NewSecret(secret)})
	}
	for id, owned := range map[string]bool{"a": true, "b": true, "c": false, "d": false} {
		body := strings.ReplaceAll(deliveryBody(), testHook, id)
		_, err := sunco.ReadDelivery(deliveryRequest(body, withHeader("X-API-Key", "s")), in)
		if owned {
			assert.NoError(t, err, id)
		} else {
			assert.Equal(t, 403, requireRequestError(t, "delivery", err).Status, id)
		}
	}
}

func TestEventDecode(t *testing.T) {
	d := readDelivery(t, deliveryBody(messageEvent(1), `{"id":"e2"}`,
		`{"id":"e3","payload":{"message":"hunter2","cut":"\ud83d",`+
			`"names":{"\ud83d":1,"\ude00":"hunter2","x":2},"n":3,"n":4}}`))
	var message struct {
		Message struct {
			Content struct {
				Text string `json:"text"`
			} `json:"content"`
		} `json:"message"`
	}
	require.NoError(t, d.Events[0].Decode(&message))
	assert.Contains(t, message.Message.Content.Text, `my parcel "B-7"`)
	requireInput(t, "event payload", d.Events[1].Decode(&message))

	var odd struct {
		Message struct{}       `json:"message"`
		Cut     string         `json:"cut"`
		Names   map[string]int `json:"names"`
		N       int            `json:"n"`
	}
	err := d.Events[2].Decode(&odd)
	requireInput(t, "event payload", err)
	assert.Contains(t, err.Error(), "message")
	assert.NotContains(t, err.Error(), "hunter2")
	assert.Equal(t, "\ufffd", odd.Cut, "the rest is filled in")
	assert.Equal(t, 4, odd.N)
	assert.Equal(t, 2, odd.Names["x"])

	var names struct {
		Names map[string]map[string]int `json:"names"`
	}
	keys := readDelivery(t, deliveryBody(`{"payload":{"names":{"steve@acme.example":{"hunter2":"x","n":1}}}}`))
	err = keys.Events[0].Decode(&names)
	requireInput(t, "event payload", err)
	assert.Contains(t, err.Error(), "the member names does not fit", "the keys of a map are the payload's")
	assert.NotContains(t, err.Error(), "hunter2")
	assert.Equal(t, 1, names.Names["steve@acme.example"]["n"])

	var list struct {
		A []struct {
			B *struct{ C int } `json:"b"`
		} `json:"a"`
	}
	err = (&sunco.Event{Payload: []byte(`{"a":[{"b":{"C":1}},{"b":{"C":"hunter2"}},{"b":{"C":3}}]}`)}).Decode(&list)
	requireInput(t, "event payload", err)
	assert.Contains(t, err.Error(), "the member a.1.b.C does not fit the Go type int")
	assert.Equal(t, 3, list.A[2].B.C)

	for name, into := range map[string]any{
		"nil": nil, "no pointer": odd, "another type": new(int), "not decodable": new(chan int), "picky": new(picky),
	} {
		err := d.Events[2].Decode(into)
		requireInput(t, "event payload", err)
		assert.NotContains(t, err.Error(), "hunter2", name)
	}
	var loose map[string]any
	require.NoError(t, d.Events[2].Decode(&loose))
	assert.Equal(t, "hunter2", loose["message"])
	requireInput(t, "event payload", (&sunco.Event{Payload: []byte(`{"hunter2`)}).Decode(&loose))
}

// picky is a type of the partner's whose error quotes what it read.
type picky struct{}

func (*picky) UnmarshalJSON(text []byte) error { return errors.New(string(text)) }

// An event goes through a queue as the delivery that carries it alone.
func TestEventJSON(t *testing.T) {
	body := deliveryBody(messageEvent(1), "7",
		" "+`{ "id" : "e\u0032","type":"a<b","\ud83d":1,"\ude00":2,"payload":{"x":1,"x":"\ud83d"}}`,
		"{\"id\":\"\xff\",\"payload\":\"\xfe<\u2028\"}", `{}`)
	d := readDelivery(t, body)
	for i := range d.Events {
		e := d.Events[i]
		text, err := e.MarshalJSON()
		require.NoError(t, err)
		assert.Equal(t, deliveryBody(string(e.Raw())), string(text))
		var again sunco.Event
		require.NoError(t, again.UnmarshalJSON(text))
		assert.Equal(t, e, again, "byte for byte")
		text[len(text)/2] = 'x'
		assert.Equal(t, e, again, "the bytes are its own")
		queued := readDelivery(t, deliveryBody(string(e.Raw())))
		assert.Equal(t, []sunco.Event{e}, queued.Events, "it is a delivery")

		var row struct{ Event sunco.Event }
		row.Event = e
		text, err = json.Marshal(row)
		require.NoError(t, err)
		row.Event = sunco.Event{}
		require.NoError(t, json.Unmarshal(text, &row))
		assert.Equal(t, []any{e.ID, e.Type, e.CreatedAt, e.AppID, e.WebhookID},
			[]any{row.Event.ID, row.Event.Type, row.Event.CreatedAt, row.Event.AppID, row.Event.WebhookID})

		options := jsonv2.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
		text, err = jsonv2.Marshal(&e, options)
		require.NoError(t, err)
		require.NoError(t, jsonv2.Unmarshal(text, &again, options))
		assert.Equal(t, strings.ToValidUTF8(e.ID, "\ufffd"), again.ID)
	}
	odd := readDelivery(t, strings.Replace(body, `"v2"`, `"v\ud83d\""`, 1))
	text, err := json.Marshal(odd.Events[0])
	require.NoError(t, err)
	var again sunco.Event
	require.NoError(t, json.Unmarshal(text, &again))
	assert.Equal(t, odd.Events[0], again, "the version too")

	_, err = sunco.Event{ID: "e1"}.MarshalJSON()
	requireInput(t, "event", err)
	for _, text := range []string{
		"null", "", "{}", "7", deliveryBody(), deliveryBody("{}", "{}"), string(text[:9]), deliveryBody("{}") + "x",
	} {
		kept := again
		requireInput(t, "event", again.UnmarshalJSON([]byte(text)))
		assert.Equal(t, kept, again)
	}
}

func TestEventLogValue(t *testing.T) {
	d := readDelivery(t, deliveryBody(messageEvent(1)))
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.InfoContext(t.Context(), "x", "event", &d.Events[0], "none", (*sunco.Event)(nil))
	assert.Contains(t, log.String(), d.Events[0].ID)
	assert.NotContains(t, log.String(), "parcel")
}
