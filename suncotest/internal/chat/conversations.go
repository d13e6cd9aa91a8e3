package chat

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

const (
	personal        = "personal"
	group           = "sdkGroup"
	maxParticipants = 10
)

// conversation is one conversation, as whole as the wire has it.
type conversation struct {
	conversationReference
	IsDefault     bool   `json:"isDefault"`
	DisplayName   string `json:"displayName,omitempty"`
	Description   string `json:"description,omitempty"`
	IconURL       string `json:"iconUrl,omitempty"`
	LastUpdatedAt string `json:"lastUpdatedAt"`
	CreatedAt     string `json:"createdAt"`

	created  time.Time
	users    []*user
	messages []*message // oldest first
	posted   int        // ever
}

// conversationReference is the short form of a conversation.
type conversationReference struct {
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Active   *responder      `json:"activeSwitchboardIntegration,omitempty"`
}

func (v *conversation) has(u *user) bool { return slices.Contains(v.users, u) }

func (v *conversation) reply(status int) wire.Reply {
	return wire.OK(status, map[string]*conversation{"conversation": v})
}

// conversation returns the one that the path names, or nil. The lock is held.
func (s *Service) conversation(c *wire.Call) *conversation {
	return s.app(c.AppID).byID[c.Params["conversation"]]
}

func conversationMembers() wire.Members {
	participant := wire.Object(wire.Members{"userId": wire.FreeText, "userExternalId": wire.FreeText,
		"subscribeSDKClient": wire.Boolean})
	return wire.Members{
		"type":         wire.OneOf(personal, group),
		"participants": wire.ListOf(0, maxParticipants, participant),
		"displayName":  wire.Nullable(wire.Text(1, 100)),
		"description":  wire.Nullable(wire.Text(1, 100)),
		"iconUrl":      wire.Nullable(wire.URI),
		"metadata":     wire.Metadata,
	}
}

func (s *Service) createConversation(c *wire.Call) wire.Reply {
	body, refusal, fine := c.ReadMembers(conversationMembers(), "type")
	if !fine {
		return refusal
	}
	now := time.Now()
	fresh := &conversation{
		conversationReference: conversationReference{Type: wire.Given(body, "type"), Metadata: wire.Kept(body, "metadata")},
		DisplayName:           wire.Given(body, "displayName"),
		Description:           wire.Given(body, "description"),
		IconURL:               wire.Given(body, "iconUrl"),
		CreatedAt:             now.UTC().Format(wire.Time),
		created:               now,
	}
	fresh.LastUpdatedAt = fresh.CreatedAt
	people, wrong := readParticipants(fresh.Type, body["participants"])
	if wrong != "" {
		return wire.BadRequest(wrong)
	}
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	a := s.app(c.AppID)
	for _, who := range people {
		u := who.find(a)
		if u == nil {
			return noUser()
		}
		if fresh.has(u) {
			return wire.BadRequest("A participant is given twice")
		}
		fresh.users = append(fresh.users, u)
	}
	if !s.history.admits(len(c.Body)) {
		return full()
	}
	s.begin(a, fresh, "none", source{Type: throughAPI})
	return fresh.reply(http.StatusCreated)
}

// begin gives a new conversation its id, and tells of it, why it is there and where
// that came from. The lock is held.
func (s *Service) begin(a *app, fresh *conversation, reason string, from source) {
	fresh.ID = s.opts.Lock.NextID("conversation", a.id)
	fresh.Active = a.responder(s.opts.Bot)
	a.byID[fresh.ID] = fresh
	a.conversations = append(a.conversations, fresh)
	if fresh.Type == personal {
		fresh.IsDefault = !slices.ContainsFunc(fresh.users[0].conversations,
			func(v *conversation) bool { return v.IsDefault })
	}
	var alone *user
	for _, u := range fresh.users {
		u.conversations = append(u.conversations, fresh)
		if fresh.Type == personal {
			copied := *u
			alone = &copied
		}
	}
	short := fresh.conversationReference
	s.opts.Emit(a.id, "conversation:create", func(fullUser, fullSource bool) any {
		payload := map[string]any{"conversation": short, "creationReason": reason, "source": from.told(fullSource, alone)}
		if alone != nil {
			payload["user"] = alone.told(fullUser)
		}
		return payload
	})
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
		who, fine := readPerson(object)
		if !fine {
			return nil, "A participant needs either userId or userExternalId"
		}
		if kind == group && object["subscribeSDKClient"] == nil {
			return nil, "A participant of a group needs subscribeSDKClient"
		}
		people = append(people, who)
	}
	return people, ""
}

func (s *Service) getConversation(c *wire.Call) wire.Reply {
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	v := s.conversation(c)
	if v == nil {
		return noConversation()
	}
	return v.reply(http.StatusOK)
}

func (s *Service) listConversations(c *wire.Call) wire.Reply {
	query, refusal, fine := c.Query("filter[userId]", "filter[userExternalId]", "page[after]", "page[before]",
		"page[size]")
	if !fine {
		return refusal
	}
	page, wrong := wire.ReadPaging(query)
	if wrong != "" {
		return wire.BadRequest(wrong)
	}
	who := person{id: query["filter[userId]"], externalID: query["filter[userExternalId]"]}
	if (who.id == "") == (who.externalID == "") {
		return wire.BadRequest("The filter needs either userId or userExternalId")
	}
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	u := who.find(s.app(c.AppID))
	if u == nil {
		return noUser()
	}
	return wire.List(c, page, "conversations", u.conversations, func(v *conversation) string { return v.ID })
}
