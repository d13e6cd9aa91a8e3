package suncotest

import (
	"crypto/sha256"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// state is all that the platform remembers. Platform.mu guards it.
type state struct {
	accounts []*account
	renamed  map[string]bool     // subdomains that customers have left
	consents map[string]*consent // by the nonce of the page
	codes    map[string]*code    // by the code
	tokens   map[string]*grant   // by tokenKey
	order    []string            // of consents, oldest first

	installations map[string]*installation // those that live, by id
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
	leaving bool // the remove URL is being called, the end has not come yet
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

func newState(accounts []Account) state {
	s := state{
		installations: map[string]*installation{},
		renamed:       map[string]bool{},
		consents:      map[string]*consent{},
		codes:         map[string]*code{},
		tokens:        map[string]*grant{},
	}
	for _, a := range accounts {
		s.accounts = append(s.accounts, &account{Account: a})
	}
	return s
}

func (s *state) bySubdomain(name string) *account {
	for _, a := range s.accounts {
		if a.Subdomain == name {
			return a
		}
	}
	return nil
}

func (s *state) byApp(id string) *account {
	for _, a := range s.accounts {
		if a.AppID == id {
			return a
		}
	}
	return nil
}

// kill ends an installation: its tokens and its webhooks. The account may have a
// newer one by now, which stays. The mutex is held.
func (p *Platform) kill(a *account, in *installation) {
	for _, g := range in.grants {
		g.Dead = true
	}
	p.hooks.End(in.id)
	delete(p.state.installations, in.id)
	if a.installed == in {
		a.installed = nil
	}
}

// tokenKey is what a token is remembered by, so that looking one up takes the same
// time for all wrong ones.
func tokenKey(token string) string {
	sum := sha256.Sum256([]byte(token))
	return string(sum[:])
}

// serves reports whether the account lives there. The mutex is held.
func serves(at wire.Place, a *account) bool {
	switch {
	case at.Kind&wire.Bridge != 0: // the bridge knows everyone, and so does an address
		return true
	case at.Region != "":
		return a.Legacy == at.Region
	}
	return a.Legacy == "" && a.Subdomain == at.Label
}

// exists reports whether anybody lives there. The mutex is held.
func (s *state) exists(at wire.Place) bool {
	switch {
	case at.Kind == 0:
		return false
	case at.Label == "":
		return true
	}
	a := s.bySubdomain(at.Label)
	return a != nil && a.Legacy == ""
}
