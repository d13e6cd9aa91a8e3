// Package oauth is who may do what: the customers and their installations, authorize
// and its consent page, token and token info, revoke, and what a request must bring.
package oauth

import (
	"crypto/sha256"
	"net/http"
	"strings"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/hooks"
	"github.com/sunco-go/sunco/suncotest/internal/netsim"
	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// Options are what oauth needs to know, without defaults. The fields that choose among
// readings of the documents are those of the fake's public Behavior.
type Options struct {
	Lock    *wire.Lock
	Network *netsim.Network
	Hooks   *hooks.Service

	ClientID           string
	ClientSecret       string
	RedirectURIs       []string
	DefaultRedirectURI string
	Domain             string
	Approve            bool
	Accounts           []Account

	UnknownClientStatus int
	DenyDescription     string
	CodeLifetime        time.Duration
	CodeReuseRevokes    bool
	TokenErrorStatus    int
	TokenErrorShape     wire.Shape
	TokenLifetime       time.Duration
	RevokedStatus       int
	RevokedShape        wire.Shape
	OldTokenDies        bool
	WebhooksDie         bool
	NoSubdomain         bool
	EchoPostback        bool
	OtherAppStatus      int
	RemoveFirst         bool
	RemoveDelay         time.Duration
	MarketplaceRequired bool
	MarketplaceStatus   int
}

// Service keeps the customers, and everything that was given to the partner for them.
// The lock guards all of it but the options.
type Service struct {
	opts          Options
	accounts      []*account               // oldest first
	installations map[string]*installation // those that live, by id
	codes         map[string]*code         // by the code
	tokens        map[string]*grant        // by tokenKey
	consents      map[string]*consent      // by the nonce of the page
	order         []string                 // of consents, oldest first
}

// New returns a service with the customers of opts.
func New(opts Options) *Service {
	s := &Service{
		opts:          opts,
		installations: map[string]*installation{},
		codes:         map[string]*code{},
		tokens:        map[string]*grant{},
		consents:      map[string]*consent{},
	}
	for _, a := range opts.Accounts {
		s.accounts = append(s.accounts, &account{Account: a})
	}
	return s
}

// Routes are the bridge's operations and revoke.
func (s *Service) Routes() []wire.Route {
	bridge, tenant := wire.Bridge, wire.Tenant
	return []wire.Route{
		{On: bridge, Method: http.MethodGet, Path: authorizePath, Do: s.authorize},
		{On: bridge, Method: http.MethodHead, Path: authorizePath, Do: s.authorizeHead},
		{On: bridge, Method: http.MethodPost, Path: consentPath, Do: s.decide},
		{On: bridge, Method: http.MethodPost, Path: "/oauth/token", Access: wire.Partner, Do: s.token},
		{On: bridge, Method: http.MethodGet, Path: "/v2/tokenInfo", Fold: true, Access: wire.Granted, Do: s.tokenInfo},
		{On: tenant, Method: http.MethodDelete, Path: "/oauth/authorization", Access: wire.Granted, Do: s.revoke},
	}
}

// tokenKey is what a token is remembered by, so that looking one up takes the same
// time for all wrong ones.
func tokenKey(token string) string {
	sum := sha256.Sum256([]byte(token))
	return string(sum[:])
}

// Admit checks what a route asks of whoever calls it.
func (s *Service) Admit(c *wire.Call, need wire.Access) (wire.Reply, bool) {
	if need == wire.Browser {
		return wire.Reply{}, true
	}
	if refusal, ok := s.checkMarketplace(c.Header); !ok {
		return refusal, false
	}
	if encoding := c.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return wire.Problem(http.StatusUnsupportedMediaType, "The body must not have a Content-Encoding"), false
	}
	if need == wire.Partner {
		return wire.Reply{}, true
	}
	if refusal, ok := s.authenticate(c); !ok {
		return refusal, false
	}
	app, named := c.Params["app"]
	part, integration := c.Params["integration"]
	switch {
	case named && app != c.AppID:
		return wire.Problem(s.opts.OtherAppStatus, "The token belongs to another app"), false
	case need == wire.OfTheApp && integration && part != "me":
		return wire.Failure(http.StatusNotFound, "integration_not_found", "The integration in the path must be me"), false
	}
	return wire.Reply{}, true
}

// Dead answers a token that is not good, or none.
func Dead(status int, shape wire.Shape) wire.Reply {
	code := strings.ReplaceAll(strings.ToLower(http.StatusText(status)), " ", "_")
	r := wire.Shaped(shape, status, code, "Couldn't authenticate you")
	if status == http.StatusUnauthorized {
		r = r.With("WWW-Authenticate", "Bearer")
	}
	return r
}

// authenticate finds out whose token the request carries.
func (s *Service) authenticate(c *wire.Call) (wire.Reply, bool) {
	refusal := Dead(http.StatusUnauthorized, s.opts.RevokedShape)
	fields := c.Header.Values("Authorization")
	if len(fields) != 1 {
		return refusal, false
	}
	scheme, token, ok := strings.Cut(fields[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return refusal, false
	}
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	g := s.tokens[tokenKey(token)]
	switch {
	case g == nil || !serves(c.At, s.byApp(g.AppID)):
		return refusal, false
	case g.Dead || g.expired():
		return Dead(s.opts.RevokedStatus, s.opts.RevokedShape), false
	}
	c.Holder = &g.Holder
	return wire.Reply{}, true
}

// checkMarketplace checks the headers of marketplace apps, when it is asked to.
func (s *Service) checkMarketplace(h http.Header) (wire.Reply, bool) {
	const prefix = "X-Zendesk-Marketplace-"
	if !s.opts.MarketplaceRequired {
		return wire.Reply{}, true
	}
	one := func(name string) bool {
		values := h.Values(prefix + name)
		return len(values) == 1 && strings.TrimSpace(values[0]) != "" &&
			wire.OnlyBytes(values[0], func(c byte) bool { return ' ' <= c && c <= '~' })
	}
	given := func(name string) bool { return len(h.Values(prefix+name)) > 0 }
	wrong := ""
	switch {
	case !one("Name"):
		wrong = prefix + "Name is needed once"
	case !one("Organization-Id"):
		wrong = prefix + "Organization-Id is needed once"
	case given("Bot-Id") == given("App-Id"), given("Bot-Id") && !one("Bot-Id"), given("App-Id") && !one("App-Id"):
		wrong = "Either " + prefix + "Bot-Id or " + prefix + "App-Id is needed once"
	default:
		return wire.Reply{}, true
	}
	return wire.Failure(s.opts.MarketplaceStatus, "forbidden", wrong), false
}
