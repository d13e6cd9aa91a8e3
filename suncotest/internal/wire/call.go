package wire

import (
	"net"
	"net/http"
	"strings"

	"github.com/sunco-go/sunco/suncotest/internal/netsim"
)

// What the platform takes at most.
const (
	MaxBody   = 100_000    // of JSON, 100 kB
	MaxUpload = 50_000_000 // of a file, 50 MB
)

// Call is one request on its way through the platform.
type Call struct {
	*http.Request
	At      Place
	Params  map[string]string // of the path
	Body    []byte
	*Holder // of the token, on routes that need one

	Strict  bool     // unknown members and parameters are refused
	Unknown []string // otherwise: those that were there
	UTF16   bool     // long texts are counted in units of UTF-16
}

// Holder is whom an access token was given to.
type Holder struct {
	AppID         string
	IntegrationID string
	Dead          bool // the token; guarded by the lock
}

// Payload is an event's payload. It depends on what a webhook asked for: whole users
// with includeFullUser, sources with client and device with includeFullSource.
type Payload func(includeFullUser, includeFullSource bool) any

// The names of the platform's own hosts, and the legacy regions.
const (
	BridgeLabel = "oauth-bridge"
	HostUS      = "api.smooch.io"
	HostEU      = "api.eu-1.smooch.io"
	RegionUS    = "us"
	RegionEU    = "eu"
)

// Kind says what sort of host a request was sent to.
type Kind int

// The kinds of hosts.
const (
	Bridge   Kind = 1 << iota
	Tenant        // one customer's host, or a legacy host with all its customers
	Anywhere = Bridge | Tenant
)

// Place is where a request was sent to.
type Place struct {
	Kind   Kind   // zero: no such host
	Prefix string // in front of every path
	Label  string // of a customer's host
	Region string // of a legacy host
}

// Locate reads a Host header.
func Locate(host string) Place {
	host = netsim.Hostname(host)
	switch {
	case host == "localhost" || net.ParseIP(host) != nil:
		return Place{Kind: Anywhere, Prefix: "/sc"}
	case host == HostUS:
		return Place{Kind: Tenant, Region: RegionUS}
	case host == HostEU:
		return Place{Kind: Tenant, Region: RegionEU}
	}
	label, rest, dotted := strings.Cut(host, ".")
	switch {
	case !dotted || rest == "" || !IsLabel(label):
		return Place{}
	case label == BridgeLabel:
		return Place{Kind: Bridge, Prefix: "/sc"}
	}
	return Place{Kind: Tenant, Prefix: "/sc", Label: label}
}

// Misdirected reports whether a request names another host than its connection.
func Misdirected(r *http.Request) bool {
	return r.TLS != nil && r.TLS.ServerName != "" && netsim.Hostname(r.TLS.ServerName) != netsim.Hostname(r.Host)
}
