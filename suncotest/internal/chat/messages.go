package chat

import (
	"cmp"
	"encoding/json"
	"net/http"
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
	Content  map[string]json.RawMessage `json:"content"`
	Source   source                     `json:"source"`
	Metadata json.RawMessage            `json:"metadata,omitempty"`

	received time.Time
	size     int
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

func messageMembers() wire.Members {
	raw := wire.Object(wire.Members{"payload": wire.AnyObject})
	apple := wire.Object(wire.Members{
		"payload": wire.AnyObject, "withCapabilities": wire.ListOf(0, wire.MaxBody,
			wire.OneOf("LIST", "TIME", "FORM", "QUICK", "AUTH2")),
	})
	return wire.Members{
		"author": wire.Object(wire.Members{
			"type": wire.OneOf("business", "user"), "subtypes": wire.ListOf(1, 1, wire.OneOf("AI")),
			"userId": wire.FreeText, "userExternalId": wire.FreeText, "brandId": wire.Nullable(wire.Text(1, 24)),
			"displayName": wire.FreeText, "avatarUrl": wire.URI,
		}, "type"),
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
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	a, v := s.app(c.AppID), s.conversation(c)
	if v == nil {
		return noConversation()
	}
	if body["destination"] != nil && v.Type != personal {
		return wire.BadRequest("Only a personal conversation has a destination")
	}
	var u *user
	if by.Type == "user" {
		if u = who.find(a); u == nil {
			return noUser()
		}
		if !v.has(u) {
			return wire.BadRequest("The user is not a participant of the conversation")
		}
	}
	if v.posted >= maxPosted {
		return wire.Failure(http.StatusLocked, "locked", "The conversation has 30,000 messages, which is the limit")
	}
	s.say(a, v, u, fresh)
	return wire.OK(http.StatusCreated, map[string][]*message{"messages": {fresh}})
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
	if u != nil {
		fresh.Author.UserID = u.ID
		fresh.Author.DisplayName = cmp.Or(fresh.Author.DisplayName, u.name())
	}
	v.LastUpdatedAt = fresh.Received
	s.history.add(v, fresh)

	short, told := v.conversationReference, *fresh
	var by user
	if u != nil {
		by = *u
	}
	s.opts.Emit(a.id, "conversation:message", func(fullUser, fullSource bool) any {
		copied := told
		if u != nil {
			copied.Author.User = by.told(fullUser)
			copied.Source = copied.Source.told(fullSource, &by)
		}
		return map[string]any{"conversation": short, "message": copied}
	})
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
	page.Size, page.Backwards = wire.MaxPage, true
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	v := s.conversation(c)
	if v == nil {
		return wire.Problem(http.StatusNotFound, "Conversation not found")
	}
	return wire.List(c, page, "messages", v.messages, func(m *message) string { return m.ID })
}
