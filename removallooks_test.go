package sunco_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

// deadToken is how the API answers a token that is no good, bareStatus is one that
// anyone may have sent, and pageStatus comes with a page.
var deadToken = apiStatus(401)

func apiStatus(status int) step  { return step{status: status, body: errorBody} }
func bareStatus(status int) step { return step{status: status} }
func pageStatus(status int) step {
	return step{status: status, body: "<html>", header: []string{"Content-Type", "text/html"}}
}

func TestRemovalLooks(t *testing.T) {
	api, bare, page, dead := apiStatus, bareStatus, pageStatus, deadToken
	lost, all := step{err: errors.New("reset")}, seconds(0, 10, 60, 300)
	for name, tc := range map[string]struct {
		looks   []step
		times   []time.Duration // nil: not compared
		removed bool
	}{
		"dead at once":            {[]step{dead}, seconds(0), true},
		"dies within seconds":     {[]step{alive, dead}, seconds(0, 10), true},
		"dies within the minute":  {[]step{alive, alive, dead}, seconds(0, 10, 60), true},
		"dies within five":        {[]step{alive, alive, alive, dead}, all, true},
		"dies later":              {[]step{alive, alive, alive, alive, dead}, all, false},
		"forged, token alive":     {[]step{alive}, all, false},
		"unsure, then dead":       {[]step{bare(302), api(400), page(404), dead}, all, true},
		"unsure, then dead later": {[]step{bare(302), bare(302), bare(302), bare(302), dead}, all, false},

		"401 RFC 6749":     {[]step{{status: 401, body: `{"error":"invalid_token"}`}}, seconds(0), true},
		"401 v1":           {[]step{{status: 401, body: `{"error":{"code":"unauthorized"}}`}}, seconds(0), true},
		"401 numeric code": {[]step{{status: 401, body: `{"errors":[{"code":401,"title":"no"}]}`}}, seconds(0), true},

		"403 twice":                {[]step{api(403)}, seconds(0, 10, 60), true},
		"404 twice":                {[]step{api(404)}, seconds(0, 10, 60), true},
		"401 bare twice":           {[]step{bare(401)}, seconds(0, 10, 60), true},
		"401 text twice":           {[]step{{status: 401, body: "Unauthorized"}}, seconds(0, 10, 60), true},
		"401 sentence twice":       {[]step{{status: 401, body: `{"error":"Couldn't sign in"}`}}, seconds(0, 10, 60), true},
		"403 from the second":      {[]step{alive, api(403)}, all, true},
		"403 from the third":       {[]step{alive, alive, api(403)}, all, true},
		"403 at the last alone":    {[]step{alive, alive, alive, api(403)}, all, false},
		"401 bare from the second": {[]step{alive, bare(401)}, all, true},
		"401 bare at the last":     {[]step{alive, alive, alive, bare(401)}, all, false},
		"403, lost, 403":           {[]step{api(403), bare(302), api(403)}, seconds(0, 10, 60), true},

		"401 bare, then alive":        {[]step{bare(401), alive}, all, false},
		"401 bare within seconds":     {[]step{bare(401), bare(401), alive}, all, false},
		"401 bare, alive, 401 bare":   {[]step{bare(401), alive, bare(401), alive}, all, false},
		"401 bare, then 404":          {[]step{bare(401), bare(401), api(404), alive}, all, false},
		"401 bare, then 403":          {[]step{bare(401), bare(401), api(403), bare(401)}, all, false},
		"401 bare, then a page":       {[]step{bare(401), bare(401), page(401)}, all, false},
		"401 bare, then dead":         {[]step{bare(401), dead}, seconds(0, 10), true},
		"403, then alive":             {[]step{api(403), alive}, all, false},
		"403, alive, then 403":        {[]step{api(403), alive, api(403), alive}, all, false},
		"403, then 404, then alive":   {[]step{api(403), api(403), api(404), alive}, all, false},
		"403, then 404, then 403":     {[]step{api(403), api(403), api(404), api(403)}, all, false},
		"403, then 403 bare":          {[]step{api(403), bare(403)}, all, false},
		"403, then 403 page":          {[]step{api(403), page(403)}, all, false},
		"403, then 401":               {[]step{api(403), dead}, seconds(0, 10), true},
		"404 page, then 404 once":     {[]step{page(404), page(404), page(404), api(404)}, all, false},
		"403 page, then alive":        {[]step{page(403), page(403), page(403), alive}, all, false},
		"no help desk, then dead":     {[]step{noHelpDesk(404), dead}, seconds(0, 10), true},
		"no help desk, then 404 once": {[]step{noHelpDesk(404), noHelpDesk(404), noHelpDesk(404), api(404)}, all, false},
		"200 of another app for ever": {[]step{{status: 200, body: `{"app":{"id":"another"}}`}}, all, false},
		"429 a day":                   {[]step{{status: 429, header: []string{"Retry-After", "86400"}}}, all, false},
		"302":                         {[]step{{status: 302, header: []string{"Location", "/"}}}, all, false},
		"429":                         {[]step{bare(429)}, nil, false},
		"500":                         {[]step{api(500)}, nil, false},
		"503":                         {[]step{bare(503)}, nil, false},
		"400":                         {[]step{api(400)}, nil, false},
		"410":                         {[]step{api(410)}, nil, false},
		"lost":                        {[]step{lost}, nil, false},
		"NXDOMAIN":                    {[]step{{err: noSuchHost()}}, nil, false},
		"bad certificate":             {[]step{{err: badCertificate()}}, nil, false},
		"200 page":                    {[]step{page(200)}, nil, false},
		"200 error inside":            {[]step{{status: 200, body: `{"error":"unauthorized"}`}}, nil, false},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := newRemovals(t, tc.looks...)
			resp := r.call(removalBody)
			assert.Equal(t, 200, resp.StatusCode)
			wait(48 * time.Hour)
			assert.LessOrEqual(t, r.count(), 4*4, "four looks, of four attempts each")
			if tc.times != nil {
				assert.Equal(t, tc.times, r.times())
			}
			if tc.removed {
				assert.Equal(t, []string{acme().Generation()}, r.gone(), "once, as it succeeded")
				assert.Empty(t, r.stored)
			} else {
				assert.Empty(t, r.gone())
				assert.NotEmpty(t, r.stored, "nothing is deleted on a guess")
			}
		})
	}
}

