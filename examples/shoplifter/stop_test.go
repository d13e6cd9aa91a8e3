package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/examples/internal/exampletest"
	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/suncotest"
)

// hold keeps the requests that fit from the platform until the function it returns
// is called. The channel gets one value for each that arrives.
func hold(t *testing.T, zendesk *suncotest.Platform, method, path string) (arrived <-chan struct{}, release func()) {
	t.Helper()
	seen := make(chan struct{}, 100)
	ctx, release := context.WithCancel(context.Background())
	handle := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		seen <- struct{}{}
		<-ctx.Done()
		next.ServeHTTP(w, r)
	}
	zendesk.Inject(suncotest.Fault{Method: method, Path: path, Times: -1, Handle: handle})
	t.Cleanup(release)
	return seen, release
}

// callback returns where a browser comes back to the program, and its cookie.
func (p *program) callback(zendesk *suncotest.Platform) *http.Request {
	p.t.Helper()
	res, err := http.DefaultTransport.RoundTrip(mustRequest(p.t, http.MethodGet, p.base+partner.InstallPath, ""))
	require.NoError(p.t, err)
	require.NoError(p.t, res.Body.Close())
	back, err := zendesk.Allow(p.t.Context(), res.Header.Get("Location"), "acme")
	require.NoError(p.t, err)
	req := mustRequest(p.t, http.MethodGet, back.String(), "")
	for _, c := range res.Cookies() {
		req.AddCookie(c)
	}
	return req
}

func mustRequest(t *testing.T, method, target, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	require.NoError(t, err)
	return req
}

// untilRefused waits until nobody listens at an address.
func untilRefused(t *testing.T, addr string) {
	t.Helper()
	for range 500 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		require.NoError(t, c.Close())
		time.Sleep(10 * time.Millisecond)
	}
	require.Fail(t, "it still listens", addr)
}

// TestStopInTheMiddleOfAnInstallation ends the program while Zendesk takes longer
// for the token than servers are usually given to end.
func TestStopInTheMiddleOfAnInstallation(t *testing.T) {
	t.Parallel()
	env, zendesk := faulty(t)
	p := start(t, env)
	arrived, release := hold(t, zendesk, http.MethodPost, "/sc/oauth/token")
	left, cancel := context.WithCancel(t.Context()) // the browser does not wait either
	req := p.callback(zendesk).WithContext(left)
	go func() {
		if res, err := http.DefaultTransport.RoundTrip(req); err == nil {
			_ = res.Body.Close()
		}
	}()
	<-arrived
	cancel()
	code := make(chan int)
	go func() { code <- p.stop() }()
	time.Sleep(6 * time.Second)
	release()
	assert.Equal(t, 0, <-code)
	assert.Len(t, secrets(t, env), 1, "the token is not lost; the webhook needs a program that answers")
	assert.Contains(t, p.stderr.String(), "waiting for requests in progress")
	assert.NotContains(t, p.stderr.String(), "cut off")

	front := newBrowser(t).until(start(t, env).base+"/", "acme was connected.", true)
	assert.Contains(t, front.text, ">acme</a>", "the next start completes it")
}

// TestStopCutsOff ends the program while a request takes longer than anybody waits.
func TestStopCutsOff(t *testing.T) {
	env, zendesk := faulty(t)
	env["PORT"] = "0"
	cfg, err := readConfig(nil, func(name string) string { return env[name] })
	require.NoError(t, err)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	cfg.localURL, err = partner.LocalURL(listener.Addr())
	require.NoError(t, err)
	log := &exampletest.Buffer{}
	a, err := newApp(t.Context(), cfg, "", slog.New(slog.NewTextHandler(log, nil)))
	require.NoError(t, err)
	assert.Equal(t, stopGrace, a.grace)
	a.grace = 50 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.serve(ctx, listener, func() error { return nil }) }()

	arrived, release := hold(t, zendesk, http.MethodPost, "/sc/oauth/token")
	req := (&program{t: t, base: cfg.localURL}).callback(zendesk)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if res, err := http.DefaultTransport.RoundTrip(req); err == nil {
			_ = res.Body.Close()
		}
	}()
	<-arrived
	cancel()
	require.NoError(t, <-ended)
	assert.Contains(t, log.String(), `level=ERROR msg="requests in progress were cut off`)
	<-answered
	release()
}

// TestSandboxEndsLast ends the program while a request is under way, which may need
// the embedded sandbox.
func TestSandboxEndsLast(t *testing.T) {
	p := start(t, embeddedEnv(t))
	b := newBrowser(t)
	box := b.link(b.visit(p.base+"/"), "Sandbox")
	addr := "127.0.0.1" + p.base[strings.LastIndexByte(p.base, ':'):]
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer c.Close()
	body := `{"appId":"a","integrationId":"b"}`
	_, err = fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\n\r\n", partner.RemovedPath, addr, len(body))
	require.NoError(t, err)
	time.Sleep(50 * time.Millisecond) // until the headers are read, and it is a request
	code := make(chan int)
	go func() { code <- p.stop() }()
	untilRefused(t, addr)
	assert.Equal(t, http.StatusOK, b.visit(box).StatusCode)
	_, err = io.WriteString(c, body)
	require.NoError(t, err)
	answer, err := io.ReadAll(c)
	require.NoError(t, err)
	assert.Contains(t, string(answer), "200 OK")
	assert.Equal(t, 0, <-code)
}
