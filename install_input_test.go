package sunco_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/suncotest"
)

func TestInstallReturnTo(t *testing.T) {
	good := []string{
		"/", "/settings", "/settings?tab=zendesk&x=1#done", "/caf%C3%A9", "/a/b/../c", "/x:y", "/@me", "/a%20b",
		"/?next=https%3A%2F%2Fshoplifter.example%2F", "/" + strings.Repeat("a", 511),
	}
	for n, path := range good {
		t.Run(fmt.Sprint("good ", n), func(t *testing.T) {
			p := newPartner(t)
			b := p.browser()
			assertRedirect(t, b.get(p.allow(b.begin("?return_to="+url.QueryEscape(path)))), path)
		})
	}
	p := newPartner(t)
	b := p.browser()
	assertRedirect(t, b.get(p.allow(b.begin("?return_to="))), "/")
	hostile := []string{
		"//evil", "///evil", `/\evil`, `\evil`, `\\evil`, "https://evil", "https:evil",
		"javascript:alert(1)", "evil", "?x", "#x", " /x",
		"/\r\nSet-Cookie: a=b", "/\t/evil", "\t/evil", "/x\x00", "/x\x7f", "/x y",
		"/..//evil", "/.//evil", "/a//b", "/%2f/evil", "/%2Fevil/%2f",
		"/%5cevil", "/%09/evil", "/%0d%0aSet-Cookie:a=b", "/%00", "/%7f", "/%zz", "/%",
		"/\u00e9", "/\uff0f/evil", "\uff0f\uff0fevil", "/\u2028",
		"/\xff", "/" + strings.Repeat("a", 512), "/zendesk/install", "/zendesk/install?error=x",
		"/zendesk/./install/", "/ZENDESK/x/../install#a", "/zendesk%2finstall",
		"/?u=//evil", `/?u=\evil`, `/#\`, `/"><script>` + "\n",
	}
	for n, path := range hostile {
		t.Run(fmt.Sprint("hostile ", n), func(t *testing.T) {
			resp := b.get(installURL + "?return_to=" + url.QueryEscape(path))
			assertPage(t, resp, http.StatusBadRequest)
			assert.Empty(t, resp.Cookies())
			requireRequestError(t, "return_to", p.lastError())
		})
	}
	assertPage(t, b.get(installURL+"?return_to=/a&return_to=/b"), http.StatusBadRequest)
	requireRequestError(t, "return_to", p.lastError())
	assertPage(t, b.get(installURL+"?return_to=%zz"), http.StatusBadRequest)
	requireRequestError(t, "query", p.lastError())
	assertPage(t, b.get(installURL+"?x="+strings.Repeat("a", 20<<10)), http.StatusBadRequest)
	requireRequestError(t, "query", p.lastError())
}

// The way back does not lead to the handler itself, which is known by the
// redirect URI, or else by the request.
func TestInstallReturnToItself(t *testing.T) {
	for _, tc := range []struct {
		redirectURI, prefix, returnTo string
		status                        int
	}{
		{installURL, "", "/zendesk/install", 400},
		{installURL, "/zendesk", "/zendesk/install", 400},
		{"", "", "/zendesk/install?x#y", 400},
		{"", "/zendesk", "/zendesk/install", 400},
		{"", "/zendesk/install", "/", 303},
		{"https://other.example/begin", "", "/zendesk/install", 303},
		{"https://other.example/begin", "", "/begin", 400},
	} {
		p := newPartner(t)
		p.Client.RedirectURI = tc.redirectURI
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/zendesk/install?return_to="+url.QueryEscape(tc.returnTo), nil)
		http.StripPrefix(tc.prefix, p).ServeHTTP(w, r)
		assert.Equal(t, tc.status, w.Code, "%+v", tc)
	}
}

// A request is looked through once, however many headers it has.
func TestInstallManyHeaders(t *testing.T) {
	p := newPartner(t)
	p.Identity = func(*http.Request) (string, error) { return "alice", nil }
	r := httptest.NewRequest(http.MethodGet, installURL+"?state=xxxxxxxx"+strings.Repeat("&a", 7000), nil)
	for n := range 20_000 {
		r.Header[fmt.Sprint("X-", n)] = []string{"v"}
	}
	start := time.Now()
	p.ServeHTTP(httptest.NewRecorder(), r)
	assert.Less(t, time.Since(start), 5*time.Second)
}

