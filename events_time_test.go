package sunco_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

func TestEventLookupHangs(t *testing.T) {
	for name, obeys := range map[string]bool{"obeys its context": true, "ignores its context": false} {
		inBubble(t, name, func(t *testing.T) {
			h, events := eventHandler(nil)
			var log syncBuffer
			h.Logger = slog.New(slog.NewTextHandler(&log, nil))
			release := make(chan struct{})
			h.Lookup = func(ctx context.Context, _ [32]byte) (*sunco.Installation, error) {
				if obeys {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				<-release
				return receiving(), nil
			}
			start := time.Now()
			assert.Equal(t, 503, deliver(h, "", withBody(untouched{t})))
			assert.Equal(t, 15*time.Second, time.Since(start))
			assert.Contains(t, log.String(), `level=WARN msg="sunco: delivery not acknowledged" error="it took too long`)
			close(release)
			require.NoError(t, h.Close(t.Context()))
			assert.Empty(t, events.handed())
		})
	}
}

// One of three events goes wrong in every way; the redelivery hands over only
// that one.
func TestEventOneOfSeveralFails(t *testing.T) {
	for name, fail := range map[string]func(ctx context.Context) error{
		"error":     func(context.Context) error { return errors.New("down") },
		"panic":     func(context.Context) error { panic("down") },
		"nil panic": func(context.Context) error { panic(nil) },
		"abort":     func(context.Context) error { panic(http.ErrAbortHandler) },
		"canceled":  func(context.Context) error { return context.Canceled },
	} {
		t.Run(name, func(t *testing.T) {
			failing := true
			h, events := eventHandler(func(ctx context.Context, e *sunco.Event) error {
				if e.ID == "e2" && failing {
					return fail(ctx)
				}
				return nil
			})
			body := deliveryBody(event("e1"), event("e2"), event("e3"))
			assert.Equal(t, 503, deliver(h, body))
			assert.Equal(t, 503, deliver(h, body))
			failing = false
			assert.Equal(t, 200, deliver(h, body))
			assert.Equal(t, 200, deliver(h, body))
			assert.Equal(t, []string{"e1", "e2", "e3", "e2", "e2"}, events.handed())
		})
	}
}

// A function that ends its goroutine, as t.FailNow does, has not handled the event.
func TestEventFunctionEndsItsGoroutine(t *testing.T) {
	h, events := eventHandler(nil)
	h.OnEvent = func(_ context.Context, _ *sunco.Installation, e *sunco.Event) error {
		if events.add(e); len(events.handed()) == 1 {
			runtime.Goexit()
		}
		return nil
	}
	assert.Equal(t, 503, deliver(h, deliveryBody(event("e1"))))
	assert.Equal(t, 200, deliver(h, deliveryBody(event("e1"))))
	require.NoError(t, h.Close(t.Context()))
}

// A function that ignores its context: 503 at 15 s, 503 for redeliveries while
// it runs, 200 once it has succeeded, and it ran once. The other event of the
// delivery is not lost either.
func TestEventFunctionHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, cancelled := make(chan struct{}), make(chan struct{})
		h, events := eventHandler(func(ctx context.Context, e *sunco.Event) error {
			if e.ID != "e1" {
				return nil
			}
			context.AfterFunc(ctx, func() { close(cancelled) })
			<-release
			return nil
		})
		body := deliveryBody(event("e1"), event("e2"))
		start := time.Now()
		assert.Equal(t, 503, deliver(h, body))
		assert.Equal(t, 15*time.Second, time.Since(start))
		<-cancelled
		assert.Equal(t, []string{"e1"}, events.handed())
		assert.Equal(t, 503, deliver(h, body), "in flight")
		assert.Equal(t, 15*time.Second, time.Since(start), "answered at once")
		assert.Equal(t, []string{"e1", "e2"}, events.handed())
		close(release)
		synctest.Wait()
		assert.Equal(t, 200, deliver(h, body))
		assert.Equal(t, []string{"e1", "e2"}, events.handed())
		require.NoError(t, h.Close(t.Context()))
	})
}

func TestEventCallerHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := eventHandler(func(ctx context.Context, _ *sunco.Event) error { <-ctx.Done(); return ctx.Err() })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		body := deliveryBody(event("e1"))
		assert.Equal(t, 503, deliver(h, body, func(r *http.Request) { *r = *r.WithContext(ctx) }))
		require.NoError(t, h.Close(t.Context()))
	})
}

