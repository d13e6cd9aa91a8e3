package main

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

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
		ask := func(path string) int {
			return p.get(path, "Host", host, "Authorization", "Bearer "+token).StatusCode
		}
		info, hooks := ask("/sc/v2/tokenInfo"), ask("/sc/v2/apps/"+app+"/integrations/me/webhooks")
		assert.Equal(t, is == everything || is == bridgeOnly, info == http.StatusOK, "%s: token info %d", host, info)
		assert.Equal(t, is == everything || is == acmeOnly, hooks == http.StatusOK, "%s: webhooks %d", host, hooks)
		assert.Equal(t, is == acmeOnly || is == nothing, info == http.StatusNotFound, "%s: token info %d", host, info)
		for _, status := range []int{info, hooks, ask("/sc/oauth/authorize")} {
			assert.Equal(t, is == refused, status == http.StatusForbidden, "%s: %d", host, status)
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
		page := p.get("/?pane=settings")
		assert.Contains(t, page.text, `<input type="hidden" name="appId" value="`+id+`">`)
		assert.Contains(t, page.text, "Uninstall from Acme</button>")

		body = strings.ReplaceAll(body, "APP", id)
		done := p.send(http.MethodPost, "/sandbox/uninstall", contentType, body, p.own()...)
		if contentType == asJSON {
			assert.Equal(t, http.StatusOK, done.StatusCode)
			assert.JSONEq(t, "{}", done.text)
		} else {
			assert.Equal(t, http.StatusSeeOther, done.StatusCode)
			page := p.get(done.Header.Get("Location")).text
			assert.Contains(t, page, `role="status">The integration was removed from Acme.<`)
			assert.Contains(t, page, "<title>The integration was removed from Acme. – Sandbox</title>")
		}
		assert.Contains(t, <-seen, `POST /removed {"appId":"`+id+`"`)
		info := p.get("/sc/v2/tokenInfo", "Authorization", "Bearer "+token)
		assert.Equal(t, http.StatusUnauthorized, info.StatusCode)
		assert.Equal(t, http.StatusNotFound, p.send(http.MethodPost, "/sandbox/uninstall", contentType, body).StatusCode)
	}
	page := p.get("/?pane=settings&did=uninstall&app=%3Cb%3Enobody%3C/b%3E").text
	assert.NotContains(t, page, "nobody")
	assert.Contains(t, page, app.URL+"/removed?…")
	assert.NotContains(t, page+p.stderr.String(), "canary-key")
}

func TestUninstallBadInput(t *testing.T) {
	t.Parallel()
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
		"too long":         {asJSON, `{"appId":"` + strings.Repeat("x", 512<<10) + `"}`, http.StatusRequestEntityTooLarge},
		"unknown app":      {asJSON, `{"appId":"canary-app"}`, http.StatusNotFound},
		"unknown app form": {asForm, "appId=canary-app", http.StatusNotFound},
	} {
		got := p.send(http.MethodPost, "/sandbox/uninstall", test.contentType, test.body)
		assert.Equal(t, test.want, got.StatusCode, name)
		assert.NotContains(t, got.text, "canary", name)
	}
	assert.Equal(t, http.StatusMethodNotAllowed, p.get("/sandbox/uninstall").StatusCode)
	assert.Contains(t, p.get("/?pane=settings").text, "Uninstall from Acme", "nothing of this removed anything")
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
	assert.Contains(t, p.get("/?pane=settings").text, "Uninstall from Acme")
}

