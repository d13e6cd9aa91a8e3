package suncotest

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"

	"github.com/sunco-go/sunco/suncotest/internal/netsim"
	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// Mount puts a server of the partner's into the platform's network. host is a
// name or a loopback address. Without a port it answers HTTPS on 443 and HTTP on
// 80; with a port it answers both on that port. The platform's probes and calls
// and [Platform.Client] reach it in memory. Mounting a host again replaces its
// handler, and a nil handler takes it away. The platform's own hosts cannot be
// replaced.
func (p *Platform) Mount(host string, h http.Handler) { p.network.Mount(host, h) }

// CertPool returns a new pool that holds the platform's certificate authority.
func (p *Platform) CertPool() *x509.CertPool { return p.network.Authority().Pool() }

// CertPEM returns the certificate of the platform's authority, for a file that a
// client in another language trusts. The authority is a new one in every run.
func (p *Platform) CertPEM() []byte { return p.network.Authority().PEM() }

// TLSConfig returns a server's configuration that makes a certificate for each
// name, or address, a client asks for. It is a new value each time.
func (p *Platform) TLSConfig() *tls.Config { return p.network.Authority().TLSConfig() }

// listens tells what one of the platform's own hosts speaks at port, and whether
// host is one of them at this moment.
func (p *Platform) listens(host, port string) (speaks netsim.Speech, owned bool) {
	if !p.owns(host) {
		return netsim.Nothing, false
	}
	domain, own, _ := wire.SplitDomain(p.cfg.Domain)
	if strings.HasSuffix(host, "."+domain) {
		local := domain == "localhost"
		switch {
		case local && (port == own && own != "" || own == "" && port == "80"):
			return netsim.Either, true
		case own != "" && port != own:
			return netsim.Nothing, true
		case own != "":
			return netsim.Secure, true
		}
	}
	if port == "443" {
		return netsim.Secure, true
	}
	return netsim.Nothing, true
}

// owns reports whether host is one of the platform's own names at this moment.
func (p *Platform) owns(host string) bool {
	if host == wire.HostUS || host == wire.HostEU {
		return true
	}
	domain, _, _ := wire.SplitDomain(p.cfg.Domain)
	label, ok := strings.CutSuffix(host, "."+domain)
	if !ok {
		return false
	}
	if label == wire.BridgeLabel {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.oauth.Resolves(label)
}
