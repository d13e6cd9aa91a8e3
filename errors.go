package sunco

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Conditions worth branching on. Match them with [errors.Is]. Which replies the
// first four match is explained in the package documentation, under Errors.
var (
	// ErrUnauthorized matches status 401 of Zendesk: the token was refused.
	// [Client.TokenInfo] tells whether it is dead.
	ErrUnauthorized = errors.New("sunco: unauthorized")
	// ErrForbidden matches status 403 of Zendesk.
	ErrForbidden = errors.New("sunco: forbidden")
	// ErrNotFound matches status 404 of Zendesk. It does not prove that an
	// integration was removed.
	ErrNotFound = errors.New("sunco: not found")
	// ErrMoved matches when the customer's host does not exist, or answers 404
	// without an error of Zendesk's API. The subdomain may have been renamed:
	// [Client.Locate] finds it.
	ErrMoved = errors.New("sunco: the customer's host is gone; its subdomain may have been renamed, call Client.Locate")
	// ErrBadReply matches a reply with a status of success that cannot be used:
	// it is not JSON, too long or incomplete, carries an error, or does not fit
	// into [Call.Out].
	ErrBadReply = errors.New("the reply is not usable")
	// ErrNoRegion says that an installation has neither a Subdomain nor a
	// LegacyRegion; [Client.Locate] finds the subdomain. From Locate itself it
	// says that the app is a legacy app: set [Installation.LegacyRegion], or
	// [Client.LegacyRegion] for all such apps, and call it again.
	ErrNoRegion = errors.New("sunco: the installation has neither a subdomain nor a legacy region; " +
		"call Client.Locate, and set a LegacyRegion for a legacy app")
	// ErrStateMismatch says that a callback does not carry the state that its
	// flow began with, exactly once. From an [Installer] it also says that this
	// browser has no such flow in progress, or that another account is signed in.
	ErrStateMismatch = errors.New("sunco: callback: the state is not the one this flow began with")
	// ErrAccessDenied matches the [*AuthorizationError] of a customer who
	// pressed Deny.
	ErrAccessDenied = errors.New("sunco: access denied")
)

// Error is a call to Zendesk that failed. Its text names the operation and
// what Zendesk said; it never holds a body, a query or a credential.
type Error struct {
	Op        string        // the operation: "create webhook", or [Call.Op]
	Status    int           // status of the last reply, perhaps an earlier attempt's; 0: there was none
	Code      string        // first error code of Zendesk's API in that reply; empty for any other answer
	Title     string        // the sentence that came with it, shortened
	Details   []ErrorDetail // all errors of the reply; several only on status 400
	RequestID string        // Zendesk's id of the request, for its support; empty when it gave none
	Err       error         // why there was no usable reply; nil when the status is the reason

	target string   // method and path of a call by Do
	tenant bool     // the host was a customer's
	by     answerer // whose answer the last reply is, if it is no success
}

// ErrorDetail is one error in a reply. Both members come from the network,
// are shortened, and are withheld where they repeat a credential.
type ErrorDetail struct {
	Code  string
	Title string
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("sunco: " + e.Op)
	if e.target != "" {
		if e.Op != "" {
			b.WriteString(": ")
		}
		b.WriteString(e.target)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Status != 0 {
		status := strconv.Itoa(e.Status)
		if text := http.StatusText(e.Status); text != "" {
			status += " " + text
		}
		if e.Err != nil {
			b.WriteString(" (last status " + status + ")")
		} else {
			b.WriteString(": " + status)
		}
	}
	for _, part := range []string{e.Code, e.Title} {
		if part != "" {
			b.WriteString(": " + part)
		}
	}
	if e.RequestID != "" {
		b.WriteString(" (request " + e.RequestID + ")")
	}
	return b.String()
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// Is matches the sentinels of this package by status and by host.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrUnauthorized:
		return e.refused(http.StatusUnauthorized) && e.by != byOther
	case ErrForbidden:
		return e.refused(http.StatusForbidden) && e.by != byOther
	case ErrNotFound:
		return e.refused(http.StatusNotFound) && e.by != byOther
	case ErrMoved:
		var dns *net.DNSError
		return e.tenant && (errors.As(e.Err, &dns) && dns.IsNotFound ||
			e.refused(http.StatusNotFound) && e.by != byAPI)
	}
	return false
}

