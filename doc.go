// Package sunco connects a Zendesk Technology Partner with the messaging of
// its customers: the partner OAuth of Sunshine Conversations (SunCo), the
// webhooks that follow from it, and its end.
//
// # A partner's life
//
// A [Client] holds what Zendesk issued to the partner, once for all customers.
//
//  1. A customer wants the integration. [Client.AuthorizeURL] is where its
//     browser goes, and an administrator presses Allow.
//  2. The browser comes back. [ParseCallback] takes the code out of the
//     request, and [Client.Install] turns it into an [Installation]: it
//     exchanges the code for a token ([Client.Exchange]) and asks token info
//     which app the token is for and where that app lives ([Client.Locate]).
//     The partner stores the installation.
//  3. [Client.EnsureWebhook] subscribes to what happens in the customer's
//     conversations, and the partner stores the webhook's secret. The other
//     webhook methods do it step by step.
//  4. [Client.Do] calls every other endpoint of the app, to send a message for
//     example.
//  5. [Client.Revoke] gives the access back.
//  6. However it ended, Zendesk calls the partner's remove URL. A
//     [RemovalHandler] there finds out whether it is true, and cleans up.
//
// # What can go wrong
//
// What is safe to repeat has been repeated before an error appears; a code is
// never sent twice unless the first request provably stayed at home. Test in
// this order, because an error can stand inside another:
//
//   - [AmbiguousError]: it may have happened. Call Update, Delete and Revoke
//     again; let the customer connect again after an exchange; list before
//     creating again. A message may have been posted.
//   - [RateLimitError]: come back after RetryAfter.
//   - [ErrUnauthorized]: the token does not do. [Client.TokenInfo] says
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
// Credentials are a [Secret], which prints as "[redacted]" and encodes as
// nothing. No error and no log line of this package holds one, also when a
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
