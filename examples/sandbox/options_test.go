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

func flagNames() map[string]bool {
	names := map[string]bool{}
	new(options).flagSet().VisitAll(func(f *flag.Flag) { names[f.Name] = true })
	return names
}

func TestBadFlags(t *testing.T) {
	for name, test := range map[string]struct{ args, says string }{
		"unknown":                   {"-client-secert canary", "not defined: -client-secert"},
		"argument":                  {"-approve canary", "not flags"},
		"address":                   {"-addr 8484", "host:port"},
		"port":                      {"-addr 127.0.0.1:99999", "no usable port"},
		"empty id":                  {"-client-id=", "-client-id must not be empty"},
		"empty secret":              {"-client-secret=", "-client-secret must not be empty"},
		"empty redirect":            {"-redirect-uri=", "must not be empty"},
		"relative redirect":         {"-redirect-uri /callback", "neither http nor https"},
		"redirect with fragment":    {"-redirect-uri http://localhost/#x", "fragment"},
		"empty subdomain":           {"-subdomain=", "must not be empty"},
		"not a subdomain":           {"-subdomain Acme.x", "cannot be a subdomain"},
		"the bridge as a subdomain": {"-subdomain oauth-bridge", "cannot be a subdomain"},
		"the same customer twice":   {"-subdomain acme -subdomain acme", "twice"},
		"empty remove URL":          {"-remove-url=", "must not be empty"},
		"remove URL elsewhere":      {"-remove-url https://example.com/?key=canary", "on this machine"},
		"malformed remove URL":      {"-remove-url http://user:canary@localhost/", "user information"},
		"CA file without TLS":       {"-ca-file ca.pem", "needs -tls"},
		"empty CA file":             {"-tls -ca-file=", "-ca-file must not be empty"},
		"negative copies":           {"-delivery-copies -1", "from 0 to 100"},
		"too many copies":           {"-delivery-copies 101", "from 0 to 100"},
		"no interval":               {"-delivery-retry-interval 0s", "more than 0"},
		"negative interval":         {"-delivery-retry-interval -1s", "more than 0"},
		"interval without a unit":   {"-delivery-retry-interval 5", "-delivery-retry-interval"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // so that flags which are taken by mistake serve nothing
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
		"https://127.0.0.1/":            true,
		"http://[::1]:3000/":            true,
		"http://[::ffff:127.0.0.1]/":    true,
		"http://localhost.example/":     false,
		"http://192.0.2.1/":             false,
		"http://notlocalhost/":          false,
	} {
		assert.Equal(t, want, loopbackURL(raw), raw)
	}
}

func TestDefaults(t *testing.T) {
	o, err := parseOptions(nil)
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1:8484", o.addr)
	cfg := o.config()
	assert.Equal(t, "shoplifter", cfg.ClientID)
	assert.Equal(t, "sandbox-secret", cfg.ClientSecret)
	assert.Empty(t, cfg.Accounts)
	assert.False(t, cfg.Approve)
}

func TestDeliveryFlags(t *testing.T) {
	o, err := parseOptions(strings.Fields("-delivery-copies 2 -delivery-doubled -delivery-reordered -delivery-serial " +
		"-delivery-wrong-key -delivery-retry-interval 90s"))
	require.NoError(t, err)
	assert.Equal(t, suncotest.Behavior{
		DeliveryCopies: 2, DeliveryDoubled: true, DeliveryReordered: true, DeliverySerial: true,
		DeliveryWrongKey: true, DeliveryRetryInterval: 90 * time.Second,
	}, o.config().Behavior)
	o, err = parseOptions(nil)
	require.NoError(t, err)
	assert.Zero(t, o.config().Behavior)
}
