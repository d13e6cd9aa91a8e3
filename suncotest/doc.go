// Package suncotest is a fake of Zendesk's side of the Sunshine Conversations partner
// OAuth: the OAuth bridge, the customers' hosts and the consent page, in one process,
// without an account and without a network.
//
// It is modeled on net/http/httptest. A [Config] describes the partner and its
// customers; the zero value is a good start. [New] starts a [Platform]:
//
//	p := suncotest.New(suncotest.Config{})
//	defer p.Close()
//	client := &sunco.Client{
//		ClientID:     suncotest.DefaultClientID,
//		ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
//		HTTPClient:   p.Client(),
//	}
//
// [Platform.Client] is an ordinary HTTP client. It dials in-memory connections to a
// real HTTP server, over TLS, with HTTP/1.1 or HTTP/2, under the production host names.
// Whatever a connection can do to a program it can do here too. No socket is opened and
// time may be virtual: a Platform made in a testing/synctest bubble works there, and
// leaves no goroutine behind after Close.
//
// # What it plays
//
//   - The customer: [Platform.Allow] and [Platform.Deny] answer the consent page,
//     [Platform.Uninstall] removes the integration, and [Platform.Rename] moves the
//     account to another subdomain.
//   - The bridge: authorize, token and token info.
//   - The customers' hosts, including the legacy ones: webhooks, revoke, and every
//     operation on users, conversations, messages, attachments and control that an
//     integration may use. The other operations of the API answer 403.
//   - People: [Platform.Say] writes to a customer, [Platform.Press] presses a button,
//     [Platform.Submit] fills in a form, [Platform.Upload] sends a file, and
//     [Platform.Open] turns to another conversation.
//   - Human agents: a bot passes control to them, [Platform.Answer] writes,
//     [Platform.Solve] solves the ticket, [Platform.TransferToEmail] takes it to e-mail,
//     and [Platform.Tickets] shows what they see.
//   - Events: webhooks are told what happens. [Platform.Emit] sends any other event;
//     [SampleEvent] has an example of each.
//   - Calls to the partner: the HEAD probe of a webhook's target, deliveries with their
//     retries, and the call to the remove URL. [Platform.Mount] puts the partner's
//     handler into the same network, so that these calls reach it. [NewDelivery] makes
//     a delivery without any platform.
//   - Faults: [Platform.Inject] makes any request or connection fail.
//
// [Platform.Requests] lists the requests that arrived and [Platform.Calls] those that
// were sent to the partner, with their answers and the reason of every refusal. Printing
// them shows no credentials. [Platform.Redeliver] sends a delivery again.
//
// # How far to trust it
//
// The fake is written from published documents and has never been compared with Zendesk
// itself. It is strict where the documents are clear. Where they are silent, a field of
// [Behavior] chooses, and its zero value is the likeliest reading. To be safe, run your
// tests with the other values too. The program examples/probe of this module asks Zendesk
// and prints the Behavior that it saw.
//
// # As a server
//
// A Platform is also an http.Handler, for a listener of your own. The Host header
// decides who answers:
//
//   - oauth-bridge.<anything> is the bridge, under /sc.
//   - <subdomain>.<anything> is that customer, under /sc.
//   - api.smooch.io and api.eu-1.smooch.io are the legacy hosts, without /sc.
//   - An IP address or plain localhost answers every route, under /sc.
package suncotest