func TestInstallMethods(t *testing.T) {
	p := newPartner(t)
	b := p.browser()
	callback := p.allow(b.begin())
	for _, method := range []string{"HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get", "TRACE"} {
		for _, target := range []string{installURL, callback} {
			resp := b.do(b.request(method, target))
			assert.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode, method)
			assert.Equal(t, "GET", resp.Header.Get("Allow"))
			assert.Empty(t, resp.Cookies())
		}
	}
	mux := http.NewServeMux() // whose GET patterns match HEAD
	mux.Handle("GET /zendesk/install", p)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, b.request(http.MethodHead, callback))
	assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
	assert.Zero(t, p.exchanges())
	assertRedirect(t, b.get(callback), "/")
}

func TestInstallPrefetchBurnsNothing(t *testing.T) {
	p := newPartner(t)
	b := p.browser()
	callback := p.allow(b.begin())
	for _, field := range []string{
		"Sec-Purpose: prefetch", "Sec-Purpose: prefetch;prerender", "sec-purpose: Prefetch;anonymous-client-ip",
		"Purpose: prefetch", "X-Purpose: preview", "X-Moz: prefetch",
	} {
		name, value, _ := strings.Cut(field, ": ")
		for _, target := range []string{installURL, callback} {
			r := b.request(http.MethodGet, target)
			r.Header.Set(name, value)
			resp := b.do(r)
			assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode, field)
			assert.Empty(t, resp.Cookies())
		}
	}
	assert.Zero(t, p.exchanges())
	assertRedirect(t, b.get(callback), "/")
}

// A parameter without a value is not there, and one that cannot be decoded costs
// nothing but itself.
func TestInstallParametersThatSayNothing(t *testing.T) {
	p := newPartner(t)
	for _, query := range []string{
		"?error=", "?code=&state=", "?code", "?state=+", "?return_to=&return_to=", "?error=&code=",
	} {
		t.Run("begin "+query, func(t *testing.T) {
			b := p.browser()
			assertRedirect(t, b.get(p.allow(b.begin(query))), "/")
		})
	}
	for _, rest := range []string{
		"&error=", "&error", "&error=+", "&code=", "&state=", "&error_description=", "&x=%zz", "&x=a;b",
	} {
		t.Run("callback "+rest, func(t *testing.T) {
			b := p.browser()
			callback := p.allow(b.begin("?return_to=&return_to=/x"))
			assertRedirect(t, b.get(callback+rest), "/x")
			assertRedirect(t, b.get(callback+rest), "/x") // loaded again
			assertRedirect(t, b.get(callback), "/x")
		})
	}
	for _, rest := range []string{
		"", "&code=", "&error_description=%ED%A0%BD", "&error_description=%uD83D", "&error_description=%ff",
	} {
		t.Run("denied "+rest, func(t *testing.T) {
			b := p.browser()
			back, err := p.platform.Deny(t.Context(), b.begin())
			require.NoError(t, err)
			assertPage(t, b.get(back.String()+rest), http.StatusForbidden)
			require.ErrorIs(t, p.lastError(), sunco.ErrAccessDenied)
		})
	}
}

func TestInstallDeny(t *testing.T) {
	p := newPartner(t, suncotest.Behavior{DenyDescription: "<script>alert(1)</script>"})
	b := p.browser()
	back, err := p.platform.Deny(t.Context(), b.begin())
	require.NoError(t, err)
	assertPage(t, b.get(back.String()), http.StatusForbidden)
	require.ErrorIs(t, p.lastError(), sunco.ErrAccessDenied)
	assert.Empty(t, b.cookies(), "the flow is over")
	assertPage(t, b.get(back.String()), http.StatusBadRequest)
	require.ErrorIs(t, p.lastError(), sunco.ErrStateMismatch)
	assert.NotContains(t, b.got.String(), "script>")
	assertRedirect(t, b.get(p.allow(b.begin())), "/")
}

