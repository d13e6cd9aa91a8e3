package sunco

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sunco-go/sunco/internal/lenient"
)

const (
	opCreateWebhook = "create webhook"
	opListWebhooks  = "list webhooks"
	opGetWebhook    = "get webhook"
	opUpdateWebhook = "update webhook"
	opDeleteWebhook = "delete webhook"

	webhooksPath = "/integrations/me/webhooks"

	maxTarget = 2048 // bytes
)

// Webhook is a subscription of the integration in one customer's app. Zendesk
// accepts three for an integration and delivers to each of them, so one that
// lists all triggers is best.
//
// Target, Triggers and the two booleans are the partner's to choose. Zendesk makes
// ID, Version and Secret; they are not sent.
//
// https://developer.zendesk.com/api-reference/conversations/#tag/Webhooks
type Webhook struct {
	ID                string
	Version           string   // of the payloads: "v2"
	Target            string   // absolute http or https URL without userinfo and fragment
	Triggers          []string // the Trigger constants; case matters
	Secret            Secret   // comes with every delivery in the header X-API-Key; zero when a reply left it out
	IncludeFullUser   bool     // deliveries carry the complete user
	IncludeFullSource bool     // deliveries carry the client and the device
}

// LogValue implements [slog.LogValuer]. The secret is left out.
func (w *Webhook) LogValue() slog.Value {
	if w == nil {
		return slog.Value{}
	}
	return slog.GroupValue(
		slog.String("id", w.ID),
		slog.String("target", w.Target),
		slog.Any("triggers", w.Triggers),
	)
}

// WebhookUpdate says what to change about a webhook. Zero fields stay as they
// are; at least one must not be zero.
type WebhookUpdate struct {
	Target            string   // empty: unchanged
	Triggers          []string // nil: unchanged; otherwise replaces all
	IncludeFullUser   *bool    // nil: unchanged; new(false) switches it off
	IncludeFullSource *bool    // nil: unchanged
}

// webhookWire is a webhook as the platform writes it.
type webhookWire struct {
	ID                string   `json:"id"`
	Version           string   `json:"version"`
	Target            string   `json:"target"`
	Triggers          []string `json:"triggers"`
	Secret            string   `json:"secret"`
	IncludeFullUser   bool     `json:"includeFullUser"`
	IncludeFullSource bool     `json:"includeFullSource"`
}

func (w *webhookWire) webhook() Webhook {
	triggers := slices.DeleteFunc(w.Triggers, func(trigger string) bool { return trigger == "" })
	return Webhook{w.ID, w.Version, w.Target, triggers, NewSecret(w.Secret), w.IncludeFullUser, w.IncludeFullSource}
}

// webhookReply is a reply that carries one webhook.
type webhookReply struct{ webhook Webhook }

func (r *webhookReply) readReply(body []byte) error {
	var wire struct {
		Webhook webhookWire `json:"webhook"`
	}
	if lenient.Decode(body, &wire) == lenient.ErrSyntax {
		return lenient.ErrSyntax
	}
	if !validID(wire.Webhook.ID) {
		return errors.New("it names no webhook")
	}
	r.webhook = wire.Webhook.webhook()
	return nil
}

// webhooksReply is a reply that carries a list of webhooks. One without an id,
// which nobody could use, is left out.
type webhooksReply struct{ webhooks []Webhook }

func (r *webhooksReply) readReply(body []byte) error {
	var wire struct {
		Webhooks []webhookWire `json:"webhooks"`
	}
	if lenient.Decode(body, &wire) == lenient.ErrSyntax {
		return lenient.ErrSyntax
	}
	if wire.Webhooks == nil {
		return errors.New("it carries no list of webhooks")
	}
	r.webhooks = make([]Webhook, 0, len(wire.Webhooks))
	for i := range wire.Webhooks {
		if validID(wire.Webhooks[i].ID) {
			r.webhooks = append(r.webhooks, wire.Webhooks[i].webhook())
		}
	}
	return nil
}

// webhookBody is what is sent: absent members stay as they are.
type webhookBody struct {
	Target            string   `json:"target,omitzero"`
	Triggers          []string `json:"triggers,omitzero"`
	IncludeFullUser   *bool    `json:"includeFullUser,omitzero"`
	IncludeFullSource *bool    `json:"includeFullSource,omitzero"`
}

// CreateWebhook subscribes. Zendesk first sends a HEAD request to the target,
// then to the root of its host, and refuses the webhook when neither answers.
// Creating twice makes two webhooks; [Client.EnsureWebhook] avoids that. An
// [*AmbiguousError] says that the webhook may exist.
func (c *Client) CreateWebhook(ctx context.Context, in *Installation, webhook *Webhook) (*Webhook, error) {
	if err := checkWebhook(webhook); err != nil {
		return nil, err
	}
	return c.webhookCall(ctx, in, &Call{
		Op: opCreateWebhook, Method: http.MethodPost, Path: webhooksPath,
		Body: webhookBody{webhook.Target, webhook.Triggers, &webhook.IncludeFullUser, &webhook.IncludeFullSource},
	})
}

// ListWebhooks returns the webhooks of this integration, secrets included.
// Those of other integrations of the app are not visible.
func (c *Client) ListWebhooks(ctx context.Context, in *Installation) ([]Webhook, error) {
	reply := new(webhooksReply)
	if err := c.Do(ctx, in, &Call{Op: opListWebhooks, Path: webhooksPath, Out: reply}); err != nil {
		return nil, err
	}
	return reply.webhooks, nil
}

