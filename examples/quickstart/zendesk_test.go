package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/exampletest"
	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/suncotest"
)

const (
	hookTarget = "https://hooks.example/zendesk/events"
	mayRemain  = "The integration may still be installed"
)

// TestMain sets a proxy, which net/http reads once.
func TestMain(m *testing.M) {
	os.Setenv("HTTP_PROXY", "http://proxy.invalid:3128")
	os.Setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
	m.Run()
}

func TestASandboxIsReachedWithoutProxy(t *testing.T) {
	for target, wanted := range map[string]bool{
		"http://oauth-bridge.localhost:8484/": false,
		"http://localhost:8484/":              false,
		"https://oauth-bridge.zendesk.com/":   true,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
		require.NoError(t, err)
		proxy, err := partner.Transport().Proxy(req)
		require.NoError(t, err)
		assert.Equal(t, wanted, proxy != nil, target)
	}
}

// newPlatform is a fake Zendesk, with the target of the webhooks.
func newPlatform(t *testing.T, behavior suncotest.Behavior) *suncotest.Platform {
	t.Helper()
	platform := suncotest.New(suncotest.Config{Behavior: behavior})
	t.Cleanup(platform.Close)
	platform.Mount("hooks.example", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return platform
}

// withZendesk runs the part that talks to Zendesk, with the fake in its place and a real
// listener for the redirect, which a tunnel would lead to.
func withZendesk(t *testing.T, platform *suncotest.Platform, answers string) (string, error) {
	t.Helper()
	return withZendeskAt(t, platform, answers, "https://hooks.example", freeAddress(t))
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

func withZendeskAt(t *testing.T, platform *suncotest.Platform, answers, public, address string) (string, error) {
	t.Helper()
	env := map[string]string{
		"SUNCO_CLIENT_ID":     suncotest.DefaultClientID,
		"SUNCO_CLIENT_SECRET": suncotest.DefaultClientSecret,
		"SUNCO_PUBLIC_URL":    public,
		"SUNCO_LISTEN":        address,
	}
	set, err := partner.Read(func(name string) string { return env[name] })
	require.NoError(t, err)
	z := zendesk{Settings: set, in: strings.NewReader(answers), base: platform.Client().Transport}
	out := &exampletest.Buffer{}
	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() { done <- onZendesk(ctx, z, newTranscript(out)) }()

	var authorizeURL string
	require.Eventually(t, func() bool {
		authorizeURL = regexp.MustCompile(`https://oauth-bridge\S+`).FindString(out.String())
		return authorizeURL != ""
	}, 10*time.Second, time.Millisecond)
	back, err := platform.Allow(ctx, authorizeURL, "")
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(back.String(), public+"/zendesk/install?"))
	resp, err := http.Get("http://" + address + back.RequestURI())
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	// Nobody calls the remove URL here: end the wait once the rest is told.
	require.Eventually(t, func() bool {
		return len(done) > 0 || strings.Contains(out.String(), "Receive the call to the remove URL")
	}, 30*time.Second, time.Millisecond)
	cancel()
	err = <-done
	return out.String(), err
}

func TestZendeskAsksFirst(t *testing.T) {
	platform := newPlatform(t, suncotest.Behavior{})
	out, err := withZendesk(t, platform, "n\nn\n")
	require.NoError(t, err)
	assert.Contains(t, out, "Create up to 4 webhooks")
	assert.Contains(t, out, "Revoke the access")
	assert.NotContains(t, out, "-> DELETE")
	assert.NotContains(t, out, "/webhooks  201")
	assert.Len(t, platform.Installations(), 1)
}

func TestZendeskDoesWhatWasAllowed(t *testing.T) {
	platform := newPlatform(t, suncotest.Behavior{})
	out, err := withZendesk(t, platform, "y\ny\n")
	require.ErrorIs(t, err, context.Canceled)
	assert.Contains(t, out, "Refused: an integration may have 3")
	assert.Contains(t, out, "Token info confirms that the token is dead.")
	assert.NotContains(t, out, mayRemain, "it is known to be gone")
	assert.Empty(t, platform.Installations())
	assert.NotContains(t, out, suncotest.DefaultClientSecret)
}

func TestZendeskWithoutAPerson(t *testing.T) {
	out, err := withZendesk(t, newPlatform(t, suncotest.Behavior{}), "y\nn\n")
	require.NoError(t, err)
	assert.Contains(t, out, "Left out: with Zendesk a person would have to write.")
	assert.NotContains(t, out, "ada")
}

func TestZendeskCannotCallThisMachine(t *testing.T) {
	platform := newPlatform(t, suncotest.Behavior{})
	address := freeAddress(t)
	out, err := withZendeskAt(t, platform, "n\n", "http://"+address, address)
	require.NoError(t, err)
	assert.Contains(t, out, "Skipped: Zendesk cannot call")
	assert.NotContains(t, out, "/webhooks")
}

// A webhook with the very target, or with that of a copy, may be the partner's
// in production.
func TestZendeskLeavesOtherWebhooksAlone(t *testing.T) {
	platform := newPlatform(t, suncotest.Behavior{})
	client := &sunco.Client{
		ClientID:     suncotest.DefaultClientID,
		ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
		HTTPClient:   platform.Client(),
	}
	authorizeURL, err := client.AuthorizeURL("state")
	require.NoError(t, err)
	back, err := platform.Allow(t.Context(), authorizeURL, "")
	require.NoError(t, err)
	token, err := client.Exchange(t.Context(), sunco.NewSecret(back.Query().Get("code")))
	require.NoError(t, err)
	in, err := client.Locate(t.Context(), &sunco.Installation{Token: token})
	require.NoError(t, err)
	for _, target := range []string{hookTarget, hookTarget + "?copy=1"} {
		_, err := client.CreateWebhook(t.Context(), in, &sunco.Webhook{
			Target: target, Triggers: []string{sunco.TriggerConversationRead}, IncludeFullUser: true,
		})
		require.NoError(t, err)
	}
	production := platform.Webhooks()

	out, err := withZendesk(t, platform, "y\nn\n")
	require.NoError(t, err)
	assert.Equal(t, production, platform.Webhooks())
	assert.Contains(t, out, "Same webhook: true.")
	assert.Contains(t, out, "Refused: an integration may have 3")
	for _, r := range platform.Requests() {
		for _, hook := range production {
			assert.NotContains(t, r.Path, hook.ID)
		}
	}
}

func TestZendeskLeavesWebhooksOfAnEarlierRunAlone(t *testing.T) {
	platform := newPlatform(t, suncotest.Behavior{WebhookLimit: 10})
	platform.Inject(suncotest.Fault{Method: http.MethodDelete, Path: "/sc/v2/", Times: -1,
		Handle: func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(http.StatusForbidden) }})
	out, err := withZendesk(t, platform, "y\nn\n")
	require.ErrorIs(t, err, sunco.ErrForbidden)
	assert.Contains(t, out, mayRemain)
	left := platform.Webhooks()
	require.Len(t, left, 4)
	for _, hook := range left {
		assert.Contains(t, out, "Webhook "+hook.ID+" is left")
		assert.True(t, strings.HasPrefix(hook.Target, hookTarget+"?quickstart="))
	}

	platform.ClearFaults()
	out, err = withZendesk(t, platform, "y\nn\n")
	require.NoError(t, err)
	assert.Contains(t, out, "Same webhook: true.")
	assert.Contains(t, out, "No limit was reached with 4 webhooks.")
	assert.Equal(t, left, platform.Webhooks())
}

