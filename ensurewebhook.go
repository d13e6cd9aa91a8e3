package sunco

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/sunco-go/sunco/internal/ident"
)

const (
	opEnsureWebhook = "ensure webhook"

	webhookLimit = 3 // for one integration, by Zendesk's guide
)

// EnsureWebhook makes sure that the integration has a webhook with this target
// that is as wanted, and returns it. Call it after every installation and at
// every start of a program, when the server runs, and store what it returns: a
// webhook that had vanished comes back with another id and another secret.
//
// The target is the key, compared as a URL. A webhook that has it is adopted,
// and what differs is changed; triggers are compared as a set. Otherwise one is
// created. Other webhooks are never changed or deleted. The target must answer
// HEAD, see [Client.CreateWebhook].
//
// When a creation may have happened, and when Zendesk refuses one, EnsureWebhook
// lists again and adopts what it finds. An [*AmbiguousError] means that this did
// not settle it: call again. A [*WebhookLimitError] means that the integration
// has its three webhooks already.
//
// Calls of one Client for one app and target run one after the other. Calls of
// several processes at the same moment can make two webhooks; every later call
// adopts the first.
func (c *Client) EnsureWebhook(ctx context.Context, in *Installation, want *Webhook) (*Webhook, error) {
	core, err := c.core()
	if err != nil {
		return nil, err
	}
	if err := checkWebhook(want); err != nil {
		return nil, err
	}
	switch {
	case in == nil:
		return nil, errNoInstallation
	case ctx == nil:
		return nil, &InputError{Name: "context", Reason: "nil"}
	}
	done, err := core.ensuring.Wait(ctx, in.AppID+" "+ident.CanonicalURL(want.Target))
	if err != nil {
		return nil, &Error{Op: opEnsureWebhook, Err: err}
	}
	defer done()
	const creations = 2
	return c.ensureWebhook(ctx, in, want, creations)
}

// ensureWebhook adopts or creates the webhook, with so many creations at most.
func (c *Client) ensureWebhook(
	ctx context.Context, in *Installation, want *Webhook, creations int,
) (*Webhook, error) {
	existing, err := c.ListWebhooks(ctx, in)
	if err != nil {
		return nil, err
	}
	if found := findTarget(existing, want.Target); found != nil {
		return c.repairWebhook(ctx, in, found, want)
	}
	created, err := c.CreateWebhook(ctx, in, want)
	switch unsettled := errors.As(err, new(*AmbiguousError)); {
	case unsettled && creations > 1:
		webhook, later := c.ensureWebhook(ctx, in, want, creations-1)
		if later != nil && !errors.As(later, new(*AmbiguousError)) {
			later = &AmbiguousError{Op: opEnsureWebhook, Err: fmt.Errorf("%w; %w", later, err)}
		}
		return webhook, later
	case unsettled || refusesOneMore(err):
		return c.settleWebhook(ctx, in, want, err)
	}
	return created, err
}

// settleWebhook looks once more after a creation that failed: it may have
// happened, or a call at the same time may have made the webhook.
func (c *Client) settleWebhook(
	ctx context.Context, in *Installation, want *Webhook, failed error,
) (*Webhook, error) {
	existing, err := c.ListWebhooks(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("%w; %w", failed, err)
	}
	if found := findTarget(existing, want.Target); found != nil {
		return c.repairWebhook(ctx, in, found, want)
	}
	if len(existing) >= webhookLimit && !errors.As(failed, new(*AmbiguousError)) {
		return nil, &WebhookLimitError{Existing: existing, Err: failed}
	}
	return nil, failed
}

// refusesOneMore reports whether a refused creation can be about the limit. Which
// status that has is not documented; these have another meaning.
func refusesOneMore(err error) bool {
	var refusal *Error
	if !errors.As(err, &refusal) {
		return false
	}
	switch refusal.Status {
	case http.StatusUnauthorized, http.StatusNotFound,
		http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return refusal.Status/100 == 4
}

func findTarget(webhooks []Webhook, target string) *Webhook {
	target = ident.CanonicalURL(target)
	for i := range webhooks {
		if ident.CanonicalURL(webhooks[i].Target) == target {
			return &webhooks[i]
		}
	}
	return nil
}

// repairWebhook changes what differs from want and nothing else.
func (c *Client) repairWebhook(ctx context.Context, in *Installation, found, want *Webhook) (*Webhook, error) {
	var update WebhookUpdate
	if !sameSet(found.Triggers, want.Triggers) {
		update.Triggers = want.Triggers
	}
	if found.IncludeFullUser != want.IncludeFullUser {
		update.IncludeFullUser = &want.IncludeFullUser
	}
	if found.IncludeFullSource != want.IncludeFullSource {
		update.IncludeFullSource = &want.IncludeFullSource
	}
	if update.Triggers == nil && update.IncludeFullUser == nil && update.IncludeFullSource == nil {
		return found, nil
	}
	return c.UpdateWebhook(ctx, in, found.ID, update)
}

// sameSet compares without regard to order and repetition.
func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}
