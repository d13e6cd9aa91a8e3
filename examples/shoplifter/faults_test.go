package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

// faulty is like platform, for tests that disturb it.
func faulty(t *testing.T) (map[string]string, *suncotest.Platform) {
	t.Helper()
	p := suncotest.New(suncotest.Config{ClientID: "partner", ClientSecret: "canary-secret"})
	server := httptest.NewServer(p)
	t.Cleanup(p.Close)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	return map[string]string{
		"OAUTH_CLIENT_ID": "partner", "OAUTH_CLIENT_SECRET": "canary-secret",
		"ZENDESK_DOMAIN": "localhost:" + u.Port(),
		"STORE_FILE":     filepath.Join(t.TempDir(), "store.json"),
	}, p
}

var refusal = suncotest.Reply(http.StatusForbidden, "application/json", `{"errors":[{"code":"forbidden","title":"canary"}]}`)

func TestTokenInfoFailsInTheMiddle(t *testing.T) {
	env, zendesk := faulty(t)
	p, b := start(t, env), newBrowser(t)
	zendesk.Inject(suncotest.Fault{Path: "/sc/v2/tokenInfo", Times: -1, Handle: refusal})
	page := b.connect(p, "acme")
	const said = "Access was given, but the connection is not complete. Zendesk has not said yet where this account is, and the webhook is missing. Press “Finish connecting”."
	assert.Contains(t, page.text, `role="alert">`+said)
	assert.Contains(t, page.text, "<title>"+said+" app ")
	assert.Contains(t, page.text, "<dt>Subdomain</dt><dd>not known yet</dd>")
	assert.NotContains(t, page.text, "<dt>Connected</dt>")
	assert.Len(t, secrets(t, env), 1, "the token is not lost")
	front := b.visit(p.base + "/").text
	assert.Contains(t, front, "was connected, but not completely.")
	assert.Contains(t, front, "Zendesk has not said yet where this account is")

	unfinished := page.Request.URL.String()
	page = b.press(page, "Finish connecting")
	assert.Equal(t, http.StatusBadGateway, page.StatusCode)
	assert.Contains(t, page.text, `role="alert">Zendesk did not accept it`)
	assert.Contains(t, page.text, "<title>Zendesk did not accept it")
	zendesk.ClearFaults()
	page = b.press(page, "Finish connecting")
	assert.Contains(t, page.text, `role="status">The connection is complete.`)
	assert.Contains(t, page.text, "<title>The connection is complete. acme – Shoplifter</title>")
	assert.Contains(t, page.text, "<h1>acme</h1>")
	assert.NotContains(t, b.visit(unfinished).text, "not complete", "it is by now")
	assert.Len(t, secrets(t, env), 2)
	assert.NotContains(t, b.seen.String(), "canary")
}

func TestInterruptedAndStartedAgain(t *testing.T) {
	env, zendesk := faulty(t)
	p, b := start(t, env), newBrowser(t)
	zendesk.Inject(suncotest.Fault{Path: "/sc/v2/tokenInfo", Times: -1, Handle: refusal})
	path := b.connect(p, "acme").Request.URL.Path
	require.Equal(t, 0, p.stop())
	zendesk.ClearFaults()
	p = start(t, env)
	page := b.until(p.base+path, "the webhook is missing", false)
	assert.Contains(t, page.text, "<h1>acme</h1>")
}

func TestWebhookFailsInTheMiddle(t *testing.T) {
	env, zendesk := faulty(t)
	p, b := start(t, env), newBrowser(t)
	zendesk.Inject(suncotest.Fault{Method: http.MethodPost, Path: "/sc/v2/apps/*/integrations/me/webhooks", Handle: refusal})
	page := b.connect(p, "acme")
	assert.Contains(t, page.text, "<h1>acme</h1>")
	assert.Contains(t, page.text, `role="alert">Access was given, but the connection is not complete. The webhook is missing`)
	assert.Contains(t, b.press(page, "Set up the webhook").text, "The connection is complete.")
}

// TestLegacyAccount connects an account that Shoplifter does not serve.
func TestLegacyAccount(t *testing.T) {
	env, zendesk := faulty(t)
	require.NoError(t, zendesk.AddAccount(suncotest.Account{Legacy: suncotest.LegacyUS}))
	p, b := start(t, env), newBrowser(t)
	const sorry = "This is a legacy account without a subdomain, which Shoplifter does not serve."
	page := b.press(b.visit(p.base+installPath), "Allow", "account", "legacy-us")
	assert.Equal(t, http.StatusBadGateway, page.StatusCode)
	assert.Contains(t, page.text, sorry)
	assert.Len(t, secrets(t, env), 1, "the token is not lost")

	path := regexp.MustCompile(`/installations/\w+`).FindString(b.visit(p.base + "/").text)
	page = b.visit(p.base + path)
	assert.Contains(t, page.text, "<dt>Subdomain</dt><dd>not known yet</dd>")
	for _, button := range []string{"Finish connecting", "Send the test message", "Uninstall from " + strings.Replace(path, "/installations/", "app ", 1)} {
		refused := b.press(page, button)
		assert.Equal(t, http.StatusBadGateway, refused.StatusCode, button)
		assert.Contains(t, refused.text, `role="alert">`+sorry, button)
	}
}

