package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
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
		"bot: Hello! I am a bot. Would you like to talk to a human?\n" +
			"      ada: a human, please\n" +
			"      ada: are you a human?\n" +
			"      agent: I am. How can I help?\n\n",
		"/passControl  200 OK",
		"Refused: an integration may have 3 webhooks.",
		"-> DELETE https://acme.zendesk.com/sc/oauth/authorization  200 OK",
		"<- POST   https://partner.example/zendesk/removed  200 OK",
		"is gone, and its installation is deleted.",
	} {
		assert.Contains(t, out.String(), line)
	}
	assert.True(t, strings.HasSuffix(out.String(), next))
	assert.NotContains(t, out.String(), suncotest.DefaultClientSecret)
	assert.NotContains(t, out.String(), "eyJ", "no token")
	assert.NotContains(t, out.String(), "code=", "no code")
}

func TestTheTokenIsSavedBeforeAnythingElse(t *testing.T) {
	platform := newPlatform(t, suncotest.Behavior{})
	platform.Inject(suncotest.Fault{Path: "/sc/v2/tokenInfo", Handle: suncotest.Reply(http.StatusForbidden, "", "")})
	server := newServer(&sunco.Client{
		ClientID: suncotest.DefaultClientID, ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
		HTTPClient: platform.Client(),
	})
	s := &story{transcript: newTranscript(io.Discard), server: server}
	s.visit = func(ctx context.Context, authorizeURL string) (*http.Request, error) {
		back, err := platform.Allow(ctx, authorizeURL, "")
		require.NoError(t, err)
		return http.NewRequestWithContext(ctx, http.MethodGet, back.String(), nil)
	}
	in, err := s.install(t.Context())
	require.ErrorIs(t, err, sunco.ErrForbidden)
	require.NotNil(t, server.stored)
	assert.NotEmpty(t, in.Generation())
	assert.Equal(t, in.Generation(), server.stored.Generation())
}

func TestHelpAndMistakes(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-h"}, none, nil, &out))
	assert.Contains(t, out.String(), "SUNCO_PUBLIC_URL")
	assert.Contains(t, out.String(), "go run ./examples/quickstart")

	env := map[string]string{"SUNCO_CLIENT_ID": "x", "SUNCO_CLIENT_SECRET": "x"}
	mistake := func(args ...string) error {
		return run(t.Context(), args, func(name string) string { return env[name] }, nil, io.Discard)
	}
	require.ErrorContains(t, mistake(), "set SUNCO_PUBLIC_URL")
	require.ErrorContains(t, mistake("extra"), "extra")
	env["SUNCO_LEGACY_REGION"] = "de"
	require.ErrorContains(t, mistake(), "SUNCO_LEGACY_REGION")
}
