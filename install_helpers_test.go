package sunco_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/suncotest"
)

const (
	installURL    = "https://shoplifter.example/zendesk/install"
	installSecret = "client-s3cret-0f1e2d3c4b5a"
)

// partner is a program with an Installer, and the platform it talks to. What
// its hooks were given is kept.
type partner struct {
	*sunco.Installer
	t        *testing.T
	platform *suncotest.Platform
	log      syncBuffer

	mu        sync.Mutex
	tokens    []*sunco.Installation // of Save's first calls
	installed []*sunco.Installation // of its second calls
	failed    []*sunco.Installation // that OnError was given
	errs      []error
	seen      strings.Builder // the hooks' requests
}

func newPartner(t *testing.T, behavior ...suncotest.Behavior) *partner {
	t.Helper()
	cfg := suncotest.Config{ClientSecret: installSecret, RedirectURIs: []string{installURL}}
	if len(behavior) > 0 {
		cfg.Behavior = behavior[0]
	}
	p := &partner{t: t, platform: suncotest.New(cfg)}
	t.Cleanup(p.platform.Close)
	p.Installer = p.installer()
	return p
}

// installer is one more process of the same program.
func (p *partner) installer() *sunco.Installer {
	logger := slog.New(slog.NewTextHandler(&p.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return &sunco.Installer{
		Client: &sunco.Client{
			ClientID: suncotest.DefaultClientID, ClientSecret: sunco.NewSecret(installSecret),
			RedirectURI: installURL, HTTPClient: p.platform.Client(), Logger: logger,
		},
		Logger: logger,
		Save: func(_ context.Context, in *sunco.Installation) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			if in.AppID == "" {
				p.tokens = append(p.tokens, in)
			} else {
				p.installed = append(p.installed, in)
			}
			return nil
		},
		OnInstall: func(_ http.ResponseWriter, r *http.Request, _ *sunco.Installation) { p.note(r) },
		OnError: func(_ http.ResponseWriter, r *http.Request, in *sunco.Installation, err error) {
			p.note(r)
			p.mu.Lock()
			defer p.mu.Unlock()
			p.errs = append(p.errs, err)
			if in != nil {
				p.failed = append(p.failed, in)
			}
		},
	}
}

func (p *partner) note(r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(&p.seen, "%+v %v %v %v\n", r, r.URL, r.Form, r.Context())
}

func (p *partner) lastError() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.errs) == 0 {
		return nil
	}
	return p.errs[len(p.errs)-1]
}

func (p *partner) exchanges() int {
	n := 0
	for _, r := range p.platform.Requests() {
		if strings.HasSuffix(r.Path, "/oauth/token") {
			n++
		}
	}
	return n
}

// allow is the customer pressing Allow on Zendesk's page.
func (p *partner) allow(authorize string) string {
	p.t.Helper()
	back, err := p.platform.Allow(context.Background(), authorize, "")
	require.NoError(p.t, err)
	return back.String()
}

// browser is one with cookies of its own. It follows no redirect.
type browser struct {
	t   *testing.T
	h   http.Handler
	jar *cookiejar.Jar

	mu  sync.Mutex
	got strings.Builder // everything that it was sent
}

func (p *partner) browser() *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(p.t, err)
	return &browser{t: p.t, h: p, jar: jar}
}

func (b *browser) cookies() []*http.Cookie {
	u, _ := url.Parse(installURL)
	return b.jar.Cookies(u)
}

// request has the cookies of now.
func (b *browser) request(method, target string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	for _, c := range b.cookies() {
		r.AddCookie(c)
	}
	return r
}

// do sends r and checks what every answer has. It does not wait for ever.
func (b *browser) do(r *http.Request) *http.Response {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), 45*time.Second)
	defer cancel()
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, r.WithContext(ctx))
	resp := w.Result()
	assert.Equal(b.t, "no-store", resp.Header.Get("Cache-Control"))
	assert.Equal(b.t, "no-referrer", resp.Header.Get("Referrer-Policy"))
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Fprintf(&b.got, "%d %v %s\n", resp.StatusCode, resp.Header, w.Body)
	u, _ := url.Parse(installURL)
	b.jar.SetCookies(u, resp.Cookies())
	return resp
}

func (b *browser) get(target string) *http.Response {
	b.t.Helper()
	return b.do(b.request(http.MethodGet, target))
}

// begin follows the link "Add to Zendesk" and returns Zendesk's URL.
func (b *browser) begin(query ...string) string {
	b.t.Helper()
	resp := b.get(installURL + strings.Join(query, ""))
	require.Equal(b.t, http.StatusSeeOther, resp.StatusCode)
	return resp.Header.Get("Location")
}

func assertRedirect(t *testing.T, resp *http.Response, to string) {
	t.Helper()
	assert.Equal(t, http.StatusSeeOther, resp.StatusCode)
	assert.Equal(t, to, resp.Header.Get("Location"))
}

// assertPage requires the "start again" page, which tells nothing, and returns
// it.
func assertPage(t *testing.T, resp *http.Response, status int) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, status, resp.StatusCode)
	assert.Equal(t, "text/html; charset=utf-8", resp.Header.Get("Content-Type"))
	assert.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'sha256-")
	assert.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
	assert.Contains(t, string(body), `<a href="?">Start again</a>`)
	assert.NotContains(t, string(body), "sunco")
	assert.Empty(t, resp.Header.Get("Location"))
	return string(body)
}

// requireRequestError requires a RequestError about name.
func parameter(t *testing.T, target, name string) string {
	t.Helper()
	u, err := url.Parse(target)
	require.NoError(t, err)
	require.NotEmpty(t, u.Query().Get(name))
	return u.Query().Get(name)
}

// with returns target with another value of a query parameter.
func with(t *testing.T, target, name, value string) string {
	t.Helper()
	u, err := url.Parse(target)
	require.NoError(t, err)
	query := u.Query()
	query.Set(name, value)
	u.RawQuery = query.Encode()
	return u.String()
}