// refused reports whether a complete reply with this status is the failure.
func (e *Error) refused(status int) bool { return e.Status == status && e.Err == nil }

// AmbiguousError says that a call may have happened: the request may have
// reached Zendesk, and no answer settled it. Call an update, a deletion or a
// revocation again. An exchange cannot be repeated, because its code may be
// spent: let the customer connect again. After a creation, list first, as
// [Client.EnsureWebhook] does.
type AmbiguousError struct {
	Op  string // the operation
	Err error  // what is known: an [*Error], a [*RateLimitError], or two errors

	repeat bool // it comes to the same however often it is done
}

// Error implements error.
func (e *AmbiguousError) Error() string {
	advice := "it may have happened"
	switch {
	case e.Op == opExchange:
		advice = "the code may be spent, let the customer connect again"
	case e.Op == opCreateWebhook, e.Op == opEnsureWebhook:
		advice = "the webhook may exist, call EnsureWebhook"
	case e.repeat:
		advice = "call again"
	}
	reason := strings.TrimPrefix(fmt.Sprint(e.Err), "sunco: ")
	return fmt.Sprintf("sunco: %s: outcome unknown, %s: %s", e.Op, advice, reason)
}

// Unwrap returns e.Err.
func (e *AmbiguousError) Unwrap() error { return e.Err }

// RateLimitError says that Zendesk asked to slow down, with status 429, or 503
// and Retry-After, and that the call gave up: it was tried several times, or the
// wait is longer than a call waits or than its context lasts. Nothing happened,
// unless it stands inside an [*AmbiguousError].
type RateLimitError struct {
	RetryAfter time.Duration // how long Zendesk asked to wait; 0: it did not say
	Err        *Error
}

// Error implements error.
func (e *RateLimitError) Error() string {
	if e.RetryAfter == 0 {
		return fmt.Sprintf("%v: rate limited", e.Err)
	}
	return fmt.Sprintf("%v: rate limited, retry after %v", e.Err, e.RetryAfter)
}

// Unwrap returns e.Err.
func (e *RateLimitError) Unwrap() error {
	if e.Err == nil {
		return nil
	}
	return e.Err
}

// WebhookLimitError says that the integration already has as many webhooks as
// it may. Delete one of Existing that is no longer used.
type WebhookLimitError struct {
	Existing []Webhook // the integration's webhooks, none of which has the wanted target
	Err      error     // Zendesk's refusal, an [*Error]
}

// Error implements error.
func (e *WebhookLimitError) Error() string {
	return fmt.Sprintf("sunco: %s: the integration already has %d webhooks, delete one: %s",
		opEnsureWebhook, len(e.Existing), strings.TrimPrefix(fmt.Sprint(e.Err), "sunco: "))
}

// Unwrap returns e.Err.
func (e *WebhookLimitError) Unwrap() error { return e.Err }

// InputError says which argument or field of configuration cannot be used, and
// why. Nothing was sent.
type InputError struct {
	Name   string // what is wrong, "subdomain" for example
	Reason string // what is wrong with it; never its value
}

// Error implements error.
func (e *InputError) Error() string { return "sunco: " + e.Name + ": " + e.Reason }

// AuthorizationError is the error that came back to the redirect URI instead
// of a code (RFC 6749, section 4.1.2.1). A browser delivered it, so its text
// proves nothing and is not for showing.
type AuthorizationError struct {
	Code        string // "access_denied" when the customer pressed Deny
	Description string // shortened; often empty
}

// Error implements error. It leaves the description out.
func (e *AuthorizationError) Error() string { return "sunco: authorize: " + e.Code }

// Is matches [ErrAccessDenied].
func (e *AuthorizationError) Is(target error) bool {
	return target == ErrAccessDenied && e.Code == "access_denied"
}
