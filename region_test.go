package sunco_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

// hostileSubdomains are what a reply or a store could name instead of a
// customer.
var hostileSubdomains = []string{
	"evil.example/", "evil.example", "evil.example#", "evil.example?", "evil.example/x", "evil.example:443",
	"evil.example\\", "acme.evil", "a/b", "/", "//evil.example", "\\\\evil", "..", ".", "../x", "acme.", ".acme",
	"acme..",
	"a.b",
	"acme:80", ":80", "acme:", "user@evil", "user:pw@evil", "@", "acme@",
	"%2e%2e", "acme%2eevil", "acme%2f", "%61cme", "acme%00", "acme%0d%0a", "acme\r\nHost: evil", "acme\n", "\nacme",
	"acme\r", "ac\x00me", "\x00", "acme\t", " acme", "acme ", "ac me", "\u00a0acme", "acme\u200b", "\ufeffacme",
	"xn--acme-hoa", "XN--acme", "xN--a", "ab--cd", "-acme", "acme-", "-", "--", "a_b", "_acme", "acme!", "acme*",
	"*", "[::1]", "[", "acme;", "acme,evil", "acme|", "acme'", `acme"`, "<acme>", "{}", "acme~", "acme+", "acme=",
	"acme&",
	"аcme", "acmé", "acme。evil", "acme．evil", "acme｡evil", "ａｃｍｅ", "acme\u212A", "\u212Aelvin",
	"\u017Ffoo", "İstanbul", "ﬀ", "日本", "\xff", "acme\xc0\xae", "\xe2\x84", "①", "ª",
	"acme／evil", "acme＃", "acme＠evil", "ß", "a\u0301",
	strings.Repeat("a", 64), strings.Repeat("a", 10_000), "oauth-bridge", "OAUTH-BRIDGE", "Oauth-Bridge",
	"undefined.zendesk.com", "127.0.0.1", "::1", "http://evil.example", "https:evil", "javascript:x", "${x}",
	"acme\u2028", "acme\\evil",
}

func TestHostileSubdomainSendsNothing(t *testing.T) {
	eachTenantOperation(t, func(t *testing.T, op operation) {
		for _, domain := range []string{"", "localhost:8484", "staging.example"} {
			c := newClient(silent(t))
			c.Domain = domain
			for _, subdomain := range hostileSubdomains {
				in := acme()
				in.Subdomain = subdomain
				requireInput(t, "subdomain", op.run(t.Context(), c, in), "%q", subdomain)
				in.LegacyRegion = sunco.LegacyUS
				requireInput(t, "subdomain", op.run(t.Context(), c, in), "%q", subdomain)
			}
		}
	})
	for _, subdomain := range hostileSubdomains {
		_, err := (&sunco.Client{}).BaseURL(&sunco.Installation{Subdomain: subdomain})
		requireInput(t, "subdomain", err, "%q", subdomain)
	}
}

// The subdomain arrives in JSON: the token is handed over all the same, and
// nothing further is sent.
func TestHostileSubdomainFromTokenInfo(t *testing.T) {
	for _, subdomain := range hostileSubdomains {
		w := always(http.StatusOK, `{"app":{"id":"`+testAppID+`","subdomain":`+quoteJSON(subdomain)+`}}`)
		c := newClient(w)
		c.LegacyRegion = sunco.LegacyEU
		in, err := c.Locate(t.Context(), &sunco.Installation{Token: acme().Token})
		requireInput(t, "subdomain", err, "%q", subdomain)
		require.NotNil(t, in)
		assertSecret(t, testToken, in.Token.AccessToken)
		assert.Empty(t, in.Subdomain)
		assert.Empty(t, in.LegacyRegion, "a bad subdomain is not a legacy app")
		assert.Equal(t, []string{"GET " + bridgeBase + "/v2/tokenInfo"}, w.lines())
		_, err = c.ListWebhooks(t.Context(), in)
		require.ErrorIs(t, err, sunco.ErrNoRegion)
		assert.Equal(t, 1, w.count())
	}
}

func TestSubdomains(t *testing.T) {
	for given, want := range map[string]string{
		"acme":                  "acme",
		"ACME":                  "acme",
		"Acme-2":                "acme-2",
		"a":                     "a",
		"0":                     "0",
		"a-b-c":                 "a-b-c",
		"123":                   "123",
		"a--b":                  "a--b",
		"abc--d":                "abc--d",
		strings.Repeat("a", 63): strings.Repeat("a", 63),
		"oauth-bridge2":         "oauth-bridge2",
		"x-oauth-bridge":        "x-oauth-bridge",
		"localhost":             "localhost",
		"api":                   "api",
		"undefined":             "undefined",
		"xn":                    "xn",
		"xn-":                   "",
	} {
		base, err := (&sunco.Client{}).BaseURL(&sunco.Installation{Subdomain: given})
		if want == "" {
			requireInput(t, "subdomain", err)
			continue
		}
		require.NoError(t, err, given)
		assert.Equal(t, "https://"+want+".zendesk.com/sc", base)
	}
}

