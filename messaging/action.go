package messaging

import (
	"encoding/json"
	"slices"
)

// Action is a button or a quick reply of a content: a *[BuyAction],
// *[LinkAction], *[LocationRequestAction], *[PostbackAction], *[ReplyAction],
// *[WebviewAction], or *[RawAction] for every other type. Only pointers are an
// Action.
//
// An [Item] and the end of a [ListMessage] take Buy, Link, Postback and Webview
// only.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/PostMessage
type Action interface {
	// ActionType returns the type in the JSON: "reply". It may be one that this
	// package does not know.
	ActionType() string

	check(l *limits, name string)
}

// The types of action.
const (
	ActionBuy             = "buy"
	ActionLink            = "link"
	ActionLocationRequest = "locationRequest"
	ActionPostback        = "postback"
	ActionReply           = "reply"
	ActionWebview         = "webview"
)

// BuyAction is a button that charges the user.
type BuyAction struct {
	Text     string   `json:"text"`
	Amount   int64    `json:"amount"`            // in the currency's smallest unit: 999 is 9.99 dollars
	Currency string   `json:"currency,omitzero"` // ISO 4217, in lower case
	Metadata Metadata `json:"metadata,omitzero"`
}

// LinkAction is a button that opens a page.
type LinkAction struct {
	URI                 string              `json:"uri"`
	Text                string              `json:"text"`
	Default             bool                `json:"default,omitzero"` // on Messenger: what a tap on the item does
	Metadata            Metadata            `json:"metadata,omitzero"`
	ExtraChannelOptions ExtraChannelOptions `json:"extraChannelOptions,omitzero"`
}

// LocationRequestAction is a quick reply that shares the user's location.
type LocationRequestAction struct {
	Text     string   `json:"text"`
	Metadata Metadata `json:"metadata,omitzero"`
}

// PostbackAction is a button that sends its payload to the bot, in a
// [PostbackEvent].
type PostbackAction struct {
	Text     string   `json:"text"`
	Payload  string   `json:"payload"`
	Metadata Metadata `json:"metadata,omitzero"` // comes back with the postback
}

// ReplyAction is a quick reply: the user sends its text, in a [TextMessage]
// with its payload. Channels shorten texts beyond 20 or 40 characters.
type ReplyAction struct {
	Text     string   `json:"text"`
	Payload  string   `json:"payload"`
	Metadata Metadata `json:"metadata,omitzero"` // comes back with the message
	IconURL  string   `json:"iconUrl,omitzero"`
}

// WebviewAction is a button that opens a page inside the conversation.
type WebviewAction struct {
	URI                 string              `json:"uri"`
	Text                string              `json:"text"`
	Default             bool                `json:"default,omitzero"` // on Messenger: what a tap on the item does
	Metadata            Metadata            `json:"metadata,omitzero"`
	ExtraChannelOptions ExtraChannelOptions `json:"extraChannelOptions,omitzero"`
	Size                string              `json:"size,omitzero"`          // SizeCompact, SizeTall or SizeFull
	Fallback            string              `json:"fallback"`               // the URI for channels without webviews
	OpenOnReceive       bool                `json:"openOnReceive,omitzero"` // on at most one action of a message
}

// ExtraChannelOptions are options of an action for single channels.
type ExtraChannelOptions struct {
	Messenger MessengerOptions `json:"messenger,omitzero"`
}

// MessengerOptions are options of a webview for Messenger.
type MessengerOptions struct {
	MessengerExtensions bool   `json:"messenger_extensions,omitzero"`
	WebviewShareButton  string `json:"webview_share_button,omitzero"` // ShareButtonHide, or empty
}

// ShareButtonHide hides the share button of a webview on Messenger.
const ShareButtonHide = "hide"

// RawAction is an action as JSON, as [RawContent] is a content as JSON.
type RawAction struct {
	Type string
	JSON json.RawMessage
}

// ActionList is the actions of a content or of an item. A []Action can be
// assigned to it; see also [Actions].
type ActionList []Action

