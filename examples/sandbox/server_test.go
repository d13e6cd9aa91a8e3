package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHostsOfTheAPI(t *testing.T) {
	p := start(t, "-approve", "-subdomain", "acme", "-subdomain", "globex")
	token, app := p.install("shoplifter", "sandbox-secret")
	const (
		everything = iota
		bridgeOnly
		acmeOnly
		nothing // of this token's
		refused
	)
	for host, is := range map[string]int{
		"127.0.0.1:" + p.port:              everything,
		"[::1]:" + p.port:                  everything,
		"192.0.2.1":                        everything,
		"localhost:" + p.port:              everything,
		"LOCALHOST":                        everything,
		"oauth-bridge.localhost:" + p.port: bridgeOnly,
		"oauth-bridge.localhost":           bridgeOnly,
		"acme.localhost:" + p.port:         acmeOnly,
		"ACME.LocalHost":                   acmeOnly,
		"globex.localhost":                 nothing,
		"stranger.localhost":               nothing,
		"oauth-bridge.evil.example":        refused,
		"acme.zendesk.test:" + p.port:      refused,
		"127.0.0.1.evil.example":           refused,
		"notlocalhost":                     refused,
		"evil":                             refused,
	} {
		ask := func(path string) int { return p.get(path, "Host", host, "Authorization", "Bearer "+token).StatusCode }
		info, hooks := ask("/sc/v2/tokenInfo"), ask("/sc/v2/apps/"+app+"/integrations/me/webhooks")
		assert.Equal(t, is == everything || is == bridgeOnly, info == http.StatusOK, "%s: token info %d", host, info)
		assert.Equal(t, is == everything || is == acmeOnly, hooks == http.StatusOK, "%s: webhooks %d", host, hooks)
		assert.Equal(t, is == acmeOnly || is == nothing, info == http.StatusNotFound, "%s: token info %d", host, info)
		for path, status := range map[string]int{"token info": info, "webhooks": hooks, "authorize": ask("/sc/oauth/authorize")} {
			assert.Equal(t, is == refused, status == http.StatusForbidden, "%s: %s %d", host, path, status)
		}
	}
}

func TestForeignHosts(t *testing.T) {
	p := start(t)
	for host, own := range map[string]bool{
		"127.0.0.1:" + p.port:              true,
		"[::1]:" + p.port:                  true,
		"192.0.2.1:" + p.port:              true,
		"localhost:" + p.port:              true,
		"oauth-bridge.localhost:" + p.port: true,
		"Acme.LocalHost:" + p.port:         true,
		"127.0.0.1":                        false,
		"localhost:1":                      false,
		"localhost":                        false,
		"evil.example:" + p.port:           false,
		"acme.zendesk.test:" + p.port:      false,
		"notlocalhost:" + p.port:           false,
		"localhost.evil.example:" + p.port: false,
		"127.0.0.1.evil.example:" + p.port: false,
	} {
		want := http.StatusForbidden
		if own {
			want = http.StatusOK
		}
		assert.Equal(t, want, p.get("/", "Host", host).StatusCode, host)
		if own {
			want = http.StatusNotFound // nothing is installed
		}
		body := `{"appId":"385e5d938ef09fb9c71e3a79"}`
		assert.Equal(t, want, p.send(http.MethodPost, "/sandbox/uninstall", asJSON, body, "Host", host).StatusCode, host)
	}
}

