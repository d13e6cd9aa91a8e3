package chat

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// participant is a user's place in a conversation.
type participant struct {
	ID     string
	Unread int
	Read   string // when the user read the latest message; empty: never

	user *user
}

// association is a client through which a participant takes part.
type association struct {
	Type     string `json:"type"`
	ClientID string `json:"clientId"`
}

// wireParticipant is how a participant is written on the wire.
type wireParticipant struct {
	ID             string        `json:"id"`
	UserID         string        `json:"userId"`
	UserExternalID string        `json:"userExternalId,omitempty"`
	UnreadCount    int           `json:"unreadCount"`
	Clients        []association `json:"clientAssociations"`
	LastRead       string        `json:"lastRead,omitempty"`
}

func (p *participant) wire(v *conversation) wireParticipant {
	w := wireParticipant{
		ID: p.ID, UserID: p.user.ID, UserExternalID: p.user.ExternalID, UnreadCount: p.Unread, LastRead: p.Read,
		Clients: []association{},
	}
	for _, c := range p.user.clients {
		if c.Status == "active" && (c.conversation == nil || c.conversation == v) {
			w.Clients = append(w.Clients, association{c.Type, c.ID})
		}
	}
	return w
}

// participant returns the place of a user, or nil.
func (v *conversation) participant(u *user) *participant {
	for _, p := range v.participants {
		if p.user == u {
			return p
		}
	}
	return nil
}

// admit gives a user a place. The lock is held.
func (s *Service) admit(a *app, v *conversation, u *user) *participant {
	p := &participant{ID: s.opts.Lock.NextID("participant", a.id), user: u}
	v.participants = append(v.participants, p)
	return p
}

// person names a user by one of two ids.
type person struct{ id, externalID, brandID string }

func (who person) find(a *app) *user {
	if who.id != "" {
		return a.users[who.id]
	}
	return a.find(who.externalID, who.brandID)
}

// readPerson reads who is meant by an object, which must have exactly one of the
// two ids.
func readPerson(object map[string]json.RawMessage) (person, bool) {
	who := person{wire.Given(object, "userId"), wire.Given(object, "userExternalId"), wire.Given(object, "brandId")}
	_, byID := object["userId"]
	_, byExternal := object["userExternalId"]
	return who, byID != byExternal && who.id+who.externalID != ""
}

func joinMembers() wire.Members {
	return wire.Members{
		"userId": wire.FreeText, "userExternalId": wire.FreeText, "subscribeSDKClient": wire.Boolean,
	}
}

// readParticipants reads a list that has been checked, and tells what is wrong with
// it for a conversation of that type.
func readParticipants(kind string, raw json.RawMessage) ([]person, string) {
	var list []map[string]json.RawMessage
	if raw != nil {
		_ = json.Unmarshal(raw, &list) // it was checked
	}
	if kind == personal && len(list) != 1 {
		return nil, "A personal conversation has exactly one participant"
	}
	var people []person
	for _, object := range list {
		who, wrong := readParticipant(kind, object)
		if wrong != "" {
			return nil, wrong
		}
		people = append(people, who)
	}
	return people, ""
}

func readParticipant(kind string, object map[string]json.RawMessage) (person, string) {
	who, fine := readPerson(object)
	switch {
	case !fine:
		return who, "A participant needs either userId or userExternalId"
	case kind == group && object["subscribeSDKClient"] == nil:
		return who, "A participant of a group needs subscribeSDKClient"
	}
	return who, ""
}

func (s *Service) join(c *wire.Call) wire.Reply {
	body, refusal, fine := c.ReadMembers(joinMembers())
	if !fine {
		return refusal
	}
	who, wrong := readParticipant(group, body)
	if wrong != "" {
		return wire.BadRequest(wrong)
	}
	return s.within(c, func(a *app, v *conversation) wire.Reply {
		u := who.find(a)
		switch {
		case v.Type != group:
			return wire.BadRequest("Only a group can be joined")
		case u == nil:
			return noUser()
		case v.participant(u) != nil:
			return wire.BadRequest("The user is a participant already")
		case len(v.participants) >= maxParticipants:
			return wire.BadRequest("Too many participants")
		}
		p := s.admit(a, v, u)
		u.conversations = append(u.conversations, v)
		s.about(a, v, "conversation:join", func(bool, bool) map[string]any {
			return map[string]any{"user": u.userReference}
		})
		return wire.OK(http.StatusCreated, map[string]wireParticipant{"participant": p.wire(v)})
	})
}

func (s *Service) leave(c *wire.Call) wire.Reply {
	body, refusal, fine := c.ReadMembers(wire.Members{
		"userId": wire.FreeText, "userExternalId": wire.FreeText, "participantId": wire.FreeText,
	})
	if !fine {
		return refusal
	}
	who, byUser := readPerson(body)
	id := wire.Given(body, "participantId")
	if byUser == (id != "") {
		return wire.BadRequest("Leaving needs either userId, userExternalId or participantId")
	}
	return s.within(c, func(a *app, v *conversation) wire.Reply {
		if v.Type != group {
			return wire.BadRequest("Only a group can be left")
		}
		at := slices.IndexFunc(v.participants, func(p *participant) bool {
			return p.ID == id || byUser && p.user == who.find(a)
		})
		if at < 0 {
			return wire.Failure(http.StatusNotFound, "not_found", "The user is not a participant of the conversation")
		}
		u := v.participants[at].user
		v.participants = slices.Delete(v.participants, at, at+1)
		u.conversations = slices.DeleteFunc(u.conversations, func(other *conversation) bool { return other == v })
		s.about(a, v, "conversation:leave", func(bool, bool) map[string]any {
			return map[string]any{"user": u.userReference}
		})
		return done()
	})
}

func (s *Service) listParticipants(c *wire.Call) wire.Reply {
	query, refusal, fine := c.Query("page[after]", "page[before]", "page[size]")
	if !fine {
		return refusal
	}
	page, wrong := wire.ReadPaging(query)
	if wrong != "" {
		return wire.BadRequest(wrong)
	}
	return s.within(c, func(_ *app, v *conversation) wire.Reply {
		all := make([]wireParticipant, len(v.participants))
		for i, p := range v.participants {
			all[i] = p.wire(v)
		}
		return wire.List(c, page, "participants", all, func(p wireParticipant) string { return p.ID })
	})
}
