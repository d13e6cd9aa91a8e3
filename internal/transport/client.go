// Package transport sends HTTP requests and repeats them only where that is
// safe: every call carries a [Class], and its class decides which faults are
// tried again, how often, and for how long. The attempts are made by
// go-retryablehttp; everything it would decide by itself is decided here.
package transport

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// maxAttempt bounds one attempt: connecting, the headers and the body.
const maxAttempt = 30 * time.Second

// Config is what a [Client] is made of. The zero value is usable.
type Config struct {
	// HTTPClient supplies the RoundTripper and, when it is shorter than 30
	// seconds, the time an attempt may take. Its Jar and CheckRedirect are not
	// used: no cookies are kept and no redirect is followed. It is never
	// modified and its idle connections are never closed. Without it, or
	// without a Transport in it, the package's own transport is used.
	//
	// A RoundTripper that ignores the context of its request cannot be made to
	// end in time.
	HTTPClient *http.Client
	// Logger gets one debug line per attempt. Nil: silent.
	Logger *slog.Logger
}

// Client sends calls. It is safe for concurrent use.
type Client struct {
	base     http.RoundTripper
	exchange func() http.RoundTripper // what class Once uses instead of base
	own      *http.Transport          // nil when the caller brought a RoundTripper
	timeout  time.Duration            // of one attempt
	logger   *slog.Logger
	none     http.Header // stays empty
}

// New makes a Client. It reads the configuration once and opens nothing.
func New(cfg Config) *Client {
	c := &Client{timeout: maxAttempt, logger: cfg.Logger, none: http.Header{}}
	if cfg.HTTPClient != nil {
		c.base = cfg.HTTPClient.Transport
		if t := cfg.HTTPClient.Timeout; t > 0 {
			c.timeout = min(t, maxAttempt)
		}
	}
	if c.base == nil {
		c.own = newTransport()
		c.base = c.own
	}
	c.exchange = sync.OnceValue(func() http.RoundTripper { return withoutKeepAlive(c.base) })
	return c
}

// CloseIdleConnections closes what the package's own transport keeps alive. It
// does nothing when the caller brought a RoundTripper.
func (c *Client) CloseIdleConnections() {
	if c.own == nil {
		return
	}
	c.own.CloseIdleConnections()
	if t, ok := c.exchange().(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}

// Call is one request and what may be done with it.
type Call struct {
	Class  Class
	Op     string // names the call in log lines
	Method string
	URL    url.URL
	// Header is sent with every attempt and not modified.
	Header http.Header

	// Body is sent anew on every attempt. It must stay as it is even after Do
	// returned: a server may answer before it has read everything.
	Body []byte
	// Open, when not nil, supplies the body instead. It is called for each
	// attempt, and the RoundTripper closes what it returns. An error of Open
	// ends the call without anything being sent by that attempt.
	Open func() (io.ReadCloser, error)
	// Length is the number of bytes Open yields. Zero or less: unknown.
	Length int64

	// Limit is how many bytes a 2xx reply may have after decompression. Other
	// replies may have 64 KiB.
	Limit int64
	// Out takes the body of a 2xx reply, Limit bytes at most, in place of
	// Reply.Body. Once something was written to it the call is not repeated.
	Out io.Writer
}

// Reply is what is known when a call has ended, also when it ended in an error.
type Reply struct {
	// Status of the last reply whose head was complete. Zero: none ever came.
	Status int
	// Header of that reply.
	Header http.Header
	// Body of that reply. Nil when it is too large, when Out took it, and when it
	// did not arrive whole.
	Body []byte
	// TooLarge: the body is longer than its limit. Out has then taken Limit bytes.
	TooLarge bool
	// MaybeApplied: some attempt of this call may have been acted upon and its
	// own outcome is unknown; a later attempt may still have succeeded. Never
	// set for class Read.
	MaybeApplied bool
	// RateLimited: given up because the server asked to slow down.
	RateLimited bool
	// RetryAfter is the wait the server asked for with that status, if it was
	// 429 or 503. What does not fit is math.MaxInt64.
	RetryAfter time.Duration
}

// Do sends a call, again where its class allows it. An error means that the
// last attempt brought no complete reply; the Reply says what is known all the
// same. Any final status is a reply, not an error. When ctx has ended the error is
// ctx.Err(). No error carries a URL, or a text that the server wrote.
func (c *Client) Do(ctx context.Context, call *Call) (Reply, error) {
	a := &attempts{client: c, ctx: ctx, call: call, url: call.URL, base: c.base}
	if call.Class == Once {
		a.base = c.exchange()
	}
	// The struct itself is the RoundTripper, and has no other method that
	// net/http looks for: retryablehttp closes all idle connections of its client
	// after a failure, and that must not reach the transport below.
	a.http.Transport = a
	a.retry.HTTPClient = &a.http
	a.retry.RetryMax = call.Class.attempts() - 1
	a.retry.CheckRetry = a.checkRetry
	a.retry.Backoff = a.backoff
	a.retry.ErrorHandler = retryablehttp.PassthroughErrorHandler

	// What is sent is put together anew for each attempt; this request is only
	// what carries the context through retryablehttp and net/http, which copy the
	// headers they are shown.
	req := &http.Request{Method: call.Method, URL: &a.url, Header: c.none}
	_, err := a.retry.Do(&retryablehttp.Request{Request: req.WithContext(ctx)})
	return a.reply, a.result(err)
}

// ended is ctx.Err(), and also tells a deadline that has passed but was not
// announced yet: dialling watches the deadline with a timer of its own.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if at, ok := ctx.Deadline(); ok && !time.Now().Before(at) {
		return context.DeadlineExceeded
	}
	return nil
}
