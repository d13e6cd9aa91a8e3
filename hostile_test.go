package sunco_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
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

// holding is a middleware's writer that keeps the status back until something is
// written or the handler is over, as writers that compress do. It has Unwrap.
type holding struct {
	http.ResponseWriter
	status int
}

func (h *holding) Unwrap() http.ResponseWriter { return h.ResponseWriter }
func (h *holding) Flush()                      {} // nothing is written so far
func (h *holding) WriteHeader(status int)      { h.status = status }

// An answer that a middleware keeps back is not lost, and nothing else is answered.
func TestLateAnswerBehindAHoldingWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events, _ := eventHandler(func(context.Context, *sunco.Event) error {
			time.Sleep(40 * time.Second)
			return errors.New("down")
		})
		conn := serveEvents(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			held := &holding{ResponseWriter: w}
			events.ServeHTTP(held, r)
			w.WriteHeader(held.status)
		}))
		start, body := time.Now(), deliveryBody(event("e1"))
		writeRequest(t, conn, hookSecret, body, len(body))
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		assert.Equal(t, 503, response.StatusCode)
		assert.Equal(t, 15*time.Second, time.Since(start))
		require.NoError(t, events.Close(t.Context()))
	})
}

// A body that nobody asked for and that stalls keeps no answer back.
func TestBodyThatNobodyAskedFor(t *testing.T) {
	plain := func(h http.Handler) http.Handler { return h }
	events := func(*testing.T) http.Handler { h, _ := eventHandler(nil); return h }
	partner := newPartner(t)
	installer := func(*testing.T) http.Handler { return &sunco.Installer{Client: partner.Client, Save: partner.Save} }
	removal := func(t *testing.T) http.Handler { return newRemovals(t).RemovalHandler }
	for name, tc := range map[string]struct {
		handler    func(*testing.T) http.Handler
		middleware func(http.Handler) http.Handler
	}{
		"events": {events, plain}, "events behind a hiding writer": {events, hiding},
		"installer": {installer, plain}, "installer behind a hiding writer": {installer, hiding},
		"removal": {removal, plain}, "removal behind a hiding writer": {removal, hiding},
	} {
		for _, method := range []string{"HEAD", "GET", "PUT"} {
			inBubble(t, name+" "+method, func(t *testing.T) {
				conn := serveEvents(t, tc.middleware(tc.handler(t)))
				require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Hour)))
				_, err := fmt.Fprintf(conn, "%s / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx", method)
				require.NoError(t, err)
				start := time.Now()
				_, err = http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				assert.LessOrEqual(t, time.Since(start), 15*time.Second)
			})
		}
	}
}

// A function that ends its goroutine gets 503 from a real server too.
func TestFunctionEndsTheServersGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events, _ := eventHandler(func(context.Context, *sunco.Event) error { runtime.Goexit(); return nil })
		conn, body := serveEvents(t, events), deliveryBody(event("e1"))
		writeRequest(t, conn, hookSecret, body, len(body))
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		assert.Equal(t, 503, response.StatusCode)
	})
}

// brokenLog is a Logger's handler that panics.
type brokenLog struct{ slog.Handler }

func (brokenLog) Handle(context.Context, slog.Record) error { panic("no log") }

// A Logger that panics costs its line. In a timer's goroutine it would end the
// process.
func TestLoggerPanics(t *testing.T) {
	broken := slog.New(brokenLog{slog.NewTextHandler(io.Discard, nil)})
	synctest.Test(t, func(t *testing.T) {
		events, _ := eventHandler(func(context.Context, *sunco.Event) error { time.Sleep(time.Minute); return nil })
		events.Logger = broken
		conn, body := serveEvents(t, events), deliveryBody(event("e1"))
		writeRequest(t, conn, hookSecret, body, len(body))
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		assert.Equal(t, 503, response.StatusCode)
		require.NoError(t, events.Close(t.Context()))

		r := newRemovals(t, deadToken)
		r.Logger = broken
		r.hook = func(*sunco.Installation) error { return errors.New("down") }
		assert.Equal(t, 200, r.call(removalBody).StatusCode)
		wait(time.Hour)
	})
}

// nilError is an error whose methods panic.
type nilError struct{ err error }

func (e *nilError) Error() string { return e.err.Error() }
func (e *nilError) Unwrap() error { return e.err }

type panickingWire struct{}

func (panickingWire) RoundTrip(*http.Request) (*http.Response, error) { panic("no network") }

// Whatever breaks in a look at a removed app, the process lives, and the next look
// follows.
func TestRemovalLookBreaks(t *testing.T) {
	for name, breaks := range map[string]func(r *removals){
		"error that panics": func(r *removals) { r.hook = func(*sunco.Installation) error { return (*nilError)(nil) } },
		"RoundTripper":      func(r *removals) { r.Client = newClient(panickingWire{}) },
	} {
		inBubble(t, name, func(t *testing.T) {
			r := newRemovals(t, deadToken)
			breaks(r)
			assert.Equal(t, 200, r.call(removalBody).StatusCode)
			wait(time.Hour)
			assert.Equal(t, 200, r.call(removalBody).StatusCode)
		})
	}
	inBubble(t, "OnRemoved ends its goroutine", func(t *testing.T) {
		r := newRemovals(t, deadToken)
		const apps = 9 // one more than are looked at at the same time
		for n := range apps {
			in := acme()
			in.AppID = fmt.Sprint("app", n)
			r.stored[in.AppID] = in
		}
		r.hook = func(in *sunco.Installation) error {
			if in.AppID != "app8" {
				runtime.Goexit()
			}
			return nil
		}
		for n := range apps {
			body := fmt.Sprintf(`{"appId":"app%d","integrationId":"x"}`, n)
			require.Equal(t, 200, r.call(body).StatusCode)
			synctest.Wait()
		}
		wait(time.Hour)
		assert.NotContains(t, r.stored, "app8", "the others took no place with them")
		before := r.count()
		r.call(`{"appId":"app0","integrationId":"x"}`)
		wait(time.Hour)
		assert.Greater(t, r.count(), before, "and are looked at again")
	})
}

// A row beside an error is no installation, and its token stays out of the log.
func TestLookupErrorNamesTheToken(t *testing.T) {
	var log syncBuffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	bad := errors.New("cannot use row " + testToken)
	events, _ := eventHandler(nil)
	events.Logger = logger
	events.Lookup = func(context.Context, [32]byte) (*sunco.Installation, error) { return receiving(), bad }
	assert.Equal(t, 503, deliver(events, deliveryBody(event("e1"))))
	r := newRemovals(t, alive)
	r.Logger = logger
	r.Lookup = func(context.Context, string) (*sunco.Installation, error) { return receiving(), bad }
	assert.Equal(t, 503, r.call(removalBody).StatusCode)
	assert.Contains(t, log.String(), "withheld")
	assertNoSecret(t, "log", log.String(), testToken)
}

// A delivery cannot be made of so many events that they take all memory.
func TestDeliveryOfTooManyEvents(t *testing.T) {
	for n, want := range map[int]int{1 << 14: 200, 1<<14 + 1: 400} {
		events, log := eventHandler(nil)
		body := deliveryBody(strings.Repeat("1,", n-1) + "1")
		assert.Equal(t, want, deliver(events, body))
		assert.Equal(t, want == 200, len(log.handed()) == n)
	}
}
