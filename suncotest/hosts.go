package suncotest

import (
	"net"
	"net/http"
	"strings"

	"github.com/sunco-go/sunco/suncotest/internal/netsim"
)

const (
	bridgeLabel  = "oauth-bridge"
	legacyHostUS = "api.smooch.io"
	legacyHostEU = "api.eu-1.smooch.io"
)

// kind says what sort of host a request was sent to.
type kind int

const (
	bridge   kind = 1 << iota
	tenant        // one customer's host, or a legacy host with all its customers
	anywhere = bridge | tenant
)

// place is where a request was sent to.
type place struct {
	kind   kind   // zero: no such host
	prefix string // in front of every path
	label  string // of a customer's host
	region string // of a legacy host
}

// locate reads a Host header.
func locate(host string) place {
	host = netsim.Hostname(host)
	switch {
	case host == "localhost" || net.ParseIP(host) != nil:
		return place{kind: anywhere, prefix: "/sc"}
	case host == legacyHostUS:
		return place{kind: tenant, region: LegacyUS}
	case host == legacyHostEU:
		return place{kind: tenant, region: LegacyEU}
	}
	label, rest, dotted := strings.Cut(host, ".")
	switch {
	case !dotted || rest == "" || !isLabel(label):
		return place{}
	case label == bridgeLabel:
		return place{kind: bridge, prefix: "/sc"}
	}
	return place{kind: tenant, prefix: "/sc", label: label}
}

// serves reports whether the account lives here. Platform.mu is held.
func (at place) serves(a *account) bool {
	switch {
	case at.kind&bridge != 0: // the bridge knows everyone, and so does an address
		return true
	case at.region != "":
		return a.Legacy == at.region
	}
	return a.Legacy == "" && a.Subdomain == at.label
}

// exists reports whether anybody lives here. Platform.mu is held.
func (at place) exists(s *state) bool {
	switch {
	case at.kind == 0:
		return false
	case at.label == "":
		return true
	}
	a := s.bySubdomain(at.label)
	return a != nil && a.Legacy == ""
}

// misdirected reports whether a request names another host than its connection.
func misdirected(r *http.Request) bool {
	return r.TLS != nil && r.TLS.ServerName != "" && netsim.Hostname(r.TLS.ServerName) != netsim.Hostname(r.Host)
}
