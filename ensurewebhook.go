package sunco

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

const (
	opEnsureWebhook = "ensure webhook"

	webhookLimit = 3 // for one integration, by Zendesk's guide
)

// EnsureWebhook makes sure that the integration has a webhook with this target
// that is as wanted, and returns it. The target is the key, compared byte for
// byte: a webhook that has it is adopted, and what differs is changed
// (triggers are compared as a set); otherwise one is created. Other webhooks
// are never changed and never deleted. Calling it again changes nothing, so
// it belongs into every installation and every start of a program. Store what
// it returns every time: a webhook that had vanished comes back with another
// id and another secret. The target must answer HEAD, see
// [Client.CreateWebhook].
//
// When a creation may or may not have happened, it lists again and adopts what
// it finds, and creates once more when there is nothing; it also lists again
// when Zendesk refuses, and adopts what another call made meanwhile. An
// [*AmbiguousError] means that even this did not settle it: call again. When
// Zendesk refuses a further webhook and the integration has its three, the
// error is a [*WebhookLimitError].
//
// Two calls for one installation at the same time can make two webhooks: the
// platform has no way to prevent it. Every later call adopts the first.
func (c *Client) EnsureWebhook(ctx context.Context, in *Installation, want *Webhook) (*Webhook, error) {
	if err := checkWebhook(want); err != nil {
		return nil, err
	}
	const creations = 2
	var unsettled, refused error
	for created := 0; ; created++ {
		existing, err := c.ListWebhooks(ctx, in)
		if err != nil && refused != nil {
			err = fmt.Errorf("%w; %w", refused, err)
		}
		if err != nil {
			return nil, ambiguousAfter(unsettled, err)
		}
		if found := findTarget(existing, want.Target); found != nil {
			return c.repairWebhook(ctx, in, found, want)
		}
		switch {
		case refused != nil && len(existing) >= webhookLimit:
			return nil, ambiguousAfter(unsettled, &WebhookLimitError{Existing: existing, Err: refused})
		case refused != nil:
			return nil, ambiguousAfter(unsettled, refused)
		case created == creations:
			return nil, unsettled
		}
		webhook, err := c.CreateWebhook(ctx, in, want)
		switch {
		case err == nil:
			return webhook, nil
		case errors.As(err, new(*AmbiguousError)):
			unsettled = err
		case refusesOneMore(err):
			refused = err // a call at the same time may have made the last one
		default:
			return nil, ambiguousAfter(unsettled, err)
		}
	}
}

// refusesOneMore reports whether a refused creation can be about the limit.
// Nobody says which status that has; these have another meaning.
func refusesOneMore(err error) bool {
	var refusal *Error
	if !errors.As(err, &refusal) {
		return false
	}
	switch refusal.Status {
	case http.StatusUnauthorized, http.StatusNotFound, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return refusal.Status/100 == 4
}

// ambiguousAfter keeps an unsettled creation visible beside what failed after.
func ambiguousAfter(unsettled, err error) error {
	if unsettled == nil {
		return err
	}
	return &AmbiguousError{Op: opEnsureWebhook, Err: fmt.Errorf("%w; %w", err, unsettled)}
}

func findTarget(webhooks []Webhook, target string) *Webhook {
	for i := range webhooks {
		if webhooks[i].Target == target {
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
