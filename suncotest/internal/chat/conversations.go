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
	IsDefault        bool   `json:"isDefault"`
	DisplayName      string `json:"displayName,omitempty"`
	Description      string `json:"description,omitempty"`
	IconURL          string `json:"iconUrl,omitempty"`
	BusinessLastRead string `json:"businessLastRead,omitempty"`
	LastUpdatedAt    string `json:"lastUpdatedAt"`
	CreatedAt        string `json:"createdAt"`

	created      time.Time
	participants []*participant
	messages     []*message // oldest first
	posted       int        // since all were deleted
	serial       int        // of the latest message
	size         int
	typing       time.Time // when the business began; zero: it does not
	disclaimed   bool      // people know that an AI writes
}

// conversationReference is the short form of a conversation.
type conversationReference struct {
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Active   *responder      `json:"activeSwitchboardIntegration,omitempty"`
	Pending  *responder      `json:"pendingSwitchboardIntegration,omitempty"`
}

func (v *conversation) reply(status int) wire.Reply {
	return wire.OK(status, map[string]*conversation{"conversation": v})
}

// weight is what a conversation takes.
func (v *conversation) weight() int {
	return len(v.Metadata) + len(v.DisplayName) + len(v.Description) + len(v.IconURL)
}

// descriptive are the members of a conversation that can be changed.
func descriptive() wire.Members {
	return wire.Members{
		"displayName": wire.Nullable(wire.Text(1, 100)),
		"description": wire.Nullable(wire.Text(1, 100)),
		"iconUrl":     wire.Nullable(wire.URI),
		"metadata":    wire.Metadata,
	}
}

func (s *Service) createConversation(c *wire.Call) wire.Reply {
	members := descriptive()
	members["type"] = wire.OneOf(personal, group)
	members["participants"] = wire.ListOf(0, maxParticipants, wire.Object(joinMembers()))
	body, refusal, fine := c.ReadMembers(members, "type")
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
		if fresh.participant(u) != nil {
			return wire.BadRequest("A participant is given twice")
		}
		s.admit(a, fresh, u)
	}
	if !s.history.fits(&fresh.size, fresh.weight()) {
		return full()
	}
	s.begin(a, fresh, "none", source{Type: throughAPI})
	return fresh.reply(http.StatusCreated)
}

// begin gives a new conversation its id, and tells of it, why it is there and where
// that came from. The lock is held.
func (s *Service) begin(a *app, fresh *conversation, reason string, from source) {
	fresh.ID = s.opts.Lock.NextID("conversation", a.id)
	fresh.Active = a.bot()
	a.byID[fresh.ID] = fresh
	a.conversations = append(a.conversations, fresh)
	var alone *user
	if fresh.Type == personal {
		alone = fresh.participants[0].user
		fresh.IsDefault = !slices.ContainsFunc(alone.conversations, func(v *conversation) bool { return v.IsDefault })
	}
	for _, p := range fresh.participants {
		p.user.conversations = append(p.user.conversations, fresh)
	}
	s.about(a, fresh, "conversation:create", func(fullUser, fullSource bool) map[string]any {
		payload := map[string]any{"creationReason": reason, "source": from.told(fullSource, alone)}
		if alone != nil {
			payload["user"] = alone.told(fullUser)
		}
		return payload
	})
}

func (s *Service) getConversation(c *wire.Call) wire.Reply {
	return s.within(c, func(_ *app, v *conversation) wire.Reply { return v.reply(http.StatusOK) })
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

func (s *Service) updateConversation(c *wire.Call) wire.Reply {
	body, refusal, fine := c.ReadMembers(descriptive())
	if !fine {
		return refusal
	}
	return s.within(c, func(_ *app, v *conversation) wire.Reply {
		changed := *v
		s.setText(&changed.DisplayName, body, "displayName")
		s.setText(&changed.Description, body, "description")
		s.setText(&changed.IconURL, body, "iconUrl")
		changed.Metadata = s.metadata(v.Metadata, body)
		if !s.history.fits(&changed.size, changed.weight()) {
			return full()
		}
		*v = changed
		return v.reply(http.StatusOK)
	})
}

// setText changes a text if body has it. Null clears it.
func (s *Service) setText(text *string, body map[string]json.RawMessage, name string) {
	if raw, given := body[name]; given && !(s.opts.NullKept && string(raw) == "null") {
		*text = wire.Given(body, name)
	}
}

// metadata returns what metadata a change leaves. It is nil when there is none.
func (s *Service) metadata(before json.RawMessage, body map[string]json.RawMessage) json.RawMessage {
	raw, given := body["metadata"]
	switch after := wire.Kept(body, "metadata"); {
	case !given, after == nil && s.opts.NullKept:
		return before
	case after != nil && s.opts.MetadataMerges:
		return merged(before, raw)
	default:
		return after
	}
}

// merged returns an object with the members of both, which have been checked. Null
// removes a member.
func merged(before, change json.RawMessage) json.RawMessage {
	var old, fresh map[string]json.RawMessage
	_ = json.Unmarshal(change, &fresh)
	if json.Unmarshal(before, &old) != nil || old == nil {
		old = map[string]json.RawMessage{}
	}
	for name, value := range fresh {
		if string(value) == "null" {
			delete(old, name)
		} else {
			old[name] = value
		}
	}
	raw, _ := wire.Encode(old) // raw messages cannot fail
	return raw
}

func (s *Service) deleteConversation(c *wire.Call) wire.Reply {
	return s.within(c, func(a *app, v *conversation) wire.Reply {
		if v.IsDefault {
			return wire.BadRequest("The conversation cannot be deleted, because it is the default")
		}
		s.about(a, v, "conversation:remove", func(bool, bool) map[string]any { return map[string]any{} })
		s.removeConversation(a, v)
		return done()
	})
}

// removeConversation forgets a conversation, its messages, their attachments and its
// tickets. The lock is held.
func (s *Service) removeConversation(a *app, v *conversation) {
	s.clear(v)
	s.history.frees(&v.size)
	delete(a.byID, v.ID)
	is := func(other *conversation) bool { return other == v }
	a.conversations = slices.DeleteFunc(a.conversations, is)
	for _, p := range v.participants {
		p.user.conversations = slices.DeleteFunc(p.user.conversations, is)
	}
	a.tickets = slices.DeleteFunc(a.tickets, func(t *ticket) bool { return t.conversation == v })
}
