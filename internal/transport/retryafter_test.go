package transport

import (
	"context"
	"math"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRetryAfterForms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := func(d time.Duration) time.Time { return time.Now().UTC().Add(d) }
		table := map[string]time.Duration{
			"0":                    0,
			"7":                    7 * time.Second,
			"007":                  7 * time.Second,
			"86400":                24 * time.Hour,
			"9223372035":           9223372035 * time.Second,
			"9223372036":           math.MaxInt64,
			"9223372036854775807":  math.MaxInt64,
			"99999999999999999999": math.MaxInt64,
			"-1":                   0,
			"-9999999999999999999": 0,
			"+5":                   0,
			"1.5":                  2 * time.Second,
			"0.001":                time.Second,
			"3.000":                3 * time.Second,
			"9223372035.1":         9223372036 * time.Second,
			"1.5.2":                0,
			".5":                   0,
			"1.-5":                 0,
			"1e3":                  0,
			"5 s":                  0,
			"５":                    0,
			"soon":                 0,
			"":                     0,
			in(9 * time.Second).Format(http.TimeFormat):                       9 * time.Second,
			in(9 * time.Second).Format("Monday, 02-Jan-06 15:04:05 GMT"):      9 * time.Second,
			in(9 * time.Second).Format(time.ANSIC):                            9 * time.Second,
			in(-9 * time.Second).Format(http.TimeFormat):                      0,
			"Fri, 31 Dec 9999 23:59:59 GMT":                                   math.MaxInt64,
			"Sat, 32 Jan 2000 00:00:00 GMT":                                   0,
			in(9 * time.Second).Format(time.RFC3339):                          0,
			in(9 * time.Second).Format("Mon, 02 Jan 2006 15:04:05 GMT, 1234"): 0,
		}
		for value, want := range table {
			assert.Equal(t, want, retryAfter(http.Header{"Retry-After": {value}}), "%q", value)
		}
		assert.Zero(t, retryAfter(nil))
	})
}

// What the server asks for is waited for on the classes that are tried again,
// and never less than the backoff.
func TestRetryAfterIsWaitedFor(t *testing.T) {
	for _, status := range []int{429, 503} {
		for _, class := range classes() {
			if status == 503 && !class.repeatable() {
				continue
			}
			synctest.Test(t, func(t *testing.T) {
				at := time.Now().Add(3 * time.Second).UTC().Format(http.TimeFormat)
				s := play(replies(status, "Retry-After", at), replies(200))
				reply, err := do(t, s, class)
				require.NoError(t, err)
				assert.Equal(t, []time.Duration{3 * time.Second}, s.waits())
				assert.Equal(t, 200, reply.Status)
				assert.Zero(t, reply.RetryAfter)
				assert.False(t, reply.RateLimited)
			})
		}
	}
	for _, status := range []int{200, 302, 404, 501} { // which ask for nothing
		reply, err := do(t, play(replies(status, "Retry-After", "3")), Read)
		require.NoError(t, err)
		assert.Zero(t, reply.RetryAfter)
	}
	synctest.Test(t, func(t *testing.T) { // 500 promises nothing about when
		s := play(replies(500, "Retry-After", "30"), replies(200))
		_, err := do(t, s, Read)
		require.NoError(t, err)
		assert.Less(t, s.waits()[0], time.Second)
	})
}

// A deadline that leaves the time is no reason to give up, and a wish does not
// outlive the attempt that it came with.
func TestRetryAfterWithinADeadline(t *testing.T) {
	for _, class := range classes() {
		t.Run(name(class), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				s := play(replies(429, "Retry-After", "9"), connecting(errRefused), replies(200))
				reply, err := s.client().Do(ctx, callTo(class))
				require.NoError(t, err)
				assert.Equal(t, 200, reply.Status)
				assert.Equal(t, 9*time.Second, s.waits()[0])
				assert.Less(t, s.waits()[1], time.Second)
			})
		})
	}
}

func TestRetryAfterAboveTheCap(t *testing.T) {
	for _, class := range classes() {
		cap := map[bool]string{true: "11", false: "61"}[class == Once]
		for _, value := range []string{cap, "86400", "99999999999999999999"} {
			for _, status := range []int{429, 503} {
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					s := play(replies(status, "Retry-After", value))
					reply, err := do(t, s, class)
					require.NoError(t, err)
					assert.Len(t, s.at, 1)
					assert.Equal(t, start, time.Now(), "at once")
					assert.Equal(t, status, reply.Status)
					assert.Equal(t, status == 429 || class.repeatable(), reply.RateLimited)
					assert.Equal(t, retryAfter(http.Header{"Retry-After": {value}}), reply.RetryAfter)
				})
			}
		}
	}
}

// The cap is on the sum: of one call, and of asked and unasked waits together.
func TestSumOfWaits(t *testing.T) {
	table := []struct {
		class    Class
		ask      []string
		attempts int
		limited  bool
		total    time.Duration
	}{
		{Once, []string{"10", ""}, 2, true, 10 * time.Second},
		{Once, []string{"5", "5", ""}, 3, true, 10 * time.Second},
		{Once, []string{"5", "6"}, 2, true, 5 * time.Second},
		{Read, []string{"60", "1"}, 2, true, 60 * time.Second},
		{Create, []string{"20", "20", "20", "20"}, 4, true, 60 * time.Second},
		{Repeat, []string{"20", "20", "21"}, 3, true, 40 * time.Second},
	}
	for _, row := range table {
		synctest.Test(t, func(t *testing.T) {
			var steps []step
			for _, v := range row.ask {
				steps = append(steps, replies(429, "Retry-After", v))
			}
			start, s := time.Now(), play(steps...)
			reply, err := do(t, s, row.class)
			require.NoError(t, err)
			assert.Len(t, s.at, row.attempts)
			assert.Equal(t, row.limited, reply.RateLimited)
			assert.Equal(t, row.total, time.Since(start))
			assert.Equal(t, retryAfter(http.Header{"Retry-After": row.ask[len(row.ask)-1:]}), reply.RetryAfter)
		})
	}
	synctest.Test(t, func(t *testing.T) { // no patience left for an ordinary fault
		s := play(replies(429, "Retry-After", "60"), replies(500))
		reply, err := do(t, s, Read)
		require.NoError(t, err)
		assert.Len(t, s.at, 2)
		assert.Equal(t, 500, reply.Status)
		assert.False(t, reply.RateLimited)
		assert.Zero(t, reply.RetryAfter)
	})
}
