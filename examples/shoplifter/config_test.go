package main

import (
	"maps"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/exampletest"
	"github.com/sunco-go/sunco/examples/internal/partner"
)

func TestHelp(t *testing.T) {
	var stdout, stderr exampletest.Buffer
	assert.Equal(t, 0, run(t.Context(), []string{"-h"}, func(string) string { return "" }, &stdout, &stderr))
	assert.Empty(t, stderr.String())
	asked := map[string]bool{}
	_, _ = readConfig(nil, func(name string) string {
		asked[name] = true
		return ""
	})
	for _, name := range []string{"DATABASE_URL", "SUNCO_STORE_FILE", "SUNCO_STORE_KEY"} { // of OpenStore
		asked[name] = true
	}
	for name := range asked {
		assert.Regexp(t, `(?m)^  (.* )?`+name+`( |,|$)`, stdout.String())
	}
	assert.Contains(t, stdout.String(), "no login")
}

func TestBadConfiguration(t *testing.T) {
	zendesk := map[string]string{
		"OAUTH_CLIENT_ID": "canary-id", "OAUTH_CLIENT_SECRET": "canary-secret", "SUNCO_PUBLIC_URL": "https://bot.example",
	}
	for name, test := range map[string]struct {
		env  map[string]string
		args []string
		says string
	}{
		"unknown flag":     {nil, []string{"-canry"}, "not defined"},
		"argument":         {nil, []string{"canary"}, "no arguments"},
		"no id":            {map[string]string{"OAUTH_CLIENT_ID": ""}, nil, "SUNCO_CLIENT_ID"},
		"no secret":        {map[string]string{"OAUTH_CLIENT_SECRET": ""}, nil, "SUNCO_CLIENT_SECRET"},
		"neither":          {map[string]string{"OAUTH_CLIENT_ID": "", "OAUTH_CLIENT_SECRET": ""}, nil, "are missing"},
		"public path":      {map[string]string{"SUNCO_PUBLIC_URL": "https://bot.example/canary"}, nil, "without a path"},
		"public user":      {map[string]string{"SUNCO_PUBLIC_URL": "https://canary@bot.example"}, nil, "without a path"},
		"public port":      {map[string]string{"SUNCO_PUBLIC_URL": "https://bot.example:443"}, nil, "leave out the port"},
		"public http":      {map[string]string{"SUNCO_PUBLIC_URL": "http://bot.example"}, nil, "must be https"},
		"insecure cookie":  {nil, []string{"-insecure-cookie"}, "leave it out"},
		"port":             {map[string]string{"PORT": "canary"}, nil, "PORT"},
		"free port":        {map[string]string{"PORT": "0"}, nil, "must have a port"},
		"host":             {map[string]string{"SUNCO_LISTEN": "canary:80"}, nil, "SUNCO_LISTEN"},
		"domain":           {map[string]string{"ZENDESK_DOMAIN": "https://canary/"}, nil, "SUNCO_DOMAIN"},
		"marketplace name": {map[string]string{"ZENDESK_MARKETPLACE_NAME": "canary\n"}, nil, "MARKETPLACE"},
	} {
		t.Run(name, func(t *testing.T) {
			env := maps.Clone(zendesk)
			maps.Copy(env, test.env)
			var stdout, stderr exampletest.Buffer
			code := run(t.Context(), test.args, func(name string) string { return env[name] }, &stdout, &stderr)
			assert.Equal(t, 2, code)
			assert.Empty(t, stdout.String())
			assert.Contains(t, stderr.String(), test.says)
			assert.NotContains(t, stderr.String(), "canary")
		})
	}
}

