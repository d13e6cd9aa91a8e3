package suncotest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/sunco-go/sunco/suncotest/internal/chat"
	"github.com/sunco-go/sunco/suncotest/internal/hooks"
	"github.com/sunco-go/sunco/suncotest/internal/journal"
	"github.com/sunco-go/sunco/suncotest/internal/netsim"
	"github.com/sunco-go/sunco/suncotest/internal/oauth"
	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// Platform is a fake platform, started by [New]. Its methods may be called concurrently.
type Platform struct {
	cfg     Config // with defaults; Accounts is only what it began with
	routes  []wire.Route
	network *netsim.Network
	client  *http.Transport // behind Client and Transport

	faults   journal.Faults
	received journal.Log
	sent     journal.Log
	hooks    *hooks.Service
	oauth    *oauth.Service
	chat     *chat.Service

	mu wire.Lock // of what the rooms remember
}

// New starts a platform. It panics with the error of [Config.Validate] when cfg is not
// valid. The caller must call [Platform.Close].
func New(cfg Config) *Platform {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg = cfg.withDefaults()
	p := &Platform{cfg: cfg, received: journal.Log{Kind: "request"}, sent: journal.Log{Kind: "call"}}
	var err error
	if p.network, err = netsim.New(netsim.Options{Handler: p, Listens: p.listens, Fault: p.faults.Dialling}); err != nil {
		panic(err)
	}
	p.client = p.network.Transport(p.CertPool())
	p.hooks = hooks.New(p.hookOptions())
	p.oauth = oauth.New(p.oauthOptions())
	p.chat = chat.New(p.chatOptions())
	p.routes = slices.Concat(p.oauth.Routes(), p.hooks.Routes(), p.chat.Routes(), wire.Others())
	return p
}

// Close stops the platform. It closes the connections, cancels calls to the partner, and
// waits until every goroutine of the platform has ended. It may be called twice.
func (p *Platform) Close() {
	p.network.Close()
	p.client.CloseIdleConnections()
	p.hooks.Close()
}

// Client returns an HTTP client in the platform's network. It reaches the bridge, the
// customers' hosts, the legacy hosts and the hosts of [Platform.Mount] in memory, and it
// trusts the platform's certificates. It dials loopback addresses that are not mounted on
// the real network. No other name resolves; for the domain's names without a customer see
// [Behavior.UnknownHost]. The client follows redirects, like any
// http.Client. Each call returns a new client on one shared transport.
func (p *Platform) Client() *http.Client {
	return &http.Client{Transport: p.client}
}

// Transport returns a new transport like the one of [Platform.Client], for callers that
// want to change it. Closing its idle connections is up to the caller; Close ends them at
// the latest.
func (p *Platform) Transport() *http.Transport {
	return p.network.Transport(p.CertPool())
}

// Mount puts a server of the partner into the platform's network. host is a name or a
// loopback address, with an optional port. Without a port the server answers HTTPS on
// 443 and HTTP on 80; with a port it answers both on that port. [Platform.Client] and the
// platform's own calls reach it in memory. Mounting a host again replaces its handler; a
// nil handler removes it. The platform's own hosts cannot be replaced.
func (p *Platform) Mount(host string, h http.Handler) { p.network.Mount(host, h) }

// CertPool returns a new pool with the platform's certificate authority.
func (p *Platform) CertPool() *x509.CertPool { return p.network.Authority().Pool() }

// CertPEM returns the certificate of the platform's authority in PEM, for clients in other
// languages. Every platform has a new authority.
func (p *Platform) CertPEM() []byte { return p.network.Authority().PEM() }

// TLSConfig returns a new configuration for a TLS server that makes a certificate for each
// name or address a client asks for.
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

// owns reports whether host is one of the platform's own names at this moment. Names
// without a customer are, so that they can say so, but not those of the partner's servers.
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
	if p.oauth.Lives(label) {
		return true
	}
	return p.cfg.Behavior.UnknownHost != HostUnresolvable && domain != "localhost" && wire.IsLabel(label) &&
		!p.network.Knows(host)
}

