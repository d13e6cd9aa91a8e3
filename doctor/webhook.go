package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/internal/ident"
)

const ensure = "Call Client.EnsureWebhook and save the result; an Installer and sqlstore's Maintain do."

// wanted returns the webhooks that the customer should have, one for each target.
func (r *run) wanted() []sunco.Webhook {
	if r.Webhook != nil {
		return []sunco.Webhook{*r.Webhook}
	}
	var wanted []sunco.Webhook
	for _, w := range r.stored.Webhooks {
		if w.Target == "" || !slices.ContainsFunc(wanted, func(other sunco.Webhook) bool {
			return sameTarget(w.Target, other.Target)
		}) {
			wanted = append(wanted, w)
		}
	}
	return wanted
}

func sameTarget(a, b string) bool { return ident.CanonicalURL(a) == ident.CanonicalURL(b) }

// checkWebhooks compares the webhooks at Zendesk with what is wanted and stored.
func (r *run) checkWebhooks(ctx context.Context) error {
	if r.home == nil {
		return nil
	}
	existing, err := r.Client.ListWebhooks(ctx, r.home)
	if err != nil {
		return r.explain(ctx, err, false)
	}
	wanted := r.wanted()
	for i := range wanted {
		r.checkWebhook(&wanted[i], existing)
	}
	return nil
}

func (r *run) checkWebhook(want *sunco.Webhook, existing []sunco.Webhook) {
	var found []sunco.Webhook
	for _, w := range existing {
		if want.ID != "" && w.ID == want.ID || sameTarget(w.Target, want.Target) {
			found = append(found, w)
		}
	}
	const limit = 3 // by Zendesk's guide
	if len(found) == 0 {
		r.add("webhook-missing", fmt.Sprintf("Webhooks at Zendesk: %d, none of them with the target at %s.",
			len(existing), targetHost(want.Target)), "Zendesk tells nobody what happens in the conversations.", ensure, nil)
	}
	if len(found) == 0 && len(existing) >= limit {
		r.add("webhook-limit", fmt.Sprintf("Webhooks at Zendesk: %d.", len(existing)),
			"Zendesk accepts three for an integration, so that the missing one cannot be created.",
			"Delete one that is not used any more: Client.ListWebhooks, Client.DeleteWebhook.", nil)
	}
	if len(found) > 1 {
		r.add("webhook-doubled", fmt.Sprintf("%d webhooks have the target at %s: %s.", len(found), targetHost(want.Target),
			idsOf(found)), "Every event is delivered once for each of them, with the same id.",
			"Keep the one that is stored, and delete the others with Client.DeleteWebhook.", nil)
	}
	for i := range found {
		r.checkDrift(want, &found[i])
		r.checkSecret(&found[i])
	}
}

// checkDrift compares what the partner chooses.
func (r *run) checkDrift(want, have *sunco.Webhook) {
	var differs []string
	if want.Target != "" && !sameTarget(want.Target, have.Target) {
		differs = append(differs, "target")
	}
	if len(want.Triggers) > 0 { // a store may keep no more than the secret
		if !slices.Equal(sorted(want.Triggers), sorted(have.Triggers)) {
			differs = append(differs, "triggers")
		}
		if want.IncludeFullUser != have.IncludeFullUser {
			differs = append(differs, "includeFullUser")
		}
		if want.IncludeFullSource != have.IncludeFullSource {
			differs = append(differs, "includeFullSource")
		}
	}
	if len(differs) > 0 {
		r.add("webhook-drifted", fmt.Sprintf("Webhook %s differs at Zendesk in: %s.", have.ID, strings.Join(differs, ", ")),
			"It was changed there, or the program wants something else now than when the customer installed.", ensure, nil)
	}
}

// checkSecret compares the stored secret with the one that Zendesk delivers with.
func (r *run) checkSecret(have *sunco.Webhook) {
	i := slices.IndexFunc(r.stored.Webhooks, func(w sunco.Webhook) bool { return w.ID == have.ID })
	seen := "is not stored"
	switch {
	case i < 0:
	case r.stored.Webhooks[i].Secret.IsZero():
		seen = "is stored without its secret"
	case have.Secret.IsZero() || have.Secret.Equal(r.stored.Webhooks[i].Secret):
		return
	default:
		seen = "has another secret at Zendesk than the stored one"
	}
	r.add("webhook-secret", fmt.Sprintf("Webhook %s %s.", have.ID, seen),
		"Its deliveries do not find the customer, and are answered with 503 or 401.", ensure, nil)
}

func sorted(triggers []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(triggers)))
}

func idsOf(webhooks []sunco.Webhook) string {
	ids := make([]string, len(webhooks))
	for i := range webhooks {
		ids[i] = webhooks[i].ID
	}
	return strings.Join(ids, ", ")
}
