package suncotest

import (
	"fmt"
	"time"
)

// Say plays a person who writes a text to one of the customers, in the web widget.
// A person without a user gets one, signed in under userExternalId, and a personal
// conversation to begin with; otherwise the text goes to the person's latest personal
// conversation. Webhooks are told, as by [Platform.Emit], of a conversation:create if
// there was one and of a conversation:message whose author is a user. What the
// partner answers through the API comes as conversation:message too, its author the
// business. [Platform.Conversations] shows both.
//
// People can write whether the integration is installed or not. The error says that
// there is no such app, that a person cannot have such an id or say such a text, or
// that the conversation or the platform is full.
func (p *Platform) Say(appID, userExternalID, text string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state.byApp(appID) == nil {
		return fmt.Errorf("suncotest: there is no app %q", appID)
	}
	return p.chat.Say(appID, userExternalID, text)
}

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
	if p.state.byApp(appID) == nil {
		return nil
	}
	var all []Conversation
	for _, v := range p.chat.Conversations(appID) {
		s := Conversation{ID: v.ID, Type: v.Type, DisplayName: v.DisplayName, Users: v.Users, Created: v.Created}
		for _, m := range v.Messages {
			s.Messages = append(s.Messages, Message(m))
		}
		all = append(all, s)
	}
	return all
}
