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
		"Refused: an integration may have 3 webhooks.",
		"-> DELETE https://acme.zendesk.com/sc/oauth/authorization  200 OK",
		"<- POST   https://partner.example/zendesk/removed  200 OK",
		"is gone, and its installation is deleted.",
	} {
		assert.Contains(t, out.String(), line)
	}
	assert.NotContains(t, out.String(), suncotest.DefaultClientSecret)
	assert.NotContains(t, out.String(), "eyJ", "no token")
	assert.NotContains(t, out.String(), "code=", "no code")
}

func TestTheTokenIsSavedBeforeAnythingElse(t *testing.T) {
	platform := newPlatform(t, suncotest.Behavior{})
	platform.Inject(suncotest.Fault{Path: "/sc/v2/tokenInfo", Handle: suncotest.Reply(http.StatusForbidden, "", "")})
	partner := newPartner(&sunco.Client{
		ClientID: suncotest.DefaultClientID, ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
		HTTPClient: platform.Client(),
	})
	s := &story{transcript: &transcript{out: io.Discard}, partner: partner}
	s.visit = func(ctx context.Context, authorizeURL string) (*http.Request, error) {
		back, err := platform.Allow(ctx, authorizeURL, "")
		require.NoError(t, err)
		return http.NewRequestWithContext(ctx, http.MethodGet, back.String(), nil)
	}
	in, err := s.install(t.Context())
	require.ErrorIs(t, err, sunco.ErrForbidden)
	require.NotNil(t, partner.stored)
	assert.NotEmpty(t, in.Generation())
	assert.Equal(t, in.Generation(), partner.stored.Generation())
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
	mistake := func(getenv func(string) string, args ...string) error {
		return run(t.Context(), args, getenv, nil, io.Discard)
	}
	require.ErrorContains(t, mistake(only("SUNCO_CLIENT_ID")), "both")
	require.ErrorContains(t, mistake(only("SUNCO_CLIENT_ID SUNCO_CLIENT_SECRET")), "SUNCO_REDIRECT_URI")
	require.ErrorContains(t, mistake(none, "extra"), "extra")
	env := map[string]string{
		"SUNCO_CLIENT_ID": "x", "SUNCO_CLIENT_SECRET": "x",
		"SUNCO_REDIRECT_URI": "http://127.0.0.1:1/callback", "SUNCO_LEGACY_REGION": "de",
	}
	require.ErrorContains(t, mistake(func(name string) string { return env[name] }), "SUNCO_LEGACY_REGION")
}

func TestShown(t *testing.T) {
	for address, want := range map[string]string{
		"https://partner.example/zendesk/events":             "https://partner.example/zendesk/events",
		"https://partner.example/zendesk?key=canary&x=1":     "https://partner.example/zendesk?…",
		"https://partner.example?canary":                     "https://partner.example?…",
		"https://canary:canary@partner.example:8443/a%2Fb#c": "https://partner.example:8443/a%2Fb",
		"https://partner.example/%zz?key=canary":             "…",
	} {
		assert.Equal(t, want, shown(address))
	}
}
