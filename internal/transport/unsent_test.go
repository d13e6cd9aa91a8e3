package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Real sockets: how often a fault is met, by what it is met, and that nobody
// takes it for something that may have happened. The waits are real, so that the
// calls run at the same time.
func TestUnsentOverSockets(t *testing.T) {
	t.Parallel()
	refused := listen(t, func(net.Conn) {})
	refused.Close()
	var calls sync.WaitGroup
	for _, class := range []Class{Once, Create} {
		var resets atomic.Int32
		reset := listen(t, func(c net.Conn) {
			resets.Add(1)
			_, _ = c.Read(make([]byte, 1)) // the handshake has begun
			_ = c.(*net.TCPConn).SetLinger(0)
		})
		fails := func(addr net.Addr) error {
			call := callTo(class)
			call.URL.Host = addr.String()
			start := time.Now()
			reply, err := newClient(t).Do(t.Context(), call)
			assert.False(t, reply.MaybeApplied, "%s: %v", name(class), err)
			assert.Zero(t, reply.Status)
			assert.Less(t, time.Since(start), 10*time.Second)
			return err
		}
		calls.Go(func() { assert.ErrorIs(t, fails(refused.Addr()), syscall.ECONNREFUSED) })
		calls.Go(func() {
			assert.Error(t, fails(reset.Addr()))
			assert.EqualValues(t, class.attempts(), resets.Load())
		})
	}
	calls.Wait()
}

// Another attempt would meet the same server.
func TestHopelessOverSockets(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	unknown := httptest.NewUnstartedServer(http.NotFoundHandler())
	unknown.Config.ErrorLog = log.New(io.Discard, "", 0)
	unknown.StartTLS()
	defer unknown.Close()
	for _, class := range classes() {
		t.Run(name(class), func(t *testing.T) {
			call := callTo(class)
			call.URL.Host = plain.Listener.Addr().String()
			c, dials := countingClient(t)
			reply, err := c.Do(t.Context(), call)
			require.ErrorIs(t, err, http.ErrSchemeMismatch)
			assert.False(t, reply.MaybeApplied)
			assert.EqualValues(t, 1, dials.Load())

			call.URL.Host = unknown.Listener.Addr().String()
			c, dials = countingClient(t)
			reply, err = c.Do(t.Context(), call)
			require.ErrorAs(t, err, new(x509.UnknownAuthorityError))
			assert.False(t, reply.MaybeApplied)
			assert.EqualValues(t, 1, dials.Load())
			assert.Contains(t, err.Error(), "unknown authority")
		})
	}
}

func newClient(t *testing.T) *Client {
	c := New(Config{})
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// countingClient counts how often it dials.
func countingClient(t *testing.T) (*Client, *atomic.Int32) {
	c, n := newClient(t), &atomic.Int32{}
	dial := c.own.DialContext
	c.own.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		n.Add(1)
		return dial(ctx, network, addr)
	}
	return c, n
}

// The resolver's answers, through a real transport.
func TestNamesThatDoNotResolve(t *testing.T) {
	for kind, notFound := range map[string]bool{"no such name": true, "resolver busy": false} {
		for _, class := range classes() {
			t.Run(kind+"/"+name(class), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newClient(t)
					var dials atomic.Int32
					c.own.Proxy = nil
					c.own.DialContext = func(context.Context, string, string) (net.Conn, error) {
						dials.Add(1)
						dns := &net.DNSError{Err: "no", Name: "x", IsNotFound: notFound, IsTemporary: !notFound}
						return nil, dialError(dns)
					}
					reply, err := c.Do(t.Context(), callTo(class))
					require.ErrorAs(t, err, new(*net.DNSError))
					assert.False(t, reply.MaybeApplied)
					want := class.attempts()
					if notFound {
						want = 1
					}
					assert.EqualValues(t, want, dials.Load())
				})
			})
		}
	}
}

