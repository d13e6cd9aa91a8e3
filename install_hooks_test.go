package sunco_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
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
	require.Len(t, p.tokens, 1)
	assert.Empty(t, p.tokens[0].Webhooks)
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
	p.OnInstall = func(w http.ResponseWriter, r *http.Request, in *sunco.Installation) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "abc"})
		w.Header().Set("X-App", in.AppID)
		w.Header().Set("Cache-Control", "public")
		http.Redirect(w, r, "/customers/acme", http.StatusFound)
		_, err := io.WriteString(w, "dropped")
		assert.Error(t, err)
		assert.Same(t, p.installed[0], in)
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

// What each call of Save gets, and what is left when it fails.
func TestInstallSave(t *testing.T) {
	type key struct{}
	full := func() error { return errors.New("disk full") }
	boom := func() error { panic("boom") }
	for name, tc := range map[string]struct {
		fail int // the call that fails
		with func() error
	}{
		"both succeed":  {0, nil},
		"first fails":   {1, full},
		"first panics":  {1, boom},
		"second fails":  {2, full},
		"second panics": {2, boom},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPartner(t)
			calls, installed := 0, false
			p.Save = func(ctx context.Context, in *sunco.Installation) error {
				calls++
				assert.Equal(t, "alice", ctx.Value(key{}), "who is signed in")
				assert.NotEmpty(t, in.Generation())
				assert.Equal(t, calls == 2, in.AppID != "")
				assert.Equal(t, calls == 2, in.Subdomain != "")
				asked := p.platform.Requests()
				if calls == 1 {
					assert.True(t, strings.HasSuffix(asked[len(asked)-1].Path, "/oauth/token"), "nothing else was asked")
				}
				if calls == tc.fail {
					return tc.with()
				}
				return nil
			}
			p.OnInstall = func(http.ResponseWriter, *http.Request, *sunco.Installation) { installed = true }
			b := p.browser()
			callback := p.allow(b.begin())
			r := b.request(http.MethodGet, callback)
			r = r.WithContext(context.WithValue(r.Context(), key{}, "alice"))
			again := r.Clone(r.Context())
			resp := b.do(r)
			if tc.fail == 0 {
				assertRedirect(t, resp, "/")
				assert.Equal(t, 2, calls)
				assert.True(t, installed)
				return
			}
			assertPage(t, resp, http.StatusInternalServerError)
			assertPage(t, b.do(again), http.StatusInternalServerError)
			assertPage(t, b.get(callback), http.StatusBadRequest)
			assert.Equal(t, tc.fail, calls)
			assert.False(t, installed)
			assert.Equal(t, 1, p.exchanges())
			if tc.fail == 1 {
				assert.Empty(t, p.failed, "nothing was saved")
				return
			}
			require.Len(t, p.failed, 1, "once")
			assert.NotEmpty(t, p.failed[0].AppID)
		})
	}
}

