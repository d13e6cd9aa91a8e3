// Package doctor finds out why a customer does not work. It changes nothing.
//
// A [Checkup] asks token info, lists the customer's webhooks, calls their targets as
// Zendesk does, and looks into the store. What is wrong it returns as a list of
// [Finding]. These are the codes:
//
//   - token-malformed, token-client, token-app, token-expired, token-dead,
//     token-refused: the token cannot be used, or belongs to somebody else
//   - unfinished: the installation has no AppID yet
//   - no-region, subdomain-renamed, account-suspended: the customer's host
//   - webhook-missing, webhook-drifted, webhook-doubled, webhook-limit,
//     webhook-secret: what Zendesk has and what is stored
//   - target-plain-http, target-private, target-unreachable, target-chain,
//     target-certificate, target-head, target-redirects, target-refuses: the address
//     that Zendesk delivers to, as this machine sees it
//   - not-in-control, no-conversation: the conversation that ConversationID names
//   - marketplace-headers, rate-limited, proxy, clock: the partner's own side
//   - store-unfinished, store-sealed, store-dead, store-waiting: the store
//
// A Finding holds no credential. Its Seen and Err can name hosts and ids.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/internal/redact"
	"github.com/sunco-go/sunco/sqlstore"
)

// Checkup says what to look at. It is safe for concurrent use.
type Checkup struct {
	// Client makes the calls, with its ClientID. Its HTTPClient calls the webhook's
	// target, too. Required.
	Client *sunco.Client

	// Webhook is how the customer's webhook should be, as it is passed to
	// [sunco.Client.EnsureWebhook]. Nil: as the installation's Webhooks say.
	Webhook *sunco.Webhook

	// ConversationID names a conversation of the customer in which the bot is silent.
	// Empty: none is looked at.
	ConversationID string

	// Store is looked at as a whole, with the rows of all customers. Nil: no store is
	// looked at.
	Store *sqlstore.Store
}

// Finding is one thing that is wrong.
type Finding struct {
	Code  string // one of those in the package documentation
	Seen  string // what was seen; names hosts and ids
	Means string // what it means
	Do    string // what to do about it
	Err   error  // the error behind it, which can name hosts; often nil
}

// Check looks at one customer, and then at the Store. If in is nil, it looks at the Store
// only. A finding ends the checks that depend on it: without a token that lives, neither
// webhooks nor targets are looked at.
//
// This machine calls the webhook's target as Zendesk does: HEAD, also to / if that fails,
// and then a delivery without events under the stored key. A [sunco.EventHandler] answers
// it with 200 and does not call OnEvent. Check sends nothing else there, follows no
// redirect, and waits 20 seconds for an answer. It sends no delivery over plain HTTP,
// unless the platform is a sandbox on this machine.
//
// An error says that the doctor could not look: Zendesk or the database cannot be reached,
// or a field of the Checkup cannot be used. The findings until then are returned with it.
func (c *Checkup) Check(ctx context.Context, in *sunco.Installation) ([]Finding, error) {
	if c.Client == nil || c.Client.ClientID == "" {
		return nil, errors.New("doctor: set Checkup.Client, with a ClientID")
	}
	r := &run{Checkup: c, stored: in}
	for _, check := range []func(context.Context) error{
		r.checkToken, r.checkWebhooks, r.checkTargets, r.checkConversation, r.checkStore,
	} {
		if err := check(ctx); err != nil {
			return r.findings, fmt.Errorf("doctor: could not look: %w", err)
		}
	}
	return r.findings, nil
}

// run is one Check.
type run struct {
	*Checkup
	stored   *sunco.Installation // as it was given; may be nil
	home     *sunco.Installation // as token info has it; nil: there is nothing to ask
	findings []Finding
}

// add adds a finding. Texts of others are in it, which may repeat a credential.
func (r *run) add(code, seen, means, do string, err error) {
	var secrets []string
	if r.stored != nil {
		secrets = append(secrets, r.stored.Token.AccessToken.Reveal())
		for i := range r.stored.Webhooks {
			secrets = append(secrets, r.stored.Webhooks[i].Secret.Reveal())
		}
	}
	if redact.Contains(seen, secrets...) {
		seen = "The text is withheld, it repeats a credential."
	}
	if err != nil && redact.Contains(err.Error(), secrets...) {
		err = errors.New("doctor: the error is withheld, it repeats a credential")
	}
	r.findings = append(r.findings, Finding{code, seen, means, do, err})
}

// host returns the host of an installation's calls.
func (r *run) host(in *sunco.Installation) string {
	base, err := r.Client.BaseURL(in)
	u, parseErr := url.Parse(base)
	if err != nil || parseErr != nil {
		return "no host"
	}
	return u.Host
}

// sandbox reports whether the platform is on this machine, so that it can call an
// address of this machine.
func (r *run) sandbox() bool {
	base, err := r.Client.BaseURL(r.home)
	return err == nil && strings.HasPrefix(base, "http:")
}
