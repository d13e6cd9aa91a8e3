package suncotest_test

import (
	"math"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

func TestDeliveryStatuses(t *testing.T) {
	for code, want := range map[int]suncotest.Outcome{
		200: suncotest.Delivered, 201: suncotest.Delivered, 204: suncotest.Delivered, 299: suncotest.Delivered,
		400: suncotest.Refused, 401: suncotest.Refused, 403: suncotest.Refused, 404: suncotest.Refused,
		406: suncotest.Refused,
		302: suncotest.Dropped, 402: suncotest.Dropped, 405: suncotest.Dropped, 408: suncotest.Dropped,
		409: suncotest.Dropped,
		410: suncotest.Dropped, 413: suncotest.Dropped, 415: suncotest.Dropped, 429: suncotest.Dropped,
		500: suncotest.Dropped, 503: suncotest.Dropped,
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newInbox(t, suncotest.Config{})
			app, _, _ := b.subscribe(messagesOnly)
			b.answer = status(code)
			require.NoError(t, b.p.Emit(app, message(1)))
			pass(24 * time.Hour)
			d := b.p.Deliveries()[0]
			assert.Equal(t, want, d.Outcome, code)
			assert.True(t, d.Next.IsZero())
			attempts := 1
			if want == suncotest.Dropped {
				attempts = 5
			}
			assert.Len(t, b.got, attempts, code)
			assert.Len(t, d.Attempts, attempts, code)
			for _, a := range d.Attempts {
				assert.Equal(t, code, a.Status)
			}
		})
	}
}

func TestDeliveryIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInbox(t, suncotest.Config{})
		app, _, _ := b.subscribe(messagesOnly)
		b.answer = status(503)
		start := time.Now()
		require.NoError(t, b.p.Emit(app, message(1), message(2)))
		synctest.Wait()
		d := b.p.Deliveries()[0]
		assert.Equal(t, suncotest.Pending, d.Outcome)
		assert.Equal(t, start.Add(time.Minute), d.Next)
		pass(time.Hour)
		require.Len(t, b.at, 5)
		for i, minutes := range []int{0, 1, 3, 7, 15} {
			assert.Equal(t, time.Duration(minutes)*time.Minute, b.at[i].Sub(start))
			assert.Equal(t, b.raw[0], b.raw[i], "the same bytes again, ids included")
		}
	})
}

// Only attempts that begin within 15 minutes of the first are made.
func TestDeliveryWindow(t *testing.T) {
	for interval, want := range map[time.Duration][]int{ // in minutes
		0:                              {0, 1, 3, 7, 15},
		time.Minute + time.Millisecond: {0, 1, 3, 7, 15},
		time.Minute + time.Second:      {0, 1, 3, 7},
		10 * time.Minute:               {0, 10},
		15 * time.Minute:               {0, 15},
		16 * time.Minute:               {0},
		math.MaxInt64:                  {0},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newInbox(t, suncotest.Config{Behavior: suncotest.Behavior{DeliveryRetryInterval: interval}})
			app, _, _ := b.subscribe(messagesOnly)
			b.answer = status(503)
			start := time.Now()
			require.NoError(t, b.p.Emit(app, message(1)))
			pass(time.Duration(want[len(want)-1])*time.Minute + 10*time.Second)
			d := b.p.Deliveries()[0]
			assert.Equal(t, suncotest.Dropped, d.Outcome, "after the last attempt, %v", interval)
			assert.True(t, d.Next.IsZero())
			pass(24 * time.Hour)
			var got []int
			for _, at := range b.at {
				got = append(got, int(at.Sub(start)/time.Minute))
			}
			assert.Equal(t, want, got, interval)
		})
	}
}

