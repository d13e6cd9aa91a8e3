package main

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

// consent answers the page a browser would see, and returns where it is sent.
func (p *program) consent(page answer, account, decision string) *url.URL {
	p.t.Helper()
	require.Equal(p.t, http.StatusOK, page.StatusCode, page.text)
	require.NotContains(p.t, page.text, "<script")
	nonce := regexp.MustCompile(`name="nonce" value="(\w+)"`).FindStringSubmatch(page.text)
	action := regexp.MustCompile(`action="([^"]+)"`).FindStringSubmatch(page.text)
	require.NotNil(p.t, nonce)
	require.NotNil(p.t, action)
	target, err := page.Request.URL.Parse(action[1])
	require.NoError(p.t, err)
	form := url.Values{"nonce": nonce[1:], "account": {account}, "decision": {decision}}
	back := p.send(http.MethodPost, target.String(), asForm, form.Encode(), "Origin", p.base)
	require.Equal(p.t, http.StatusFound, back.StatusCode, back.text)
	location, err := back.Location()
	require.NoError(p.t, err)
	return location
}

func TestConsent(t *testing.T) {
	p := start(t, "-subdomain", "acme", "-subdomain", "globex")
	ask := "/sc/oauth/authorize?response_type=code&client_id=shoplifter&state=s1" +
		"&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fcb%3Fx%3D1"
	page := p.get(ask)
	assert.Contains(t, page.text, `value="globex"`)
	assert.Contains(t, page.Header.Get("Content-Security-Policy"), "form-action 'self' http://127.0.0.1:3000")
	assert.Equal(t, "same-origin", page.Header.Get("Referrer-Policy"), "or browsers send Origin: null with the form")
	back := p.consent(page, "globex", "allow")
	assert.Equal(t, "127.0.0.1:3000", back.Host)
	assert.Equal(t, "1", back.Query().Get("x"))
	assert.Equal(t, "s1", back.Query().Get("state"))
	assert.NotEmpty(t, back.Query().Get("code"))

	back = p.consent(p.get(ask), "globex", "deny")
	assert.Equal(t, "access_denied", back.Query().Get("error"))
	assert.Empty(t, back.Query().Get("code"))
}

func TestRedirectURIs(t *testing.T) {
	authorize := func(p *program, uri string) answer {
		query := url.Values{"client_id": {"shoplifter"}, "response_type": {"code"}}
		if uri != "" {
			query.Set("redirect_uri", uri)
		}
		return p.get("/sc/oauth/authorize?" + query.Encode())
	}
	t.Run("registered", func(t *testing.T) {
		p := start(t, "-approve", "-redirect-uri", "https://one.example/cb", "-redirect-uri", "http://localhost:3000/two")
		for uri, want := range map[string]string{
			"":                          "one.example",
			"https://one.example/cb":    "one.example",
			"http://localhost:3000/two": "localhost:3000",
		} {
			back, err := authorize(p, uri).Location()
			require.NoError(t, err, uri)
			assert.Equal(t, want, back.Host)
		}
		for _, uri := range []string{"http://localhost:3000/three", "https://one.example/cb/"} {
			refused := authorize(p, uri)
			assert.Equal(t, http.StatusNotFound, refused.StatusCode)
			assert.Empty(t, refused.Header.Get("Location"))
		}
	})
	t.Run("any on loopback", func(t *testing.T) {
		p := start(t, "-approve")
		for uri, want := range map[string]int{
			"":                           http.StatusFound,
			"http://127.0.0.1:3000/cb":   http.StatusFound,
			"http://[::1]:3000/cb":       http.StatusFound,
			"https://app.localhost/cb":   http.StatusFound,
			"https://app.example/cb":     http.StatusNotFound,
			"http://localhost.example/":  http.StatusNotFound,
			"http://user@localhost/cb":   http.StatusNotFound,
			"javascript://localhost/x()": http.StatusNotFound,
		} {
			assert.Equal(t, want, authorize(p, uri).StatusCode, uri)
		}
	})
}

// TestSDK takes the module's own client, with nothing but its Domain set, through
// everything a partner does.
func TestSDK(t *testing.T) {
	app, seen := application(t)
	p := start(t, "-approve", "-subdomain", "globex", "-subdomain", "acme", "-client-id", "mybot",
		"-client-secret", "canary-secret", "-remove-url", app.URL+"/removed")
	client := &sunco.Client{
		ClientID: "mybot", ClientSecret: sunco.NewSecret("canary-secret"), Domain: "localhost:" + p.port,
		RedirectURI: app.URL + "/callback",
		Marketplace: sunco.Marketplace{Name: "My Bot", OrganizationID: "12345", BotID: "42"},
	}
	defer client.CloseIdleConnections()
	ctx := t.Context()
	authorize, err := client.AuthorizeURL("state-1")
	require.NoError(t, err)
	back, err := p.get(authorize).Location()
	require.NoError(t, err)
	token, err := client.Exchange(ctx, sunco.NewSecret(back.Query().Get("code")))
	require.NoError(t, err)
	in, err := client.Locate(ctx, &sunco.Installation{Token: token})
	require.NoError(t, err)
	assert.Equal(t, "globex", in.Subdomain, "the first -subdomain approves")

	hook, err := client.CreateWebhook(ctx, in, &sunco.Webhook{
		Target: app.URL + "/events", Triggers: []string{sunco.TriggerConversationMessage},
	})
	require.NoError(t, err)
	assert.Equal(t, "HEAD /events", <-seen)
	hooks, err := client.ListWebhooks(ctx, in)
	require.NoError(t, err)
	require.Len(t, hooks, 1)
	assert.Equal(t, hook.ID, hooks[0].ID)

	page := p.get("/?pane=settings").text
	assert.Contains(t, page, in.AppID)
	assert.Contains(t, page, app.URL+"/events")

	require.NoError(t, client.Revoke(ctx, in))
	removed := <-seen
	assert.Contains(t, removed, "POST /removed ")
	assert.Contains(t, removed, in.AppID)
	_, err = client.TokenInfo(ctx, in.Token)
	require.ErrorIs(t, err, sunco.ErrUnauthorized)
	page = p.get("/?pane=settings").text
	assert.NotContains(t, page, "Uninstall from")
	assert.NotContains(t, page, "<dt>Webhook</dt>")

	canaries := []string{
		"canary-secret", in.Token.AccessToken.Reveal(), hook.Secret.Reveal(), back.Query().Get("code"), "state-1",
	}
	for i, canary := range canaries {
		assert.False(t, strings.Contains(page, canary), "canary %d on the page", i)
		assert.False(t, strings.Contains(p.stderr.String(), canary), "canary %d on stderr", i)
	}
}
