package suncotest

import (
	"cmp"
	"net/http"
	"time"
)

// Behavior chooses between possible answers where no document says what Zendesk does.
// The zero value is the likeliest reading. Run the tests of a partner with other values
// to see whether it depends on a guess.
//
// The fields are flat, so that a test can say Behavior{NoProbe: true}. They are grouped
// in the order in which a partner meets them: hosts and requests, authorize, codes and
// tokens, a second installation, webhooks, deliveries, control, messages, attachments,
// updates and deletions, removal.
type Behavior struct {
	// Hosts and requests.
	//
	// UnknownHost is the answer of a host of the domain where no customer lives, for
	// example after [Platform.Rename]. Zero: [HostFront], as seen in public reports.
	// Under localhost such names do not resolve.
	UnknownHost UnknownHost

	// Strict refuses members and query parameters that the API's description does not
	// have, with status 400. No schema of the description is closed. False: they are
	// accepted, and the Note of the [Request] names them.
	Strict bool

	// MarketplaceRequired refuses API requests, token exchange included, that lack one
	// of the marketplace headers or carry both Bot-Id and App-Id. Zendesk requires the
	// headers; whether its servers check them is unknown.
	MarketplaceRequired bool

	// MarketplaceStatus is the status of that refusal. Unknown; zero: 403.
	MarketplaceStatus int

	// OtherAppStatus is the status for an app that is not the token's. Unknown; zero: 403.
	OtherAppStatus int

	// Authorize.
	//
	// UnknownClientStatus is the status of authorize for a client id that is not
	// registered. Unknown; zero: 404, as for an unregistered redirect URI.
	UnknownClientStatus int

	// DenyDescription is the error_description that the partner gets when the customer
	// denies. Undocumented, although clients read it. Empty: the parameter is absent.
	DenyDescription string

	// Codes and tokens.
	//
	// CodeLifetime is how long a code can be exchanged. Unknown; zero: 10 minutes.
	CodeLifetime time.Duration

	// CodeReuseRevokes makes the second use of a code revoke the token of the first,
	// as RFC 6749 suggests. Unknown.
	CodeReuseRevokes bool

	// TokenErrorStatus is the status of the token endpoint for a wrong client, a wrong
	// secret, and a code that cannot be used. When it is set, malformed requests get it
	// too instead of 400. Only old documents name a status; zero: 401.
	TokenErrorStatus int

	// TokenErrorShape is the format of the token endpoint's errors. Unknown.
	TokenErrorShape ErrorShape

	// TokenLifetime is how long a token works, and gives it an exp claim. Zero: tokens
	// do not expire, as in the published example.
	TokenLifetime time.Duration

	// RevokedStatus is the status for a token that has been revoked. Unknown; zero: 401.
	// A token that was never issued always gets 401.
	RevokedStatus int

	// RevokedShape is the format of both answers, for revoked tokens and for tokens that
	// were never issued. Unknown.
	RevokedShape ErrorShape

	// NoSubdomain leaves the optional subdomain out of token info.
	NoSubdomain bool

	// A second installation by the same customer.
	//
	// OldTokenDies makes it revoke the first token. Unknown; false: both tokens work.
	OldTokenDies bool

	// WebhooksDie makes it delete the webhooks. False: they survive, as production code
	// expects.
	WebhooksDie bool

	// Webhooks.
	//
	// WebhookLimit is how many webhooks an integration may have. Zero: 3, as in the
	// guide. The API's description says 10 for a whole app.
	WebhookLimit int

	// WebhookLimitStatus is the status for one webhook too many. Unknown; zero: 400.
	WebhookLimitStatus int

	// UnknownTriggerStatus is the status for a webhook with a trigger that the API's
	// description does not have. Unknown; zero: it is accepted.
	UnknownTriggerStatus int

	// NoProbe creates webhooks without a probe. False: the platform sends HEAD to the
	// target, then to / on the same host, and answers 400 unless one of them counts, as
	// old documents and production code have it.
	NoProbe bool

	// ProbeCounts is the answer to a probe with which a target counts. Unknown; zero:
	// [Probe2xx].
	ProbeCounts ProbeAnswer

	// NoRetargetProbe skips the probe when a PATCH changes the target. Unknown.
	NoRetargetProbe bool

	// TargetForm is what changes in a webhook's target before it is stored. Unknown;
	// zero: nothing.
	TargetForm TargetForm

	// Deliveries.
	//
	// DeliveryRetryInterval is the time between the first two attempts at a delivery.
	// Each later interval is twice as long as the one before. Zero: one minute, so that
	// the fifth attempt comes 15 minutes after the first. A longer interval means fewer
	// attempts, because none begins after 15 minutes.
	DeliveryRetryInterval time.Duration

	// DeliveryCopies is how many further deliveries carry the same events with the same
	// ids. Zero: none.
	DeliveryCopies int

	// DeliveryDoubled puts every event into its delivery twice, with one id.
	DeliveryDoubled bool

	// DeliveryReordered reverses the events of each delivery, and holds back every other
	// delivery to a webhook for a second, so that the next one overtakes it. No order is
	// documented; false: the order in which the events happened, although two deliveries
	// that are under way at once may arrive in either order.
	DeliveryReordered bool

	// DeliverySerial sends one delivery at a time to each webhook. A delivery that has
	// waited for its next attempt until its 15 minutes are over is dropped. Unknown;
	// false: up to 64 at a time.
	DeliverySerial bool

	// DeliveryWrongKey sends deliveries with a key that is not the webhook's secret.
	DeliveryWrongKey bool

	// Control.
	//
	// NoSwitchboard leaves the app without a switchboard: no integration is ever in
	// control, and no control can be passed.
	NoSwitchboard bool

	// NoStandbyEvents sends no events about a conversation while another integration
	// than the bot is in control, except those of the switchboard. An administrator
	// chooses; false: they are sent.
	NoStandbyEvents bool

	// ControlRefused answers 400 when control cannot be passed, offered or accepted.
	// Unknown; false: 200, and the event whose name ends with :failure.
	ControlRefused bool

	// ReleaseToDefault puts the bot in control as soon as control was released. Unknown;
	// false: nobody, until the next message of a person.
	ReleaseToDefault bool

	// SolvePasses makes [Platform.Solve] and [Platform.TransferToEmail] pass control to
	// the bot. Unknown; false: they release control.
	SolvePasses bool

	// Messages.
	//
	// NewestFirst lists the messages of a page in descending order. Unknown; false: the
	// oldest first.
	NewestFirst bool

	// Placeholders leaves a message without content, and with deleted set, where one was
	// deleted. Unknown.
	Placeholders bool

	// UTF16 counts the 4,096 characters of a message in units of UTF-16, of which an
	// emoji has two. Unknown; false: in Unicode characters.
	UTF16 bool

	// FormStaysOpen leaves submitted false in a form that a person has filled in.
	// Unknown.
	FormStaysOpen bool

	// EchoPostback makes pressing a postback button write its text as well. It is the
	// app's setting echoPostback, which token info shows.
	EchoPostback bool

	// AIDisclaimer sends a message of the platform's before the first one of an AI in a
	// conversation, and answers with both. Unknown.
	AIDisclaimer bool

	// DeliveryReceipts sends the events conversation:message:delivery:channel and :user
	// for each message that the partner posts, or :failure for a destination that the
	// person has no client for.
	DeliveryReceipts bool

	// Attachments.
	//
	// ForeignMedia accepts a mediaUrl that was uploaded for another conversation.
	// False: 400, as seen in production code.
	ForeignMedia bool

	// PrivateAttachments requires the token of the app to download an attachment. The
	// API's description knows public ones only.
	PrivateAttachments bool

	// Updates and deletions.
	//
	// NullKept ignores null in a PATCH. Unknown; false: null clears a member.
	NullKept bool

	// MetadataMerges adds the metadata of a PATCH to what is there. Unknown; false: it
	// takes its place.
	MetadataMerges bool

	// UserUpdateTells sends a user:update when the partner updates a user. Unknown.
	UserUpdateTells bool

	// UserRemoveTells sends a conversation:remove for each conversation that ends with
	// its user. Unknown; false: the user:remove alone.
	UserRemoveTells bool

	// Removal.
	//
	// RemoveFirst calls the remove URL before the token is revoked. Unknown; false: the
	// token is revoked first.
	RemoveFirst bool

	// RemoveDelay is the time between the two. Unknown; zero: no time.
	RemoveDelay time.Duration

	// RemoveRetries is how often the remove URL is called again until it answers 2xx.
	// Unknown; zero: it is called once.
	RemoveRetries int

	// RemoveRetryInterval is the time between those calls. Zero: one minute.
	RemoveRetryInterval time.Duration
}