// flipped changes one character, in the middle so that it means another byte.
func flipped(s string) string {
	n := len(s) / 2
	c := byte('A')
	if s[n] == c {
		c = 'B'
	}
	return s[:n] + string(c) + s[n+1:]
}

// Nothing of this belongs to a flow of this browser: nothing is exchanged and
// nothing is consumed.
func TestInstallCallbacksOfNoFlow(t *testing.T) {
	p := newPartner(t)
	b := p.browser()
	callback := p.allow(b.begin())
	state := parameter(t, callback, "state")
	foreign := p.allow(p.browser().begin())
	bare := strings.Split(callback, "?")[0]
	cases := map[string]string{
		"another browser's":       foreign,
		"another browser's state": with(t, callback, "state", parameter(t, foreign, "state")),
		"tampered state":          with(t, callback, "state", flipped(state)),
		"shortened state":         with(t, callback, "state", state[:42]),
		"lengthened state":        with(t, callback, "state", state+"A"),
		"empty state":             with(t, callback, "state", ""),
		"long state":              with(t, callback, "state", strings.Repeat("s", 10<<10)),
		"repeated state":          callback + "&state=" + state,
		"state with a newline":    with(t, callback, "state", state+"\n"),
		"no state":                bare + "?code=c0de",
		"no state, an error":      bare + "?error=access_denied",
		"a state alone":           bare + "?state=" + strings.Repeat("A", 43),
		"a cookie's delimiter":    with(t, callback, "state", "."+state[1:]),
		"in the fragment":         bare + "?code=c0de#state=" + state,
		"another case":            bare + "?code=c0de&State=" + state,
	}
	for name, target := range cases {
		t.Run(name, func(t *testing.T) {
			resp := b.get(target)
			assertPage(t, resp, http.StatusBadRequest)
			assert.Empty(t, resp.Cookies())
			require.ErrorIs(t, p.lastError(), sunco.ErrStateMismatch)
		})
	}
	assertPage(t, b.get(callback+"&x="+strings.Repeat("a", 20<<10)), http.StatusBadRequest)
	assert.Zero(t, p.exchanges())
	assertRedirect(t, b.get(callback+"&unknown=1&unknown=2&unknown=%zz"), "/")
}

// The state is right, and the rest is no callback: the flow is over.
func TestInstallUnusableCallbacks(t *testing.T) {
	for name, rest := range map[string]string{
		"nothing":            "",
		"empty code":         "&code=",
		"two codes":          "&code=a&code=b",
		"code and error":     "&code=a&error=access_denied",
		"two errors":         "&error=a&error=b",
		"code with newline":  "&code=a%0d%0ab",
		"code with NUL":      "&code=%00",
		"code with umlaut":   "&code=%C3%A4",
		"code of bad UTF-8":  "&code=%ff",
		"code of 5 kB":       "&code=" + strings.Repeat("c", 5000),
		"empty error":        "&error=",
		"error with markup":  "&error=%3Cscript%3E&error_description=%3Cscript%3E",
		"error by the dozen": "&error=server_error&error_description=" + strings.Repeat("a", 9000),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPartner(t)
			b := p.browser()
			state := parameter(t, b.begin(), "state")
			resp := b.get(installURL + "?state=" + state + rest)
			assertPage(t, resp, http.StatusBadRequest)
			require.Error(t, p.lastError())
			assert.NotContains(t, p.lastError().Error(), "script>")
			assert.NotErrorIs(t, p.lastError(), sunco.ErrStateMismatch)
			assert.Empty(t, b.cookies())
			assert.Zero(t, p.exchanges())
		})
	}
}

// Strange but printable: Zendesk decides.
func TestInstallStrangeCode(t *testing.T) {
	p := newPartner(t)
	b := p.browser()
	state := parameter(t, b.begin(), "state")
	code := url.QueryEscape(`"}'; -- <b>&=%00 ../`)
	assertPage(t, b.get(installURL+"?state="+state+"&code="+code), http.StatusBadGateway)
	require.ErrorIs(t, p.lastError(), sunco.ErrUnauthorized)
	assert.Equal(t, 1, p.exchanges())
}
