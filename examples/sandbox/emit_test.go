package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

// delivered is what an application saw of a delivery.
type delivered struct {
	Events []struct {
		ID, Type string
		Payload  struct {
			Conversation struct{ ID string }
			User         struct{ ID string }
			Message      struct{ Author struct{ UserID string } }
		}
	}
}

// received reads what application saw.
func received(t *testing.T, seen <-chan string) (d delivered) {
	t.Helper()
	select {
	case line := <-seen:
		body, found := strings.CutPrefix(line, "POST /hooks ")
		require.True(t, found, line)
		require.NoError(t, json.Unmarshal([]byte(body), &d))
	case <-time.After(20 * time.Second):
		t.Fatal("no delivery")
	}
	return d
}

func quoted(list []string) string { return `"` + strings.Join(list, `","`) + `"` }

// One delivery for each trigger, of as many users in as many conversations as asked for.
func TestEmit(t *testing.T) {
	app, seen := application(t)
	p := start(t, "-approve")
	token, id := p.install("shoplifter", "sandbox-secret")
	p.subscribeTo(token, id, app.URL+"/hooks?key=canary-key", quoted(suncotest.SampleTriggers()))
	assert.Equal(t, "HEAD /hooks", <-seen)
	for _, trigger := range suncotest.SampleTriggers() {
		sent := p.send(http.MethodPost, "/sandbox/emit", asJSON, `{"appId":"`+id+`","trigger":"`+trigger+`"}`)
		require.Equal(t, http.StatusOK, sent.StatusCode, sent.text)
		assert.JSONEq(t, "{}", sent.text)
		d := received(t, seen)
		require.Len(t, d.Events, 1, trigger)
		assert.Equal(t, trigger, d.Events[0].Type)
	}
	sent := p.send(http.MethodPost, "/sandbox/emit", asJSON,
		`{"appId":"`+id+`","trigger":"conversation:message","count":20}`)
	require.Equal(t, http.StatusOK, sent.StatusCode, sent.text)
	d := received(t, seen)
	ids, users, conversations := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, e := range d.Events {
		ids[e.ID], users[e.Payload.Message.Author.UserID], conversations[e.Payload.Conversation.ID] = true, true, true
	}
	assert.Equal(t, "20 20 20 20", fmt.Sprint(len(d.Events), len(ids), len(users), len(conversations)))
	assert.NotContains(t, p.get("/").text+p.stderr.String(), "canary-key")
}

func TestEmitOnThePage(t *testing.T) {
	app, seen := application(t)
	p := start(t, "-approve", "-subdomain", "acme", "-subdomain", "globex")
	assert.NotContains(t, p.get("/?pane=event").text, "/sandbox/emit", "nothing is installed")
	token, id := p.install("shoplifter", "sandbox-secret")
	p.subscribeTo(token, id, app.URL+"/hooks", `"user:merge","passthrough:messaging"`)
	<-seen
	page := p.get("/?pane=event").text
	assert.Equal(t, 1, strings.Count(page, ">Make it happen in Acme</button>"))
	for _, trigger := range suncotest.SampleTriggers() {
		option := "<option>" + trigger + "</option>"
		if trigger == "conversation:message" {
			option = "<option selected>" + trigger + "</option>"
		}
		assert.Equal(t, 1, strings.Count(page, option), trigger)
	}
	page = p.get("/?pane=event&trigger=user:merge").text
	assert.Contains(t, page, "&#34;mergedUsers&#34;", "its sample")

	press := func(form url.Values) string {
		form.Set("appId", id)
		sent := p.send(http.MethodPost, "/sandbox/emit", asForm, form.Encode(), p.own()...)
		require.Equal(t, http.StatusSeeOther, sent.StatusCode, sent.text)
		return p.get(sent.Header.Get("Location")).text
	}
	page = press(url.Values{"trigger": {"user:merge"}, "count": {"3"}})
	assert.Len(t, received(t, seen).Events, 3)
	assert.Contains(t, page, `role="status">The event happened in Acme.`)
	assert.Contains(t, page, "<code>user:merge ×3</code>")
	page = press(url.Values{"trigger": {"user:remove"}})
	assert.Contains(t, page, `role="status">The event happened in Acme, but no webhook there has this trigger.`)
	press(url.Values{"trigger": {"passthrough:messaging"}, "payload": {`{"conversation":{"id":"mine"}}`}})
	got := received(t, seen)
	require.Len(t, got.Events, 1)
	assert.Equal(t, "passthrough:messaging", got.Events[0].Type)
	assert.Equal(t, "mine", got.Events[0].Payload.Conversation.ID, "a payload of one's own")
	assert.NotContains(t, p.get("/?did=canary&app="+id+"&trigger=canary").text, ">canary")
}

