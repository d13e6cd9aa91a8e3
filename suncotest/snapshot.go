package suncotest

import (
	"slices"
	"time"
)

// Installation is a snapshot of the partner's integration in one app.
type Installation struct {
	AppID         string
	IntegrationID string
	Subdomain     string
	Legacy        string // as in [Account]
	Tokens        int    // how many work
	Webhooks      int
	Since         time.Time
}

// Webhook is a snapshot of one webhook, without its secret.
type Webhook struct {
	ID                string
	AppID             string
	Target            string
	Triggers          []string
	IncludeFullUser   bool
	IncludeFullSource bool
}

// Accounts returns the customers in the order in which they were added. Metadata is
// shared with the platform and must not be changed.
func (p *Platform) Accounts() []Account {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Account
	for _, a := range p.state.accounts {
		all = append(all, a.Account)
	}
	return all
}

// Installations returns the apps that have the integration, in the order of
// [Platform.Accounts].
func (p *Platform) Installations() []Installation {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Installation
	for _, a := range p.state.accounts {
		if in := a.installed; in != nil {
			s := Installation{
				AppID: a.AppID, IntegrationID: in.id, Subdomain: a.Subdomain, Legacy: a.Legacy,
				Webhooks: len(in.webhooks), Since: in.since,
			}
			for _, g := range in.grants {
				if !g.dead && !g.expired() {
					s.Tokens++
				}
			}
			all = append(all, s)
		}
	}
	return all
}

// Webhooks returns every webhook of every installation, in the order of
// [Platform.Accounts] and of creation.
func (p *Platform) Webhooks() []Webhook {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Webhook
	for _, a := range p.state.accounts {
		if a.installed == nil {
			continue
		}
		for _, w := range a.installed.webhooks {
			all = append(all, Webhook{
				ID: w.ID, AppID: a.AppID, Target: w.Target, Triggers: slices.Clone(w.Triggers),
				IncludeFullUser: w.IncludeFullUser, IncludeFullSource: w.IncludeFullSource,
			})
		}
	}
	return all
}
