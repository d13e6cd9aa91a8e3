package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// agentWorkspace is the name of the integration with which human agents answer.
const agentWorkspace = "zd-agentWorkspace"

// The codes of actions that fail.
const (
	invalidTarget = "switchboard_invalid_target"
	invalidAction = "switchboard_invalid_action"
)

// responder is an integration of the switchboard, one that can be in control of a
// conversation.
type responder struct {
	ID              string `json:"id"`
	Name            string `json:"name"`
	IntegrationID   string `json:"integrationId,omitempty"` // absent while the bot is not installed
	IntegrationType string `json:"integrationType"`
}

// newBoard returns the switchboard of an app: the partner's bot, which is the default,
// and the agents, who come next. The type of a bot is its client id; the name and the
// type of the agents differ by a colon.
func (s *Service) newBoard(appID string) []*responder {
	if s.opts.NoSwitchboard {
		return nil
	}
	return []*responder{
		{ID: wire.StableID("responder", appID+" "+s.opts.Bot), Name: s.opts.Bot, IntegrationType: s.opts.Bot},
		{
			ID: wire.StableID("responder", appID+" "+agentWorkspace), Name: agentWorkspace,
			IntegrationID: wire.StableID("agent workspace", appID), IntegrationType: "zd:agentWorkspace",
		},
	}
}

// bot returns the partner's responder, which is the default, and nil when there is no
// switchboard.
func (a *app) bot() *responder {
	if len(a.board) == 0 {
		return nil
	}
	return a.board[0]
}

// responder returns the one that is named by its id, its name, its type, or as the one
// that comes after the one in control. It returns nil when there is none.
func (a *app) responder(v *conversation, named string) *responder {
	if named == "next" {
		if i := slices.Index(a.board, v.Active) + 1; i < len(a.board) {
			return a.board[i]
		}
		return nil
	}
	for _, field := range []func(*responder) string{
		func(r *responder) string { return r.ID },
		func(r *responder) string { return r.Name },
		func(r *responder) string { return r.IntegrationType },
	} {
		if i := slices.IndexFunc(a.board, func(r *responder) bool { return field(r) == named }); i >= 0 {
			return a.board[i]
		}
	}
	return nil
}

// give puts a responder, or nobody, in control. Nobody is waiting for it then. The lock
// is held.
func (s *Service) give(a *app, v *conversation, to *responder, metadata json.RawMessage) {
	if to != v.Active && to != nil && to.Name == agentWorkspace {
		s.openTicket(a, v, metadata)
	}
	v.Active, v.Pending = to, nil
}

// about tells of something that happened in a conversation. The lock is held.
func (s *Service) about(
	a *app, v *conversation, trigger string, payload func(fullUser, fullSource bool) map[string]any,
) {
	standby := v.Active != nil && v.Active != a.bot()
	if s.opts.NoStandbyEvents && standby && !strings.HasPrefix(trigger, "switchboard:") {
		return
	}
	s.opts.Emit(a.id, trigger, func(fullUser, fullSource bool) any {
		members := payload(fullUser, fullSource)
		members["conversation"] = v.conversationReference
		return members
	})
}

// switched tells of an action on the switchboard. The lock is held.
func (s *Service) switched(a *app, v *conversation, action string, metadata json.RawMessage, reason string) {
	s.about(a, v, "switchboard:"+action, func(bool, bool) map[string]any {
		members := map[string]any{}
		if metadata != nil {
			members["metadata"] = metadata
		}
		if reason != "" {
			members["reason"] = reason
		}
		return members
	})
}

// failed answers an action that is not possible, and tells of it.
func (s *Service) failed(a *app, v *conversation, action, code, title string, metadata json.RawMessage) wire.Reply {
	if s.opts.ControlRefused {
		return wire.Failure(http.StatusBadRequest, code, title)
	}
	s.about(a, v, "switchboard:"+action+":failure", func(bool, bool) map[string]any {
		members := map[string]any{"error": map[string]string{"code": code, "message": title}}
		if metadata != nil {
			members["metadata"] = metadata
		}
		return members
	})
	return done()
}

// control reads the body of an action, of which a target is needed or not known at all.
func control(c *wire.Call, target bool) (named string, metadata json.RawMessage, refusal wire.Reply, fine bool) {
	members, needed := wire.Members{"metadata": wire.Metadata}, []string(nil)
	if target {
		members["switchboardIntegration"], needed = wire.Text(1, wire.MaxBody), []string{"switchboardIntegration"}
	}
	body, refusal, fine := c.ReadMembers(members, needed...)
	return wire.Given(body, "switchboardIntegration"), wire.Kept(body, "metadata"), refusal, fine
}

func (s *Service) passControl(c *wire.Call) wire.Reply {
	named, metadata, refusal, fine := control(c, true)
	if !fine {
		return refusal
	}
	return s.within(c, func(a *app, v *conversation) wire.Reply {
		if s.pass(a, v, named, metadata, "") {
			return done()
		}
		return s.failed(a, v, "passControl", invalidTarget, "The switchboard has no such integration", metadata)
	})
}

