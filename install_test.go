package sunco_test

import (
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
	assert.Empty(t, p.errs)
	assert.Contains(t, p.log.String(), "install: done")
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
	for _, i := range []*sunco.Installer{{}, {Client: good.Client}, {OnInstall: good.OnInstall}} {
		assert.PanicsWithValue(t, "sunco: Installer needs Client and OnInstall", func() {
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
