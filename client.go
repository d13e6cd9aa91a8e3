package sunco

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"sync"

	"github.com/sunco-go/sunco/internal/transport"
)

// Client speaks to Zendesk for one partner and any number of its customers.
// ClientID and ClientSecret are required for the OAuth flow; every other
// field may stay zero. Fields must not change once a method was called.
//
// A Client is safe for concurrent use and must not be copied. Customers cost
// it nothing: what belongs to one of them is in its [Installation].
//
// Every method that makes requests takes a context and returns soon after it
// ends. Faults that are safe to try again are tried again, with full jitter
// and at most 60 s of waiting in one call (10 s for the exchange); one attempt
// lasts at most 30 s. Redirects are never followed. The errors are [*Error],
// [*RateLimitError], [*AmbiguousError] where something may have happened, and
// [*InputError] when nothing was sent.
type Client struct {
	// ClientID and ClientSecret are what Zendesk issued to the partner.
	ClientID     string
	ClientSecret Secret

	// RedirectURI is sent with the authorize URL and must be one of those
	// registered with Zendesk; two of them are two Clients. Empty: none is
	// sent, and Zendesk uses the first that is registered.
	RedirectURI string

	// Marketplace names the partner on every request. A bot that is listed
	// in the Zendesk Marketplace must set it; zero sends nothing.
	Marketplace Marketplace

	// LegacyRegion is where an app lives for which token info names no
	// subdomain. Zero: none, and such an app is [ErrNoRegion].
	LegacyRegion LegacyRegion

	// FormExchange sends the token request as a form, as RFC 6749 has it and
	// as Zendesk's sample application does. False: JSON, as Zendesk's guide.
	FormExchange bool

	// Domain is the domain of the bridge and of all customers, with an
	// optional port. Empty: zendesk.com. "localhost", with or without a
	// port, means plain http to a sandbox on this machine; every other
	// domain means https.
	Domain string

	// HTTPClient makes the requests. It is copied and never changed. Its
	// Timeout, where it is shorter than 30 s, bounds one attempt and not the
	// call; its CheckRedirect and its Jar are not used. Nil, or without a
	// Transport: a transport of the package's own, meant for many hosts.
	HTTPClient *http.Client

	// Logger gets one line at level Debug per attempt, without paths,
	// queries, bodies and credentials, and what an [Installer] or a
	// [RemovalHandler] with this Client could not do. Nil: attempts are not
	// logged, and those handlers use [slog.Default].
	Logger *slog.Logger

	once   sync.Once
	shared *core
	err    error
}

// Marketplace is how a Marketplace app names itself on every request. Header
// values are printable ASCII. At most one of BotID and AppID may be set: bots
// have a BotID, other apps an AppID, and neither is known before the app was
// submitted.
//
// https://developer.zendesk.com/documentation/conversations/how-to-guides/building-a-marketplace-bot/
type Marketplace struct {
	Name           string // X-Zendesk-Marketplace-Name
	OrganizationID string // X-Zendesk-Marketplace-Organization-Id
	BotID          string // X-Zendesk-Marketplace-Bot-Id
	AppID          string // X-Zendesk-Marketplace-App-Id
}

// headers returns the non-empty headers, checked.
func (m Marketplace) headers() (http.Header, error) {
	if m.BotID != "" && m.AppID != "" {
		return nil, &InputError{Name: "marketplace", Reason: "both BotID and AppID are set; a bot has a BotID, any other app an AppID"}
	}
	header := http.Header{}
	for _, field := range []struct{ name, header, value string }{
		{"marketplace name", "X-Zendesk-Marketplace-Name", m.Name},
		{"marketplace organization id", "X-Zendesk-Marketplace-Organization-Id", m.OrganizationID},
		{"marketplace bot id", "X-Zendesk-Marketplace-Bot-Id", m.BotID},
		{"marketplace app id", "X-Zendesk-Marketplace-App-Id", m.AppID},
	} {
		if !printableASCII(field.value) {
			return nil, &InputError{Name: field.name, Reason: "a header value is printable ASCII"}
		}
		if field.value != "" {
			header[field.header] = []string{field.value}
		}
	}
	return header, nil
}

// core is what a Client's calls share, made at the first of them.
type core struct {
	realm     realm
	transport *transport.Client
	header    http.Header // of every request
	exchange  url.URL
	tokenInfo url.URL
	authorize string // the authorize URL up to the state
	oauth     error  // why there is no authorize URL
	ensuring  turns  // of EnsureWebhook, by app and target
}

// core checks the configuration once and returns what calls share.
func (c *Client) core() (*core, error) {
	if c == nil {
		return nil, &InputError{Name: "client", Reason: "nil"}
	}
	c.once.Do(func() { c.shared, c.err = c.newCore() })
	return c.shared, c.err
}

func (c *Client) newCore() (*core, error) {
	realm, err := newRealm(c.Domain)
	if err != nil {
		return nil, err
	}
	header, err := c.Marketplace.headers()
	if err != nil {
		return nil, err
	}
	header["Accept"] = []string{typeJSON}
	header["Content-Type"] = []string{typeJSON} // on requests without a body too, as in Zendesk's guide
	header["User-Agent"] = []string{"sunco-go"}
	core := &core{
		realm:     realm,
		transport: transport.New(transport.Config{HTTPClient: c.HTTPClient, Logger: c.Logger}),
		header:    header,
		exchange:  realm.bridge("/oauth/token"),
		tokenInfo: realm.bridge("/v2/tokenInfo"),
	}
	core.authorize, core.oauth = c.authorizePrefix(realm)
	return core, nil
}

// report writes what a handler has to say, so that no failure of it is silent.
// It also runs where nobody else would stop the panic of a Logger.
func (c *Client) report(level slog.Level, message string, attrs ...slog.Attr) {
	defer func() { _ = recover() }()
	cmp.Or(c.Logger, slog.Default()).LogAttrs(context.Background(), level, "sunco: "+message, attrs...)
}

// CloseIdleConnections closes the idle connections of the package's own
// transport. Those of an HTTPClient are its owner's.
func (c *Client) CloseIdleConnections() {
	if core, err := c.core(); err == nil {
		core.transport.CloseIdleConnections()
	}
}
