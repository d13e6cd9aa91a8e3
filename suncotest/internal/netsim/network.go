// Package netsim is a network in memory: names, connections that can be broken, and
// one real HTTP server behind all of them. It opens no socket, and its time may be
// virtual.
package netsim

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

// Options are what a network asks of the owner of names in it.
type Options struct {
	// Handler answers at the owner's names.
	Handler http.Handler

	// Listens tells what one of the owner's names speaks at a port, and whether
	// the name is the owner's at this moment.
	Listens func(host, port string) (speaks Speech, owned bool)

	// Fault returns what a new connection to host meets: an error, or a stand-in
	// for the server, or neither.
	Fault func(host string) (conn func(net.Conn), dial error)
}

// Network is what connections run through, and the life of what runs in it: its
// goroutines and its context end with Close.
type Network struct {
	opts     Options
	ca       *Authority
	server   *http.Server
	accepted chan net.Conn

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	tasks   sync.WaitGroup
	tasksMu sync.Mutex
	ended   bool

	mu     sync.Mutex
	mounts map[string]http.Handler // by lower-case host or host:port
	conns  map[*Conn]struct{}
	closed bool
}

// connKey finds the server's end of the connection in a request's context.
type connKey struct{}

// New starts a network.
func New(opts Options) (*Network, error) {
	ca, err := NewAuthority()
	if err != nil {
		return nil, err
	}
	n := &Network{
		opts:     opts,
		ca:       ca,
		accepted: make(chan net.Conn),
		mounts:   map[string]http.Handler{},
		conns:    map[*Conn]struct{}{},
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.server = &http.Server{
		Handler:           http.HandlerFunc(n.dispatch),
		TLSConfig:         ca.TLSConfig(),
		ReadHeaderTimeout: 30 * time.Second,
		IdleTimeout:       3 * time.Minute,
		ErrorLog:          log.New(panicsOnly{}, "", log.LstdFlags),
		BaseContext:       func(net.Listener) context.Context { return n.ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if t, ok := c.(*tls.Conn); ok {
				c = t.NetConn()
			}
			return context.WithValue(ctx, connKey{}, c)
		},
	}
	n.Go(func(context.Context) { _ = n.server.Serve(listener{n}) })
	return n, nil
}

// Close ends the connections and the context, and waits for every goroutine of Go.
// It may be called more than once.
func (n *Network) Close() {
	n.tasksMu.Lock()
	n.ended = true
	n.tasksMu.Unlock()
	n.cancel()
	_ = n.server.Close()
	n.mu.Lock()
	n.closed = true
	conns := make([]*Conn, 0, len(n.conns))
	for c := range n.conns {
		conns = append(conns, c)
	}
	n.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
	n.tasks.Wait()
}

// Context ends with the network.
func (n *Network) Context() context.Context { return n.ctx }

// Authority returns the authority of the network's certificates.
func (n *Network) Authority() *Authority { return n.ca }

// Go runs f in the background, unless the network is closed, and reports whether it
// does. Close waits for it.
func (n *Network) Go(f func(ctx context.Context)) bool {
	n.tasksMu.Lock()
	defer n.tasksMu.Unlock()
	if n.ended {
		return false
	}
	n.tasks.Go(func() { f(n.ctx) })
	return true
}

// Sleep waits for d, and reports false when ctx ended before.
func Sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Mount puts a server into the network. host is a name or a loopback address.
// Without a port it answers HTTPS on 443 and HTTP on 80; with a port it answers both
// on that port. A nil handler takes it away. The owner's names come first.
func (n *Network) Mount(host string, h http.Handler) {
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
func (n *Network) mounted(host, port string) (h http.Handler, both bool) {
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

// dispatch gives a request to the owner or to the mounted server, whichever the
// connection dialled.
func (n *Network) dispatch(w http.ResponseWriter, r *http.Request) {
	c, _ := r.Context().Value(connKey{}).(*Conn)
	if c == nil {
		panic(http.ErrAbortHandler)
	}
	host, port, _ := net.SplitHostPort(c.local.String())
	if _, owned := n.opts.Listens(host, port); owned {
		n.opts.Handler.ServeHTTP(w, r)
		return
	}
	h, _ := n.mounted(host, port)
	if h == nil { // it was there when the connection was made
		Abort(r)
	}
	h.ServeHTTP(w, r)
}

// Abort ends the connection of a request without an answer, by a reset where that
// can be done. It does not return.
func Abort(r *http.Request) {
	if c, ok := r.Context().Value(connKey{}).(*Conn); ok {
		c.Reset()
	}
	panic(http.ErrAbortHandler)
}

// Transport returns a new transport that dials in the network. Nil roots: the
// certificates are not checked.
func (n *Network) Transport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		DialContext: n.dial,
		TLSClientConfig: &tls.Config{
			RootCAs: roots, InsecureSkipVerify: roots == nil, MinVersion: tls.VersionTLS12,
		},
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       90 * time.Second,
		ForceAttemptHTTP2:     true,
	}
}

// listener is the server's side of dial.
type listener struct{ n *Network }

func (l listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.n.accepted:
		return c, nil
	case <-l.n.ctx.Done():
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
