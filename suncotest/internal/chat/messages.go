package chat

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/content"
	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

const (
	maxPosted  = 30_000 // messages of one conversation
	throughAPI = "api:conversations"
)

// message is one message, as the wire has it.
type message struct {
	ID       string                     `json:"id"`
	Received string                     `json:"received"`
	Author   author                     `json:"author"`
	Activity *systemActivity            `json:"activity,omitempty"`
	Content  map[string]json.RawMessage `json:"content,omitempty"`
	Source   source                     `json:"source"`
	Metadata json.RawMessage            `json:"metadata,omitempty"`
	Deleted  bool                       `json:"deleted,omitempty"`

	received time.Time
	size     int
	in       *conversation
	serial   int    // in its conversation
	receipt  string // the last stage of its delivery
}

// systemActivity says what happened when a message is not something that was said.
type systemActivity struct {
	Type string `json:"type"`
}

// source says where something came from.
type source struct {
	Type          string `json:"type"`
	IntegrationID string `json:"integrationId,omitempty"`
	Client        any    `json:"client,omitempty"` // like Device: in what webhooks are told
	Device        any    `json:"device,omitempty"`
}

// author is who wrote a message. User is there in what webhooks are told.
type author struct {
	Type        string   `json:"type"`
	Subtypes    []string `json:"subtypes,omitempty"`
	UserID      string   `json:"userId,omitempty"`
	DisplayName string   `json:"displayName,omitempty"`
	AvatarURL   string   `json:"avatarUrl,omitempty"`
	User        any      `json:"user,omitempty"`
}

func authorMembers() wire.Members {
	return wire.Members{
		"type": wire.OneOf("business", "user"), "subtypes": wire.ListOf(1, 1, wire.OneOf("AI")),
		"userId": wire.FreeText, "userExternalId": wire.FreeText, "brandId": wire.Nullable(wire.Text(1, 24)),
		"displayName": wire.FreeText, "avatarUrl": wire.URI,
	}
}

func messageMembers() wire.Members {
	raw := wire.Object(wire.Members{"payload": wire.AnyObject})
	apple := wire.Object(wire.Members{
		"payload": wire.AnyObject, "withCapabilities": wire.ListOf(0, wire.MaxBody,
			wire.OneOf("LIST", "TIME", "FORM", "QUICK", "AUTH2")),
	})
	return wire.Members{
		"author":      wire.Object(authorMembers(), "type"),
		"content":     wire.AnyObject,
		"destination": wire.Object(wire.Members{"integrationId": wire.FreeText, "integrationType": wire.FreeText}),
		"metadata":    wire.Metadata,
		"override":    wire.Object(wire.Members{"apple": apple, "line": raw, "messenger": raw, "whatsapp": raw}),
		"schema":      wire.OneOf("whatsapp"),
	}
}

func (s *Service) postMessage(c *wire.Call) wire.Reply {
	body, refusal, fine := c.ReadMembers(messageMembers(), "author", "content")
	if !fine {
		return refusal
	}
	said, wrong := content.Read(c, body["content"])
	if wrong != "" {
		return wire.BadRequest(wire.At("content", wrong))
	}
	by, who, wrong := readAuthor(body["author"])
	if wrong == "" {
		wrong = contradiction(body, by.Type, wire.Given(said, "type"))
	}
	if wrong != "" {
		return wire.BadRequest(wrong)
	}
	fresh := &message{
		Author: by, Content: said, Source: source{Type: throughAPI}, Metadata: wire.Kept(body, "metadata"),
		size: len(c.Body) + recordOverhead,
	}
	return s.within(c, func(a *app, v *conversation) wire.Reply {
		if body["destination"] != nil && v.Type != personal {
			return wire.BadRequest("Only a personal conversation has a destination")
		}
		if refusal, fine := s.takeMedia(a, v, fresh); !fine {
			return refusal
		}
		if by.Type == "business" {
			return s.postAsBusiness(a, v, fresh, wire.Kept(body, "destination"))
		}
		u := who.find(a)
		switch {
		case u == nil:
			return noUser()
		case v.participant(u) == nil:
			return wire.BadRequest("The user is not a participant of the conversation")
		case v.posted >= maxPosted:
			return locked()
		}
		s.say(a, v, u, fresh)
		return posted(fresh)
	})
}

