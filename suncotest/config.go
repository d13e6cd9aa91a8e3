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

// What the zero [Config] stands for.
const (
	DefaultClientID     = "shoplifter"
	DefaultClientSecret = "sandbox-secret"
	DefaultDomain       = "zendesk.com"
	DefaultSubdomain    = "acme"

	// DefaultRedirectURI receives the browser when no redirect URI is
	// registered and the authorize request names none.
	DefaultRedirectURI = "http://localhost/callback"
)

// The values of [Account.Legacy].
const (
	LegacyUS = "us" // api.smooch.io
	LegacyEU = "eu" // api.eu-1.smooch.io
)

// Config describes the partner and its customers. Every field may be left zero.
// It is copied by [New]; changing it later has no effect.
type Config struct {
	// ClientID and ClientSecret are the partner's credentials. Empty:
	// [DefaultClientID] and [DefaultClientSecret].
	ClientID, ClientSecret string

	// RedirectURIs are the registered ones, compared byte for byte. The first is
	// used when authorize names none. Empty: any URI on a loopback address, on
	// localhost or on a mounted host is accepted, and [DefaultRedirectURI] is
	// used when authorize names none.
	RedirectURIs []string

	// RemoveURL is called when an integration is removed or revokes itself.
	// Empty: nothing is called.
	RemoveURL string

	// Domain is the domain under which the bridge and the customers live.
	// Empty: [DefaultDomain]. It may carry a port. Under localhost the platform
	// speaks plain HTTP too; everywhere else only HTTPS.
	Domain string

	// Accounts are the customers. Empty: one account, [DefaultSubdomain].
	Accounts []Account

	// Approve makes authorize redirect at once with the first account, without
	// showing the consent page.
	Approve bool

	// Behavior chooses among the readings of what is not documented.
	Behavior Behavior
}

// Account is one customer of the platform.
type Account struct {
	// Subdomain is the customer's host label, lower-case. A legacy account has
	// no host of its own: there it is only the name under which the account is
	// chosen. Empty: "acme", or "legacy-us" and "legacy-eu".
	Subdomain string

	// DisplayName is the app's name in token info. Empty: made from Subdomain. The
	// bytes "\xed\xa0\xbe" become \ud83e, half an emoji, which names can end with.
	DisplayName string

	// AppID is the customer's app. Empty: 24 hex characters derived from
	// Subdomain, the same in every run.
	AppID string

	// Legacy is empty, [LegacyUS] or [LegacyEU]. A legacy account lives on
	// api.smooch.io or api.eu-1.smooch.io, without /sc, and token info names no
	// subdomain for it.
	Legacy string

	// Metadata is the app's metadata in token info. Nil: an empty object.
	Metadata map[string]any
}

// Validate reports what is wrong with c. [New] panics with the same error.
func (c Config) Validate() error {
	c = c.withDefaults()
	if _, _, err := wire.SplitDomain(c.Domain); err != nil {
		return err
	}
	for _, uri := range c.RedirectURIs {
		if _, err := wire.ParseAbsolute(uri); err != nil {
			return fmt.Errorf("suncotest: redirect URI %q: %w", uri, err)
		}
	}
	if c.RemoveURL != "" {
		if _, err := wire.ParseAbsolute(c.RemoveURL); err != nil {
			return fmt.Errorf("suncotest: remove URL: %w", err)
		}
	}
	names, ids := map[string]bool{}, map[string]bool{}
	for _, a := range c.Accounts {
		if err := a.validate(); err != nil {
			return err
		}
		if names[a.Subdomain] || ids[a.AppID] {
			return fmt.Errorf("suncotest: account %q appears twice", a.Subdomain)
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
		return fmt.Errorf("suncotest: account %q: legacy region %q is neither %q nor %q",
			a.Subdomain, a.Legacy, LegacyUS, LegacyEU)
	case !wire.IsID(a.AppID):
		return fmt.Errorf("suncotest: account %q: %q cannot be an app id", a.Subdomain, a.AppID)
	}
	return nil
}

func displayName(subdomain string) string {
	return strings.ToUpper(subdomain[:1]) + subdomain[1:]
}
