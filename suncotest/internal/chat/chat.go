// Package chat is what the customers' apps know of people: users, conversations and
// messages, the operations on them, and people who write.
package chat

import (
	"net/http"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// Options are what chat needs to know. Bot is the name of the partner's integration,
// which is in control of new conversations. Emit tells webhooks what happened in an
// app; the lock is held when it is called, so that the order is kept.
type Options struct {
	Lock *wire.Lock
	Bot  string
	Emit func(appID, trigger string, payload wire.Payload)
}

// Service keeps what the apps know.
type Service struct {
	opts    Options
	apps    map[string]*app
	history history
}

// app is what one app knows. It belongs to the customer and not to the integration,
// and so it survives an uninstall.
type app struct {
	id            string
	users         map[string]*user
	byExternal    map[externalKey]*user
	conversations []*conversation // oldest first
	byID          map[string]*conversation
}

// externalKey is what a user is unique by.
type externalKey struct{ externalID, brandID string }

// New returns a service that knows nobody.
func New(opts Options) *Service { return &Service{opts: opts, apps: map[string]*app{}} }

// app returns what an app knows. The lock is held.
func (s *Service) app(id string) *app {
	a := s.apps[id]
	if a == nil {
		a = &app{
			id: id, users: map[string]*user{}, byExternal: map[externalKey]*user{}, byID: map[string]*conversation{},
		}
		s.apps[id] = a
	}
	return a
}

// find returns the user of an external id, or nil.
func (a *app) find(externalID, brandID string) *user {
	return a.byExternal[externalKey{externalID, brandID}]
}

// either returns the user of an id or of an external id, or nil.
func (a *app) either(id, brandID string) *user {
	if u := a.users[id]; u != nil {
		return u
	}
	return a.find(id, brandID)
}

func noUser() wire.Reply {
	return wire.Failure(http.StatusNotFound, "user_not_found", "User not found")
}

func noConversation() wire.Reply {
	return wire.Failure(http.StatusNotFound, "conversation_not_found", "Conversation not found")
}

// Routes are the operations on users, conversations and messages.
func (s *Service) Routes() []wire.Route {
	const (
		users         = "/v2/apps/{app}/users"
		conversations = "/v2/apps/{app}/conversations"
		conversation  = conversations + "/{*conversation}"
	)
	route := func(method, path string, do wire.Endpoint) wire.Route {
		return wire.Route{On: wire.Tenant, Method: method, Path: path, Access: wire.OfTheApp, Do: do}
	}
	return []wire.Route{
		route(http.MethodPost, users, s.createUser),
		route(http.MethodGet, users+"/{*user}", s.getUser),
		route(http.MethodPost, conversations, s.createConversation),
		route(http.MethodGet, conversations, s.listConversations),
		route(http.MethodGet, conversation, s.getConversation),
		route(http.MethodPost, conversation+"/messages", s.postMessage),
		route(http.MethodGet, conversation+"/messages", s.listMessages),
	}
}

// Conversation is a snapshot of one conversation of an app.
type Conversation struct {
	ID          string
	Type        string // personal or sdkGroup
	DisplayName string
	Users       []string // external ids of those who take part
	Control     string   // the name of the integration that is in control
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

// Conversations returns the conversations of an app, oldest first. The lock is held.
func (s *Service) Conversations(appID string) []Conversation {
	var all []Conversation
	for _, v := range s.app(appID).conversations {
		copied := Conversation{ID: v.ID, Type: v.Type, DisplayName: v.DisplayName, Created: v.created, Control: v.Active.Name}
		for _, u := range v.users {
			copied.Users = append(copied.Users, u.ExternalID)
		}
		for _, m := range v.messages {
			copied.Messages = append(copied.Messages, Message{
				ID: m.ID, AuthorType: m.Author.Type, AuthorName: m.Author.DisplayName,
				ContentType: wire.Given(m.Content, "type"), Text: wire.Given(m.Content, "text"), Time: m.received,
			})
		}
		all = append(all, copied)
	}
	return all
}
