package suncotest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

func TestRecordedReplies(t *testing.T) {
	d := newDesk(t)
	a := d.post("/users", `{"externalId":"jane"}`)
	all := d.p.Requests()
	last := all[len(all)-1]
	assert.Equal(t, a.Header.Get("X-Request-Id"), last.ID)
	assert.Equal(t, `201 {"externalId":"jane"} `+a.Body,
		fmt.Sprint(last.Status, " ", string(last.Body), " ", string(last.ReplyBody)))
	assert.Equal(t, []int{len(last.Body), len(last.ReplyBody)}, []int{last.Size, last.ReplySize})
	assert.Equal(t, "application/json; charset=utf-8", last.ReplyHeader.Get("Content-Type"))
	assert.Positive(t, last.Took)

	d.p.Mount("partner.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Partner", "yes")
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("no"))
	}))
	requireProblem(t, d.post("/integrations/me/webhooks", goodHook), 400)
	calls := d.p.Calls()
	assert.Equal(t, "yes", calls[0].ReplyHeader.Get("X-Partner"))
	assert.Equal(t, http.StatusTeapot, calls[0].Status)
	assert.NotEqual(t, all[0].ID, calls[0].ID)
}

// The record keeps what JSON may have, the beginning of a file, and 12 MiB of all.
func TestRecordIsSmall(t *testing.T) {
	d := newDesk(t)
	id := d.user("jane")
	conv := d.conversation(id)
	media := mediaOf(t, d.upload("access=public", "x", "", bytes.Repeat([]byte("x"), 1_000_000)))
	d.do("GET", media, "")
	all := d.p.Requests()
	up, down := all[len(all)-2], all[len(all)-1]
	assert.Equal(t, []int{100_000, 100_000}, []int{len(up.Body), len(down.ReplyBody)})
	assert.Greater(t, up.Size, 1_000_000)
	assert.Equal(t, 1_000_000, down.ReplySize)
	for range 100 {
		require.Equal(t, 201, d.post("/conversations/"+conv+"/messages", `{"author":{"type":"business"},"content":`+
			`{"type":"text","text":"x","payload":"`+strings.Repeat("x", 99_000)+`"}}`).Status)
	}
	all = d.p.Requests()
	total := 0
	for _, r := range all {
		total += len(r.Body) + len(r.ReplyBody)
	}
	assert.Less(t, total, 12<<20)
	assert.Greater(t, total, 11<<20)
	assert.Len(t, all[len(all)-1].Body, all[len(all)-1].Size, "the latest is whole")
}

// Redacted hides every credential that a whole life has, and nothing else.
func TestRedacted(t *testing.T) {
	w := newWorld(t, suncotest.Config{
		ClientSecret: "canary-client-secret", RemoveURL: "https://partner.example/removed",
	})
	var secrets []string
	code := ""
	for _, state := range []string{"canary-state", "canary-other"} {
		back, err := w.p.Allow(t.Context(), authorizeURL("state", state), "")
		require.NoError(t, err)
		code = back.Query().Get("code")
		secrets = append(secrets, state, code)
	}
	answered := make(chan string, 10)
	w.p.Mount("partner.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "canary-cookie"})
		if r.Method == http.MethodPost {
			answered <- "canary-cookie"
		}
	}))
	body := strings.Replace(tokenBody(code), suncotest.DefaultClientSecret, "canary-client-secret", 1)
	a := w.do("POST", bridgeURL+"/oauth/token", strings.Replace(body, code, "wrong", 1), "Content-Type", jsonType)
	require.Equal(t, 401, a.Status)
	token := field(t, w.do("POST", bridgeURL+"/oauth/token", body, "Content-Type", jsonType).Body, "access_token")
	form := url.Values{"grant_type": {"authorization_code"}, "code": {secrets[1]}, "client_id": {"shoplifter"},
		"client_secret": {"canary-client-secret"}}
	a = w.do("POST", bridgeURL+"/oauth/token", form.Encode(), "Content-Type", formType)
	second := field(t, a.Body, "access_token")
	d := &desk{w, token, acmeURL + "/v2/apps/" + w.appID("acme")}
	secret := field(t, d.post("/integrations/me/webhooks", goodHook).Body, "webhook.secret")
	d.get("/integrations/me/webhooks")
	require.Equal(t, 201, d.post("/users", `{"externalId":"jane","metadata":{"token":"`+token+`"}}`).Status)
	require.NoError(t, w.p.Say(d.appID("acme"), "ada", "hello, my code is 123"))
	assert.Equal(t, "canary-cookie", <-answered)
	w.p.Close()

	raw, hidden := "", ""
	for _, r := range append(w.p.Requests(), w.p.Calls()...) {
		show := func(r suncotest.Request) string {
			return fmt.Sprintln(r.Method, r.Host, r.Path, r.RawQuery, r.Header, string(r.Body), r.ReplyHeader,
				string(r.ReplyBody), r.Note)
		}
		before := show(r)
		raw, hidden = raw+before, hidden+show(r.Redacted())
		assert.Equal(t, before, show(r), "the original is not changed")
	}
	nonces := regexp.MustCompile(`name="nonce" value="([0-9a-f]+)"`).FindStringSubmatch(raw)
	require.NotNil(t, nonces)
	secrets = append(secrets, token, second, secret, nonces[1], "canary-client-secret", "canary-cookie")
	for i, s := range secrets {
		assert.True(t, strings.Contains(raw, s), "secret %d is in the record", i)
		assert.False(t, strings.Contains(hidden, s), "secret %d is hidden", i)
	}
	for _, kept := range []string{
		"client_id=shoplifter", `"code":"invalid_grant"`, "my code is 123", `"externalId":"jane"`,
		"X-Api-Key:[REDACTED]", "Authorization:[REDACTED]", `"triggers":["conversation:message"]`,
	} {
		assert.Contains(t, hidden, kept)
	}
}

