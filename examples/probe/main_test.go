package main

import (
	"bufio"
	"context"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/exampletest"
	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/examples/internal/sandbox"
	"github.com/sunco-go/sunco/suncotest"
)

func from(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

// Without credentials everything is asked of the fake, within seconds.
func TestOnTheFake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out exampletest.Buffer
		start := time.Now()
		require.NoError(t, run(t.Context(), nil, from(nil), nil, &out))
		assert.Less(t, time.Since(start), 30*time.Second)
		requireNoLie(t, behavior{DeliveryRetryInterval: 100 * time.Millisecond}, out.String())
	})
}

func TestHelp(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run(t.Context(), []string{"-h"}, from(nil), nil, &out))
	for _, name := range []string{"-subdomain", "-basic", "-long", "-remove-url", "SUNCO_PUBLIC_URL"} {
		assert.Contains(t, out.String(), name)
	}
}

func TestBadOptions(t *testing.T) {
	zendesk := map[string]string{"SUNCO_CLIENT_ID": "canary-id", "SUNCO_CLIENT_SECRET": "canary-secret"}
	for name, test := range map[string]struct {
		args string
		env  map[string]string
		says string
	}{
		"no subdomain": {"", nil, "set -subdomain to the name of the test account"},
		"a host":       {"-subdomain acme.zendesk.com", nil, "must be the name alone"},
		"a host, the fake": {"-subdomain acme.zendesk.com", map[string]string{
			"SUNCO_CLIENT_ID": "", "SUNCO_CLIENT_SECRET": ""}, "must be the name alone"},
		"a URL":             {"-subdomain https://acme.zendesk.com/agent", nil, "must be the name alone"},
		"the bridge":        {"-subdomain oauth-bridge", nil, "must be the name alone"},
		"both":              {"-basic -long -subdomain acme", nil, "choose -basic or -long"},
		"an argument":       {"acme", nil, "no arguments"},
		"another flag":      {"-force", nil, "-force"},
		"long, no address":  {"-long -subdomain acme", nil, "-long needs SUNCO_PUBLIC_URL"},
		"remove URL, basic": {"-remove-url -subdomain acme", nil, "-remove-url needs -long"},
		"a secret only":     {"-subdomain acme", map[string]string{"SUNCO_CLIENT_ID": ""}, "both"},
		"a space at the end": {"-subdomain acme", map[string]string{"SUNCO_CLIENT_SECRET": "canary-secret "},
			"SUNCO_CLIENT_SECRET begins or ends with a space"},
		"a new line": {"-subdomain acme", map[string]string{"SUNCO_CLIENT_ID": "\ncanary-id"}, "SUNCO_CLIENT_ID"},
		"long, this machine": {"-long -subdomain acme", map[string]string{"SUNCO_PUBLIC_URL": "http://localhost:3000"},
			"-long needs SUNCO_PUBLIC_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			env := maps.Clone(zendesk)
			maps.Copy(env, test.env)
			var out strings.Builder
			err := run(t.Context(), strings.Fields(test.args), from(env), strings.NewReader(""), &out)
			require.ErrorContains(t, err, test.says)
			assert.NotContains(t, err.Error(), "canary")
			assert.Empty(t, out.String())
		})
	}
}

func TestPasted(t *testing.T) {
	for line, code := range map[string]string{
		"http://localhost:3000/zendesk/install?code=c&state=s":              "c",
		"  http://localhost:3000/zendesk/install?co\tde=c1\u00a02&state=s ": "c12",
		"https://bot.example/?state=s&code=c":                               "c",
		"":                                                                  "",
		"c":                                                                 "",
		"https://bot.example/":                                              "",
		"%zz":                                                               "",
	} {
		assert.Equal(t, code, pasted(line).Get("code"), line)
	}
	assert.Equal(t, "access_denied", pasted("http://localhost:3000/?error=access_denied&state=s").Get("error"))
}

// operator is a terminal with somebody in front of it.
type operator struct {
	*testing.T
	out  *bufio.Reader // of the probe
	keys *io.PipeWriter
}

// reads returns what a pattern finds in the output, from here on.
func (o operator) reads(pattern string) string {
	o.Helper()
	for {
		line, err := o.out.ReadString('\n')
		require.NoError(o, err, "while waiting for %s", pattern)
		if found := regexp.MustCompile(pattern).FindStringSubmatch(strings.TrimSpace(line)); found != nil {
			return found[1]
		}
	}
}

func (o operator) types(line string) {
	_, err := io.WriteString(o.keys, line+"\n")
	require.NoError(o, err)
}

