// Package sunco connects a Zendesk Technology Partner with the messaging of
// its customers: the partner OAuth of Sunshine Conversations (SunCo), the
// webhooks that follow from it, and its end.
//
// # A partner's life
//
// A [Client] holds what Zendesk issued to the partner, once for all customers.
//
//  1. A customer wants the integration. An [Installer] sends its browser to
//     Zendesk, where an administrator presses Allow, receives it back, and
//     hands over an [Installation], which the partner stores.
//  2. With [Installer.Webhook] it has also subscribed to what happens in the
//     customer's conversations, and an [EventHandler] receives it.
//  3. [Client.Do] calls every endpoint of the app, to answer a message for
//     example.
//  4. [Client.Revoke] gives the access back.
//  5. However it ended, Zendesk calls the partner's remove URL. A
//     [RemovalHandler] there finds out whether it is true, and cleans up.
//
// These three handlers are all that most partners need. By hand the same is:
// [Client.AuthorizeURL]; [ParseCallback]; [Client.Install], which is
// [Client.Exchange] and [Client.Locate]; [Client.EnsureWebhook] or the webhook
// methods it is made of; [ReadDelivery]; and [ReadRemoval] with
// [Client.TokenInfo].
//
// # What can go wrong
//
// What is safe to repeat has been repeated before an error appears; a code is
// never sent twice unless the first request provably never left or was
// answered with 429. Test in this order, because an error can stand inside
// another:
//
//   - [AmbiguousError]: it may have happened. Call Update, Delete and Revoke
//     again; let the customer connect again after an exchange; list before
//     creating again. A message may have been posted.
//   - [RateLimitError]: come back after RetryAfter.
//   - [ErrUnauthorized]: Zendesk refuses the token. [Client.TokenInfo] says
//     whether it is dead; then delete the installation, if its Generation is
//     still the same.
//   - [ErrMoved], or [ErrNotFound] for what should be there: [Client.Locate],
//     store the Subdomain, and call again.
//   - [ErrNoRegion]: Locate; a legacy app needs a region.
//   - [WebhookLimitError]: delete a webhook that is no longer used.
//   - [ErrStateMismatch] and [AuthorizationError], of a callback: start again.
//   - [InputError]: an argument cannot be used, and nothing was sent.
//   - [Error]: everything else that Zendesk said, or no usable reply
//     ([ErrBadReply]). Try again later, or read Code and Title.
//
// # Secrets
//
// Credentials are a [Secret], which prints as "[redacted]" and refuses to
// be encoded. No error and no log line of this package holds one, even when a
// server sends it back. Tokens go to hosts of [Client.Domain] and to the two
// legacy hosts only, whatever a reply or a store says.
//
// # Testing
//
// Package [github.com/sunco-go/sunco/suncotest] is the platform in the same
// process, and [Client.HTTPClient] is where it plugs in.
//
// # Facts
//
// The package follows Zendesk's published documents, and was not tried against
// Zendesk itself; the README lists what is documented and what is assumed.
//
// https://developer.zendesk.com/documentation/conversations/how-to-guides/building-a-marketplace-bot/
package sunco
