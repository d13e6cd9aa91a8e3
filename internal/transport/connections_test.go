package transport

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// site is a TLS server that stands for every host, and counts connections. The
// path of a request is the status it is answered with.
type site struct {
	*httptest.Server
	conns, hits, http1 atomic.Int64
}

func newSite(t *testing.T, http2 bool) *site {
	s := &site{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		if r.ProtoMajor == 1 {
			s.http1.Add(1)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.WriteHeader(status)
		if status != http.StatusNoContent {
			_, _ = w.Write([]byte(strings.Repeat("x", 3000))) // two reads
		}
	}))
	s.EnableHTTP2 = http2
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.conns.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// adapt leads a transport to this server, whatever the host.
func (s *site) adapt(t *http.Transport) {
	t.Proxy = nil
	t.TLSClientConfig.RootCAs = x509.NewCertPool()
	t.TLSClientConfig.RootCAs.AddCert(s.Certificate())
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dial(ctx, network, s.Listener.Addr().String())
	}
}

func TestHeadersAreBounded(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 80<<10))
	}))
	t.Cleanup(server.Close)
	s := &site{Server: server}
	_, err := s.client(t).Do(t.Context(), s.call(Create, "a.example.com", 200))
	assert.Error(t, err)
}

// client is one with the package's own transport, made for this server.
func (s *site) client(t *testing.T) *Client {
	c := New(Config{})
	s.adapt(c.own)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func (s *site) call(class Class, host string, status int) *Call {
	call := callTo(class)
	call.URL.Host, call.URL.Path = host, fmt.Sprintf("/%d", status)
	return call
}

// steady counts up to three times, until the count is as wanted: net/http gives a
// connection up when the machine stalls for 50 ms after a request was written.
func steady(want int64, count func() int64) (got int64) {
	for range 3 {
		if got = count(); got == want {
			break
		}
	}
	return got
}

func TestOneConnectionForManyCalls(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprint("http2=", http2), func(t *testing.T) {
			t.Parallel()
			assert.EqualValues(t, 1, steady(1, func() int64 {
				s := newSite(t, http2)
				thousandCalls(t, s, s.client(t))
				if s.conns.Load() == 1 {
					assert.EqualValues(t, 1000+2*3, s.hits.Load())
				}
				return s.conns.Load()
			}))
		})
	}
}

func thousandCalls(t *testing.T, s *site, c *Client) {
	for i := range 1000 {
		if s.conns.Load() > 50 {
			return // far too many: each costs a handshake
		}
		class, status := Read, 200
		switch {
		case i%500 == 100: // given up after four attempts
			status = 500
		case i%10 == 1:
			class = Repeat
		case i%10 == 2:
			class, status = Repeat, 404
		case i%10 == 3:
			class, status = Create, 503
		case i%10 == 4:
			class, status = Repeat, 204
		}
		reply, err := c.Do(t.Context(), s.call(class, "a.example.com", status))
		require.NoError(t, err)
		require.Equal(t, status, reply.Status)
	}
}

func TestConnectionsOfConcurrentCalls(t *testing.T) {
	t.Parallel()
	for _, width := range []int{32, 160} {
		s := newSite(t, false)
		c := s.client(t)
		var wg sync.WaitGroup
		for range width {
			wg.Go(func() {
				for range 960 / width {
					_, err := c.Do(t.Context(), s.call(Read, "a.example.com", 200))
					assert.NoError(t, err)
				}
			})
		}
		wg.Wait()
		assert.EqualValues(t, 960, s.hits.Load())
		assert.LessOrEqual(t, s.conns.Load(), int64(64))
	}
}

// Every customer is a host of its own, and none drives out another. (100 is
// what net/http's own transport keeps idle.)
func TestConnectionsOfManyHosts(t *testing.T) {
	t.Parallel()
	const hosts = 150
	assert.EqualValues(t, hosts, steady(hosts, func() int64 {
		s := newSite(t, false)
		c := s.client(t)
		for range 2 {
			for host := range hosts {
				_, err := c.Do(t.Context(), s.call(Read, fmt.Sprintf("h%d.example.com", host), 200))
				require.NoError(t, err)
			}
		}
		return s.conns.Load()
	}))
}

