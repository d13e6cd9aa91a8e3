package chat

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

const (
	maxTickets  = 1000 // of an app
	handedOver  = 10   // messages, when the bot asks for no other history
	agentName   = "Robin Agent"
	agentNumber = "4801"
	toEmail     = "transferToEmail"
)

// ticket is what agents work on from a hand-off until it is solved or leaves the
// conversation.
type ticket struct {
	number       int
	conversation *conversation
	metadata     json.RawMessage // of the hand-off
	from, to     int             // the serials of the first message and of the last; to is 0 while it is open
	byEmail      bool            // it goes on by e-mail
	opened       time.Time
}

// openTicket opens one with the history that the hand-off asks for. The lock is held.
func (s *Service) openTicket(a *app, v *conversation, metadata json.RawMessage) {
	if v.ticket(a) != nil {
		return // the agents have been in control before, and did not solve it
	}
	fresh := &ticket{conversation: v, metadata: metadata, from: v.serial + 1, opened: time.Now()}
	if n := len(v.messages); n > 0 {
		fresh.from = v.messages[max(0, n-handedOver)].serial
	}
	var asked struct {
		First string `json:"first_message_id"`
	}
	if metadata != nil {
		_ = json.Unmarshal(metadata, &asked) // of another type, it is none
	}
	for _, m := range v.messages {
		if m.ID == asked.First {
			fresh.from = min(fresh.from, m.serial)
		}
	}
	a.ticketCount++
	fresh.number = a.ticketCount
	if len(a.tickets) >= maxTickets {
		a.tickets = slices.Delete(a.tickets, 0, 1)
	}
	a.tickets = append(a.tickets, fresh)
}

// ticket returns the open one of a conversation, or nil.
func (v *conversation) ticket(a *app) *ticket {
	for _, t := range a.tickets {
		if t.conversation == v && t.to == 0 {
			return t
		}
	}
	return nil
}

// asAgent lets an agent do something in a conversation of which agents are in control.
// The lock is held.
func (s *Service) asAgent(appID, conversationID string, do func(*app, *conversation)) error {
	return s.in(appID, conversationID, func(a *app, v *conversation) error {
		switch {
		case v.Active == nil || v.Active.Name != agentWorkspace:
			return fmt.Errorf("suncotest: no agent is in control of the conversation %q", conversationID)
		case v.posted >= maxPosted:
			return errConversationFull
		}
		do(a, v)
		return nil
	})
}

// Answer plays an agent who writes a text. The lock is held.
func (s *Service) Answer(appID, conversationID, text string) error {
	if n := utf8.RuneCountInString(text); n == 0 || n > 4096 {
		return errText
	}
	return s.asAgent(appID, conversationID, func(a *app, v *conversation) {
		m := prose(text, author{Type: "business", Subtypes: []string{"agent"}, DisplayName: agentName}, v.Active.source())
		m.Metadata = json.RawMessage(`{"__zendesk_msg.agent.id":"` + agentNumber + `"}`)
		s.say(a, v, nil, m)
	})
}

// source is where the messages of a responder come from.
func (r *responder) source() source {
	return source{Type: r.IntegrationType, IntegrationID: r.IntegrationID}
}

// Solve plays an agent who solves the ticket. The lock is held.
func (s *Service) Solve(appID, conversationID string) error {
	return s.endTicket(appID, conversationID, "ticketClosed", "ticket:closed", "The ticket is closed.")
}

// TransferToEmail plays an agent who goes on with the ticket by e-mail. The lock is held.
func (s *Service) TransferToEmail(appID, conversationID string) error {
	return s.endTicket(appID, conversationID, toEmail, "ticket:transfer:email", "The ticket goes on by e-mail.")
}

// endTicket ends what agents do in a conversation, and its ticket there. The lock is held.
func (s *Service) endTicket(appID, conversationID, reason, activity, text string) error {
	return s.asAgent(appID, conversationID, func(a *app, v *conversation) {
		by := v.Active.source()
		if s.opts.SolvePasses {
			s.pass(a, v, a.bot().ID, nil, reason)
		} else {
			s.release(a, v, nil, reason)
		}
		m := prose(text, author{Type: "business", Subtypes: []string{"activity"}}, by)
		m.Activity = &systemActivity{Type: activity}
		s.say(a, v, nil, m)
		if t := v.ticket(a); t != nil {
			t.to, t.byEmail = v.serial, reason == toEmail
		}
	})
}

// Ticket is a snapshot of a ticket.
type Ticket struct {
	Number         int
	ConversationID string
	Solved         bool
	ByEmail        bool
	Metadata       json.RawMessage
	Opened         time.Time
	Messages       []Message
}

// Tickets returns the tickets of an app, oldest first. The lock is held.
func (s *Service) Tickets(appID string) []Ticket {
	a := s.app(appID)
	var all []Ticket
	for _, t := range a.tickets {
		copied := Ticket{
			Number: t.number, ConversationID: t.conversation.ID, Opened: t.opened,
			Solved: t.to != 0 && !t.byEmail, ByEmail: t.byEmail, Metadata: slices.Clone(t.metadata),
		}
		for _, m := range t.conversation.messages {
			if m.serial >= t.from && (t.to == 0 || m.serial <= t.to) {
				copied.Messages = append(copied.Messages, a.snapshot(m))
			}
		}
		all = append(all, copied)
	}
	return all
}
