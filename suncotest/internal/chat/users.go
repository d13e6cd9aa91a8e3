package chat

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// user is a person who talks to one of the customers, as whole as the wire has it.
type user struct {
	userReference
	SignedUpAt   string          `json:"signedUpAt"`
	ToBeRetained bool            `json:"toBeRetained"`
	Profile      json.RawMessage `json:"profile"`
	Metadata     json.RawMessage `json:"metadata"`
	Identities   []identity      `json:"identities"`

	conversations []*conversation // oldest first
	open          *conversation   // the one that the person has turned to; nil: the latest
	clients       []*client       // oldest first
	devices       []*device
	size          int
}

// userReference is the short form of a user.
type userReference struct {
	ID            string `json:"id"`
	Authenticated bool   `json:"authenticated"`
	ExternalID    string `json:"externalId,omitempty"`
	ZendeskID     string `json:"zendeskId,omitempty"`
	BrandID       string `json:"brandId,omitempty"`
}

// identity is an address that a user has proved to have.
type identity struct {
	Type         string `json:"type"`
	Value        string `json:"value"`
	Verification string `json:"verification"`
}

// told is the user as webhooks receive it.
func (u *user) told(full bool) any {
	if full {
		return u
	}
	return u.userReference
}

// name is what a person would call the user.
func (u *user) name() string {
	var profile struct{ GivenName, Surname string }
	_ = json.Unmarshal(u.Profile, &profile) // it was checked
	return cmp.Or(strings.TrimSpace(profile.GivenName+" "+profile.Surname), u.ExternalID)
}

// weight is what a user takes.
func (u *user) weight() int { return len(u.ExternalID) + len(u.Profile) + len(u.Metadata) }

func (u *user) reply(status int) wire.Reply { return wire.OK(status, map[string]*user{"user": u}) }

// personal are the members of a user that can be changed.
func personalMembers() wire.Members {
	return wire.Members{
		"signedUpAt":   wire.Timestamp,
		"toBeRetained": wire.Boolean,
		"metadata":     wire.Metadata,
		"profile": wire.Object(wire.Members{
			"givenName": wire.Nullable(wire.Text(1, 128)),
			"surname":   wire.Nullable(wire.Text(1, 128)),
			"email":     wire.Nullable(wire.Email),
			"avatarUrl": wire.Nullable(wire.URI),
			"locale":    wire.Nullable(wire.Text(1, 64)),
		}),
	}
}

func (s *Service) createUser(c *wire.Call) wire.Reply {
	members := personalMembers()
	members["externalId"], members["brandId"] = wire.Text(1, 1024), wire.Nullable(wire.Text(1, 24))
	body, refusal, fine := c.ReadMembers(members)
	if !fine {
		return refusal
	}
	fresh := &user{
		userReference: userReference{ExternalID: wire.Given(body, "externalId"), BrandID: wire.Given(body, "brandId")},
		SignedUpAt:    cmp.Or(wire.Given(body, "signedUpAt"), wire.Now()),
		Profile:       orEmpty(wire.Kept(body, "profile")),
		Metadata:      orEmpty(wire.Kept(body, "metadata")),
		Identities:    []identity{},
	}
	fresh.ToBeRetained, _ = wire.As[bool](body["toBeRetained"])
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	a := s.app(c.AppID)
	if a.find(fresh.ExternalID, fresh.BrandID) != nil {
		return wire.Failure(http.StatusConflict, "conflict", "The external id is taken by another user")
	}
	if !s.history.fits(&fresh.size, fresh.weight()) {
		return full()
	}
	s.addUser(a, fresh)
	return fresh.reply(http.StatusCreated)
}

// addUser gives a new user its id. The lock is held.
func (s *Service) addUser(a *app, fresh *user) {
	fresh.ID = s.opts.Lock.NextID("user", a.id)
	a.users[fresh.ID] = fresh
	if fresh.ExternalID != "" {
		a.byExternal[externalKey{fresh.ExternalID, fresh.BrandID}] = fresh
	}
}