func noHelpDesk(status int) step {
	return step{status: status, body: `{"error":{"title":"No help desk at acme.zendesk.com","message":"x"}}`}
}

// One forged call, and an answer that is none of the API's, delete nothing,
// whatever the status is and however often it comes.
func TestRemovalForged(t *testing.T) {
	for _, status := range []int{401, 403, 404} {
		for name, body := range map[string]string{
			"no help desk":      noHelpDesk(status).body,
			"empty error":       `{"error":{}}`,
			"no error":          `{"error":null,"errors":[]}`,
			"code of no form":   `{"error":{"code":{}}}`,
			"other JSON":        `{"message":"no"}`,
			"list":              `["unauthorized"]`,
			"JSON cut short":    `{"errors":[{"code":"unauthorized"`,
			"errors, no object": `{"errors":["unauthorized"]}`,
			"code second":       `{"errors":[{"title":"no"},{"code":"unauthorized"}]}`,
			"page":              "<!DOCTYPE html><title>Sign in</title>",
			"page with a mark":  "\ufeff \r\n<html>",
			"long page":         "<html>" + strings.Repeat("<p>no</p>", 10_000),
			"bare":              "",
			"sentence":          "Not here",
		} {
			if status == 401 && (name == "bare" || name == "sentence") {
				continue // proves something when it is repeated
			}
			inBubble(t, fmt.Sprint(status, " ", name), func(t *testing.T) {
				r := newRemovals(t, step{status: status, body: body})
				assert.Equal(t, 200, r.call(removalBody).StatusCode)
				wait(48 * time.Hour)
				assert.Equal(t, seconds(0, 10, 60, 300), r.times())
				assert.Empty(t, r.gone())
				assert.NotEmpty(t, r.stored)
			})
		}
	}
}

