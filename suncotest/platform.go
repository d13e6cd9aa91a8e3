package suncotest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
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

// Platform is the fake platform. It is made by [New] and safe for concurrent use.
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

// New starts a platform as cfg describes it. It panics when cfg is not valid, with
// the error of [Config.Validate]. The caller closes it with [Platform.Close].
func New(cfg Config) *Platform {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg = cfg.withDefaults()
	p := &Platform{cfg: cfg}
	var err error
	if p.network, err = netsim.New(netsim.Options{Handler: p, Listens: p.listens, Fault: p.faults.Dialling}); err != nil {
		panic(err)
	}
	p.client = p.network.Transport(p.CertPool())
	p.hooks = hooks.New(p.hookOptions())
	p.oauth = oauth.New(p.oauthOptions())
	p.chat = chat.New(chat.Options{Lock: &p.mu, Bot: cfg.ClientID, Emit: p.emit})
	p.routes = slices.Concat(p.oauth.Routes(), p.hooks.Routes(), p.chat.Routes(), wire.Others())
	return p
}

// Close stops the platform: connections end, calls to the partner are cancelled
// and waited for, and every goroutine of the platform ends. It may be called more
// than once.
func (p *Platform) Close() {
	p.network.Close()
	p.client.CloseIdleConnections()
	p.hooks.Close()
}

// Client returns an HTTP client inside the platform's network. It reaches the
// bridge, the customers' hosts, the legacy hosts and what [Platform.Mount] added,
// all of them in memory, and trusts the platform's certificates. Loopback
// addresses that are not mounted are dialled for real; every other name does not
// exist. Like any http.Client it follows redirects unless CheckRedirect says
// otherwise. Each call returns a new client on one shared transport.
func (p *Platform) Client() *http.Client {
	return &http.Client{Transport: p.client}
}

// Transport returns a new transport like the one of [Platform.Client], for a
// caller who wants to change it. Its idle connections are the caller's to close,
// although they end with the platform at the latest.
func (p *Platform) Transport() *http.Transport {
	return p.network.Transport(p.CertPool())
}

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

// ServeHTTP answers as the host the request names; see the package comment. The
// request is recorded, and faults are played, before the platform sees it.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	entry := p.received.Add(r, body)
	rec := &journal.StatusRecorder{ResponseWriter: w}
	var note string
	defer func() { p.received.Finish(entry, rec.Status, note) }()
	kept := &keptBody{bytes.NewReader(body)}
	r.Body = kept
	rec.Header().Set("X-Request-Id", entry.ID)
	p.faults.Serve(rec, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == kept {
			kept.Reset(body) // a fault may have read it
		}
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			w.Header().Set("Connection", "close")
			wire.Problem(http.StatusRequestEntityTooLarge).Write(w, r)
		case err != nil:
			wire.Problem(http.StatusBadRequest).Write(w, r)
		default:
			reply := p.answer(r)
			note = reply.Note
			reply.Write(w, r)
		}
	}))
}

// keptBody is a request's body, which is in memory already.
type keptBody struct{ *bytes.Reader }

// Close does nothing.
func (*keptBody) Close() error { return nil }

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	return io.ReadAll(http.MaxBytesReader(w, r.Body, wire.MaxBody))
}

// answer finds who is asked for what, and lets that endpoint reply.
func (p *Platform) answer(r *http.Request) wire.Reply {
	body, err := io.ReadAll(io.LimitReader(r.Body, wire.MaxBody))
	if err != nil {
		return wire.Problem(http.StatusBadRequest)
	}
	c := &wire.Call{Request: r, At: wire.Locate(r.Host), Body: body, Strict: p.cfg.Behavior.Strict}
	if wire.Misdirected(r) {
		return wire.Problem(http.StatusMisdirectedRequest)
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
		return wire.Problem(http.StatusMethodNotAllowed).With("Allow", strings.Join(allowed, ", "))
	case route == nil:
		return wire.Problem(http.StatusNotFound)
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
		return wire.Problem(http.StatusNotFound)
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
		Canonical:           b.CanonicalTargets,
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
		OldNamesResolve:     b.UnknownHost != HostUnresolvable,
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

// emit tells the webhooks of an app's integration, if there is one. The lock is held.
func (p *Platform) emit(appID, trigger string, payload wire.Payload) {
	if integration, err := p.oauth.Integration(appID); err == nil {
		p.hooks.Tell(appID, integration, trigger, payload)
	}
}
