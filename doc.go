// Package sunco connects a Zendesk Technology Partner with the messaging of its
// customers: the partner OAuth of Sunshine Conversations (SunCo), the webhooks
// that follow from it, and the removal.
//
// # A partner's life
//
// A [Client] holds what Zendesk issued to the partner, once for all customers.
// Three handlers do the rest:
//
//  1. A customer wants the integration. An [Installer] sends the browser to
//     Zendesk, where an administrator presses Allow, receives it back, and saves an
//     [Installation] with its token and its webhook.
//  2. An [EventHandler] receives what happens in the customer's conversations.
//     [Client.Do] answers.
//  3. The customer removes the integration, or the partner calls [Client.Revoke].
//     Zendesk calls the remove URL, where a [RemovalHandler] checks that it is true
//     and deletes what is stored.
//
// The handlers are made of exported parts, for those who need it otherwise. To
// install: [Client.AuthorizeURL], [ParseCallback], [Client.Exchange], save the
// token, [Client.Locate], [Client.EnsureWebhook], save the installation. To
// receive: [KeyDigest] and [ReadDelivery]. To check a removal: [ReadRemoval] and
// [Client.TokenInfo].
//
// # Errors
//
// Test in this order, because an error can stand inside another:
//
//   - [AmbiguousError]: it may have happened. Call an update, a deletion or a
//     revocation again; let the customer connect again after an exchange; list
//     before you create again.
//   - [RateLimitError]: try again after RetryAfter.
//   - [ErrUnauthorized]: Zendesk refuses the token. [Client.TokenInfo] tells
//     whether it is dead.
//   - [ErrMoved]: call [Client.Locate], store the Subdomain, and call again.
//   - [ErrNoRegion]: call Locate; a legacy app needs a region.
//   - [WebhookLimitError]: delete a webhook that is no longer used.
//   - [ErrStateMismatch] and [AuthorizationError], of a callback: start again.
//   - [RequestError]: an incoming request cannot be used; it has the status to
//     answer.
//   - [InputError]: an argument or a field cannot be used, and nothing was sent.
//   - [Error]: Zendesk refused, or gave no usable reply ([ErrBadReply]).
//
// A reply without success is an answer of Zendesk's API when it is JSON with one of
// the API's errors: then [Error] has a Code. It is bare when it has no body or a
// sentence. A web page and any other JSON is foreign: a proxy or a front server
// wrote it. [ErrUnauthorized], [ErrForbidden] and [ErrNotFound] match the API's
// answers and bare ones, never foreign ones.
//
// # Retries
//
// A call is tried up to four times, with full jitter from 200 ms, doubling, and at
// most 60 s of waiting in all; an exchange three times and 10 s. One attempt lasts
// at most 30 s. What provably never left is tried again, and so is status 429,
// after Retry-After or after 1 s, 2 s and 4 s. Reads, updates and deletions are
// also tried again after a lost answer and after status 408, 425 and 5xx, except
// 501. A creation and an exchange are not: they end in an [AmbiguousError].
// Redirects are never followed.
//
// # Statuses
//
// The handlers answer with these statuses. A [RequestError] carries the same.
//
// Installer: 303 to Zendesk, and 303 to return_to when all is done. 400: the
// callback does not belong to a flow in progress in this browser, or return_to is
// not a path of this site. 403: the customer pressed Deny, or Identity failed. 405:
// the method is not GET. 500: a hook or the configuration failed. 502: Zendesk
// failed. 503: FirstUse failed, Zendesk asks to slow down, the browser prefetches,
// or too many flows are in progress.
//
// EventHandler: 200: every event is handled, now or before. Zendesk delivers again
// after 503: no installation has the key, Lookup or OnEvent failed or took too
// long, an event is being handled, a webhook's secret is missing in the store, the
// body did not arrive whole, or the handler is closed. It gives up after 401: the
// key is missing or wrong for the installation found; 403: the delivery is about
// another app or webhook; and 400: the body can never be read. 405: the method is
// neither POST nor HEAD, which is answered 200 without a key.
//
// RemovalHandler: 200 for every well-formed call, whether the app is known or not.
// 400: not a removal. 403: the key in the URL is wrong. 405, 413, 415: another
// method, a body above 16 KiB, another content type. 503: Lookup failed, the body
// did not arrive whole, too many apps are pending, or the handler is closed.
//
// All of them answer in time, also while a body stalls. Behind a middleware whose
// ResponseWriter hides [http.ResponseController], only [http.Server.ReadTimeout]
// frees the connection of such a body: set it.
//
// # Shutdown
//
// Call [http.Server.Shutdown] first, with two minutes for installations in
// progress, then [EventHandler.Close] and [RemovalHandler.Close]. A token that was
// saved is not lost when the process ends: finish such an installation at the next
// start with Locate and EnsureWebhook. What a RemovalHandler still has to check is
// forgotten, so every start asks [Client.TokenInfo] about all installations.
//
// # Secrets
//
// Credentials are a [Secret], which prints as "[redacted]". No error and no log
// line of this package holds one, even when a server repeats it. Tokens go only to
// hosts under [Client.Domain] and to the two legacy hosts, whatever a reply or a
// store says.
//
// # Testing
//
// Package [github.com/sunco-go/sunco/suncotest] is a fake platform in the same
// process. Set its client as [Client.HTTPClient].
//
// # Facts
//
// The package follows Zendesk's published documents. It was not tried against
// Zendesk itself; the README lists what is documented and what is assumed.
//
// https://developer.zendesk.com/documentation/conversations/how-to-guides/building-a-marketplace-bot/
package sunco