// Once the answer is given, no other event of the delivery is begun.
func TestEventNothingBeginsAfterTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, events := eventHandler(func(ctx context.Context, _ *sunco.Event) error { <-ctx.Done(); return nil })
		body := deliveryBody(event("e1"), event("e2"))
		assert.Equal(t, 503, deliver(h, body))
		synctest.Wait()
		assert.Equal(t, []string{"e1"}, events.handed())
		assert.Equal(t, 503, deliver(h, body))
		synctest.Wait()
		assert.Equal(t, []string{"e1", "e2"}, events.handed())
		assert.Equal(t, 200, deliver(h, body), "late successes count")
		require.NoError(t, h.Close(t.Context()))
	})
}

// Nor where the function that outlived the answer ignores its context.
func TestEventNothingBeginsAfterALateAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, events := eventHandler(func(ctx context.Context, _ *sunco.Event) error {
			time.Sleep(16 * time.Second)
			assert.Equal(t, context.DeadlineExceeded, ctx.Err())
			return nil
		})
		var log syncBuffer
		h.Logger = slog.New(slog.NewTextHandler(&log, nil))
		body := deliveryBody(event("e1"), event("e2"))
		conn := serveEvents(t, h)
		writeRequest(t, conn, hookSecret, body, len(body))
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		assert.Equal(t, 503, response.StatusCode)
		require.NoError(t, conn.Close())
		require.NoError(t, h.Close(t.Context()))
		assert.Equal(t, []string{"e1"}, events.handed())
		assert.Contains(t, log.String(), `level=WARN msg="sunco: delivery not acknowledged" error="it took too long`)
	})
}

// The answer comes before the context that a middleware gave the request ends.
func TestEventAnswersBeforeTheRequestEnds(t *testing.T) {
	for within, answered := range map[time.Duration]time.Duration{
		10 * time.Second: 9900 * time.Millisecond, 15 * time.Second: 14900 * time.Millisecond,
		16 * time.Second: 15 * time.Second, 50 * time.Millisecond: 0,
	} {
		inBubble(t, within.String(), func(t *testing.T) {
			h, _ := eventHandler(nil)
			h.OnEvent = func(context.Context, *sunco.Installation, *sunco.Event) error { time.Sleep(time.Minute); return nil }
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			start := time.Now()
			body := deliveryBody(event("e1"))
			assert.Equal(t, 503, deliver(h, body, func(r *http.Request) { *r = *r.WithContext(ctx) }))
			assert.Equal(t, answered, time.Since(start))
			assert.NoError(t, ctx.Err())
			require.NoError(t, h.Close(t.Context()))
		})
	}
}

// Close waits for functions that outlived their answers.
// Over HTTP/1 and over HTTP/2, with and without a controller: the answer comes in
// time beside a function that goes on, it is complete, and the result counts.
func TestEventFunctionGoesOn(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		inBubble(t, fmt.Sprint("hidden ", hidden), func(t *testing.T) {
			runs := 0
			events, _ := eventHandler(func(context.Context, *sunco.Event) error {
				runs++
				time.Sleep(40 * time.Second) // and ignores its context
				return nil
			})
			h := http.Handler(events)
			if hidden {
				h = hiding(h)
			}
			body := deliveryBody(event("e1"))
			for _, want := range []struct {
				status int
				after  time.Duration
			}{{503, 15 * time.Second}, {200, 0}} {
				conn := serveEvents(t, h)
				start := time.Now()
				writeRequest(t, conn, hookSecret, body, len(body))
				response, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				rest, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				assert.Empty(t, rest)
				assert.Equal(t, want.status, response.StatusCode)
				assert.Equal(t, want.after, time.Since(start), "complete in time")
				assert.Equal(t, want.status == 503 && !hidden, response.Close, "the next request must not wait")
				time.Sleep(30 * time.Second)
			}
			assert.Equal(t, 1, runs)
			require.NoError(t, events.Close(t.Context()))
		})
	}
}

func TestEventClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var finished atomic.Bool
		h, events := eventHandler(func(context.Context, *sunco.Event) error {
			time.Sleep(time.Minute)
			finished.Store(true)
			return nil
		})
		assert.Equal(t, 503, deliver(h, deliveryBody(event("e1"))))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, h.Close(ctx), context.DeadlineExceeded)
		assert.False(t, finished.Load())
		require.NoError(t, h.Close(t.Context()))
		assert.True(t, finished.Load())
		assert.Equal(t, 503, deliver(h, deliveryBody(event("e2"))), "closed")
		assert.Equal(t, 200, deliver(h, "", withMethod(http.MethodHead)))
		assert.Equal(t, []string{"e1"}, events.handed())
		require.NoError(t, h.Close(t.Context()), "again")
		var none context.Context
		requireInput(t, "context", h.Close(none))
	})
}