// A server that takes the request and goes away: everything may have happened.
func TestLostOverSockets(t *testing.T) {
	t.Parallel()
	var calls sync.WaitGroup
	for _, http2 := range []bool{false, true} {
		for class, want := range map[Class]int{Once: 1, Create: 1, Repeat: 4} {
			var hits atomic.Int32
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				hits.Add(1)
				panic(http.ErrAbortHandler)
			}))
			srv.EnableHTTP2 = http2
			srv.StartTLS()
			defer srv.Close()
			calls.Go(func() {
				c := newClient(t)
				c.own.TLSClientConfig.InsecureSkipVerify = true
				call := callTo(class)
				call.URL.Host = srv.Listener.Addr().String()
				reply, err := c.Do(t.Context(), call)
				assert.Error(t, err)
				assert.True(t, reply.MaybeApplied)
				assert.EqualValues(t, want, hits.Load(), "%s, http2 %v", name(class), http2)
			})
		}
	}
	calls.Wait()
}

// A context that ends while a real connection is being made.
func TestCanceledWhileDialling(t *testing.T) {
	c := newClient(t)
	c.own.Proxy = nil
	ctx, cancel := context.WithCancel(t.Context())
	c.own.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	reply, err := c.Do(ctx, callTo(Once))
	require.ErrorIs(t, err, context.Canceled)
	assert.False(t, reply.MaybeApplied)
}

func TestOwnTransport(t *testing.T) {
	tr := newTransport()
	assert.EqualValues(t, tls.VersionTLS12, tr.TLSClientConfig.MinVersion)
	assert.NotNil(t, tr.TLSClientConfig.ClientSessionCache)
	assert.True(t, tr.ForceAttemptHTTP2)
	assert.Zero(t, tr.MaxIdleConns)
	assert.Equal(t, 10*time.Second, tr.TLSHandshakeTimeout)
	assert.NotSame(t, http.DefaultTransport, tr)
	assert.NotSame(t, newTransport(), tr)

	ex := withoutKeepAlive(tr).(*http.Transport)
	assert.True(t, ex.DisableKeepAlives)
	assert.False(t, tr.DisableKeepAlives)
	assert.Same(t, tr.TLSClientConfig.ClientSessionCache, ex.TLSClientConfig.ClientSessionCache)
	assert.Contains(t, tr.TLSClientConfig.NextProtos, "h2")
	s := play(replies(200))
	assert.Same(t, s, withoutKeepAlive(s))
}

// Names under localhost are this machine, over IPv4 or IPv6, and no proxy's.
func TestNamesUnderLocalhost(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host)
	}))
	defer srv.Close()
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	c := newClient(t)
	for _, host := range []string{"localhost", "a.localhost", "A.b.LocalHost", "a.localhost."} {
		for _, class := range []Class{Read, Once} {
			call := callTo(class)
			call.URL.Scheme, call.URL.Host = "http", host+":"+port
			reply, err := c.Do(t.Context(), call)
			require.NoError(t, err)
			assert.Equal(t, 200, reply.Status)
			p, err := proxy(&http.Request{URL: &call.URL})
			require.NoError(t, err)
			assert.Nil(t, p)
		}
	}
	for host, want := range map[string]bool{"localhost": true, "x.localhost": true, "localhost.": true,
		"localhost.example": false, "xlocalhost": false, "": false, "127.0.0.1": false} {
		assert.Equal(t, want, isLocalhost(host), host)
	}

	var tried []string
	d := &net.Dialer{ControlContext: func(_ context.Context, _, addr string, _ syscall.RawConn) error {
		tried = append(tried, addr)
		return errMine
	}}
	_, err := dial(d)(t.Context(), "tcp", "a.localhost:80")
	require.Error(t, err)
	assert.True(t, errors.Is(err, errMine))
	assert.Equal(t, []string{"127.0.0.1:80", "[::1]:80"}, tried)
	tried = nil
	_, err = dial(d)(t.Context(), "tcp", "192.0.2.7:80")
	require.ErrorIs(t, err, errMine)
	assert.Equal(t, []string{"192.0.2.7:80"}, tried, "no other host is this machine")

	p, err := proxy(&http.Request{URL: &url.URL{Scheme: "http", Host: "api.example"}})
	require.NoError(t, err)
	assert.Equal(t, "proxy.invalid:3128", p.Host)
}

// A server that only listens on IPv6 is found too.
func TestLocalhostOverIPv6(t *testing.T) {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6: ", err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	conn, err := dial(&net.Dialer{})(t.Context(), "tcp", "a.localhost:"+port)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}