func TestExchangeFails(t *testing.T) {
	env, zendesk := faulty(t)
	p, b := start(t, env), newBrowser(t)
	zendesk.Inject(suncotest.Fault{Path: "/sc/oauth/token", Handle: refusal})
	consent := b.visit(p.base + installPath)
	failed := b.press(consent, "Allow", "account", "acme")
	assert.Equal(t, http.StatusBadGateway, failed.StatusCode)
	assert.Contains(t, failed.text, "Zendesk did not accept it")
	assert.Empty(t, secrets(t, env))
	assert.NotContains(t, b.seen.String(), "canary")
	b.connect(p, "acme")
}

func TestSubdomainRenamed(t *testing.T) {
	env, zendesk := faulty(t)
	p, b := start(t, env), newBrowser(t)
	page := b.connect(p, "acme")
	require.NoError(t, zendesk.Rename("acme", "acme-new"))
	page = b.press(page, "Send the test message")
	assert.Contains(t, page.text, "The test message was sent.")
	assert.Contains(t, page.text, "<h1>acme-new</h1>")
	b.until(p.base+page.Request.URL.Path, testMessage, true)
}

func TestRevokeFails(t *testing.T) {
	env, zendesk := faulty(t)
	p, b := start(t, env), newBrowser(t)
	page := b.connect(p, "acme")
	zendesk.Inject(suncotest.Fault{Method: http.MethodDelete, Handle: refusal})
	page = b.press(page, "Uninstall from acme")
	assert.Equal(t, http.StatusBadGateway, page.StatusCode)
	assert.Contains(t, page.text, `role="alert"`)
	assert.Len(t, secrets(t, env), 2, "still connected")
	assert.Contains(t, b.press(page, "Uninstall from acme").text, "Uninstalled.")
}

func TestZendeskIsDownAtTheStart(t *testing.T) {
	env, zendesk := faulty(t)
	p, b := start(t, env), newBrowser(t)
	path := b.connect(p, "acme").Request.URL.Path
	require.Equal(t, 0, p.stop())
	before := secrets(t, env)
	down := suncotest.Reply(http.StatusNotImplemented, "text/html", "<p>canary</p>")
	zendesk.Inject(suncotest.Fault{Times: -1, Handle: down})
	p = start(t, env)
	for range 500 {
		if strings.Contains(p.stderr.String(), "could not be brought up to date") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	assert.Contains(t, p.stderr.String(), "could not be brought up to date")
	assert.NotContains(t, p.stderr.String(), "canary")
	assert.Equal(t, before, secrets(t, env), "nothing is forgotten without proof")
	zendesk.ClearFaults()
	page := b.press(b.visit(p.base+path), "Set up the webhook")
	assert.Contains(t, page.text, p.base+eventsPath)
}

func TestDeliveriesOfStrangers(t *testing.T) {
	env, zendesk := faulty(t)
	p, b := start(t, env), newBrowser(t)
	here := p.base + b.connect(p, "acme").Request.URL.Path
	hook := zendesk.Webhooks()[0]
	forged := suncotest.NewDelivery(hook, "canary-key", suncotest.SampleEvent("conversation:message", 1))
	forged.URL, forged.RequestURI, forged.Host = mustParse(t, p.base+eventsPath), "", ""
	res, err := http.DefaultClient.Do(forged)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)

	for range maxDeliveries + 5 {
		require.NoError(t, zendesk.Emit(hook.AppID, suncotest.SampleEvent("conversation:message", 1)))
	}
	require.Eventually(t, func() bool { // or the next could overtake so many that it is forgotten
		return !slices.ContainsFunc(zendesk.Deliveries(), func(d suncotest.Delivery) bool { return d.Outcome == suncotest.Pending })
	}, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, zendesk.Emit(hook.AppID, suncotest.SampleReply(1)))
	page := b.until(here, "(the business)", true)
	assert.NotContains(t, page.text, "canary")
	for range 100 {
		if n := countEvents(b.visit(here).text); n == maxDeliveries {
			return
		}
	}
	assert.Fail(t, "never as many as it remembers")
}

func mustParse(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	require.NoError(t, err)
	return u
}

func countEvents(page string) int {
	return strings.Count(page, `<p class="quiet"><code>conversation:message</code>`)
}

// TestStoreFailsWhileUninstalling has another process use the file.
func TestStoreFailsWhileUninstalling(t *testing.T) {
	env, _ := faulty(t)
	p, b := start(t, env), newBrowser(t)
	page := b.connect(p, "acme")
	raw, err := os.ReadFile(env["STORE_FILE"])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(env["STORE_FILE"], append(raw, '\n'), 0o600))
	page = b.press(page, "Uninstall from acme")
	assert.Equal(t, http.StatusBadGateway, page.StatusCode)
	assert.Equal(t, 1, strings.Count(p.stderr.String(), errForeignChange.Error()), "logged once: %s", p.stderr)
}