// pipeListener is a network of pipes, which have deadlines on virtual time.
type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// serve runs a real server without any timeout of its own, and returns a
// connection to it.
func serveEvents(t *testing.T, h http.Handler) net.Conn {
	listener := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: h}
	go func() { _ = server.Serve(listener) }()
	client, conn := net.Pipe()
	listener.conns <- conn
	t.Cleanup(func() {
		_ = client.Close()
		_ = server.Close()
		time.Sleep(time.Second) // half of it is what the server takes to close a connection
	})
	return client
}

func writeRequest(t *testing.T, conn net.Conn, key, body string, length int) {
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(30*time.Second)), "an answer that does not come is a failure")
	_, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: bot.example\r\nContent-Type: application/json\r\n"+
		"X-API-Key: %s\r\nContent-Length: %d\r\n\r\n%s", key, length, body)
	require.NoError(t, err)
}

// hiding is a middleware whose ResponseWriter hides the server's controller.
func hiding(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
	})
}

// unwrapping is a middleware whose ResponseWriter leads to the server's controller.
func unwrapping(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(unwrapped{w}, r) })
}

type unwrapped struct{ http.ResponseWriter }

func (u unwrapped) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// A client that stops in the middle of the body gets its answer in time, though
// the server has no timeouts. Its connection is freed where the controller works.
func TestEventBodyStalls(t *testing.T) {
	// The context that a middleware gave the request ends soon, and the answer comes before that.
	for key, status := range map[string]int{hookSecret: 503, "wrong": 401} {
		for name, hide := range map[string]bool{"controller": false, "hiding writer": true} {
			t.Run("over a socket "+name+" "+key[:3], func(t *testing.T) {
				events, _ := eventHandler(nil)
				const patience = 400 * time.Millisecond
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					ctx, cancel := context.WithTimeout(r.Context(), patience)
					defer cancel()
					h := http.Handler(events)
					if hide {
						h = hiding(h)
					}
					h.ServeHTTP(w, r.WithContext(ctx))
					assert.NotErrorIs(t, ctx.Err(), context.DeadlineExceeded)
				}))
				conn, err := net.Dial("tcp", server.Listener.Addr().String())
				require.NoError(t, err)
				writeRequest(t, conn, key, `{"app":`, 1000)
				require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
				response, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				assert.Equal(t, status, response.StatusCode)
				require.NoError(t, conn.Close())
				server.Close()
				require.NoError(t, events.Close(t.Context()))
			})
		}
	}
	if t.Failed() {
		return // in a bubble, time stands still when the server waits for the body with its mutex held
	}
	for name, tc := range map[string]struct {
		key    string
		status int
		behind func(http.Handler) http.Handler
		after  time.Duration
	}{
		"right key":                             {hookSecret, 503, nil, 15 * time.Second},
		"wrong key":                             {"wrong", 401, nil, 0},
		"right key behind an unwrapping writer": {hookSecret, 503, unwrapping, 15 * time.Second},
		"wrong key behind an unwrapping writer": {"wrong", 401, unwrapping, 0},
		"right key behind a hiding writer":      {hookSecret, 503, hiding, 15 * time.Second},
		"wrong key behind a hiding writer":      {"wrong", 401, hiding, 0},
		"no key behind a hiding writer":         {"", 401, hiding, 0},
	} {
		inBubble(t, name, func(t *testing.T) {
			events, _ := eventHandler(nil)
			h := http.Handler(events)
			if tc.behind != nil {
				h = tc.behind(h)
			}
			conn := serveEvents(t, h)
			start := time.Now()
			writeRequest(t, conn, tc.key, `{"app":`, 1000)
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			assert.Equal(t, tc.status, response.StatusCode)
			assert.Equal(t, tc.after, time.Since(start))
			assert.True(t, response.Close)
			if !strings.Contains(name, "hiding") {
				_, err = io.Copy(io.Discard, conn)
				require.NoError(t, err, "closed by the server")
			}
			assert.LessOrEqual(t, time.Since(start), 16*time.Second)
			require.NoError(t, events.Close(t.Context()))
		})
	}
}

