package oauth

import (
	"context"
	"fmt"
	"net/http"

	"github.com/sunco-go/sunco/suncotest/internal/netsim"
	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// revoke removes the integration at its own wish.
func (s *Service) revoke(c *wire.Call) wire.Reply {
	s.opts.Lock.Lock()
	in := s.installations[c.IntegrationID]
	if c.Dead || in == nil { // a moment ago it was alive
		s.opts.Lock.Unlock()
		return Dead(s.opts.RevokedStatus, s.opts.RevokedShape)
	}
	s.remove(s.byApp(c.AppID), in)
	s.opts.Lock.Unlock()
	return wire.OK(http.StatusOK, struct{}{})
}

// Uninstall removes the integration from an app. The lock is held.
func (s *Service) Uninstall(appID string) error {
	a, err := s.installed(appID)
	if err != nil {
		return err
	}
	s.remove(a, a.installed)
	return nil
}

// installed returns the account of an app that has the integration.
func (s *Service) installed(appID string) (*account, error) {
	a := s.byApp(appID)
	switch {
	case a == nil:
		return nil, fmt.Errorf("suncotest: there is no app %q", appID)
	case a.installed == nil:
		return nil, fmt.Errorf("suncotest: the integration is not installed in app %q", appID)
	}
	return a, nil
}

// remove ends an installation and tells the partner, in the configured order. The
// lock is held.
func (s *Service) remove(a *account, in *installation) {
	if in.leaving {
		return
	}
	in.leaving = true
	if !s.opts.RemoveFirst {
		s.kill(a, in)
		s.opts.Network.Go(func(ctx context.Context) {
			if netsim.Sleep(ctx, s.opts.RemoveDelay) {
				s.opts.Hooks.CallRemove(ctx, a.AppID, in.id)
			}
		})
		return
	}
	s.opts.Network.Go(func(ctx context.Context) {
		s.opts.Network.Go(func(ctx context.Context) { s.opts.Hooks.CallRemove(ctx, a.AppID, in.id) })
		if !netsim.Sleep(ctx, s.opts.RemoveDelay) {
			return
		}
		s.opts.Lock.Lock()
		defer s.opts.Lock.Unlock()
		s.kill(a, in)
	})
}