// ErrorShape is a format of errors.
type ErrorShape int

// The formats of errors that Zendesk's servers are known to use or may use.
const (
	ErrorsArray   ErrorShape = iota // {"errors":[{"code":…,"title":…}]}, as in API v2
	ErrorObject                     // {"error":{"code":…,"description":…}}, as in API v1
	ErrorRFC6749                    // {"error":…,"error_description":…}
	ErrorHTML                       // an HTML page
	ErrorText                       // one line of text
	ErrorEmpty                      // no body
	ErrorSentence                   // {"error":"Couldn't authenticate you"}
	ErrorFront                      // {"error":{"title":…,"message":…}}, as Zendesk's front servers write it
)

// ProbeAnswer is an answer to the HEAD request that probes a webhook's target.
type ProbeAnswer int

// The answers with which a target may count.
const (
	Probe2xx    ProbeAnswer = iota // 2xx
	ProbeAny                       // any status, 404 for example
	ProbeNoNeed                    // none is needed: the probe is sent, and its outcome is ignored
)

// counts reports whether a target counts whose probe had this status, or 0 for no answer.
func (a ProbeAnswer) counts(status int) bool {
	return status/100 == 2 || a == ProbeAny && status != 0 || a == ProbeNoNeed
}

// TargetForm is a set of changes to a webhook's target.
type TargetForm int

// The changes to a webhook's target.
const (
	TargetLowerHost TargetForm = 1 << iota // the host is written in lower case
	TargetNoPort                           // the scheme's default port is left out
	TargetSlash                            // an empty path becomes /

	TargetCanonical = TargetLowerHost | TargetNoPort | TargetSlash
)

// UnknownHost is an answer of a host where no customer lives.
type UnknownHost int

// The answers of a host where no customer lives. Their status is 404.
const (
	HostFront        UnknownHost = iota // {"error":{"title":"No help desk at …","message":…}}
	HostPage                            // an HTML page
	HostAPIError                        // an error of the API
	HostUnresolvable                    // none: the name does not resolve
)

func (b Behavior) withDefaults() Behavior {
	b.OtherAppStatus = cmp.Or(b.OtherAppStatus, http.StatusForbidden)
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