// A middleware's body ends before that of the request, whose rest stalls.
func TestEventBodyEndsEarly(t *testing.T) {
	body := deliveryBody(event("e1"))
	limited := func(r *http.Request, length int) { r.Body = io.NopCloser(io.LimitReader(r.Body, int64(length))) }
	for name, tc := range map[string]struct {
		status int
		edit   func(r *http.Request)
	}{
		"in the middle":      {503, func(r *http.Request) { limited(r, 64) }},
		"whole":              {200, func(r *http.Request) { limited(r, len(body)) }},
		"whole, with length": {200, func(r *http.Request) { limited(r, len(body)); r.ContentLength = int64(len(body)) }},
		"no body":            {503, func(r *http.Request) { r.Body = nil }},
		"an empty body":      {503, func(r *http.Request) { r.Body = http.NoBody }},
		"announced empty":    {503, func(r *http.Request) { r.Body, r.ContentLength = http.NoBody, 0 }},
	} {
		inBubble(t, name, func(t *testing.T) {
			events, _ := eventHandler(nil)
			conn := serveEvents(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r = r.Clone(r.Context()) // what the server knows of the body stays
				tc.edit(r)
				events.ServeHTTP(w, r)
			}))
			start := time.Now()
			writeRequest(t, conn, hookSecret, body, len(body)+100)
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			assert.Equal(t, tc.status, response.StatusCode)
			assert.Less(t, time.Since(start), 16*time.Second)
			require.NoError(t, events.Close(t.Context()))
		})
	}
}

// lateBody is a middleware's body that takes its time, once all of it has arrived.
type lateBody struct{ io.Reader }

func late(next http.Handler, read func(io.Reader) io.Reader) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(lateBody{read(bytes.NewReader(body))})
		next.ServeHTTP(w, r)
	})
}

func (l lateBody) Read(p []byte) (int, error) {
	time.Sleep(15*time.Second + time.Millisecond)
	return l.Reader.Read(p)
}

// A Read that ends after the time is over leaves no connection to the next request,
// and begins nothing.
func TestBodiesThatEndLate(t *testing.T) {
	for name, read := range map[string]func(io.Reader) io.Reader{
		"at once": iotest.DataErrReader, "before its end": iotest.HalfReader,
	} {
		inBubble(t, "delivery "+name, func(t *testing.T) {
			events, seen := eventHandler(nil)
			conn := serveEvents(t, late(events, read))
			body := deliveryBody(event("e1"))
			writeRequest(t, conn, hookSecret, body, len(body))
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			assert.Equal(t, 503, response.StatusCode)
			assert.True(t, response.Close)
			assert.Empty(t, seen.handed())
			require.NoError(t, events.Close(t.Context()))
		})
		inBubble(t, "removal "+name, func(t *testing.T) {
			removals := newRemovals(t, alive)
			conn := serveEvents(t, late(removals, read))
			writeRequest(t, conn, "", removalBody, len(removalBody))
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			assert.Equal(t, 503, response.StatusCode)
			assert.Zero(t, removals.lookups)
		})
	}
}

// undated is a middleware's ResponseWriter with a method that does not work.
type undated struct{ http.ResponseWriter }

func (undated) SetReadDeadline(time.Time) error { return http.ErrNotSupported }

func TestEventFunctionHangsBehindAWriterWithoutDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events, _ := eventHandler(func(context.Context, *sunco.Event) error { time.Sleep(19 * time.Second); return nil })
		start := time.Now()
		assert.Equal(t, 503, deliver(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			events.ServeHTTP(undated{w}, r)
		}), deliveryBody(event("e1"))))
		assert.Equal(t, 15*time.Second, time.Since(start))
		require.NoError(t, events.Close(t.Context()))
	})
}

// A limit of a middleware's writes to the answer's header while the body is read. The
// answer that cannot wait does not do so at the same time.
func TestEventBodyStallsBehindALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events, _ := eventHandler(nil)
		conn := serveEvents(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, 10)
			events.ServeHTTP(w, r)
		}))
		writeRequest(t, conn, hookSecret, `{"app":`, 1000)
		go func() {
			time.Sleep(15 * time.Second)
			_, _ = io.WriteString(conn, `{"id":"5e6d"}`)
		}()
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		assert.Equal(t, 503, response.StatusCode)
		require.NoError(t, events.Close(t.Context()))
	})
}