func TestAgainstZendesk(t *testing.T) {
	env := map[string]string{
		"OAUTH_CLIENT_ID": "id", "OAUTH_CLIENT_SECRET": "secret", "SUNCO_PUBLIC_URL": "https://Bot.Example/",
		"ZENDESK_MARKETPLACE_APP_ID": "42", "SUNCO_LEGACY_REGION": "eu",
	}
	cfg, err := readConfig(nil, func(name string) string { return env[name] })
	require.NoError(t, err)
	assert.False(t, cfg.embedded)
	assert.Equal(t, "https://bot.example", cfg.PublicURL)
	assert.Equal(t, "zendesk.com", cfg.Domain)
	assert.Equal(t, "42", cfg.Marketplace.BotID)
	assert.Equal(t, "127.0.0.1:3000", cfg.Listen)
	assert.Empty(t, cfg.LegacyRegion, "there are no pages for it")

	a := &app{cfg: cfg}
	admin := a.adminURL(&sunco.Installation{AppID: "a", Subdomain: "acme"})
	assert.Equal(t, "https://acme.zendesk.com/admin/ai/ai-agents/ai-agents/marketplace-bots", admin)
	assert.Equal(t, "https://bot.example/zendesk/events", a.webhook().Target)
}

// TestOriginals gives each of the original's variables alone, and beside ours.
func TestOriginals(t *testing.T) {
	for ours, original := range map[string]string{
		"SUNCO_CLIENT_ID": "OAUTH_CLIENT_ID", "SUNCO_CLIENT_SECRET": "OAUTH_CLIENT_SECRET",
		"SUNCO_MARKETPLACE_NAME":            "ZENDESK_MARKETPLACE_NAME",
		"SUNCO_MARKETPLACE_ORGANIZATION_ID": "ZENDESK_MARKETPLACE_ORG_ID",
		"SUNCO_MARKETPLACE_BOT_ID":          "ZENDESK_MARKETPLACE_APP_ID",
		"SUNCO_DOMAIN":                      "ZENDESK_DOMAIN",
	} {
		env := map[string]string{original: "theirs"}
		getenv := withOriginals(func(name string) string { return env[name] })
		assert.Equal(t, "theirs", getenv(ours))
		env[ours] = "ours"
		assert.Equal(t, "ours", getenv(ours))
	}
	env := map[string]string{"PORT": "80"}
	getenv := withOriginals(func(name string) string { return env[name] })
	assert.Equal(t, "127.0.0.1:80", getenv("SUNCO_LISTEN"))
	env["SUNCO_LISTEN"] = "[::1]:81"
	assert.Equal(t, "[::1]:81", getenv("SUNCO_LISTEN"))
}

func TestAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	env := embeddedEnv(t)
	env["PORT"] = port
	var stdout, stderr exampletest.Buffer
	assert.Equal(t, 1, run(t.Context(), nil, func(name string) string { return env[name] }, &stdout, &stderr))
	assert.Contains(t, stderr.String(), "address already in use")
}

func TestStopsCleanly(t *testing.T) {
	before := runtime.NumGoroutine()
	p := start(t, embeddedEnv(t))
	b := newBrowser(t)
	b.press(b.connect(p, "acme"), "Send the test message")
	unused, err := net.Dial("tcp", strings.TrimPrefix(strings.Replace(p.base, "localhost", "127.0.0.1", 1), "http://"))
	require.NoError(t, err)
	begin := time.Now()
	assert.Equal(t, 0, p.stop())
	assert.Less(t, time.Since(begin), 3*time.Second, "it waits for nobody who has not asked anything")
	assert.NotContains(t, p.stderr.String(), "requests in progress")
	require.NoError(t, unused.Close())
	b.transport.CloseIdleConnections()
	exampletest.NoMoreGoroutines(t, before)
}

func TestInsecureCookie(t *testing.T) {
	b := newBrowser(t)
	for _, args := range [][]string{nil, {"-insecure-cookie"}} {
		p := start(t, embeddedEnv(t), args...)
		b.visit(p.base + partner.InstallPath)
		for name, c := range b.cookies["localhost"] {
			assert.Equal(t, args == nil, c.Secure && strings.HasPrefix(name, "__Host-"), name)
		}
		b.connect(p, "acme")
		clear(b.cookies)
		p.stop()
	}
}
