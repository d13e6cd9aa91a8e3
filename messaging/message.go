package messaging

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"sync"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/internal/lenient"
)

// Message is a message of a conversation, as a reply or an event has it. A
// field is zero when its member is absent or has another type.
type Message struct {
	ID            string          `json:"id,omitzero"`
	Received      time.Time       `json:"received,omitzero"` // by Zendesk
	Author        Author          `json:"author,omitzero"`
	Activity      *SystemActivity `json:"activity,omitzero"` // what the system did, in a message that the system wrote
	Content       Content         `json:"content,omitzero"`  // nil when there is none
	Source        Source          `json:"source,omitzero"`
	QuotedMessage *QuotedMessage  `json:"quotedMessage,omitzero"`
	Metadata      Metadata        `json:"metadata,omitzero"`
	Deleted       bool            `json:"deleted,omitzero"` // a placeholder of a deleted message
	References    []Reference     `json:"references,omitzero"`

	raw []byte
}

// Raw returns the message as Zendesk sent it. Do not modify it. It is nil for a
// message that was not received.
func (m *Message) Raw() []byte { return m.raw }

// UnmarshalJSON implements [encoding/json.Unmarshaler]. It never fails.
func (m *Message) UnmarshalJSON(value []byte) error {
	*m = Message{raw: object(value)}
	wire := wires.Get().(*wireMessage)
	wire.messageFields = (*messageFields)(m)
	decode(m.raw, wire)
	m.Content = wire.Content.Content
	*wire = wireMessage{}
	wires.Put(wire)
	return nil
}

type messageFields Message

// wireMessage is a message while it is read.
type wireMessage struct {
	*messageFields
	Content anyContent `json:"content"`
}

var wires = sync.Pool{New: func() any { return new(wireMessage) }}

// Author is who wrote a message or caused an activity. The zero Author is sent
// as the business. Only a user has a UserID or a UserExternalID.
type Author struct {
	Type           string   `json:"type"`              // AuthorBusiness or AuthorUser
	Subtypes       []string `json:"subtypes,omitzero"` // SubtypeAI adds a note that the text is made by AI
	UserID         string   `json:"userId,omitzero"`
	UserExternalID string   `json:"userExternalId,omitzero"` // never received
	BrandID        string   `json:"brandId,omitzero"`        // of the UserExternalID; never received
	DisplayName    string   `json:"displayName,omitzero"`
	AvatarURL      string   `json:"avatarUrl,omitzero"` // a JPG, PNG or GIF
	User           *User    `json:"user,omitzero"`      // in events; not sent
}

// The types and subtypes of an [Author]. Only SubtypeAI can be sent.
const (
	AuthorBusiness = "business"
	AuthorUser     = "user"

	SubtypeAI       = "AI"
	SubtypeActivity = "activity" // the system
	SubtypeAgent    = "agent"    // a human agent
	SubtypeBot      = "bot"
)

// SystemActivity is what the system did when it wrote a message.
type SystemActivity struct {
	Type string         `json:"type"`
	Data map[string]any `json:"data,omitzero"`
}

// The types of a [SystemActivity].
const (
	ActivityTicketClosed    = "ticket:closed"
	ActivityTransferToEmail = "ticket:transfer:email"
	ActivityEndedByUser     = "conversation:endedByUser"
)

// Source is where a message, an activity or an event comes from. Client and
// Device are in events of webhooks with [sunco.Webhook.IncludeFullSource] only.
type Source struct {
	Type                     string    `json:"type"` // a channel, "ios", "web", "api:conversations", …
	IntegrationID            string    `json:"integrationId,omitzero"`
	OriginalMessageID        string    `json:"originalMessageId,omitzero"` // the channel's
	OriginalMessageTimestamp time.Time `json:"originalMessageTimestamp,omitzero"`
	Client                   *Client   `json:"client,omitzero"`
	Device                   *Device   `json:"device,omitzero"`
	Campaign                 *Campaign `json:"campaign,omitzero"`
}

// Campaign is the campaign that a message or a conversation belongs to.
type Campaign struct {
	ID string `json:"id,omitzero"`
}

