package sunco_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/suncotest"
)

func TestInstallWebhookComesFirst(t *testing.T) {
	p := newPartner(t, suncotest.Behavior{NoProbe: true})
	p.Webhook = wantedHook()
	b := p.browser()
	assertRedirect(t, b.get(p.allow(b.begin())), "/")
	require.Len(t, p.installed, 1)
	require.Len(t, p.installed[0].Webhooks, 1)
	hook := p.installed[0].Webhooks[0]
	assert.Equal(t, p.Webhook.Target, hook.Target)
	assert.False(t, hook.Secret.IsZero())
	assert.Empty(t, p.Webhook.ID, "the configuration is not modified")
	assertRedirect(t, b.get(p.allow(b.begin())), "/")
	assert.Len(t, p.platform.Webhooks(), 1, "a second installation adopts it")
}

func TestInstallHookShapesTheAnswer(t *testing.T) {
	p := newPartner(t)
	store := p.OnInstall
	p.OnInstall = func(w http.ResponseWriter, r *http.Request, in *sunco.Installation) error {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "abc"})
		w.Header().Set("X-App", in.AppID)
		w.Header().Set("Cache-Control", "public")
		http.Redirect(w, r, "/customers/acme", http.StatusFound)
		_, err := io.WriteString(w, "dropped")
		assert.Error(t, err)
		return store(w, r, in)
	}
	b := p.browser()
	callback := p.allow(b.begin())
	again := b.request(http.MethodGet, callback) // the other half of a double click
	for _, r := range []*http.Request{again.Clone(t.Context()), again} {
		resp := b.do(r)
		assertRedirect(t, resp, "/customers/acme")
		assert.NotEmpty(t, resp.Header.Get("X-App"))
		assert.Empty(t, resp.Header.Get("Content-Type"))
		assert.Contains(t, strings.Join(resp.Header.Values("Set-Cookie"), "\n"), "session=abc")
		body, _ := io.ReadAll(resp.Body)
		assert.Empty(t, body)
	}
	resp := b.get(callback) // loaded again, when the flow's cookie is gone
	assertRedirect(t, resp, "/customers/acme")
	assert.Empty(t, resp.Cookies())
	assert.Len(t, p.installed, 1)
	assert.Equal(t, 1, p.exchanges())
}

func TestInstallOnErrorAnswers(t *testing.T) {
	p := newPartner(t)
	p.OnError = func(w http.ResponseWriter, r *http.Request, in *sunco.Installation, _ error) {
		assert.Nil(t, in)
		w.Header().Set("Cache-Control", "public")
		w.Header().Set("X-Mine", "yes")
		switch r.URL.Path {
		case "/teapot":
			http.Error(w, "mine", http.StatusTeapot)
		case "/plain":
			_, _ = io.WriteString(w, "mine\n")
		}
		assert.NoError(t, http.NewResponseController(w).Flush())
	}
	b := p.browser()
	for path, status := range map[string]int{"/teapot": http.StatusTeapot, "/plain": http.StatusOK} {
		resp := b.get("https://shoplifter.example" + path + "?code=1")
		body, _ := io.ReadAll(resp.Body)
		assert.Equal(t, status, resp.StatusCode)
		assert.Equal(t, "mine\n", string(body))
	}
	p.OnError = func(w http.ResponseWriter, _ *http.Request, _ *sunco.Installation, _ error) {
		w.Header().Set("X-Mine", "yes")
		w.Header().Set("Content-Length", "7")
	}
	resp := b.get(installURL + "?code=1")
	assert.Equal(t, "yes", resp.Header.Get("X-Mine"))
	assertPage(t, resp, http.StatusBadRequest)
	p.OnError = nil
	assertPage(t, b.get(installURL+"?code=1"), http.StatusBadRequest)
}

func TestInstallStoreThatFails(t *testing.T) {
	failed := errors.New("disk full")
	for name, hook := range map[string]func(http.ResponseWriter) error{
		"error":  func(http.ResponseWriter) error { return failed },
		"status": func(w http.ResponseWriter) error { http.Error(w, "no", http.StatusInternalServerError); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPartner(t)
			p.OnInstall = func(w http.ResponseWriter, _ *http.Request, _ *sunco.Installation) error {
				w.Header().Set("X-Half", "done")
				return hook(w)
			}
			b := p.browser()
			callback := p.allow(b.begin())
			again := b.request(http.MethodGet, callback)
			resp := b.get(callback)
			assertPage(t, resp, http.StatusInternalServerError)
			assert.Empty(t, resp.Header.Get("X-Half"))
			assertPage(t, b.do(again), http.StatusInternalServerError)
			assertPage(t, b.get(callback), http.StatusBadRequest)
			require.Len(t, p.rescued, 1, "the token, once")
			assert.False(t, p.rescued[0].Token.AccessToken.IsZero())
			if name == "error" {
				require.ErrorIs(t, p.errs[0], failed)
			}
			assert.NotContains(t, p.log.String(), "disk full", "a hook's text is its own")
		})
	}
}

