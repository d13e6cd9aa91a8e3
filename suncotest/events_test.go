package suncotest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

func TestSampleEvents(t *testing.T) {
	assert.Len(t, suncotest.SampleTriggers(), 25)
	seen := map[string]bool{}
	for _, trigger := range suncotest.SampleTriggers() {
		require.False(t, seen[trigger], trigger)
		seen[trigger] = true
		for _, n := range []int{-3, 0, 1, 99999} {
			e := suncotest.SampleEvent(trigger, n)
			assert.Equal(t, trigger, e.Trigger)
			raw, ok := e.Payload.(json.RawMessage)
			require.True(t, ok)
			assert.True(t, json.Valid(raw), "%s %s", trigger, raw)
			assert.NotRegexp(t, `@[a-z]+@|#[a-z]+#`, string(raw))
			assert.NotRegexp(t, `"client":{"id":"[0-9a-f]+","type":"web"`, string(raw), "the widget's clients are of type sdk")
			assert.Equal(t, e, suncotest.SampleEvent(trigger, n))
			assert.Equal(t, trigger == "conversation:referral", e.Undated)
		}
		if trigger != "conversation:remove" {
			assert.NotEqual(t, suncotest.SampleEvent(trigger, 1), suncotest.SampleEvent(trigger, 2))
		}
	}
	for _, trigger := range []string{"", "passthrough:messaging", "conversation:Message"} {
		assert.Panics(t, func() { suncotest.SampleEvent(trigger, 1) }, trigger)
	}
	reply, heard := string(suncotest.SampleReply(4).Payload.(json.RawMessage)),
		string(message(4).Payload.(json.RawMessage))
	assert.Equal(t, "business user", field(t, reply, "message.author.type")+" "+field(t, heard, "message.author.type"))
	assert.Equal(t, field(t, heard, "conversation.id"), field(t, reply, "conversation.id"))
	assert.NotEmpty(t, field(t, heard, "conversation.brandId"))
}

// payloads are what a webhook is told of every sample, by type.
func payloads(t *testing.T, hook suncotest.Webhook) map[string]string {
	t.Helper()
	var all []suncotest.Event
	for _, trigger := range suncotest.SampleTriggers() {
		all = append(all, suncotest.SampleEvent(trigger, 7))
	}
	body, err := io.ReadAll(suncotest.NewDelivery(hook, "s", all...).Body)
	require.NoError(t, err)
	var d wireDelivery
	require.NoError(t, json.Unmarshal(body, &d))
	byType := map[string]string{}
	for _, e := range d.Events {
		assert.Equal(t, e.Type == "conversation:referral", e.CreatedAt == "")
		byType[e.Type] = string(e.Payload)
	}
	require.Len(t, byType, 25)
	return byType
}

// What the two switches of a webhook do to every event, through a platform.
func TestIncludeFull(t *testing.T) {
	for _, user := range []bool{false, true} {
		for _, from := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				b := newInbox(t, suncotest.Config{})
				app, _, _ := b.subscribe(fmt.Sprintf(`%s,"includeFullUser":%t,"includeFullSource":%t`, everyTrigger(), user, from))
				want := payloads(t, suncotest.Webhook{IncludeFullUser: user, IncludeFullSource: from})
				for trigger, payload := range want {
					require.NoError(t, b.p.Emit(app, suncotest.SampleEvent(trigger, 7)))
					short := strings.HasPrefix(trigger, "client:") ||
						strings.Contains("conversation:join conversation:leave user:remove", trigger)
					full := string(suncotest.SampleEvent(trigger, 7).Payload.(json.RawMessage))
					for _, name := range []string{`"profile"`, `"signedUpAt"`, `"identities"`, `"metadata":{"tier"`} {
						assert.Equal(t, user && !short && strings.Contains(full, name), strings.Contains(payload, name), "%s %s",
							trigger, name)
					}
					assert.Equal(t, from && strings.Contains(full, `,"device":{`), strings.Contains(payload, `"device":{`), trigger)
				}
				synctest.Wait()
				require.Len(t, b.got, 25)
				for _, d := range b.got {
					require.Len(t, d.Events, 1)
					assert.Equal(t, want[d.Events[0].Type], string(d.Events[0].Payload))
				}
			})
		}
	}
	plain := payloads(t, suncotest.Webhook{})
	assert.Contains(t, plain["client:add"], `"client":{"integrationId"`, "the client itself is not part of the source")
	assert.Contains(t, plain["conversation:create"], `"metadata":{"entry":"checkout"}`, "nor is the conversation a user")
	assert.Contains(t, plain["conversation:referral"], `"externalId":480007`)
	var size bytes.Buffer
	body, _ := io.ReadAll(suncotest.NewDelivery(suncotest.Webhook{AppID: "5f", ID: "5e"}, "s", message(1)).Body)
	require.NoError(t, json.Compact(&size, body))
	assert.InDelta(t, 1000, size.Len(), 250, "as long as the published example")
}

