package messaging

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"time"

	"github.com/sunco-go/sunco"
)

const opListClients = "list clients"

// Client is a user on one channel, or an SDK on a user's device.
type Client struct {
	ID            string          `json:"id,omitzero"`
	Type          string          `json:"type,omitzero"`          // one of the Channel constants
	Status        string          `json:"status,omitzero"`        // one of the Status constants
	IntegrationID string          `json:"integrationId,omitzero"` // empty for SDKs, which have several
	ExternalID    string          `json:"externalId,omitzero"`    // on the channel: a phone number, for example
	LastSeen      time.Time       `json:"lastSeen,omitzero"`
	LinkedAt      time.Time       `json:"linkedAt,omitzero"`
	DisplayName   string          `json:"displayName,omitzero"` // on the channel
	AvatarURL     string          `json:"avatarUrl,omitzero"`   // on the channel
	Info          map[string]any  `json:"info,omitzero"`        // what the channel tells, tidied by Zendesk
	Raw           json.RawMessage `json:"raw,omitzero"`         // what the channel tells
}

// The channels: types of a [Client] and of a [MatchCriteria].
const (
	ChannelApple        = "apple"
	ChannelGBM          = "gbm"
	ChannelGoogleRCS    = "googlercs"
	ChannelInstagram    = "instagram"
	ChannelKakao        = "kakao"
	ChannelLINE         = "line"
	ChannelMailgun      = "mailgun"
	ChannelMessageBird  = "messagebird"
	ChannelMessenger    = "messenger"
	ChannelSlackConnect = "slackconnect"
	ChannelSDK          = "sdk"
	ChannelTelegram     = "telegram"
	ChannelTwilio       = "twilio"
	ChannelTwitter      = "twitter"
	ChannelViber        = "viber"
	ChannelWeChat       = "wechat"
	ChannelWhatsApp     = "whatsapp"
)

// The states of a [Client] and, active and inactive only, of a [Device].
const (
	StatusActive   = "active"
	StatusInactive = "inactive"
	StatusBlocked  = "blocked" // by the user
	StatusPending  = "pending" // not confirmed yet
)

// Device is a device of a user that runs an SDK.
type Device struct {
	ID                    string         `json:"id,omitzero"`
	Type                  string         `json:"type,omitzero"` // DeviceAndroid, DeviceIOS or DeviceWeb
	GUID                  string         `json:"guid,omitzero"`
	ClientID              string         `json:"clientId,omitzero"`
	Status                string         `json:"status,omitzero"` // StatusActive: gets push notifications
	IntegrationID         string         `json:"integrationId,omitzero"`
	LastSeen              time.Time      `json:"lastSeen,omitzero"`
	PushNotificationToken string         `json:"pushNotificationToken,omitzero"`
	Info                  map[string]any `json:"info,omitzero"`
	AppVersion            string         `json:"appVersion,omitzero"` // of a mobile app
}

// The types of a [Device].
const (
	DeviceAndroid = "android"
	DeviceIOS     = "ios"
	DeviceWeb     = "web"
)

// ClientCreate links a user to a channel.
type ClientCreate struct {
	MatchCriteria  MatchCriteria
	Confirmation   Confirmation
	ConversationID string // that the client joins
}

// MatchCriteria is how to find a user on a channel. Type is ChannelMailgun,
// with an Address, or ChannelMessageBird, ChannelTwilio or ChannelWhatsApp,
// with a PhoneNumber.
type MatchCriteria struct {
	Type          string `json:"type"`
	IntegrationID string `json:"integrationId"`
	Primary       *bool  `json:"primary,omitzero"`     // nil: true
	PhoneNumber   string `json:"phoneNumber,omitzero"` // with "+" and country code
	Address       string `json:"address,omitzero"`     // of e-mail
	Subject       string `json:"subject,omitzero"`     // of the e-mail
}

// Confirmation is how a user confirms a new client.
type Confirmation struct {
	Type    string       `json:"type"`             // one of the Confirm constants
	Message *MessagePost `json:"message,omitzero"` // a text or an image, with links only; not part of the conversation
}