// ServeHTTP answers as the host that the request names; see "As a server" above. It
// records the request and applies faults first.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	limit := maxBody(r)
	body, err := readBody(w, r, limit)
	entry := p.received.Add(r, body)
	rec := &journal.Recorder{ResponseWriter: w}
	var note string
	defer func() {
		seen := p.received.Finish(entry, rec.Reply(note))
		if p.cfg.Log != nil {
			p.cfg.Log(Request(seen))
		}
	}()
	kept := &keptBody{bytes.NewReader(body)}
	r.Body = kept
	rec.Header().Set("X-Request-Id", entry.ID)
	p.faults.Serve(rec, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == kept {
			kept.Reset(body) // a fault may have read it
		}
		var reply wire.Reply
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			reply = wire.Problem(http.StatusRequestEntityTooLarge, fmt.Sprintf("The body has more than %d bytes", limit)).
				With("Connection", "close")
		case err != nil:
			reply = wire.Problem(http.StatusBadRequest, "The body ended too early")
		default:
			reply = p.answer(r)
		}
		note = reply.Note
		reply.Write(w, r)
	}))
}

// keptBody is a request's body, which is in memory already.
type keptBody struct{ *bytes.Reader }

// Close does nothing.
func (*keptBody) Close() error { return nil }

// maxBody is how long the body of a request may be: 100 kB, or what a form with a file of
// 50 MB takes.
func maxBody(r *http.Request) int64 {
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/attachments") {
		return wire.MaxUpload + wire.MaxBody
	}
	return wire.MaxBody
}

func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	return io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
}

// answer finds who is asked for what, and lets that endpoint reply.
func (p *Platform) answer(r *http.Request) wire.Reply {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody(r)))
	if err != nil {
		return wire.Problem(http.StatusBadRequest, "The body cannot be read")
	}
	c := &wire.Call{
		Request: r, At: wire.Locate(r.Host), Body: body, Strict: p.cfg.Behavior.Strict, UTF16: p.cfg.Behavior.UTF16,
	}
	if wire.Misdirected(r) {
		return wire.Problem(http.StatusMisdirectedRequest, "The Host header names another host than the TLS connection")
	}
	p.mu.Lock()
	exists := p.oauth.Exists(c.At)
	p.mu.Unlock()
	if !exists {
		return p.nobodyHere(r.Host)
	}
	if r.Method == http.MethodGet && c.At.Kind&wire.Tenant != 0 && strings.HasPrefix(r.URL.Path, "/admin/") {
		return p.oauth.Admin(c)
	}
	route, params, allowed := wire.Find(p.routes, c.At, r.Method, r.URL.EscapedPath())
	switch {
	case route == nil && allowed != nil:
		return wire.Problem(http.StatusMethodNotAllowed, "This path does not take this method").
			With("Allow", strings.Join(allowed, ", "))
	case route == nil:
		return wire.Problem(http.StatusNotFound, "The API has no such path")
	}
	c.Params = params
	if refusal, ok := p.oauth.Admit(c, route.Access); !ok {
		return refusal
	}
	reply := route.Do(c)
	if reply.Note == "" && c.Unknown != nil {
		reply.Note = "unknown: " + strings.Join(c.Unknown, ", ")
	}
	return reply
}

// nobodyHere answers for a host where no customer lives, or none any more.
func (p *Platform) nobodyHere(host string) wire.Reply {
	title := "No help desk at " + netsim.Hostname(host)
	switch p.cfg.Behavior.UnknownHost {
	case HostAPIError:
		return wire.Problem(http.StatusNotFound, "")
	case HostPage:
		return wire.Shaped(wire.ErrorHTML, http.StatusNotFound, "", title)
	}
	return wire.Front(http.StatusNotFound, title, "There is no help desk configured at this address.")
}

