package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

func none(string) string { return "" }

func TestFakeTellsTheWholeStory(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), nil, none, strings.NewReader(""), &out))
	for _, line := range []string{
		"-> POST   https://oauth-bridge.zendesk.com/sc/oauth/token  200 OK",
		"-> GET    https://oauth-bridge.zendesk.com/sc/v2/tokenInfo  200 OK",
		"<- HEAD   https://partner.example/zendesk/events  200 OK",
		"Same webhook: true.",
		"Refused: 3 is all an integration may have.",
		"-> DELETE https://acme.zendesk.com/sc/oauth/authorization  200 OK",
		"<- POST   https://partner.example/zendesk/removed  200 OK",
		"is gone, and what was stored for it is deleted.",
	} {
		assert.Contains(t, out.String(), line)
	}
	assert.NotContains(t, out.String(), suncotest.DefaultClientSecret)
	assert.NotContains(t, out.String(), "eyJ", "no token")
	assert.NotContains(t, out.String(), "code=", "no code")
}

func TestHelpAndMistakes(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-h"}, none, nil, &out))
	assert.Contains(t, out.String(), "SUNCO_WEBHOOK_TARGET")
	assert.Contains(t, out.String(), "go run ./examples/quickstart")

	only := func(set string) func(string) string {
		return func(name string) string {
			if strings.Contains(set, name) {
				return "x"
			}
			return ""
		}
	}
	require.ErrorContains(t, run(t.Context(), nil, only("SUNCO_CLIENT_ID"), nil, io.Discard), "both")
	require.ErrorContains(t, run(t.Context(), nil, only("SUNCO_CLIENT_ID SUNCO_CLIENT_SECRET"), nil, io.Discard), "SUNCO_REDIRECT_URI")
	require.ErrorContains(t, run(t.Context(), []string{"extra"}, none, nil, io.Discard), "extra")
}

// lockedBuffer is written by the program while the test reads it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// zendesk runs the part that talks to Zendesk, with the fake in its place and a
// real listener for the redirect.
func zendesk(t *testing.T, answers string) (*suncotest.Platform, string) {
	t.Helper()
	platform := suncotest.New(suncotest.Config{})
	t.Cleanup(platform.Close)
	platform.Mount("hooks.example", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	env := map[string]string{
		"SUNCO_CLIENT_ID":      suncotest.DefaultClientID,
		"SUNCO_CLIENT_SECRET":  suncotest.DefaultClientSecret,
		"SUNCO_REDIRECT_URI":   "http://" + address + "/callback",
		"SUNCO_WEBHOOK_TARGET": "https://hooks.example/zendesk?key=1",
	}
	set := settings{
		getenv: func(name string) string { return env[name] },
		in:     strings.NewReader(answers),
		base:   platform.Client().Transport,
	}
	out := &lockedBuffer{}
	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() { done <- onZendesk(ctx, set, &transcript{out: out}) }()

	var authorizeURL string
	require.Eventually(t, func() bool {
		authorizeURL = regexp.MustCompile(`https://oauth-bridge\S+`).FindString(out.String())
		return authorizeURL != ""
	}, 10*time.Second, time.Millisecond)
	back, err := platform.Allow(ctx, authorizeURL, "")
	require.NoError(t, err)
	resp, err := http.Get(back.String())
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	// Nobody calls the remove URL here: end the wait once the rest is told.
	require.Eventually(t, func() bool {
		return len(done) > 0 || strings.Contains(out.String(), "Be told at the remove URL")
	}, 30*time.Second, time.Millisecond)
	cancel()
	if err := <-done; err != nil {
		require.ErrorIs(t, err, context.Canceled)
	}
	return platform, out.String()
}

func TestZendeskAsksFirst(t *testing.T) {
	platform, out := zendesk(t, "n\nn\n")
	assert.Contains(t, out, "Create up to 4 webhooks")
	assert.Contains(t, out, "Revoke the access")
	assert.NotContains(t, out, "-> DELETE")
	assert.NotContains(t, out, "/webhooks  201")
	assert.Len(t, platform.Installations(), 1)
}

func TestZendeskDoesWhatWasAllowed(t *testing.T) {
	platform, out := zendesk(t, "y\ny\n")
	assert.Contains(t, out, "Refused: 3 is all")
	assert.Contains(t, out, "Token info confirms: the token is dead.")
	assert.Empty(t, platform.Installations())
	assert.NotContains(t, out, suncotest.DefaultClientSecret)
}
