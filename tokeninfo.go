package sunco

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/sunco-go/sunco/internal/lenient"
	"github.com/sunco-go/sunco/internal/transport"
)

// App is the customer's app that a token is good for.
type App struct {
	ID          string // the key of the customer in everything Zendesk sends
	DisplayName string // chosen by the customer; may be empty
	Subdomain   string // where the app lives; empty for a legacy app

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

// Raw returns the app as Zendesk sent it, a JSON object. Do not modify it.
func (a *App) Raw() []byte { return a.raw }

// Settings decodes the app's settings. A member of another type than expected
// is zero.
func (a *App) Settings() AppSettings {
	var wire struct {
		Settings AppSettings `json:"settings"`
	}
	_ = lenient.Decode(a.raw, &wire)
	return wire.Settings
}

// Metadata decodes the app's metadata: strings, float64 numbers and booleans
// by documentation. It is nil when there is none.
func (a *App) Metadata() map[string]any {
	var wire struct {
		Metadata map[string]any `json:"metadata"`
	}
	_ = lenient.Decode(a.raw, &wire)
	return wire.Metadata
}

// TokenInfo asks the bridge which app a token is good for. It is also the
// documented way to learn whether a token still lives. Which errors prove that it
// is dead is explained in the package documentation, under Storing.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/GetTokenInfo
func (c *Client) TokenInfo(ctx context.Context, token Token) (*App, error) {
	core, err := c.core()
	if err != nil {
		return nil, err
	}
	app := new(App)
	err = core.do(ctx, &request{
		Call: transport.Call{
			Class: transport.Read, Op: "token info", Method: http.MethodGet,
			URL: core.tokenInfo, Limit: maxTokenReply,
		},
		token: token,
		out:   (*tokenInfoReply)(app),
	})
	if err != nil {
		return nil, err
	}
	return app, nil
}

// tokenInfoReply is an App as token info answers it.
type tokenInfoReply App

func (a *tokenInfoReply) readReply(body []byte) error {
	err := lenient.Object(body, func(name []byte, value jsontext.Value) {
		if string(name) == "app" {
			a.raw = value
		}
	})
	if err != nil {
		return err
	}
	var app struct {
		ID          string `json:"id"`
		DisplayName string `json:"displayName"`
		Subdomain   string `json:"subdomain"`
	}
	_ = lenient.Decode(a.raw, &app)
	if !validID(app.ID) {
		return errors.New("it names no app")
	}
	a.ID, a.DisplayName, a.Subdomain = app.ID, app.DisplayName, app.Subdomain
	return nil
}
