package transport

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxConns is how many connections one host gets under HTTP/1. Calls beyond it
// wait, as unsent as they are while dialling. All of them may stay idle, so that
// a burst is paid for once. Without a bound net/http dials for every call that
// finds no idle connection, and a burst opens far more than it ever uses. With
// those that are lost and dialled again a burst stays below 64.
const maxConns = 48

// newTransport is the transport for callers who bring none. Each customer is a
// host of its own, so the number of idle connections is not limited over all
// hosts; they end after 90 seconds.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:               proxy,
		DialContext:         dial(&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}),
		TLSHandshakeTimeout: 10 * time.Second,
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12,
			// A resumed session saves a returning customer's host half a handshake.
			ClientSessionCache: tls.NewLRUClientSessionCache(1024),
		},
		ForceAttemptHTTP2:      true, // a DialContext would turn HTTP/2 off
		MaxIdleConns:           0,    // unlimited
		MaxIdleConnsPerHost:    maxConns,
		MaxConnsPerHost:        maxConns,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		// An HTTP/2 connection that died silently would let call after call run
		// into its timeout.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
	}
}

// withoutKeepAlive gives what is sent only once a connection of its own: a
// kept-alive one may have been closed by the other side, and then nobody knows
// whether the request arrived. (Request.Close does not help: it only closes the
// connection afterwards.) A foreign RoundTripper is used as it is.
func withoutKeepAlive(base http.RoundTripper) http.RoundTripper {
	t, ok := base.(*http.Transport)
	if !ok {
		return base
	}
	t = t.Clone()
	t.DisableKeepAlives = true
	if t.DialTLSContext != nil {
		return t // which negotiates the protocol by itself
	}
	// net/http merges HTTP/2 connections that are opened at the same time, and
	// without keep-alive it then loses requests on them.
	t.Protocols = &http.Protocols{}
	t.Protocols.SetHTTP1(true)
	t.ForceAttemptHTTP2, t.TLSNextProto = false, nil
	if t.TLSClientConfig != nil {
		t.TLSClientConfig.NextProtos = []string{"http/1.1"}
	}
	return t
}

// proxy is the environment's, but never for this machine. (The standard library
// exempts localhost only, not the names under it.)
func proxy(req *http.Request) (*url.URL, error) {
	if isLocalhost(req.URL.Hostname()) {
		return nil, nil
	}
	return http.ProxyFromEnvironment(req)
}

// dial connects names under localhost to this machine, as RFC 6761 asks for.
// Browsers do so; Go asks the resolver, which as a rule does not know them.
func dial(d *net.Dialer) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(addr)
		if err != nil || !isLocalhost(host) {
			return d.DialContext(ctx, network, addr)
		}
		conn, err := d.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		if err == nil {
			return conn, nil
		}
		if conn, err6 := d.DialContext(ctx, network, net.JoinHostPort("::1", port)); err6 == nil {
			return conn, nil
		}
		return nil, err
	}
}

func isLocalhost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
