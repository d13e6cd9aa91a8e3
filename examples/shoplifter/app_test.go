package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/examples/internal/partner"
)

func TestByClicking(t *testing.T) {
	env := embeddedEnv(t)
	p, b := start(t, env), newBrowser(t)
	front := b.visit(p.base + "/")
	assert.Contains(t, front.text, "None yet.")

	page := b.connect(p, "globex")
	assert.Contains(t, page.text, `role="status">Connected.`)
	assert.Contains(t, page.text, "<title>Connected. Shoplifter now receives this account&#39;s conversations. "+
		"globex – Shoplifter</title>")
	assert.Contains(t, page.text, "<h1>globex</h1>")
	assert.Contains(t, page.text, p.base+"/zendesk/events")
	assert.Contains(t, page.text, "<code>conversation:message</code>")
	assert.True(t, strings.HasPrefix(page.Request.URL.Path, "/installations/"))
	assert.Contains(t, page.text, "<code>"+strings.TrimPrefix(page.Request.URL.Path, "/installations/")+"</code>")
	assert.Equal(t, "said=connected", page.Request.URL.RawQuery, "no code, no state")
	here := p.base + page.Request.URL.Path

	admin := b.link(page, "Open the admin settings of this account")
	assert.Regexp(t, `^http://globex\.localhost:\d+/admin/ai/ai-agents/ai-agents/marketplace-bots$`, admin)
	assert.Contains(t, b.visit(admin).text, "Globex Gardens")

	for range 2 { // the second finds the user and the conversation
		page = b.press(page, "Send the test message")
		assert.Contains(t, page.text, "The test message was sent.")
	}
	page = b.until(here, testMessage, true)
	assert.Contains(t, page.text, "<strong>Shoplifter Visitor</strong>")
	assert.Contains(t, page.text, "conversation:create")

	b.connect(p, "acme")
	front = b.visit(p.base + "/")
	assert.Contains(t, front.text, ">acme</a>")
	assert.Contains(t, front.text, ">globex</a>")
	kept := append(secrets(t, env), b.codes...)
	require.Len(t, kept, 6)

	front = b.press(b.visit(here), "Uninstall from globex")
	assert.Contains(t, front.text, `role="status">Uninstalled.`)
	assert.NotContains(t, front.text, ">globex</a>")
	assert.Contains(t, front.text, ">acme</a>")
	assert.Equal(t, http.StatusNotFound, b.visit(here).StatusCode)
	path := page.Request.URL.Path
	assert.Equal(t, http.StatusNotFound, removeAt(t, b.link(front, "Sandbox"), path), "it is removed already")

	assert.Equal(t, 0, p.stop())
	for i, secret := range kept {
		assert.False(t, strings.Contains(b.seen.String(), secret), "secret %d on a page", i)
		assert.False(t, strings.Contains(p.stderr.String(), secret), "secret %d in the log", i)
	}
}

func TestDeny(t *testing.T) {
	p, b := start(t, embeddedEnv(t)), newBrowser(t)
	consent := b.visit(p.base + partner.InstallPath)
	denied := b.press(consent, "Deny", "account", "acme")
	assert.Equal(t, http.StatusForbidden, denied.StatusCode)
	assert.Contains(t, denied.text, "You pressed Deny")
	assert.Contains(t, b.visit(p.base+"/").text, "None yet.")
	assert.Contains(t, b.connect(p, "acme").text, "Connected.", "and again")
}

func TestAnotherBrowsersCallback(t *testing.T) {
	env := embeddedEnv(t)
	p, b := start(t, env), newBrowser(t)
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	begun := b.visit(p.base + partner.InstallPath)
	consent := b.visit(begun.Header.Get("Location"))
	back := b.press(consent, "Allow", "account", "acme").Header.Get("Location")
	require.Contains(t, back, "code=")

	stranger := newBrowser(t).visit(back)
	assert.Equal(t, http.StatusBadRequest, stranger.StatusCode)
	assert.Contains(t, stranger.text, "did not begin in this browser")
	tampered := b.visit(strings.Replace(back, "state=", "state=x", 1))
	assert.Equal(t, http.StatusBadRequest, tampered.StatusCode)
	assert.Empty(t, secrets(t, env))

	first := b.visit(back)
	assert.Equal(t, http.StatusSeeOther, first.StatusCode)
	assert.Equal(t, first.Header.Get("Location"), b.visit(back).Header.Get("Location"), "loaded again")
	assert.Len(t, secrets(t, env), 2)
}