func TestPage(t *testing.T) {
	app, _ := application(t)
	p := start(t, "-approve", "-redirect-uri", "https://app.example/cb?tenant=1")
	token, id := p.install("shoplifter", "sandbox-secret")
	p.subscribeTo(token, id, app.URL+"/hooks/0123456789abcdef0123456789abcdef?key=canary-key",
		`"conversation:message","<b>"`)
	// Credentials that are in a path by mistake.
	p.get("/sc/oauth/"+token, "X-Api-Key", "canary-header")
	p.get("/sc/sandbox%2Dsecret/x?code=canary-code")
	p.get("/sc/%3Cb%3Ex")
	p.send(http.MethodPost, "/sc/oauth/token", asJSON, `{"mistake":"sandbox-secret"}`, "X-Mistake", "sandbox-secret")

	page := p.get("/?pane=settings")
	policy := page.Header.Get("Content-Security-Policy")
	assert.Contains(t, policy, "default-src 'none'; script-src 'self'; style-src 'self';")
	assert.Contains(t, policy, "frame-ancestors 'none'")
	assert.NotContains(t, policy, "unsafe")
	assert.Equal(t, "no-store", page.Header.Get("Cache-Control"))
	assert.Equal(t, 1, strings.Count(page.text, "<script"))
	for path, contentType := range map[string]string{"style.css": "text/css", "script.js": "text/javascript"} {
		assert.Contains(t, page.text, `="/sandbox/`+path+`"`)
		file := p.get("/sandbox/" + path)
		assert.Equal(t, contentType+"; charset=utf-8", file.Header.Get("Content-Type"))
		assert.Equal(t, "nosniff", file.Header.Get("X-Content-Type-Options"))
	}
	for _, never := range []string{"<b>", "style=", "http-equiv"} {
		assert.NotContains(t, page.text, never)
	}
	assert.Contains(t, page.text, app.URL+"/hooks/…?…")
	assert.Contains(t, page.text, "https://app.example/cb?…")
	assert.Contains(t, page.text, "/sc/oauth/….….…</code>")
	shown := page.text
	for _, row := range regexp.MustCompile(`row=\w+`).FindAllString(page.text, -1) {
		shown += p.get("/?pane=row&" + row).text
	}
	assert.Contains(t, shown, "X-Api-Key: REDACTED", "the details are looked at")
	for i, canary := range []string{token, "sandbox-secret", "sandbox%2Dsecret", "canary", "0123456789abcdef01"} {
		assert.False(t, strings.Contains(shown, canary), "canary %d on the page", i)
		assert.False(t, strings.Contains(p.stderr.String(), canary), "canary %d on stderr", i)
	}
	assert.Equal(t, http.StatusOK, p.send(http.MethodHead, "/", "", "").StatusCode)
	assert.Equal(t, http.StatusNoContent, p.get("/favicon.ico").StatusCode)
	assert.Equal(t, http.StatusNotFound, p.get("/scx").StatusCode)
}