// GetWebhook returns one webhook, its secret included. [ErrNotFound] says that
// there is none with that id.
func (c *Client) GetWebhook(ctx context.Context, in *Installation, id string) (*Webhook, error) {
	if err := checkID("webhook id", id); err != nil {
		return nil, err
	}
	return c.webhookCall(ctx, in, &Call{Op: opGetWebhook, Path: webhooksPath + "/" + id})
}

// UpdateWebhook changes what update names and nothing else, and returns the
// webhook as it is then.
func (c *Client) UpdateWebhook(
	ctx context.Context, in *Installation, id string, update WebhookUpdate,
) (*Webhook, error) {
	if err := checkID("webhook id", id); err != nil {
		return nil, err
	}
	if err := update.check(); err != nil {
		return nil, err
	}
	return c.webhookCall(ctx, in, &Call{
		Op: opUpdateWebhook, Method: http.MethodPatch, Path: webhooksPath + "/" + id, Body: webhookBody(update),
	})
}

// DeleteWebhook deletes one webhook. When the answer to a first attempt was
// lost and the next one finds no webhook, it is deleted; otherwise a webhook that
// does not exist is [ErrNotFound].
func (c *Client) DeleteWebhook(ctx context.Context, in *Installation, id string) error {
	if err := checkID("webhook id", id); err != nil {
		return err
	}
	return c.Do(ctx, in, &Call{Op: opDeleteWebhook, Method: http.MethodDelete, Path: webhooksPath + "/" + id})
}

// webhookCall makes a call whose reply carries one webhook.
func (c *Client) webhookCall(ctx context.Context, in *Installation, call *Call) (*Webhook, error) {
	reply := new(webhookReply)
	call.Out = reply
	if err := c.Do(ctx, in, call); err != nil {
		return nil, err
	}
	return &reply.webhook, nil
}

func checkWebhook(webhook *Webhook) error {
	if webhook == nil {
		return &InputError{Name: "webhook", Reason: "nil"}
	}
	if err := checkTarget(webhook.Target); err != nil {
		return err
	}
	return checkTriggers(webhook.Triggers)
}

func (u *WebhookUpdate) check() error {
	if u.Target == "" && u.Triggers == nil && u.IncludeFullUser == nil && u.IncludeFullSource == nil {
		return &InputError{Name: "webhook update", Reason: "changes nothing"}
	}
	if u.Target != "" {
		if err := checkTarget(u.Target); err != nil {
			return err
		}
	}
	if u.Triggers != nil {
		return checkTriggers(u.Triggers)
	}
	return nil
}

func checkTarget(target string) error {
	u, err := url.Parse(target)
	switch {
	case target == "":
		return &InputError{Name: "webhook target", Reason: "empty"}
	case len(target) > maxTarget:
		return &InputError{Name: "webhook target", Reason: "longer than 2048 bytes"}
	case err != nil || !visibleASCII(target):
		return &InputError{Name: "webhook target", Reason: "not a URL"}
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return &InputError{Name: "webhook target", Reason: "not an absolute http or https URL"}
	case u.User != nil || strings.Contains(target, "#"):
		return &InputError{Name: "webhook target", Reason: "carries userinfo or a fragment"}
	}
	return nil
}

func checkTriggers(triggers []string) error {
	if len(triggers) == 0 {
		return &InputError{Name: "webhook triggers", Reason: "none; name at least one of the Trigger constants"}
	}
	for _, trigger := range triggers {
		if trigger == "" || !visibleASCII(trigger) {
			return &InputError{Name: "webhook triggers", Reason: "one is empty or not visible ASCII"}
		}
	}
	return nil
}

// The triggers a webhook can subscribe to, which are also the types of the
// events it delivers. TriggerConversationMessage fires for the bot's own
// messages too. What TriggerPassthroughMessaging delivers is not documented.
//
// https://developer.zendesk.com/api-reference/conversations/#section/Webhook-Triggers
const (
	TriggerClientAdd                          = "client:add"
	TriggerClientRemove                       = "client:remove"
	TriggerClientUpdate                       = "client:update"
	TriggerConversationCreate                 = "conversation:create"
	TriggerConversationJoin                   = "conversation:join"
	TriggerConversationLeave                  = "conversation:leave"
	TriggerConversationRemove                 = "conversation:remove"
	TriggerConversationMessage                = "conversation:message"
	TriggerConversationMessageDeliveryChannel = "conversation:message:delivery:channel"
	TriggerConversationMessageDeliveryFailure = "conversation:message:delivery:failure"
	TriggerConversationMessageDeliveryUser    = "conversation:message:delivery:user"
	TriggerConversationPostback               = "conversation:postback"
	TriggerConversationRead                   = "conversation:read"
	TriggerConversationReferral               = "conversation:referral"
	TriggerConversationTyping                 = "conversation:typing"
	TriggerPassthroughMessaging               = "passthrough:messaging"
	TriggerSwitchboardAcceptControl           = "switchboard:acceptControl"
	TriggerSwitchboardAcceptControlFailure    = "switchboard:acceptControl:failure"
	TriggerSwitchboardOfferControl            = "switchboard:offerControl"
	TriggerSwitchboardOfferControlFailure     = "switchboard:offerControl:failure"
	TriggerSwitchboardPassControl             = "switchboard:passControl"
	TriggerSwitchboardPassControlFailure      = "switchboard:passControl:failure"
	TriggerSwitchboardReleaseControl          = "switchboard:releaseControl"
	TriggerUserMerge                          = "user:merge"
	TriggerUserUpdate                         = "user:update"
	TriggerUserRemove                         = "user:remove"
)
