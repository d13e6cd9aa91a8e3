package sunco_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

// removals is a handler with a store of installations behind it.
type removals struct {
	*sunco.RemovalHandler
	*wire

	mu      sync.Mutex
	stored  map[string]*sunco.Installation
	removed []string // generations, in the order of OnRemoved
	lookups int
	fails   error // what Lookup answers
	hook    func(in *sunco.Installation) error
	began   time.Time
	looks   []time.Duration // when token info was asked
}

// newRemovals serves one installation, of acme. A look gets one step after the
// other, and the last one for ever.
func newRemovals(t *testing.T, looks ...step) *removals {
	r := &removals{stored: map[string]*sunco.Installation{testAppID: acme()}, began: time.Now()}
	r.wire = &wire{answer: func(n int, request sentRequest) (*http.Response, error) {
		assert.Equal(t, "GET "+bridgeBase+"/v2/tokenInfo", request.line(), "a removal only ever asks the bridge")
		r.mu.Lock()
		r.looks = append(r.looks, time.Since(r.began))
		r.mu.Unlock()
		s := looks[min(n, len(looks))-1]
		if s.err != nil {
			return nil, s.err
		}
		return response(s.status, s.body, s.header...), nil
	}}
	r.RemovalHandler = &sunco.RemovalHandler{
		Client: newClient(r.wire),
		Logger: slog.New(slog.DiscardHandler),
		Lookup: func(_ context.Context, appID string) (*sunco.Installation, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.lookups++
			if r.fails != nil {
				return nil, r.fails
			}
			return r.stored[appID], nil
		},
		OnRemoved: func(_ context.Context, in *sunco.Installation) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.removed = append(r.removed, in.Generation())
			if r.hook != nil {
				if err := r.hook(in); err != nil {
					return err
				}
			}
			if current := r.stored[in.AppID]; current != nil && current.Generation() == in.Generation() {
				delete(r.stored, in.AppID)
			}
			return nil
		},
	}
	t.Cleanup(func() { assert.NoError(t, r.Close(context.Background())) })
	return r
}

// gone returns the generations that OnRemoved was called for.
func (r *removals) gone() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.removed)
}

func (r *removals) call(body string) *http.Response {
	rec := httptest.NewRecorder()
	r.ServeHTTP(rec, removalRequest(body))
	return rec.Result()
}

func (r *removals) times() []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	var rounded []time.Duration
	for _, at := range r.looks {
		rounded = append(rounded, at.Round(time.Second))
	}
	return rounded
}

func wait(d time.Duration) {
	time.Sleep(d) // virtual
	synctest.Wait()
}

var alive = step{status: 200, body: tokenInfoReply}

func seconds(all ...int) []time.Duration {
	var d []time.Duration
	for _, s := range all {
		d = append(d, time.Duration(s)*time.Second)
	}
	return d
}

func TestRemovalAnswersKnownAndUnknownAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, alive)
		dump := func(body string) string {
			resp := r.call(body)
			return fmt.Sprint(resp.StatusCode, resp.Header, resp.ContentLength, readAll(resp))
		}
		known, unknown := dump(removalBody), dump(unknownBody)
		assert.Equal(t, known, unknown)
		assert.Equal(t, known, dump(removalBody), "and when it is pending")
		assert.Contains(t, known, "200")
		assert.Contains(t, known, "no-store")
		synctest.Wait()
		assert.Equal(t, 1, r.count())
		wait(time.Hour)
		assert.Empty(t, r.gone())
	})
}

func TestRemovalLookupFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, deadToken)
		r.fails = errors.New("db: password=hunter2")
		for _, body := range []string{removalBody, unknownBody} {
			resp := r.call(body)
			assert.Equal(t, 503, resp.StatusCode)
			assert.Empty(t, readAll(resp))
		}
		find := r.Lookup
		for name, bad := range map[string]func() (*sunco.Installation, error){
			"another customer's": func() (*sunco.Installation, error) { return another(), nil },
			"panic":              func() (*sunco.Installation, error) { panic("db: password=hunter2") },
			"nil panic":          func() (in *sunco.Installation, _ error) { return in, errors.New(in.AppID) },
			"abort":              func() (*sunco.Installation, error) { panic(http.ErrAbortHandler) },
		} {
			r.Lookup = func(context.Context, string) (*sunco.Installation, error) { return bad() }
			resp := r.call(removalBody)
			assert.Equal(t, 503, resp.StatusCode, name)
			assert.Empty(t, readAll(resp), name)
		}
		r.Lookup, r.fails = find, nil
		wait(time.Hour)
		assert.Zero(t, r.count())
		assert.Empty(t, r.gone())
		assert.Equal(t, 200, r.call(removalBody).StatusCode)
	})
}

func TestRemovalFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, alive)
		for i := range 10_000 {
			body := removalBody
			if i%3 == 0 {
				body = fmt.Sprintf(`{"appId":"unknown%d","integrationId":"b"}`, i)
			}
			assert.Equal(t, 200, r.call(body).StatusCode)
		}
		wait(50 * time.Minute)
		assert.LessOrEqual(t, r.count(), 8, "the looks of one round, and of one more for what came during it")
		assert.Empty(t, r.gone())
		assert.NotEmpty(t, r.stored)
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, alive)
		for range 3600 {
			r.call(removalBody)
			wait(time.Second)
		}
		assert.LessOrEqual(t, r.count(), 4*10+4, "an hour of calls every second")
		assert.Empty(t, r.gone())
	})
}

func TestRemovalFloodFromMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, alive)
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() {
				for range 20 {
					assert.Equal(t, 200, r.call(removalBody).StatusCode)
				}
			})
		}
		group.Wait()
		synctest.Wait()
		assert.Equal(t, 1, r.count(), "one look at a time for one app")
	})
}

func TestRemovalPendingIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, alive)
		app := func(i int) string { return fmt.Sprintf("app%d", i) }
		for i := range 5000 {
			r.stored[app(i)] = &sunco.Installation{AppID: app(i), Token: acme().Token}
		}
		r.setAnswer(func(int, sentRequest) (*http.Response, error) { return response(302, ""), nil })
		taken := 0
		for i := range 5000 {
			status := r.call(fmt.Sprintf(`{"appId":%q,"integrationId":"b"}`, app(i))).StatusCode
			if status == 200 {
				taken++
			} else {
				require.Equal(t, 503, status)
			}
		}
		assert.Equal(t, 4096, taken)
		assert.Equal(t, 503, r.call(unknownBody).StatusCode, "unknown apps are answered alike then")
		wait(time.Second)
		assert.Equal(t, 4096, r.count())
	})
}

func TestRemovalProbesAreFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, alive)
		now, most := 0, 0
		var mu sync.Mutex
		r.wire.answer = func(int, sentRequest) (*http.Response, error) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			now--
			mu.Unlock()
			return response(200, tokenInfoReply), nil
		}
		for i := range 100 {
			id := fmt.Sprintf("app%d", i)
			r.stored[id] = &sunco.Installation{AppID: id, Token: acme().Token}
		}
		for id := range maps.Clone(r.stored) {
			r.call(fmt.Sprintf(`{"appId":%q,"integrationId":"b"}`, id))
		}
		wait(time.Minute)
		assert.Equal(t, 8, most)
	})
}

func TestRemovalKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		both, one, empty := []string{"new", "old"}, []string{"new"}, []string{""}
		for _, tc := range []struct {
			keys   []string
			query  string
			status int
		}{
			{nil, "", 200}, {nil, "?key=x", 200},
			{both, "?key=new", 200}, {both, "?key=old", 200}, {both, "?x=1&key=old", 200}, {both, "?key=", 403},
			{one, "", 403}, {one, "?key=", 403}, {one, "?key=ne", 403}, {one, "?key=NEW", 403},
			{one, "?key=new&key=new", 403}, {one, "?Key=new", 403}, {one, "?key=new%00", 403},
			{empty, "?key=", 403}, {empty, "", 403}, {[]string{"", "new"}, "?key=new", 200},
		} {
			r := newRemovals(t, alive)
			for _, key := range tc.keys {
				r.Keys = append(r.Keys, sunco.NewSecret(key))
			}
			for _, body := range []string{removalBody, unknownBody} {
				request := removalRequest(body)
				request.URL.RawQuery = strings.TrimPrefix(tc.query, "?")
				rec := httptest.NewRecorder()
				r.ServeHTTP(rec, request)
				assert.Equal(t, tc.status, rec.Code, "%q %s", tc.keys, tc.query)
				assert.Empty(t, rec.Body.String())
			}
			synctest.Wait()
			assert.Equal(t, tc.status == 200, r.count() == 1)
			assert.Equal(t, tc.status == 200, r.lookups > 0, "without a key nothing is looked up")
		}
	})
}

func TestRemovalMalformed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, deadToken)
		for name, body := range badRemovals {
			resp := r.call(body)
			assert.Equal(t, 400, resp.StatusCode, name)
			assert.Empty(t, readAll(resp))
		}
		assert.Equal(t, 413, r.call(strings.Repeat(" ", 16<<10)+removalBody).StatusCode)
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			request := removalRequest(removalBody)
			request.Method = method
			rec := httptest.NewRecorder()
			r.ServeHTTP(rec, request)
			assert.Equal(t, 405, rec.Code, method)
			assert.Equal(t, "POST", rec.Header().Get("Allow"))
		}
		request := removalRequest(removalBody)
		request.Header.Set("Content-Type", "text/plain")
		rec := httptest.NewRecorder()
		r.ServeHTTP(rec, request)
		assert.Equal(t, 415, rec.Code)
		synctest.Wait()
		assert.Zero(t, r.lookups)
		assert.Zero(t, r.count())
	})
}