func TestRemovedByTheCustomer(t *testing.T) {
	env := embeddedEnv(t)
	p, b := start(t, env), newBrowser(t)
	page := b.connect(p, "acme")
	require.Equal(t, http.StatusOK, removeAt(t, b.link(page, "Sandbox"), page.Request.URL.Path))
	front := b.until(p.base+"/", "acme was disconnected.", true)
	assert.NotContains(t, front.text, ">acme</a>")
	assert.Empty(t, secrets(t, env))
}

func TestForgedRemoval(t *testing.T) {
	env := embeddedEnv(t)
	p, b := start(t, env), newBrowser(t)
	page := b.connect(p, "acme")
	id := strings.TrimPrefix(page.Request.URL.Path, "/installations/")
	removal := strings.NewReader(`{"appId":"` + id + `","integrationId":"x"}`)
	res, err := http.Post(p.base+partner.RemovedPath, "application/json", removal)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Contains(t, b.press(page, "Send the test message").text, "was sent")
	assert.Len(t, secrets(t, env), 2)
}

func TestRestartOfTheSandbox(t *testing.T) {
	env := embeddedEnv(t)
	p, b := start(t, env), newBrowser(t)
	b.connect(p, "acme")
	require.Len(t, secrets(t, env), 2)
	require.Equal(t, 0, p.stop())
	require.Nil(t, database(t, env), "the sandbox is gone, and so are the tokens for it")

	p = start(t, env)
	assert.Contains(t, b.visit(p.base+"/").text, "None yet.")
	assert.Contains(t, b.connect(p, "acme").text, "Connected.")
}

// TestTwoProcesses has two programs share one database: a connection that is made with
// one is there in the other, and each event is answered once.
func TestTwoProcesses(t *testing.T) {
	env, zendesk := faulty(t)
	first, second, b := start(t, env), start(t, env), newBrowser(t)
	path := b.connect(first, "acme").Request.URL.Path
	assert.Contains(t, b.visit(second.base+path).text, "<h1>acme</h1>")
	for _, p := range []*program{first, second, first, second} {
		for _, answer := range p.atOnce(2, path+"/message") {
			assert.Equal(t, path+"?said=sent", answer)
		}
	}
	answered(t, zendesk, 8)
	assert.Contains(t, b.press(b.visit(second.base+path), "Uninstall from acme").text, "Uninstalled.")
	assert.Equal(t, http.StatusNotFound, b.visit(first.base+path).StatusCode)
	assert.Empty(t, secrets(t, env))
}

func TestRestart(t *testing.T) {
	env := platform(t)
	p, b := start(t, env), newBrowser(t)
	page := b.connect(p, "acme")
	path := page.Request.URL.Path
	globex := b.connect(p, "globex").Request.URL.Path
	before := secrets(t, env)
	require.Equal(t, 0, p.stop())

	second := start(t, env) // at another address
	require.NotEqual(t, p.base, second.base)
	page = b.until(second.base+path, "webhook is missing", false)
	assert.Contains(t, page.text, second.base+partner.EventsPath, "the webhook has moved")
	assert.Equal(t, before, secrets(t, env), "the same tokens and webhooks")
	b.press(page, "Send the test message")
	b.until(second.base+path, testMessage, true)

	box := "http://" + env["ZENDESK_DOMAIN"] + "/"
	require.Equal(t, http.StatusOK, removeAt(t, box, globex)) // and nobody is told
	page = b.visit(b.link(b.visit(second.base+"/"), "globex"))
	gone := b.press(page, "Send the test message")
	assert.Equal(t, http.StatusConflict, gone.StatusCode)
	assert.Contains(t, gone.text, "the customer removed the integration")
	assert.NotContains(t, b.visit(second.base+"/").text, ">globex</a>")
	require.Equal(t, 0, second.stop())

	require.Equal(t, http.StatusOK, removeAt(t, box, path))
	third := start(t, env) // which asks token info
	b.until(third.base+"/", "acme was disconnected: Zendesk refuses its token.", true)
	assert.Empty(t, secrets(t, env))
	for _, p := range []*program{p, second, third} {
		for i, secret := range append(before, "canary-secret") {
			assert.False(t, strings.Contains(b.seen.String(), secret), "secret %d on a page", i)
			assert.False(t, strings.Contains(p.stderr.String(), secret), "secret %d in the log", i)
		}
	}
}

func TestForeignHosts(t *testing.T) {
	p, b := start(t, embeddedEnv(t)), newBrowser(t)
	u, err := url.Parse(p.base)
	require.NoError(t, err)
	for host, own := range map[string]bool{
		u.Host:                               true,
		"127.0.0.1:" + u.Port():              true,
		"[::1]:" + u.Port():                  true,
		"LocalHost:" + u.Port():              true,
		"localhost":                          false,
		"localhost:1":                        false,
		"192.0.2.1:" + u.Port():              false,
		"evil.example:" + u.Port():           false,
		"evil.example":                       false,
		"localhost.evil.example:" + u.Port(): false,
	} {
		for _, path := range []string{"/", "/style.css", partner.InstallPath, partner.EventsPath, "/nowhere"} {
			got := b.transport.Clone()
			req, err := http.NewRequest(http.MethodGet, p.base+path, nil)
			require.NoError(t, err)
			req.Host = host
			res, err := got.RoundTrip(req)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			got.CloseIdleConnections()
			assert.Equal(t, own, res.StatusCode != http.StatusMisdirectedRequest, "%s%s: %d", host, path, res.StatusCode)
		}
	}
}