func TestEmitBadInput(t *testing.T) {
	t.Parallel()
	p := start(t, "-approve", "-subdomain", "acme", "-subdomain", "globex")
	_, id := p.install("shoplifter", "sandbox-secret")
	globex := regexp.MustCompile(`app=(\w+)[^"]*">Globex</a>`).FindStringSubmatch(p.get("/").text)
	require.NotNil(t, globex)
	const noApp = "There is no such app, or the integration is not installed in it."
	const noTrigger = "There is no such trigger. Use one of client:add, client:remove, "
	const bad = http.StatusBadRequest
	const noCount = "The count must be a whole number from 1 to 20."
	for name, test := range map[string]struct {
		contentType, body string
		want              int
		says              string
	}{
		"text":            {"text/plain", "canary", http.StatusUnsupportedMediaType, "JSON object"},
		"no trigger":      {asJSON, `{"appId":"APP"}`, bad, "-h shows"},
		"null":            {asJSON, `{"appId":"APP","trigger":"user:merge","count":null}`, bad, "-h shows"},
		"an array":        {asJSON, `{"appId":"APP","trigger":["user:merge"]}`, bad, "-h shows"},
		"more":            {asJSON, `{"appId":"APP","trigger":"user:merge","canary":"1"}`, bad, "-h shows"},
		"form twice":      {asForm, "appId=APP&trigger=user:merge&count=1&count=2", bad, "-h shows"},
		"too long":        {asForm, strings.Repeat("x", 512<<10+1), http.StatusRequestEntityTooLarge, "512"},
		"unknown app":     {asJSON, `{"appId":"canary","trigger":"user:merge"}`, bad, noApp},
		"not installed":   {asJSON, `{"appId":"` + globex[1] + `","trigger":"user:merge"}`, bad, noApp},
		"unknown trigger": {asJSON, `{"appId":"APP","trigger":"canary"}`, bad, noTrigger},
		"undocumented":    {asJSON, `{"appId":"APP","trigger":"passthrough:messaging"}`, bad, noTrigger},
		"none":            {asJSON, `{"appId":"APP","trigger":"user:merge","count":0}`, bad, noCount},
		"negative":        {asForm, "appId=APP&trigger=user:merge&count=-1", bad, noCount},
		"too many":        {asJSON, `{"appId":"APP","trigger":"user:merge","count":21}`, bad, noCount},
		"huge":            {asJSON, `{"appId":"APP","trigger":"user:merge","count":99999999999999}`, bad, noCount},
		"a fraction":      {asJSON, `{"appId":"APP","trigger":"user:merge","count":1.5}`, bad, noCount},
		"no JSON":         {asForm, "appId=APP&trigger=user:merge&payload=canary", bad, "JSON object"},
		"an array alone":  {asForm, "appId=APP&trigger=user:merge&payload=[]", bad, "JSON object"},
		"no type":         {asForm, "appId=APP&trigger=+&payload={}", bad, "have a type"},
		"no number":       {asForm, "appId=APP&trigger=user:merge&count=canary", bad, noCount},
		"an empty count":  {asForm, "appId=APP&trigger=user:merge&count=", bad, noCount},
	} {
		t.Run(name, func(t *testing.T) {
			got := p.send(http.MethodPost, "/sandbox/emit", test.contentType, strings.ReplaceAll(test.body, "APP", id))
			assert.Equal(t, test.want, got.StatusCode)
			assert.Contains(t, got.text, test.says)
			assert.NotContains(t, got.text+p.stderr.String(), "canary")
		})
	}
	form := "appId=" + id + "&trigger=user:merge"
	emit := func(header ...string) int {
		return p.send(http.MethodPost, "/sandbox/emit", asForm, form, header...).StatusCode
	}
	assert.Equal(t, http.StatusForbidden, emit("Origin", "http://evil.example"))
	assert.Equal(t, http.StatusForbidden, emit("Host", "evil.example:"+p.port))
	assert.Equal(t, http.StatusMethodNotAllowed, p.get("/sandbox/emit").StatusCode)
	assert.Equal(t, http.StatusSeeOther, emit(), "without a count: one")
}

// The bot of a partner with another client id answers samples too.
func TestSamplesNameTheBot(t *testing.T) {
	app, seen := application(t)
	p := start(t, "-approve", "-client-id", `my "bot"`)
	token, id := p.install(`my "bot"`, "sandbox-secret")
	p.subscribe(token, id, app.URL+"/hooks")
	<-seen
	const active = `"name":"my \"bot\"","integrationId":"71c2e0b14d5b8f3616a0e7d9","integrationType":"my \"bot\""`
	form := url.Values{"appId": {id}, "trigger": {"conversation:message"}, "count": {"1"}}
	p.send(http.MethodPost, "/sandbox/emit", asForm, form.Encode(), p.own()...)
	assert.Contains(t, <-seen, active)
	assert.NotContains(t, p.get("/?pane=event").text, "shoplifter")
}

// What the flags promise, as an application sees it.
func TestDeliveryFlagsOnTheWire(t *testing.T) {
	app, seen := application(t)
	p := start(t, "-approve", "-delivery-copies", "1", "-delivery-doubled")
	token, id := p.install("shoplifter", "sandbox-secret")
	p.subscribe(token, id, app.URL+"/hooks")
	<-seen
	body := `{"appId":"` + id + `","trigger":"conversation:message","count":2}`
	require.Equal(t, http.StatusOK, p.send(http.MethodPost, "/sandbox/emit", asJSON, body).StatusCode)
	one, two := received(t, seen), received(t, seen)
	require.Len(t, one.Events, 4)
	assert.Equal(t, one.Events[0].ID, one.Events[1].ID)
	assert.NotEqual(t, one.Events[1].ID, one.Events[2].ID)
	assert.Equal(t, one, two)
}
