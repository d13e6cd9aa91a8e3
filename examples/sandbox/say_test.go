package main

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// subscribe creates a webhook for messages.
func (p *program) subscribe(token, id, target string) {
	p.t.Helper()
	p.subscribeTo(token, id, target, `"conversation:message"`)
}

// subscribeTo creates a webhook for a list of triggers, as JSON.
func (p *program) subscribeTo(token, id, target, triggers string) {
	p.t.Helper()
	made := p.send(http.MethodPost, "/sc/v2/apps/"+id+"/integrations/me/webhooks", asJSON,
		`{"target":"`+target+`","triggers":[`+triggers+`]}`, "Authorization", "Bearer "+token)
	require.Equal(p.t, http.StatusCreated, made.StatusCode, made.text)
}

// row opens the latest row of the log with this title.
func (p *program) row(page, title string) string {
	p.t.Helper()
	pattern := `(?s)href="(/\?[^"]*row=\w+[^"]*)"[^>]*>\s*<time[^>]*>[^<]*</time> <span class="what">[^<]*` +
		`<span class="aside">\w+ </span><code>` + regexp.QuoteMeta(title) + `</code>`
	found := regexp.MustCompile(pattern).FindAllStringSubmatch(page, -1)
	require.NotEmpty(p.t, found, "no row %s", title)
	return p.get(html.UnescapeString(found[len(found)-1][1])).text
}

func TestSay(t *testing.T) {
	app, seen := application(t)
	p := start(t, "-approve")
	token, id := p.install("shoplifter", "sandbox-secret")
	p.subscribe(token, id, app.URL+"/hooks?key=canary-key")
	assert.Equal(t, "HEAD /hooks", <-seen)

	page := p.get("/")
	assert.Contains(t, page.text, "Message to Acme</label>")
	back := url.Values{"app": {id}, "user": {"ada"}, "pane": {"log"}}.Encode()
	form := "appId=" + id + "&user=ada&text=Do+you+have+%3Cb%3Eshoes%3F&back=" + url.QueryEscape(back)
	sent := p.send(http.MethodPost, "/sandbox/say", asForm, form, p.own()...)
	require.Equal(t, http.StatusSeeOther, sent.StatusCode, sent.text)
	assert.Contains(t, <-seen, "Do you have <b>shoes?")

	assert.Equal(t, "/?"+back+"&did=say", sent.Header.Get("Location"), "the page stays where it is")
	page = p.get(sent.Header.Get("Location"))
	assert.Contains(t, page.text, `role="status">The message to Acme was sent.`)
	assert.Contains(t, page.text, "<title>The message to Acme was sent. – Sandbox</title>")
	assert.Contains(t, page.text, `<p class="text">Do you have &lt;b&gt;shoes?</p>`)
	assert.Contains(t, page.text, `<p class="state">delivered</p>`)
	assert.Contains(t, page.text, "<code>conversation:message</code> ada: Do you have")
	row := p.row(page.text, "conversation:message")
	assert.Regexp(t, `Attempts: 200 in [\d.]+(µs|ms|s)<`, row)
	assert.NotContains(t, page.text+row+p.stderr.String(), "canary-key")
	assert.NotContains(t, p.get("/?did=say&app=nobody").text, "nobody</title>")

	said := p.send(http.MethodPost, "/sandbox/say", asJSON, `{"appId":"`+id+`","user":"bob","text":"hello"}`)
	assert.Equal(t, http.StatusOK, said.StatusCode)
	assert.JSONEq(t, "{}", said.text)
	assert.Contains(t, <-seen, "hello")
}

func TestSayToOneThatRefusesAndOneThatFails(t *testing.T) {
	status := http.StatusForbidden
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(status)
		}
	}))
	defer app.Close()
	p := start(t, "-approve")
	token, id := p.install("shoplifter", "sandbox-secret")
	p.subscribe(token, id, app.URL)
	form := "appId=" + id + "&user=ada&text=hello"
	p.send(http.MethodPost, "/sandbox/say", asForm, form)
	page := p.get("/").text
	assert.Contains(t, p.row(page, "conversation:message"), "Attempts: 403 in ")
	assert.Contains(t, page, `<p class="state">refused</p>`)
	assert.Contains(t, page, "Errors 1</a>")

	status = http.StatusServiceUnavailable
	p.send(http.MethodPost, "/sandbox/say", asForm, form)
	page = p.get("/?user=ada").text
	assert.Regexp(t, `Attempts: 503 in [^<]+, next at \d\d:`, p.row(page, "conversation:message"))
	assert.Contains(t, page, `<p class="state">pending</p>`)
	assert.Contains(t, page, "Errors 2</a>")
}

func TestSayBadInput(t *testing.T) {
	t.Parallel()
	const acme = "appId=385e5d938ef09fb9c71e3a79"
	p := start(t)
	for name, test := range map[string]struct {
		contentType, body string
		want              int
	}{
		"text":         {"text/plain", "canary", http.StatusUnsupportedMediaType},
		"no text":      {asJSON, `{"appId":"x","user":"canary"}`, http.StatusBadRequest},
		"null":         {asJSON, `{"appId":"x","user":"canary","text":null}`, http.StatusBadRequest},
		"more":         {asJSON, `{"appId":"x","user":"canary","text":"y","z":"canary"}`, http.StatusBadRequest},
		"form twice":   {asForm, "appId=x&user=canary&text=y&text=z", http.StatusBadRequest},
		"unknown app":  {asForm, "appId=canary&user=u&text=y", http.StatusBadRequest},
		"nothing said": {asForm, acme + "&user=canary&text=", http.StatusBadRequest},
		"blank":        {asForm, acme + "&user=canary&text=+%0A+", http.StatusBadRequest},
		"nobody":       {asForm, acme + "&user=+&text=canary", http.StatusBadRequest},
		"long":         {asForm, acme + "&user=canary&text=" + strings.Repeat("x", 5000), http.StatusBadRequest},
		"too long":     {asForm, "text=" + strings.Repeat("x", 512<<10), http.StatusRequestEntityTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			got := p.send(http.MethodPost, "/sandbox/say", test.contentType, test.body)
			assert.Equal(t, test.want, got.StatusCode)
			assert.NotContains(t, got.text, "canary")
		})
	}
	assert.NotContains(t, p.get("/").text+p.stderr.String(), "canary")
	refused := p.send(http.MethodPost, "/sandbox/say", asForm, acme+"&user=u&text=y", "Origin", "http://evil.example")
	assert.Equal(t, http.StatusForbidden, refused.StatusCode)
}
