package suncotest

import (
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// Conversation is a snapshot of one conversation of an app.
type Conversation struct {
	ID          string
	Type        string // personal or sdkGroup
	DisplayName string
	Users       []string // external ids of those who take part
	Created     time.Time
	Messages    []Message // oldest first
}

// Message is a snapshot of one message.
type Message struct {
	ID          string
	AuthorType  string // user or business
	AuthorName  string // what it is displayed as; a user without a name has its external id
	ContentType string // text, image, carousel and so on
	Text        string // empty when the content has none
	Time        time.Time
}

// Conversations returns the conversations of an app, oldest first, with their
// messages. They belong to the customer and survive an uninstall. There are none
// when there is no such app.
//
// The platform keeps 32 MiB of messages in all, and forgets the oldest ones beyond
// that. It refuses users and conversations beyond another 32 MiB with status 507.
func (p *Platform) Conversations(appID string) []Conversation {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.state.byApp(appID)
	if a == nil {
		return nil
	}
	var all []Conversation
	for _, v := range a.chat.conversations {
		s := Conversation{ID: v.ID, Type: v.Type, DisplayName: v.DisplayName, Created: v.created}
		for _, u := range v.users {
			s.Users = append(s.Users, u.ExternalID)
		}
		for _, m := range v.messages {
			s.Messages = append(s.Messages, Message{
				ID: m.ID, AuthorType: m.Author.Type, AuthorName: m.Author.DisplayName,
				ContentType: wire.Given(m.Content, "type"), Text: wire.Given(m.Content, "text"), Time: m.received,
			})
		}
		all = append(all, s)
	}
	return all
}