// OnRemoved runs until it succeeds, and no longer than there are looks.
func TestRemovalHookFails(t *testing.T) {
	for name, bad := range map[string]func() error{
		"error":     func() error { return errors.New("disk full") },
		"panic":     func() error { panic("disk full") },
		"nil panic": func() error { var in *sunco.Installation; return errors.New(in.AppID) },
	} {
		for failures := range 6 {
			inBubble(t, fmt.Sprint(name, failures), func(t *testing.T) {
				r := newRemovals(t, deadToken)
				var logs syncBuffer
				r.Logger = slog.New(slog.NewTextHandler(&logs, nil))
				runs := 0
				r.hook = func(*sunco.Installation) error {
					if runs++; runs <= failures {
						return bad()
					}
					return nil
				}
				assert.Equal(t, 200, r.call(removalBody).StatusCode)
				wait(48 * time.Hour)
				const lost = `level=ERROR msg="sunco: removal: not settled, and the last look is over`
				if failures < 4 {
					assert.Equal(t, failures+1, runs, "until it succeeds, and not again")
					assert.Empty(t, r.stored)
					assert.NotContains(t, logs.String(), lost)
					return
				}
				assert.Equal(t, seconds(0, 10, 60, 300), r.times())
				assert.Equal(t, 4, runs)
				assert.Contains(t, logs.String(), lost)
				assert.Contains(t, logs.String(), "app_id="+testAppID)
			})
		}
	}
}

// A Lookup that fails settles nothing, whether before the question to the
// bridge or after it.
func TestRemovalLookupFailsLater(t *testing.T) {
	down := errors.New("db: down")
	for name, bad := range map[string]func(ctx context.Context) (*sunco.Installation, error){
		"error":        func(context.Context) (*sunco.Installation, error) { return nil, down },
		"error beside": func(context.Context) (*sunco.Installation, error) { return acme(), down },
		"panic":        func(context.Context) (*sunco.Installation, error) { panic(down) },
		"another app":  func(context.Context) (*sunco.Installation, error) { return another(), nil },
		"until its context ends": func(ctx context.Context) (*sunco.Installation, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	} {
		for _, failing := range []int{2, 3} { // the first is the request's
			inBubble(t, fmt.Sprint(name, failing), func(t *testing.T) {
				r := newRemovals(t, deadToken)
				find, calls := r.Lookup, 0
				r.Lookup = func(ctx context.Context, appID string) (*sunco.Installation, error) {
					if calls++; calls == failing {
						return bad(ctx)
					}
					return find(ctx, appID)
				}
				assert.Equal(t, 200, r.call(removalBody).StatusCode)
				wait(9 * time.Second)
				assert.Empty(t, r.gone(), "nothing is deleted when the store cannot be read")
				wait(time.Minute)
				assert.Equal(t, []string{acme().Generation()}, r.gone(), "and the next look deletes")
				assert.Equal(t, 2+failing, calls, "two in the look that went through")
			})
		}
	}
}

func another() *sunco.Installation {
	in := acme()
	in.AppID = "another"
	return in
}

// What is deleted while the looks go on is asked about no more.
func TestRemovalOfWhatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, alive)
		r.call(removalBody)
		wait(5 * time.Second)
		r.mu.Lock()
		delete(r.stored, testAppID)
		r.mu.Unlock()
		wait(time.Hour)
		assert.Equal(t, seconds(0), r.times())
		assert.Equal(t, 3, r.lookups, "the request's, and one each of two looks")
		assert.Empty(t, r.gone())
	})
}

