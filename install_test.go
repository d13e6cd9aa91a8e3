package sunco_test

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

func TestInstallFromLinkToInstallation(t *testing.T) {
	p := newPartner(t)
	b := p.browser()
	zendesk := b.begin()
	assert.True(t, strings.HasPrefix(zendesk, bridgeBase+"/oauth/authorize?"))
	assertRedirect(t, b.get(p.allow(zendesk)), "/")
	require.Len(t, p.installed, 1)
	in := p.installed[0]
	assert.Equal(t, "acme", in.Subdomain)
	assert.NotEmpty(t, in.AppID)
	assert.False(t, in.Token.AccessToken.IsZero())
	assert.Empty(t, in.Webhooks, "those that are stored still deliver")
	require.Len(t, p.tokens, 1)
	assert.Equal(t, &sunco.Installation{Token: in.Token}, p.tokens[0], "what was saved is not modified later")
	assert.Empty(t, p.errs)
}

func TestInstallStatesAreNeverRepeated(t *testing.T) {
	p := newPartner(t)
	seen := map[string]bool{}
	for range 200 {
		seen[digest(parameter(t, p.browser().begin(), "state"))] = true
	}
	assert.Len(t, seen, 200)
}

func TestInstallTwoTabs(t *testing.T) {
	p := newPartner(t)
	b := p.browser()
	first, second := b.begin("?return_to=/one"), b.begin("?return_to=/two")
	assertRedirect(t, b.get(p.allow(second)), "/two")
	assertRedirect(t, b.get(p.allow(first)), "/one")
	assert.Len(t, p.installed, 2)
}

func TestInstallMisconfigured(t *testing.T) {
	good := newPartner(t)
	for _, i := range []*sunco.Installer{{}, {Client: good.Client}, {Save: good.Save}} {
		assert.PanicsWithValue(t, "sunco: Installer needs Client and Save", func() {
			i.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, installURL, nil))
		})
	}
	for name, client := range map[string]*sunco.Client{
		"client secret": {ClientID: "a"},
		"client id":     {ClientSecret: sunco.NewSecret("b")},
		"domain":        {ClientID: "a", ClientSecret: sunco.NewSecret("b"), Domain: "https://x"},
	} {
		p := newPartner(t)
		p.Client = client
		resp := p.browser().get(installURL)
		assertPage(t, resp, http.StatusInternalServerError)
		assert.Empty(t, resp.Cookies())
		requireInput(t, name, p.lastError())
	}
	p := newPartner(t)
	p.Webhook = &sunco.Webhook{Target: "https://bot.example/hook"}
	assertPage(t, p.browser().get(installURL), http.StatusInternalServerError)
	requireInput(t, "webhook triggers", p.lastError())
	p = newPartner(t)
	b := p.browser()
	callback := p.allow(b.begin())
	p.Client.ClientSecret = sunco.Secret{} // nobody may make a cookie without a secret
	assertPage(t, b.get(callback), http.StatusInternalServerError)
	requireInput(t, "client secret", p.lastError())
	assert.Zero(t, p.exchanges())
}

// A page says which of three things happened, and nothing else.
func TestInstallPages(t *testing.T) {
	p := newPartner(t)
	p.OnError = nil
	b := p.browser()
	denied, err := p.platform.Deny(t.Context(), b.begin())
	require.NoError(t, err)
	failed := with(t, p.allow(b.begin()), "code", "stale")
	pages := map[string]string{}
	for name, tc := range map[string]struct {
		target string
		status int
		says   string
	}{
		"denied":        {denied.String(), http.StatusForbidden, "You did not allow the connection"},
		"no flow":       {installURL + "?code=c0de&state=x", http.StatusBadRequest, "belongs to another browser"},
		"failed":        {failed, http.StatusBadGateway, "could not be completed"},
		"bad return_to": {installURL + "?return_to=//evil", http.StatusBadRequest, "could not be completed"},
	} {
		t.Run(name, func(t *testing.T) {
			resp := b.get(tc.target)
			policy := resp.Header.Get("Content-Security-Policy")
			page := assertPage(t, resp, tc.status)
			assert.Contains(t, page, tc.says)
			_, style, _ := strings.Cut(page, "<style>")
			style, rest, found := strings.Cut(style, "</style>")
			require.True(t, found)
			sum := sha256.Sum256([]byte(style))
			assert.Contains(t, policy, "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';")
			assert.NotContains(t, rest, "style", "the policy allows no other")
			assert.NotContains(t, page, "<script")
			pages[tc.says] = page
		})
	}
	assert.Len(t, pages, 3)
}

// The page's link is relative to what the browser sees, wherever a mux mounts
// the handler.
func TestInstallBehindStripPrefix(t *testing.T) {
	p := newPartner(t)
	b := p.browser()
	b.h = http.StripPrefix("/zendesk", p)
	assertRedirect(t, b.get(p.allow(b.begin())), "/")
	page, err := io.ReadAll(b.get(installURL + "?state=x").Body)
	require.NoError(t, err)
	_, link, _ := strings.Cut(string(page), `<a href="`)
	link, _, _ = strings.Cut(link, `"`)
	base, _ := url.Parse(installURL + "?state=x")
	target, err := base.Parse(link)
	require.NoError(t, err)
	assert.Equal(t, http.StatusSeeOther, b.get(target.String()).StatusCode)
}
