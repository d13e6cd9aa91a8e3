package messaging

import (
	"encoding/json"

	"github.com/sunco-go/sunco"
)

// ParseEvent reads the payload of an event. It returns one of these, by the
// event's type:
//
//   - *[MessageEvent], *[PostbackEvent], *[ConversationCreateEvent],
//     *[ReferralEvent], *[UserMergeEvent]: one type of event each.
//   - *[ConversationEvent]: a user joins or leaves, the conversation is removed.
//   - *[ActivityEvent]: a user is typing or has read.
//   - *[DeliveryEvent]: a message was delivered to a channel, to a user, or not.
//   - *[SwitchboardEvent]: control changes, or fails to.
//   - *[ClientEvent]: a client is added, updated or removed.
//   - *[UserEvent]: a user is updated or removed.
//   - *[RawEvent]: every other type.
//
// A field is zero when its member is absent or has another type. The value
// shares the bytes of the event.
//
// https://developer.zendesk.com/api-reference/conversations/#section/Webhook-Triggers
func ParseEvent(e *sunco.Event) any {
	if e == nil {
		return new(RawEvent)
	}
	switch payload := e.Payload; e.Type {
	case sunco.TriggerConversationMessage:
		return read(payload, &MessageEvent{raw: payload})
	case sunco.TriggerConversationPostback:
		return read(payload, &PostbackEvent{raw: payload})
	case sunco.TriggerConversationCreate:
		return read(payload, &ConversationCreateEvent{raw: payload})
	case sunco.TriggerConversationJoin, sunco.TriggerConversationLeave, sunco.TriggerConversationRemove:
		return read(payload, &ConversationEvent{Type: e.Type, raw: payload})
	case sunco.TriggerConversationRead, sunco.TriggerConversationTyping:
		return read(payload, &ActivityEvent{Type: e.Type, raw: payload})
	case sunco.TriggerConversationReferral:
		return read(payload, &ReferralEvent{raw: payload})
	case sunco.TriggerConversationMessageDeliveryChannel, sunco.TriggerConversationMessageDeliveryUser,
		sunco.TriggerConversationMessageDeliveryFailure:
		return read(payload, &DeliveryEvent{Type: e.Type, raw: payload})
	case sunco.TriggerSwitchboardAcceptControl, sunco.TriggerSwitchboardAcceptControlFailure,
		sunco.TriggerSwitchboardOfferControl, sunco.TriggerSwitchboardOfferControlFailure,
		sunco.TriggerSwitchboardPassControl, sunco.TriggerSwitchboardPassControlFailure,
		sunco.TriggerSwitchboardReleaseControl:
		return read(payload, &SwitchboardEvent{Type: e.Type, raw: payload})
	case sunco.TriggerClientAdd, sunco.TriggerClientUpdate, sunco.TriggerClientRemove:
		return read(payload, &ClientEvent{Type: e.Type, raw: payload})
	case sunco.TriggerUserUpdate, sunco.TriggerUserRemove:
		return read(payload, &UserEvent{Type: e.Type, raw: payload})
	case sunco.TriggerUserMerge:
		return read(payload, &UserMergeEvent{raw: payload})
	}
	return &RawEvent{Type: e.Type, Payload: e.Payload}
}

func read[T any](payload []byte, into T) T {
	decode(payload, into)
	return into
}

// MessageEvent says that a message was sent: by a user, by an agent, or by the
// bot itself.
type MessageEvent struct {
	Conversation        *Conversation `json:"conversation,omitzero"`
	Message             *Message      `json:"message,omitzero"`
	RecentNotifications []*Message    `json:"recentNotifications,omitzero"` // sent since the user's last message

	raw []byte
}

// PostbackEvent says that a user pressed a button made by [Postback]. Payload
// and Metadata are the button's.
type PostbackEvent struct {
	ButtonPress  `json:"postback"`
	Conversation *Conversation `json:"conversation,omitzero"`
	User         *User         `json:"user,omitzero"`
	Source       Source        `json:"source,omitzero"`

	raw []byte
}

// ButtonPress is what a [PostbackEvent] says about the button.
type ButtonPress struct {
	Payload  string   `json:"payload,omitzero"`
	Metadata Metadata `json:"metadata,omitzero"`
}