// A list that lags behind makes EnsureWebhook create a second one.
func TestZendeskDeletesWhatEnsureMade(t *testing.T) {
	platform := newPlatform(t, suncotest.Behavior{WebhookLimit: 10})
	platform.Inject(suncotest.Fault{Method: http.MethodGet, Path: "/sc/v2/apps/*/integrations/me/webhooks", Skip: 1,
		Handle: func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"webhooks":[]}`)
		}})
	out, err := withZendesk(t, platform, "y\nn\n")
	require.NoError(t, err)
	assert.Contains(t, out, "Same webhook: false.")
	assert.Empty(t, platform.Webhooks())
}

func TestZendeskSaysWhenTheIntegrationMayRemain(t *testing.T) {
	for name, tc := range map[string]struct {
		legacy bool
		path   string // answers with status and nothing else
		status int
		said   bool
		err    string
	}{
		"no region":         {true, "/none", 404, true, "SUNCO_LEGACY_REGION"},
		"no token info":     {false, "/sc/v2/tokenInfo", 403, true, "403"},
		"no token in reply": {false, "/sc/oauth/token", 200, true, "outcome unknown"},
		"exchange refused":  {false, "/sc/oauth/token", 401, false, "401"},
	} {
		t.Run(name, func(t *testing.T) {
			platform := newPlatform(t, suncotest.Behavior{NoSubdomain: tc.legacy})
			platform.Inject(suncotest.Fault{Path: tc.path,
				Handle: func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(tc.status) }})
			out, err := withZendesk(t, platform, "y\ny\n")
			require.ErrorContains(t, err, tc.err)
			assert.NotRegexp(t, `Client\.|LegacyRegion`, err.Error(), "names of the package")
			assert.Equal(t, tc.said, strings.Contains(out, mayRemain), out)
		})
	}
}
