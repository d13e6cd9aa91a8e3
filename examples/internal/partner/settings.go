// Package partner is what the example programs share: the environment variables that
// configure them, and a server with a sandbox beside it.
package partner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/sandbox"
)

// Paths of a partner below its public URL.
const (
	InstallPath = "/zendesk/install" // the redirect URI
	EventsPath  = "/zendesk/events"  // the target of webhooks
	RemovedPath = "/zendesk/removed" // the remove URL
)

// Help describes the variables that every example reads.
const Help = `Without credentials a sandbox, which is a fake of Zendesk, takes Zendesk's place. It
needs no account and no network. For Zendesk itself, set these environment variables:

  SUNCO_CLIENT_ID, SUNCO_CLIENT_SECRET
        the credentials that Zendesk issued; set both or neither
  SUNCO_PUBLIC_URL
        the address at which Zendesk and browsers reach this program, without a path:
        https://bot.example.com, or that of a tunnel. Register SUNCO_PUBLIC_URL with
        /zendesk/install as a redirect URL, and with /zendesk/removed as the remove URL.
  SUNCO_MARKETPLACE_NAME, SUNCO_MARKETPLACE_ORGANIZATION_ID,
  SUNCO_MARKETPLACE_BOT_ID, SUNCO_MARKETPLACE_APP_ID
        the marketplace headers, if the app is listed; a bot has a bot id and no app id
  SUNCO_LEGACY_REGION
        us or eu, for customers whose app has no subdomain
  SUNCO_DOMAIN
        default zendesk.com. Use localhost:8484 for a sandbox that was started with
        "go run ./examples/sandbox".

This one is always read:

  SUNCO_LISTEN
        the address to listen on; default 127.0.0.1:3000. Port 0 takes a free one.
`

// Settings are what the environment says.
type Settings struct {
	ClientID     string // empty: use a sandbox
	ClientSecret sunco.Secret
	Domain       string
	Marketplace  sunco.Marketplace
	LegacyRegion sunco.LegacyRegion
	PublicURL    string // without a trailing slash; often empty
	Listen       string // host:port
}

// Read reads and checks the environment. Its errors repeat no value.
func Read(getenv func(string) string) (Settings, error) {
	s := Settings{
		ClientID:     getenv("SUNCO_CLIENT_ID"),
		ClientSecret: sunco.NewSecret(getenv("SUNCO_CLIENT_SECRET")),
		Domain:       strings.ToLower(getenv("SUNCO_DOMAIN")),
		LegacyRegion: sunco.LegacyRegion(getenv("SUNCO_LEGACY_REGION")),
		Listen:       cmp.Or(getenv("SUNCO_LISTEN"), "127.0.0.1:3000"),
		Marketplace: sunco.Marketplace{
			Name:           getenv("SUNCO_MARKETPLACE_NAME"),
			OrganizationID: getenv("SUNCO_MARKETPLACE_ORGANIZATION_ID"),
			BotID:          getenv("SUNCO_MARKETPLACE_BOT_ID"),
			AppID:          getenv("SUNCO_MARKETPLACE_APP_ID"),
		},
	}
	if at, err := netip.ParseAddrPort(s.Listen); err != nil {
		return s, errors.New("SUNCO_LISTEN must be an IP address and a port, like 127.0.0.1:3000")
	} else if at.Port() == 0 && getenv("SUNCO_PUBLIC_URL") != "" {
		return s, errors.New("SUNCO_LISTEN must have a port when SUNCO_PUBLIC_URL is set")
	}
	if (s.ClientID == "") != s.ClientSecret.IsZero() {
		return s, errors.New("set both SUNCO_CLIENT_ID and SUNCO_CLIENT_SECRET, or neither")
	}
	var err error
	if s.PublicURL, err = publicURL(getenv("SUNCO_PUBLIC_URL")); err != nil {
		return s, err
	}
	if s.ClientID == "" {
		if s.PublicURL != "" || s.Domain != "" || s.LegacyRegion != "" || s.Marketplace != (sunco.Marketplace{}) {
			return s, errors.New("SUNCO_CLIENT_ID and SUNCO_CLIENT_SECRET are missing; " +
				"to use a sandbox, unset the other variables about Zendesk too")
		}
		return s, nil
	}
	if s.LegacyRegion != "" && s.LegacyRegion != sunco.LegacyUS && s.LegacyRegion != sunco.LegacyEU {
		return s, errors.New("set SUNCO_LEGACY_REGION to us or eu, or unset it")
	}
	s.Domain = cmp.Or(s.Domain, "zendesk.com")
	if _, err := s.Client("").AuthorizeURL("check"); err != nil {
		return s, fmt.Errorf("check SUNCO_CLIENT_ID, SUNCO_DOMAIN and the SUNCO_MARKETPLACE_ variables: %w", err)
	}
	return s, nil
}

// Client returns a client for these settings.
func (s Settings) Client(redirectURI string) *sunco.Client {
	return &sunco.Client{
		ClientID: s.ClientID, ClientSecret: s.ClientSecret, Domain: s.Domain,
		Marketplace: s.Marketplace, LegacyRegion: s.LegacyRegion, RedirectURI: redirectURI,
	}
}

// Local reports whether the platform is a sandbox on this machine, which can call an
// address of this machine.
func (s Settings) Local() bool {
	name, _, _ := strings.Cut(s.Domain, ":")
	return s.ClientID == "" || name == "localhost"
}

// publicURL checks and normalizes SUNCO_PUBLIC_URL.
func publicURL(raw string) (string, error) {
	if raw == "" {
		return "", nil
	}
	u, err := url.Parse(strings.TrimSuffix(raw, "/"))
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("SUNCO_PUBLIC_URL must be like https://bot.example.com, without a path")
	case u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80":
		return "", errors.New("SUNCO_PUBLIC_URL has its scheme's own port; leave out the port")
	case u.Scheme != "https" && (u.Scheme != "http" || !sandbox.IsLoopback(u.Hostname())):
		return "", errors.New("SUNCO_PUBLIC_URL must be https, except on this machine")
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), nil
}

// LocalURL returns the URL of a listener for a browser on this machine.
func LocalURL(addr net.Addr) (string, error) {
	at, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return "", err
	}
	host := "localhost"
	if ip := at.Addr().Unmap(); !ip.IsUnspecified() && ip != netip.MustParseAddr("127.0.0.1") {
		host = ip.String()
	}
	return "http://" + net.JoinHostPort(host, fmt.Sprint(at.Port())), nil
}

// Transport returns a transport for which names under localhost are this machine, as they
// are for browsers, whatever proxy the environment names.
func Transport() *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = func(r *http.Request) (*url.URL, error) {
		if sandbox.IsLoopback(r.URL.Hostname()) {
			return nil, nil
		}
		return http.ProxyFromEnvironment(r)
	}
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if host, port, err := net.SplitHostPort(addr); err == nil && strings.HasSuffix(host, ".localhost") {
			addr = net.JoinHostPort("127.0.0.1", port)
		}
		return dial(ctx, network, addr)
	}
	return transport
}