// Members that are nobody's users and sources stay as they are.
func TestPayloadsStayAsTheyAre(t *testing.T) {
	for payload, want := range map[string]string{
		``:                         `{}`,
		`7`:                        `7`,
		`["user"]`:                 `["user"]`,
		`{"user":null,"source":1}`: `{"user":null,"source":1}`,
		`{"z":{"user":{"profile":{}}},"a":12345678901234567890.0,` +
			`"t":"<&>"}`: `{"z":{"user":{"profile":{}}},"a":12345678901234567890.0,"t":"<&>"}`,
		`{"recentNotifications":[{"author":{"user":{"id":"u","profile":{}}},` +
			`"source":{"device":1}}]}`: `{"recentNotifications":[{"author":{"user":{"id":"u"}},"source":{}}]}`,
		`{"recentNotifications":null}`:                     `{"recentNotifications":null}`,
		`{"message":{"content":{"user":{"profile":{}}}}}`:  `{"message":{"content":{"user":{"profile":{}}}}}`,
		`{"user":{"id":"u","unknown":{"profile":"kept"}}}`: `{"user":{"id":"u","unknown":{"profile":"kept"}}}`,
	} {
		e := suncotest.Event{Trigger: "future:event"}
		if payload != "" {
			e.Payload = json.RawMessage(payload)
		}
		body, err := io.ReadAll(suncotest.NewDelivery(suncotest.Webhook{}, "s", e).Body)
		require.NoError(t, err)
		var d wireDelivery
		require.NoError(t, json.Unmarshal(body, &d))
		assert.Equal(t, want, string(d.Events[0].Payload))
		assert.Equal(t, "future:event", d.Events[0].Type)
	}
}

func TestNewDelivery(t *testing.T) {
	r := suncotest.NewDelivery(suncotest.Webhook{AppID: "app", ID: "hook",
		Target: "https://partner.example/hooks?x=1"}, "secret", message(1), message(2))
	assert.Equal(t, "POST partner.example /hooks x=1",
		strings.Join([]string{r.Method, r.Host, r.URL.Path, r.URL.RawQuery}, " "))
	assert.Equal(t, []string{"secret"}, r.Header["X-Api-Key"])
	assert.Equal(t, jsonType, r.Header.Get("Content-Type"))
	assert.NotEmpty(t, r.RequestURI)
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	assert.EqualValues(t, len(body), r.ContentLength)
	assert.True(t, strings.HasPrefix(string(body),
		`{"app":{"id":"app"},"webhook":{"id":"hook","version":"v2"},"events":[{"id":"`), "%s", body)
	var one, two wireDelivery
	require.NoError(t, json.Unmarshal(body, &one))
	require.NoError(t, json.NewDecoder(suncotest.NewDelivery(suncotest.Webhook{}, "", message(1)).Body).Decode(&two))
	assert.NotEqual(t, one.Events[0].ID, one.Events[1].ID)
	assert.NotEqual(t, one.Events[0].ID, two.Events[0].ID)

	recorder := httptest.NewRecorder()
	http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) }).
		ServeHTTP(recorder, suncotest.NewDelivery(suncotest.Webhook{}, "secret"))
	assert.Equal(t, http.StatusTeapot, recorder.Code)
	assert.Panics(t, func() { suncotest.NewDelivery(suncotest.Webhook{}, "s", suncotest.Event{}) })
	assert.Panics(t, func() { suncotest.NewDelivery(suncotest.Webhook{Target: "%"}, "s") })
}

func TestSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInbox(t, suncotest.Config{Behavior: suncotest.Behavior{DeliverySerial: true}})
		app := b.appID("acme")
		require.NoError(t, b.p.Say(app, "early", "is anybody there?"), "before the integration")
		_, _, secret := b.subscribe(everyTrigger() + `,"includeFullUser":true,"includeFullSource":true`)
		require.NoError(t, b.p.Say(app, "ada", "hello <b>"))
		require.NoError(t, b.p.Say(app, "ada", "again"))
		synctest.Wait()
		require.Len(t, b.got, 3)
		var texts []string
		for _, d := range b.got[1:] {
			payload := string(d.Events[0].Payload)
			assert.Equal(t, "conversation:message user", d.Events[0].Type+" "+field(t, payload, "message.author.type"))
			assert.Equal(t, "ada web", field(t, payload, "message.author.user.externalId")+" "+
				field(t, payload, "message.source.type"))
			assert.NotEmpty(t, field(t, payload, "message.source.device.clientId"))
			assert.NotEmpty(t, field(t, payload, "message.author.user.signedUpAt"))
			texts = append(texts, field(t, payload, "message.content.text"))
		}
		assert.Equal(t, []string{"hello <b>", "again"}, texts)
		assert.Equal(t, "conversation:create message", b.got[0].Events[0].Type+" "+
			field(t, string(b.got[0].Events[0].Payload), "creationReason"))
		assert.True(t, b.keys[0] == secret)

		// The partner answers through the API, and hears itself.
		token := b.install("acme")
		at := acmeURL + "/v2/apps/" + app + "/conversations/" +
			field(t, string(b.got[1].Events[0].Payload), "conversation.id") + "/messages"
		require.Equal(t, 201, b.api(token, http.MethodPost, at,
			`{"author":{"type":"business"},"content":{"type":"text","text":"hi"}}`).Status)
		synctest.Wait()
		require.Len(t, b.got, 4)
		payload := string(b.got[3].Events[0].Payload)
		assert.Equal(t, "business hi", field(t, payload, "message.author.type")+" "+field(t, payload, "message.content.text"))
		conversations := b.p.Conversations(app)
		require.Len(t, conversations, 2)
		assert.Len(t, conversations[1].Messages, 3)
	})
}

// A bot that looks at who is in control is silent while a human agent is.
func TestControl(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInbox(t, suncotest.Config{ClientID: suncotest.DefaultClientID,
			Behavior: suncotest.Behavior{DeliverySerial: true}})
		app := b.appID("acme")
		b.subscribe(everyTrigger())
		require.NoError(t, b.p.Say(app, "ada", "hello"))
		conv := b.p.Conversations(app)[0].ID
		require.NoError(t, b.p.PassControl(app, conv, suncotest.AgentWorkspace))
		require.NoError(t, b.p.Say(app, "ada", "a person, please"))
		assert.Equal(t, "zd-agentWorkspace", b.p.Conversations(app)[0].Control)
		require.NoError(t, b.p.PassControl(app, conv, suncotest.DefaultClientID))
		require.NoError(t, b.p.Say(app, "ada", "thanks"))
		synctest.Wait()
		var heard []string
		for _, d := range b.got {
			active := "conversation.activeSwitchboardIntegration."
			payload := string(d.Events[0].Payload)
			heard = append(heard, d.Events[0].Type+" "+field(t, payload, active+"name")+" "+
				field(t, payload, active+"integrationType"))
			assert.Regexp(t, idPattern, field(t, payload, active+"id"))
		}
		assert.Equal(t, []string{
			"conversation:create shoplifter shoplifter", "conversation:message shoplifter shoplifter",
			"switchboard:passControl zd-agentWorkspace zd:agentWorkspace",
			"conversation:message zd-agentWorkspace zd:agentWorkspace",
			"switchboard:passControl shoplifter shoplifter", "conversation:message shoplifter shoplifter",
		}, heard)
		a := b.api(b.install("acme"), http.MethodGet, acmeURL+"/v2/apps/"+app+"/conversations/"+conv, "")
		assert.Equal(t, "shoplifter", field(t, a.Body, "conversation.activeSwitchboardIntegration.integrationType"))
		require.ErrorContains(t, b.p.PassControl("nobody", conv, "x"), "no app")
		require.ErrorContains(t, b.p.PassControl(app, "nowhere", "x"), "no conversation")
	})
}

func TestSayRefuses(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	app := w.appID("acme")
	require.ErrorContains(t, w.p.Say("nobody", "ada", "x"), "no app")
	require.Error(t, w.p.Say(app, "", "x"))
	require.Error(t, w.p.Say(app, strings.Repeat("é", 1025), "x"))
	require.Error(t, w.p.Say(app, "ada", ""))
	require.Error(t, w.p.Say(app, "ada", strings.Repeat("é", 4097)))
	require.NoError(t, w.p.Say(app, strings.Repeat("é", 1024), strings.Repeat("é", 4096)))
	require.Empty(t, w.p.Deliveries())
}

func TestDeliveryTime(t *testing.T) {
	e := message(1)
	e.CreatedAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	body, err := io.ReadAll(suncotest.NewDelivery(suncotest.Webhook{}, "s", e).Body)
	require.NoError(t, err)
	assert.Contains(t, string(body), `"createdAt":"2026-01-02T03:04:05.000Z"`)
}
