package suncotest

import (
	"encoding/json"
	"time"
)

// AgentWorkspace is the integration with which human agents answer.
const AgentWorkspace = "zd-agentWorkspace"

// PassControl plays an agent or an administrator who puts an integration in control of a
// conversation, and sends a switchboard:passControl to webhooks. to is [AgentWorkspace]
// for a human agent, or the partner's client id for its bot, which is in control of new
// conversations. Webhooks receive messages whoever is in control. Passing control to the
// integration that has it changes nothing. PassControl returns an error when there is no
// such app, conversation or integration.
func (p *Platform) PassControl(appID, conversationID, to string) error {
	return p.play(appID, func() error { return p.chat.PassControl(appID, conversationID, to) })
}

// OfferControl is like [Platform.PassControl], but the integration has to accept, and
// webhooks receive a switchboard:offerControl. The integration must not be in control.
func (p *Platform) OfferControl(appID, conversationID, to string) error {
	return p.play(appID, func() error { return p.chat.OfferControl(appID, conversationID, to) })
}

// AcceptControl plays an agent who accepts the control that [AgentWorkspace] was offered,
// and sends a switchboard:acceptControl to webhooks. It returns an error when there is no
// such offer.
func (p *Platform) AcceptControl(appID, conversationID string) error {
	return p.play(appID, func() error { return p.chat.AcceptControl(appID, conversationID) })
}

// ReleaseControl plays an administrator who takes control from the integration that has
// it, and sends a switchboard:releaseControl to webhooks. It returns an error when no
// integration is in control.
func (p *Platform) ReleaseControl(appID, conversationID string) error {
	return p.play(appID, func() error { return p.chat.ReleaseControl(appID, conversationID) })
}

// Answer plays a human agent who writes a text to a conversation. Webhooks receive a
// conversation:message of the business with the subtype agent. Answer returns an error
// unless [AgentWorkspace] is in control.
func (p *Platform) Answer(appID, conversationID, text string) error {
	return p.play(appID, func() error { return p.chat.Answer(appID, conversationID, text) })
}

// Solve plays a human agent who solves the ticket of a conversation. Webhooks receive a
// switchboard:releaseControl with the reason ticketClosed, and a conversation:message
// whose activity is ticket:closed; see [Behavior.SolvePasses]. Nobody is in control then
// until the person writes, which gives control to the bot. Solve returns an error unless
// [AgentWorkspace] is in control.
func (p *Platform) Solve(appID, conversationID string) error {
	return p.play(appID, func() error { return p.chat.Solve(appID, conversationID) })
}

// TransferToEmail plays a human agent who goes on with the ticket of a conversation by
// e-mail. It is like [Platform.Solve], with the reason transferToEmail and the activity
// ticket:transfer:email.
func (p *Platform) TransferToEmail(appID, conversationID string) error {
	return p.play(appID, func() error { return p.chat.TransferToEmail(appID, conversationID) })
}

// Ticket is a snapshot of what agents work on, from a hand-off until it is solved or goes
// on by e-mail.
type Ticket struct {
	Number         int // 1, 2, 3 and so on in each app
	ConversationID string
	Solved         bool
	ByEmail        bool            // it goes on by e-mail, outside of the conversation
	Metadata       json.RawMessage // of the hand-off; nil: none
	Opened         time.Time

	// Messages are what the agent sees, oldest first: the last ten before the hand-off,
	// or all from the one that first_message_id in the hand-off's metadata names if they
	// are more, and those that followed until the ticket was solved or went on by e-mail.
	Messages []Message
}

// Tickets returns the latest 1,000 tickets of an app, oldest first, and nil when there is
// no such app. Passing control to [AgentWorkspace] opens one, unless the conversation has
// one that is open. Tickets end with their conversation.
func (p *Platform) Tickets(appID string) []Ticket {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.oauth.HasApp(appID) {
		return nil
	}
	var all []Ticket
	for _, t := range p.chat.Tickets(appID) {
		all = append(all, Ticket{
			Number: t.Number, ConversationID: t.ConversationID, Solved: t.Solved, ByEmail: t.ByEmail, Metadata: t.Metadata,
			Opened: t.Opened, Messages: snapshots(t.Messages),
		})
	}
	return all
}