// atTerminal runs the probe on sockets, against a sandbox of acme.
func atTerminal(t *testing.T, do func(operator)) (rest string, err error) {
	t.Helper()
	box, err := sandbox.Listen(t.Context(), sandbox.Config{
		Addr: "127.0.0.1:0", Log: log.New(io.Discard, "", 0), Platform: suncotest.Config{Approve: true},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	served := make(chan error, 1)
	go func() { served <- box.Serve(ctx) }()
	defer func() {
		cancel()
		require.NoError(t, <-served)
	}()
	settings, err := partner.Read(from(map[string]string{
		"SUNCO_CLIENT_ID": suncotest.DefaultClientID, "SUNCO_CLIENT_SECRET": suncotest.DefaultClientSecret,
		"SUNCO_DOMAIN": box.Domain(), "SUNCO_LISTEN": "127.0.0.1:0",
	}))
	require.NoError(t, err)
	in, keys := io.Pipe()
	read, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := onZendesk(ctx, zendesk{settings, in, hasty()}, options{subdomain: "acme"}, out)
		_ = out.Close()
		done <- err
	}()
	o := operator{t, bufio.NewReader(read), keys}
	do(o)
	all, readErr := io.ReadAll(o.out)
	require.NoError(t, readErr)
	require.NoError(t, keys.Close())
	return string(all), <-done
}

// location is where the authorize URL leads, with the code.
func location(t *testing.T, authorizeURL string) string {
	t.Helper()
	browser := &http.Client{
		Transport:     partner.Transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := browser.Get(authorizeURL)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusFound, res.StatusCode)
	return res.Header.Get("Location")
}

func TestAtATerminal(t *testing.T) {
	t.Run("the browser comes back", func(t *testing.T) {
		report, err := atTerminal(t, func(o operator) {
			sentence := o.reads("^To begin, type: (.*)$")
			assert.Equal(o, "no bot lives on acme", sentence)
			o.types(sentence)
			res, err := http.Get(location(o.T, o.reads("^(http.*/oauth/authorize.*)$")))
			require.NoError(o, err)
			require.NoError(o, res.Body.Close())
			assert.Equal(o, http.StatusOK, res.StatusCode)
		})
		require.NoError(t, err)
		assert.Greater(t, requireNoLie(t, behavior{}, report), 20)
	})
	t.Run("its address is pasted", func(t *testing.T) {
		report, err := atTerminal(t, func(o operator) {
			o.types("  no bot  lives on acme")
			at := location(o.T, o.reads("^(http.*/oauth/authorize.*)$"))
			o.types("what?")
			o.types(" " + at[:40] + " " + at[40:])
			o.reads("^(That is not)")
		})
		require.NoError(t, err)
		assert.Greater(t, requireNoLie(t, behavior{}, report), 20)
	})
	t.Run("another sentence", func(t *testing.T) {
		_, err := atTerminal(t, func(o operator) { o.types("yes") })
		require.EqualError(t, err, "nothing was done; to begin, type: no bot lives on acme")
	})
	t.Run("no terminal", func(t *testing.T) {
		_, err := atTerminal(t, func(o operator) { require.NoError(o, o.keys.Close()) })
		require.ErrorContains(t, err, "nothing was done")
	})
}

// Nobody but Zendesk is answered more than that there is something.
func TestInbox(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	in := newInbox(ctx, stop, "mark", 0)
	in.keys["key"], in.own["ours"] = true, true
	answer := func(method, path, key, body string) int {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("X-API-Key", key)
		in.ServeHTTP(w, r)
		return w.Code
	}
	const events = partner.EventsPath + "/mark/good"
	assert.Equal(t, 200, answer(http.MethodHead, events, "", ""))
	assert.Equal(t, 404, answer(http.MethodHead, "/zendesk/events/other", "", ""))
	assert.Equal(t, 404, answer(http.MethodGet, events, "", ""))
	assert.Equal(t, 401, answer(http.MethodPost, events, "", `{}`))
	assert.Equal(t, 401, answer(http.MethodPost, events, "wrong", `{}`))
	assert.Equal(t, 200, answer(http.MethodPost, events, "key", `{"events":[{"payload":{"user":{"id":"other"}}},{}]}`))
	assert.Equal(t, 200, answer(http.MethodPost, events, "key", `not JSON`))
	assert.Empty(t, in.deliveries)
	assert.Equal(t, 200, answer(http.MethodPost, events, "key",
		`{"events":[{"id":"1","payload":{"user":{"id":"ours"}}},{"id":"2","payload":{"conversation":{"id":"other"}}}]}`))
	require.Len(t, in.deliveries, 1)
	assert.Len(t, in.deliveries[0].events, 1)
	assert.Equal(t, 400, answer(http.MethodPost, partner.RemovedPath, "", `{"appId":7}`))
	assert.NoError(t, ctx.Err())
	assert.Equal(t, 200, answer(http.MethodPost, partner.RemovedPath, "", `{"appId":"x"}`))
	assert.ErrorContains(t, context.Cause(ctx), `another app, "x"`)
}

// A credential stays with the bridge and the account.
func TestTrusts(t *testing.T) {
	a, err := newAPI(&sunco.Client{ClientID: "id", ClientSecret: sunco.NewSecret("secret")}, nil, 0)
	require.NoError(t, err)
	a.home = "https://acme.zendesk.com/sc"
	for at, want := range map[string]bool{
		"https://oauth-bridge.zendesk.com/sc/v2/tokenInfo": true, "https://acme.zendesk.com/sc/v2/apps": true,
		"https://acme.zendesk.com.evil.example/sc/x": false, "http://acme.zendesk.com/sc/x": false,
		"https://globex.zendesk.com/sc/x": false, "https://acme.zendesk.com/sc@evil.example/": false,
	} {
		_, err := a.once(t.Context(), request{method: http.MethodGet, url: at, token: "t"})
		require.Error(t, err)
		assert.Equal(t, want, !strings.Contains(err.Error(), "may go to the bridge"), at)
	}
}
