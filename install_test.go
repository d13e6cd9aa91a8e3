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
	installed []*sunco.Installation
	rescued   []*sunco.Installation // that OnError was given
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
	return &sunco.Installer{
		Client: &sunco.Client{
			ClientID: suncotest.DefaultClientID, ClientSecret: sunco.NewSecret(installSecret),
			RedirectURI: installURL, HTTPClient: p.platform.Client(),
			Logger: slog.New(slog.NewTextHandler(&p.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		},
		OnInstall: func(_ http.ResponseWriter, r *http.Request, in *sunco.Installation) error {
			p.note(r)
			p.mu.Lock()
			defer p.mu.Unlock()
			p.installed = append(p.installed, in)
			return nil
		},
		OnError: func(_ http.ResponseWriter, r *http.Request, in *sunco.Installation, err error) {
			p.note(r)
			p.mu.Lock()
			defer p.mu.Unlock()
			p.errs = append(p.errs, err)
			if in != nil {
				p.rescued = append(p.rescued, in)
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

// do sends r and checks what every answer has.
func (b *browser) do(r *http.Request) *http.Response {
	b.t.Helper()
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, r)
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

// assertPage requires the "start again" page, which tells nothing.
func assertPage(t *testing.T, resp *http.Response, status int) {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, status, resp.StatusCode)
	assert.Equal(t, "text/html; charset=utf-8", resp.Header.Get("Content-Type"))
	assert.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'")
	assert.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
	assert.Contains(t, string(body), `<a href="?">Start again</a>`)
	assert.NotContains(t, string(body), "sunco")
	assert.Empty(t, resp.Header.Get("Location"))
}

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

func TestInstallFromLinkToInstallation(t *testing.T) {
	p := newPartner(t)
	b := p.browser()
	zendesk := b.begin()
	assert.True(t, strings.HasPrefix(zendesk, bridgeBase+"/oauth/authorize?"))
	assertRedirect(t, b.get(p.allow(zendesk)), "/")
	require.Len(t, p.installed, 1)
	in := p.installed[0]
	assert.Equal(t, "acme", in.Subdomain)
	assert.NotEmpty(t, in.AppID)
	assert.False(t, in.Token.AccessToken.IsZero())
	assert.Empty(t, p.errs)
	assert.Contains(t, p.log.String(), "install: done")
}

func TestInstallBeginSetsOneStrictCookie(t *testing.T) {
	p := newPartner(t)
	r := httptest.NewRequest(http.MethodGet, "http://attacker.example/zendesk/install", nil)
	r.Header.Set("X-Forwarded-Host", "attacker.example")
	r.Header.Set("X-Forwarded-Proto", "http")
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	require.Len(t, w.Result().Cookies(), 1)
	c := w.Result().Cookies()[0]
	assert.True(t, strings.HasPrefix(c.Name, "__Host-"))
	assert.True(t, c.Secure && c.HttpOnly)
	assert.Equal(t, http.SameSiteLaxMode, c.SameSite)
	assert.Equal(t, "/", c.Path)
	assert.Empty(t, c.Domain)
	assert.Equal(t, 600, c.MaxAge)
	state := parameter(t, w.Header().Get("Location"), "state")
	assert.Len(t, state, 43, "256 bits")
	assert.NotContains(t, c.Name, state[:8])
	assert.NotContains(t, w.Header().Get("Location"), "attacker")
	assert.Empty(t, w.Body.String(), "a body would repeat the state")
}

func TestInstallInsecureCookie(t *testing.T) {
	p := newPartner(t)
	p.InsecureCookie = true
	b := p.browser()
	resp := b.get(installURL)
	c := resp.Cookies()[0]
	assert.False(t, c.Secure)
	assert.False(t, strings.HasPrefix(c.Name, "__"))
	assert.True(t, c.HttpOnly)
	assertRedirect(t, b.get(p.allow(resp.Header.Get("Location"))), "/")
}

func TestInstallStatesAreNeverRepeated(t *testing.T) {
	p := newPartner(t)
	seen := map[string]bool{}
	for range 200 {
		seen[digest(parameter(t, p.browser().begin(), "state"))] = true
	}
	assert.Len(t, seen, 200)
}

func TestInstallTwoTabs(t *testing.T) {
	p := newPartner(t)
	b := p.browser()
	first, second := b.begin("?return_to=/one"), b.begin("?return_to=/two")
	assertRedirect(t, b.get(p.allow(second)), "/two")
	assertRedirect(t, b.get(p.allow(first)), "/one")
	assert.Len(t, p.installed, 2)
}

func TestInstallMisconfigured(t *testing.T) {
	good := newPartner(t)
	for _, i := range []*sunco.Installer{{}, {Client: good.Client}, {OnInstall: good.OnInstall}} {
		assert.PanicsWithValue(t, "sunco: Installer needs Client and OnInstall", func() {
			i.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, installURL, nil))
		})
	}
	for name, client := range map[string]*sunco.Client{
		"client secret": {ClientID: "a"},
		"client id":     {ClientSecret: sunco.NewSecret("b")},
		"domain":        {ClientID: "a", ClientSecret: sunco.NewSecret("b"), Domain: "https://x"},
	} {
		p := newPartner(t)
		p.Client = client
		resp := p.browser().get(installURL)
		assertPage(t, resp, http.StatusInternalServerError)
		assert.Empty(t, resp.Cookies())
		requireInput(t, name, p.lastError())
	}
}

// The page's link is relative to what the browser sees, wherever a mux mounts
// the handler.
func TestInstallBehindStripPrefix(t *testing.T) {
	p := newPartner(t)
	b := p.browser()
	b.h = http.StripPrefix("/zendesk", p)
	assertRedirect(t, b.get(p.allow(b.begin())), "/")
	page, err := io.ReadAll(b.get(installURL + "?state=x").Body)
	require.NoError(t, err)
	_, link, _ := strings.Cut(string(page), `<a href="`)
	link, _, _ = strings.Cut(link, `"`)
	base, _ := url.Parse(installURL + "?state=x")
	target, err := base.Parse(link)
	require.NoError(t, err)
	assert.Equal(t, http.StatusSeeOther, b.get(target.String()).StatusCode)
}