// The types of a [Confirmation].
const (
	ConfirmImmediate    = "immediate"
	ConfirmUserActivity = "userActivity"
	ConfirmPrompt       = "prompt"
)

// sent checks a client and returns the body of the request.
func (c ClientCreate) sent(l *limits) any {
	m := &c.MatchCriteria
	l.text("matchCriteria.type", m.Type, 1, unlimited)
	l.id("matchCriteria.integrationId", m.IntegrationID)
	switch m.Type {
	case ChannelMailgun:
		l.text("matchCriteria.address", m.Address, 1, unlimited)
	case ChannelMessageBird, ChannelTwilio, ChannelWhatsApp:
		l.text("matchCriteria.phoneNumber", m.PhoneNumber, 1, unlimited)
	}
	l.text("confirmation.type", c.Confirmation.Type, 1, unlimited)
	if c.Confirmation.Message != nil {
		message := c.Confirmation.Message.sent(l, "confirmation.message.")
		c.Confirmation.Message = &message
	}
	l.id("target.conversationId", c.ConversationID)
	type target struct {
		ConversationID string `json:"conversationId"`
	}
	return struct {
		MatchCriteria MatchCriteria `json:"matchCriteria"`
		Confirmation  Confirmation  `json:"confirmation"`
		Target        target        `json:"target"`
	}{c.MatchCriteria, c.Confirmation, target{c.ConversationID}}
}

// CreateClient links a user to a channel. The new client can be pending. The
// events client:add, client:update and client:remove say what becomes of it.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/CreateClient
func (a App) CreateClient(ctx context.Context, user string, client ClientCreate) (*Client, error) {
	l := new(limits)
	call := &sunco.Call{
		Op: "create client", Method: http.MethodPost, Path: l.user(user) + "/clients", Query: a.brand(),
		Body: client.sent(l),
	}
	got, err := a.call(ctx, l, call)
	if err != nil {
		return nil, err
	}
	return one(got.Client, call, "client")
}

// ListClients returns a page of a user's clients, pending ones included.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/ListClients
func (a App) ListClients(ctx context.Context, user string, at Cursor) (*Page[*Client], error) {
	l := new(limits)
	call := &sunco.Call{Op: opListClients, Path: l.user(user) + "/clients", Query: at.query(l, a.brand())}
	got, err := a.call(ctx, l, call)
	if err != nil {
		return nil, err
	}
	return page(got, got.Clients, call, "clients")
}

// Clients ranges over all clients of a user. It ends after the first error.
func (a App) Clients(ctx context.Context, user string) iter.Seq2[*Client, error] {
	return forward(opListClients, func(at Cursor) (*Page[*Client], error) { return a.ListClients(ctx, user, at) })
}

// RemoveClient removes a client of a user from all conversations. Clients of
// SDKs cannot be removed.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/RemoveClient
func (a App) RemoveClient(ctx context.Context, user, clientID string) error {
	l := new(limits)
	path := l.user(user) + "/clients/" + clientID
	l.id("client id", clientID)
	return a.do(ctx, l, &sunco.Call{Op: "remove client", Method: http.MethodDelete, Path: path, Query: a.brand()})
}

// ListDevices returns all devices of a user, in the order in which they were
// last seen.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/ListDevices
func (a App) ListDevices(ctx context.Context, user string) ([]*Device, error) {
	l := new(limits)
	call := &sunco.Call{Op: "list devices", Path: l.user(user) + "/devices", Query: a.brand()}
	got, err := a.call(ctx, l, call)
	if err != nil {
		return nil, err
	}
	return some(got.Devices, call, "devices")
}

// GetDevice returns a device of a user.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/GetDevice
func (a App) GetDevice(ctx context.Context, user, deviceID string) (*Device, error) {
	l := new(limits)
	call := &sunco.Call{Op: "get device", Path: l.user(user) + "/devices/" + deviceID, Query: a.brand()}
	l.id("device id", deviceID)
	got, err := a.call(ctx, l, call)
	if err != nil {
		return nil, err
	}
	return one(got.Device, call, "device")
}
