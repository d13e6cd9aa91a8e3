package suncotest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

func TestAuthorizeRefuses(t *testing.T) {
	w := newWorld(t, suncotest.Config{RedirectURIs: []string{"https://partner.example/back",
		"https://partner.example/two"}})
	base := bridgeURL + "/oauth/authorize?"
	good := "client_id=shoplifter&response_type=code"
	for name, tc := range map[string]struct {
		query  string
		status int
	}{
		"nothing":                {"", 400},
		"no client":              {"response_type=code", 400},
		"unknown client":         {"response_type=code&client_id=other", 404},
		"no response type":       {"client_id=shoplifter", 400},
		"implicit":               {"client_id=shoplifter&response_type=token", 400},
		"client twice":           {good + "&client_id=shoplifter", 400},
		"state twice":            {good + "&state=a&state=b", 400},
		"redirect twice":         {good + "&redirect_uri=https://partner.example/back&redirect_uri=x", 400},
		"long state":             {good + "&state=" + strings.Repeat("s", 4097), 400},
		"unregistered":           {good + "&redirect_uri=https://evil.example/back", 404},
		"longer than registered": {good + "&redirect_uri=https://partner.example/back/", 404},
		"other case":             {good + "&redirect_uri=https://partner.example/Back", 404},
		"broken escape":          {good + "&state=%zz", 400},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.do(http.MethodGet, base+tc.query, "")
			assert.Equal(t, tc.status, a.Status)
			assert.Empty(t, a.Header.Get("Location"))
			assert.Contains(t, a.Header.Get("Content-Type"), "text/html")
			assert.Equal(t, tc.status, w.do(http.MethodHead, base+tc.query, "").Status)
		})
	}
}

func TestAllowAndDeny(t *testing.T) {
	w := newWorld(t, suncotest.Config{
		RedirectURIs: []string{"https://partner.example/back?keep=1", "https://partner.example/two"},
		Behavior:     suncotest.Behavior{DenyDescription: "The customer said no"},
	})
	back, err := w.p.Allow(t.Context(), authorizeURL("state", "a b&c=d+é"), "acme")
	require.NoError(t, err)
	assert.Equal(t, "/back", back.Path)
	assert.Equal(t, "1", back.Query().Get("keep"))
	assert.Equal(t, "a b&c=d+é", back.Query().Get("state"))
	assert.Len(t, back.Query().Get("code"), 40)

	back, err = w.p.Allow(t.Context(), authorizeURL("redirect_uri", "https://partner.example/two"), "")
	require.NoError(t, err)
	assert.Equal(t, "/two", back.Path)
	assert.False(t, back.Query().Has("state"), "no state was sent")

	back, err = w.p.Deny(t.Context(), authorizeURL("state", "s"))
	require.NoError(t, err)
	assert.Equal(t, url.Values{
		"keep": {"1"}, "error": {"access_denied"}, "error_description": {"The customer said no"}, "state": {"s"},
	}, back.Query())

	_, err = w.p.Allow(t.Context(), authorizeURL("redirect_uri", "https://evil.example/"), "acme")
	require.EqualError(t, err, "suncotest: authorize answered 404")
	_, err = w.p.Allow(t.Context(), authorizeURL(), "nobody")
	require.EqualError(t, err, "suncotest: the consent page answered 400")
	_, err = w.p.Allow(t.Context(), authorizeURL("state", "canary-state")+"x\n", "acme")
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "canary-state")
	_, err = w.p.Allow(t.Context(), "https://nowhere.example/?state=canary-state", "acme")
	require.ErrorContains(t, err, "no such host")
	assert.NotContains(t, err.Error(), "canary-state")
}

func TestApproveSkipsThePage(t *testing.T) {
	w := newWorld(t, suncotest.Config{Approve: true,
		Accounts: []suncotest.Account{{Subdomain: "first"}, {Subdomain: "second"}}})
	back, err := w.p.Allow(t.Context(), authorizeURL("state", "s"), "")
	require.NoError(t, err)
	assert.Equal(t, "http://localhost/callback", back.Scheme+"://"+back.Host+back.Path)
	a := w.exchange(back.Query().Get("code"))
	require.Equal(t, http.StatusOK, a.Status)
	assert.Equal(t, "first", w.p.Installations()[0].Subdomain)
	_, err = w.p.Deny(t.Context(), authorizeURL())
	require.Error(t, err)
}

func TestRedirectURIWithoutRegistration(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	for uri, want := range map[string]int{
		"http://127.0.0.1:3000/cb":        200,
		"http://[::1]:3000/cb":            200,
		"http://localhost:1/":             200,
		"https://shop.localhost/cb":       200,
		"https://partner.example/cb":      200, // mounted
		"https://partner.example.evil/cb": 404,
		"https://zendesk.com/":            404,
		"ftp://127.0.0.1/":                404,
		"http://user@127.0.0.1/":          404,
		"http://127.0.0.1/#x":             404,
		"//127.0.0.1/":                    404,
	} {
		assert.Equal(t, want, w.do(http.MethodGet, authorizeURL("redirect_uri", uri), "").Status, uri)
	}
}

