package chat

import (
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

const throughWidget = "web"

// Say plays a person who writes a text in the web widget of an app. The lock is held.
func (s *Service) Say(appID, userExternalID, text string) error {
	if n := utf8.RuneCountInString(userExternalID); n == 0 || n > 1024 {
		return errors.New("suncotest: userExternalID must have 1 to 1024 characters")
	}
	if n := utf8.RuneCountInString(text); n == 0 || n > 4096 {
		return errors.New("suncotest: text must have 1 to 4096 characters")
	}
	content := map[string]json.RawMessage{"type": json.RawMessage(`"text"`)}
	content["text"], _ = wire.Encode(wire.String(text)) // a string cannot fail
	a := s.app(appID)
	u, v := s.visitor(a, userExternalID)
	switch {
	case v == nil:
		return errors.New("suncotest: the platform is full; it keeps 32 MiB of users and conversations")
	case v.posted >= maxPosted:
		return errors.New("suncotest: the conversation is full; it keeps 30,000 messages")
	}
	s.say(a, v, u, &message{
		Author: author{Type: "user"}, Content: content, Source: a.widget(), size: len(text) + recordOverhead,
	})
	return nil
}

// visitor returns the user of an external id and the latest personal conversation,
// both made when there are none. The conversation is nil when there is no room. The lock
// is held.
func (s *Service) visitor(a *app, externalID string) (*user, *conversation) {
	u := a.find(externalID, "")
	if u == nil {
		if !s.history.admits(len(externalID)) {
			return nil, nil
		}
		u = &user{
			userReference: userReference{ExternalID: externalID, Authenticated: true},
			SignedUpAt:    wire.Now(), Profile: orEmpty(nil), Metadata: orEmpty(nil), Identities: []json.RawMessage{},
		}
		s.addUser(a, u)
	}
	for i := len(u.conversations) - 1; i >= 0; i-- {
		if v := u.conversations[i]; v.Type == personal {
			return u, v
		}
	}
	if !s.history.admits(0) {
		return u, nil
	}
	now := time.Now()
	v := &conversation{
		conversationReference: conversationReference{Type: personal},
		CreatedAt:             now.UTC().Format(wire.Time), LastUpdatedAt: now.UTC().Format(wire.Time),
		created: now, users: []*user{u},
	}
	s.begin(a, v, "message", a.widget())
	return u, v
}

// widget is where the messages of people come from.
func (a *app) widget() source {
	return source{Type: throughWidget, IntegrationID: wire.StableID("web widget", a.id)}
}

// told is the source of something that u wrote, as webhooks receive it.
func (s source) told(full bool, u *user) source {
	if !full || s.Type != throughWidget || u == nil {
		return s
	}
	id, now := wire.StableID("client", u.ID), wire.Now()
	s.Client = map[string]any{
		"id": id, "type": s.Type, "status": "active", "integrationId": s.IntegrationID,
		"displayName": u.name(), "lastSeen": now, "info": map[string]string{"browser": "suncotest"},
	}
	s.Device = map[string]any{
		"id": wire.StableID("device", u.ID), "type": s.Type, "guid": wire.StableID("guid", u.ID), "clientId": id,
		"status": "active", "integrationId": s.IntegrationID, "lastSeen": now,
	}
	return s
}