// UnmarshalJSON implements [encoding/json.Unmarshaler]. It never fails, and no
// element is nil.
func (l *ActionList) UnmarshalJSON(list []byte) error {
	var actions []anyAction
	decode(list, &actions)
	*l = slices.Grow(ActionList(nil), len(actions))
	for _, action := range actions {
		*l = append(*l, action.Action)
	}
	return nil
}

// Actions returns its arguments, for the literal of an [Item].
func Actions(actions ...Action) ActionList { return actions }

// Buy makes a button that charges amount, in the currency's smallest unit.
func Buy(text string, amount int64, currency string) *BuyAction {
	return &BuyAction{Text: text, Amount: amount, Currency: currency}
}

// Link makes a button that opens a page.
func Link(text, uri string) *LinkAction { return &LinkAction{Text: text, URI: uri} }

// LocationRequest makes a quick reply that shares the user's location.
func LocationRequest(text string) *LocationRequestAction { return &LocationRequestAction{Text: text} }

// Postback makes a button that sends its payload to the bot.
func Postback(text, payload string) *PostbackAction {
	return &PostbackAction{Text: text, Payload: payload}
}

// Reply makes a quick reply.
func Reply(text, payload string) *ReplyAction { return &ReplyAction{Text: text, Payload: payload} }

// Webview makes a button that opens a page inside the conversation, or
// fallback on channels that cannot do that.
func Webview(text, uri, fallback string) *WebviewAction {
	return &WebviewAction{Text: text, URI: uri, Fallback: fallback}
}

// newAction returns an empty action of a type, nil if it is not known.
func newAction(kind string) Action {
	switch kind {
	case ActionBuy:
		return new(BuyAction)
	case ActionLink:
		return new(LinkAction)
	case ActionLocationRequest:
		return new(LocationRequestAction)
	case ActionPostback:
		return new(PostbackAction)
	case ActionReply:
		return new(ReplyAction)
	case ActionWebview:
		return new(WebviewAction)
	}
	return nil
}

// ActionType returns "buy".
func (*BuyAction) ActionType() string { return ActionBuy }

// ActionType returns "link".
func (*LinkAction) ActionType() string { return ActionLink }

// ActionType returns "locationRequest".
func (*LocationRequestAction) ActionType() string { return ActionLocationRequest }

// ActionType returns "postback".
func (*PostbackAction) ActionType() string { return ActionPostback }

// ActionType returns "reply".
func (*ReplyAction) ActionType() string { return ActionReply }

// ActionType returns "webview".
func (*WebviewAction) ActionType() string { return ActionWebview }

// ActionType returns a.Type.
func (a *RawAction) ActionType() string { return a.Type }

// MarshalJSON implements [encoding/json.Marshaler]: the fields and the type.
func (a BuyAction) MarshalJSON() ([]byte, error) {
	type fields BuyAction
	return encodeTyped(ActionBuy, fields(a))
}

// MarshalJSON implements [encoding/json.Marshaler]: the fields and the type.
func (a LinkAction) MarshalJSON() ([]byte, error) {
	type fields LinkAction
	return encodeTyped(ActionLink, fields(a))
}

// MarshalJSON implements [encoding/json.Marshaler]: the fields and the type.
func (a LocationRequestAction) MarshalJSON() ([]byte, error) {
	type fields LocationRequestAction
	return encodeTyped(ActionLocationRequest, fields(a))
}

// MarshalJSON implements [encoding/json.Marshaler]: the fields and the type.
func (a PostbackAction) MarshalJSON() ([]byte, error) {
	type fields PostbackAction
	return encodeTyped(ActionPostback, fields(a))
}

// MarshalJSON implements [encoding/json.Marshaler]: the fields and the type.
func (a ReplyAction) MarshalJSON() ([]byte, error) {
	type fields ReplyAction
	return encodeTyped(ActionReply, fields(a))
}

// MarshalJSON implements [encoding/json.Marshaler]: the fields and the type.
func (a WebviewAction) MarshalJSON() ([]byte, error) {
	type fields WebviewAction
	return encodeTyped(ActionWebview, fields(a))
}

// MarshalJSON implements [encoding/json.Marshaler]: a.JSON.
func (a RawAction) MarshalJSON() ([]byte, error) { return a.JSON.MarshalJSON() }