// The log says why a hook failed, unless that repeats a credential at hand.
func TestRemovalLogs(t *testing.T) {
	const key = `key-"of/the+url`
	secrets := map[string]string{"token": canaryToken, "client": canaryClient, "webhook": canaryHook, "key": key}
	fail := map[string]func(text string) error{
		"error": func(text string) error { return errors.New("db: " + text) },
		"panic": func(text string) error { panic("db: " + text) },
	}
	serve := func(t *testing.T) (*removals, *syncBuffer) {
		r, logs := newRemovals(t, deadToken), new(syncBuffer)
		r.Client = canaryClientFor(r.wire, logs)
		r.Logger = r.Client.Logger
		r.Keys = []sunco.Secret{sunco.NewSecret(key)}
		r.stored[testAppID].Token = canaryInstallation().Token
		r.stored[testAppID].Webhooks = []sunco.Webhook{{Secret: sunco.NewSecret(canaryHook)}}
		return r, logs
	}
	call := func(r *removals) int {
		request, w := removalRequest(removalBody), httptest.NewRecorder()
		request.URL.RawQuery = "key=" + url.QueryEscape(key)
		r.ServeHTTP(w, request)
		return w.Code
	}
	for how, bad := range fail {
		inBubble(t, how, func(t *testing.T) {
			r, logs := serve(t)
			find, calls := r.Lookup, 0
			r.Lookup = func(ctx context.Context, appID string) (*sunco.Installation, error) {
				if calls++; calls == 1 || calls == 3 || calls == 4 {
					return nil, bad(fmt.Sprint("broken ", calls))
				}
				return find(ctx, appID)
			}
			r.hook = func(*sunco.Installation) error { return bad("disk full") }
			assert.Equal(t, 503, call(r))
			assert.Equal(t, 200, call(r))
			wait(time.Hour)
			for _, said := range []string{"broken 1", "broken 3", "broken 4", "disk full"} {
				assert.Contains(t, logs.String(), "db: "+said)
			}
			assert.Contains(t, logs.String(), "Lookup failed")
			assert.Contains(t, logs.String(), "OnRemoved failed")
			assert.Equal(t, how == "panic", strings.Contains(logs.String(), "removecallback_test.go"), "where it panicked")
		})
		for what, secret := range secrets {
			inBubble(t, how+" with the "+what, func(t *testing.T) {
				r, logs := serve(t)
				find, calls := r.Lookup, 0
				r.Lookup = func(ctx context.Context, appID string) (*sunco.Installation, error) {
					if calls++; calls == 3 { // in a look, and the installation is known
						return nil, bad(secret)
					}
					return find(ctx, appID)
				}
				r.hook = func(*sunco.Installation) error { return bad(quoteJSON(secret)) }
				assert.Equal(t, 200, call(r))
				wait(time.Hour)
				assert.Contains(t, logs.String(), `Lookup failed" app_id=`+testAppID+` error="withheld, because`)
				assert.Contains(t, logs.String(), `OnRemoved failed" app_id=`+testAppID+` error="withheld, because`)
				assertNoSecret(t, "logs", logs.String(), secret)
			})
		}
	}
}

// What strangers cause is said at level Debug, and without what they sent.
func TestRemovalLogsOfStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, alive)
		var logs, debug syncBuffer
		for _, tc := range []struct {
			body string
			keys []sunco.Secret
		}{
			{removalBody, nil}, {unknownBody, nil}, {"<their-text>", nil}, {"", nil},
			{removalBody, []sunco.Secret{sunco.NewSecret("k")}},
		} {
			r.Keys = tc.keys
			r.Logger = slog.New(slog.NewTextHandler(&logs, nil))
			r.call(tc.body)
			r.Logger = slog.New(slog.NewTextHandler(&debug, &slog.HandlerOptions{Level: slog.LevelDebug}))
			r.call(tc.body)
		}
		assert.Empty(t, logs.String())
		assert.Equal(t, 3, strings.Count(debug.String(), "removal: refused"), debug.String())
		assert.Contains(t, debug.String(), "the key in the URL")
		assert.NotContains(t, debug.String(), "their-text")
		wait(time.Hour)
		r.Keys = nil
		r.setAnswer(func(int, sentRequest) (*http.Response, error) { return response(302, ""), nil })
		r.call(removalBody)
		wait(100 * time.Second)
		assert.Equal(t, 3, strings.Count(debug.String(), `level=DEBUG msg="sunco: removal: not settled`))
	})
}

func TestRemovalHandlerSaysWhatItNeeds(t *testing.T) {
	whole := newRemovals(t, alive).RemovalHandler
	for _, h := range []*sunco.RemovalHandler{
		{}, {Client: whole.Client, Lookup: whole.Lookup}, {Client: whole.Client, OnRemoved: whole.OnRemoved},
		{Lookup: whole.Lookup, OnRemoved: whole.OnRemoved},
	} {
		assert.PanicsWithValue(t, "sunco: RemovalHandler needs Client, Lookup and OnRemoved", func() {
			h.ServeHTTP(httptest.NewRecorder(), removalRequest(removalBody))
		})
	}
}
