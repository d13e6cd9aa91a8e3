package chat

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/sunco-go/sunco/suncotest/internal/content"
	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

const throughWidget = "web"

var (
	errText             = errors.New("suncotest: text must have 1 to 4096 characters")
	errPlatformFull     = errors.New("suncotest: the platform is full; it keeps 32 MiB of users and conversations")
	errConversationFull = errors.New("suncotest: the conversation is full; it keeps 30,000 messages")
)

// Say plays a person who writes a text in the web widget of an app. The lock is held.
func (s *Service) Say(appID, userExternalID, text string) error {
	if n := utf8.RuneCountInString(userExternalID); n == 0 || n > 1024 {
		return errors.New("suncotest: userExternalID must have 1 to 1024 characters")
	}
	if n := utf8.RuneCountInString(text); n == 0 || n > 4096 {
		return errText
	}
	a := s.app(appID)
	u, v := s.visitor(a, userExternalID)
	if v == nil {
		return errPlatformFull
	}
	return s.write(a, v, u, prose(text, author{}, source{}))
}

// write adds a message of a person in the widget. The lock is held.
func (s *Service) write(a *app, v *conversation, u *user, fresh *message) error {
	if v.posted >= maxPosted {
		return errConversationFull
	}
	u.seen()
	fresh.Author, fresh.Source = author{Type: "user"}, a.widget()
	s.say(a, v, u, fresh)
	return nil
}

// visitor returns the user of an external id and the current personal conversation, both
// made when there are none. The conversation is nil when there is no room. The lock
// is held.
func (s *Service) visitor(a *app, externalID string) (*user, *conversation) {
	u := a.find(externalID, "")
	if u == nil {
		u = &user{
			userReference: userReference{
				ExternalID: externalID, Authenticated: true, ZendeskID: digits("zendesk user", a.id+" "+externalID),
			},
			SignedUpAt: wire.Now(), Profile: orEmpty(nil), Metadata: orEmpty(nil), Identities: []identity{},
		}
		if !s.history.fits(&u.size, u.weight()) {
			return nil, nil
		}
		s.addUser(a, u)
	}
	if len(u.devices) == 0 {
		a.opens(u)
	}
	if v := u.current(); v != nil {
		return u, v
	}
	now := time.Now()
	v := &conversation{
		conversationReference: conversationReference{Type: personal},
		CreatedAt:             now.UTC().Format(wire.Time), LastUpdatedAt: now.UTC().Format(wire.Time), created: now,
	}
	if !s.history.fits(&v.size, 0) {
		return u, nil
	}
	s.admit(a, v, u)
	s.begin(a, v, "message", a.widget())
	return u, v
}

// Open plays a person who turns to a personal conversation. The lock is held.
func (s *Service) Open(appID, userExternalID, conversationID string) error {
	return s.in(appID, conversationID, func(a *app, v *conversation) error {
		u := a.find(userExternalID, "")
		if u == nil || v.Type != personal || !slices.Contains(u.conversations, v) {
			return noSuchConversation(conversationID)
		}
		u.open = v
		return nil
	})
}

// current returns the personal conversation that a user has turned to, or the latest one.
// It returns nil when there is none.
func (u *user) current() *conversation {
	if slices.Contains(u.conversations, u.open) {
		return u.open
	}
	for i := len(u.conversations) - 1; i >= 0; i-- {
		if v := u.conversations[i]; v.Type == personal {
			return v
		}
	}
	return nil
}

// known returns a user and the current personal conversation.
func (s *Service) known(appID, userExternalID string) (*app, *user, *conversation, error) {
	a := s.app(appID)
	u := a.find(userExternalID, "")
	if u == nil || u.current() == nil {
		return nil, nil, nil, errors.New("suncotest: the person has no personal conversation; let it Say something first")
	}
	return a, u, u.current(), nil
}

