package chat

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// Conversation is a snapshot of one conversation of an app; the fake's public type
// explains the fields.
type Conversation struct {
	ID          string
	Type        string
	DisplayName string
	Metadata    json.RawMessage
	Users       []string
	Control     string
	Pending     string
	Typing      bool
	Created     time.Time
	Messages    []Message
}

// Message is a snapshot of one message; the fake's public type explains the fields.
type Message struct {
	ID             string
	AuthorType     string
	AuthorSubtype  string
	AuthorName     string
	AvatarURL      string
	UserExternalID string
	ContentType    string
	Text           string
	Content        json.RawMessage
	Metadata       json.RawMessage
	Activity       string
	Deleted        bool
	Receipt        string
	Time           time.Time
}

// Conversations returns the conversations of an app, oldest first. The lock is held.
func (s *Service) Conversations(appID string) []Conversation {
	a := s.app(appID)
	var all []Conversation
	for _, v := range a.conversations {
		copied := Conversation{
			ID: v.ID, Type: v.Type, DisplayName: v.DisplayName, Metadata: slices.Clone(v.Metadata), Created: v.created,
			Typing: !v.typing.IsZero() && time.Since(v.typing) < typingShown,
		}
		if v.Active != nil {
			copied.Control = v.Active.Name
		}
		if v.Pending != nil {
			copied.Pending = v.Pending.Name
		}
		for _, p := range v.participants {
			copied.Users = append(copied.Users, p.user.ExternalID)
		}
		for _, m := range v.messages {
			copied.Messages = append(copied.Messages, a.snapshot(m))
		}
		all = append(all, copied)
	}
	return all
}

func (a *app) snapshot(m *message) Message {
	copied := Message{
		ID: m.ID, AuthorType: m.Author.Type, AuthorName: m.Author.DisplayName, AvatarURL: m.Author.AvatarURL,
		Deleted: m.Deleted, Receipt: m.receipt, Time: m.received,
		ContentType: wire.Given(m.Content, "type"), Text: wire.Given(m.Content, "text"), Metadata: slices.Clone(m.Metadata),
	}
	if m.Author.Subtypes != nil {
		copied.AuthorSubtype = m.Author.Subtypes[0]
	}
	if u := a.users[m.Author.UserID]; u != nil {
		copied.UserExternalID = u.ExternalID
	}
	if m.Content != nil {
		copied.Content, _ = wire.Encode(m.Content) // raw messages cannot fail
	}
	if m.Activity != nil {
		copied.Activity = m.Activity.Type
	}
	return copied
}
