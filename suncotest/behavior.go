package suncotest

import (
	"cmp"
	"net/http"
	"time"
)

// Behavior chooses, one field each, among the possible answers to what no document
// settles. The zero value is the likeliest reading of all of them.
type Behavior struct {
	// Strict refuses members and query parameters that the description of the API
	// does not have, with 400. No schema of it is closed; false: they are accepted,
	// and the record of the request names them.
	Strict bool

	// UnknownClientStatus answers authorize for a client id that is not
	// registered. Unknown; zero: 404, as for an unregistered redirect URI.
	UnknownClientStatus int

	// DenyDescription is sent as error_description when the customer denies.
	// Undocumented, though clients read it. Empty: the parameter is absent.
	DenyDescription string

	// CodeLifetime is how long a code can be exchanged. Unknown; zero: 10
	// minutes.
	CodeLifetime time.Duration

	// CodeReuseRevokes makes the second use of a code kill the token of the
	// first, as RFC 6749 suggests. Unknown.
	CodeReuseRevokes bool

	// TokenErrorStatus answers the token endpoint for a wrong client, a wrong
	// secret and a code that cannot be used. Only old documents name one; zero:
	// 401. Malformed requests get 400, or this status too when it is set.
	TokenErrorStatus int

	// TokenErrorShape is the form of the token endpoint's errors. Unknown.
	TokenErrorShape ErrorShape

	// TokenLifetime gives tokens an exp and ends them with it. Zero: they do
	// not expire, as in the published example.
	TokenLifetime time.Duration

	// RevokedStatus answers a token that was once good. Unknown; zero: 401. A
	// token that never was gets 401 always.
	RevokedStatus int

	// RevokedShape is the form of that answer, and of the 401 for a token that never
	// was. Unknown.
	RevokedShape ErrorShape

	// OldTokenDies makes a second authorization by the same customer kill the
	// token of the first. Unknown; false: both work.
	OldTokenDies bool

	// WebhooksDie makes a second authorization by the same customer delete the
	// webhooks. False: they survive, which is what production code relies on.
	WebhooksDie bool

	// NoSubdomain leaves the optional subdomain out of token info.
	NoSubdomain bool

	// UnknownHost answers for a host where no customer lives, one that was renamed
	// for example. Zero: [HostFront], which was seen in public reports.
	UnknownHost UnknownHost

	// WebhookLimit is how many webhooks an integration may have. Zero: 3, which
	// the guide says; the description of the API says 10 for a whole app.
	WebhookLimit int

	// WebhookLimitStatus answers one webhook too many. Unknown; zero: 400.
	WebhookLimitStatus int

	// NoProbe creates webhooks without asking the target. False: HEAD to the
	// target, then to its origin's /, and 400 when neither answers 2xx, as old
	// documents and production code have it.
	NoProbe bool

	// NoRetargetProbe leaves the probe out when a PATCH changes the target.
	// Whether there is one is unknown.
	NoRetargetProbe bool

	// CanonicalTargets writes a webhook's target with its host in lower case, without
	// a default port, and with / for an empty path. Unknown; false: as it was sent.
	CanonicalTargets bool

	// RemoveFirst calls the remove URL before the token dies. The order is
	// unknown; false: the token is dead before the call.
	RemoveFirst bool

	// RemoveDelay passes between the two, in either order. Unknown; zero:
	// nothing passes.
	RemoveDelay time.Duration

	// RemoveRetries is how often the remove URL is called again, with
	// RemoveRetryInterval between calls, until it answers 2xx. Unknown; zero: it
	// is called once.
	RemoveRetries int

	// RemoveRetryInterval is used by RemoveRetries. Zero: one minute.
	RemoveRetryInterval time.Duration

	// MarketplaceRequired refuses API requests, token exchange included, that
	// lack one of the marketplace headers, or that carry the Bot-Id and the
	// App-Id both. Their presence is required; whether it is enforced at run time
	// is unknown.
	MarketplaceRequired bool

	// MarketplaceStatus is used by MarketplaceRequired. Unknown; zero: 403.
	MarketplaceStatus int

	// DeliveryRetryInterval is the time between the first two attempts at a
	// delivery; every later one is twice as long as the one before. Only "5 times
	// within 15 minutes" is documented; zero: one minute, so that the fifth comes
	// 15 minutes after the first. With a longer one there are fewer attempts, because
	// none begins later than that.
	DeliveryRetryInterval time.Duration

	// DeliveryCopies is how many more deliveries carry the same events under the
	// same ids. Zero: none, although a receiver must expect them.
	DeliveryCopies int

	// DeliveryDoubled puts every event into its delivery twice, under one id.
	DeliveryDoubled bool

	// DeliveryReordered turns the order of events around: within a delivery, and
	// every other delivery to a webhook is held back for a second, so that the
	// next can overtake it. No order is documented; false: the one in which the
	// events happened, as long as the deliveries do not overtake each other.
	DeliveryReordered bool

	// DeliverySerial has one request at a time under way to a webhook. A delivery
	// that waits for its next turn until the 15 minutes are over is given up.
	// Unknown; false: up to 64.
	DeliverySerial bool

	// DeliveryWrongKey sends deliveries with a key that is not the webhook's
	// secret, as anybody can.
	DeliveryWrongKey bool
}

// ErrorShape is a form in which an error can be written.
type ErrorShape int

// The shapes of an error that have been seen or must be feared.
const (
	ErrorsArray   ErrorShape = iota // {"errors":[{"code":…,"title":…}]}, as API v2 has it
	ErrorObject                     // {"error":{"code":…,"description":…}}, as API v1 had it
	ErrorRFC6749                    // {"error":…,"error_description":…}
	ErrorHTML                       // a page
	ErrorText                       // one line of text
	ErrorEmpty                      // no body at all
	ErrorSentence                   // {"error":"Couldn't authenticate you"}
	ErrorFront                      // {"error":{"title":…,"message":…}}, as the front servers have it
)

// UnknownHost is an answer for a host where no customer lives.
type UnknownHost int

// What a host where no customer lives answers, always with 404.
const (
	HostFront        UnknownHost = iota // {"error":{"title":"No help desk at …","message":…}}
	HostPage                            // an HTML page
	HostAPIError                        // an error of the API
	HostUnresolvable                    // nothing: the name of an account that was renamed does not resolve
)

func (b Behavior) withDefaults() Behavior {
	b.UnknownClientStatus = cmp.Or(b.UnknownClientStatus, http.StatusNotFound)
	b.CodeLifetime = cmp.Or(b.CodeLifetime, 10*time.Minute)
	b.RevokedStatus = cmp.Or(b.RevokedStatus, http.StatusUnauthorized)
	b.WebhookLimit = cmp.Or(b.WebhookLimit, 3)
	b.WebhookLimitStatus = cmp.Or(b.WebhookLimitStatus, http.StatusBadRequest)
	b.RemoveRetryInterval = cmp.Or(b.RemoveRetryInterval, time.Minute)
	b.DeliveryRetryInterval = cmp.Or(b.DeliveryRetryInterval, time.Minute)
	b.MarketplaceStatus = cmp.Or(b.MarketplaceStatus, http.StatusForbidden)
	return b
}
