package chat

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// syncUser brings a user in line with its counterpart in Zendesk Support, which this
// platform takes to have the name and the e-mail address of the user's profile. When
// two counterparts were merged, it merges the users too.
func (s *Service) syncUser(c *wire.Call) wire.Reply {
	survivor := ""
	if len(c.Body) > 0 {
		body, refusal, fine := c.ReadMembers(wire.Members{"survivingZendeskId": wire.Text(1, 64)})
		if !fine {
			return refusal
		}
		survivor = wire.Given(body, "survivingZendeskId")
	}
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	a := s.app(c.AppID)
	u := a.counterpart(c.Params["user"])
	if u == nil {
		return noUser()
	}
	if survivor != "" && survivor != u.ZendeskID {
		if kept := a.counterpart(survivor); kept != nil {
			s.merge(a, kept, u)
			u = kept
		}
		u.ZendeskID = survivor
	}
	u.identify()
	return u.reply(http.StatusOK)
}

// counterpart returns the user of a core Zendesk user, or nil.
func (a *app) counterpart(zendeskID string) *user {
	for _, u := range a.users {
		if u.ZendeskID == zendeskID {
			return u
		}
	}
	return nil
}

// identify makes the address of the profile the user's primary one.
func (u *user) identify() {
	var profile struct{ Email string }
	_ = json.Unmarshal(u.Profile, &profile) // it was checked
	if profile.Email != "" {
		u.Identities = []identity{{Type: "email", Value: profile.Email, Verification: "sso"}}
	}
}

// merge gives a user everything that belongs to another one, which ends. The lock is
// held.
func (s *Service) merge(a *app, kept, gone *user) {
	for _, v := range gone.conversations {
		switch at := v.participant(gone); {
		case v.participant(kept) != nil: // a group with both
			v.participants = slices.DeleteFunc(v.participants, func(p *participant) bool { return p == at })
		default:
			at.user = kept
			v.IsDefault = v.IsDefault && !slices.ContainsFunc(kept.conversations,
				func(other *conversation) bool { return other.IsDefault })
			kept.conversations = append(kept.conversations, v)
		}
		for _, m := range v.messages {
			if m.Author.UserID == gone.ID {
				m.Author.UserID = kept.ID
			}
		}
	}
	slices.SortStableFunc(kept.conversations, func(x, y *conversation) int { return x.created.Compare(y.created) })
	kept.clients, kept.devices = append(kept.clients, gone.clients...), append(kept.devices, gone.devices...)
	gone.conversations, gone.clients, gone.devices = nil, nil, nil
	s.forget(a, gone)
	s.opts.Emit(a.id, "user:merge", func(fullUser, _ bool) any {
		return map[string]any{
			"mergedUsers": map[string]any{"surviving": kept.told(fullUser), "discarded": gone.told(fullUser)},
			"reason":      "api",
		}
	})
}
