package main

import (
	"bytes"
	"context"
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

func TestBadFlags(t *testing.T) {
	for name, test := range map[string]struct{ args, says string }{
		"unknown":                   {"-client-secert canary", "not defined: -client-secert"},
		"argument":                  {"-approve canary", "unexpected argument: use flags only"},
		"address":                   {"-addr 8484", "-addr must be host:port, like 127.0.0.1:8484"},
		"port":                      {"-addr 127.0.0.1:99999", "-addr must end in a port from 0 to 65535"},
		"empty id":                  {"-client-id=", "-client-id: must not be empty"},
		"empty secret":              {"-client-secret=", "-client-secret: must not be empty"},
		"empty redirect":            {"-redirect-uri=", "-redirect-uri: "},
		"relative redirect":         {"-redirect-uri /callback", "neither http nor https"},
		"redirect with fragment":    {"-redirect-uri http://localhost/#x", "fragment"},
		"empty subdomain":           {"-subdomain=", "-subdomain: must not be empty"},
		"not a subdomain":           {"-subdomain Acme.x", "-subdomain: \"Acme.x\" cannot be a subdomain"},
		"the bridge as a subdomain": {"-subdomain oauth-bridge", "cannot be a subdomain"},
		"the same customer twice":   {"-subdomain acme -subdomain acme", "-subdomain: account \"acme\": "},
		"another region":            {"-legacy de", "-legacy: must be us or eu"},
		"the same region twice":     {"-legacy us -legacy us", "-legacy: account \"legacy-us\": "},
		"empty remove URL":          {"-remove-url=", "-remove-url: must not be empty"},
		"remove URL elsewhere":      {"-remove-url https://example.com/?key=canary", "-remove-url must be on this machine"},
		"malformed remove URL":      {"-remove-url http://user:canary@localhost/", "-remove-url: it must not have user"},
		"CA file without TLS":       {"-ca-file ca.pem", "-ca-file needs -tls"},
		"empty CA file":             {"-tls -ca-file=", "-ca-file: must not be empty"},
		"no such shape":             {"-error-shape xml", "-error-shape: must be one of v2, v1, rfc6749, "},
		"a status of success":       {"-revoked-status 200", "-revoked-status: must be a whole number from 400 to 599"},
		"no number":                 {"-webhook-limit many", "-webhook-limit: must be a whole number from 1 to 100"},
		"negative copies":           {"-delivery-copies -1", "-delivery-copies: must be a whole number from 0 to 100"},
		"too many copies":           {"-delivery-copies 101", "from 0 to 100"},
		"no interval":               {"-delivery-retry-interval 0s", "-delivery-retry-interval: must be more than 0"},
		"negative interval":         {"-remove-delay -1s", "-remove-delay: must be more than 0"},
		"interval without a unit":   {"-delivery-retry-interval 5", "with a unit, like 10s"},
		"not a boolean":             {"-strict=maybe", "for -strict"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // so that flags that are accepted by mistake serve nothing
			assert.Equal(t, 2, run(ctx, strings.Fields(test.args), &stdout, &stderr))
			assert.Empty(t, stdout.String())
			assert.Contains(t, stderr.String(), test.says)
			assert.NotContains(t, stderr.String(), "canary")
		})
	}
}

func TestRemoveURLOnThisMachine(t *testing.T) {
	for raw, want := range map[string]bool{
		"http://localhost:3000/removed": true,
		"http://app.localhost/removed":  true,
		"http://APP.LocalHost/removed":  true,
		"https://127.0.0.1/":            true,
		"http://[::1]:3000/":            true,
		"http://[::ffff:127.0.0.1]/":    true,
		"http://localhost.example/":     false,
		"http://192.0.2.1/":             false,
		"http://notlocalhost/":          false,
	} {
		_, err := parseOptions([]string{"-remove-url", raw})
		assert.Equal(t, want, err == nil, raw)
	}
}

func TestFlags(t *testing.T) {
	parse := func(t *testing.T, args string) *options {
		o, err := parseOptions(strings.Fields(args))
		require.NoError(t, err)
		return o
	}
	t.Run("none", func(t *testing.T) {
		o := parse(t, "")
		assert.Equal(t, "127.0.0.1:8484", o.Addr)
		assert.Equal(t, suncotest.Config{}, o.Platform, "the defaults are the fake's")
	})
	t.Run("the partner and its customers", func(t *testing.T) {
		o := parse(t, "-client-id bot -client-secret s -redirect-uri https://a.example/ -redirect-uri http://localhost/b "+
			"-remove-url http://localhost/r -subdomain globex -legacy eu -subdomain acme -approve")
		assert.Equal(t, suncotest.Config{
			ClientID: "bot", ClientSecret: "s", RedirectURIs: []string{"https://a.example/", "http://localhost/b"},
			RemoveURL: "http://localhost/r", Approve: true,
			Accounts: []suncotest.Account{{Subdomain: "globex"}, {Legacy: "eu"}, {Subdomain: "acme"}},
		}, o.Platform)
	})
	type behavior = suncotest.Behavior
	cases := map[string]behavior{
		"-strict":                      {Strict: true},
		"-require-marketplace":         {MarketplaceRequired: true},
		"-code-lifetime 1s":            {CodeLifetime: time.Second},
		"-code-reuse-revokes":          {CodeReuseRevokes: true},
		"-token-error-status 400":      {TokenErrorStatus: 400},
		"-token-lifetime 1h":           {TokenLifetime: time.Hour},
		"-revoked-status 403":          {RevokedStatus: 403},
		"-no-subdomain":                {NoSubdomain: true},
		"-old-token-dies":              {OldTokenDies: true},
		"-webhooks-die":                {WebhooksDie: true},
		"-webhook-limit 10":            {WebhookLimit: 10},
		"-no-probe":                    {NoProbe: true},
		"-canonical-targets":           {TargetForm: suncotest.TargetCanonical},
		"-delivery-copies 2":           {DeliveryCopies: 2},
		"-delivery-doubled":            {DeliveryDoubled: true},
		"-delivery-reordered":          {DeliveryReordered: true},
		"-delivery-serial":             {DeliverySerial: true},
		"-delivery-receipts":           {DeliveryReceipts: true},
		"-delivery-wrong-key":          {DeliveryWrongKey: true},
		"-delivery-retry-interval 90s": {DeliveryRetryInterval: 90 * time.Second},
		"-remove-first":                {RemoveFirst: true},
		"-remove-delay 2s":             {RemoveDelay: 2 * time.Second},
		"-remove-retries 3":            {RemoveRetries: 3},
		"-remove-retry-interval 5s":    {RemoveRetryInterval: 5 * time.Second},
	}
	for name, shape := range map[string]suncotest.ErrorShape{
		"v2": suncotest.ErrorsArray, "v1": suncotest.ErrorObject, "rfc6749": suncotest.ErrorRFC6749,
		"html": suncotest.ErrorHTML, "text": suncotest.ErrorText, "empty": suncotest.ErrorEmpty,
		"sentence": suncotest.ErrorSentence, "front": suncotest.ErrorFront,
	} {
		cases["-error-shape "+name] = behavior{TokenErrorShape: shape, RevokedShape: shape}
	}
	tested := map[string]bool{}
	for args, want := range cases {
		tested[strings.Fields(args)[0]] = true
		t.Run(args, func(t *testing.T) { assert.Equal(t, want, parse(t, args).Platform.Behavior) })
	}
	behaviorFlags(new(behavior)).VisitAll(func(f *flag.Flag) { assert.True(t, tested["-"+f.Name], f.Name) })
}