// A delivery that waits for its turn is given up too, unless nobody tried it yet.
func TestDeliveryWindowInALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInbox(t, suncotest.Config{Behavior: suncotest.Behavior{DeliverySerial: true}})
		app, _, _ := b.subscribe(messagesOnly)
		b.answer = func(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() }
		const deliveries = 60 // of 20 seconds each, so that the last begins 19m40s after the first
		for n := range deliveries {
			require.NoError(t, b.p.Emit(app, message(n)))
		}
		pass(24 * time.Hour)
		dropped := 0
		for _, d := range b.p.Deliveries() {
			require.NotEmpty(t, d.Attempts)
			first, last := d.Attempts[0].Start, d.Attempts[len(d.Attempts)-1].Start
			assert.LessOrEqual(t, last.Sub(first), 15*time.Minute+time.Second)
			if d.Outcome == suncotest.Dropped {
				dropped++
			}
		}
		assert.Equal(t, deliveries, dropped)
		assert.Len(t, b.p.Deliveries()[0].Attempts, 1, "its second turn would have come after 20 minutes")
	})
}

func TestDeliverySucceedsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInbox(t, suncotest.Config{Behavior: suncotest.Behavior{DeliveryRetryInterval: time.Second}})
		app, _, _ := b.subscribe(messagesOnly)
		b.answer = func(w http.ResponseWriter, _ *http.Request, nth int) {
			if nth < 4 {
				w.WriteHeader(500)
			}
		}
		start := time.Now()
		require.NoError(t, b.p.Emit(app, message(1)))
		pass(time.Hour)
		d := b.p.Deliveries()[0]
		assert.Equal(t, suncotest.Delivered, d.Outcome)
		require.Len(t, d.Attempts, 4)
		assert.Equal(t, 7*time.Second, d.Attempts[3].Start.Sub(start))
	})
}

// Twenty seconds without an answer, a broken connection and a refused one are all
// failures.
func TestDeliveryWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInbox(t, suncotest.Config{})
		app, _, _ := b.subscribe(messagesOnly)
		b.answer = func(_ http.ResponseWriter, r *http.Request, nth int) {
			switch nth {
			case 1:
				<-r.Context().Done()
			case 2:
				panic(http.ErrAbortHandler)
			case 3:
				time.Sleep(19 * time.Second)
			}
		}
		start := time.Now()
		require.NoError(t, b.p.Emit(app, message(1)))
		pass(10 * time.Second)
		assert.Equal(t, []suncotest.Attempt{{Start: start}}, b.p.Deliveries()[0].Attempts, "under way")
		pass(time.Hour)
		d := b.p.Deliveries()[0]
		assert.Equal(t, suncotest.Delivered, d.Outcome)
		calls := b.p.Calls()
		calls = calls[len(calls)-3:]
		assert.Equal(t, []suncotest.Attempt{
			{CallID: calls[0].ID, Status: 0, Start: start, Took: 20 * time.Second},
			{CallID: calls[1].ID, Status: 0, Start: start.Add(time.Minute)},
			{CallID: calls[2].ID, Status: 200, Start: start.Add(3 * time.Minute), Took: 19 * time.Second},
		}, d.Attempts)

		b.p.Mount("partner.example", nil)
		b.p.Inject(suncotest.Fault{Host: "partner.example", Dial: syscall.ECONNREFUSED, Times: -1})
		require.NoError(t, b.p.Emit(app, message(2)))
		pass(time.Hour)
		d = b.p.Deliveries()[1]
		assert.Equal(t, suncotest.Dropped, d.Outcome)
		assert.Len(t, d.Attempts, 5)
	})
}

// Retries go where the webhook points by then, and end with it.
func TestDeliveryFollowsItsWebhook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInbox(t, suncotest.Config{})
		app, hook, _ := b.subscribe(messagesOnly)
		token := b.install("acme")
		at := b.hooksURL(acmeURL, "acme") + "/" + hook
		b.answer = status(500)
		require.NoError(t, b.p.Emit(app, message(1)))
		synctest.Wait()
		require.Equal(t, 200, b.api(token, http.MethodPatch, at, `{"target":"https://partner.example/other"}`).Status)
		pass(2 * time.Minute)
		d := b.p.Deliveries()[0]
		assert.Equal(t, "https://partner.example/other", d.Target)
		assert.Len(t, d.Attempts, 2)
		require.Equal(t, 200, b.api(token, http.MethodDelete, at, "").Status)
		synctest.Wait()
		assert.Equal(t, suncotest.Dropped, b.p.Deliveries()[0].Outcome, "at once")
		pass(time.Hour)
		assert.Len(t, b.got, 2)
	})
}

