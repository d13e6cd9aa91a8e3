package suncotest

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
)

// dial connects to an address of the platform's world. It is the DialContext of
// every transport the platform hands out.
func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, dialError(address, err)
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if err := ctx.Err(); err != nil {
		return nil, dialError(address, err)
	}
	fault := n.platform.faults.dialling(host)
	if fault != nil && fault.Dial != nil {
		return nil, dialError(address, fault.Dial)
	}
	speaks, err := n.resolve(host, port)
	if err != nil {
		return nil, dialError(address, err)
	}
	if speaks == nothing {
		return dialLoopback(ctx, network, host, port)
	}
	client, server := newPipe(net.JoinHostPort(host, port))
	if !n.track(client, server) {
		return nil, dialError(address, refused())
	}
	if fault != nil {
		n.platform.spawn(func(context.Context) {
			defer func() { _ = server.Close() }()
			fault.Conn(server)
		})
		return client, nil
	}
	n.platform.spawn(func(ctx context.Context) { n.accept(ctx, server, speaks) })
	return client, nil
}

// speech is what an address expects to hear.
type speech int

const (
	nothing speech = iota // not in memory: a loopback address of the machine
	plain
	secure
	either
)

// resolve tells what listens at host and port, or why nothing does.
func (n *network) resolve(host, port string) (speech, error) {
	if n.platform.owns(host) {
		return n.platform.listens(host, port)
	}
	h, both := n.mounted(host, port)
	switch {
	case h != nil && both:
		return either, nil
	case h != nil && port == "443":
		return secure, nil
	case h != nil:
		return plain, nil
	case isLoopback(host):
		return nothing, nil
	case n.knows(host) || net.ParseIP(host) != nil:
		return nothing, refused()
	}
	return nothing, noSuchHost(host)
}

// knows reports whether anything is mounted under the name, at whatever port.
func (n *network) knows(host string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for name := range n.mounts {
		if hostname(name) == host {
			return true
		}
	}
	return false
}

// owns reports whether host is one of the platform's own names at this moment.
func (p *Platform) owns(host string) bool {
	if host == legacyHostUS || host == legacyHostEU {
		return true
	}
	domain, _, _ := splitDomain(p.cfg.Domain)
	label, ok := strings.CutSuffix(host, "."+domain)
	if !ok {
		return false
	}
	if label == bridgeLabel {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.state.bySubdomain(label); a != nil {
		return a.Legacy == ""
	}
	return p.state.renamed[label] && !p.cfg.Behavior.OldSubdomainUnresolvable
}

// listens tells what one of the platform's own hosts speaks at port.
func (p *Platform) listens(host, port string) (speech, error) {
	domain, own, _ := splitDomain(p.cfg.Domain)
	if strings.HasSuffix(host, "."+domain) {
		local := domain == "localhost"
		if port == own && own != "" || local && own == "" && port == "80" {
			if local {
				return either, nil
			}
			return secure, nil
		}
		if own != "" {
			return nothing, refused()
		}
	}
	if port == "443" {
		return secure, nil
	}
	return nothing, refused()
}

// accept hands a connection to the server, once it is clear what it speaks.
func (n *network) accept(ctx context.Context, c *pipeConn, speaks speech) {
	if speaks == either {
		first, err := c.peek()
		if err != nil {
			_ = c.Close()
			return
		}
		speaks = plain
		if first == 0x16 { // a TLS handshake record
			speaks = secure
		}
	}
	var conn net.Conn = c
	if speaks == secure {
		conn = tls.Server(c, n.server.TLSConfig)
	}
	select {
	case n.accepted <- conn:
	case <-ctx.Done():
		_ = c.Close()
	}
}

// track remembers both ends until they are closed, so that stop can end them.
func (n *network) track(ends ...*pipeConn) bool {
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

func isLoopback(host string) bool {
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

// reachable reports whether the platform may call the host of a redirect URI that
// is registered nowhere.
func (p *Platform) reachable(host string) bool {
	host = strings.ToLower(host)
	return isLoopback(host) || p.network.knows(host)
}