// pass puts the named responder in control, and reports whether there is one. Passing
// to the one in control changes nothing and tells nobody, so that a call can be
// repeated. The lock is held.
func (s *Service) pass(a *app, v *conversation, named string, metadata json.RawMessage, reason string) bool {
	to := a.responder(v, named)
	if to == nil {
		return false
	}
	if to != v.Active {
		s.give(a, v, to, metadata)
		s.switched(a, v, "passControl", metadata, reason)
	}
	return true
}

func (s *Service) offerControl(c *wire.Call) wire.Reply {
	named, metadata, refusal, fine := control(c, true)
	if !fine {
		return refusal
	}
	return s.within(c, func(a *app, v *conversation) wire.Reply {
		to := a.responder(v, named)
		switch {
		case to == nil:
			return s.failed(a, v, "offerControl", invalidTarget, "The switchboard has no such integration", metadata)
		case to == v.Active:
			return s.failed(a, v, "offerControl", invalidTarget, "The integration is in control already", metadata)
		}
		s.offer(a, v, to, metadata)
		return done()
	})
}

func (s *Service) acceptControl(c *wire.Call) wire.Reply {
	_, metadata, refusal, fine := control(c, false)
	if !fine {
		return refusal
	}
	return s.within(c, func(a *app, v *conversation) wire.Reply {
		switch {
		case v.Pending == nil:
			return s.failed(a, v, "acceptControl", invalidAction, "No integration was offered control", metadata)
		case v.Pending != a.bot():
			return wire.Problem(http.StatusForbidden, "Another integration was offered control")
		}
		s.accept(a, v, metadata)
		return done()
	})
}

// offer makes a responder wait for control, instead of another one. The lock is held.
func (s *Service) offer(a *app, v *conversation, to *responder, metadata json.RawMessage) {
	v.Pending = to
	s.switched(a, v, "offerControl", metadata, "")
}

// accept puts the waiting responder in control. The lock is held.
func (s *Service) accept(a *app, v *conversation, metadata json.RawMessage) {
	s.give(a, v, v.Pending, metadata)
	s.switched(a, v, "acceptControl", metadata, "")
}

func (s *Service) releaseControl(c *wire.Call) wire.Reply {
	var metadata json.RawMessage
	if len(c.Body) > 0 {
		_, given, refusal, fine := control(c, false)
		if !fine {
			return refusal
		}
		metadata = given
	}
	return s.within(c, func(a *app, v *conversation) wire.Reply {
		if v.Active == nil || v.Active != a.bot() {
			return wire.Problem(http.StatusForbidden, "The integration is not in control")
		}
		s.release(a, v, metadata, "")
		return done()
	})
}

// release leaves nobody in control until somebody writes. The lock is held.
func (s *Service) release(a *app, v *conversation, metadata json.RawMessage, reason string) {
	s.give(a, v, nil, nil)
	s.switched(a, v, "releaseControl", metadata, reason)
	if s.opts.ReleaseToDefault {
		v.Active = a.bot()
	}
}

// PassControl puts the named responder in control of a conversation. The lock is held.
func (s *Service) PassControl(appID, conversationID, to string) error {
	return s.in(appID, conversationID, func(a *app, v *conversation) error {
		if !s.pass(a, v, to, nil, "") {
			return fmt.Errorf("suncotest: the switchboard has no integration %q", to)
		}
		return nil
	})
}

// OfferControl makes the named responder wait for control. The lock is held.
func (s *Service) OfferControl(appID, conversationID, to string) error {
	return s.in(appID, conversationID, func(a *app, v *conversation) error {
		named := a.responder(v, to)
		if named == nil || named == v.Active {
			return fmt.Errorf("suncotest: the switchboard has no integration %q, or it is in control already", to)
		}
		s.offer(a, v, named, nil)
		return nil
	})
}

// AcceptControl plays the agents when they are offered control. The lock is held.
func (s *Service) AcceptControl(appID, conversationID string) error {
	return s.in(appID, conversationID, func(a *app, v *conversation) error {
		if v.Pending == nil || v.Pending == a.bot() {
			return fmt.Errorf("suncotest: nobody offered control to %s", agentWorkspace)
		}
		s.accept(a, v, nil)
		return nil
	})
}

// ReleaseControl leaves nobody in control. The lock is held.
func (s *Service) ReleaseControl(appID, conversationID string) error {
	return s.in(appID, conversationID, func(a *app, v *conversation) error {
		if v.Active == nil {
			return errors.New("suncotest: nobody is in control of the conversation")
		}
		s.release(a, v, nil, "")
		return nil
	})
}

// in lets somebody do something in a conversation. The lock is held.
func (s *Service) in(appID, conversationID string, do func(*app, *conversation) error) error {
	a := s.app(appID)
	v := a.byID[conversationID]
	if v == nil {
		return noSuchConversation(conversationID)
	}
	return do(a, v)
}

func noSuchConversation(id string) error {
	return fmt.Errorf("suncotest: there is no conversation %q", id)
}
