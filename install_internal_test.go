package sunco

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A full table takes no further flow, repeats none, and empties with time.
func TestInstallTableIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &Installer{}
		code := NewSecret("c0de")
		flow := func(n int) installFlow {
			var state [8]byte
			binary.BigEndian.PutUint64(state[:], uint64(n))
			return installFlow{state: string(state[:]), expires: installNow() + 600}
		}
		old := flow(-1)
		old.expires = installNow() + 60
		_, first, err := i.consume(old, code)
		require.NoError(t, err)
		require.True(t, first)
		for n := range maxConsumedFlows - 1 {
			_, first, err := i.consume(flow(n), code)
			require.NoError(t, err)
			require.True(t, first)
		}
		late := flow(maxConsumedFlows)
		_, _, err = i.consume(late, code)
		require.ErrorIs(t, err, errInstallBusy)
		for _, n := range []int{0, 1, maxConsumedFlows - 2} {
			_, first, err := i.consume(flow(n), code)
			require.NoError(t, err)
			assert.False(t, first, "replayed")
		}
		_, first, err = i.consume(old, code)
		require.NoError(t, err)
		assert.False(t, first)
		time.Sleep(61 * time.Second)
		_, _, err = i.consume(old, code)
		require.ErrorIs(t, err, ErrStateMismatch, "expired is not forgotten and taken anew")
		_, first, err = i.consume(late, code)
		require.NoError(t, err, "an expired one made room")
		assert.True(t, first)
		assert.Equal(t, maxConsumedFlows, len(i.consumed))
		time.Sleep(11 * time.Minute)
		_, _, err = i.consume(flow(-2), code)
		require.NoError(t, err)
		assert.Equal(t, 1, len(i.consumed))
	})
}

// A full table forgets a flow whose code was refused, and none that succeeded, is
// under way, may have spent its code, or failed when a token was saved.
func TestInstallTableForgetsFailures(t *testing.T) {
	i := &Installer{consumed: map[[32]byte]*consumedFlow{}, swept: installNow()}
	var failed [32]byte
	for n := range maxConsumedFlows {
		var key [32]byte
		binary.BigEndian.PutUint64(key[:], uint64(n))
		entry := &consumedFlow{expires: installNow() + 600, done: make(chan struct{})}
		switch {
		case n == 7:
			failed = key
			entry.result.installFailure = installFailure{stepExchange, &Error{Status: 401}}
			close(entry.done)
		case n%2 == 1 && n < 100:
			kept := []installFailure{
				{stepExchange, &AmbiguousError{Err: &Error{Status: 500}}}, {stepExchange, &Error{Status: 502}},
				{stepExchange, &Error{Err: errInstallBusy}}, {stepLocate, &Error{Status: 401}}, {hookSave, errInstallBusy},
			}
			entry.result.installFailure = kept[n%len(kept)]
			close(entry.done)
		case n%2 == 0:
			close(entry.done)
		}
		i.consumed[key] = entry
	}
	fresh := func(state string) installFlow { return installFlow{state: state, expires: installNow() + 600} }
	_, first, err := i.consume(fresh("a"), NewSecret("c0de"))
	require.NoError(t, err)
	assert.True(t, first)
	assert.NotContains(t, i.consumed, failed)
	_, _, err = i.consume(fresh("b"), NewSecret("c0de"))
	require.ErrorIs(t, err, errInstallBusy)
	assert.Len(t, i.consumed, maxConsumedFlows)
}

// A stranger who comes with codes that he made up takes no place from anybody.
func TestInstallMadeUpCodesTakeNoPlace(t *testing.T) {
	refuse := func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 400, Body: io.NopCloser(strings.NewReader(`{"error":"invalid_grant"}`))}, nil
	}
	i := &Installer{
		Client: &Client{
			ClientID: "a", ClientSecret: NewSecret("b"), HTTPClient: &http.Client{Transport: roundTripper(refuse)},
		},
		Save:     func(context.Context, *Installation) error { return nil },
		Logger:   slog.New(slog.DiscardHandler),
		consumed: map[[32]byte]*consumedFlow{},
		swept:    installNow(),
	}
	for n := range maxConsumedFlows - 1 {
		var key [32]byte
		binary.BigEndian.PutUint64(key[:], uint64(n))
		i.consumed[key] = &consumedFlow{expires: installNow() + 600, done: make(chan struct{})}
	}
	for n := range 3 { // in the one place that is left
		w := httptest.NewRecorder()
		i.ServeHTTP(w, httptest.NewRequest("GET", "/install", nil))
		target, err := url.Parse(w.Header().Get("Location"))
		require.NoError(t, err)
		r := httptest.NewRequest("GET", "/install?code=madeup&state="+target.Query().Get("state"), nil)
		for _, cookie := range w.Result().Cookies() {
			r.AddCookie(cookie)
		}
		w = httptest.NewRecorder()
		i.ServeHTTP(w, r)
		assert.Equal(t, http.StatusBadGateway, w.Code, "flow %d", n)
	}
	assert.Len(t, i.consumed, maxConsumedFlows)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestInstallBusyAnswer(t *testing.T) {
	var got error
	i := &Installer{
		Client:   &Client{ClientID: "a", ClientSecret: NewSecret("b")},
		Save:     func(context.Context, *Installation) error { return nil },
		OnError:  func(_ http.ResponseWriter, _ *http.Request, _ *Installation, err error) { got = err },
		consumed: map[[32]byte]*consumedFlow{},
		swept:    installNow(),
	}
	for n := range maxConsumedFlows {
		var key [32]byte
		binary.BigEndian.PutUint64(key[:], uint64(n))
		i.consumed[key] = &consumedFlow{expires: installNow() + 600}
	}
	w := httptest.NewRecorder()
	i.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/install", nil))
	_, state, _ := strings.Cut(w.Header().Get("Location"), "state=")
	r := httptest.NewRequest(http.MethodGet, "/install?code=c&state="+state, nil)
	r.AddCookie(w.Result().Cookies()[0])
	w = httptest.NewRecorder()
	i.ServeHTTP(w, r)
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.ErrorIs(t, got, errInstallBusy)
	assert.Empty(t, w.Result().Cookies(), "the flow goes on")
}
