package sunco_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

func TestEveryCallSendsOneRequest(t *testing.T) {
	eachOperation(t, func(t *testing.T, op operation) {
		w := always(op.good.status, op.good.body)
		require.NoError(t, op.run(t.Context(), newClient(w), acme()))
		assert.Equal(t, []string{op.method + " " + op.url}, w.lines())
	})
}

func TestHeadersOfEveryRequest(t *testing.T) {
	eachOperation(t, func(t *testing.T, op operation) {
		w := always(op.good.status, op.good.body)
		c := newClient(w)
		c.Marketplace = sunco.Marketplace{Name: "Shoplifter", OrganizationID: "12345", BotID: "42"}
		_ = op.run(t.Context(), c, acme())
		require.NotEmpty(t, w.requests())
		want := http.Header{
			"Accept": {"application/json"}, "Content-Type": {"application/json"}, "User-Agent": {"sunco-go"},
			"X-Zendesk-Marketplace-Name":            {"Shoplifter"},
			"X-Zendesk-Marketplace-Organization-Id": {"12345"},
			"X-Zendesk-Marketplace-Bot-Id":          {"42"},
		}
		got := w.requests()[0].Header
		if op.kind != "once" {
			assert.Equal(t, digest("Bearer "+testToken), digest(got.Get("Authorization")))
			assert.Len(t, got["Authorization"], 1)
			got.Del("Authorization")
		}
		assert.Equal(t, want, got, "and no Authorization with the client secret")
	})
}

func TestNoCredentialInAnyURL(t *testing.T) {
	eachOperation(t, func(t *testing.T, op operation) {
		w := always(op.good.status, op.good.body)
		_ = op.run(t.Context(), newClient(w), acme())
		require.Equal(t, 1, w.count())
		assertNoSecret(t, "URL", w.requests()[0].URL, testToken, "client-s3cret", testCode)
		assert.NotContains(t, w.requests()[0].URL, "?", "no query at all")
	})
}

func TestMarketplaceHeaders(t *testing.T) {
	const long = "X-Zendesk-Marketplace-"
	for name, tc := range map[string]struct {
		given sunco.Marketplace
		want  map[string]string
	}{
		"none": {sunco.Marketplace{}, map[string]string{}},
		"bot": {
			sunco.Marketplace{Name: "N", OrganizationID: "O", BotID: "B"},
			map[string]string{"Name": "N", "Organization-Id": "O", "Bot-Id": "B"},
		},
		"app": {
			sunco.Marketplace{Name: "N", OrganizationID: "O", AppID: "A"},
			map[string]string{"Name": "N", "Organization-Id": "O", "App-Id": "A"},
		},
		"not yet": {
			sunco.Marketplace{Name: "N", OrganizationID: "O"},
			map[string]string{"Name": "N", "Organization-Id": "O"},
		},
		"all ASCII": {
			sunco.Marketplace{Name: " ~!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}"},
			map[string]string{"Name": " ~!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := always(http.StatusOK, tokenInfoReply)
			c := newClient(w)
			c.Marketplace = tc.given
			_, err := c.TokenInfo(t.Context(), acme().Token)
			require.NoError(t, err)
			got := map[string]string{}
			for header := range w.requests()[0].Header {
				if suffix, found := strings.CutPrefix(header, long); found {
					got[suffix] = w.requests()[0].Header.Get(header)
				}
			}
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestMarketplaceRefused(t *testing.T) {
	hostile := []string{
		"a\r\nX-Evil: 1", "a\nb", "a\rb", "a\x00b", "a\tb", "\x7f", "Käse", "名前", "a\u2028b", "\xff", "a\u0085b",
	}
	for field, set := range map[string]func(*sunco.Marketplace, string){
		"marketplace name":            func(m *sunco.Marketplace, v string) { m.Name = v },
		"marketplace organization id": func(m *sunco.Marketplace, v string) { m.OrganizationID = v },
		"marketplace bot id":          func(m *sunco.Marketplace, v string) { m.BotID = v },
		"marketplace app id":          func(m *sunco.Marketplace, v string) { m.AppID = v },
	} {
		t.Run(field, func(t *testing.T) {
			eachOperation(t, func(t *testing.T, op operation) {
				for _, value := range hostile {
					c := newClient(silent(t))
					set(&c.Marketplace, value)
					requireInput(t, field, op.run(t.Context(), c, acme()), "%q", value)
				}
			})
		})
	}
	eachOperation(t, func(t *testing.T, op operation) {
		c := newClient(silent(t))
		c.Marketplace = sunco.Marketplace{BotID: "1", AppID: "2"}
		requireInput(t, "marketplace", op.run(t.Context(), c, acme()))
	})
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308, 300, 304, 305} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			eachOperation(t, func(t *testing.T, op operation) {
				w := always(status, "", "Location", "https://evil.example/steal")
				err := op.run(t.Context(), newClient(w), acme())
				assert.Equal(t, status, requireError(t, err).Status)
				assert.False(t, ambiguous(err), "a redirect did nothing")
				assert.Equal(t, []string{op.method + " " + op.url}, w.lines())
				assert.NotContains(t, err.Error(), "evil")
			})
		})
	}
}

