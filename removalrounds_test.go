package sunco_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

func TestRemovalLooks(t *testing.T) {
	refusal := func(status int) step { return step{status: status, body: errorBody} }
	page := func(status int) step {
		return step{status: status, body: "<html>", header: []string{"Content-Type", "text/html"}}
	}
	for name, tc := range map[string]struct {
		looks   []step
		times   []time.Duration // nil: not compared
		removed bool
	}{
		"dead at once":              {[]step{{status: 401}}, seconds(0), true},
		"dies within seconds":       {[]step{alive, {status: 401}}, seconds(0, 10), true},
		"dies within the minute":    {[]step{alive, alive, {status: 401}}, seconds(0, 10, 60), true},
		"dies within five":          {[]step{alive, alive, alive, {status: 401}}, seconds(0, 10, 60, 300), true},
		"forged, token alive":       {[]step{alive}, seconds(0, 10, 60, 300), false},
		"403 twice":                 {[]step{refusal(403)}, seconds(0, 10, 60), true},
		"404 twice":                 {[]step{refusal(404)}, seconds(0, 10, 60), true},
		"403 from the second":       {[]step{alive, refusal(403)}, seconds(0, 10, 60, 300), true},
		"403, then alive":           {[]step{refusal(403), alive}, seconds(0, 10, 60, 300), false},
		"403, alive, then 403":      {[]step{refusal(403), alive, refusal(403), alive}, seconds(0, 10, 60, 300), false},
		"403, then 404, then alive": {[]step{refusal(403), refusal(403), refusal(404), alive}, seconds(0, 10, 60, 300), false},
		"403, then 401":             {[]step{refusal(403), {status: 401}}, seconds(0, 10), true},
		"401 HTML for ever":         {[]step{page(401)}, nil, false},
		"401 long page":             {[]step{{status: 401, body: "<html>" + strings.Repeat("<p>no</p>", 10_000)}}, nil, false},
		"401 page with a mark":      {[]step{{status: 401, body: "\ufeff <html>"}}, nil, false},
		"403 HTML for ever":         {[]step{page(403)}, nil, false},
		"404 HTML for ever":         {[]step{page(404)}, nil, false},
		"403 empty for ever":        {[]step{{status: 403}}, nil, false},
		"404 other JSON for ever":   {[]step{{status: 404, body: `{"message":"no"}`}}, nil, false},
		"403 HTML, then alive":      {[]step{page(403), page(403), page(403), page(403), alive}, nil, false},
		"429 for ever":              {[]step{{status: 429}}, nil, false},
		"429 a day":                 {[]step{{status: 429, header: []string{"Retry-After", "86400"}}}, nil, false},
		"500 for ever":              {[]step{refusal(500)}, nil, false},
		"503 for ever":              {[]step{{status: 503}}, nil, false},
		"400 for ever":              {[]step{refusal(400)}, nil, false},
		"410 for ever":              {[]step{refusal(410)}, nil, false},
		"302 for ever":              {[]step{{status: 302, header: []string{"Location", "/"}}}, nil, false},
		"lost for ever":             {[]step{{err: errors.New("reset")}}, nil, false},
		"NXDOMAIN for ever":         {[]step{{err: noSuchHost()}}, nil, false},
		"bad certificate for ever":  {[]step{{err: badCertificate()}}, nil, false},
		"200 HTML for ever":         {[]step{page(200)}, nil, false},
		"200 error inside":          {[]step{{status: 200, body: `{"error":"unauthorized"}`}}, nil, false},
		"200 other app for ever":    {[]step{{status: 200, body: `{"app":{"id":"another"}}`}}, seconds(0, 10, 60, 300), false},
		"unsure, then dead":         {[]step{{status: 302}, {status: 400}, page(404), {status: 302}, {status: 302}, {status: 401}}, seconds(0, 10, 60, 300, 540, 1020), true},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := newRemovals(t, tc.looks...)
			resp := r.call(removalBody)
			assert.Equal(t, 200, resp.StatusCode)
			wait(3 * time.Hour)
			if tc.times != nil {
				assert.Equal(t, tc.times, r.times())
			}
			if tc.removed {
				assert.Equal(t, []string{acme().Generation()}, r.removed, "once, as it succeeded")
				assert.Empty(t, r.stored)
			} else {
				assert.Empty(t, r.removed)
				assert.NotEmpty(t, r.stored, "nothing is deleted on a guess")
			}
		})
	}
}

func TestRemovalHookRunsUntilItSucceeds(t *testing.T) {
	for name, bad := range map[string]func(int) error{
		"error":     func(int) error { return errors.New("disk full") },
		"panic":     func(int) error { panic("token " + testToken) },
		"nil panic": func(int) error { var in *sunco.Installation; return errors.New(in.AppID) },
	} {
		inBubble(t, name, func(t *testing.T) {
			r := newRemovals(t, step{status: 401})
			runs := 0
			r.hook = func(*sunco.Installation) error {
				if runs++; runs < 6 {
					return bad(runs)
				}
				return nil
			}
			assert.Equal(t, 200, r.call(removalBody).StatusCode)
			wait(time.Hour)
			assert.Equal(t, 6, runs, "at least once, until it succeeds, and not again")
			assert.Empty(t, r.stored)
		})
	}
}

func TestRemovalLookupPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, step{status: 401})
		lookup, calls := r.Lookup, 0
		r.Lookup = func(ctx context.Context, appID string) (*sunco.Installation, error) {
			if calls++; calls == 2 || calls == 3 {
				panic("lookup")
			}
			return lookup(ctx, appID)
		}
		assert.Equal(t, 200, r.call(removalBody).StatusCode)
		wait(time.Hour)
		assert.Len(t, r.removed, 1)
	})
}

func TestRemovalAndANewInstallation(t *testing.T) {
	newer := acme()
	newer.Token = sunco.Token{AccessToken: sunco.NewSecret("another-token")}
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, step{status: 401})
		answer := r.wire.answer
		r.setAnswer(func(n int, request sentRequest) (*http.Response, error) {
			r.mu.Lock()
			r.stored[testAppID] = newer // while the old token is being asked about
			r.mu.Unlock()
			return answer(n, request)
		})
		r.call(removalBody)
		wait(time.Hour)
		assert.Empty(t, r.removed, "a re-install in between survives")
		assert.Same(t, newer, r.stored[testAppID])
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, step{status: 403, body: errorBody}, step{status: 403, body: errorBody}, step{status: 403, body: errorBody}, alive)
		r.call(removalBody)
		wait(30 * time.Second)
		r.mu.Lock()
		r.stored[testAppID] = newer
		r.mu.Unlock()
		wait(time.Hour)
		assert.Empty(t, r.removed, "the first suspicion was about another token")
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, step{status: 401})
		r.call(removalBody)
		wait(5 * time.Second)
		r.mu.Lock()
		r.stored[testAppID] = newer
		r.mu.Unlock()
		r.call(removalBody) // the new one is removed as well, within the rest
		wait(time.Hour)
		assert.Equal(t, []string{acme().Generation(), newer.Generation()}, r.removed)
	})
}

func TestRemovalAgainLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, alive, alive, alive, alive, step{status: 401})
		r.call(removalBody)
		wait(time.Hour)
		assert.Empty(t, r.removed)
		r.call(removalBody)
		wait(time.Second)
		assert.Len(t, r.removed, 1, "a forgery does not shadow the real removal")
	})
	for _, at := range []time.Duration{time.Second, 30 * time.Second, 299 * time.Second, 301 * time.Second, 359 * time.Second, 361 * time.Second} {
		inBubble(t, at.String(), func(t *testing.T) {
			r := newRemovals(t, alive)
			r.call(removalBody)
			wait(at)
			r.call(removalBody)
			wait(5*time.Minute - 2*time.Second)
			r.setAnswer(func(int, sentRequest) (*http.Response, error) { return response(401, ""), nil })
			wait(time.Hour)
			assert.Len(t, r.removed, 1, "a call during a round or its rest gets looks of its own")
		})
	}
}

func TestRemovalClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails when a goroutine is left at its end
		r := newRemovals(t, alive)
		r.call(removalBody)
		wait(11 * time.Second)
		began := time.Now()
		require.NoError(t, r.Close(t.Context()))
		assert.Zero(t, time.Since(began), "it waits for no look that has not begun")
		assert.Equal(t, 503, r.call(removalBody).StatusCode)
		assert.Equal(t, 503, r.call(`{"appId":"unknown","integrationId":"b"}`).StatusCode)
		looks := r.count()
		wait(time.Hour)
		assert.Equal(t, looks, r.count())
		require.NoError(t, r.Close(t.Context()), "more than once")
	})
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, new(sunco.RemovalHandler).Close(t.Context()), "before it served")
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, alive)
		r.Client = newClient(hanging{})
		r.call(removalBody)
		synctest.Wait()
		require.NoError(t, r.Close(t.Context()), "a look that hangs is ended")
		assert.Empty(t, r.removed)
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, step{status: 401})
		release := make(chan struct{})
		r.hook = func(*sunco.Installation) error { <-release; return nil }
		r.call(removalBody)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, r.Close(ctx), context.DeadlineExceeded, "a hook that ignores its context")
		close(release)
		require.NoError(t, r.Close(t.Context()))
		var none context.Context
		assert.NotPanics(t, func() { requireInput(t, "context", r.Close(none)) })
	})
}

// A removal is not lost to a bridge that takes its time.
func TestRemovalWithASlowBridge(t *testing.T) {
	for _, latency := range []time.Duration{19 * time.Second, 29 * time.Second} {
		inBubble(t, latency.String(), func(t *testing.T) {
			r := newRemovals(t)
			r.Client = newClient(&wire{answer: func(int, sentRequest) (*http.Response, error) {
				time.Sleep(latency)
				return response(401, ""), nil
			}})
			r.OnRemoved = func(ctx context.Context, _ *sunco.Installation) error {
				select {
				case <-time.After(5 * time.Second):
					r.removed = append(r.removed, "done")
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			r.call(removalBody)
			wait(time.Hour)
			assert.Equal(t, []string{"done"}, r.removed)
		})
	}
}

// A hook that ends its goroutine is one that failed.
func TestRemovalHookEndsItsGoroutine(t *testing.T) {
	inBubble(t, "goexit", func(t *testing.T) {
		r := newRemovals(t, step{status: 401})
		runs := 0
		r.OnRemoved = func(context.Context, *sunco.Installation) error {
			if runs++; runs < 20 { // more than there are places to look
				runtime.Goexit()
			}
			return nil
		}
		r.call(removalBody)
		wait(48 * time.Hour)
		assert.Equal(t, 20, runs)
	})
}