func locked() wire.Reply {
	return wire.Failure(http.StatusLocked, "locked", "The conversation has 30,000 messages, which is the limit")
}

func posted(messages ...*message) wire.Reply {
	return wire.OK(http.StatusCreated, map[string][]*message{"messages": messages})
}

// postAsBusiness adds a message of the business. The platform may tell people first that
// they talk to an AI. The lock is held.
func (s *Service) postAsBusiness(a *app, v *conversation, fresh *message, to json.RawMessage) wire.Reply {
	messages := []*message{fresh}
	if s.opts.AIDisclaimer && fresh.Author.Subtypes != nil && !v.disclaimed {
		messages = []*message{prose("You are talking to an AI.", author{Type: "business"}, source{Type: throughAPI}), fresh}
	}
	if v.posted+len(messages) > maxPosted {
		return locked()
	}
	v.disclaimed = v.disclaimed || fresh.Author.Subtypes != nil
	for _, m := range messages {
		s.say(a, v, nil, m)
	}
	if s.opts.DeliveryReceipts {
		s.receipts(a, v, fresh, to)
	}
	return posted(messages...)
}

// prose is a message that is nothing but a text.
func prose(text string, by author, from source) *message {
	raw, _ := wire.Encode(wire.String(text)) // a string cannot fail
	return &message{
		Author: by, Source: from, size: len(text) + recordOverhead,
		Content: map[string]json.RawMessage{"type": json.RawMessage(`"text"`), "text": raw},
	}
}

// readAuthor reads an author that has been checked, and tells what contradicts
// itself in it.
func readAuthor(raw json.RawMessage) (by author, who person, wrong string) {
	var object map[string]json.RawMessage
	_ = json.Unmarshal(raw, &object) // it was checked
	by = author{Type: wire.Given(object, "type"), DisplayName: wire.Given(object, "displayName"),
		AvatarURL: wire.Given(object, "avatarUrl")}
	by.Subtypes, _ = wire.As[[]string](object["subtypes"])
	who, named := readPerson(object)
	switch {
	case by.Type == "user" && !named:
		return by, who, "An author of type user needs either userId or userExternalId"
	case by.Type == "user" && by.Subtypes != nil:
		return by, who, "Only the business can be an AI"
	case by.Type != "user" && (object["userId"] != nil || object["userExternalId"] != nil || object["brandId"] != nil):
		return by, who, "Only an author of type user has a user"
	}
	return by, who, ""
}

// contradiction says which members of a message do not go together.
func contradiction(body map[string]json.RawMessage, by, kind string) string {
	var destination map[string]json.RawMessage
	if raw := body["destination"]; raw != nil {
		_ = json.Unmarshal(raw, &destination) // it was checked
		if by != "business" || len(destination) != 1 {
			return "A destination is for the business, and names one integration or one type"
		}
	}
	if (body["schema"] != nil) != (kind == "template") {
		return "A template and the schema need each other"
	}
	return ""
}

// say adds a message to a conversation, and tells of it. u is the author when that
// is a user. The lock is held.
func (s *Service) say(a *app, v *conversation, u *user, fresh *message) {
	fresh.ID = s.opts.Lock.NextID("message", a.id)
	fresh.received = time.Now()
	fresh.Received = fresh.received.UTC().Format(wire.Time)
	v.LastUpdatedAt = fresh.Received
	s.history.add(v, fresh)
	for _, p := range v.participants {
		if p.user == u {
			p.Unread, p.Read = 0, fresh.Received
		} else {
			p.Unread++
		}
	}
	if u == nil {
		v.typing = time.Time{}
	} else {
		fresh.Author.UserID = u.ID
		fresh.Author.DisplayName = cmp.Or(fresh.Author.DisplayName, u.name())
		if v.Active == nil {
			v.Active = a.bot()
		}
	}
	s.about(a, v, "conversation:message", func(fullUser, fullSource bool) map[string]any {
		copied := *fresh
		if u != nil {
			copied.Author.User = u.told(fullUser)
			copied.Source = copied.Source.told(fullSource, u)
		}
		return map[string]any{"message": copied}
	})
}

