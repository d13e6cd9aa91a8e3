package messaging

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/internal/hook"
	"github.com/sunco-go/sunco/internal/turns"
)

// Bot answers in conversations. Its method OnEvent is the OnEvent of a
// [sunco.EventHandler]:
//
//	mux.Handle("/zendesk/events", &sunco.EventHandler{Lookup: store.ByKey, OnEvent: bot.OnEvent})
//
// A Bot is silent while another integration is in control, never answers
// itself, handles the events of a conversation one at a time, in the order in
// which they reach the process, and sends no answer twice. The package
// documentation explains these rules. A nil function ignores its events.
//
// A Bot is safe for concurrent use and must not be copied. Its fields must not
// change after the first event.
type Bot struct {
	Client *sunco.Client // required

	// Self is the id, the name or the type of the bot's own switchboard
	// integration. Empty: Client.ClientID, which is its type.
	Self string

	// OnMessage gets each message of a user that has a content.
	OnMessage func(ctx context.Context, c *Chat, m *Message) error

	// OnPostback gets each button that a user pressed.
	OnPostback func(ctx context.Context, c *Chat, p *PostbackEvent) error

	// OnControl gets each change of control and each failed attempt, whichever
	// integration is in control. Chat.InControl says whether the bot may
	// answer.
	OnControl func(ctx context.Context, c *Chat, p *SwitchboardEvent) error

	// OnOther gets every other event as a result of [ParseEvent], whichever
	// integration is in control. Among them are the messages and postbacks
	// that the other functions do not get.
	OnOther func(ctx context.Context, c *Chat, payload any) error

	// Logger gets a line for each error that OnEvent does not return. Nil:
	// [slog.Default].
	Logger *slog.Logger

	turns turns.Turns // by app and conversation
}

// OnEvent handles one event. It returns the error or the panic of a function,
// so that Zendesk delivers the event again. If something was sent through the
// [Chat], or may have been sent, OnEvent logs the error instead.
func (b *Bot) OnEvent(ctx context.Context, in *sunco.Installation, e *sunco.Event) error {
	payload := ParseEvent(e)
	c := &Chat{
		App:          App{Client: b.Client, Installation: in},
		Conversation: conversationOf(payload),
		Event:        e,
		self:         cmp.Or(b.Self, b.Client.ClientID),
	}
	if c.id() != "" {
		done, err := b.turns.Wait(ctx, e.AppID+" "+c.id())
		if err != nil {
			return fmt.Errorf("sunco: waiting for an earlier event of the conversation: %w", err)
		}
		defer done()
	}
	err := hook.Try(func() error { return b.handle(ctx, c, payload) })
	if err == nil || !c.sent.Load() && !isAmbiguous(err) {
		return err
	}
	b.log(ctx, c, err)
	return nil
}

// handle calls the function that an event is for.
func (b *Bot) handle(ctx context.Context, c *Chat, payload any) error {
	mayAnswer := c.id() != "" && c.InControl()
	switch p := payload.(type) {
	case *MessageEvent:
		m := p.Message
		if mayAnswer && m != nil && m.Author.Type == AuthorUser && m.Content != nil && !m.Deleted {
			return call(ctx, b.OnMessage, c, m)
		}
	case *PostbackEvent:
		if mayAnswer {
			return call(ctx, b.OnPostback, c, p)
		}
	case *SwitchboardEvent:
		if c.id() != "" {
			return call(ctx, b.OnControl, c, p)
		}
	}
	return call(ctx, b.OnOther, c, payload)
}

func call[T any](ctx context.Context, f func(context.Context, *Chat, T) error, c *Chat, about T) error {
	if f == nil {
		return nil
	}
	return f(ctx, c, about)
}