// listUsers finds users by an e-mail address that they have proved to have.
func (s *Service) listUsers(c *wire.Call) wire.Reply {
	query, refusal, fine := c.Query("filter[identities.email]", "brandId")
	if !fine {
		return refusal
	}
	email := query["filter[identities.email]"]
	if email == "" {
		return wire.BadRequest("The filter needs identities.email")
	}
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	found := []*user{}
	for _, u := range s.app(c.AppID).users {
		if u.BrandID == query["brandId"] && slices.ContainsFunc(u.Identities, func(i identity) bool {
			return i.Type == "email" && strings.EqualFold(i.Value, email)
		}) {
			found = append(found, u)
		}
	}
	slices.SortFunc(found, func(x, y *user) int { return strings.Compare(x.ID, y.ID) })
	return wire.OK(http.StatusOK, map[string][]*user{"users": found})
}

func (s *Service) getUser(c *wire.Call) wire.Reply {
	query, refusal, fine := c.Query("brandId")
	if !fine {
		return refusal
	}
	return s.of(c, query, func(_ *app, u *user) wire.Reply { return u.reply(http.StatusOK) })
}

func (s *Service) updateUser(c *wire.Call) wire.Reply {
	query, refusal, fine := c.Query("brandId")
	if !fine {
		return refusal
	}
	body, refusal, fine := c.ReadMembers(personalMembers())
	if !fine {
		return refusal
	}
	return s.of(c, query, func(a *app, u *user) wire.Reply {
		changed := *u
		changed.SignedUpAt = cmp.Or(wire.Given(body, "signedUpAt"), u.SignedUpAt)
		if raw := body["toBeRetained"]; raw != nil {
			changed.ToBeRetained, _ = wire.As[bool](raw)
		}
		if raw := body["profile"]; raw != nil {
			changed.Profile = s.profile(u.Profile, raw)
		}
		changed.Metadata = orEmpty(s.metadata(u.Metadata, body))
		if !s.history.fits(&changed.size, changed.weight()) {
			return full()
		}
		*u = changed
		if s.opts.UserUpdateTells {
			s.opts.Emit(a.id, "user:update", func(fullUser, _ bool) any {
				return map[string]any{
					"user": u.told(fullUser), "reason": "authentication", "source": source{Type: throughAPI},
				}
			})
		}
		return u.reply(http.StatusOK)
	})
}

// profile returns a profile with the members of a change. Null clears a member.
func (s *Service) profile(before, change json.RawMessage) json.RawMessage {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(change, &members) // it was checked
	if s.opts.NullKept {
		for name, value := range members {
			if string(value) == "null" {
				delete(members, name)
			}
		}
		change, _ = wire.Encode(members) // raw messages cannot fail
	}
	return merged(before, change)
}

// deletePersonalInformation clears what says who a user is, but keeps the conversations.
func (s *Service) deletePersonalInformation(c *wire.Call) wire.Reply {
	query, refusal, fine := c.Query("brandId")
	if !fine {
		return refusal
	}
	return s.of(c, query, func(_ *app, u *user) wire.Reply {
		u.Profile = merged(u.Profile, json.RawMessage(`{"givenName":null,"surname":null,"email":null,"avatarUrl":null}`))
		u.Metadata = json.RawMessage("{}")
		for _, c := range u.clients {
			c.DisplayName, c.Info = "", nil
		}
		s.history.fits(&u.size, u.weight()) // which became smaller
		return u.reply(http.StatusOK)
	})
}

// deleteUser deletes a user with the clients and the personal conversations, and ends
// the part in groups.
func (s *Service) deleteUser(c *wire.Call) wire.Reply {
	query, refusal, fine := c.Query("brandId")
	if !fine {
		return refusal
	}
	return s.of(c, query, func(a *app, u *user) wire.Reply {
		for _, v := range slices.Clone(u.conversations) {
			if v.Type == group {
				v.participants = slices.DeleteFunc(v.participants, func(p *participant) bool { return p.user == u })
				continue
			}
			if s.opts.UserRemoveTells {
				s.about(a, v, "conversation:remove", func(bool, bool) map[string]any { return map[string]any{} })
			}
			s.removeConversation(a, v)
		}
		s.forget(a, u)
		s.opts.Emit(a.id, "user:remove", func(bool, bool) any { return map[string]any{"user": u.userReference} })
		return done()
	})
}

// forget removes a user and the clients that the user has left. The lock is held.
func (s *Service) forget(a *app, u *user) {
	delete(a.users, u.ID)
	if key := (externalKey{u.ExternalID, u.BrandID}); a.byExternal[key] == u {
		delete(a.byExternal, key)
	}
	for _, c := range u.clients {
		s.history.frees(&c.size)
	}
	s.history.frees(&u.size)
}

func orEmpty(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("{}")
	}
	return raw
}
