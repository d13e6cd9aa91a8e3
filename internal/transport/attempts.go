package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// attempts is one call on its way: all of its state in one allocation. It is
// also the RoundTripper that retryablehttp's client uses, so that whatever
// happens in an attempt is known to the decision about the next one.
type attempts struct {
	client *Client
	ctx    context.Context
	call   *Call
	base   http.RoundTripper
	url    url.URL
	retry  retryablehttp.Client
	http   http.Client
	seen   http.Response // all that net/http and retryablehttp get to see

	n      int     // the attempt under way, from 1
	first  attempt // each later one has memory of its own
	last   outcome
	err    error         // of the last attempt
	wait   time.Duration // before the next one
	waited time.Duration
	reply  Reply
}

// checkRetry is called after each attempt. The wait is chosen here and not in
// backoff, because a wait that is too long ends the call.
func (a *attempts) checkRetry(context.Context, *http.Response, error) (bool, error) {
	class := a.call.Class
	if class.maybeApplied(a.last) {
		a.reply.MaybeApplied = true
	}
	again := class.retries(a.last)
	if again {
		again = a.plan()
	}
	a.log(again)
	return again, nil
}

// plan chooses the wait before the next attempt. It reports false when there is
// no attempt left, or not enough patience: the class's, or that of the context.
// A server's wish that outlasts the context is told at once, while the caller
// can still use it.
func (a *attempts) plan() bool {
	var asked time.Duration
	limited := a.last.status == http.StatusTooManyRequests
	if limited || a.last.status == http.StatusServiceUnavailable {
		asked = a.reply.RetryAfter
	}
	class := a.call.Class
	left := class.patience() - a.waited
	if deadline, ok := a.ctx.Deadline(); ok && asked > 0 && asked > time.Until(deadline) && a.n < class.attempts() {
		a.err, a.reply.RateLimited = errOutlasts, true
		return false
	}
	a.wait = max(asked, backoff(a.n, limited && asked == 0))
	if asked <= left && a.wait <= left && a.n < class.attempts() {
		a.waited += a.wait
		return true
	}
	a.reply.RateLimited = limited || asked > 0
	return false
}

// backoff hands out what plan chose.
func (a *attempts) backoff(_, _ time.Duration, _ int, _ *http.Response) time.Duration {
	return a.wait
}

// result is the error of the call, given what retryablehttp returned.
func (a *attempts) result(err error) error {
	if err == nil {
		return a.err
	}
	if over := ended(a.ctx); over != nil { // perhaps while waiting
		return over
	}
	if a.err != nil {
		return a.err
	}
	return clean(err)
}

// log writes one line about the attempt that has just ended. It says nothing
// that a caller or a server chose, but the host.
func (a *attempts) log(again bool) {
	l := a.client.logger
	if l == nil || !l.Enabled(a.ctx, slog.LevelDebug) {
		return
	}
	attrs := [6]slog.Attr{
		slog.String("op", a.call.Op),
		slog.String("method", a.call.Method),
		slog.String("host", a.url.Host),
		slog.Int("attempt", a.n),
		slog.Int("status", a.last.status),
	}
	n := 5
	if a.last.fault != none {
		// Where there is both, the head came and the body did not.
		attrs[4] = slog.String("fault", a.last.fault.String())
	}
	if again {
		attrs[n] = slog.Duration("wait", a.wait)
		n++
	}
	l.LogAttrs(a.ctx, slog.LevelDebug, "attempt", attrs[:n]...)
}

// timeoutError is the error of an attempt that took too long while the caller's
// context had not ended; so it is none of the context's errors.
type timeoutError struct{}

func (timeoutError) Error() string   { return "no complete reply in time" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

var (
	errOutlasts = fmt.Errorf("the wait that the server asks for outlasts the context: %w", context.DeadlineExceeded)
	errNoReply  = errors.New("the RoundTripper returned neither a reply nor an error")
)