func TestInstallIdentity(t *testing.T) {
	p := newPartner(t)
	account, failure := "alice", error(nil)
	p.Identity = func(r *http.Request) (string, error) {
		p.note(r)
		return account, failure
	}
	b := p.browser()
	callback := p.allow(b.begin())
	for _, other := range []string{"mallory", "alic", "alice\x00", "Alice"} {
		account = other
		assertPage(t, b.get(callback), http.StatusBadRequest)
		require.ErrorIs(t, p.lastError(), sunco.ErrStateMismatch)
	}
	account = ""
	assertPage(t, b.get(callback), http.StatusForbidden)
	requireInput(t, "identity", p.lastError())
	assertPage(t, b.get(installURL), http.StatusForbidden)
	account, failure = "alice", errors.New("no session store")
	assertPage(t, b.get(callback), http.StatusForbidden)
	require.ErrorIs(t, p.lastError(), failure)
	assert.Zero(t, p.exchanges())
	failure = nil
	assertRedirect(t, b.get(callback), "/")
	account = "mallory"
	assertPage(t, b.get(callback), http.StatusBadRequest)
	account = "alice"
	assertRedirect(t, b.get(callback), "/")
	assertNoSecret(t, "hooks", p.seen.String(), parameter(t, callback, "state"), parameter(t, callback, "code"))
}

// What a flow was bound to cannot be left out later.
func TestInstallIdentitySwitchedOff(t *testing.T) {
	p := newPartner(t)
	p.Identity = func(*http.Request) (string, error) { return "alice", nil }
	b := p.browser()
	callback := p.allow(b.begin())
	p.Identity = nil
	assertPage(t, b.get(callback), http.StatusBadRequest)
	assert.Zero(t, p.exchanges())
}

// What the partner's own errors say is the partner's to log.
func TestInstallHookErrorsAreNotLogged(t *testing.T) {
	const private = "jane@customer.example is not in the table"
	failing := errors.New(private)
	for name, set := range map[string]func(*sunco.Installer){
		"Identity": func(i *sunco.Installer) { i.Identity = func(*http.Request) (string, error) { return "", failing } },
		"FirstUse": func(i *sunco.Installer) {
			i.FirstUse = func(context.Context, string) (bool, error) { return false, failing }
		},
		"OnInstall": func(i *sunco.Installer) {
			i.OnInstall = func(http.ResponseWriter, *http.Request, *sunco.Installation) error { return failing }
		},
	} {
		p := newPartner(t)
		set(p.Installer)
		b := p.browser()
		if name == "Identity" {
			b.get(installURL)
		} else {
			b.get(p.allow(b.begin()))
		}
		require.ErrorIs(t, p.lastError(), failing, name)
		assert.Contains(t, p.log.String(), "step="+name)
		assert.NotContains(t, p.log.String(), private)
	}
}

func TestInstallHooksSeeACleanRequest(t *testing.T) {
	p := newPartner(t)
	var got *http.Request
	p.OnInstall = func(_ http.ResponseWriter, r *http.Request, _ *sunco.Installation) error {
		got = r
		return r.Context().Err()
	}
	b := p.browser()
	callback := p.allow(b.begin("?return_to=/x"))
	r := b.request(http.MethodGet, callback)
	r.Header.Set("Referer", callback)
	r.Header.Set("X-Original-Url", strings.TrimPrefix(callback, "https://shoplifter.example"))
	r.Header.Set("X-Callback", url.QueryEscape(callback))
	r.Header.Set("X-Encoded", "%"+hex.EncodeToString([]byte(parameter(t, callback, "state")[:1]))+parameter(t, callback, "state")[1:])
	r.Header.Set("X-Real-Ip", "192.0.2.1")
	r.AddCookie(&http.Cookie{Name: "session", Value: "abc"})
	r.Header.Add("Cookie", "theme=dark")
	require.NoError(t, r.ParseForm()) // as middleware may do
	assertRedirect(t, b.do(r), "/x")
	assert.Equal(t, "/zendesk/install", got.URL.String())
	assert.Equal(t, "/zendesk/install", got.RequestURI)
	assert.Equal(t, "session=abc; theme=dark", got.Header.Get("Cookie"))
	assert.Empty(t, got.Referer())
	assert.Equal(t, "192.0.2.1", got.Header.Get("X-Real-Ip"))
	assert.Empty(t, got.Header.Get("X-Encoded"))
	assertNoSecret(t, "headers", fmt.Sprint(got.Header), parameter(t, callback, "code"), parameter(t, callback, "state"))
	assert.Empty(t, got.FormValue("code"))
	assert.Equal(t, parameter(t, callback, "code"), r.FormValue("code"), "the original is not modified")
}

func TestInstallHookThatPanics(t *testing.T) {
	for name, hook := range map[string]func(){
		"panic": func() { panic("boom") },
		"abort": func() { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPartner(t)
			p.OnInstall = func(http.ResponseWriter, *http.Request, *sunco.Installation) error {
				hook()
				return nil
			}
			b := p.browser()
			callback := p.allow(b.begin())
			again := b.request(http.MethodGet, callback)
			assert.Panics(t, func() { p.ServeHTTP(httptest.NewRecorder(), b.request(http.MethodGet, callback)) })
			require.Len(t, p.rescued, 1, "the token is not lost")
			assertPage(t, b.do(again), http.StatusInternalServerError)
			assert.Equal(t, 1, p.exchanges())
		})
	}
}