// An exchange has a connection of its own, with our transport and with the
// caller's, also when many happen at once.
func TestExchangeHasItsOwnConnection(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		for _, own := range []bool{true, false} {
			s := newSite(t, http2)
			c := s.client(t)
			if !own {
				tr := newTransport()
				s.adapt(tr)
				c = New(Config{HTTPClient: &http.Client{Transport: tr}})
				t.Cleanup(tr.CloseIdleConnections)
			}
			for range 10 {
				for _, class := range []Class{Read, Once} {
					_, err := c.Do(t.Context(), s.call(class, "a.example.com", 200))
					require.NoError(t, err)
				}
			}
			assert.EqualValues(t, 11, s.conns.Load(), "http2 %v, own %v", http2, own)
			var wg sync.WaitGroup
			for range 16 {
				wg.Go(func() {
					for range 4 {
						_, err := c.Do(t.Context(), s.call(Once, "a.example.com", 200))
						assert.NoError(t, err)
					}
				})
			}
			wg.Wait()
			assert.EqualValues(t, 20+64, s.hits.Load(), "each arrived once")
			if http2 {
				assert.EqualValues(t, 10+64, s.http1.Load(), "exchanges are not merged")
			}
		}
	}
}

// The server closes each connection while it is idle. A call that goes out on a
// stale one is lost; an exchange never is.
func TestExchangeMeetsNoStaleConnection(t *testing.T) {
	var hits atomic.Int64
	l := listen(t, func(c net.Conn) {
		hits.Add(1)
		head := make([]byte, 4096)
		_, _ = c.Read(head)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	}) // and closes without a word
	c := New(Config{})
	t.Cleanup(c.CloseIdleConnections)
	call := callTo(Once)
	call.URL = parse(t, "http://"+l.Addr().String())
	for range 200 {
		reply, err := c.Do(t.Context(), call)
		require.NoError(t, err)
		require.Equal(t, 200, reply.Status)
	}
	assert.EqualValues(t, 200, hits.Load())
}

// The caller's client is used and left alone.
func TestCallersClientIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, false)
	tr := newTransport()
	s.adapt(tr)
	t.Cleanup(tr.CloseIdleConnections)
	theirs := &http.Client{Transport: tr, Timeout: 20 * time.Second}
	before := *theirs
	c := New(Config{HTTPClient: theirs})
	for _, class := range classes() {
		_, err := c.Do(t.Context(), s.call(class, "a.example.com", 404))
		require.NoError(t, err)
	}
	_, err := c.Do(t.Context(), s.call(Read, "a.example.com", 500)) // retryablehttp closes now
	require.NoError(t, err)
	c.CloseIdleConnections()
	_, err = c.Do(t.Context(), s.call(Read, "a.example.com", 200))
	require.NoError(t, err)
	assert.Equal(t, before, *theirs)
	assert.False(t, tr.DisableKeepAlives)
	assert.EqualValues(t, 2, s.conns.Load(), "one, and one for the exchange")

	closing := &closer{script: play(replies(500), fails(errRefused))}
	synctest.Test(t, func(t *testing.T) {
		c := New(Config{HTTPClient: &http.Client{Transport: closing}})
		_, err := c.Do(t.Context(), callTo(Read))
		require.Error(t, err)
		c.CloseIdleConnections()
	})
	assert.Zero(t, closing.n)
}

type closer struct {
	*script
	n int
}

func (c *closer) CloseIdleConnections() { c.n++ }

func TestCloseIdleConnections(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprint("http2=", http2), func(t *testing.T) {
			s := newSite(t, http2)
			c := s.client(t)
			for range 3 {
				for range 2 {
					_, err := c.Do(t.Context(), s.call(Read, "a.example.com", 200))
					require.NoError(t, err)
				}
				c.CloseIdleConnections()
			}
			assert.EqualValues(t, 3, s.conns.Load())
		})
	}
}

func TestNothingIsLeft(t *testing.T) {
	s := newSite(t, true)
	before := runtime.NumGoroutine()
	c := s.client(t)
	for _, class := range classes() {
		for _, status := range []int{200, 404} {
			_, err := c.Do(t.Context(), s.call(class, "a.example.com", status))
			require.NoError(t, err)
		}
	}
	c.CloseIdleConnections()
	s.CloseClientConnections()
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		require.True(t, time.Now().Before(deadline), "goroutines left")
	}
}