func TestRedeliver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInbox(t, suncotest.Config{Behavior: suncotest.Behavior{DeliveryDoubled: true}})
		app, hook, _ := b.subscribe(messagesOnly)
		require.NoError(t, b.p.Emit(app, message(1), message(2)))
		synctest.Wait()
		first := b.p.Deliveries()[0]
		require.NoError(t, b.p.Redeliver(first.ID, false))
		synctest.Wait()
		require.NoError(t, b.p.Redeliver(first.ID, true))
		synctest.Wait()
		require.Len(t, b.got, 3)
		assert.Equal(t, b.got[0], b.got[1])
		all := b.p.Deliveries()
		require.Len(t, all, 3)
		assert.Equal(t, string(first.Body), string(all[1].Body))
		ids := func(i int) (all []string) {
			for _, e := range b.got[i].Events {
				all = append(all, e.ID)
			}
			return all
		}
		was, is := ids(0), ids(2)
		require.Len(t, is, 4)
		assert.Equal(t, []bool{true, true}, []bool{is[0] == is[1], is[2] == is[3]}, "doubled as before")
		assert.NotEqual(t, is[0], is[2])
		for _, id := range is {
			assert.NotContains(t, was, id)
		}
		for i := range is {
			b.got[2].Events[i].ID = was[i]
		}
		assert.Equal(t, b.got[0], b.got[2], "the rest is the same")

		require.ErrorContains(t, b.p.Redeliver("x", false), "no delivery")
		require.Equal(t, 200, b.api(b.install("acme"), "DELETE", b.hooksURL(acmeURL, "acme")+"/"+hook, "").Status)
		require.ErrorContains(t, b.p.Redeliver(first.ID, false), "deleted")
	})
}

// Bodies are kept within 8 MiB, and those of deliveries that are pending in any case.
func TestDeliveriesAreSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInbox(t, suncotest.Config{})
		app, _, _ := b.subscribe(messagesOnly)
		seen := 0
		b.p.Mount("partner.example", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if seen++; seen == 1 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}))
		large, _ := json.Marshal(strings.Repeat("x", 500_000))
		for range 20 {
			require.NoError(t, b.p.Emit(app, suncotest.Event{Trigger: "conversation:message", Payload: json.RawMessage(large)}))
			synctest.Wait()
		}
		total, none := 0, 0
		all := b.p.Deliveries()
		for _, d := range all {
			total += len(d.Body)
			if d.Body == nil {
				none++
			}
		}
		assert.Equal(t, suncotest.Pending, all[0].Outcome)
		assert.NotNil(t, all[0].Body, "it has to be sent once more")
		assert.LessOrEqual(t, total, 8<<20)
		assert.Greater(t, total, 7<<20)
		require.NoError(t, b.p.Redeliver(all[19].ID, true))
		for _, d := range all {
			if d.Body == nil {
				require.ErrorContains(t, b.p.Redeliver(d.ID, false), "not kept")
			}
		}
		assert.Equal(t, 4, none)
	})
}
