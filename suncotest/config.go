package suncotest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sunco-go/sunco/suncotest/internal/oauth"
	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// The values that the zero [Config] stands for.
const (
	DefaultClientID     = "shoplifter"
	DefaultClientSecret = "sandbox-secret"
	DefaultDomain       = "zendesk.com"
	DefaultSubdomain    = "acme"

	// DefaultRedirectURI is where the browser goes when no redirect URI is
	// registered and the authorize request names none.
	DefaultRedirectURI = "http://localhost/callback"
)

// The values of [Account.Legacy].
const (
	LegacyUS = "us" // api.smooch.io
	LegacyEU = "eu" // api.eu-1.smooch.io
)

// Config describes the partner and its customers. Every field may be zero. [New] copies
// the Config, so that later changes have no effect.
type Config struct {
	// ClientID and ClientSecret are the partner's credentials. Empty:
	// [DefaultClientID] and [DefaultClientSecret].
	ClientID, ClientSecret string

	// RedirectURIs are the registered redirect URIs. They are compared byte for byte,
	// and the first is used when authorize names none. Empty: every URI on a loopback
	// address, on localhost or on a mounted host is accepted, and [DefaultRedirectURI]
	// is used when authorize names none.
	RedirectURIs []string

	// RemoveURL is the partner's URL that the platform calls after the integration was
	// removed or revoked. Empty: no call.
	RemoveURL string

	// Domain is the domain of the bridge and the customers, with an optional port.
	// Empty: [DefaultDomain]. Under localhost the platform answers HTTP and HTTPS,
	// elsewhere only HTTPS.
	Domain string

	// Accounts are the customers. Empty: one account, [DefaultSubdomain].
	Accounts []Account

	// Approve makes authorize choose the first account and redirect at once, without
	// the consent page.
	Approve bool

	// Behavior chooses how the platform behaves where no document says so.
	Behavior Behavior

	// Log is called with each request that the platform received, after the answer. It
	// may run concurrently. Printing a Request shows no credentials, as in
	// func(r suncotest.Request) { t.Log(r) }. Nil: no call.
	Log func(Request)
}

// Account is one customer of the platform.
type Account struct {
	// Subdomain is the first label of the customer's host, in lower case. A legacy
	// account has no host of its own; its Subdomain is only the name by which
	// [Platform.Allow] chooses it. Empty: "acme", or "legacy-us" or "legacy-eu".
	Subdomain string

	// DisplayName is the app's name in token info. Empty: made from Subdomain. To end a
	// name with half an emoji, as programs do that cut texts, write the half in three
	// bytes: "\xed\xa0\xbe" becomes \ud83e in JSON.
	DisplayName string

	// AppID is the id of the customer's app. Empty: 24 hex characters derived from
	// Subdomain, the same in every run.
	AppID string

	// Legacy is empty, [LegacyUS] or [LegacyEU]. A legacy account is on api.smooch.io or
	// api.eu-1.smooch.io, without /sc, and its token info has no subdomain.
	Legacy string

	// Metadata is the app's metadata in token info. Nil: an empty object. A value may be
	// a json.RawMessage.
	Metadata map[string]any
}

// Validate returns an error when c cannot be used. [New] panics with the same error.
func (c Config) Validate() error {
	c = c.withDefaults()
	if _, _, err := wire.SplitDomain(c.Domain); err != nil {
		return err
	}
	for _, uri := range c.RedirectURIs {
		if _, err := wire.ParseAbsolute(uri); err != nil {
			return fmt.Errorf("suncotest: RedirectURIs: %q: %w", uri, err)
		}
	}
	if c.RemoveURL != "" {
		if _, err := wire.ParseAbsolute(c.RemoveURL); err != nil {
			return fmt.Errorf("suncotest: RemoveURL: %w", err)
		}
	}
	names, ids := map[string]bool{}, map[string]bool{}
	for _, a := range c.Accounts {
		if err := a.validate(); err != nil {
			return err
		}
		if names[a.Subdomain] || ids[a.AppID] {
			return fmt.Errorf("suncotest: account %q: its subdomain or its app id is used twice", a.Subdomain)
		}
		names[a.Subdomain], ids[a.AppID] = true, true
	}
	return nil
}

func (c Config) withDefaults() Config {
	c.ClientID = cmp.Or(c.ClientID, DefaultClientID)
	c.ClientSecret = cmp.Or(c.ClientSecret, DefaultClientSecret)
	c.Domain = strings.ToLower(cmp.Or(c.Domain, DefaultDomain))
	c.RedirectURIs = slices.Clone(c.RedirectURIs)
	c.Accounts = slices.Clone(c.Accounts)
	if len(c.Accounts) == 0 {
		c.Accounts = []Account{{}}
	}
	for i, a := range c.Accounts {
		c.Accounts[i] = a.withDefaults()
	}
	c.Behavior = c.Behavior.withDefaults()
	return c
}

func (a Account) withDefaults() Account {
	if a.Legacy != "" {
		a.Subdomain = cmp.Or(a.Subdomain, "legacy-"+a.Legacy)
	}
	a.Subdomain = cmp.Or(a.Subdomain, DefaultSubdomain)
	a.DisplayName = cmp.Or(a.DisplayName, displayName(a.Subdomain))
	a.AppID = cmp.Or(a.AppID, wire.StableID("app", a.Subdomain))
	if a.Metadata == nil {
		a.Metadata = map[string]any{}
	}
	a.Metadata = maps.Clone(a.Metadata)
	return a
}

func (a Account) validate() error {
	if err := oauth.CheckSubdomain(a.Subdomain); err != nil {
		return err
	}
	switch {
	case a.Legacy != "" && a.Legacy != LegacyUS && a.Legacy != LegacyEU:
		return fmt.Errorf("suncotest: account %q: Legacy is %q; it must be %q, %q or empty",
			a.Subdomain, a.Legacy, LegacyUS, LegacyEU)
	case !wire.IsID(a.AppID):
		return fmt.Errorf("suncotest: account %q: AppID is %q; it must have 1 to 64 letters, digits, - or _",
			a.Subdomain, a.AppID)
	}
	return nil
}

func displayName(subdomain string) string {
	return strings.ToUpper(subdomain[:1]) + subdomain[1:]
}
