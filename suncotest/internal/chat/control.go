package chat

import (
	"fmt"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// responder is an integration of the switchboard, one that can be in control of a
// conversation.
type responder struct {
	ID              string `json:"id"`
	Name            string `json:"name"`
	IntegrationType string `json:"integrationType"`
}

// responder returns the one with that name. The type of a partner's is its client id;
// the names and types of agents differ by a colon.
func (a *app) responder(name string) *responder {
	kind := name
	if name == "zd-agentWorkspace" {
		kind = "zd:agentWorkspace"
	}
	return &responder{wire.StableID("responder", a.id+" "+name), name, kind}
}

// PassControl puts a responder in control of a conversation. The lock is held.
func (s *Service) PassControl(appID, conversationID, to string) error {
	a := s.app(appID)
	v := a.byID[conversationID]
	if v == nil {
		return fmt.Errorf("suncotest: there is no conversation %q", conversationID)
	}
	v.Active = a.responder(to)
	short := v.conversationReference
	s.opts.Emit(appID, "switchboard:passControl", func(bool, bool) any {
		return map[string]any{"conversation": short}
	})
	return nil
}
