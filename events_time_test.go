package sunco_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

func TestEventLookupHangs(t *testing.T) {
	for name, obeys := range map[string]bool{"obeys its context": true, "ignores its context": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, events := eventHandler(nil)
				release := make(chan struct{})
				h.Lookup = func(ctx context.Context, _ *http.Request, _ [32]byte) (*sunco.Installation, error) {
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
				close(release)
				require.NoError(t, h.Close(t.Context()))
				assert.Empty(t, events.handed())
			})
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
	assert.Equal(t, []string{"e1", "e1"}, events.handed())
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

func TestEventSharedMemory(t *testing.T) {
	h, events := eventHandler(nil)
	state := map[string]string{}
	var broken error
	h.Claim = func(_ context.Context, e *sunco.Event) (bool, func(context.Context, bool) error, error) {
		key := e.AppID + "/" + e.WebhookID + "/" + e.ID
		switch state[key] {
		case "done":
			return true, nil, nil
		case "busy":
			return false, nil, errors.New("busy elsewhere")
		}
		state[key] = "busy"
		return false, func(ctx context.Context, handled bool) error {
			assert.NoError(t, ctx.Err())
			if delete(state, key); handled {
				state[key] = "done"
			}
			return broken
		}, nil
	}
	key := testAppID + "/" + testHook + "/e1"
	state[key] = "busy"
	assert.Equal(t, 503, deliver(h, deliveryBody(event("e1"))))
	delete(state, key)
	assert.Equal(t, 200, deliver(h, deliveryBody(event("e1"))))
	assert.Equal(t, "done", state[key])
	assert.Equal(t, 200, deliver(h, deliveryBody(event("e1"))))
	assert.Equal(t, []string{"e1"}, events.handed())

	on := h.OnEvent
	h.OnEvent = func(context.Context, *sunco.Installation, *sunco.Event) error { return errors.New("down") }
	assert.Equal(t, 503, deliver(h, deliveryBody(event("e2"))))
	assert.NotContains(t, state, testAppID+"/"+testHook+"/e2")
	h.OnEvent = on
	broken = errors.New("store down")
	assert.Equal(t, 503, deliver(h, deliveryBody(event("e2"))), "the store did not remember it")
	h.Claim = func(context.Context, *sunco.Event) (bool, func(context.Context, bool) error, error) { panic("down") }
	assert.Equal(t, 503, deliver(h, deliveryBody(event("e3"))))
	h.Claim = func(context.Context, *sunco.Event) (bool, func(context.Context, bool) error, error) {
		return false, func(context.Context, bool) error { panic("down") }, nil
	}
	assert.Equal(t, 503, deliver(h, deliveryBody(event("e4"))))
	h.Claim = func(context.Context, *sunco.Event) (bool, func(context.Context, bool) error, error) {
		return false, nil, nil
	}
	assert.Equal(t, 200, deliver(h, deliveryBody(event("e5"))))
	assert.Equal(t, []string{"e1", "e2", "e4", "e5"}, events.handed(), "nothing to record does not mean seen")
	require.NoError(t, h.Close(t.Context()))
}

// The end of a claim has a context that lives, also where the time of the
// event is over.
func TestEventLateEndOfClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := eventHandler(func(ctx context.Context, _ *sunco.Event) error { <-ctx.Done(); return nil })
		ended := make(chan bool, 1)
		h.Claim = func(context.Context, *sunco.Event) (bool, func(context.Context, bool) error, error) {
			return false, func(ctx context.Context, handled bool) error {
				assert.NoError(t, ctx.Err())
				ended <- handled
				<-ctx.Done() // but not for ever
				return ctx.Err()
			}, nil
		}
		assert.Equal(t, 503, deliver(h, deliveryBody(event("e1"))))
		assert.True(t, <-ended, "it was handled, late")
		require.NoError(t, h.Close(t.Context()))
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
	t.Cleanup(func() { _ = client.Close(); _ = server.Close() })
	return client
}

func writeRequest(t *testing.T, conn net.Conn, key, body string, length int) {
	_, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: bot.example\r\nContent-Type: application/json\r\nX-API-Key: %s\r\nContent-Length: %d\r\n\r\n%s", key, length, body)
	require.NoError(t, err)
}

// A client that stops in the middle of the body, with the right key and with
// a wrong one, is gone after 10 s, though the server has no timeouts.
func TestEventSlowBodyIsFreed(t *testing.T) {
	for key, status := range map[string]int{hookSecret: 503, "wrong": 401} {
		synctest.Test(t, func(t *testing.T) {
			h, _ := eventHandler(nil)
			conn := serveEvents(t, h)
			start := time.Now()
			writeRequest(t, conn, key, `{"app":`, 1000)
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			assert.Equal(t, status, response.StatusCode)
			_, err = io.Copy(io.Discard, conn)
			require.NoError(t, err, "closed by the server")
			assert.LessOrEqual(t, time.Since(start), 11*time.Second)
			require.NoError(t, h.Close(t.Context()))
		})
	}
}

// A Lookup that takes its time leaves the body less: the answer comes after 15 s.
func TestEventSlowLookupAndBody(t *testing.T) {
	for _, lookup := range []time.Duration{6 * time.Second, 12 * time.Second, 14 * time.Second} {
		inBubble(t, lookup.String(), func(t *testing.T) {
			h, _ := eventHandler(nil)
			find := h.Lookup
			h.Lookup = func(ctx context.Context, r *http.Request, key [32]byte) (*sunco.Installation, error) {
				time.Sleep(lookup)
				return find(ctx, r, key)
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
	synctest.Test(t, func(t *testing.T) {
		h, _ := eventHandler(func(ctx context.Context, _ *sunco.Event) error {
			select {
			case <-time.After(14 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		conn := serveEvents(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			assert.NoError(t, err)
			r.Body = io.NopCloser(bytes.NewReader(body))
			h.ServeHTTP(w, r)
		}))
		body := deliveryBody(event("e1"))
		writeRequest(t, conn, hookSecret, body, len(body))
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		assert.Equal(t, 200, response.StatusCode)
		require.NoError(t, h.Close(t.Context()))
	})
}

// The read deadline is for the body alone: a function may take longer, and the
// connection can be used again.
func TestEventDeadlineIsTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, events := eventHandler(func(ctx context.Context, _ *sunco.Event) error {
			time.Sleep(14 * time.Second)
			return ctx.Err()
		})
		conn := serveEvents(t, h)
		reader := bufio.NewReader(conn)
		for _, id := range []string{"e1", "e2"} {
			body := deliveryBody(event(id))
			writeRequest(t, conn, hookSecret, body, len(body))
			response, err := http.ReadResponse(reader, nil)
			require.NoError(t, err)
			assert.Equal(t, 200, response.StatusCode)
			time.Sleep(time.Minute)
		}
		assert.Equal(t, []string{"e1", "e2"}, events.handed())
		require.NoError(t, h.Close(t.Context()))
	})
}
