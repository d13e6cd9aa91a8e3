package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/examples/internal/partner"
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
		"ZENDESK_DOMAIN":   "localhost:" + u.Port(),
		"SUNCO_STORE_FILE": filepath.Join(t.TempDir(), "store.db"), "SUNCO_STORE_KEY": storeKey,
	}, p
}

var refusal = suncotest.Reply(http.StatusForbidden, "application/json",
	`{"errors":[{"code":"forbidden","title":"canary"}]}`)

const (
	unfinished = "Zendesk gave access, but the connection is not complete. Press “Finish connecting”."
	webhooks   = "/sc/v2/apps/*/integrations/me/webhooks"
)

func TestFirstInstallationFails(t *testing.T) {
	for name, fault := range map[string]suncotest.Fault{
		"token info": {Path: "/sc/v2/tokenInfo", Times: -1, Handle: refusal},
		"webhook":    {Method: http.MethodPost, Path: webhooks, Times: -1, Handle: refusal},
	} {
		t.Run(name, func(t *testing.T) {
			env, zendesk := faulty(t)
			p, b := start(t, env), newBrowser(t)
			zendesk.Inject(fault)
			page := b.connect(p, "acme")
			assert.Equal(t, p.base+"/?said=unfinished", page.Request.URL.String())
			assert.Contains(t, page.text, `role="alert">`+unfinished)
			assert.Contains(t, page.text, "<title>"+unfinished)
			assert.Contains(t, page.text, "gave access, but the connection is not complete.</span>")
			assert.Contains(t, page.text, "One connection is not complete")
			assert.Len(t, secrets(t, env), 1, "the token is not lost")

			failed := b.press(page, "Finish connecting")
			assert.Equal(t, http.StatusBadGateway, failed.StatusCode)
			assert.Contains(t, failed.text, `role="alert">Zendesk refused`)
			zendesk.ClearFaults()
			done := b.press(page, "Finish connecting")
			assert.Contains(t, done.text, `role="status">The connection is complete.`)
			assert.Contains(t, done.text, ">acme</a>")
			assert.Contains(t, done.text, "acme was connected.")
			assert.NotContains(t, done.text, "not complete:")
			assert.NotContains(t, b.visit(page.Request.URL.String()).text, unfinished, "it is complete")
			assert.Len(t, secrets(t, env), 2)
			assert.NotContains(t, b.seen.String(), "canary")
		})
	}
}

// TestLegacyAccount connects an account that Shoplifter does not support.
func TestLegacyAccount(t *testing.T) {
	env, zendesk := faulty(t)
	require.NoError(t, zendesk.AddAccount(suncotest.Account{Legacy: suncotest.LegacyUS}))
	p, b := start(t, env), newBrowser(t)
	page := b.press(b.visit(p.base+partner.InstallPath), "Allow", "account", "legacy-us")
	assert.Equal(t, http.StatusBadGateway, page.StatusCode)
	assert.Contains(t, page.text, noLegacy)
	assert.Len(t, secrets(t, env), 1, "the token is not lost")
	refused := b.press(b.visit(p.base+"/"), "Finish connecting")
	assert.Equal(t, http.StatusBadGateway, refused.StatusCode)
	assert.Contains(t, refused.text, `role="alert">`+noLegacy)
	require.NoError(t, zendesk.Uninstall(zendesk.Installations()[0].AppID))
	front := b.press(refused, "Finish connecting")
	assert.Contains(t, front.text, "An account was disconnected: Zendesk refuses its token.")
	assert.Empty(t, secrets(t, env))
}

func TestExchangeFails(t *testing.T) {
	env, zendesk := faulty(t)
	p, b := start(t, env), newBrowser(t)
	zendesk.Inject(suncotest.Fault{Path: "/sc/oauth/token", Handle: refusal})
	consent := b.visit(p.base + partner.InstallPath)
	failed := b.press(consent, "Allow", "account", "acme")
	assert.Equal(t, http.StatusBadGateway, failed.StatusCode)
	assert.Contains(t, failed.text, "Zendesk refused")
	assert.Empty(t, secrets(t, env))
	assert.NotContains(t, b.seen.String(), "canary")
	b.connect(p, "acme")
}

