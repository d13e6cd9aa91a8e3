package sunco

import (
	"log/slog"
	"net/http"
	"net/url"
	"sync"

	"github.com/sunco-go/sunco/internal/transport"
	"github.com/sunco-go/sunco/internal/turns"
)

// Client calls Zendesk for one partner and any number of its customers. Only
// ClientID and ClientSecret are required, and only for the OAuth flow. What
// belongs to one customer is in its [Installation].
//
// A Client is safe for concurrent use and must not be copied. Its fields must not
// change after the first call. Every method that makes requests takes a context
// and returns soon after it ends. The errors are [*Error], [*RateLimitError],
// [*AmbiguousError] where something may have happened, and [*InputError] when
// nothing was sent. What is tried again is explained in the package documentation.
type Client struct {
	// ClientID and ClientSecret are the credentials that Zendesk issued to the
	// partner.
	ClientID     string
	ClientSecret Secret

	// RedirectURI is sent with the authorize URL and must be one of those
	// registered with Zendesk. Empty: none is sent, and Zendesk uses the first
	// that is registered.
	RedirectURI string

	// Marketplace names the partner on every request. A bot that is listed in
	// the Zendesk Marketplace must set it. Zero: no header is sent.
	Marketplace Marketplace

	// LegacyRegion is where apps without a subdomain live, see [Client.Locate].
	// Empty: Locate returns [ErrNoRegion] for such an app.
	LegacyRegion LegacyRegion

	// FormExchange sends the token request as a form, as RFC 6749 has it and
	// Zendesk's sample application does. False: as JSON, as in Zendesk's guide.
	FormExchange bool

	// Domain is the domain of the OAuth bridge and of all customers, with an
	// optional port. Empty: zendesk.com. "localhost", with or without a port,
	// means plain HTTP to a sandbox on this machine; every other domain means
	// HTTPS.
	Domain string

	// HTTPClient makes the requests. It is copied and never changed. A Timeout
	// shorter than 30 s bounds one attempt, not the call. CheckRedirect and Jar
	// are not used. Nil, or without a Transport: a transport of the package's
	// own.
	HTTPClient *http.Client

	// Logger gets one line at level Debug for each attempt, without paths,
	// queries, bodies and credentials. Nil: attempts are not logged.
	Logger *slog.Logger

	once   sync.Once
	shared *core
	err    error
}

// Marketplace is how a Marketplace app names itself on every request. The
// values are printable ASCII. Bots have a BotID, other apps an AppID; both are
// known only after the app was submitted, and at most one may be set.
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
		return nil, &InputError{Name: "marketplace", Reason: "both BotID and AppID are set; a bot has a BotID only"}
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
	authorize string      // the authorize URL up to the state
	oauth     error       // why there is no authorize URL
	ensuring  turns.Turns // of EnsureWebhook, by app and target
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

// CloseIdleConnections closes the idle connections of the package's own
// transport. Those of an HTTPClient are its owner's.
func (c *Client) CloseIdleConnections() {
	if core, err := c.core(); err == nil {
		core.transport.CloseIdleConnections()
	}
}