func TestPublicHost(t *testing.T) {
	const here = "192.0.2.7"
	for public, names := range map[string]map[string]bool{
		"https://bot.example": {
			"bot.example": true, "bot.example:443": true, "Bot.Example:8443": true, "localhost:3000": true,
			"evil.example": false, "bot.example.evil.example": false, "evil.example:443": false,
			here + ":3000": false, "localhost:443": false,
		},
		"https://bot.example:8443": {"bot.example:8443": true, "bot.example": true, "evil.example:8443": false},
		"": {
			here + ":3000": true, here: false, here + ":1": false, "localhost:3000": true, "evil.example:3000": false,
		},
	} {
		cfg := &config{Settings: partner.Settings{PublicURL: public}, localURL: "http://" + here + ":3000"}
		a := &app{cfg: cfg, pages: newPages()}
		handler := a.onlyOwnHosts(&net.TCPAddr{Port: 3000}, http.NotFoundHandler())
		for host, own := range names {
			answer, req := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
			req.Host = host
			handler.ServeHTTP(answer, req)
			assert.Equal(t, own, answer.Code == http.StatusNotFound, "%s at %q: %d", host, public, answer.Code)
		}
	}
}

func TestCrossOrigin(t *testing.T) {
	env := embeddedEnv(t)
	p, b := start(t, env), newBrowser(t)
	here := p.base + b.connect(p, "acme").Request.URL.Path
	for _, header := range [][]string{
		{"Origin", "http://evil.example"},
		{"Origin", "null"},
		{"Origin", "http://localhost:1"},
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
	} {
		for _, action := range []string{here + "/message", here + "/webhook", here + "/uninstall", p.base + "/finish"} {
			got := b.do(http.MethodPost, action, url.Values{}, header...)
			assert.Equal(t, http.StatusForbidden, got.StatusCode, "%s %v", action, header)
		}
	}
	assert.Equal(t, http.StatusNotFound, b.visit(here+"/uninstall").StatusCode, "GET does nothing")
	assert.Contains(t, b.visit(here).text, "Uninstall from acme")
	assert.Contains(t, b.visit(here).text, "None yet.")
}

func TestEveryPage(t *testing.T) {
	p, b := start(t, embeddedEnv(t)), newBrowser(t)
	here := p.base + b.connect(p, "acme").Request.URL.Path
	for target, want := range map[string]int{
		p.base + "/":                     http.StatusOK,
		p.base + "/?said=%3Cb%3Ecanary":  http.StatusOK,
		here:                             http.StatusOK,
		p.base + "/installations/canary": http.StatusNotFound,
		p.base + "/canary":               http.StatusNotFound,
		p.base + partner.InstallPath + "?return_to=//canary":      http.StatusBadRequest,
		p.base + partner.InstallPath + "?code=canary&state=y":     http.StatusBadRequest,
		p.base + partner.InstallPath + "?error=canary&state=y":    http.StatusBadRequest,
		p.base + partner.InstallPath + "?code=canary&code=canary": http.StatusBadRequest,
	} {
		page := b.visit(target)
		assert.Equal(t, want, page.StatusCode, target)
		assert.Equal(t, pagePolicy, page.Header.Get("Content-Security-Policy"), target)
		assert.Equal(t, "no-store", page.Header.Get("Cache-Control"), target)
		assert.Equal(t, "nosniff", page.Header.Get("X-Content-Type-Options"), target)
		for _, never := range []string{"<script", "style=", "onclick", "canary", "https://", "//cdn"} {
			assert.NotContains(t, page.text, never, target)
		}
		for _, always := range []string{`<html lang="en">`, "<main", "<header>", "<footer>", "name=\"viewport\""} {
			assert.Contains(t, page.text, always, target)
		}
		assert.Equal(t, 1, strings.Count(page.text, "<h1>"), target)
	}
	for file, contentType := range map[string]string{
		"/style.css": "text/css; charset=utf-8", "/icon.svg": "image/svg+xml",
	} {
		got := b.visit(p.base + file)
		assert.Equal(t, http.StatusOK, got.StatusCode)
		assert.Equal(t, contentType, got.Header.Get("Content-Type"))
	}
}