func TestFirstSaveFails(t *testing.T) {
	env, zendesk := faulty(t)
	p, b := start(t, env), newBrowser(t)
	change(t, env, broken)
	failed := b.press(b.visit(p.base+partner.InstallPath), "Allow", "account", "acme")
	assert.Equal(t, http.StatusInternalServerError, failed.StatusCode)
	assert.Contains(t, failed.text, "Shoplifter could not store the connection.")
	assert.Empty(t, zendesk.Webhooks(), "Zendesk is asked for nothing more")
	assert.Contains(t, p.stderr.String(), "the store is broken")
	assert.Contains(t, b.visit(p.base+"/").text, "None yet.")
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

// waitFor waits until the log says something so often.
func (p *program) waitFor(text string, times int) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return strings.Count(p.stderr.String(), text) >= times },
		10*time.Second, 10*time.Millisecond, "the log never says %q", text)
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
	p.waitFor("could not be completed", 1)
	assert.NotContains(t, p.stderr.String(), "canary")
	assert.Equal(t, before, secrets(t, env), "nothing is forgotten")
	zendesk.ClearFaults()
	page := b.press(b.visit(p.base+path), "Set up the webhook")
	assert.Contains(t, page.text, p.base+partner.EventsPath)
}

func TestDeliveriesOfStrangers(t *testing.T) {
	env, zendesk := faulty(t)
	p, b := start(t, env), newBrowser(t)
	here := p.base + b.connect(p, "acme").Request.URL.Path
	hook := zendesk.Webhooks()[0]
	forged := suncotest.NewDelivery(hook, "canary-key", suncotest.SampleEvent("conversation:message", 1))
	forged.URL, forged.RequestURI, forged.Host = mustParse(t, p.base+partner.EventsPath), "", ""
	res, err := http.DefaultClient.Do(forged)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)

	for range maxDeliveries + 5 {
		require.NoError(t, zendesk.Emit(hook.AppID, suncotest.SampleEvent("conversation:message", 1)))
	}
	require.Eventually(t, func() bool { // or the next could overtake so many that it is forgotten
		return !slices.ContainsFunc(zendesk.Deliveries(), func(d suncotest.Delivery) bool {
			return d.Outcome == suncotest.Pending
		})
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

// broken makes the database refuse what Save inserts.
const broken = "CREATE TRIGGER broken BEFORE INSERT ON sunco_installations " +
	"BEGIN SELECT RAISE(ABORT, 'the store is broken'); END"

func TestStoreFailsWhileUninstalling(t *testing.T) {
	env, zendesk := faulty(t)
	p, b := start(t, env), newBrowser(t)
	page := b.connect(p, "acme")
	change(t, env, strings.Replace(broken, "INSERT", "UPDATE", 1))
	page = b.press(page, "Uninstall from acme")
	assert.Equal(t, http.StatusBadGateway, page.StatusCode)
	assert.Equal(t, 1, strings.Count(p.stderr.String(), "the store is broken"), "logged once: %s", p.stderr)
	assert.Len(t, zendesk.Installations(), 1, "nothing is revoked that cannot be marked first")
}

// TestStoreIsGone takes the tables away while the program runs.
func TestStoreIsGone(t *testing.T) {
	env, _ := faulty(t)
	p, b := start(t, env), newBrowser(t)
	page := b.connect(p, "acme")
	change(t, env, "ALTER TABLE sunco_installations RENAME TO canary")
	for _, target := range []string{p.base + "/", page.Request.URL.String()} {
		failed := b.visit(target)
		assert.Equal(t, http.StatusServiceUnavailable, failed.StatusCode)
		assert.Contains(t, failed.text, "cannot read its connections")
		assert.NotContains(t, failed.text, "sunco_installations")
	}
	failed := b.press(page, "Uninstall from acme")
	assert.Equal(t, http.StatusServiceUnavailable, failed.StatusCode)
}