func TestDomains(t *testing.T) {
	for domain, want := range map[string]string{
		"":                    "https://acme.zendesk.com/sc",
		"zendesk.com":         "https://acme.zendesk.com/sc",
		"ZENDESK.com":         "https://acme.zendesk.com/sc",
		"zendesk-staging.com": "https://acme.zendesk-staging.com/sc",
		"zendesk.com:8443":    "https://acme.zendesk.com:8443/sc",
		"localhost":           "http://acme.localhost/sc",
		"localhost:8484":      "http://acme.localhost:8484/sc",
		"LocalHost:1":         "http://acme.localhost:1/sc",
		"localhost:65535":     "http://acme.localhost:65535/sc",
		"dev.localhost":       "https://acme.dev.localhost/sc",
		"localhost.example":   "https://acme.localhost.example/sc",
		"notlocalhost":        "https://acme.notlocalhost/sc",
	} {
		base, err := (&sunco.Client{Domain: domain}).BaseURL(acme())
		require.NoError(t, err, domain)
		assert.Equal(t, want, base)
	}
	for _, domain := range []string{
		"127.0.0.1", "127.0.0.1:80", "10.1", "1", "[::1]", "[::1]:80", "::1", "example.1", "localhost:",
		"localhost:0", "localhost:65536", "localhost:99999999999999999999", "localhost:-1", "localhost:+1",
		"localhost:8a", "localhost:80:80",
		"localhost: 80", "localhost:9-1", "localhost:18446744073709551697", "localhost:\u0661",
		"https://zendesk.com", "zendesk.com/", "zendesk.com/x", "zendesk.com?",
		"zendesk.com#", "user@zendesk.com", ".zendesk.com", "zendesk.com.", "zen..desk", ".", "-a.com", "a-.com",
		"xn--zendesk.com", "zendesk.xn--com",
		"zendesk .com", " zendesk.com", "zendesk.com\n", "zendesk\x00.com", "zendésk.com", "zendes\u212A.com",
		"localho\u017Ft", "a_b.com", "zendesk%2ecom", strings.Repeat("a", 64) + ".com", "*.zendesk.com",
	} {
		t.Run(fmt.Sprintf("%q", domain), func(t *testing.T) {
			eachOperation(t, func(t *testing.T, op operation) {
				c := newClient(silent(t))
				c.Domain = domain
				requireInput(t, "domain", op.run(t.Context(), c, acme()))
			})
			_, err := (&sunco.Client{Domain: domain}).BaseURL(acme())
			requireInput(t, "domain", err)
		})
	}
}

// The error says what is wrong, and what to change.
func TestDomainReasons(t *testing.T) {
	for domain, want := range map[string]string{
		"https://zendesk.com": "leave out https:// and the path",
		"zendesk.com/sc":      "leave out https:// and the path",
		"zendesk.com:x":       "the port is not a number",
		"127.0.0.1":           "so it must be a name",
		"zendesk":             "",
		"a_b.com":             "not a DNS name",
		"zend\u00e9sk.com":    "characters that no host name has",
	} {
		t.Run(domain, func(t *testing.T) {
			_, err := (&sunco.Client{Domain: domain}).BaseURL(acme())
			if want == "" {
				require.NoError(t, err)
				return
			}
			requireInput(t, "domain", err)
			assert.ErrorContains(t, err, want)
		})
	}
}

func TestDomainIsUsedEverywhere(t *testing.T) {
	eachOperation(t, func(t *testing.T, op operation) {
		w := always(op.good.status, op.good.body)
		c := newClient(w)
		c.Domain = "localhost:8484"
		_ = op.run(t.Context(), c, acme())
		require.Equal(t, 1, w.count())
		sent := w.requests()[0]
		assert.Equal(
			t, strings.NewReplacer("https://", "http://", "zendesk.com", c.Domain).Replace(op.url), sent.URL,
		)
		u, err := url.Parse(sent.URL)
		require.NoError(t, err)
		assert.Equal(t, u.Host, sent.Host)
	})
}

