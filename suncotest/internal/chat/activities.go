package chat

import (
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

const (
	typingStart = "typing:start"
	typingStop  = "typing:stop"
	isRead      = "conversation:read"

	typingShown = 10 * time.Second // how long people see that the business types
)

func (s *Service) postActivity(c *wire.Call) wire.Reply {
	body, refusal, fine := c.ReadMembers(wire.Members{
		"author": wire.Object(authorMembers(), "type"), "type": wire.OneOf(isRead, typingStart, typingStop),
	}, "author", "type")
	if !fine {
		return refusal
	}
	by, who, wrong := readAuthor(body["author"])
	if wrong != "" {
		return wire.BadRequest(wrong)
	}
	kind := wire.Given(body, "type")
	return s.within(c, func(a *app, v *conversation) wire.Reply {
		if by.Type == "business" {
			v.byBusiness(kind)
			return done()
		}
		u := who.find(a)
		switch {
		case u == nil:
			return noUser()
		case v.participant(u) == nil:
			return wire.BadRequest("The user is not a participant of the conversation")
		}
		s.byPerson(a, v, u, kind, source{Type: throughAPI})
		return done()
	})
}

// byBusiness notes an activity of the business, of which nobody is told.
func (v *conversation) byBusiness(kind string) {
	switch kind {
	case typingStart:
		v.typing = time.Now()
	case typingStop:
		v.typing = time.Time{}
	case isRead:
		v.BusinessLastRead = wire.Now()
	}
}

// byPerson notes an activity of a participant and tells of it. The lock is held.
func (s *Service) byPerson(a *app, v *conversation, u *user, kind string, from source) {
	trigger := "conversation:typing"
	if kind == isRead {
		trigger = isRead
		p := v.participant(u)
		p.Unread, p.Read = 0, wire.Now()
	}
	s.about(a, v, trigger, func(fullUser, fullSource bool) map[string]any {
		return map[string]any{"activity": map[string]any{
			"type": kind, "source": from.told(fullSource, u),
			"author": author{Type: "user", UserID: u.ID, User: u.told(fullUser)},
		}}
	})
}