// log writes why an event failed that does not come back.
func (b *Bot) log(ctx context.Context, c *Chat, err error) {
	in := c.App.Installation
	credentials := []string{b.Client.ClientSecret.Reveal(), in.Token.AccessToken.Reveal()}
	for _, webhook := range in.Webhooks {
		credentials = append(credentials, webhook.Secret.Reveal())
	}
	hook.Log(ctx, b.Logger, slog.LevelError, "event failed after an answer was sent; it does not come back",
		err, credentials, slog.Any("event", c.Event), slog.String("conversation_id", c.id()))
}

func isAmbiguous(err error) bool {
	_, ok := errors.AsType[*sunco.AmbiguousError](err)
	return ok
}

// Chat is the conversation that an event is about, and the calls that a bot
// makes there as the business. A message that a function sends through App
// does not count as sent.
type Chat struct {
	App          App
	Conversation *Conversation // as the event has it; nil if the event is about none
	Event        *sunco.Event

	self string
	sent atomic.Bool
}

// Send sends messages one after the other, until one fails. All are checked
// before the first is sent.
func (c *Chat) Send(ctx context.Context, contents ...Content) error {
	l := new(limits)
	for i, content := range contents {
		l.content(fmt.Sprintf("contents[%d]", i), content)
	}
	if err := l.err(); err != nil {
		return err
	}
	for _, content := range contents {
		_, err := c.App.PostMessage(ctx, c.id(), MessagePost{Content: content})
		if err == nil || isAmbiguous(err) {
			c.sent.Store(true)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// SendText sends a text of any length, in several messages if it is too long
// for one; see [SplitText].
func (c *Chat) SendText(ctx context.Context, text string) error {
	parts := SplitText(text)
	contents := make([]Content, len(parts))
	for i, part := range parts {
		contents[i] = Text(part)
	}
	return c.Send(ctx, contents...)
}

// Typing shows that the bot types, until it sends a message.
func (c *Chat) Typing(ctx context.Context) error {
	return c.App.PostActivity(ctx, c.id(), Activity{Type: ActivityTypingStart})
}

// Read shows that the conversation was read.
func (c *Chat) Read(ctx context.Context) error {
	return c.App.PostActivity(ctx, c.id(), Activity{Type: ActivityRead})
}

// PassControl gives control to another integration; see [App.PassControl].
func (c *Chat) PassControl(ctx context.Context, to string, metadata Metadata) error {
	return c.App.PassControl(ctx, c.id(), to, metadata)
}

// ReleaseControl gives up control; see [App.ReleaseControl].
func (c *Chat) ReleaseControl(ctx context.Context, metadata Metadata) error {
	return c.App.ReleaseControl(ctx, c.id(), metadata)
}

// InControl reports whether the bot may answer: the bot is in control, or no
// integration is. It goes by the event; [App.GetConversation] returns the
// current state.
func (c *Chat) InControl() bool {
	if c.Conversation == nil || c.Conversation.ActiveSwitchboardIntegration == nil {
		return true
	}
	active := *c.Conversation.ActiveSwitchboardIntegration
	if active == (SwitchboardIntegration{}) {
		return true
	}
	return c.self != "" && (active.ID == c.self || active.Name == c.self || active.IntegrationType == c.self)
}

// id returns the id of the conversation, and "" if there is none.
func (c *Chat) id() string {
	if c.Conversation == nil {
		return ""
	}
	return c.Conversation.ID
}

// conversationOf returns the conversation that an event is about.
func conversationOf(payload any) *Conversation {
	switch p := payload.(type) {
	case *MessageEvent:
		return p.Conversation
	case *PostbackEvent:
		return p.Conversation
	case *ConversationCreateEvent:
		return p.Conversation
	case *ConversationEvent:
		return p.Conversation
	case *ActivityEvent:
		return p.Conversation
	case *ReferralEvent:
		return p.Conversation
	case *DeliveryEvent:
		return p.Conversation
	case *SwitchboardEvent:
		return p.Conversation
	case *ClientEvent:
		return p.Conversation
	case *RawEvent:
		var about struct {
			Conversation *Conversation `json:"conversation"`
		}
		decode(p.Payload, &about)
		return about.Conversation
	}
	return nil
}