// receipts tells how a message of the business arrived at the people of a conversation.
// It fails for a destination through which nobody can be reached. The lock is held.
func (s *Service) receipts(a *app, v *conversation, m *message, to json.RawMessage) {
	var wanted struct{ IntegrationID, IntegrationType string }
	if to != nil {
		_ = json.Unmarshal(to, &wanted) // it was checked
	}
	for _, p := range v.participants {
		destination := map[string]string{"type": throughWidget, "integrationId": a.widget().IntegrationID}
		stages := []string{"channel", "user"}
		if to != nil {
			destination = map[string]string{"type": wanted.IntegrationType, "integrationId": wanted.IntegrationID}
			if !p.user.reachable(v, wanted.IntegrationID, wanted.IntegrationType) {
				stages = []string{"failure"}
			}
		}
		for i, stage := range stages {
			m.receipt = stage
			s.about(a, v, "conversation:message:delivery:"+stage, func(fullUser, _ bool) map[string]any {
				payload := map[string]any{
					"user": p.user.told(fullUser), "message": map[string]string{"id": m.ID}, "destination": destination,
					"isFinalEvent": i == len(stages)-1,
				}
				if stage == "failure" {
					payload["error"] = map[string]string{"code": "not_found", "message": "The user has no such client"}
				}
				return payload
			})
		}
	}
}

func (s *Service) listMessages(c *wire.Call) wire.Reply {
	query, refusal, fine := c.Query("page[after]", "page[before]", "page[size]")
	if !fine {
		return refusal
	}
	page, wrong := wire.ReadPaging(query)
	if wrong != "" {
		return wire.BadRequest(wrong)
	}
	page.Size, page.Backwards, page.NewestFirst = wire.MaxPage, true, s.opts.NewestFirst
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	v := s.app(c.AppID).byID[c.Params["conversation"]]
	if v == nil { // with another code than elsewhere, as it is described
		return wire.Problem(http.StatusNotFound, "Conversation not found")
	}
	return wire.List(c, page, "messages", v.messages, func(m *message) string { return m.ID })
}

func (s *Service) deleteAllMessages(c *wire.Call) wire.Reply {
	return s.within(c, func(_ *app, v *conversation) wire.Reply {
		s.clear(v)
		return done()
	})
}

// clear deletes the messages of a conversation, and their attachments. The lock is held.
func (s *Service) clear(v *conversation) {
	for _, m := range v.messages {
		s.files.dropOf(m)
	}
	s.history.drop(func(m *message) bool { return m.in == v })
	v.messages, v.posted = nil, 0
	for _, p := range v.participants {
		p.Unread = 0
	}
}

func (s *Service) deleteMessage(c *wire.Call) wire.Reply {
	return s.within(c, func(_ *app, v *conversation) wire.Reply {
		at := slices.IndexFunc(v.messages, func(m *message) bool { return m.ID == c.Params["message"] && !m.Deleted })
		if at < 0 {
			return wire.Failure(http.StatusNotFound, "not_found", "Message not found")
		}
		m := v.messages[at]
		s.files.dropOf(m)
		if s.opts.Placeholders {
			m.Content, m.Metadata, m.Deleted = nil, nil, true
			return done()
		}
		v.messages = slices.Delete(v.messages, at, at+1)
		s.history.drop(func(other *message) bool { return other == m })
		return done()
	})
}
