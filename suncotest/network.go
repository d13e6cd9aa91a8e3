package suncotest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// network is what the platform's connections run through: names, in-memory
// connections, and one HTTP server behind all of them.
type network struct {
	platform *Platform
	server   *http.Server
	accepted chan net.Conn

	mu     sync.Mutex
	mounts map[string]http.Handler // by lower-case host or host:port
	conns  map[*pipeConn]struct{}
	closed bool
}

// connKey finds the server's end of the connection in a request's context.
type connKey struct{}

func newNetwork(p *Platform) *network {
	n := &network{
		platform: p,
		accepted: make(chan net.Conn),
		mounts:   map[string]http.Handler{},
		conns:    map[*pipeConn]struct{}{},
	}
	n.server = &http.Server{
		Handler:           http.HandlerFunc(n.dispatch),
		TLSConfig:         p.TLSConfig(),
		ReadHeaderTimeout: 30 * time.Second,
		IdleTimeout:       3 * time.Minute,
		ErrorLog:          log.New(panicsOnly{}, "", log.LstdFlags),
		BaseContext:       func(net.Listener) context.Context { return p.ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if t, ok := c.(*tls.Conn); ok {
				c = t.NetConn()
			}
			return context.WithValue(ctx, connKey{}, c)
		},
	}
	return n
}

func (n *network) start() {
	n.platform.spawn(func(context.Context) { _ = n.server.Serve(listener{n}) })
}

func (n *network) stop() {
	_ = n.server.Close()
	n.mu.Lock()
	n.closed = true
	conns := make([]*pipeConn, 0, len(n.conns))
	for c := range n.conns {
		conns = append(conns, c)
	}
	n.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
}

// Mount puts a server of the partner's into the platform's network. host is a
// name or a loopback address. Without a port it answers HTTPS on 443 and HTTP on
// 80; with a port it answers both on that port. The platform's probes and calls
// and [Platform.Client] reach it in memory. Mounting a host again replaces its
// handler, and a nil handler takes it away. The platform's own hosts cannot be
// replaced.
func (p *Platform) Mount(host string, h http.Handler) {
	n := p.network
	n.mu.Lock()
	defer n.mu.Unlock()
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if h == nil {
		delete(n.mounts, host)
		return
	}
	n.mounts[host] = h
}

// mounted returns the handler of host:port, nil when there is none, and whether
// the port alone does not tell HTTP from HTTPS.
func (n *network) mounted(host, port string) (h http.Handler, both bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if h := n.mounts[net.JoinHostPort(host, port)]; h != nil {
		return h, true
	}
	if port == "80" || port == "443" {
		return n.mounts[host], false
	}
	return nil, false
}

// dispatch hands a request to the platform or to the mounted server whose address
// the connection dialled.
func (n *network) dispatch(w http.ResponseWriter, r *http.Request) {
	c, _ := r.Context().Value(connKey{}).(*pipeConn)
	if c == nil {
		panic(http.ErrAbortHandler)
	}
	host, port, _ := net.SplitHostPort(c.local.String())
	if n.platform.owns(host) {
		n.platform.ServeHTTP(w, r)
		return
	}
	h, _ := n.mounted(host, port)
	if h == nil { // it was there when the connection was made
		abort(r)
	}
	h.ServeHTTP(w, r)
}

func (n *network) transport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		DialContext:           n.dial,
		TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       90 * time.Second,
		ForceAttemptHTTP2:     true,
	}
}

// listener is the server's side of dial.
type listener struct{ n *network }

func (l listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.n.accepted:
		return c, nil
	case <-l.n.platform.ctx.Done():
		return nil, net.ErrClosed
	}
}

func (l listener) Close() error   { return nil }
func (l listener) Addr() net.Addr { return pipeAddr("suncotest") }

// panicsOnly passes on what the server logs about a handler that panicked, and
// drops the rest, which is about connections that tests break on purpose.
type panicsOnly struct{}

func (panicsOnly) Write(line []byte) (int, error) {
	if strings.Contains(string(line), "panic serving") {
		return os.Stderr.Write(line)
	}
	return len(line), nil
}

// dialError is what a dialler returns for err.
func dialError(address string, err error) error {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &op):
		return err
	case errors.As(err, &dns):
		return &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	return &net.OpError{Op: "dial", Net: "tcp", Addr: pipeAddr(address), Err: err}
}

func refused() error { return os.NewSyscallError("connect", syscall.ECONNREFUSED) }

func noSuchHost(host string) error {
	return &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}