// Press plays a person who presses a button of the latest message that has one with this
// payload or this text. The lock is held.
func (s *Service) Press(appID, userExternalID, button string) error {
	a, u, v, err := s.known(appID, userExternalID)
	if err != nil {
		return err
	}
	pressed, found := v.button(button)
	if !found {
		return errors.New("suncotest: no message has a button with this payload or text")
	}
	reply := &message{
		Metadata: wire.Kept(pressed.Members, "metadata"), size: len(pressed.Text) + len(pressed.Payload) + recordOverhead,
		Content: map[string]json.RawMessage{
			"type": json.RawMessage(`"text"`), "text": pressed.Members["text"], "payload": pressed.Members["payload"],
		},
	}
	switch pressed.Type {
	case "reply":
		return s.write(a, v, u, reply)
	case "locationRequest":
		reply.Content = map[string]json.RawMessage{
			"type": json.RawMessage(`"location"`), "coordinates": json.RawMessage(`{"lat":48.2082,"long":16.3738}`),
		}
		return s.write(a, v, u, reply)
	case "postback":
		u.seen()
		s.about(a, v, "conversation:postback", func(fullUser, fullSource bool) map[string]any {
			postback := map[string]any{"payload": pressed.Members["payload"]}
			if reply.Metadata != nil {
				postback["metadata"] = reply.Metadata
			}
			return map[string]any{
				"postback": postback, "user": u.told(fullUser), "source": a.widget().told(fullSource, u),
			}
		})
		if s.opts.EchoPostback {
			return s.write(a, v, u, reply)
		}
	}
	return nil // a link, a webview or a purchase, of which the business is not told
}

// button returns the latest one with this payload, or else with this text.
func (v *conversation) button(wanted string) (content.Action, bool) {
	for _, field := range []func(content.Action) string{
		func(a content.Action) string { return a.Payload }, func(a content.Action) string { return a.Text },
	} {
		for i := len(v.messages) - 1; i >= 0; i-- {
			for _, action := range content.Actions(v.messages[i].Content) {
				if field(action) == wanted {
					return action, true
				}
			}
		}
	}
	return content.Action{}, false
}

// Submit plays a person who fills in the latest form that is open. The lock is held.
func (s *Service) Submit(appID, userExternalID string, values map[string]string) error {
	a, u, v, err := s.known(appID, userExternalID)
	if err != nil {
		return err
	}
	for i := len(v.messages) - 1; i >= 0; i-- {
		form := v.messages[i]
		if wire.Given(form.Content, "type") != "form" || string(form.Content["submitted"]) == "true" {
			continue
		}
		answer, err := content.FillIn(form.Content, form.ID, values)
		if err != nil {
			return err
		}
		err = s.write(a, v, u, &message{Content: answer, size: len(answer["fields"]) + recordOverhead})
		if err == nil && !s.opts.FormStaysOpen {
			form.Content["submitted"] = json.RawMessage("true")
		}
		return err
	}
	return errors.New("suncotest: no form is open")
}

// Upload plays a person who sends a file. The lock is held.
func (s *Service) Upload(appID, userExternalID, name, contentType string, whole []byte) error {
	if len(whole) > wire.MaxUpload {
		return errors.New("suncotest: the file has more than 50 MB")
	}
	a, u, v, err := s.known(appID, userExternalID)
	if err != nil {
		return err
	}
	if v.posted >= maxPosted {
		return errConversationFull
	}
	held := newAttachment(name, contentType, whole)
	held.conversation, held.forMessage = v.ID, true
	mediaURL, _ := wire.Encode(s.keep(a, held, nil)) // like the others, it cannot fail
	altText, _ := wire.Encode(held.name)
	said := map[string]json.RawMessage{"type": json.RawMessage(`"file"`), "mediaUrl": mediaURL, "altText": altText}
	if len(held.kind) > 6 && held.kind[:6] == "image/" {
		said["type"] = json.RawMessage(`"image"`)
	}
	held.describe(said)
	return s.write(a, v, u, &message{Content: said, size: len(mediaURL) + recordOverhead})
}

// Activity plays a person who types, stops or reads. The lock is held.
func (s *Service) Activity(appID, userExternalID, kind string) error {
	a, u, v, err := s.known(appID, userExternalID)
	if err != nil {
		return err
	}
	u.seen()
	s.byPerson(a, v, u, kind, a.widget())
	return nil
}

// widget is where the messages of people come from.
func (a *app) widget() source {
	return source{Type: throughWidget, IntegrationID: wire.StableID("web widget", a.id)}
}

// told is the source of something that u wrote, as webhooks receive it.
func (s source) told(full bool, u *user) source {
	if !full || s.Type != throughWidget || u == nil || len(u.devices) == 0 {
		return s
	}
	s.Device = u.devices[0]
	for _, c := range u.clients {
		if c.ID == u.devices[0].ClientID {
			s.Client = c
		}
	}
	return s
}

// digits are a number that depends on nothing but the arguments.
func digits(kind, name string) string {
	n, _ := strconv.ParseUint(wire.StableID(kind, name)[:12], 16, 64) // it is hex
	return strconv.FormatUint(n, 10)
}