func TestUninstall(t *testing.T) {
	app, seen := application(t)
	p := start(t, "-approve", "-remove-url", app.URL+"/removed?key=canary-key")
	for contentType, body := range map[string]string{asJSON: `{"appId":"APP"}`, asForm: "appId=APP"} {
		token, id := p.install("shoplifter", "sandbox-secret")
		page := p.get("/")
		assert.Contains(t, page.text, `<input type="hidden" name="appId" value="`+id+`">`)
		assert.Contains(t, page.text, "Uninstall from Acme</button>")

		body = strings.ReplaceAll(body, "APP", id)
		done := p.send(http.MethodPost, "/sandbox/uninstall", contentType, body,
			"Origin", p.base, "Sec-Fetch-Site", "same-origin")
		if contentType == asJSON {
			assert.Equal(t, http.StatusOK, done.StatusCode)
			assert.JSONEq(t, "{}", done.text)
		} else {
			assert.Equal(t, http.StatusSeeOther, done.StatusCode)
			page := p.get(done.Header.Get("Location")).text
			assert.Contains(t, page, "was removed from Acme.")
			assert.Contains(t, page, "<title>Removed from Acme – Sandbox</title>")
		}
		assert.Contains(t, <-seen, `POST /removed {"appId":"`+id+`"`)
		info := p.get("/sc/v2/tokenInfo", "Authorization", "Bearer "+token)
		assert.Equal(t, http.StatusUnauthorized, info.StatusCode)
		assert.Equal(t, http.StatusNotFound, p.send(http.MethodPost, "/sandbox/uninstall", contentType, body).StatusCode)
	}
	page := p.get("/?removed=%3Cb%3Enobody%3C/b%3E").text
	assert.NotContains(t, page, "nobody")
	assert.Contains(t, page, app.URL+"/removed?…")
	assert.NotContains(t, page+p.stderr.String(), "canary-key")
}

func TestUninstallBadInput(t *testing.T) {
	p := start(t, "-approve")
	_, id := p.install("shoplifter", "sandbox-secret")
	for name, test := range map[string]struct {
		contentType, body string
		want              int
	}{
		"no type":          {"", `{"appId":"` + id + `"}`, http.StatusUnsupportedMediaType},
		"text":             {"text/plain", `{"appId":"` + id + `"}`, http.StatusUnsupportedMediaType},
		"empty":            {asJSON, "", http.StatusBadRequest},
		"no app":           {asJSON, "{}", http.StatusBadRequest},
		"null":             {asJSON, `{"appId":null}`, http.StatusBadRequest},
		"another case":     {asJSON, `{"appid":"` + id + `"}`, http.StatusBadRequest},
		"twice":            {asJSON, `{"appId":"x","appId":"` + id + `"}`, http.StatusBadRequest},
		"more":             {asJSON, `{"appId":"` + id + `"} {}`, http.StatusBadRequest},
		"unknown member":   {asJSON, `{"appId":"` + id + `","all":true}`, http.StatusBadRequest},
		"form twice":       {asForm, "appId=x&appId=" + id, http.StatusBadRequest},
		"malformed form":   {asForm, "appId=%zz", http.StatusBadRequest},
		"too long":         {asJSON, `{"appId":"` + strings.Repeat("x", 32<<10) + `"}`, http.StatusRequestEntityTooLarge},
		"unknown app":      {asJSON, `{"appId":"canary-app"}`, http.StatusNotFound},
		"unknown app form": {asForm, "appId=canary-app", http.StatusNotFound},
	} {
		got := p.send(http.MethodPost, "/sandbox/uninstall", test.contentType, test.body)
		assert.Equal(t, test.want, got.StatusCode, name)
		assert.NotContains(t, got.text, "canary", name)
	}
	assert.Equal(t, http.StatusMethodNotAllowed, p.get("/sandbox/uninstall").StatusCode)
	assert.Contains(t, p.get("/").text, "Uninstall from Acme", "nothing of this removed anything")
}

func TestCrossOrigin(t *testing.T) {
	p := start(t, "-approve")
	_, id := p.install("shoplifter", "sandbox-secret")
	for _, header := range [][]string{
		{"Origin", "http://evil.example"},
		{"Origin", "null"},
		{"Origin", "http://127.0.0.1:1"},
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site", "Origin", "http://localhost:3000"},
	} {
		for _, path := range []string{"/sandbox/uninstall", "/sc/oauth/consent", "/sc/oauth/token"} {
			got := p.send(http.MethodPost, path, asForm, "appId="+id, header...)
			assert.Equal(t, http.StatusForbidden, got.StatusCode, "%s %v", path, header)
		}
	}
	assert.Contains(t, p.get("/").text, "Uninstall from Acme")
}