// A Lookup that takes its time leaves the body less: the answer comes after 15 s.
func TestEventSlowLookupAndBody(t *testing.T) {
	for _, lookup := range []time.Duration{6 * time.Second, 12 * time.Second, 14 * time.Second} {
		inBubble(t, lookup.String(), func(t *testing.T) {
			h, _ := eventHandler(nil)
			find := h.Lookup
			h.Lookup = func(ctx context.Context, key [32]byte) (*sunco.Installation, error) {
				time.Sleep(lookup)
				return find(ctx, key)
			}
			conn := serveEvents(t, h)
			start := time.Now()
			writeRequest(t, conn, hookSecret, `{"app":`, 1000)
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			assert.Equal(t, 503, response.StatusCode)
			assert.LessOrEqual(t, time.Since(start), 15*time.Second)
			_, err = io.Copy(io.Discard, conn)
			require.NoError(t, err, "closed by the server")
			require.NoError(t, h.Close(t.Context()))
		})
	}
}

// Where a middleware has read the body, the server already watches the
// connection, with the deadline that the body had.
func TestEventBehindAMiddleware(t *testing.T) {
	for name, wrap := range map[string]func(http.Handler) http.Handler{
		"server's writer": func(h http.Handler) http.Handler { return h },
		"own writer":      unwrapping,
		"hiding writer":   hiding,
	} {
		inBubble(t, name, func(t *testing.T) {
			h, _ := eventHandler(func(ctx context.Context, _ *sunco.Event) error {
				select {
				case <-time.After(14 * time.Second):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
			conn := serveEvents(t, wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				r.Body = io.NopCloser(bytes.NewReader(body))
				h.ServeHTTP(w, r)
			})))
			reader := bufio.NewReader(conn)
			for _, id := range []string{"e1", "e2"} {
				body := deliveryBody(event(id))
				writeRequest(t, conn, hookSecret, body, len(body))
				response, err := http.ReadResponse(reader, nil)
				require.NoError(t, err)
				assert.Equal(t, 200, response.StatusCode)
				time.Sleep(10 * time.Second) // 24 s after the request began
			}
			require.NoError(t, h.Close(t.Context()))
		})
	}
}

// The read deadline is for the body alone: a function may take longer, and the
// connection can be used again.
func TestEventDeadlineIsTakenAway(t *testing.T) {
	for name, wrap := range map[string]func(http.Handler) http.Handler{
		"controller":    func(h http.Handler) http.Handler { return h },
		"hiding writer": hiding,
	} {
		inBubble(t, name, func(t *testing.T) {
			h, events := eventHandler(func(ctx context.Context, _ *sunco.Event) error {
				time.Sleep(14 * time.Second)
				return ctx.Err()
			})
			conn := serveEvents(t, wrap(h))
			reader := bufio.NewReader(conn)
			for _, id := range []string{"e1", "e2"} {
				body := deliveryBody(event(id))
				writeRequest(t, conn, hookSecret, body, len(body))
				response, err := http.ReadResponse(reader, nil)
				require.NoError(t, err)
				assert.Equal(t, 200, response.StatusCode)
				assert.False(t, response.Close)
				time.Sleep(time.Minute)
			}
			assert.Equal(t, []string{"e1", "e2"}, events.handed())
			require.NoError(t, h.Close(t.Context()))
		})
	}
}

// Over HTTP/2 an answer is whole although OnEvent goes on, and one that does not read the
// body leaves the connection to the next delivery.
func TestEventOverHTTP2(t *testing.T) {
	t.Parallel()
	goesOn := make(chan struct{})
	events, _ := eventHandler(func(context.Context, *sunco.Event) error { <-goesOn; return nil })
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 300*time.Millisecond)
		defer cancel()
		events.ServeHTTP(w, r.WithContext(ctx))
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	reused := 0
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if info.Reused {
			reused++
		}
	}}
	ctx, cancel := context.WithTimeout(httptrace.WithClientTrace(t.Context(), trace), 5*time.Second)
	defer cancel()
	for _, tc := range []struct {
		key    string
		status int
	}{{"wrong", 401}, {"wrong", 401}, {hookSecret, 503}} {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, strings.NewReader(deliveryBody(event("e1"))))
		require.NoError(t, err)
		r.Header = http.Header{"Content-Type": {"application/json"}, "X-Api-Key": {tc.key}}
		w, err := server.Client().Do(r)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, w.Body)
		require.NoError(t, err)
		require.NoError(t, w.Body.Close())
		assert.Equal(t, []int{tc.status, 2}, []int{w.StatusCode, w.ProtoMajor})
	}
	assert.Equal(t, 2, reused)
	close(goesOn)
	require.NoError(t, events.Close(t.Context()))
}
