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
//     conversations. The other webhook methods do it step by step.
//  4. [Client.Do] calls every other endpoint of the app, to send a message for
//     example.
//  5. [Client.Revoke] gives the access back.
//  6. However it ended, Zendesk calls the partner's remove URL. A
//     [RemovalHandler] there finds out whether it is true, and cleans up.
//
// # What can go wrong
//
// Every error says what was tried and is one of a few types. [InputError]: an
// argument cannot be used, and nothing was sent. [Error]: Zendesk said no, or
// there was no usable reply; the sentinels [ErrUnauthorized], [ErrForbidden],
// [ErrNotFound], [ErrMoved] and [ErrBadReply] match it. [RateLimitError]: slow
// down. [AmbiguousError]: it may have happened, and its comment says what to
// do then. What is safe to repeat has been repeated before an error appears;
// a code is never sent twice unless the first request provably stayed at home.
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