func TestPage(t *testing.T) {
	app, _ := application(t)
	p := start(t, "-approve", "-redirect-uri", "https://app.example/cb?tenant=1")
	token, id := p.install("shoplifter", "sandbox-secret")
	body := `{"target":"` + app.URL + `/hooks/0123456789abcdef0123456789abcdef?key=canary-key","triggers":["conversation:message","<b>"]}`
	made := p.send(http.MethodPost, "/sc/v2/apps/"+id+"/integrations/me/webhooks", asJSON, body, "Authorization", "Bearer "+token)
	require.Equal(t, http.StatusCreated, made.StatusCode, made.text)
	// What somebody puts into a path by mistake.
	p.get("/sc/oauth/"+token, "X-Api-Key", "canary-header")
	p.get("/sc/sandbox%2Dsecret/x?code=canary-code")
	p.get("/sc/%3Cb%3Ex")

	page := p.get("/")
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(page.text)
	require.NotNil(t, style)
	sum := sha256.Sum256([]byte(style[1]))
	policy := page.Header.Get("Content-Security-Policy")
	assert.Contains(t, policy, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	assert.Contains(t, policy, "frame-ancestors 'none'")
	assert.Equal(t, "no-store", page.Header.Get("Cache-Control"))
	for _, never := range []string{"<script", "<b>", "style=", "src=", "http-equiv"} {
		assert.NotContains(t, page.text, never)
	}
	assert.Contains(t, page.text, app.URL+"/hooks/…?…")
	assert.Contains(t, page.text, "https://app.example/cb?…")
	assert.Contains(t, page.text, "/sc/oauth/….….…</code>")
	for i, canary := range []string{token, "sandbox-secret", "sandbox%2Dsecret", "canary", "0123456789abcdef01"} {
		assert.False(t, strings.Contains(page.text, canary), "canary %d on the page", i)
		assert.False(t, strings.Contains(p.stderr.String(), canary), "canary %d on stderr", i)
	}
	assert.Equal(t, http.StatusOK, p.send(http.MethodHead, "/", "", "").StatusCode)
	assert.Equal(t, http.StatusNotFound, p.get("/favicon.ico").StatusCode)
	assert.Equal(t, http.StatusNotFound, p.get("/scx").StatusCode)
}

func TestTLS(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o600))
	p := start(t, "-tls", "-ca-file", file, "-approve")
	assert.True(t, strings.HasPrefix(p.base, "https://127.0.0.1:"), p.base)
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o644), info.Mode())
	ca, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.NotContains(t, string(ca), "PRIVATE")
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(ca))
	p.client.Transport = p.transport(roots)

	token, app := p.install("shoplifter", "sandbox-secret") // by address
	bearer := []string{"Authorization", "Bearer " + token}
	hooks := "/sc/v2/apps/" + app + "/integrations/me/webhooks"
	for target, want := range map[string]int{
		"https://oauth-bridge.zendesk.test/sc/v2/tokeninfo":    http.StatusOK,
		"https://acme.zendesk.test" + hooks:                    http.StatusOK,
		"https://acme.zendesk.test/sc/v2/tokeninfo":            http.StatusNotFound,
		"https://other.zendesk.test" + hooks:                   http.StatusNotFound,
		"https://localhost:" + p.port + "/sc/v2/tokeninfo":     http.StatusOK,
		"https://localhost:" + p.port + "/":                    http.StatusOK,
		"https://acme.zendesk.test:" + p.port + "/":            http.StatusForbidden,
		"https://oauth-bridge.localhost/sc/oauth/no-such-path": http.StatusNotFound,
	} {
		got := p.get(target, bearer...)
		assert.Equal(t, want, got.StatusCode, target)
		assert.Equal(t, 2, got.ProtoMajor, target)
	}
	p.client.Transport = p.transport(x509.NewCertPool())
	_, err = p.client.Get("https://oauth-bridge.zendesk.test/")
	assert.ErrorContains(t, err, "unknown authority")
}
