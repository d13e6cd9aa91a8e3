package netsim

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
)

// dial connects to an address in the network. It is the DialContext of every
// transport.
func (n *Network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, dialError(address, err)
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if err := ctx.Err(); err != nil {
		return nil, dialError(address, err)
	}
	standIn, failure := n.opts.Fault(host)
	if failure != nil {
		return nil, dialError(address, failure)
	}
	speaks, err := n.resolve(host, port)
	if err != nil {
		return nil, dialError(address, err)
	}
	if speaks == Nothing {
		return dialLoopback(ctx, network, host, port)
	}
	client, server := newPipe(net.JoinHostPort(host, port))
	if !n.track(client, server) {
		return nil, dialError(address, refused())
	}
	if standIn != nil {
		n.Go(func(context.Context) {
			defer func() { _ = server.Close() }()
			standIn(server)
		})
		return client, nil
	}
	n.Go(func(ctx context.Context) { n.accept(ctx, server, speaks) })
	return client, nil
}

// Speech is what an address expects to hear.
type Speech int

// What can be spoken.
const (
	Nothing Speech = iota // no server in memory
	Plain                 // HTTP
	Secure                // HTTPS
	Either                // the first byte tells
)

// resolve tells what listens at host and port, or why nothing does.
func (n *Network) resolve(host, port string) (Speech, error) {
	if speaks, owned := n.opts.Listens(host, port); owned {
		if speaks == Nothing {
			return Nothing, refused()
		}
		return speaks, nil
	}
	h, both := n.mounted(host, port)
	switch {
	case h != nil && both:
		return Either, nil
	case h != nil && port == "443":
		return Secure, nil
	case h != nil:
		return Plain, nil
	case IsLoopback(host):
		return Nothing, nil
	case n.Knows(host) || net.ParseIP(host) != nil:
		return Nothing, refused()
	}
	return Nothing, noSuchHost(host)
}

// accept gives a connection to the server, after finding out what it speaks.
func (n *Network) accept(ctx context.Context, c *Conn, speaks Speech) {
	if speaks == Either {
		first, err := c.peek()
		if err != nil {
			_ = c.Close()
			return
		}
		speaks = Plain
		if first == 0x16 { // a TLS handshake record
			speaks = Secure
		}
	}
	var conn net.Conn = c
	if speaks == Secure {
		conn = tls.Server(c, n.server.TLSConfig)
	}
	select {
	case n.accepted <- conn:
	case <-ctx.Done():
		_ = c.Close()
	}
}

// track remembers both ends until they are closed, so that stop can end them.
func (n *Network) track(ends ...*Conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	for _, c := range ends {
		n.conns[c] = struct{}{}
		c.onClose = func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			delete(n.conns, c)
		}
	}
	return true
}

// IsLoopback reports whether host is this machine.
func IsLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// dialLoopback opens a real connection to this machine, whatever name under
// localhost it was asked for.
func dialLoopback(ctx context.Context, network, host, port string) (net.Conn, error) {
	var d net.Dialer
	if net.ParseIP(host) != nil {
		return d.DialContext(ctx, network, net.JoinHostPort(host, port))
	}
	conn, err := d.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		if six, err6 := d.DialContext(ctx, network, net.JoinHostPort("::1", port)); err6 == nil {
			return six, nil
		}
	}
	return conn, err
}

// Knows reports whether a server is mounted under the name, at whatever port.
func (n *Network) Knows(host string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for name := range n.mounts {
		if Hostname(name) == host {
			return true
		}
	}
	return false
}

// Hostname strips the port and the brackets of an IPv6 address, and lower-cases.
func Hostname(hostport string) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
