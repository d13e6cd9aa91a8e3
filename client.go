package sunco

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
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

	// HTTPClient makes the requests. It is copied and never changed, and its
	// redirect policy is not used. Nil, or without a Transport: a transport
	// of the package's own, meant for many hosts.
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

// printableASCII reports whether s is made of visible ASCII and spaces.
func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
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
func (c *Client) report(level slog.Level, message string, attrs ...slog.Attr) {
	cmp.Or(c.Logger, slog.Default()).LogAttrs(context.Background(), level, "sunco: "+message, attrs...)
}

// CloseIdleConnections closes the idle connections of the package's own
// transport. Those of an HTTPClient are its owner's.
func (c *Client) CloseIdleConnections() {
	if core, err := c.core(); err == nil {
		core.transport.CloseIdleConnections()
	}
}

const (
	typeJSON = "application/json"
	typeForm = "application/x-www-form-urlencoded"

	maxRequest    = 100_000  // bytes of JSON that Zendesk accepts
	maxTokenReply = 64 << 10 // bytes of a reply about a token
	maxReply      = 1 << 20  // bytes of any other reply
)

// call is one operation on the platform: what the transport has to know, and
// what the answer means.
type call struct {
	transport.Call
	token       Token     // zero: none is sent
	secrets     [2]Secret // others that the request carries
	contentType string    // empty: JSON
	gone        []int     // statuses that are success once an earlier attempt may have done it

	reply transport.Reply
}

// do is the only function that touches the network. A 2xx reply is decoded
// into out; everything else becomes an error.
func (c *core) do(ctx context.Context, k *call, out any) error {
	if err := c.prepare(ctx, k); err != nil {
		return err
	}
	var err error
	k.reply, err = c.transport.Do(ctx, &k.Call)
	if err != nil || k.reply.Status/100 != 2 {
		if err == nil && k.reply.MaybeApplied && slices.Contains(k.gone, k.reply.Status) {
			return nil
		}
		return k.failure(err)
	}
	switch {
	case k.reply.TooLarge:
		err = badReply("longer than " + strconv.FormatInt(k.Limit, 10) + " bytes")
	case k.reply.Status == http.StatusNoContent || k.Method == http.MethodHead:
		// There is nothing to decode.
	case k.Out == nil:
		err = decodeReply(k.reply.Body, out)
	}
	if err != nil {
		return k.unusable(err)
	}
	return nil
}

// prepare checks what must be right before anything is sent, and completes
// the request.
func (c *core) prepare(ctx context.Context, k *call) error {
	if ctx == nil {
		return &InputError{Name: "context", Reason: "nil"}
	}
	if len(k.Body) > maxRequest {
		return &InputError{Name: k.Op, Reason: "the request body is longer than 100 kB"}
	}
	if !c.realm.trusts(&k.URL) {
		return &InputError{Name: "host", Reason: "not one that may see a credential"}
	}
	k.Header = make(http.Header, len(c.header)+1)
	for name, values := range c.header {
		k.Header[name] = values[:len(values):len(values)]
	}
	if k.contentType != "" {
		k.Header["Content-Type"] = []string{k.contentType}
	}
	if k.Class != transport.Exchange {
		if err := k.token.check(); err != nil {
			return err
		}
		k.Header["Authorization"] = []string{"Bearer " + k.token.AccessToken.Reveal()}
	}
	if k.Limit == 0 {
		k.Limit = maxReply
	}
	return nil
}

// unusable is a reply whose status says success and whose body does not do.
// What a creation made cannot be named then, and making it again makes two.
func (k *call) unusable(err error) error {
	k.reply.MaybeApplied = k.Class == transport.Exchange || k.Class == transport.Create
	return k.failure(err)
}

// failure says what a call came to that was no success. err is why there is
// no usable reply, nil when the reply's status is the failure.
func (k *call) failure(err error) error {
	secrets := credentials{k.token.AccessToken, k.secrets[0], k.secrets[1]}
	failed := &Error{
		Op:     k.Op,
		Status: k.reply.Status,
		tenant: !strings.HasPrefix(k.URL.Host, bridgeLabel+"."),
		page:   isPage(k.reply.Body),
	}
	var details []ErrorDetail
	if err != nil {
		failed.Err = secrets.cleanError(err)
	} else {
		details = errorDetails(k.reply.Body)
	}
	failed.Details, failed.RequestID = secrets.clean(details, k.reply.Header)
	if len(details) > 0 {
		failed.Code, failed.Title = failed.Details[0].Code, failed.Details[0].Title
	}
	var result error = failed
	if k.reply.RateLimited {
		result = &RateLimitError{RetryAfter: k.reply.RetryAfter, Err: failed}
	}
	settled := err == nil && k.reply.Status < 500 && k.reply.Status != http.StatusTooManyRequests
	if k.reply.MaybeApplied && !settled {
		return &AmbiguousError{Op: k.Op, Err: result}
	}
	return result
}