// A legacy app needs a region, and OnError gets all that is needed to finish.
func TestInstallLegacyApp(t *testing.T) {
	p := newPartner(t)
	p.platform.Inject(hit(infoPath, replyJSON(200, `{"app":{"id":"a1"}}`)))
	assertPage(t, p.run(), http.StatusInternalServerError)
	require.ErrorIs(t, p.lastError(), sunco.ErrNoRegion)
	require.Len(t, p.tokens, 1)
	require.Len(t, p.failed, 1)
	assert.Equal(t, &sunco.Installation{AppID: "a1", Token: p.tokens[0].Token}, p.failed[0])
	assert.Contains(t, p.log.String(), "step=locate status=500 installation.app_id=a1")
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
	requireRequestError(t, "identity", p.lastError())
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

// hookCases are the hooks, with what an error or a panic of each comes to.
var hookCases = []struct {
	name   string
	status int // of the browser's answer
	set    func(i *sunco.Installer, fail func() error)
}{
	{"Identity", http.StatusForbidden, func(i *sunco.Installer, fail func() error) {
		i.Identity = func(*http.Request) (string, error) { return "", fail() }
	}},
	{"FirstUse", http.StatusServiceUnavailable, func(i *sunco.Installer, fail func() error) {
		i.FirstUse = func(context.Context, string) (bool, error) { return false, fail() }
	}},
	{"Save", http.StatusInternalServerError, func(i *sunco.Installer, fail func() error) {
		i.Save = func(context.Context, *sunco.Installation) error { return fail() }
	}},
	{"OnInstall", http.StatusSeeOther, func(i *sunco.Installer, fail func() error) {
		i.OnInstall = func(http.ResponseWriter, *http.Request, *sunco.Installation) { _ = fail() }
	}},
	{"OnError", http.StatusInternalServerError, func(i *sunco.Installer, fail func() error) {
		i.Save = func(context.Context, *sunco.Installation) error { return errors.New("disk full") }
		i.OnError = func(http.ResponseWriter, *http.Request, *sunco.Installation, error) { _ = fail() }
	}},
}

// run is the way of a browser through p, until something fails.
func (p *partner) run() *http.Response {
	b := p.browser()
	resp := b.get(installURL)
	if resp.StatusCode == http.StatusSeeOther {
		resp = b.get(p.allow(resp.Header.Get("Location")))
	}
	return resp
}

// What the partner's own code says about a failure stands in the log.
func TestInstallHookErrorsAreLogged(t *testing.T) {
	failing := errors.New("table customers is read-only")
	for _, tc := range hookCases[:3] {
		t.Run(tc.name, func(t *testing.T) {
			p := newPartner(t)
			tc.set(p.Installer, func() error { return failing })
			assertPage(t, p.run(), tc.status)
			require.ErrorIs(t, p.lastError(), failing)
			assert.Contains(t, p.log.String(), "level=WARN")
			assert.Contains(t, p.log.String(), "step="+tc.name)
			assert.Contains(t, p.log.String(), failing.Error())
		})
	}
}

// A hook that panics has failed: the browser gets an answer, and the log the
// panic's value and place.
func TestInstallHookPanicsAreLogged(t *testing.T) {
	for _, tc := range hookCases {
		for name, value := range map[string]any{"value": "boom", "abort": http.ErrAbortHandler} {
			t.Run(tc.name+" "+name, func(t *testing.T) {
				p := newPartner(t)
				tc.set(p.Installer, func() error { panic(value) })
				resp := p.run()
				if tc.status == http.StatusSeeOther {
					assertRedirect(t, resp, "/")
					assert.Len(t, p.installed, 1, "the installation stands")
					assert.Empty(t, p.errs)
				} else {
					assertPage(t, resp, tc.status)
				}
				assert.Contains(t, p.log.String(), "step="+tc.name)
				assert.Contains(t, p.log.String(), fmt.Sprint(value))
				assert.Contains(t, p.log.String(), "install_hooks_test.go", "the stack")
			})
		}
	}
}

// Hooks may print what they were given.
func TestInstallLogWithholdsCredentials(t *testing.T) {
	for name, set := range map[string]func(i *sunco.Installer, fail func(secret sunco.Secret) error){
		"client secret": func(i *sunco.Installer, fail func(sunco.Secret) error) {
			i.Identity = func(*http.Request) (string, error) { return "", fail(i.Client.ClientSecret) }
		},
		"token": func(i *sunco.Installer, fail func(sunco.Secret) error) {
			i.Save = func(_ context.Context, in *sunco.Installation) error { return fail(in.Token.AccessToken) }
		},
		"webhook secret": func(i *sunco.Installer, fail func(sunco.Secret) error) {
			i.Save = func(_ context.Context, in *sunco.Installation) error {
				if in.AppID == "" {
					return nil
				}
				return fail(in.Webhooks[0].Secret)
			}
		},
	} {
		for how, give := range map[string]func(text string) error{
			"error": func(text string) error { return errors.New(text) },
			"panic": func(text string) error { panic(text) },
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				p := newPartner(t, suncotest.Behavior{NoProbe: true})
				p.Webhook, p.OnError = wantedHook(), nil
				var given string
				set(p.Installer, func(secret sunco.Secret) error {
					given = secret.Reveal()
					return give("constraint violated by (7, '" + given + "')")
				})
				p.run()
				require.NotEmpty(t, given)
				assert.Contains(t, p.log.String(), `error="withheld, because it repeats a credential"`)
				assertNoSecret(t, "log", p.log.String(), given)
			})
		}
	}
}

func TestInstallHooksSeeACleanRequest(t *testing.T) {
	p := newPartner(t)
	var got *http.Request
	p.OnInstall = func(_ http.ResponseWriter, r *http.Request, _ *sunco.Installation) {
		got = r
		assert.NoError(t, r.Context().Err())
	}
	b := p.browser()
	callback := p.allow(b.begin("?return_to=/x"))
	r := b.request(http.MethodGet, strings.Replace(callback, "?", "?code=&state=&", 1)) // which says the same
	r.Header.Set("Referer", callback)
	r.Header.Set("X-Original-Url", strings.TrimPrefix(callback, "https://shoplifter.example"))
	r.Header.Set("X-Callback", url.QueryEscape(callback))
	state := parameter(t, callback, "state")
	r.Header.Set("X-Encoded", "%"+hex.EncodeToString([]byte(state[:1]))+state[1:])
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
	assert.Contains(t, r.Form["code"], parameter(t, callback, "code"), "the original is not modified")
}