func TestRemovalAndANewInstallation(t *testing.T) {
	newer := acme()
	newer.Token = sunco.Token{AccessToken: sunco.NewSecret("another-token")}
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, deadToken)
		answer := r.wire.answer
		r.setAnswer(func(n int, request sentRequest) (*http.Response, error) {
			r.mu.Lock()
			r.stored[testAppID] = newer // while the old token is being asked about
			r.mu.Unlock()
			return answer(n, request)
		})
		r.call(removalBody)
		wait(time.Hour)
		assert.Empty(t, r.gone(), "a re-install in between survives")
		assert.Same(t, newer, r.stored[testAppID])
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, apiStatus(403), apiStatus(403), apiStatus(403), alive)
		r.call(removalBody)
		wait(30 * time.Second)
		r.mu.Lock()
		r.stored[testAppID] = newer
		r.mu.Unlock()
		wait(time.Hour)
		assert.Empty(t, r.gone(), "the first suspicion was about another token")
		assert.Equal(t, 4, len(r.times()))
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, bareStatus(401))
		r.call(removalBody)
		wait(5 * time.Second)
		r.mu.Lock()
		r.stored[testAppID] = newer
		r.mu.Unlock()
		wait(299 * time.Second)
		assert.Equal(t, []string{newer.Generation()}, r.gone(), "a minute after its own first 401")
		assert.Equal(t, seconds(0, 10, 60, 300), r.times())
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, deadToken)
		r.call(removalBody)
		wait(5 * time.Second)
		r.mu.Lock()
		r.stored[testAppID] = newer
		r.mu.Unlock()
		r.call(removalBody) // the new one is removed as well, within the rest
		wait(time.Hour)
		assert.Equal(t, []string{acme().Generation(), newer.Generation()}, r.gone())
	})
}

func TestRemovalAgainLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, alive)
		r.call(removalBody)
		wait(time.Second)
		r.call(removalBody)
		wait(time.Hour)
		assert.Equal(t, seconds(0, 10, 60, 300, 360, 370, 420, 660), r.times(), "a minute after the last look")
		r.call(removalBody)
		synctest.Wait()
		assert.Len(t, r.times(), 9, "at once, as nothing is pending")
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, alive, alive, alive, alive, deadToken)
		r.call(removalBody)
		wait(time.Hour)
		assert.Empty(t, r.gone())
		r.call(removalBody)
		wait(time.Second)
		assert.Len(t, r.gone(), 1, "a forgery does not shadow the real removal")
	})
	for _, at := range seconds(1, 30, 299, 301, 359, 361) {
		inBubble(t, at.String(), func(t *testing.T) {
			r := newRemovals(t, alive)
			r.call(removalBody)
			wait(at)
			r.call(removalBody)
			wait(5*time.Minute - 2*time.Second)
			r.setAnswer(func(int, sentRequest) (*http.Response, error) { return response(401, errorBody), nil })
			wait(time.Hour)
			assert.Len(t, r.gone(), 1, "a call during a round or its rest gets looks of its own")
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
		assert.Equal(t, 503, r.call(unknownBody).StatusCode)
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
		assert.Empty(t, r.gone())
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, deadToken)
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

// After Close nothing is looked at, not even what waits for its turn.
func TestRemovalCloseEndsTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, alive)
		release := make(chan struct{})
		r.setAnswer(func(int, sentRequest) (*http.Response, error) {
			<-release
			return response(200, tokenInfoReply), nil
		})
		for i := range 100 {
			id := fmt.Sprintf("app%d", i)
			r.mu.Lock()
			r.stored[id] = &sunco.Installation{AppID: id, Token: acme().Token}
			r.mu.Unlock()
			r.call(fmt.Sprintf(`{"appId":%q,"integrationId":"b"}`, id))
		}
		synctest.Wait()
		assert.Equal(t, 100+8, r.lookups)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, r.Close(ctx), context.DeadlineExceeded, "a transport that ignores its context")
		close(release)
		require.NoError(t, r.Close(t.Context()))
		wait(time.Hour)
		assert.Equal(t, 100+8, r.lookups)
	})
}

// A removal is not lost to a bridge that takes its time.
func TestRemovalWithASlowBridge(t *testing.T) {
	for _, latency := range []time.Duration{19 * time.Second, 29 * time.Second} {
		inBubble(t, latency.String(), func(t *testing.T) {
			r := newRemovals(t)
			r.Client = newClient(&wire{answer: func(int, sentRequest) (*http.Response, error) {
				time.Sleep(latency)
				return response(401, errorBody), nil
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
			assert.Equal(t, []string{"done"}, r.gone())
		})
	}
}
