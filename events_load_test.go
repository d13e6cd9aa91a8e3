package sunco_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

// Everything that could print a secret, with everything going wrong and with the
// partner's own errors holding one.
func TestEventSecretsStayInside(t *testing.T) {
	const other = "whs-presented-by-mistake-5b4c3d2e1f0"
	secrets := []string{hookSecret, otherSecret, testToken, other}
	in := receiving()
	in.Webhooks = append(in.Webhooks, sunco.Webhook{ID: otherHook, Secret: sunco.NewSecret(otherSecret)})
	presented := ""
	lookups := map[string]func() (*sunco.Installation, error){
		"known":   func() (*sunco.Installation, error) { return in, nil },
		"unknown": func() (*sunco.Installation, error) { return nil, nil },
		"error":   func() (*sunco.Installation, error) { return nil, fmt.Errorf("presented: %s", presented) },
		"panic":   func() (*sunco.Installation, error) { panic(fmt.Sprintf("presented: %q", presented)) },
	}
	functions := map[string]func() error{"works": func() error { return nil }}
	for i, secret := range secrets[:3] {
		functions[fmt.Sprint("error ", i)] = func() error { return errors.New("the cause: " + secret) }
		functions[fmt.Sprint("panic ", i)] = func() error { panic("the cause: " + secret[:len(secret)/2]) }
	}
	bodies := []string{
		deliveryBody(event(hookSecret)), deliveryBody(event("e1"))[1:], hookSecret,
		`{"app":{"id":"` + otherAppID + `"},"webhook":{"id":"` + testHook + `"},"events":[]}`,
	}
	for lookup, find := range lookups {
		for function, on := range functions {
			t.Run(lookup+" "+function, func(t *testing.T) {
				var log syncBuffer
				h := &sunco.EventHandler{
					Lookup:  func(context.Context, [32]byte) (*sunco.Installation, error) { return find() },
					OnEvent: func(context.Context, *sunco.Installation, *sunco.Event) error { return on() },
					Logger:  slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true})),
				}
				for _, body := range bodies {
					for _, presented = range []string{hookSecret, other} {
						w := httptest.NewRecorder()
						h.ServeHTTP(w, deliveryRequest(body, withHeader("X-API-Key", presented)))
						assertNoSecret(t, "answer", fmt.Sprint(w.Header(), w.Body), secrets...)
						_, err := sunco.ReadDelivery(deliveryRequest(body, withHeader("X-API-Key", presented)), in)
						assertPrintsNoSecret(t, "ReadDelivery", err, secrets...)
					}
				}
				assertNoSecret(t, "log", log.String(), secrets...)
				if lookup == "error" || lookup == "known" && function != "works" {
					assert.Contains(t, log.String(), "withheld")
				}
				require.NoError(t, h.Close(t.Context()))
				for _, verb := range []string{"%v", "%+v", "%#v"} {
					assertNoSecret(t, verb, fmt.Sprintf(verb, h), secrets...)
				}
			})
		}
	}
}

// 20,000 deliveries from 64 callers, every third sent again at the same moment or
// later and every seventh event failing at first: none is lost, and none is
// handled twice.
func TestEventLoad(t *testing.T) {
	total := 20_000
	if testing.Short() || raceDetector {
		total = 5_000
	}
	h, _ := eventHandler(nil)
	in := receiving()
	handled, failed := make([]atomic.Int32, total), make([]atomic.Bool, total)
	h.Lookup = func(context.Context, [32]byte) (*sunco.Installation, error) { return in, nil }
	h.OnEvent = func(_ context.Context, _ *sunco.Installation, e *sunco.Event) error {
		id, err := strconv.Atoi(e.ID)
		if err != nil {
			return err
		}
		if id%7 == 0 && !failed[id].Swap(true) {
			return errors.New("the first time")
		}
		handled[id].Add(1)
		return nil
	}
	before := runtime.NumGoroutine()
	deadline := time.Now().Add(30 * time.Second)
	var next atomic.Int64
	var callers sync.WaitGroup
	for range 64 {
		callers.Go(func() {
			for id := next.Add(1) - 1; id < int64(total); id = next.Add(1) - 1 {
				again := id - id%100 // somebody else's, in flight or done
				for _, id := range []int64{id, again}[:1+btoi(id%3 == 0)] {
					body := deliveryBody(event(fmt.Sprint(id)))
					for deliver(h, body) != http.StatusOK && time.Now().Before(deadline) {
						runtime.Gosched()
					}
				}
			}
		})
	}
	callers.Wait()
	require.NoError(t, h.Close(t.Context()))
	for id := range handled {
		if n := handled[id].Load(); n != 1 {
			t.Fatalf("event %d was handled %d times", id, n)
		}
	}
	for runtime.NumGoroutine() > before { // the last ones are on their way out
		require.True(t, time.Now().Before(deadline), "goroutines are left")
		runtime.Gosched()
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// The memory of events is bounded, and forgets the oldest first.
func TestEventMemoryIsBounded(t *testing.T) {
	h, events := eventHandler(nil)
	in := receiving()
	h.Lookup = func(context.Context, [32]byte) (*sunco.Installation, error) { return in, nil }
	send := func(from, to int) {
		for ; from < to; from += 1000 {
			var list []string
			for id := from; id < min(from+1000, to); id++ {
				list = append(list, fmt.Sprintf(`{"id":"%d"}`, id))
			}
			require.Equal(t, 200, deliver(h, deliveryBody(list...)))
		}
	}
	const remembered = 1 << 16
	send(0, 1)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	send(1, remembered)
	assert.Len(t, events.handed(), remembered)
	send(0, remembered)
	assert.Len(t, events.handed(), remembered, "all are remembered")
	send(remembered, 3*remembered+1)
	assert.Len(t, events.handed(), 3*remembered+1)
	send(2*remembered+1, 3*remembered+1)
	assert.Len(t, events.handed(), 3*remembered+1, "the newest are remembered")
	send(0, 1)
	assert.Len(t, events.handed(), 3*remembered+2, "the oldest is not")
	events.ids = nil
	runtime.GC()
	runtime.ReadMemStats(&after)
	assert.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(8<<20))
	t.Log("memory", (int64(after.HeapAlloc)-int64(before.HeapAlloc))>>10, "KiB")
	require.NoError(t, h.Close(t.Context()))
}