func TestTLS(t *testing.T) {
	t.Parallel()
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

	page := p.get("/?pane=start").text
	assert.Contains(t, page, "Open the consent page by hand")
	assert.NotContains(t, page, "go run", "no example speaks HTTPS to a sandbox")
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

func TestLogLines(t *testing.T) {
	const forbidden = "No integration may do this"
	p := start(t, "-approve", "-no-probe")
	token, app := p.install("shoplifter", "sandbox-secret")
	bearer := []string{"Authorization", "Bearer " + token}
	here := "127.0.0.1:" + p.port
	apps := "/sc/v2/apps/" + app
	hooks := apps + "/integrations/me/webhooks"
	for name, test := range map[string]struct{ method, path, body, line string }{
		"done":        {"GET", hooks, "", here + hooks + " 200"},
		"forbidden":   {"GET", apps + "/integrations", "", "/integrations 403 (" + forbidden + ")"},
		"unknown":     {"POST", apps + "/users", `{"externalId":"ada","plan":"x"}`, "/users 201 (unknown: the member plan)"},
		"parameter":   {"GET", "/sc/v2/tokenInfo?canary=1&code=canary", "", here + "/sc/v2/tokenInfo 200"},
		"no prefix":   {"GET", "/v2/tokenInfo", "", "/v2/tokenInfo 404 (There is no such page. The API is under /sc.)"},
		"the action":  {"GET", "/sandbox/say", "", here + "/sandbox/say 405 (Use POST.)"},
		"a long part": {"GET", "/sc/" + token + "/x", "", here + "/sc/….….…/x 404 (The API has no such path)"},
	} {
		t.Run(name, func(t *testing.T) {
			p.send(test.method, test.path, asJSON, test.body, bearer...)
			assert.Eventually(t, func() bool { return strings.Contains(p.stderr.String(), test.line) },
				5*time.Second, time.Millisecond, "the line follows the answer")
		})
	}
	assert.NotContains(t, p.stderr.String(), "canary")
	page := p.get("/").text
	assert.Contains(t, page, forbidden)
	assert.Contains(t, page, "unknown: the member plan")
}

func TestProbeIsExplained(t *testing.T) {
	absent := httptest.NewServer(http.NotFoundHandler())
	defer absent.Close()
	p := start(t, "-approve")
	token, app := p.install("shoplifter", "sandbox-secret")
	made := p.send(http.MethodPost, "/sc/v2/apps/"+app+"/integrations/me/webhooks", asJSON,
		`{"target":"`+absent.URL+`/none/0123456789abcdef0123456789abcdef?key=canary","triggers":["user:merge"]}`,
		"Authorization", "Bearer "+token)
	assert.Equal(t, http.StatusBadRequest, made.StatusCode)
	assert.Contains(t, made.text, "The target must answer HEAD with 2xx")
	want := "/webhooks 400 (The target must answer HEAD with 2xx: HEAD " + absent.URL + "/none/… answered 404, HEAD "
	assert.Eventually(t, func() bool { return strings.Contains(p.stderr.String(), want) },
		5*time.Second, time.Millisecond)
	assert.NotContains(t, p.stderr.String(), "canary")
	assert.NotContains(t, p.stderr.String(), "0123456789abcdef")
}

func TestSettingsOnThePage(t *testing.T) {
	p := start(t, "-subdomain", "acme", "-legacy", "eu")
	page := p.get("/?pane=settings").text
	for _, text := range []string{
		"localhost:" + p.port,
		p.base + "/sc",
		"http://oauth-bridge.localhost:" + p.port + "/sc",
		"http://oauth-bridge.localhost:" + p.port + "/sc/oauth/authorize?client_id=shoplifter&amp;response_type=code",
		"http://oauth-bridge.localhost:" + p.port + "/sc/oauth/token",
		"http://oauth-bridge.localhost:" + p.port + "/sc/v2/tokenInfo",
		"http://acme.localhost:" + p.port + "/sc",
		"127.0.0.1 oauth-bridge.localhost acme.localhost",
	} {
		assert.Contains(t, page, "<code>"+text+"</code>")
	}
	assert.NotContains(t, page, "legacy-eu.localhost")
	consent := p.get("/sc/oauth/authorize?client_id=shoplifter&response_type=code").text
	assert.Contains(t, consent, "<small>acme.localhost</small>", "the domain in use")
}

// An application links to a customer's Admin Center.
func TestAdminCenter(t *testing.T) {
	const path = "/admin/ai/ai-agents/ai-agents/marketplace-bots"
	plain, secure := start(t), start(t, "-tls")
	secure.client.Transport = secure.transportOfAnyCertificate()
	for name, test := range map[string]struct {
		p        *program
		host     string
		status   int
		location string
	}{
		"a customer":   {plain, "acme.localhost", http.StatusSeeOther, "/?app=385e5d938ef09fb9c71e3a79&pane=settings"},
		"an address":   {plain, "127.0.0.1", http.StatusSeeOther, "/?pane=settings"},
		"another site": {plain, "acme.evil.example", http.StatusForbidden, ""},
		"a customer, TLS": {secure, "acme.localhost", http.StatusSeeOther,
			"/?app=385e5d938ef09fb9c71e3a79&pane=settings"},
		"a domain of yours": {secure, "acme.sandbox.test", http.StatusSeeOther,
			secure.base + "/?app=385e5d938ef09fb9c71e3a79&pane=settings"},
	} {
		t.Run(name, func(t *testing.T) {
			got := test.p.get(path, "Host", test.host+":"+test.p.port)
			assert.Equal(t, test.status, got.StatusCode)
			assert.Equal(t, test.location, got.Header.Get("Location"))
		})
	}
}

// The legacy hosts serve without /sc. Names of other sites reach the API only over TLS.
func TestLegacyAccount(t *testing.T) {
	const path = "/v2/apps/"
	for _, tls := range []bool{false, true} {
		t.Run("TLS "+strconv.FormatBool(tls), func(t *testing.T) {
			p := start(t, "-approve", "-legacy", "us", "-tls="+strconv.FormatBool(tls))
			if tls {
				p.client.Transport = p.transportOfAnyCertificate()
			}
			token, app := p.install("shoplifter", "sandbox-secret")
			bearer := []string{"Authorization", "Bearer " + token}
			info := p.get("/sc/v2/tokenInfo", bearer...)
			assert.NotContains(t, info.text, "subdomain")
			hooks := path + app + "/integrations/me/webhooks"
			assert.Equal(t, http.StatusOK, p.get("/sc"+hooks, bearer...).StatusCode, "by address")
			scheme, want := "http", http.StatusForbidden
			if tls {
				scheme, want = "https", http.StatusOK
			}
			assert.Equal(t, want, p.get(scheme+"://api.smooch.io"+hooks, bearer...).StatusCode)
			other := p.get(scheme+"://api.eu-1.smooch.io"+hooks, bearer...)
			assert.NotEqual(t, http.StatusOK, other.StatusCode, "the other region")
		})
	}
}

// What some flags promise, as a program meets it.
func TestBehaviorOnTheWire(t *testing.T) {
	t.Run("strict", func(t *testing.T) {
		p := start(t, "-approve", "-strict")
		token, app := p.install("shoplifter", "sandbox-secret")
		got := p.send(http.MethodPost, "/sc/v2/apps/"+app+"/users", asJSON, `{"externalId":"ada","plan":"x"}`,
			"Authorization", "Bearer "+token)
		assert.Equal(t, http.StatusBadRequest, got.StatusCode)
		assert.Contains(t, got.text, "plan is not a known member")
	})
	t.Run("headers and shape", func(t *testing.T) {
		p := start(t, "-approve", "-require-marketplace", "-error-shape", "sentence", "-token-error-status", "400")
		got := p.send(http.MethodPost, "/sc/oauth/token", asForm, "grant_type=authorization_code&code=x")
		assert.Equal(t, http.StatusForbidden, got.StatusCode)
		headers := []string{
			"X-Zendesk-Marketplace-Name", "Bot", "X-Zendesk-Marketplace-Organization-Id", "1",
			"X-Zendesk-Marketplace-Bot-Id", "2",
		}
		got = p.send(http.MethodPost, "/sc/oauth/token", asForm,
			"grant_type=authorization_code&code=x&client_id=shoplifter&client_secret=sandbox-secret", headers...)
		assert.Equal(t, http.StatusBadRequest, got.StatusCode)
		assert.Regexp(t, `^\{"error":"[^"]+"\}$`, got.text)
	})
	t.Run("retries of the remove URL", func(t *testing.T) {
		calls := make(chan string, 10)
		app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls <- r.URL.Path
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		defer app.Close()
		p := start(t, "-approve", "-remove-url", app.URL+"/removed", "-remove-retries", "2", "-remove-retry-interval", "1ms")
		_, id := p.install("shoplifter", "sandbox-secret")
		p.send(http.MethodPost, "/sandbox/uninstall", asForm, "appId="+id)
		for range 3 {
			select {
			case path := <-calls:
				assert.Equal(t, "/removed", path)
			case <-time.After(10 * time.Second):
				t.Fatal("the remove URL was not called again")
			}
		}
	})
}