func TestDeliveryEndsWithTheIntegration(t *testing.T) {
	end := map[string]func(b *inbox, app, token string){
		"uninstall": func(b *inbox, app, _ string) { require.NoError(b, b.p.Uninstall(app)) },
		"revoke": func(b *inbox, _, token string) {
			require.Equal(b, 200, b.api(token, http.MethodDelete, acmeURL+"/oauth/authorization", "").Status)
		},
		"again": func(b *inbox, _, _ string) { b.install("acme") },
		"close": func(b *inbox, _, _ string) { b.p.Close() },
	}
	for name, end := range end {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newInbox(t, suncotest.Config{Behavior: suncotest.Behavior{WebhooksDie: true, DeliverySerial: true}})
				token := b.install("acme")
				require.Equal(t, 201, b.api(token, http.MethodPost, b.hooksURL(acmeURL, "acme"), goodHook).Status)
				b.answer = func(w http.ResponseWriter, r *http.Request, nth int) {
					if nth == 2 {
						<-r.Context().Done() // the second is under way when the end comes
					}
					w.WriteHeader(500)
				}
				for n := range 3 { // one waits to be tried again, one hangs, one has not begun
					require.NoError(t, b.p.Emit(b.appID("acme"), message(n)))
					synctest.Wait()
				}
				end(b, b.appID("acme"), token)
				pass(time.Hour)
				for _, d := range b.p.Deliveries() {
					assert.Equal(t, suncotest.Dropped, d.Outcome)
					assert.True(t, d.Next.IsZero())
				}
				assert.Len(t, b.got, 2)
			})
		})
	}
}

func TestDeliverySwitches(t *testing.T) {
	// run emits twice two messages, and returns the first words of the ids.
	run := func(t *testing.T, b suncotest.Behavior) (in *inbox, got []string) {
		in = newInbox(t, suncotest.Config{Behavior: b})
		app, _, secret := in.subscribe(messagesOnly)
		in.answer = func(http.ResponseWriter, *http.Request, int) { time.Sleep(10 * time.Millisecond) }
		for _, id := range []string{"a", "c"} {
			one, two := message(1), message(2)
			one.ID, two.ID = id, string(id[0]+1)
			require.NoError(t, in.p.Emit(app, one, two))
			synctest.Wait()
		}
		pass(time.Minute)
		for i, d := range in.got {
			var ids strings.Builder
			for _, e := range d.Events {
				ids.WriteString(e.ID)
			}
			got = append(got, ids.String())
			assert.Equal(t, !b.DeliveryWrongKey, in.keys[i] == secret)
		}
		return in, got
	}
	synctest.Test(t, func(t *testing.T) {
		in, got := run(t, suncotest.Behavior{})
		assert.Equal(t, []string{"ab", "cd"}, got)
		assert.Equal(t, 2, in.most)
	})
	synctest.Test(t, func(t *testing.T) {
		in, got := run(t, suncotest.Behavior{DeliveryCopies: 1, DeliverySerial: true})
		assert.Equal(t, []string{"ab", "ab", "cd", "cd"}, got)
		assert.Equal(t, 1, in.most)
	})
	synctest.Test(t, func(t *testing.T) {
		_, got := run(t, suncotest.Behavior{DeliveryDoubled: true})
		assert.Equal(t, []string{"aabb", "ccdd"}, got)
	})
	synctest.Test(t, func(t *testing.T) {
		_, got := run(t, suncotest.Behavior{DeliveryReordered: true})
		assert.Equal(t, []string{"dc", "ba"}, got)
	})
	synctest.Test(t, func(t *testing.T) {
		_, got := run(t, suncotest.Behavior{DeliveryWrongKey: true})
		assert.Len(t, got, 2)
	})
}
