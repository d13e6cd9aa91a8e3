package chat

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// user is a person who talks to one of the customers, as whole as the wire has it.
type user struct {
	userReference
	SignedUpAt   string            `json:"signedUpAt"`
	ToBeRetained bool              `json:"toBeRetained"`
	Profile      json.RawMessage   `json:"profile"`
	Metadata     json.RawMessage   `json:"metadata"`
	Identities   []json.RawMessage `json:"identities"`

	conversations []*conversation // oldest first
}

// userReference is the short form of a user.
type userReference struct {
	ID            string `json:"id"`
	Authenticated bool   `json:"authenticated"`
	ExternalID    string `json:"externalId"`
	BrandID       string `json:"brandId,omitempty"`
}

// told is the user as webhooks receive it.
func (u user) told(full bool) any {
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

func userMembers() wire.Members {
	return wire.Members{
		"externalId":   wire.Text(1, 1024),
		"brandId":      wire.Nullable(wire.Text(1, 24)),
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
	body, refusal, fine := c.ReadMembers(userMembers(), "externalId")
	if !fine {
		return refusal
	}
	fresh := &user{
		userReference: userReference{ExternalID: wire.Given(body, "externalId"), BrandID: wire.Given(body, "brandId")},
		SignedUpAt:    cmp.Or(wire.Given(body, "signedUpAt"), wire.Now()),
		Profile:       orEmpty(wire.Kept(body, "profile")),
		Metadata:      orEmpty(wire.Kept(body, "metadata")),
		Identities:    []json.RawMessage{},
	}
	fresh.ToBeRetained, _ = wire.As[bool](body["toBeRetained"])
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	a := s.app(c.AppID)
	if a.find(fresh.ExternalID, fresh.BrandID) != nil {
		return wire.Failure(http.StatusConflict, "conflict", "The external id is taken by another user")
	}
	if !s.history.admits(len(c.Body)) {
		return full()
	}
	s.addUser(a, fresh)
	return wire.OK(http.StatusCreated, map[string]*user{"user": fresh})
}

// addUser gives a new user its id. The lock is held.
func (s *Service) addUser(a *app, fresh *user) {
	fresh.ID = s.opts.Lock.NextID("user", a.id)
	a.users[fresh.ID] = fresh
	a.byExternal[externalKey{fresh.ExternalID, fresh.BrandID}] = fresh
}

func (s *Service) getUser(c *wire.Call) wire.Reply {
	query, refusal, fine := c.Query("brandId")
	if !fine {
		return refusal
	}
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	u := s.app(c.AppID).either(c.Params["user"], query["brandId"])
	if u == nil {
		return noUser()
	}
	return wire.OK(http.StatusOK, map[string]*user{"user": u})
}

func orEmpty(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("{}")
	}
	return raw
}