func TestConsentPage(t *testing.T) {
	w := newWorld(t, suncotest.Config{
		ClientID: "a<script>", RedirectURIs: []string{"https://partner.example:8443/back?x=1"},
		Accounts: []suncotest.Account{{Subdomain: "one", DisplayName: `<b>"One"`}, {Subdomain: "two"},
			{Legacy: suncotest.LegacyEU}},
	})
	a := w.do(http.MethodGet, bridgeURL+"/oauth/authorize?response_type=code&client_id="+url.QueryEscape("a<script>")+
		"&state=canary-state", "")
	require.Equal(t, 200, a.Status)
	csp := a.Header.Get("Content-Security-Policy")
	assert.Contains(t, csp, "default-src 'none'")
	assert.Contains(t, csp, "form-action 'self' https://partner.example:8443;")
	assert.Contains(t, csp, "frame-ancestors 'none'")
	assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	for _, want := range []string{`value="one" checked`, `value="two"`, "api.eu-1.smooch.io", "two.zendesk.com",
		`value="allow"`, `value="deny"`, "width=device-width"} {
		assert.Contains(t, a.Body, want)
	}
	_, style, _ := strings.Cut(a.Body, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	assert.Contains(t, csp, "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';")
	assert.NotEmpty(t, style)
	for _, never := range []string{"<script", "<b>", "canary-state", "src=", "href=", "sandbox-secret"} {
		assert.NotContains(t, a.Body, never)
	}
}

func TestConsentIsAnsweredOnce(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	open := func() string {
		_, rest, ok := strings.Cut(w.do(http.MethodGet, authorizeURL("state", "s"), "").Body, `name="nonce" value="`)
		require.True(t, ok)
		nonce, _, _ := strings.Cut(rest, `"`)
		return nonce
	}
	post := func(form string, header ...string) answer {
		return w.do(http.MethodPost, bridgeURL+"/oauth/consent", form, append(header, "Content-Type", formType)...)
	}
	nonce := open()
	first := post("decision=allow&account=acme&nonce=" + nonce)
	assert.Equal(t, 302, first.Status)
	second := post("decision=allow&account=acme&nonce=" + nonce)
	assert.Equal(t, 302, second.Status, "a double click")
	assert.Equal(t, first.Header.Get("Location"), second.Header.Get("Location"), "and no second code")
	assert.Equal(t, 400, post("decision=deny&account=acme&nonce="+nonce).Status, "another answer")
	assert.Equal(t, 400, post("decision=allow&account=acme").Status)
	assert.Equal(t, 400, post("decision=allow&account=acme&nonce=").Status)
	assert.Equal(t, 400, post("decision=maybe&account=acme&nonce="+open()).Status)
	assert.Equal(t, 400, post("decision=allow&decision=deny&account=acme&nonce="+open()).Status)
	assert.Equal(t, 400, post("%zz").Status)
	assert.Equal(t, 403, post("decision=allow&account=acme&nonce="+open(), "Sec-Fetch-Site", "cross-site").Status)
	assert.Equal(t, 415, w.do(http.MethodPost, bridgeURL+"/oauth/consent", "{}", "Content-Type", jsonType).Status)
	assert.Equal(t, 405, w.do(http.MethodGet, bridgeURL+"/oauth/consent", "").Status)
}

func TestConsentExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, suncotest.Config{})
		page := w.do(http.MethodGet, authorizeURL(), "").Body
		_, rest, _ := strings.Cut(page, `name="nonce" value="`)
		nonce, _, _ := strings.Cut(rest, `"`)
		time.Sleep(10 * time.Minute)
		a := w.do(http.MethodPost, bridgeURL+"/oauth/consent", "decision=deny&nonce="+nonce, "Content-Type", formType)
		assert.Equal(t, 400, a.Status)
	})
}

// Applications link administrators to the Admin Center of their account.
func TestAdminCenter(t *testing.T) {
	w := newWorld(t, threeCustomers())
	const bots = "/admin/ai/ai-agents/ai-agents/marketplace-bots"
	a := w.do(http.MethodGet, "https://acme.zendesk.com"+bots, "")
	require.Equal(t, 200, a.Status)
	assert.Equal(t, "text/html; charset=utf-8", a.Header.Get("Content-Type"))
	assert.Contains(t, a.Body, "no bot is installed in Acme yet")
	w.install("acme")
	a = w.do(http.MethodGet, "https://acme.zendesk.com"+bots, "")
	assert.Contains(t, a.Body, "shoplifter answers first")
	requireProblem(t, w.do(http.MethodPost, "https://acme.zendesk.com"+bots, ""), 404)
	requireProblem(t, w.do(http.MethodGet, "https://acme.zendesk.com/administrator", ""), 404)
	requireProblem(t, w.do(http.MethodGet, "https://oauth-bridge.zendesk.com"+bots, ""), 404)
}
