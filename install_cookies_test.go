package sunco_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

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
	assertNoSecret(t, "cookie's name", c.Name, state[:9], state[:12])
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

func TestInstallCookiesDoNotPileUp(t *testing.T) {
	for _, returnTo := range []string{"/", "/" + strings.Repeat("a", 511)} {
		synctest.Test(t, func(t *testing.T) {
			p := newPartner(t)
			b := p.browser()
			for range 100 {
				b.begin("?return_to=" + returnTo)
				size := 0
				for _, c := range b.cookies() {
					size += len(c.String())
				}
				assert.Less(t, size, 4096)
				assert.LessOrEqual(t, len(b.cookies()), 8)
				time.Sleep(time.Second)
			}
			one, two := b.begin(), b.begin()
			assertRedirect(t, b.get(p.allow(one)), "/")
			assertRedirect(t, b.get(p.allow(two)), "/")
			time.Sleep(11 * time.Minute)
			assert.Empty(t, b.cookies())
			p.platform.Close()
		})
	}
}

// Cookies that some page planted are the first to go, whatever they claim.
func TestInstallPlantedCookiesGoFirst(t *testing.T) {
	p := newPartner(t)
	b := p.browser()
	zendesk := b.begin()
	r := b.request(http.MethodGet, installURL)
	for n := range 20 {
		r.AddCookie(&http.Cookie{Name: fmt.Sprintf("__Host-sunco-install-flow-%d", n), Value: "99999999999.x"})
	}
	deleted := b.do(r).Cookies()
	assert.GreaterOrEqual(t, len(deleted), 14)
	assertRedirect(t, b.get(p.allow(zendesk)), "/")
}

func TestInstallCookiesThatLie(t *testing.T) {
	p := newPartner(t)
	b := p.browser()
	callback := p.allow(b.begin("?return_to=/own"))
	other := p.browser()
	other.begin("?return_to=/other")
	cookie, foreign := b.cookies()[0], other.cookies()[0]
	fields := strings.Split(cookie.Value, ".")
	require.Len(t, fields, 4)
	expiry, state, way, mac := fields[0], fields[1], fields[2], fields[3]
	lies := map[string][]string{
		"none":              {},
		"twice":             {cookie.Value, cookie.Value},
		"twice, one wrong":  {cookie.Value, "x"},
		"of another flow":   {foreign.Value},
		"later expiry":      {"9" + expiry + "." + state + "." + way + "." + mac},
		"another state":     {expiry + "." + flipped(state) + "." + way + "." + mac},
		"another way back":  {expiry + "." + state + ".Ly9ldmls." + mac},
		"another code":      {expiry + "." + state + "." + way + "." + flipped(mac)},
		"no code":           {expiry + "." + state + "." + way},
		"empty code":        {expiry + "." + state + "." + way + "."},
		"the state alone":   {state},
		"one dot":           {"."},
		"quoted":            {`"` + cookie.Value + `x"`},
		"long":              {strings.Repeat("a", 100<<10)},
		"something behind":  {cookie.Value + ".x"},
		"something between": {expiry + "." + state + ".." + way + "." + mac},
	}
	for name, values := range lies {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, callback, nil)
			for _, value := range values {
				r.Header.Add("Cookie", cookie.Name+"="+value)
			}
			assertPage(t, b.do(r), http.StatusBadRequest)
			require.ErrorIs(t, p.lastError(), sunco.ErrStateMismatch)
		})
	}
	r := httptest.NewRequest(http.MethodGet, callback, nil) // a neighbour's cookie has no __Host-
	r.Header.Set("Cookie", strings.TrimPrefix(cookie.Name, "__Host-")+"="+cookie.Value)
	assertPage(t, b.do(r), http.StatusBadRequest)
	stranger := p.installer() // which knows another secret
	stranger.Client.ClientSecret = sunco.NewSecret("another")
	b.h = stranger
	assertPage(t, b.get(callback), http.StatusBadRequest)
	b.h = p
	assert.Zero(t, p.exchanges())
	assertRedirect(t, b.get(callback), "/own")
}

func TestInstallFlowExpires(t *testing.T) {
	for _, kept := range []bool{false, true} { // by a browser that does not forget
		synctest.Test(t, func(t *testing.T) {
			p := newPartner(t)
			b := p.browser()
			early, late := b.begin(), b.begin()
			time.Sleep(10*time.Minute - 2*time.Second)
			assertRedirect(t, b.get(p.allow(early)), "/")
			callback := p.allow(late)
			r := b.request(http.MethodGet, callback)
			time.Sleep(3 * time.Second)
			if !kept {
				r = b.request(http.MethodGet, callback)
			}
			assertPage(t, b.do(r), http.StatusBadRequest)
			require.ErrorIs(t, p.lastError(), sunco.ErrStateMismatch)
			refusal := httptest.NewRequest(http.MethodGet, strings.Replace(callback, "code=", "error=access_denied&x=", 1), nil)
			refusal.Header = r.Header
			assertPage(t, b.do(refusal), http.StatusBadRequest)
			assert.Equal(t, 1, p.exchanges())
			p.platform.Close()
		})
	}
}

// The parts that a cookie's code covers keep their borders: the last character
// of return_to does not become the first of the account.
func TestInstallCookiePartsKeepTheirBorders(t *testing.T) {
	p := newPartner(t)
	account := "x"
	p.Identity = func(*http.Request) (string, error) { return account, nil }
	b := p.browser()
	callback := p.allow(b.begin("?return_to=/xu")) // L3h1 in base64
	cookie := b.cookies()[0]
	parts := strings.Split(cookie.Value, ".")
	require.Equal(t, "L3h1", parts[2])
	parts[2] = "L3h"
	r := httptest.NewRequest(http.MethodGet, callback, nil)
	r.AddCookie(&http.Cookie{Name: cookie.Name, Value: strings.Join(parts, ".")})
	account = "1x"
	assertPage(t, b.do(r), http.StatusBadRequest)
	require.ErrorIs(t, p.lastError(), sunco.ErrStateMismatch)
	assert.Zero(t, p.exchanges())
	account = "x"
	assertRedirect(t, b.get(callback), "/xu")
}
