package suncotest

import (
	"context"
	"fmt"
	"net/http"

	"github.com/sunco-go/sunco/suncotest/internal/netsim"
	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// revoke removes the integration at its own wish.
func (p *Platform) revoke(c *wire.Call) wire.Reply {
	p.mu.Lock()
	in := p.state.installations[c.IntegrationID]
	if c.Dead || in == nil { // a moment ago it was alive
		p.mu.Unlock()
		return wire.Problem(p.cfg.Behavior.RevokedStatus)
	}
	p.remove(p.state.byApp(c.AppID), in)
	p.mu.Unlock()
	return wire.OK(http.StatusOK, struct{}{})
}

// Uninstall plays the customer who removes the integration from an app. Its tokens
// and webhooks are dead when Uninstall returns, unless [Behavior.RemoveFirst] says
// otherwise; the remove URL is called in the background, as after a revoke. The
// error says that there is no such app, or that the integration is not in it.
func (p *Platform) Uninstall(appID string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.state.byApp(appID)
	switch {
	case a == nil:
		return fmt.Errorf("suncotest: there is no app %q", appID)
	case a.installed == nil:
		return fmt.Errorf("suncotest: the integration is not installed in app %q", appID)
	}
	p.remove(a, a.installed)
	return nil
}

// remove ends an installation and tells the partner, in the configured order. The
// mutex is held.
func (p *Platform) remove(a *account, in *installation) {
	if in.leaving {
		return
	}
	in.leaving = true
	b := p.cfg.Behavior
	if !b.RemoveFirst {
		p.kill(a, in)
		p.network.Go(func(ctx context.Context) {
			if netsim.Sleep(ctx, b.RemoveDelay) {
				p.hooks.CallRemove(ctx, a.AppID, in.id)
			}
		})
		return
	}
	p.network.Go(func(ctx context.Context) {
		p.network.Go(func(ctx context.Context) { p.hooks.CallRemove(ctx, a.AppID, in.id) })
		if !netsim.Sleep(ctx, b.RemoveDelay) {
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.kill(a, in)
	})
}

// Rename moves a customer to another subdomain. App id, tokens and webhooks stay;
// what the old name answers is [Behavior.OldSubdomainUnresolvable]. The error says
// that there is no such customer, or that the new name cannot be had.
func (p *Platform) Rename(from, to string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.state.bySubdomain(from)
	if a == nil || a.Legacy != "" {
		return fmt.Errorf("suncotest: no account has the subdomain %q", from)
	}
	renamed := a.Account
	renamed.Subdomain = to
	if err := renamed.validate(); err != nil {
		return err
	}
	if p.state.bySubdomain(to) != nil {
		return fmt.Errorf("suncotest: the subdomain %q is taken", to)
	}
	a.Subdomain = to
	delete(p.state.renamed, to)
	p.state.renamed[from] = true
	return nil
}

// AddAccount adds a customer. The error says what is wrong with it, or that its
// name or app id is taken.
func (p *Platform) AddAccount(a Account) error {
	a = a.withDefaults()
	if err := a.validate(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state.bySubdomain(a.Subdomain) != nil || p.state.byApp(a.AppID) != nil {
		return fmt.Errorf("suncotest: account %q exists already", a.Subdomain)
	}
	delete(p.state.renamed, a.Subdomain)
	p.state.accounts = append(p.state.accounts, &account{Account: a})
	return nil
}
