// Package chat is what the customers' apps know of people: users, conversations and
// messages, the operations on them, and the people and agents who write.
package chat

import (
	"net/http"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// Options are what chat needs to know. The fields that choose among readings of the
// documents are those of the fake's public Behavior. The functions are called while the
// lock is held, except Admit.
type Options struct {
	Lock *wire.Lock
	Bot  string // the name and type of the partner's integration, the default responder

	// Emit tells webhooks what happened in an app. It encodes the payload before it
	// returns.
	Emit func(appID, trigger string, payload wire.Payload)

	Integration func(appID string) string                        // the integration's id; empty: not installed
	Host        func(appID string) (host, prefix string)         // of an app's API
	Admit       func(c *wire.Call) (refusal wire.Reply, ok bool) // requests that need a token

	NoSwitchboard      bool
	NoStandbyEvents    bool
	ControlRefused     bool
	ReleaseToDefault   bool
	SolvePasses        bool
	NullKept           bool
	MetadataMerges     bool
	NewestFirst        bool
	Placeholders       bool
	FormStaysOpen      bool
	EchoPostback       bool
	AIDisclaimer       bool
	DeliveryReceipts   bool
	ForeignMedia       bool
	PrivateAttachments bool
	UserUpdateTells    bool
	UserRemoveTells    bool
}

// Service keeps what the apps know.
type Service struct {
	opts    Options
	apps    map[string]*app
	history history
	files   files
}

// app is what one app knows. It belongs to the customer and not to the integration,
// and so it survives an uninstall.
type app struct {
	id            string
	board         []*responder // the switchboard; empty: there is none
	users         map[string]*user
	byExternal    map[externalKey]*user
	conversations []*conversation // oldest first
	byID          map[string]*conversation
	tickets       []*ticket // oldest first
	ticketCount   int       // ever
}

// externalKey is what a user is unique by.
type externalKey struct{ externalID, brandID string }

// New returns a service that knows nobody.
func New(opts Options) *Service {
	return &Service{opts: opts, apps: map[string]*app{}, files: files{byID: map[string]*attachment{}}}
}

// app returns what an app knows. The lock is held.
func (s *Service) app(id string) *app {
	a := s.apps[id]
	if a == nil {
		a = &app{
			id: id, board: s.newBoard(id), users: map[string]*user{}, byExternal: map[externalKey]*user{},
			byID: map[string]*conversation{},
		}
		s.apps[id] = a
	}
	if bot := a.bot(); bot != nil {
		bot.IntegrationID = s.opts.Integration(id)
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

// within lets do answer for the conversation that the path names. It holds the lock.
func (s *Service) within(c *wire.Call, do func(*app, *conversation) wire.Reply) wire.Reply {
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	a := s.app(c.AppID)
	v := a.byID[c.Params["conversation"]]
	if v == nil {
		return noConversation()
	}
	return do(a, v)
}

// of lets do answer for the user that the path names by an id or an external id. It
// holds the lock.
func (s *Service) of(c *wire.Call, query map[string]string, do func(*app, *user) wire.Reply) wire.Reply {
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	a := s.app(c.AppID)
	u := a.either(c.Params["user"], query["brandId"])
	if u == nil {
		return noUser()
	}
	return do(a, u)
}

func noUser() wire.Reply {
	return wire.Failure(http.StatusNotFound, "user_not_found", "User not found")
}

func noConversation() wire.Reply {
	return wire.Failure(http.StatusNotFound, "conversation_not_found", "Conversation not found")
}

// done is the answer of operations that have nothing to say.
func done() wire.Reply { return wire.OK(http.StatusOK, struct{}{}) }

// Routes are the operations on users, conversations and messages.
func (s *Service) Routes() []wire.Route {
	const (
		users         = "/v2/apps/{app}/users"
		user          = users + "/{*user}"
		conversations = "/v2/apps/{app}/conversations"
		conversation  = conversations + "/{*conversation}"
		attachments   = "/v2/apps/{app}/attachments"
	)
	var routes []wire.Route
	route := func(method, path string, do wire.Endpoint) {
		routes = append(routes, wire.Route{On: wire.Tenant, Method: method, Path: path, Access: wire.OfTheApp, Do: do})
	}
	route(http.MethodPost, users, s.createUser)
	route(http.MethodGet, users, s.listUsers)
	route(http.MethodGet, user, s.getUser)
	route(http.MethodPatch, user, s.updateUser)
	route(http.MethodDelete, user, s.deleteUser)
	route(http.MethodDelete, user+"/personalinformation", s.deletePersonalInformation)
	route(http.MethodPost, user+"/sync", s.syncUser)
	route(http.MethodPost, user+"/clients", s.createClient)
	route(http.MethodGet, user+"/clients", s.listClients)
	route(http.MethodDelete, user+"/clients/{client}", s.removeClient)
	route(http.MethodGet, user+"/devices", s.listDevices)
	route(http.MethodGet, user+"/devices/{device}", s.getDevice)
	route(http.MethodPost, conversations, s.createConversation)
	route(http.MethodGet, conversations, s.listConversations)
	route(http.MethodGet, conversation, s.getConversation)
	route(http.MethodPatch, conversation, s.updateConversation)
	route(http.MethodDelete, conversation, s.deleteConversation)
	route(http.MethodPost, conversation+"/join", s.join)
	route(http.MethodPost, conversation+"/leave", s.leave)
	route(http.MethodGet, conversation+"/participants", s.listParticipants)
	route(http.MethodPost, conversation+"/messages", s.postMessage)
	route(http.MethodGet, conversation+"/messages", s.listMessages)
	route(http.MethodDelete, conversation+"/messages", s.deleteAllMessages)
	route(http.MethodDelete, conversation+"/messages/{message}", s.deleteMessage)
	route(http.MethodPost, conversation+"/activity", s.postActivity)
	route(http.MethodPost, conversation+"/passControl", s.passControl)
	route(http.MethodPost, conversation+"/offerControl", s.offerControl)
	route(http.MethodPost, conversation+"/acceptControl", s.acceptControl)
	route(http.MethodPost, conversation+"/releaseControl", s.releaseControl)
	route(http.MethodPost, conversation+"/download", s.downloadMessageRef)
	route(http.MethodPost, conversation+"/conversionEvents", s.postConversionEvents)
	route(http.MethodPost, attachments, s.uploadAttachment)
	route(http.MethodPost, attachments+"/remove", s.deleteAttachment)
	return append(routes, wire.Route{
		On: wire.Tenant, Method: http.MethodGet, Path: attachmentPath + "{attachment}/{*name}", Access: wire.Browser,
		Do: s.download,
	})
}
