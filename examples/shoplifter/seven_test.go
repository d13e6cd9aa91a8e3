package main

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/suncotest"
)

// sevenVariables are those that the original has, and a place for the file.
func sevenVariables(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"OAUTH_CLIENT_ID": "partner", "OAUTH_CLIENT_SECRET": "canary-secret",
		"ZENDESK_MARKETPLACE_NAME": "Shoplifter", "ZENDESK_MARKETPLACE_ORG_ID": "7", "ZENDESK_MARKETPLACE_APP_ID": "42",
		"ZENDESK_DOMAIN": "zendesk.com", "PORT": "0",
		"SUNCO_STORE_FILE": filepath.Join(t.TempDir(), "store.db"), "SUNCO_STORE_KEY": storeKey,
	}
}

func TestSevenVariablesAreEnough(t *testing.T) {
	p, b := start(t, sevenVariables(t)), newBrowser(t)
	front := b.visit(p.base + "/")
	assert.Contains(t, front.text, "SUNCO_PUBLIC_URL is not set")
	assert.Contains(t, p.stderr.String(), "SUNCO_PUBLIC_URL is not set")
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	begun := b.visit(b.link(front, "Add to Zendesk"))
	assert.Equal(t, http.StatusSeeOther, begun.StatusCode)
	target, err := begun.Location()
	require.NoError(t, err)
	assert.Equal(t, "oauth-bridge.zendesk.com", target.Host)
	assert.False(t, target.Query().Has("redirect_uri"))
	assert.Equal(t, http.StatusMisdirectedRequest, b.do(http.MethodGet, p.base+"/", nil, "Host", "bot.example").StatusCode)
	assert.Equal(t, 0, p.stop())
}

// TestConnectWithoutPublicURL connects an account of a platform that cannot reach
// the program.
func TestConnectWithoutPublicURL(t *testing.T) {
	const base = "http://localhost:3000"
	zendesk := suncotest.New(suncotest.Config{
		ClientID: "partner", ClientSecret: "canary-secret", Behavior: suncotest.Behavior{MarketplaceRequired: true},
		RedirectURIs: []string{base + partner.InstallPath, "https://bot.example/other"},
	})
	t.Cleanup(zendesk.Close)
	env := sevenVariables(t)
	cfg, err := readConfig(nil, func(name string) string { return env[name] })
	require.NoError(t, err)
	cfg.localURL = base
	cfg.httpClient = zendesk.Client()
	a, err := newApp(t.Context(), cfg, "", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer func() { require.NoError(t, a.close()) }()
	handler := a.server(&net.TCPAddr{Port: 3000}).Handler
	send := func(method, target string, cookies ...*http.Cookie) *httptest.ResponseRecorder {
		answer, req := httptest.NewRecorder(), httptest.NewRequest(method, base+strings.TrimPrefix(target, base), nil)
		for _, c := range cookies {
			req.AddCookie(c)
		}
		handler.ServeHTTP(answer, req)
		return answer
	}

	begun := send(http.MethodGet, partner.InstallPath)
	back, err := zendesk.Allow(t.Context(), begun.Header().Get("Location"), "")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(back.String(), base+partner.InstallPath+"?"))
	done := send(http.MethodGet, back.String(), begun.Result().Cookies()...)
	path, found := strings.CutSuffix(done.Header().Get("Location"), "?said=connected")
	require.True(t, found, done.Code)
	assert.Empty(t, zendesk.Webhooks())

	page := send(http.MethodGet, path).Body.String()
	assert.Contains(t, page, "There is no webhook, because SUNCO_PUBLIC_URL is not set")
	assert.NotContains(t, page, "webhook is missing", "nobody can do anything about it here")
	assert.NotContains(t, page, "/webhook")
	assert.Equal(t, path+"?said=sent", send(http.MethodPost, path+"/message").Header().Get("Location"))
	require.NoError(t, zendesk.Rename("acme", "acme-new"))
	require.NoError(t, a.finishAll(t.Context(), a.store.All(t.Context())))
	assert.Equal(t, path+"?said=sent", send(http.MethodPost, path+"/message").Header().Get("Location"))
	assert.Contains(t, send(http.MethodGet, path).Body.String(), "<h1>acme-new</h1>")
	assert.Equal(t, "/?said=uninstalled", send(http.MethodPost, path+"/uninstall").Header().Get("Location"))
	assert.Empty(t, zendesk.Installations())
}