func (p *Platform) hookOptions() hooks.Options {
	b := p.cfg.Behavior
	return hooks.Options{
		Lock:                &p.mu,
		Network:             p.network,
		Sent:                &p.sent,
		Dead:                oauth.Dead(b.RevokedStatus, wire.Shape(b.RevokedShape)),
		Limit:               b.WebhookLimit,
		LimitStatus:         b.WebhookLimitStatus,
		NoProbe:             b.NoProbe,
		NoRetargetProbe:     b.NoRetargetProbe,
		ProbeCounts:         b.ProbeCounts.counts,
		TriggerStatus:       b.UnknownTriggerStatus,
		LowerHost:           b.TargetForm&TargetLowerHost != 0,
		NoPort:              b.TargetForm&TargetNoPort != 0,
		Slash:               b.TargetForm&TargetSlash != 0,
		RetryInterval:       b.DeliveryRetryInterval,
		Copies:              b.DeliveryCopies,
		Doubled:             b.DeliveryDoubled,
		Reordered:           b.DeliveryReordered,
		Serial:              b.DeliverySerial,
		WrongKey:            b.DeliveryWrongKey,
		RemoveURL:           p.cfg.RemoveURL,
		RemoveRetries:       b.RemoveRetries,
		RemoveRetryInterval: b.RemoveRetryInterval,
	}
}

func (p *Platform) oauthOptions() oauth.Options {
	b := p.cfg.Behavior
	opts := oauth.Options{
		Lock:                &p.mu,
		Network:             p.network,
		Hooks:               p.hooks,
		ClientID:            p.cfg.ClientID,
		ClientSecret:        p.cfg.ClientSecret,
		RedirectURIs:        p.cfg.RedirectURIs,
		DefaultRedirectURI:  DefaultRedirectURI,
		Domain:              p.cfg.Domain,
		Approve:             p.cfg.Approve,
		UnknownClientStatus: b.UnknownClientStatus,
		DenyDescription:     b.DenyDescription,
		CodeLifetime:        b.CodeLifetime,
		CodeReuseRevokes:    b.CodeReuseRevokes,
		TokenErrorStatus:    b.TokenErrorStatus,
		TokenErrorShape:     wire.Shape(b.TokenErrorShape),
		TokenLifetime:       b.TokenLifetime,
		RevokedStatus:       b.RevokedStatus,
		RevokedShape:        wire.Shape(b.RevokedShape),
		OldTokenDies:        b.OldTokenDies,
		WebhooksDie:         b.WebhooksDie,
		NoSubdomain:         b.NoSubdomain,
		EchoPostback:        b.EchoPostback,
		OtherAppStatus:      b.OtherAppStatus,
		RemoveFirst:         b.RemoveFirst,
		RemoveDelay:         b.RemoveDelay,
		MarketplaceRequired: b.MarketplaceRequired,
		MarketplaceStatus:   b.MarketplaceStatus,
	}
	for _, a := range p.cfg.Accounts {
		opts.Accounts = append(opts.Accounts, oauth.Account(a))
	}
	return opts
}

func (p *Platform) chatOptions() chat.Options {
	b := p.cfg.Behavior
	return chat.Options{
		Lock: &p.mu,
		Bot:  p.cfg.ClientID,
		Emit: p.emit,
		Integration: func(appID string) string {
			id, _ := p.oauth.Integration(appID) // empty while it is not installed
			return id
		},
		Host:               p.oauth.Host,
		Admit:              func(c *wire.Call) (wire.Reply, bool) { return p.oauth.Admit(c, wire.Granted) },
		NoSwitchboard:      b.NoSwitchboard,
		NoStandbyEvents:    b.NoStandbyEvents,
		ControlRefused:     b.ControlRefused,
		ReleaseToDefault:   b.ReleaseToDefault,
		SolvePasses:        b.SolvePasses,
		NullKept:           b.NullKept,
		MetadataMerges:     b.MetadataMerges,
		NewestFirst:        b.NewestFirst,
		Placeholders:       b.Placeholders,
		FormStaysOpen:      b.FormStaysOpen,
		EchoPostback:       b.EchoPostback,
		AIDisclaimer:       b.AIDisclaimer,
		DeliveryReceipts:   b.DeliveryReceipts,
		ForeignMedia:       b.ForeignMedia,
		PrivateAttachments: b.PrivateAttachments,
		UserUpdateTells:    b.UserUpdateTells,
		UserRemoveTells:    b.UserRemoveTells,
	}
}

// emit tells the webhooks of an app's integration, if there is one. The lock is held.
func (p *Platform) emit(appID, trigger string, payload wire.Payload) {
	if integration, err := p.oauth.Integration(appID); err == nil {
		p.hooks.Tell(appID, integration, trigger, payload)
	}
}
