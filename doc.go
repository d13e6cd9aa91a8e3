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
//     Package [github.com/sunco-go/sunco/messaging] answers, on [Client.Do].
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
// A reply with a status of failure is one of three kinds:
//
//  1. The API's: JSON with one of the API's errors. Then [Error] has a Code.
//  2. Bare: no body, a line of text, or {"error": "a sentence"}.
//  3. Foreign: a web page or any other JSON, from a proxy or a front server.
//
// [ErrUnauthorized], [ErrForbidden] and [ErrNotFound] match the first two only.
// Test an error in this order, types with [errors.As] and variables with
// [errors.Is]; the first that matches decides:
//
//   - [AmbiguousError]: it may have happened. Call an update, a deletion or a
//     revocation again. After an exchange, let the customer connect again. Look
//     for what you created before you create it again.
//   - [RateLimitError]: nothing happened; call again after RetryAfter.
//   - [ErrUnauthorized]: Zendesk refuses the token. [Client.TokenInfo] tells
//     whether it is dead.
//   - [ErrMoved]: call [Client.Locate], store the Subdomain, and call again.
//   - [ErrNoRegion]: call Locate. If it returns ErrNoRegion too, the app is a
//     legacy app: set its [LegacyRegion].
//   - [WebhookLimitError]: delete a webhook that is no longer used.
//   - [ErrStateMismatch] and [AuthorizationError], of a callback: start again.
//   - [RequestError]: an incoming request cannot be used; it has the status to
//     answer.
//   - [InputError]: an argument or a field cannot be used, and nothing was sent.
//   - [Error]: Zendesk refused, could not be reached, or gave no usable reply. With
//     [ErrBadReply] and a status of success, Zendesk did what was asked: do not
//     create it again. Otherwise nothing happened; after a status of 5xx, or
//     without one, call again later.
//
// # Retries
//
// A call is tried up to four times, with full jitter from 200 ms, doubling, and at
// most 60 s of waiting in all; an exchange three times and 10 s. One attempt lasts
// at most 30 s. Every call is tried again when the request was certainly not sent,
// unless the host does not exist or its certificate is not trusted, and after
// status 429: after Retry-After, or after 1 s, 2 s and 4 s. Reads, updates and
// deletions are also tried again after a lost answer and after status 408, 425 and
// 5xx, except 501. A creation and an exchange are not: a lost answer and a 5xx end
// in an [AmbiguousError]. Redirects are never followed.
//
// # Storing
//
// The key of a row is AppID. It holds the fields of the [Installation], and to
// search by, its Generation and the SHA-256 of each webhook's secret.
// [Installer.Save] says what to write when.
//
//   - Write the result of Locate or EnsureWebhook back only while the stored
//     Generation is the same, and never insert: the customer may have uninstalled
//     or installed again meanwhile.
//   - A token that was saved without an AppID is unfinished. Give these rows rising
//     numbers, and copy the number into the complete row. At every start and once a
//     day, call Locate, EnsureWebhook and Save for those older than five minutes.
//     Delete such a row instead if its token is dead, or if its app's row has a
//     higher number.
//   - At every start and once a day, ask TokenInfo about all installations, and
//     delete those whose token is dead. A [RemovalHandler] does not know an app
//     that is still being installed, and forgets what it was checking when the
//     process ends.
//
// A token is dead when token info's error matches [ErrUnauthorized] and has a Code.
// One that matches ErrUnauthorized without a Code, or [ErrForbidden] or
// [ErrNotFound] with one, proves it when token info answers with the same status
// again at least a minute later. Nothing else does. [Client.Revoke] alone is content
// with one ErrUnauthorized.
//
// # Statuses
//
// The handlers answer with these statuses. A [RequestError] carries the same.
//
// Installer:
//
//   - 303: to Zendesk, or to return_to at the end
//   - 400: the callback belongs to no flow in progress in this browser, or
//     return_to is not a path of this site
//   - 403: the customer pressed Deny, or Identity failed
//   - 405: the method is not GET
//   - 500: a hook or the configuration failed, or a legacy app has no region
//   - 502: Zendesk failed
//   - 503: FirstUse failed, Zendesk asks to slow down, the browser prefetches, or
//     too many flows are in progress
//
// EventHandler, and what Zendesk does:
//
//   - 200: every event is handled, now or before; also HEAD, without a key
//   - 503, Zendesk delivers again: no installation has the key; Lookup or OnEvent
//     failed or took too long; the event is being handled; the stored installation
//     lacks an AppID or a webhook's secret; the body did not arrive whole; the
//     handler is closed
//   - 401, Zendesk gives up: no key, or Lookup returned the wrong installation
//   - 403, Zendesk gives up: the delivery is about another app or webhook
//   - 400, Zendesk gives up: the body can never be read
//   - 405: any other method
//
// RemovalHandler:
//
//   - 200: every well-formed call, whether the app is known or not
//   - 400, 405, 413, 415: not a removal, another method, a body above 16 KiB,
//     another content type
//   - 403: the key in the URL is wrong
//   - 503: Lookup failed, the body did not arrive whole, 4,096 apps are pending, or
//     the handler is closed
//
// All of them answer in time, also while a body stalls. Behind a middleware whose
// ResponseWriter has no Unwrap method, only [http.Server.ReadTimeout] frees the
// connection of such a body: set it.
//
// # Shutdown
//
// Call [http.Server.Shutdown] first, with two minutes for installations in
// progress, then [EventHandler.Close] and [RemovalHandler.Close].
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
