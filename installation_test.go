package sunco_test

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

func TestLocate(t *testing.T) {
	w := always(200, `{"app":{"id":"5963ba5b40e2610047cd2c51","subdomain":"ACME"}}`)
	before := &sunco.Installation{Token: acme().Token}
	in, err := newClient(w).Locate(t.Context(), before)
	require.NoError(t, err)
	assert.Equal(t, acme(), in)
	assert.Equal(t, &sunco.Installation{Token: acme().Token}, before, "it is a copy")
	assert.Equal(t, []string{"GET " + bridgeBase + "/v2/tokenInfo"}, w.lines())
}

// Whatever fails, the copy keeps the token and whatever else is known.
func TestLocateKeepsTheToken(t *testing.T) {
	noRoute := &net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}
	for name, s := range map[string]step{
		"lost": {err: errors.New("lost")}, "no route": {err: noRoute}, "401": {status: 401}, "403": {status: 403},
		"404": {status: 404}, "302": {status: 302}, "429": {status: 429}, "500": {status: 500},
		"HTML": {status: 200, body: "<html>"}, "no app": {status: 200, body: "{}"},
		"error inside":      {status: 200, body: `{"error":"x"}`},
		"hostile subdomain": {status: 200, body: `{"app":{"id":"a","subdomain":"evil.example/"}}`},
		"no subdomain":      {status: 200, body: `{"app":{"id":"a"}}`},
		"repeated":          {status: 200, body: `{"app":{"id":"a"},"app":{"id":"a"}}`},
		"huge":              {status: 200, body: strings.Repeat(" ", 1<<20)},
	} {
		inBubble(t, name, func(t *testing.T) {
			in, err := newClient(&wire{answer: func(int, sentRequest) (*http.Response, error) {
				if s.err != nil {
					return nil, s.err
				}
				return response(s.status, s.body), nil
			}}).Locate(t.Context(), &sunco.Installation{Token: acme().Token})
			require.Error(t, err)
			require.NotNil(t, in)
			assertSecret(t, testToken, in.Token.AccessToken)
			assert.Empty(t, in.Subdomain)
			assert.Equal(t, strings.Contains(name, "subdomain"), in.AppID == "a")
			assertPrintsNoSecret(t, name, err, testToken, "client-s3cret")
		})
	}
}

func TestLocateLegacy(t *testing.T) {
	reply := `{"app":{"id":"5963ba5b40e2610047cd2c51","displayName":"Old"}}`
	for _, body := range []string{
		reply, strings.Replace(reply, `"Old"`, `"Old","subdomain":""`, 1),
		strings.Replace(reply, `"Old"`, `"Old","subdomain":null`, 1),
	} {
		in, err := newClient(always(200, body)).Locate(t.Context(), &sunco.Installation{Token: acme().Token})
		require.ErrorIs(t, err, sunco.ErrNoRegion)
		require.NotNil(t, in)
		assertSecret(t, testToken, in.Token.AccessToken)
		assert.Equal(t, testAppID, in.AppID)

		for _, region := range []sunco.LegacyRegion{sunco.LegacyUS, sunco.LegacyEU} {
			c := newClient(always(200, body))
			c.LegacyRegion = region
			in, err = c.Locate(t.Context(), &sunco.Installation{Token: acme().Token})
			require.NoError(t, err)
			assert.Equal(t, region, in.LegacyRegion)
			assert.Empty(t, in.Subdomain)
		}
	}
	c := newClient(always(200, tokenInfoReply))
	c.LegacyRegion = sunco.LegacyEU
	in, err := c.Locate(t.Context(), &sunco.Installation{Token: acme().Token})
	require.NoError(t, err)
	assert.Empty(t, in.LegacyRegion, "the choice is used only when there is no subdomain")
	assert.Equal(t, "acme", in.Subdomain)

	c = newClient(always(200, reply))
	c.LegacyRegion = "mars"
	in, err = c.Locate(t.Context(), &sunco.Installation{Token: acme().Token})
	requireInput(t, "legacy region", err)
	assertSecret(t, testToken, in.Token.AccessToken)
}

func TestRenamedSubdomainIsFoundAgain(t *testing.T) {
	w := &wire{answer: func(_ int, r sentRequest) (*http.Response, error) {
		switch r.Host {
		case "oauth-bridge.zendesk.com":
			return response(200, strings.Replace(tokenInfoReply, `"acme"`, `"acme-2"`, 1)), nil
		case "acme-2.zendesk.com":
			return response(200, webhooksReply), nil
		}
		return response(404, "<html>"), nil
	}}
	c, in := newClient(w), acme()
	_, err := c.ListWebhooks(t.Context(), in)
	require.ErrorIs(t, err, sunco.ErrMoved)
	found, err := c.Locate(t.Context(), in)
	require.NoError(t, err)
	assert.Equal(t, "acme-2", found.Subdomain)
	assert.Equal(t, in.Generation(), found.Generation())
	_, err = c.ListWebhooks(t.Context(), found)
	require.NoError(t, err)
	assert.Equal(t, "acme", in.Subdomain, "no call modifies an installation")
}

func TestHostileIDsSendNothing(t *testing.T) {
	hostile := []string{
		"", "..", ".", "../x", "a/b", "/", "a/../b", "%2e%2e", "%2f", "a%2fb", "a\\b", "a?b", "a#b",
		"a b", "a\nb", "a\r\nb", "a\x00", "a.b", "ä", "\xff", "a;b", "a:b", "a@b", "a*", "~", "a+b",
		"../../../oauth/authorization", "а", "ａ", "\u212A", strings.Repeat("a", 65), strings.Repeat("a", 100_000),
	}
	for _, id := range hostile {
		for _, op := range operations() {
			if !op.tenant() || op.name == "revoke" {
				continue
			}
			in := acme()
			in.AppID = id
			requireInput(t, "app id", op.run(t.Context(), newClient(silent(t)), in), "%s %q", op.name, id)
		}
		c := newClient(silent(t))
		_, err := c.GetWebhook(t.Context(), acme(), id)
		requireInput(t, "webhook id", err)
		_, err = c.UpdateWebhook(t.Context(), acme(), id, sunco.WebhookUpdate{IncludeFullUser: new(true)})
		requireInput(t, "webhook id", err)
		requireInput(t, "webhook id", c.DeleteWebhook(t.Context(), acme(), id))
		if id != "" {
			hook := `{"id":` + quoteJSON(id) + `,"target":"https://bot.example/hook","triggers":["user:merge"]}`
			s := newHookStore(hook)
			got, err := newClient(s).EnsureWebhook(t.Context(), acme(), wantedHook())
			require.NoError(t, err)
			assert.Equal(t, "new1", got.ID)
			want := []string{"GET " + hooksURL, "POST " + hooksURL}
			assert.Equal(t, want, s.lines(), "an id from a list leads nowhere either")
		}
	}
	for _, id := range []string{"a", "A-_9", strings.Repeat("a", 64)} {
		w := always(200, webhookReply)
		in := acme()
		in.AppID = id
		_, err := newClient(w).GetWebhook(t.Context(), in, id)
		require.NoError(t, err)
		want := "GET " + acmeBase + "/v2/apps/" + id + "/integrations/me/webhooks/" + id
		assert.Equal(t, []string{want}, w.lines())
	}
}
