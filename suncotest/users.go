package suncotest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strings"
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

// told is the form in which a webhook is told of the user.
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

func userMembers() members {
	return members{
		"externalId":   text(1, 1024),
		"brandId":      nullable(text(1, 24)),
		"signedUpAt":   timestamp,
		"toBeRetained": boolean,
		"metadata":     metadata,
		"profile": object(members{
			"givenName": nullable(text(1, 128)),
			"surname":   nullable(text(1, 128)),
			"email":     nullable(email),
			"avatarUrl": nullable(uri),
			"locale":    nullable(text(1, 64)),
		}),
	}
}

func (p *Platform) createUser(c *call) reply {
	body, refusal, fine := c.readMembers(userMembers(), "externalId")
	if !fine {
		return refusal
	}
	fresh := &user{
		userReference: userReference{ExternalID: given(body, "externalId"), BrandID: given(body, "brandId")},
		SignedUpAt:    cmp.Or(given(body, "signedUpAt"), wireNow()),
		Profile:       orEmpty(kept(body, "profile")),
		Metadata:      orEmpty(kept(body, "metadata")),
		Identities:    []json.RawMessage{},
	}
	fresh.ToBeRetained, _ = as[bool](body["toBeRetained"])
	p.mu.Lock()
	defer p.mu.Unlock()
	a := c.grant.account
	if a.chat.find(fresh.ExternalID, fresh.BrandID) != nil {
		return failure(http.StatusConflict, "conflict", "The external id is taken by another user")
	}
	if !p.state.history.admits(len(c.body)) {
		return full()
	}
	p.addUser(a, fresh)
	return ok(http.StatusCreated, map[string]*user{"user": fresh})
}

// addUser gives a new user its id. The mutex is held.
func (p *Platform) addUser(a *account, fresh *user) {
	fresh.ID = p.state.nextID("user", a.AppID)
	if a.chat.users == nil {
		a.chat.users, a.chat.byExternal = map[string]*user{}, map[externalKey]*user{}
	}
	a.chat.users[fresh.ID] = fresh
	a.chat.byExternal[externalKey{fresh.ExternalID, fresh.BrandID}] = fresh
}

func (p *Platform) getUser(c *call) reply {
	query, fine := c.query("brandId")
	if !fine {
		return badQuery()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	u := c.grant.account.chat.either(c.params["user"], query["brandId"])
	if u == nil {
		return noUser()
	}
	return ok(http.StatusOK, map[string]*user{"user": u})
}

func orEmpty(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("{}")
	}
	return raw
}