// ConversationCreateEvent says that a conversation was created.
type ConversationCreateEvent struct {
	Conversation   *Conversation `json:"conversation,omitzero"`
	CreationReason string        `json:"creationReason,omitzero"` // one of the Created constants
	Source         Source        `json:"source,omitzero"`
	User           *User         `json:"user,omitzero"` // of a personal conversation
	Referral       *Referral     `json:"referral,omitzero"`

	raw []byte
}

// The reasons of a [ConversationCreateEvent].
const (
	CreatedByLinkRequest      = "linkRequest"
	CreatedByMessage          = "message"
	CreatedByNone             = "none" // the API
	CreatedByNotification     = "notification"
	CreatedByPrechatCapture   = "prechatCapture"
	CreatedByStart            = "startConversation" // an SDK
	CreatedByProactiveMessage = "proactiveMessaging"
)

// ConversationEvent says that a user joined or left a conversation, or that
// the conversation was removed.
type ConversationEvent struct {
	Type         string        `json:"-"` // the event's
	Conversation *Conversation `json:"conversation,omitzero"`
	User         *User         `json:"user,omitzero"` // who joined or left

	raw []byte
}

// ActivityEvent says that a user is typing or has read a conversation.
type ActivityEvent struct {
	Type         string        `json:"-"` // the event's
	Conversation *Conversation `json:"conversation,omitzero"`
	Activity     Activity      `json:"activity,omitzero"`

	raw []byte
}

// ReferralEvent says that a user came to a conversation through a link or an
// advertisement.
type ReferralEvent struct {
	Conversation *Conversation `json:"conversation,omitzero"`
	User         *User         `json:"user,omitzero"`
	Source       Source        `json:"source,omitzero"`
	Referral     *Referral     `json:"referral,omitzero"`

	raw []byte
}

// Referral is the link or the advertisement through which a user came.
type Referral struct {
	Code    string          `json:"code,omitzero"`
	Details ReferralDetails `json:"details,omitzero"`
}

// ReferralDetails is more about a [Referral].
type ReferralDetails struct {
	Source string `json:"source,omitzero"` // "ADS", for example
	Type   string `json:"type,omitzero"`   // "OPEN-THREAD", usually
	AdID   string `json:"adId,omitzero"`
}

// DeliveryEvent says that a message was delivered to a channel or to a user,
// or that it was not delivered. Of the message only the ID is known.
type DeliveryEvent struct {
	Type             string              `json:"-"` // the event's
	Conversation     *Conversation       `json:"conversation,omitzero"`
	User             *User               `json:"user,omitzero"`
	Message          *Message            `json:"message,omitzero"`
	Destination      DeliveryDestination `json:"destination,omitzero"`
	ExternalMessages []ExternalMessage   `json:"externalMessages,omitzero"` // in no particular order
	IsFinalEvent     bool                `json:"isFinalEvent,omitzero"`     // no more for this message and channel
	Error            *EventError         `json:"error,omitzero"`            // why it was not delivered

	raw []byte
}

// DeliveryDestination is where a message was delivered.
type DeliveryDestination struct {
	Type          string `json:"type,omitzero"` // a channel, "web", "ios", "api", "notification", …
	IntegrationID string `json:"integrationId,omitzero"`
}

// ExternalMessage is a delivered message as the channel knows it.
type ExternalMessage struct {
	ID string `json:"id,omitzero"`
}

// EventError is what went wrong.
type EventError struct {
	Code    string `json:"code,omitzero"` // SwitchboardInvalidTarget, "uncategorized_error", …
	Message string `json:"message,omitzero"`
}

// Codes of the [EventError] of a [SwitchboardEvent] that failed.
const (
	SwitchboardInvalidTarget = "switchboard_invalid_target"
	SwitchboardInvalidAction = "switchboard_invalid_action"
)

// SwitchboardEvent says that control of a conversation was passed, offered,
// accepted or released, or that this failed. The Conversation has the state
// afterwards.
type SwitchboardEvent struct {
	Type         string        `json:"-"` // the event's
	Conversation *Conversation `json:"conversation,omitzero"`
	Metadata     Metadata      `json:"metadata,omitzero"` // that came with the call
	Reason       string        `json:"reason,omitzero"`   // of passing and releasing: ReasonTicketClosed, …
	Error        *EventError   `json:"error,omitzero"`    // why it failed

	raw []byte
}

// The reasons of a [SwitchboardEvent].
const (
	ReasonTicketClosed    = "ticketClosed"
	ReasonTransferToEmail = "transferToEmail"
)