// QuotedMessage is a message that another message quotes. Its Type is
// QuotedWhole, and Message is set, or QuotedExternal for a message that
// Zendesk does not know, and ExternalMessageID is the channel's id. If the
// quoted message has a quote, too, only its Raw has it.
type QuotedMessage struct {
	Type              string   `json:"type"`
	Message           *Message `json:"message,omitzero"`
	ExternalMessageID string   `json:"externalMessageId,omitzero"`
}

// The types of a [QuotedMessage].
const (
	QuotedWhole    = "message"
	QuotedExternal = "externalMessageId"
)

// UnmarshalJSON implements [encoding/json.Unmarshaler]. It never fails.
func (q *QuotedMessage) UnmarshalJSON(value []byte) error {
	var quote struct {
		Type              string          `json:"type"`
		Message           json.RawMessage `json:"message"`
		ExternalMessageID string          `json:"externalMessageId"`
	}
	decode(value, &quote)
	*q = QuotedMessage{Type: quote.Type, ExternalMessageID: quote.ExternalMessageID}
	if quote.Message = object(quote.Message); quote.Message == nil {
		return nil
	}
	type fields Message
	q.Message = &Message{raw: quote.Message}
	wire := struct {
		*fields
		Content       anyContent `json:"content"`
		QuotedMessage struct{}   `json:"quotedMessage"` // quotes nest without end
	}{fields: (*fields)(q.Message)}
	decode(q.Message.raw, &wire)
	q.Message.Content = wire.Content.Content
	return nil
}

// Reference is an external page that a message refers to.
type Reference struct {
	URI         string `json:"uri"`
	Title       string `json:"title,omitzero"`
	Description string `json:"description,omitzero"`
}

// MessagePost is a message to send. Content is required.
type MessagePost struct {
	Author      Author       `json:"author"` // zero: the business
	Content     Content      `json:"content"`
	Destination *Destination `json:"destination,omitzero"` // nil: the channels that the user wrote on last
	Metadata    Metadata     `json:"metadata,omitzero"`
	Override    Override     `json:"override,omitzero"`
	Schema      string       `json:"schema,omitzero"` // SchemaWhatsApp; a TemplateMessage has it by itself
}

// SchemaWhatsApp says that a content is in WhatsApp's own JSON.
const SchemaWhatsApp = "whatsapp"

// Destination is where a message is delivered: exactly one of the fields is
// set. The integration type "none" delivers nowhere, which makes a silent
// message.
type Destination struct {
	IntegrationID   string `json:"integrationId,omitzero"`
	IntegrationType string `json:"integrationType,omitzero"`
}

// Override replaces a message by a payload in the channel's own JSON, on the
// channels that are set.
type Override struct {
	Apple     *AppleOverride
	LINE      json.RawMessage
	Messenger json.RawMessage
	WhatsApp  json.RawMessage
}

// AppleOverride replaces a message on Apple Messages for Business.
type AppleOverride struct {
	Payload          json.RawMessage `json:"payload,omitzero"`
	WithCapabilities []string        `json:"withCapabilities,omitzero"` // that a device must have to get it
}

// The capabilities of an [AppleOverride].
const (
	CapabilityList         = "LIST"
	CapabilityTime         = "TIME"
	CapabilityForm         = "FORM"
	CapabilityQuickReply   = "QUICK"
	CapabilityAuthenticate = "AUTH2"
)

// MarshalJSON implements [encoding/json.Marshaler].
func (o Override) MarshalJSON() ([]byte, error) {
	type payload struct {
		Payload json.RawMessage `json:"payload,omitzero"`
	}
	return lenient.Encode(struct {
		Apple     *AppleOverride `json:"apple,omitzero"`
		LINE      payload        `json:"line,omitzero"`
		Messenger payload        `json:"messenger,omitzero"`
		WhatsApp  payload        `json:"whatsapp,omitzero"`
	}{o.Apple, payload{o.LINE}, payload{o.Messenger}, payload{o.WhatsApp}})
}

// sent checks an author and returns it as it is sent.
func (a Author) sent(l *limits, name string) Author {
	if a.Type == "" {
		a.Type = AuthorBusiness
	}
	if a.Type == AuthorUser && (a.UserID == "") == (a.UserExternalID == "") {
		l.refuse(name, "a user has exactly one of userId and userExternalId")
	}
	l.text(name+".brandId", a.BrandID, 0, maxBrand)
	l.text(name+".avatarUrl", a.AvatarURL, 0, maxURL)
	a.User = nil
	return a
}