// The caller's http.Client is neither changed nor are its redirect policy and
// its cookies used, nor its idle connections closed.
type stubborn struct {
	*wire
	closed bool
}

func (s *stubborn) CloseIdleConnections() { s.closed = true }

func TestCallersHTTPClientIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		w := &stubborn{wire: &wire{answer: func(_ int, r sentRequest) (*http.Response, error) {
			if r.Method == http.MethodDelete {
				return nil, io.EOF // retryablehttp closes idle connections then
			}
			return response(http.StatusInternalServerError, "", "Set-Cookie", "a=b", "Location", "/x"), nil
		}}}
		redirects := 0
		policy := func(*http.Request, []*http.Request) error { redirects++; return nil }
		given := &http.Client{Transport: w, Jar: jar, CheckRedirect: policy, Timeout: 7}
		c := newClient(nil)
		c.HTTPClient = given
		given.Timeout = 0
		for _, op := range operations() {
			require.Error(t, op.run(t.Context(), c, acme()))
		}
		c.CloseIdleConnections()
		assert.False(t, w.closed, "its connections are its owner's")
		assert.Zero(t, redirects)
		assert.Same(t, w, given.Transport)
		assert.Same(t, jar, given.Jar)
		require.NotNil(t, given.CheckRedirect)
		for _, r := range w.requests() {
			assert.Empty(t, r.Header["Cookie"])
		}
	})
	assert.Nil(t, http.DefaultClient.Transport)
	assert.Nil(t, http.DefaultClient.CheckRedirect)
}

func TestNilArguments(t *testing.T) {
	eachOperation(t, func(t *testing.T, op operation) {
		var none context.Context
		requireInput(t, "client", op.run(t.Context(), nil, acme()))
		requireInput(t, "context", op.run(none, newClient(silent(t)), acme()))
		switch {
		case op.kind == "once":
		case op.name == "token info":
			requireInput(t, "token", op.run(t.Context(), newClient(silent(t)), nil))
		default:
			requireInput(t, "installation", op.run(t.Context(), newClient(silent(t)), nil))
		}
	})
	c := newClient(silent(t))
	_, err := c.CreateWebhook(t.Context(), acme(), nil)
	requireInput(t, "webhook", err)
	_, err = c.EnsureWebhook(t.Context(), acme(), nil)
	requireInput(t, "webhook", err)
	_, err = c.UpdateWebhook(t.Context(), acme(), testHook, sunco.WebhookUpdate{})
	requireInput(t, "webhook update", err)
	_, err = sunco.ParseCallback(nil, "state")
	requireRequestError(t, "callback", err)
	_, err = sunco.ParseCallback(&http.Request{}, "state")
	requireRequestError(t, "callback", err)
	_, err = c.BaseURL(nil)
	requireInput(t, "installation", err)

	var client *sunco.Client
	_, err = client.AuthorizeURL("state")
	requireInput(t, "client", err)
	_, err = client.BaseURL(acme())
	requireInput(t, "client", err)
	assert.NotPanics(t, client.CloseIdleConnections)
	assert.Empty(t, (*sunco.Installation)(nil).Generation())
}

func TestZeroClient(t *testing.T) {
	c := &sunco.Client{HTTPClient: &http.Client{Transport: silent(t)}}
	_, err := c.AuthorizeURL("state")
	requireInput(t, "client id", err)
	_, err = c.Exchange(t.Context(), sunco.NewSecret(testCode))
	requireInput(t, "client id", err)
	_, err = (&sunco.Client{}).TokenInfo(t.Context(), sunco.Token{})
	requireInput(t, "token", err)
	assert.NotPanics(t, (&sunco.Client{}).CloseIdleConnections)
}

func TestOneClientFromManyGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which ends when a turn of EnsureWebhook does not
		w := &wire{answer: func(_ int, r sentRequest) (*http.Response, error) {
			for _, op := range operations() {
				if op.method == r.Method && op.url == r.URL && op.good.status != 0 {
					return response(op.good.status, op.good.body), nil
				}
			}
			return nil, errors.New("unknown " + r.line())
		}}
		c, in := newClient(w), acme()
		want := wantedHook()
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() {
				for _, op := range operations() {
					assert.NoError(t, op.run(t.Context(), c, in), op.name)
				}
				_, err := c.EnsureWebhook(t.Context(), in, want)
				assert.NoError(t, err)
				_, err = c.AuthorizeURL("state")
				assert.NoError(t, err)
				_ = in.Generation()
				c.CloseIdleConnections()
			})
		}
		group.Wait()
		assert.Equal(t, acme().Generation(), in.Generation())
		assert.Equal(t, wantedHook(), want, "arguments are not modified")
	})
}
