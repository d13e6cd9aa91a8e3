package sunco

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sunco-go/sunco/internal/transport"
)

// App is the customer's app that a token is good for.
type App struct {
	ID          string // names the customer wherever Zendesk calls the partner
	DisplayName string // chosen by the customer; may be empty
	Subdomain   string // where the app lives, as Zendesk spells it; empty for a legacy app

	raw jsontext.Value
}

// AppSettings are the settings of an app. A member that Zendesk left out is
// zero; [App.Raw] tells the difference.
type AppSettings struct {
	ConversationRetentionSeconds int64 `json:"conversationRetentionSeconds"` // 0: kept
	MaskCreditCardNumbers        bool  `json:"maskCreditCardNumbers"`
	UseAnimalNames               bool  `json:"useAnimalNames"`
	EchoPostback                 bool  `json:"echoPostback"`
	IgnoreAutoConversationStart  bool  `json:"ignoreAutoConversationStart"`
	MultiConvoEnabled            bool  `json:"multiConvoEnabled"`
	AppLocalizationEnabled       bool  `json:"appLocalizationEnabled"`
	EndSessionEnabled            bool  `json:"endSessionEnabled"`
	DisableConversationReopen    bool  `json:"disableConversationReopen"`
}

// Raw returns the app as Zendesk sent it, a JSON object with members that
// this package does not know. It is the App's own: do not modify it.
func (a *App) Raw() []byte { return a.raw }

// Settings decodes the app's settings. They are decoded only here, so that a
// change to them cannot break an installation. The error matches [ErrBadReply].
func (a *App) Settings() (AppSettings, error) {
	var wire struct {
		Settings AppSettings `json:"settings"`
	}
	if json.Unmarshal(a.raw, &wire) != nil {
		return AppSettings{}, &Error{Op: "app settings", Err: badReply("a member has an unexpected type")}
	}
	return wire.Settings, nil
}

// Metadata decodes the app's metadata: strings, float64 numbers and booleans
// by documentation. It is nil when there is none. The error matches
// [ErrBadReply].
func (a *App) Metadata() (map[string]any, error) {
	var wire struct {
		Metadata map[string]any `json:"metadata"`
	}
	if json.Unmarshal(a.raw, &wire) != nil {
		return nil, &Error{Op: "app metadata", Err: badReply("it is no object")}
	}
	return wire.Metadata, nil
}

// TokenInfo asks the bridge which app a token is good for. It is also the
// documented way to learn whether a token still lives: an error that is
// [ErrUnauthorized] says that it does not, and every other error proves
// nothing. ([RemovalHandler] also believes a 403 or 404 that is repeated, but
// only after somebody said that the integration is gone.)
//
// https://developer.zendesk.com/api-reference/conversations/#operation/GetTokenInfo
func (c *Client) TokenInfo(ctx context.Context, token Token) (*App, error) {
	core, err := c.core()
	if err != nil {
		return nil, err
	}
	k := &call{token: token}
	k.Call = transport.Call{
		Class: transport.Read, Op: "token info", Method: http.MethodGet,
		URL: core.tokenInfo, Limit: maxTokenReply,
	}
	var wire struct {
		App jsontext.Value `json:"app"`
	}
	var app struct {
		ID          string `json:"id"`
		DisplayName string `json:"displayName"`
		Subdomain   string `json:"subdomain"`
	}
	if err := core.do(ctx, k, &wire); err != nil {
		return nil, err
	}
	if len(wire.App) == 0 || json.Unmarshal(wire.App, &app) != nil || !validID(app.ID) {
		return nil, k.unusable(badReply("it names no app"))
	}
	return &App{ID: app.ID, DisplayName: app.DisplayName, Subdomain: app.Subdomain, raw: wire.App}, nil
}