// sent checks a message and returns it as it is sent. Prefix is what stands
// before the names of its fields.
func (p MessagePost) sent(l *limits, prefix string) MessagePost {
	p.Author = p.Author.sent(l, prefix+"author")
	l.content(prefix+"content", p.Content)
	if d := p.Destination; d != nil && (d.IntegrationID == "") == (d.IntegrationType == "") {
		l.refuse(prefix+"destination", "exactly one of integrationId and integrationType is accepted")
	}
	l.metadata(prefix+"metadata", p.Metadata)
	p.Override.check(l, prefix+"override")
	if _, template := p.Content.(*TemplateMessage); template {
		if p.Schema == "" {
			p.Schema = SchemaWhatsApp
		}
		if p.Schema != SchemaWhatsApp {
			l.refuse(prefix+"schema", `a template needs "whatsapp"`)
		}
	}
	if l.first == nil {
		p.Content = sendable(p.Content)
	}
	return p
}

func (o *Override) check(l *limits, name string) {
	if o.Apple != nil && o.Apple.Payload != nil {
		l.object(name+".apple.payload", o.Apple.Payload)
	}
	for _, channel := range []struct {
		name    string
		payload json.RawMessage
	}{{".line", o.LINE}, {".messenger", o.Messenger}, {".whatsapp", o.WhatsApp}} {
		if channel.payload != nil {
			l.object(name+channel.name+".payload", channel.payload)
		}
	}
}

// PostMessage sends a message and returns it as Zendesk keeps it: as one
// message, or as several if Zendesk splits it. A [*sunco.AmbiguousError] says
// that the message may have been sent; it is not sent again. Status 423 says
// that the conversation is full: see [App.DeleteAllMessages].
//
// https://developer.zendesk.com/api-reference/conversations/#operation/PostMessage
func (a App) PostMessage(ctx context.Context, id string, post MessagePost) ([]*Message, error) {
	l := new(limits)
	l.id("conversation id", id)
	post = post.sent(l, "")
	call := &sunco.Call{Op: "post message", Method: http.MethodPost, Path: messagesPath(id), Body: post}
	got, err := a.call(ctx, l, call)
	if err != nil {
		return nil, err
	}
	messages, err := some(got.Messages, call, "message")
	if err == nil && len(messages) == 0 {
		err = missing(call, "message")
	}
	return messages, err
}

// ListMessages returns a page of a conversation's messages. The first page has
// the latest messages. For the page before it, pass the page's BeforeCursor,
// or use [App.Messages].
//
// https://developer.zendesk.com/api-reference/conversations/#operation/ListMessages
func (a App) ListMessages(ctx context.Context, id string, at Cursor) (*Page[*Message], error) {
	l := new(limits)
	l.id("conversation id", id)
	call := &sunco.Call{Op: opListMessages, Path: messagesPath(id), Query: at.query(l, nil)}
	got, err := a.call(ctx, l, call)
	if err != nil {
		return nil, err
	}
	return page(got, got.Messages, call, "messages")
}

// Messages ranges over all messages of a conversation, the newest first. It
// ends after the first error.
func (a App) Messages(ctx context.Context, id string) iter.Seq2[*Message, error] {
	return backward(opListMessages, func(at Cursor) (*Page[*Message], error) { return a.ListMessages(ctx, id, at) })
}

// DeleteAllMessages deletes all messages of a conversation.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/DeleteAllMessages
func (a App) DeleteAllMessages(ctx context.Context, id string) error {
	l := new(limits)
	l.id("conversation id", id)
	return a.do(ctx, l, &sunco.Call{Op: "delete all messages", Method: http.MethodDelete, Path: messagesPath(id)})
}

// DeleteMessage deletes one message.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/DeleteMessage
func (a App) DeleteMessage(ctx context.Context, id, messageID string) error {
	l := new(limits)
	l.id("conversation id", id)
	l.id("message id", messageID)
	return a.do(ctx, l, &sunco.Call{
		Op: "delete message", Method: http.MethodDelete, Path: messagesPath(id) + "/" + messageID,
	})
}

const opListMessages = "list messages"

func messagesPath(id string) string { return "/conversations/" + id + "/messages" }
