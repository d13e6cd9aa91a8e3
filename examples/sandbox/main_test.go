package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/examples/internal/exampletest"
	"github.com/sunco-go/sunco/suncotest"
)

// program is a running sandbox.
type program struct {
	t      *testing.T
	base   string // as in the ready line, without /sc
	addr   string // host:port
	port   string
	stderr *exampletest.Buffer
	client *http.Client // dials the program for every name, follows nothing
	stop   func() int   // the exit code
}

// start runs the program on a free port and waits for its first line.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, stdout := io.Pipe()
	p := &program{t: t, stderr: &exampletest.Buffer{}}
	code := make(chan int, 1)
	go func() {
		defer stdout.Close()
		code <- run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), stdout, p.stderr)
	}()
	p.stop = sync.OnceValue(func() int {
		cancel()
		p.client.CloseIdleConnections()
		return <-code
	})
	p.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() { p.stop() })

	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "stderr: %s", p.stderr)
	base, found := strings.CutPrefix(strings.TrimSpace(line), "sandbox: ready at ")
	require.True(t, found, line)
	p.base, found = strings.CutSuffix(base, "/sc")
	require.True(t, found, line)
	u, err := url.Parse(p.base)
	require.NoError(t, err)
	p.addr, p.port = u.Host, u.Port()
	p.client.Transport = p.transport(nil)
	return p
}

// transport resolves every name to the program.
func (p *program) transport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, p.addr)
		},
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: true,
	}
}

// transportOfAnyCertificate is for tests of something else than certificates.
func (p *program) transportOfAnyCertificate() *http.Transport {
	transport := p.transport(nil)
	transport.TLSClientConfig.InsecureSkipVerify = true
	return transport
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	text string
}

func (p *program) send(method, target, contentType, body string, header ...string) answer {
	p.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = p.base + target
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, target, strings.NewReader(body))
	require.NoError(p.t, err)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	res, err := p.client.Do(req)
	require.NoError(p.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(p.t, err)
	return answer{res, string(text)}
}

func (p *program) get(target string, header ...string) answer {
	p.t.Helper()
	return p.send(http.MethodGet, target, "", "", header...)
}

// own returns the headers of a form that the program's page sends.
func (p *program) own() []string { return []string{"Origin", p.base, "Sec-Fetch-Site", "same-origin"} }

const (
	asForm = "application/x-www-form-urlencoded"
	asJSON = "application/json"
)

// install returns a token and the app it is for. The program must run with -approve.
func (p *program) install(id, secret string) (token, app string) {
	p.t.Helper()
	back := p.get("/sc/oauth/authorize?response_type=code&client_id=" + url.QueryEscape(id))
	require.Equal(p.t, http.StatusFound, back.StatusCode, back.text)
	location, err := back.Location()
	require.NoError(p.t, err)
	form := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {id}, "client_secret": {secret},
		"code": {location.Query().Get("code")},
	}
	granted := p.send(http.MethodPost, "/sc/oauth/token", asForm, form.Encode())
	require.Equal(p.t, http.StatusOK, granted.StatusCode)
	var reply struct {
		AccessToken string `json:"access_token"`
		App         struct{ ID string }
	}
	require.NoError(p.t, json.Unmarshal([]byte(granted.text), &reply))
	info := p.get("/sc/v2/tokeninfo", "Authorization", "Bearer "+reply.AccessToken)
	require.Equal(p.t, http.StatusOK, info.StatusCode)
	require.NoError(p.t, json.Unmarshal([]byte(info.text), &reply))
	return reply.AccessToken, reply.App.ID
}

// application is a partner's server on a socket of its own.
func application(t *testing.T) (server *httptest.Server, seen <-chan string) {
	t.Helper()
	calls := make(chan string, 100)
	server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls <- strings.TrimSpace(r.Method + " " + r.URL.Path + " " + string(body))
	}))
	t.Cleanup(server.Close)
	return server, calls
}

func TestHelp(t *testing.T) {
	help := func(args ...string) string {
		var stdout, stderr bytes.Buffer
		assert.Equal(t, 0, run(t.Context(), args, &stdout, &stderr))
		assert.Empty(t, stderr.String())
		return stdout.String()
	}
	t.Run("the flags", func(t *testing.T) {
		text := help("-h")
		for _, flags := range []*flag.FlagSet{new(options).usualFlags(), behaviorFlags(new(suncotest.Behavior))} {
			flags.VisitAll(func(f *flag.Flag) { assert.Regexp(t, "\n  -"+f.Name+"[ \t\n]", text) })
		}
		assert.Equal(t, text, help("-help"))
	})
	t.Run("the flow", func(t *testing.T) {
		text := help("-h")
		for _, step := range []string{
			"/sc/oauth/authorize?", "/sc/oauth/token", "/sc/v2/tokenInfo", "/webhooks", "/sc/oauth/authorization",
			"/sandbox/uninstall", "/sandbox/say", "/sandbox/emit",
		} {
			assert.Contains(t, text, step)
		}
	})
	t.Run("the hosts file", func(t *testing.T) {
		for args, line := range map[string]string{
			"-h":                               "127.0.0.1 oauth-bridge.localhost acme.localhost",
			"-h -subdomain one -subdomain two": "127.0.0.1 oauth-bridge.localhost one.localhost two.localhost",
			"-h -subdomain one -legacy us":     "127.0.0.1 oauth-bridge.localhost one.localhost",
			"-addr 127.0.0.2:99 -h":            "127.0.0.2 oauth-bridge.localhost acme.localhost",
			"-addr 0.0.0.0:99 -h":              "127.0.0.1 oauth-bridge.sandbox.test acme.sandbox.test",
		} {
			assert.Contains(t, help(strings.Fields(args)...), "\n  "+line+"\n", args)
		}
		assert.Contains(t, help("-h", "-addr", "127.0.0.1:99"), " localhost:99,")
	})
}

func TestStopsCleanly(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, args := range [][]string{nil, {"-tls"}} {
		p := start(t, args...)
		idle, err := net.Dial("tcp", p.addr) // a connection that never says anything
		require.NoError(t, err)
		if args == nil {
			assert.Equal(t, http.StatusOK, p.get("/").StatusCode)
		}
		begin := time.Now()
		assert.Equal(t, 0, p.stop())
		assert.Less(t, time.Since(begin), 3*time.Second, "it waits for nobody who has not asked anything")
		require.NoError(t, idle.Close())
		_, err = net.Dial("tcp", p.addr)
		assert.Error(t, err)
	}
	exampletest.NoMoreGoroutines(t, before)
}

func TestAddressInUse(t *testing.T) {
	p := start(t)
	var stdout, stderr bytes.Buffer
	assert.Equal(t, 1, run(t.Context(), []string{"-addr", p.addr}, &stdout, &stderr))
	assert.Empty(t, stdout.String())
	assert.Contains(t, stderr.String(), "address already in use")
}
