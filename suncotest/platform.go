package suncotest

import (
	"net/http"
	"slices"

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
	p.chat = chat.New(chat.Options{Lock: &p.mu, Emit: p.emit})
	p.routes = slices.Concat(p.oauth.Routes(), p.hooks.Routes(), p.chat.Routes())
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

func (p *Platform) hookOptions() hooks.Options {
	b := p.cfg.Behavior
	return hooks.Options{
		Lock:                &p.mu,
		Network:             p.network,
		Sent:                &p.sent,
		Dead:                wire.Problem(b.RevokedStatus),
		Limit:               b.WebhookLimit,
		LimitStatus:         b.WebhookLimitStatus,
		NoProbe:             b.NoProbe,
		NoRetargetProbe:     b.NoRetargetProbe,
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
		Lock:                     &p.mu,
		Network:                  p.network,
		Hooks:                    p.hooks,
		ClientID:                 p.cfg.ClientID,
		ClientSecret:             p.cfg.ClientSecret,
		RedirectURIs:             p.cfg.RedirectURIs,
		DefaultRedirectURI:       DefaultRedirectURI,
		Domain:                   p.cfg.Domain,
		Approve:                  p.cfg.Approve,
		UnknownClientStatus:      b.UnknownClientStatus,
		DenyDescription:          b.DenyDescription,
		CodeLifetime:             b.CodeLifetime,
		CodeReuseRevokes:         b.CodeReuseRevokes,
		TokenErrorStatus:         b.TokenErrorStatus,
		TokenErrorShape:          wire.Shape(b.TokenErrorShape),
		TokenLifetime:            b.TokenLifetime,
		RevokedStatus:            b.RevokedStatus,
		OldTokenDies:             b.OldTokenDies,
		WebhooksDie:              b.WebhooksDie,
		NoSubdomain:              b.NoSubdomain,
		OldSubdomainUnresolvable: b.OldSubdomainUnresolvable,
		RemoveFirst:              b.RemoveFirst,
		RemoveDelay:              b.RemoveDelay,
		MarketplaceRequired:      b.MarketplaceRequired,
		MarketplaceStatus:        b.MarketplaceStatus,
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
