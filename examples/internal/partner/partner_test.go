package partner_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"regexp"
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

func from(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

func TestHelpNamesEveryVariable(t *testing.T) {
	asked := map[string]bool{}
	_, err := partner.Read(func(name string) string {
		asked[name] = true
		return ""
	})
	require.NoError(t, err)
	require.Len(t, asked, 10)
	for name := range asked {
		assert.Regexp(t, `(?m)^  (.* )?`+name+`(,|$)`, partner.Help)
	}
}

func TestBadSettings(t *testing.T) {
	zendesk := map[string]string{
		"SUNCO_CLIENT_ID": "canary-id", "SUNCO_CLIENT_SECRET": "canary-secret", "SUNCO_PUBLIC_URL": "https://bot.example",
	}
	_, err := partner.Read(from(zendesk))
	require.NoError(t, err)
	for name, test := range map[string]struct {
		env  map[string]string
		says string
	}{
		"no id":            {map[string]string{"SUNCO_CLIENT_ID": ""}, "both"},
		"no secret":        {map[string]string{"SUNCO_CLIENT_SECRET": ""}, "both"},
		"neither":          {map[string]string{"SUNCO_CLIENT_ID": "", "SUNCO_CLIENT_SECRET": ""}, "are missing"},
		"public path":      {map[string]string{"SUNCO_PUBLIC_URL": "https://bot.example/canary"}, "without a path"},
		"public user":      {map[string]string{"SUNCO_PUBLIC_URL": "https://canary@bot.example"}, "without a path"},
		"public port":      {map[string]string{"SUNCO_PUBLIC_URL": "https://bot.example:443"}, "leave out the port"},
		"public http":      {map[string]string{"SUNCO_PUBLIC_URL": "http://bot.example"}, "must be https"},
		"listen":           {map[string]string{"SUNCO_LISTEN": "canary"}, "SUNCO_LISTEN"},
		"free port":        {map[string]string{"SUNCO_LISTEN": "127.0.0.1:0"}, "must have a port"},
		"region":           {map[string]string{"SUNCO_LEGACY_REGION": "canary"}, "us or eu"},
		"domain":           {map[string]string{"SUNCO_DOMAIN": "https://canary/"}, "SUNCO_DOMAIN"},
		"marketplace name": {map[string]string{"SUNCO_MARKETPLACE_NAME": "canary\n"}, "MARKETPLACE"},
	} {
		t.Run(name, func(t *testing.T) {
			env := maps.Clone(zendesk)
			maps.Copy(env, test.env)
			_, err := partner.Read(from(env))
			require.ErrorContains(t, err, test.says)
			assert.NotContains(t, err.Error(), "canary")
		})
	}
}

func TestSettings(t *testing.T) {
	s, err := partner.Read(from(map[string]string{
		"SUNCO_CLIENT_ID": "id", "SUNCO_CLIENT_SECRET": "secret", "SUNCO_PUBLIC_URL": "https://Bot.Example/",
		"SUNCO_MARKETPLACE_BOT_ID": "42", "SUNCO_LEGACY_REGION": "eu",
	}))
	require.NoError(t, err)
	assert.Equal(t, "https://bot.example", s.PublicURL)
	assert.Equal(t, "127.0.0.1:3000", s.Listen)
	assert.False(t, s.Local())
	client := s.Client("https://bot.example" + partner.InstallPath)
	assert.Equal(t, "42", client.Marketplace.BotID)
	assert.Equal(t, "zendesk.com", client.Domain)
	assert.Equal(t, sunco.LegacyEU, client.LegacyRegion)
	assert.Equal(t, "secret", client.ClientSecret.Reveal())
}

// TestRun has everything in its order, on sockets.
func TestRun(t *testing.T) {
	before := runtime.NumGoroutine()
	var order []string
	started := make(chan struct{})
	e := partner.Example{Name: "test", About: "A <test>."}
	e.New = func(client *sunco.Client, publicURL string) (partner.Partner, error) {
		assert.Equal(t, publicURL+partner.InstallPath, client.RedirectURI)
		assert.Regexp(t, `^localhost:\d+$`, client.Domain)
		return partner.Partner{
			Handler: &sunco.Installer{
				Client: client, InsecureCookie: true,
				Save: func(_ context.Context, in *sunco.Installation) error {
					order = append(order, "saved "+in.AppID)
					return nil
				},
			},
			Start: func(ctx context.Context) {
				close(started)
				<-ctx.Done()
				time.Sleep(50 * time.Millisecond) // longer than the server takes to end
				order = append(order, "start ended")
			},
			Close: func(ctx context.Context) error {
				order = append(order, "closed")
				return ctx.Err()
			},
		}, nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	out, stdout := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx, nil, from(map[string]string{"SUNCO_LISTEN": "127.0.0.1:0"}), stdout) }()
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	base := strings.TrimSpace(strings.TrimPrefix(line, "test: open "))
	<-started

	page := get(t, base)
	assert.Contains(t, page, "A &lt;test&gt;.")
	assert.NotContains(t, page, "Installed.")
	assert.Contains(t, get(t, base+"?installed"), "Installed.")
	install := regexp.MustCompile(`href="/(zendesk/install[^"]*)"`).FindStringSubmatch(page)
	require.NotNil(t, install)
	box := regexp.MustCompile(`<a href="(http://127\.0\.0\.1:\d+/)">`).FindStringSubmatch(page)
	require.NotNil(t, box)
	assert.Contains(t, get(t, box[1]), `href="`+base+`"`, "the sandbox leads back")
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	begun, err := browser.Get(base + install[1])
	require.NoError(t, err)
	require.NoError(t, begun.Body.Close())
	consent := strings.Replace(begun.Header.Get("Location"), "oauth-bridge.localhost", "127.0.0.1", 1)
	assert.Contains(t, get(t, consent), "Connect test?", "the consent page names the example")

	http.DefaultClient.CloseIdleConnections()
	cancel()
	require.NoError(t, <-done)
	assert.Equal(t, []string{"start ended", "closed"}, order)
	exampletest.NoMoreGoroutines(t, before)
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode, "%s", body)
	return string(body)
}

func TestRunRefuses(t *testing.T) {
	credentials := map[string]string{"SUNCO_CLIENT_ID": "id", "SUNCO_CLIENT_SECRET": "secret"}
	failing := partner.Example{Name: "test", New: func(*sunco.Client, string) (partner.Partner, error) {
		return partner.Partner{}, errors.New("no store")
	}}
	free := map[string]string{"SUNCO_LISTEN": "127.0.0.1:0"}
	require.ErrorContains(t, failing.Run(t.Context(), nil, from(credentials), io.Discard), "SUNCO_PUBLIC_URL")
	require.ErrorContains(t, failing.Run(t.Context(), nil, from(free), io.Discard), "no store")
	require.ErrorContains(t, failing.Run(t.Context(), []string{"x"}, from(free), io.Discard), "no arguments")
	var out strings.Builder
	require.NoError(t, failing.Run(t.Context(), []string{"-h"}, from(free), &out))
	assert.Contains(t, out.String(), "go run ./examples/test")
}
