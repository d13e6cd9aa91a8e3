package sunco_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
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
		Client: quiet(newClient(r.wire)),
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
		known, unknown := dump(removalBody), dump(`{"appId":"unknown","integrationId":"b"}`)
		assert.Equal(t, known, unknown)
		assert.Equal(t, known, dump(removalBody), "and when it is pending")
		assert.Contains(t, known, "200")
		assert.Contains(t, known, "no-store")
		synctest.Wait()
		assert.Equal(t, 1, r.count())
		wait(time.Hour)
		assert.Empty(t, r.removed)
	})
}

func TestRemovalLookupFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, step{status: 401})
		r.fails = errors.New("db: password=hunter2")
		for _, body := range []string{removalBody, `{"appId":"unknown","integrationId":"b"}`} {
			resp := r.call(body)
			assert.Equal(t, 503, resp.StatusCode)
			assert.Empty(t, readAll(resp))
		}
		r.fails = nil
		r.stored[testAppID].AppID = "another"
		assert.Equal(t, 503, r.call(removalBody).StatusCode, "a store that returns another customer has failed")
		wait(time.Hour)
		assert.Zero(t, r.count())
		assert.Empty(t, r.removed)
	})
}

func TestRemovalFlood(t *testing.T) {
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
		assert.Empty(t, r.removed)
		assert.NotEmpty(t, r.stored)
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, alive)
		for range 3600 {
			r.call(removalBody)
			wait(time.Second)
		}
		assert.LessOrEqual(t, r.count(), 4*10+4, "an hour of calls every second")
		assert.Empty(t, r.removed)
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
		assert.Equal(t, 503, r.call(`{"appId":"unknown","integrationId":"b"}`).StatusCode, "unknown apps are answered alike then")
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
		for _, tc := range []struct {
			keys   []string
			query  string
			status int
		}{
			{nil, "", 200}, {nil, "?key=x", 200},
			{[]string{"new", "old"}, "?key=new", 200}, {[]string{"new", "old"}, "?key=old", 200}, {[]string{"new", "old"}, "?x=1&key=old", 200},
			{[]string{"new"}, "", 403}, {[]string{"new"}, "?key=", 403}, {[]string{"new"}, "?key=ne", 403}, {[]string{"new"}, "?key=NEW", 403}, {[]string{"new"}, "?key=new&key=new", 403}, {[]string{"new"}, "?Key=new", 403}, {[]string{"new"}, "?key=new%00", 403},
			{[]string{""}, "?key=", 403}, {[]string{""}, "", 403}, {[]string{"", "new"}, "?key=new", 200},
		} {
			r := newRemovals(t, alive)
			for _, key := range tc.keys {
				r.Keys = append(r.Keys, sunco.NewSecret(key))
			}
			for _, body := range []string{removalBody, `{"appId":"unknown","integrationId":"b"}`} {
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
		r := newRemovals(t, step{status: 401})
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

func TestRemovalLogsNoSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs syncBuffer
		r := newRemovals(t, step{status: 401})
		r.Client = canaryClientFor(r.wire, &logs)
		r.stored[testAppID].Token = canaryInstallation().Token
		runs := 0
		r.hook = func(*sunco.Installation) error {
			switch runs++; runs {
			case 1:
				return errors.New(canaryToken)
			case 2:
				panic(canaryToken)
			}
			return nil
		}
		r.call(removalBody)
		wait(time.Hour)
		r.fails = errors.New(canaryToken)
		r.call(removalBody)
		assert.Contains(t, logs.String(), "OnRemoved failed")
		assert.Contains(t, logs.String(), "panicked")
		assert.Contains(t, logs.String(), "Lookup failed")
		assertNoSecret(t, "logs", logs.String(), canaryToken, canaryClient)
	})
}

func TestRemovalHandlerSaysWhatItNeeds(t *testing.T) {
	whole := newRemovals(t, alive).RemovalHandler
	for _, h := range []*sunco.RemovalHandler{
		{}, {Client: whole.Client, Lookup: whole.Lookup}, {Client: whole.Client, OnRemoved: whole.OnRemoved}, {Lookup: whole.Lookup, OnRemoved: whole.OnRemoved},
	} {
		assert.PanicsWithValue(t, "sunco: RemovalHandler needs Client, Lookup and OnRemoved", func() {
			h.ServeHTTP(httptest.NewRecorder(), removalRequest(removalBody))
		})
	}
}
