package transport

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestContextOverBeforehand(t *testing.T) {
	s := play(replies(200))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	reply, err := s.client().Do(ctx, callTo(Create))
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, Reply{}, reply)
	assert.Empty(t, s.at)

	ctx, cancel = context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err = s.client().Do(ctx, callTo(Create))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Empty(t, s.at)
}

func TestContextEndsWhileWaiting(t *testing.T) {
	for _, class := range classes() {
		synctest.Test(t, func(t *testing.T) {
			s := play(replies(429, "Retry-After", "9", "X-A", "b"))
			start := time.Now()
			reply, err := s.client().Do(canceledAfter(t, 2*time.Second), callTo(class))
			require.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, 2*time.Second, time.Since(start))
			assert.Len(t, s.at, 1)
			assert.Equal(t, 429, reply.Status)
			assert.Equal(t, 9*time.Second, reply.RetryAfter)
			assert.False(t, reply.MaybeApplied)
			assert.False(t, reply.RateLimited, "not given up by us")
		})
	}
	synctest.Test(t, func(t *testing.T) { // the ambiguity stays known
		s := play(replies(503, "Retry-After", "30"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		reply, err := s.client().Do(ctx, callTo(Repeat))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 503, reply.Status)
		assert.True(t, reply.MaybeApplied)
	})
}

func TestContextEndsInAnAttempt(t *testing.T) {
	dialling := func(req *http.Request) (*http.Response, error) {
		_, _ = connecting(nil)(req)
		return hangs(req)
	}
	table := []struct {
		name   string
		step   step
		maybe  bool
		status int
	}{
		{"dialling", dialling, false, 0},
		{"in flight", connected(hangs), true, 0},
		{"in the body", connected(hangsInBody), true, 200},
		{"no trace", hangs, true, 0},
	}
	for _, row := range table {
		for _, class := range classes() {
			t.Run(row.name+"/"+name(class), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := play(row.step)
					start := time.Now()
					reply, err := s.client().Do(canceledAfter(t, time.Second), callTo(class))
					require.ErrorIs(t, err, context.Canceled)
					assert.Equal(t, time.Second, time.Since(start))
					assert.Len(t, s.at, 1)
					assert.Equal(t, row.status, reply.Status)
					assert.Equal(t, row.maybe && class != Read, reply.MaybeApplied)
				})
			})
		}
	}
}

func hangsInBody(req *http.Request) (*http.Response, error) {
	return repliesWith(200, func() io.Reader { return ctxReader{req.Context()} })(req)
}

// ctxReader is a reply that never goes on.
type ctxReader struct{ ctx context.Context }

func (r ctxReader) Read([]byte) (int, error) { <-r.ctx.Done(); return 0, r.ctx.Err() }

// An attempt that takes too long is a fault like others: repeated per class, and
// not the end of the caller's context.
func TestAttemptTimesOut(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{
		0: 30 * time.Second, time.Minute: 30 * time.Second, 7 * time.Second: 7 * time.Second,
	} {
		for _, s := range []*script{play(connected(hangs)), play(connected(hangsInBody))} {
			synctest.Test(t, func(t *testing.T) {
				s.at = nil
				c := New(Config{HTTPClient: &http.Client{Transport: s, Timeout: timeout}})
				start := time.Now()
				reply, err := c.Do(t.Context(), callTo(Create))
				require.Error(t, err)
				assert.NotErrorIs(t, err, context.DeadlineExceeded)
				assert.True(t, isTimeout(err))
				assert.Equal(t, want, time.Since(start))
				assert.True(t, reply.MaybeApplied)

				s.at = nil
				_, err = c.Do(t.Context(), callTo(Read))
				require.Error(t, err)
				assert.Len(t, s.at, 4)
			})
		}
	}
}

// Nothing of an attempt lives on: its context ends with it.
func TestContextOfAnAttemptEnds(t *testing.T) {
	for name, last := range map[string]step{"reply": replies(200), "fault": fails(errMine)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var contexts []context.Context
				note := func(next step) step {
					return func(req *http.Request) (*http.Response, error) {
						contexts = append(contexts, req.Context())
						return next(req)
					}
				}
				_, _ = do(t, play(note(replies(500)), note(last)), Read)
				require.Greater(t, len(contexts), 1)
				for _, ctx := range contexts {
					assert.ErrorIs(t, ctx.Err(), context.Canceled)
				}
			})
		})
	}
}

// Dialling has a timer of its own and may notice a deadline first.
func TestDeadlineNoticedWhileDialling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := lateContext{t.Context(), time.Now().Add(time.Second)}
		s := play(func(*http.Request) (*http.Response, error) {
			<-time.After(time.Second)
			return nil, errRefused
		})
		_, err := s.client().Do(ctx, callTo(Read))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Len(t, s.at, 1)
	})
}

// lateContext has a deadline and is never done.
type lateContext struct {
	context.Context
	at time.Time
}

func (c lateContext) Deadline() (time.Time, bool) { return c.at, true }

// A wish that outlasts the context is told while the caller can still use it.
func TestRetryAfterOutlastsTheContext(t *testing.T) {
	for _, class := range classes() {
		synctest.Test(t, func(t *testing.T) {
			s := play(replies(429, "Retry-After", "9"))
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
			defer cancel()
			reply, err := s.client().Do(ctx, callTo(class))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Zero(t, time.Since(start), "at once")
			assert.Len(t, s.at, 1)
			assert.True(t, reply.RateLimited)
			assert.Equal(t, 9*time.Second, reply.RetryAfter)
		})
	}
}

// On the last attempt there is no wait that could outlast anything.
func TestRetryAfterOnTheLastAttempt(t *testing.T) {
	for _, class := range []Class{Read, Repeat} {
		t.Run(name(class), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := play(replies(500), replies(500), replies(500), replies(429, "Retry-After", "9"))
				ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
				defer cancel()
				reply, err := s.client().Do(ctx, callTo(class))
				require.NoError(t, err)
				assert.Equal(t, 429, reply.Status)
				assert.True(t, reply.RateLimited)
				assert.Equal(t, 9*time.Second, reply.RetryAfter)
			})
		})
	}
}

// The context's end is what the caller hears of, not the fault before the wait.
func TestContextEndsWhileWaitingAfterAFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := play(func(*http.Request) (*http.Response, error) {
			time.AfterFunc(time.Nanosecond, cancel)
			return nil, errReset
		})
		reply, err := s.client().Do(ctx, callTo(Repeat))
		require.ErrorIs(t, err, context.Canceled)
		assert.NotErrorIs(t, err, errReset)
		assert.True(t, reply.MaybeApplied)
		assert.Len(t, s.at, 1)
	})
}