func TestLegacyRegions(t *testing.T) {
	at := func(region sunco.LegacyRegion) *sunco.Installation {
		in := acme()
		in.Subdomain, in.LegacyRegion = "", region
		return in
	}
	for region, want := range map[sunco.LegacyRegion]string{
		sunco.LegacyUS: "https://api.smooch.io",
		sunco.LegacyEU: "https://api.eu-1.smooch.io",
	} {
		t.Run(string(region), func(t *testing.T) {
			base, err := (&sunco.Client{}).BaseURL(at(region))
			require.NoError(t, err)
			assert.Equal(t, want, base)
			eachTenantOperation(t, func(t *testing.T, op operation) {
				w := always(op.good.status, op.good.body)
				require.NoError(t, op.run(t.Context(), newClient(w), at(region)))
				assert.Equal(t, []string{op.method + " " + strings.Replace(op.url, acmeBase, want, 1)}, w.lines())

				c := newClient(silent(t))
				c.Domain = "localhost:8484"
				requireInput(t, "legacy region", op.run(t.Context(), c, at(region)))
			})
		})
	}
	for _, region := range []sunco.LegacyRegion{"US", "EU", "asia", "us ", "api.smooch.io", "evil.example/", "\n"} {
		t.Run(fmt.Sprintf("%q", region), func(t *testing.T) {
			eachTenantOperation(t, func(t *testing.T, op operation) {
				requireInput(t, "legacy region", op.run(t.Context(), newClient(silent(t)), at(region)))
			})
		})
	}
	in := acme()
	in.LegacyRegion = sunco.LegacyUS
	base, err := (&sunco.Client{}).BaseURL(in)
	require.NoError(t, err)
	assert.Equal(t, acmeBase, base, "a subdomain comes first")
}

func TestNoRegion(t *testing.T) {
	eachTenantOperation(t, func(t *testing.T, op operation) {
		in := acme()
		in.Subdomain = ""
		c := newClient(silent(t))
		c.LegacyRegion = sunco.LegacyUS
		err := op.run(t.Context(), c, in)
		assert.ErrorIs(t, err, sunco.ErrNoRegion, "what the installation says counts")
		assert.ErrorContains(t, err, "LegacyRegion", "it says what to do")
		c.Domain = "localhost:8484"
		assert.ErrorIs(t, op.run(t.Context(), c, in), sunco.ErrNoRegion)
	})
}

// The last line of defence, where the credential is attached.
func TestTrustedHosts(t *testing.T) {
	for _, tc := range []struct {
		domain, url string
		want        bool
	}{
		{"zendesk.com", "https://acme.zendesk.com/sc", true},
		{"zendesk.com", "https://oauth-bridge.zendesk.com/sc", true},
		{"zendesk.com", "https://api.smooch.io/v2", true},
		{"zendesk.com", "https://api.eu-1.smooch.io/v2", true},
		{"zendesk.com", "http://acme.zendesk.com/sc", false},
		{"zendesk.com", "http://api.smooch.io/v2", false},
		{"zendesk.com", "ftp://acme.zendesk.com/sc", false},
		{"zendesk.com", "https://u@acme.zendesk.com/sc", false},
		{"zendesk.com", "https://zendesk.com/sc", false},
		{"zendesk.com", "https://.zendesk.com/sc", false},
		{"zendesk.com", "https://a.b.zendesk.com/sc", false},
		{"zendesk.com", "https://acme.zendesk.com.evil.example/sc", false},
		{"zendesk.com", "https://evilzendesk.com/sc", false},
		{"zendesk.com", "https://acme.evilzendesk.com/sc", false},
		{"zendesk.com", "https://acme.zendesk.com:444/sc", false},
		{"zendesk.com", "https://ACME.zendesk.com/sc", false},
		{"zendesk.com", "https://acme.zendesk.com./sc", false},
		{"zendesk.com", "https://xn--acme.zendesk.com/sc", false},
		{"zendesk.com", "https://evil.example/acme.zendesk.com", false},
		{"zendesk.com", "https://smooch.io/", false},
		{"zendesk.com", "https://evil.smooch.io/", false},
		{"zendesk.com", "https://api.smooch.io:444/", false},
		{"zendesk.com", "//acme.zendesk.com/", false},
		{"zendesk.com", "", false},
		{"staging.example", "https://acme.staging.example/sc", true},
		{"staging.example", "https://acme.zendesk.com/sc", false},
		{"staging.example", "https://api.smooch.io/", false},
		{"localhost:80", "http://acme.localhost:80/sc", true},
		{"localhost:80", "https://acme.localhost:80/sc", false},
		{"localhost:80", "http://acme.localhost/sc", false},
		{"localhost:80", "http://acme.localhost:81/sc", false},
		{"localhost:80", "http://localhost:80/sc", false},
	} {
		assert.Equal(t, tc.want, sunco.Trusts(t, tc.domain, tc.url), "%s %s", tc.domain, tc.url)
	}
}

// And it is asked: a call that was made with a wrong host carries nothing.
func TestUntrustedHostGetsNothing(t *testing.T) {
	for _, base := range []string{
		"https://evil.example/sc", "http://acme.zendesk.com/sc", "https://a.b.zendesk.com",
		"https://acme.zendesk.com:8443",
	} {
		requireInput(t, "host", sunco.CallHost(t.Context(), newClient(silent(t)), acme().Token, base))
	}
	w := always(200, "{}")
	require.NoError(t, sunco.CallHost(t.Context(), newClient(w), acme().Token, acmeBase+"/x"))
	assert.Equal(t, 1, w.count())
}
