package oauth

import (
	"fmt"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// Account is one customer, without defaults; the fake's public type explains the
// fields.
type Account struct {
	Subdomain   string
	DisplayName string
	AppID       string
	Legacy      string
	Metadata    map[string]any
}

// account is a customer and, while it has the integration, its installation.
type account struct {
	Account
	installed *installation
}

// installation is the partner's integration in a customer's app.
type installation struct {
	id      string
	since   time.Time
	grants  []*grant
	leaving bool // the remove URL is being called; the tokens may still work
}

// grant is an access token and what it is good for.
type grant struct {
	wire.Holder
	expires time.Time // zero: never
}

// code is an authorization code.
type code struct {
	account *account
	expires time.Time
	grant   *grant // of the first exchange
}

func (s *Service) bySubdomain(name string) *account {
	for _, a := range s.accounts {
		if a.Subdomain == name {
			return a
		}
	}
	return nil
}

func (s *Service) byApp(id string) *account {
	for _, a := range s.accounts {
		if a.AppID == id {
			return a
		}
	}
	return nil
}

// kill ends an installation: its tokens and its webhooks. A newer installation of the
// account stays. The lock is held.
func (s *Service) kill(a *account, in *installation) {
	for _, g := range in.grants {
		g.Dead = true
	}
	s.opts.Hooks.End(in.id)
	delete(s.installations, in.id)
	if a.installed == in {
		a.installed = nil
	}
}

// serves reports whether the host is the account's. The lock is held.
func serves(at wire.Place, a *account) bool {
	switch {
	case at.Kind&wire.Bridge != 0: // the bridge and addresses serve every account
		return true
	case at.Region != "":
		return a.Legacy == at.Region
	}
	return a.Legacy == "" && a.Subdomain == at.Label
}

// Exists reports whether a customer has that host. The lock is held.
func (s *Service) Exists(at wire.Place) bool {
	switch {
	case at.Kind == 0:
		return false
	case at.Label == "":
		return true
	}
	return s.Lives(at.Label)
}

// Add adds a customer. The lock is held.
func (s *Service) Add(a Account) error {
	if s.bySubdomain(a.Subdomain) != nil || s.byApp(a.AppID) != nil {
		return fmt.Errorf("suncotest: account %q: its subdomain or its app id is taken", a.Subdomain)
	}
	s.accounts = append(s.accounts, &account{Account: a})
	return nil
}

// Rename moves a customer to another subdomain. The lock is held.
func (s *Service) Rename(from, to string) error {
	a := s.bySubdomain(from)
	if a == nil || a.Legacy != "" {
		return fmt.Errorf("suncotest: there is no account with the subdomain %q", from)
	}
	if err := CheckSubdomain(to); err != nil {
		return err
	}
	if s.bySubdomain(to) != nil {
		return fmt.Errorf("suncotest: the subdomain %q is taken", to)
	}
	a.Subdomain = to
	return nil
}

// CheckSubdomain says what is wrong with the name of a customer.
func CheckSubdomain(name string) error {
	if !wire.IsLabel(name) || name == wire.BridgeLabel || name == "localhost" {
		return fmt.Errorf("suncotest: %q cannot be a subdomain; it must be one DNS label in lower case", name)
	}
	return nil
}

// Lives reports whether a customer has that subdomain. The lock is held.
func (s *Service) Lives(subdomain string) bool {
	a := s.bySubdomain(subdomain)
	return a != nil && a.Legacy == ""
}

// Accounts returns the customers, oldest first. The lock is held.
func (s *Service) Accounts() []Account {
	var all []Account
	for _, a := range s.accounts {
		all = append(all, a.Account)
	}
	return all
}

// Installation is the integration in one app.
type Installation struct {
	Account
	IntegrationID string
	Tokens        int // how many work
	Since         time.Time
}

// Installations returns the apps that have the integration, in the order of Accounts.
// The lock is held.
func (s *Service) Installations() []Installation {
	var all []Installation
	for _, a := range s.accounts {
		if a.installed == nil {
			continue
		}
		in := Installation{Account: a.Account, IntegrationID: a.installed.id, Since: a.installed.since}
		for _, g := range a.installed.grants {
			if !g.Dead && !g.expired() {
				in.Tokens++
			}
		}
		all = append(all, in)
	}
	return all
}

// Integration returns the id of the integration in an app. The lock is held.
func (s *Service) Integration(appID string) (string, error) {
	a, err := s.installed(appID)
	if err != nil {
		return "", err
	}
	return a.installed.id, nil
}

// Host returns the host of an app's API, with the port of the domain, and what is in
// front of every path. The lock is held.
func (s *Service) Host(appID string) (host, prefix string) {
	switch a := s.byApp(appID); a.Legacy {
	case wire.RegionUS:
		return wire.HostUS, ""
	case wire.RegionEU:
		return wire.HostEU, ""
	default:
		return a.Subdomain + "." + s.opts.Domain, "/sc"
	}
}

// HasApp reports whether there is such an app. The lock is held.
func (s *Service) HasApp(id string) bool { return s.byApp(id) != nil }
