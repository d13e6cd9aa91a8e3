// Package suncotest is a stand-in for the platform side of Zendesk's Sunshine
// Conversations partner OAuth: the bridge, the customers' hosts and the consent
// page, in one process, without an account and without a network.
//
// Its model is net/http/httptest. A [Config] says who the partner is and which
// customers exist, and its zero value is enough to begin with. A [Platform] is
// what [New] makes of it:
//
//	p := suncotest.New(suncotest.Config{})
//	defer p.Close()
//	client := &sunco.Client{
//		ClientID:     suncotest.DefaultClientID,
//		ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
//		HTTPClient:   p.Client(),
//	}
//
// [Platform.Client] is a real HTTP client on a real transport. It dials
// in-memory connections to a real HTTP server over TLS, for the production host
// names, with HTTP/1.1 or HTTP/2, so that what a connection can do to a program
// happens here as well. No socket is opened and time may be virtual: a Platform
// made inside a testing/synctest bubble works there and leaves no goroutine
// behind once it is closed.
//
// # What it plays
//
//   - The customer: [Platform.Allow] and [Platform.Deny] walk through the consent
//     page, [Platform.Uninstall] removes the integration, [Platform.Rename] moves
//     the account to another subdomain.
//   - The bridge: authorize, token and token info.
//   - The customer's hosts, legacy ones included: webhooks, revoke, and as much of
//     users, conversations and messages as a bot needs to write to somebody.
//   - People: [Platform.Say] writes to a customer, and [Platform.Emit] makes every
//     other documented event happen, with a payload of one's own or the one of
//     [SampleEvent].
//   - Calls to the partner: the HEAD probe of a webhook's target, the deliveries with
//     their retries, and the call to the remove URL. [Platform.Mount] puts the
//     partner's own handler into the same network, so that those calls reach it, and
//     [NewDelivery] needs no platform at all.
//   - Trouble: [Platform.Inject] puts any fault at any place.
//
// [Platform.Requests] tells what arrived, [Platform.Calls] what was sent to the
// partner. Neither shows a credential when it is printed.
//
// # How far to trust it
//
// It is written from published documents and has never been compared with Zendesk
// itself. It is strict where the documents speak. Where they are silent a field of
// [Behavior] chooses, and its zero value is the likeliest reading; a partner who
// wants to be safe runs the same tests with the other readings too.
//
// # As a server
//
// A Platform is also an http.Handler, for a listener of one's own. The Host header
// decides who answers: oauth-bridge.<anything> is the bridge, <subdomain>.<anything>
// that customer, both under /sc; api.smooch.io and api.eu-1.smooch.io are the legacy
// hosts, without /sc; and an IP address or plain localhost answers every route under
// /sc.
package suncotest
