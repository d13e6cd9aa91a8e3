package sunco

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/sunco-go/sunco/internal/transport"
)

const (
	opCreateWebhook = "create webhook"
	opUpdateWebhook = "update webhook"
	opDeleteWebhook = "delete webhook"

	maxTarget = 2048 // bytes
)

// Webhook is a subscription of the integration in one customer's app. Zendesk
// accepts at most three for an integration and delivers to each of them, so
// one that lists all triggers is best.
//
// Target, Triggers and the two booleans are the partner's to choose. ID,
// Version and Secret are made by Zendesk and ignored in what is sent.
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
	return Webhook{w.ID, w.Version, w.Target, w.Triggers, NewSecret(w.Secret), w.IncludeFullUser, w.IncludeFullSource}
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
// It never replaces another webhook, and creating twice makes two; see
// [Client.EnsureWebhook]. An [*AmbiguousError] says that it may exist.
func (c *Client) CreateWebhook(ctx context.Context, in *Installation, webhook *Webhook) (*Webhook, error) {
	if err := checkWebhook(webhook); err != nil {
		return nil, err
	}
	body := webhookBody{webhook.Target, webhook.Triggers, &webhook.IncludeFullUser, &webhook.IncludeFullSource}
	return c.writeWebhook(ctx, in, opCreateWebhook, transport.Create, http.MethodPost, "", body)
}

// ListWebhooks returns the webhooks of this integration, secrets included.
// Those of other integrations of the app are not visible.
func (c *Client) ListWebhooks(ctx context.Context, in *Installation) ([]Webhook, error) {
	var wire struct {
		Webhooks []webhookWire `json:"webhooks"`
	}
	k, core, err := c.webhookCall(in, "")
	if err != nil {
		return nil, err
	}
	k.Class, k.Op, k.Method = transport.Read, "list webhooks", http.MethodGet
	if err := core.do(ctx, k, &wire); err != nil {
		return nil, err
	}
	if wire.Webhooks == nil {
		return nil, k.unusable(badReply("it carries no list"))
	}
	webhooks := make([]Webhook, len(wire.Webhooks))
	for i := range wire.Webhooks {
		if !validID(wire.Webhooks[i].ID) {
			return nil, k.unusable(badReply("one of the webhooks has no id"))
		}
		webhooks[i] = wire.Webhooks[i].webhook()
	}
	return webhooks, nil
}

// GetWebhook returns one webhook, its secret included. [ErrNotFound] says that
// there is none with that id, or that the customer's host has moved.
func (c *Client) GetWebhook(ctx context.Context, in *Installation, id string) (*Webhook, error) {
	if err := checkID("webhook id", id); err != nil {
		return nil, err
	}
	k, core, err := c.webhookCall(in, id)
	if err != nil {
		return nil, err
	}
	k.Class, k.Op, k.Method = transport.Read, "get webhook", http.MethodGet
	return k.webhook(ctx, core)
}

// UpdateWebhook changes what update names and nothing else, and returns the
// webhook as it is then.
func (c *Client) UpdateWebhook(ctx context.Context, in *Installation, id string, update WebhookUpdate) (*Webhook, error) {
	if err := checkID("webhook id", id); err != nil {
		return nil, err
	}
	if err := update.check(); err != nil {
		return nil, err
	}
	body := webhookBody(update)
	return c.writeWebhook(ctx, in, opUpdateWebhook, transport.Update, http.MethodPatch, id, body)
}

// DeleteWebhook deletes one webhook. When the answer to a first attempt was
// lost and the next one finds nothing, it is done; otherwise a webhook that is
// not there is [ErrNotFound].
func (c *Client) DeleteWebhook(ctx context.Context, in *Installation, id string) error {
	if err := checkID("webhook id", id); err != nil {
		return err
	}
	k, core, err := c.webhookCall(in, id)
	if err != nil {
		return err
	}
	k.Class, k.Op, k.Method = transport.Delete, opDeleteWebhook, http.MethodDelete
	k.gone = []int{http.StatusNotFound}
	return core.do(ctx, k, nil)
}

func (c *Client) writeWebhook(ctx context.Context, in *Installation, op string, class transport.Class, method, id string, body webhookBody) (*Webhook, error) {
	k, core, err := c.webhookCall(in, id)
	if err != nil {
		return nil, err
	}
	if k.Body, err = json.Marshal(body); err != nil {
		return nil, &InputError{Name: op, Reason: "a trigger or the target is not valid UTF-8"}
	}
	k.Class, k.Op, k.Method = class, op, method
	return k.webhook(ctx, core)
}

// webhook makes the call and reads the webhook in its reply.
func (k *call) webhook(ctx context.Context, core *core) (*Webhook, error) {
	var wire struct {
		Webhook webhookWire `json:"webhook"`
	}
	if err := core.do(ctx, k, &wire); err != nil {
		return nil, err
	}
	if !validID(wire.Webhook.ID) {
		return nil, k.unusable(badReply("it names no webhook"))
	}
	webhook := wire.Webhook.webhook()
	return &webhook, nil
}

// webhookCall begins a call about one webhook, or about all without an id.
func (c *Client) webhookCall(in *Installation, id string) (*call, *core, error) {
	k, core, err := c.tenantCall(in)
	if err != nil {
		return nil, nil, err
	}
	if err := checkID("app id", in.AppID); err != nil {
		return nil, nil, err
	}
	k.URL.Path += "/v2/apps/" + in.AppID + "/integrations/me/webhooks"
	if id != "" {
		k.URL.Path += "/" + id
	}
	return k, core, nil
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
