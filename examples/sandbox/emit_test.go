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
	sent := p.send(http.MethodPost, "/sandbox/emit", asJSON, `{"appId":"`+id+`","trigger":"conversation:message","count":20}`)
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
	assert.NotContains(t, p.get("/").text, "/sandbox/emit", "nothing is installed")
	token, id := p.install("shoplifter", "sandbox-secret")
	p.subscribeTo(token, id, app.URL+"/hooks", `"user:merge"`)
	<-seen
	page := p.get("/").text
	for _, label := range []string{"Event in Acme</label>", "How many users of Acme</label>", ">Make it happen in Acme</button>"} {
		assert.Equal(t, 1, strings.Count(page, label), label)
	}
	assert.NotContains(t, page, "Event in Globex")
	for _, trigger := range suncotest.SampleTriggers() {
		assert.Equal(t, 1, strings.Count(page, "<option"+map[bool]string{true: " selected"}[trigger == "conversation:message"]+">"+trigger+"</option>"), trigger)
	}

	press := func(trigger, count, fragment string) string {
		form := url.Values{"appId": {id}, "trigger": {trigger}, "count": {count}}
		sent := p.send(http.MethodPost, "/sandbox/emit", asForm, form.Encode(), "Origin", p.base, "Sec-Fetch-Site", "same-origin")
		require.Equal(t, http.StatusSeeOther, sent.StatusCode, sent.text)
		at, err := sent.Location()
		require.NoError(t, err)
		assert.Equal(t, fragment, at.Fragment, "where there is something to see")
		return p.get(at.String()).text
	}
	page = press("user:merge", "3", "deliveries")
	assert.Len(t, received(t, seen).Events, 3)
	assert.Contains(t, page, `role="status">user:merge happened in Acme.`)
	assert.Contains(t, page, "<title>user:merge in Acme – Sandbox</title>")
	assert.Contains(t, page, "<code>user:merge</code> ×3<br>")
	assert.Contains(t, page, ">delivered</td>")
	assert.Contains(t, page, "<option selected>user:merge</option>")
	assert.Contains(t, page, "Probes, deliveries and the remove URL.")
	page = press("user:remove", "1", "")
	assert.Contains(t, page, `role="status">user:remove happened in Acme, but no webhook there asked for it.`)
	for _, query := range []string{"emitted=canary&trigger=user:merge", "emitted=" + id + "&trigger=canary", "trigger=user:merge"} {
		page = p.get("/?" + query).text
		assert.NotContains(t, page, "canary")
		assert.NotContains(t, page, "happened")
	}
}

func TestEmitBadInput(t *testing.T) {
	p := start(t, "-approve", "-subdomain", "acme", "-subdomain", "globex")
	_, id := p.install("shoplifter", "sandbox-secret")
	globex := regexp.MustCompile(`(?s)<h3>Globex</h3>.*?<code>(\w+)</code>`).FindStringSubmatch(p.get("/").text)
	require.NotNil(t, globex)
	const noApp = "There is no such app, or the integration is not installed in it."
	const noTrigger = "There is no such trigger. There are client:add, client:remove, "
	const noCount = "The count must be a whole number from 1 to 20."
	for name, test := range map[string]struct {
		contentType, body string
		want              int
		says              string
	}{
		"text":            {"text/plain", "canary", http.StatusUnsupportedMediaType, "JSON object"},
		"no trigger":      {asJSON, `{"appId":"APP"}`, http.StatusBadRequest, "-h shows"},
		"null":            {asJSON, `{"appId":"APP","trigger":"user:merge","count":null}`, http.StatusBadRequest, "-h shows"},
		"an array":        {asJSON, `{"appId":"APP","trigger":["user:merge"]}`, http.StatusBadRequest, "-h shows"},
		"more":            {asJSON, `{"appId":"APP","trigger":"user:merge","canary":"1"}`, http.StatusBadRequest, "-h shows"},
		"form twice":      {asForm, "appId=APP&trigger=user:merge&count=1&count=2", http.StatusBadRequest, "-h shows"},
		"too long":        {asForm, "trigger=" + strings.Repeat("x", 32<<10), http.StatusRequestEntityTooLarge, "could not be read"},
		"unknown app":     {asJSON, `{"appId":"canary","trigger":"user:merge"}`, http.StatusBadRequest, noApp},
		"not installed":   {asJSON, `{"appId":"` + globex[1] + `","trigger":"user:merge"}`, http.StatusBadRequest, noApp},
		"unknown trigger": {asJSON, `{"appId":"APP","trigger":"canary"}`, http.StatusBadRequest, noTrigger},
		"undocumented":    {asJSON, `{"appId":"APP","trigger":"passthrough:messaging"}`, http.StatusBadRequest, noTrigger},
		"none":            {asJSON, `{"appId":"APP","trigger":"user:merge","count":0}`, http.StatusBadRequest, noCount},
		"negative":        {asForm, "appId=APP&trigger=user:merge&count=-1", http.StatusBadRequest, noCount},
		"too many":        {asJSON, `{"appId":"APP","trigger":"user:merge","count":21}`, http.StatusBadRequest, noCount},
		"huge":            {asJSON, `{"appId":"APP","trigger":"user:merge","count":99999999999999999999}`, http.StatusBadRequest, noCount},
		"a fraction":      {asJSON, `{"appId":"APP","trigger":"user:merge","count":1.5}`, http.StatusBadRequest, noCount},
		"no number":       {asForm, "appId=APP&trigger=user:merge&count=canary", http.StatusBadRequest, noCount},
		"an empty count":  {asForm, "appId=APP&trigger=user:merge&count=", http.StatusBadRequest, noCount},
	} {
		got := p.send(http.MethodPost, "/sandbox/emit", test.contentType, strings.ReplaceAll(test.body, "APP", id))
		assert.Equal(t, test.want, got.StatusCode, name)
		assert.Contains(t, got.text, test.says, name)
		assert.NotContains(t, got.text, "canary", name)
	}
	form := "appId=" + id + "&trigger=user:merge"
	assert.Equal(t, http.StatusForbidden, p.send(http.MethodPost, "/sandbox/emit", asForm, form, "Origin", "http://evil.example").StatusCode)
	assert.Equal(t, http.StatusForbidden, p.send(http.MethodPost, "/sandbox/emit", asForm, form, "Host", "evil.example:"+p.port).StatusCode)
	assert.Equal(t, http.StatusMethodNotAllowed, p.get("/sandbox/emit").StatusCode)
	assert.Equal(t, http.StatusSeeOther, p.send(http.MethodPost, "/sandbox/emit", asForm, form).StatusCode, "without a count: one")
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