// ClientEvent says that a client was added, updated or removed.
type ClientEvent struct {
	Type         string        `json:"-"` // the event's
	Conversation *Conversation `json:"conversation,omitzero"`
	User         *User         `json:"user,omitzero"`
	Client       *Client       `json:"client,omitzero"`
	Reason       string        `json:"reason,omitzero"`
	Error        *EventError   `json:"error,omitzero"` // of a link that was cancelled or failed
	Source       Source        `json:"source,omitzero"`

	raw []byte
}

// The reasons of a [ClientEvent] and, some of them, of a [UserMergeEvent].
const (
	// client:add
	ReasonChannelLinking = "channelLinking"
	ReasonSDKLogin       = "sdkLogin"
	ReasonAuthCode       = "authCode"

	// client:update
	ReasonConfirmed = "confirmed"
	ReasonBlocked   = "blocked"
	ReasonUnblocked = "unblocked"
	ReasonMatched   = "matched"

	// client:remove
	ReasonAPI           = "api"
	ReasonLinkCancelled = "linkCancelled"
	ReasonLinkFailed    = "linkFailed"
	ReasonSDK           = "sdk"
	ReasonTheft         = "theft" // another user has the client
)

// UserEvent says that a user was updated or removed.
type UserEvent struct {
	Type   string `json:"-"` // the event's
	User   *User  `json:"user,omitzero"`
	Reason string `json:"reason,omitzero"` // of an update: ReasonAuthentication or ReasonLocaleDetection
	Source Source `json:"source,omitzero"`

	raw []byte
}

// The reasons of a [UserEvent].
const (
	ReasonAuthentication  = "authentication"
	ReasonLocaleDetection = "localeDetection"
)

// UserMergeEvent says that two users became one. What belongs to the discarded
// ids belongs to the surviving ones from then on.
type UserMergeEvent struct {
	MergedUsers         Merged[User]         `json:"mergedUsers,omitzero"`
	MergedConversations Merged[Conversation] `json:"mergedConversations,omitzero"`
	MergedClients       Merged[Client]       `json:"mergedClients,omitzero"`
	DiscardedMetadata   Metadata             `json:"discardedMetadata,omitzero"` // beyond the 4 kB of one user
	Reason              string               `json:"reason,omitzero"`            // ReasonAPI, ReasonSDKLogin, …

	raw []byte
}

// Merged is a pair that was merged: Discarded into Surviving. Both are nil
// when nothing was merged.
type Merged[T any] struct {
	Surviving *T `json:"surviving,omitzero"`
	Discarded *T `json:"discarded,omitzero"`
}

// RawEvent is an event whose type this package does not know, or whose payload
// is not documented, which is that of passthrough:messaging.
type RawEvent struct {
	Type    string
	Payload json.RawMessage
}

// Raw returns the payload as Zendesk sent it. Do not modify it.
func (e *MessageEvent) Raw() []byte { return e.raw }

// Raw returns the payload as Zendesk sent it. Do not modify it.
func (e *PostbackEvent) Raw() []byte { return e.raw }

// Raw returns the payload as Zendesk sent it. Do not modify it.
func (e *ConversationCreateEvent) Raw() []byte { return e.raw }

// Raw returns the payload as Zendesk sent it. Do not modify it.
func (e *ConversationEvent) Raw() []byte { return e.raw }

// Raw returns the payload as Zendesk sent it. Do not modify it.
func (e *ActivityEvent) Raw() []byte { return e.raw }

// Raw returns the payload as Zendesk sent it. Do not modify it.
func (e *ReferralEvent) Raw() []byte { return e.raw }

// Raw returns the payload as Zendesk sent it. Do not modify it.
func (e *DeliveryEvent) Raw() []byte { return e.raw }

// Raw returns the payload as Zendesk sent it. Do not modify it.
func (e *SwitchboardEvent) Raw() []byte { return e.raw }

// Raw returns the payload as Zendesk sent it. Do not modify it.
func (e *ClientEvent) Raw() []byte { return e.raw }

// Raw returns the payload as Zendesk sent it. Do not modify it.
func (e *UserEvent) Raw() []byte { return e.raw }

// Raw returns the payload as Zendesk sent it. Do not modify it.
func (e *UserMergeEvent) Raw() []byte { return e.raw }

// Raw returns the payload as Zendesk sent it. Do not modify it.
func (e *RawEvent) Raw() []byte { return e.Payload }
