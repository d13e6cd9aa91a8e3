package sunco_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

const errorBody = `{"errors":[{"code":"bad_thing","title":"A thing is bad"},{"code":"worse","title":"Another"}]}`

// tries is how often a call of a kind is sent, and whether its outcome is
// unknown, by the retry classes of internal/transport.
func tries(kind string, status int) (requests int, unknown bool) {
	repeatable := !slices.Contains([]string{"once", "create"}, kind)
	switch {
	case status == 429 && kind == "once":
		return 3, false
	case status == 429:
		return 4, false
	case (status == 408 || status == 425) && repeatable:
		return 4, false
	case status >= 500 && status != 501 && kind == "read":
		return 4, false
	case status >= 500 && status != 501 && repeatable:
		return 4, true
	case status >= 500 && status != 501:
		return 1, true
	}
	return 1, false
}

func TestStatusOfEveryCall(t *testing.T) {
	details := []sunco.ErrorDetail{{Code: "bad_thing", Title: "A thing is bad"}, {Code: "worse", Title: "Another"}}
	for _, status := range []int{
		300, 301, 304, 307, 400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 413, 415, 418, 422, 423, 425, 429, 431,
		451, 499, 500, 501, 502, 503, 504, 505, 507, 599,
	} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			eachOperation(t, func(t *testing.T, op operation) {
				if op.name == "revoke" && status == 401 {
					return // see TestRevoke
				}
				w := always(status, errorBody, "X-Request-Id", "req-1")
				err := op.run(t.Context(), newClient(w), acme())
				failed := requireError(t, err)
				requests, unknown := tries(op.kind, status)
				assert.Equal(t, requests, w.count())
				assert.Equal(t, unknown, ambiguous(err))
				assert.Equal(t, status == 429, errors.As(err, new(*sunco.RateLimitError)))
				assert.Equal(t, status, failed.Status)
				assert.Equal(t, "bad_thing", failed.Code)
				assert.Equal(t, "A thing is bad", failed.Title)
				assert.Equal(t, details, failed.Details)
				assert.Equal(t, "req-1", failed.RequestID)
				assert.NoError(t, failed.Err)
				for _, part := range []string{"sunco: ", strconv.Itoa(status), "bad_thing", "A thing is bad", "req-1"} {
					assert.ErrorContains(t, err, part)
				}
				assert.Equal(t, status == 401, errors.Is(err, sunco.ErrUnauthorized))
				assert.Equal(t, status == 403, errors.Is(err, sunco.ErrForbidden))
				assert.Equal(t, status == 404, errors.Is(err, sunco.ErrNotFound))
				assert.NotErrorIs(t, err, sunco.ErrMoved, "an error of Zendesk's is not a host that moved")
				assert.NotErrorIs(t, err, sunco.ErrBadReply)
			})
		})
	}
}

func TestLostAnswers(t *testing.T) {
	for name, fault := range map[string]error{
		"EOF":            io.EOF,
		"unexpected EOF": io.ErrUnexpectedEOF,
		"reset":          &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")},
		"timeout":        &net.OpError{Op: "read", Net: "tcp", Err: errTimeout{}},
	} {
		t.Run(name, func(t *testing.T) {
			eachOperation(t, func(t *testing.T, op operation) {
				w := failing(fault)
				err := op.run(t.Context(), newClient(w), acme())
				failed := requireError(t, err)
				requests, unknown := tries(op.kind, 500)
				assert.Equal(t, requests, w.count())
				assert.Equal(t, unknown, ambiguous(err))
				assert.Zero(t, failed.Status)
				assert.Error(t, failed.Err)
			})
		})
	}
}

type errTimeout struct{}

func (errTimeout) Error() string   { return "i/o timeout" }
func (errTimeout) Timeout() bool   { return true }
func (errTimeout) Temporary() bool { return true }

func TestUnsentIsTriedAgain(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	eachOperation(t, func(t *testing.T, op operation) {
		w := failing(refused)
		err := op.run(t.Context(), newClient(w), acme())
		require.Error(t, err)
		assert.False(t, ambiguous(err), "nothing was sent")
		want := 4
		if op.kind == "once" {
			want = 3
		}
		assert.Equal(t, want, w.count())
	})
}

func TestNameThatDoesNotExist(t *testing.T) {
	eachOperation(t, func(t *testing.T, op operation) {
		w := failing(noSuchHost())
		err := op.run(t.Context(), newClient(w), acme())
		require.Error(t, err)
		assert.Equal(t, 1, w.count())
		assert.False(t, ambiguous(err))
		assert.Equal(t, op.tenant(), errors.Is(err, sunco.ErrMoved), "only a customer's host moves")
	})
}

// Whose answer a 404 is decides what it says: about the thing, or the host.
func TestMoved(t *testing.T) {
	for name, tc := range map[string]struct {
		body            string
		moved, notFound bool
	}{
		"empty":           {"", true, true},
		"text":            {"not here", true, true},
		"sentence":        {`{"error":"Couldn't find you"}`, true, true},
		"HTML":            {"<html>No help desk at acme.zendesk.com</html>", true, false},
		"other JSON":      {`{"message":"x"}`, true, false},
		"front servers":   {`{"error":{"title":"No help desk at acme.zendesk.com","message":"x"}}`, true, false},
		"empty error":     {`{"error":{}}`, true, false},
		"no JSON":         {`{"errors":[{"code":"x"`, true, false},
		"Zendesk's error": {errorBody, false, true},
		"number":          {`{"errors":[{"code":404,"title":"x"}]}`, false, true},
		"v1":              {`{"error":{"code":"not_found","description":"x"}}`, false, true},
		"RFC 6749":        {`{"error":"not_found"}`, false, true},

		"white space":             {" \r\n\t", true, true},
		"byte order mark":         {"\ufeff", true, true},
		"HTML, marked":            {" \ufeff\n<html>", true, false},
		"Zendesk's, marked":       {"\ufeff" + errorBody, false, true},
		"text, marked":            {"\ufeffnot here", true, true},
		"JSON string":             {`"not_found"`, true, false},
		"JSON string cut short":   {`"not_fou`, true, false},
		"array":                   {`[{"code":"x"}]`, true, false},
		"array cut short":         {`[{"code":"x"`, true, false},
		"number alone":            {`404`, true, false},
		"null":                    {`null`, true, false},
		"empty object":            {`{}`, true, false},
		"blank error":             {`{"error":" "}`, true, false},
		"error that says nothing": {`{"error":"","errors":[],"code":"x"}`, true, false},
		"word in capitals":        {`{"error":"NotFound"}`, true, true},
		"word with a hyphen":      {`{"error":"not-found"}`, true, true},
		"dotted word":             {`{"error":"app.not_found.2"}`, false, true},
		"number as an error":      {`{"error":404}`, true, false},
		"number inside an error":  {`{"error":{"code":404,"message":"x","status":"NOT_FOUND"}}`, true, false},
		"list inside an error":    {`{"error":{"code":["x"]}}`, true, false},
		"blank code":              {`{"errors":[{"code":" ","title":"x"}]}`, true, false},
		"no code":                 {`{"errors":[{"title":"x"}]}`, true, false},
		"words for errors":        {`{"errors":["not_found"]}`, true, false},
		"sentences for errors":    {`{"errors":["It is not here"]}`, true, false},
		"second has the code":     {`{"errors":[{"title":"x"},{"code":"not_found"}]}`, true, false},
		"errors is an object":     {`{"errors":{"code":"not_found"}}`, true, false},
		"list and word":           {`{"errors":[{"title":"x"}],"error":"not_found"}`, false, true},
		"list and sentence":       {`{"errors":[{"code":"x"}],"error":"It is not here"}`, false, true},
		"too long":                {errorBody + strings.Repeat(" ", 64<<10), true, false},
		"other case":              {`{"Errors":[{"code":"x"}],"Error":"not_found"}`, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			eachOperation(t, func(t *testing.T, op operation) {
				err := op.run(t.Context(), newClient(always(404, tc.body)), acme())
				assert.Equal(t, tc.moved, requireError(t, err).Code == "", "only the API's errors have a code")
				assert.Equal(t, tc.moved && op.tenant(), errors.Is(err, sunco.ErrMoved))
				assert.Equal(t, tc.notFound, errors.Is(err, sunco.ErrNotFound))
			})
		})
	}
}

// A page says nothing about a token, whatever its status.
func TestWhoseRefusalItIs(t *testing.T) {
	sentinels := map[int]error{401: sunco.ErrUnauthorized, 403: sunco.ErrForbidden, 404: sunco.ErrNotFound}
	for kind, tc := range map[string]struct {
		body string
		want bool
	}{
		"Zendesk's":     {errorBody, true},
		"bare":          {"", true},
		"text":          {"no", true},
		"sentence":      {`{"error":"Couldn't authenticate you"}`, true},
		"page":          {"<html>", false},
		"front servers": {`{"error":{"title":"x","message":"y"}}`, false},
		"too long":      {errorBody + strings.Repeat(" ", 64<<10), false},
	} {
		for status, sentinel := range sentinels {
			t.Run(kind+"/"+strconv.Itoa(status), func(t *testing.T) {
				_, err := newClient(always(status, tc.body)).TokenInfo(t.Context(), acme().Token)
				for _, other := range sentinels {
					assert.Equal(t, tc.want && other == sentinel, errors.Is(err, other), "%v", other)
				}
			})
		}
	}
}

// A DNS server that does not answer says nothing about the name.
func TestDNSTimeoutIsNotMoved(t *testing.T) {
	for name, dns := range map[string]*net.DNSError{
		"timeout": {Err: "i/o timeout", IsTimeout: true}, "busy": {Err: "server misbehaving", IsTemporary: true},
	} {
		inBubble(t, name, func(t *testing.T) {
			w := failing(&net.OpError{Op: "dial", Net: "tcp", Err: dns})
			_, err := newClient(w).ListWebhooks(t.Context(), acme())
			require.Error(t, err)
			assert.NotErrorIs(t, err, sunco.ErrMoved)
			assert.Equal(t, 4, w.count())
		})
	}
}

// Both are said: the first attempt may have happened, and Zendesk asks to slow down.
func TestLostThenRateLimited(t *testing.T) {
	for _, op := range operations() {
		if op.kind != "repeat" {
			continue
		}
		inBubble(t, op.name, func(t *testing.T) {
			w := script(t, step{err: io.EOF}, step{status: 429, header: []string{"Retry-After", "3600"}})
			err := op.run(t.Context(), newClient(w), acme())
			assert.True(t, ambiguous(err))
			var limited *sunco.RateLimitError
			require.ErrorAs(t, err, &limited)
			assert.Equal(t, time.Hour, limited.RetryAfter)
			assert.ErrorContains(t, err, "call again")
		})
	}
}

func TestRetryAfter(t *testing.T) {
	const day = 24 * time.Hour
	date := func(after time.Duration) string { return time.Now().Add(after).UTC().Format(http.TimeFormat) }
	for _, tc := range []struct {
		name   string
		status int
		after  func() string
		asked  time.Duration // what the error must say
		giveUp bool          // at the first answer
	}{
		{"429 seconds", 429, func() string { return "2" }, 2 * time.Second, false},
		{"429 absent", 429, func() string { return "" }, 0, false},
		{"429 date", 429, func() string { return date(3 * time.Second) }, 3 * time.Second, false},
		{"429 a day", 429, func() string { return "86400" }, day, true},
		{"429 a day's date", 429, func() string { return date(day) }, day, true},
		{"429 overflow", 429, func() string { return "99999999999999999999" }, 1<<63 - 1, true},
		{"429 nanoseconds overflow", 429, func() string { return "9223372036" }, 1<<63 - 1, true},
		{"429 negative", 429, func() string { return "-1" }, 0, false},
		{"429 fraction", 429, func() string { return "1.5" }, 2 * time.Second, false},
		{"429 garbage", 429, func() string { return "soon" }, 0, false},
		{"429 past", 429, func() string { return date(-day) }, 0, false},
		{"503 seconds", 503, func() string { return "2" }, 2 * time.Second, false},
		{"503 absent", 503, func() string { return "" }, 0, false},
		{"503 a day", 503, func() string { return "86400" }, day, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eachOperation(t, func(t *testing.T, op operation) {
				if tc.status == 503 && (op.kind == "once" || op.kind == "create") {
					return // not repeated at all
				}
				w := &wire{answer: func(int, sentRequest) (*http.Response, error) {
					return response(tc.status, "", "Retry-After", tc.after()), nil
				}}
				began := time.Now()
				err := op.run(t.Context(), newClient(w), acme())
				waited := time.Since(began)
				requests, _ := tries(op.kind, tc.status)
				if tc.giveUp {
					requests = 1
					assert.Zero(t, waited)
				}
				assert.Equal(t, requests, w.count())
				most := time.Minute
				if op.kind == "once" {
					most = 10 * time.Second
				}
				assert.LessOrEqual(t, waited, most)
				var limited *sunco.RateLimitError
				if tc.status == 503 && tc.asked == 0 {
					assert.False(t, errors.As(err, &limited))
					return
				}
				require.ErrorAs(t, err, &limited)
				assert.Equal(t, tc.status, limited.Err.Status)
				assert.InDelta(t, tc.asked, limited.RetryAfter, float64(time.Second))
				if !tc.giveUp {
					assert.GreaterOrEqual(t, waited, time.Duration(requests-1)*max(limited.RetryAfter-time.Second, 0))
				}
				assert.ErrorContains(t, err, "rate limited")
			})
		})
	}
}

func TestRetryAfterBetweenTheCaps(t *testing.T) {
	eachOperation(t, func(t *testing.T, op operation) {
		w := script(t, step{status: 429, header: []string{"Retry-After", "11"}}, op.good)
		began := time.Now()
		err := op.run(t.Context(), newClient(w), acme())
		if op.kind == "once" {
			assert.ErrorAs(t, err, new(*sunco.RateLimitError), "an exchange waits 10 s at most")
			assert.Equal(t, 1, w.count())
			return
		}
		require.NoError(t, err)
		assert.Equal(t, 11*time.Second, time.Since(began))
	})
}

func TestContextEndedBefore(t *testing.T) {
	eachOperation(t, func(t *testing.T, op operation) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := op.run(ctx, newClient(silent(t)), acme())
		assert.ErrorIs(t, err, context.Canceled)
		assert.False(t, ambiguous(err))
	})
}

func TestContextEndsInAnAttempt(t *testing.T) {
	eachOperation(t, func(t *testing.T, op operation) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := op.run(ctx, newClient(hanging{}), acme())
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, op.kind != "read", ambiguous(err))
		assert.Equal(t, time.Second, time.Since(began))
	})
}

func TestContextEndsBetweenAttempts(t *testing.T) {
	eachOperation(t, func(t *testing.T, op operation) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		w := always(429, errorBody, "Retry-After", "5", "X-Request-Id", "req-9")
		began := time.Now()
		err := op.run(ctx, newClient(w), acme())
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, time.Second, time.Since(began))
		failed := requireError(t, err)
		assert.Equal(t, 429, failed.Status, "the last status is kept")
		assert.Equal(t, "req-9", failed.RequestID)
		assert.Equal(t, "bad_thing", failed.Code)
		assert.False(t, ambiguous(err), "429 did nothing")
		assert.Equal(t, 1, w.count())
	})
}

func TestContextWillEndBeforeTheWaitDoes(t *testing.T) {
	eachOperation(t, func(t *testing.T, op operation) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w := always(429, errorBody, "Retry-After", "5", "X-Request-Id", "req-9")
		began := time.Now()
		err := op.run(ctx, newClient(w), acme())
		assert.Zero(t, time.Since(began), "the caller learns it while there is time")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		var limited *sunco.RateLimitError
		require.ErrorAs(t, err, &limited)
		assert.Equal(t, 5*time.Second, limited.RetryAfter)
		assert.Equal(t, 429, limited.Err.Status)
		assert.Equal(t, "req-9", limited.Err.RequestID)
		assert.Equal(t, "bad_thing", limited.Err.Code)
		assert.False(t, ambiguous(err))
		assert.Equal(t, 1, w.count())
	})
}

func TestLaterAttemptIsLost(t *testing.T) {
	eachOperation(t, func(t *testing.T, op operation) {
		requests, unknown := tries(op.kind, 500)
		if requests == 1 {
			return
		}
		w := &wire{answer: func(n int, _ sentRequest) (*http.Response, error) {
			if n > 1 {
				return nil, io.ErrUnexpectedEOF
			}
			return response(500, errorBody, "X-Request-Id", "req-9"), nil
		}}
		err := op.run(t.Context(), newClient(w), acme())
		failed := requireError(t, err)
		assert.Equal(t, 500, failed.Status)
		assert.Equal(t, "bad_thing", failed.Code)
		assert.Equal(t, "req-9", failed.RequestID)
		assert.Equal(t, unknown, ambiguous(err))
	})
}

func TestContextWithoutAnEnd(t *testing.T) {
	eachOperation(t, func(t *testing.T, op operation) {
		began := time.Now()
		err := op.run(t.Context(), newClient(hanging{}), acme())
		assert.NotErrorIs(t, err, context.DeadlineExceeded, "the caller's context has not ended")
		requests, unknown := tries(op.kind, 500)
		assert.Equal(t, unknown, ambiguous(err))
		assert.GreaterOrEqual(t, time.Since(began), time.Duration(requests)*30*time.Second)
		assert.Less(t, time.Since(began), time.Duration(requests)*30*time.Second+2*time.Second)
	})
}

// hanging answers nothing until the context of the request ends.
type hanging struct{}

func (hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestAmbiguityAndContextAreJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := &wire{answer: func(n int, _ sentRequest) (*http.Response, error) {
			time.AfterFunc(time.Nanosecond, cancel)
			return response(500, errorBody), nil
		}}
		err := newClient(w).DeleteWebhook(ctx, acme(), testHook)
		assert.ErrorIs(t, err, context.Canceled)
		assert.True(t, ambiguous(err), "the first attempt may have done it")
		assert.Equal(t, 500, requireError(t, err).Status)
	})
}

func TestErrorTexts(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{&sunco.Error{Op: "revoke", Status: 403}, "sunco: revoke: 403 Forbidden"},
		{&sunco.Error{Op: "revoke", Status: 499}, "sunco: revoke: 499"},
		{&sunco.Error{Op: "revoke", Err: io.EOF}, "sunco: revoke: EOF"},
		{
			&sunco.Error{Op: "revoke", Status: 500, Err: io.EOF},
			"sunco: revoke: EOF (last status 500 Internal Server Error)",
		},
		{
			&sunco.Error{Op: "get", Status: 400, Code: "c", Title: "T", RequestID: "r"},
			"sunco: get: 400 Bad Request: c: T (request r)",
		},
		{
			&sunco.AmbiguousError{Op: "create webhook", Err: io.EOF},
			"sunco: create webhook: outcome unknown, the webhook may exist, call EnsureWebhook: EOF",
		},
		{
			&sunco.AmbiguousError{Op: "ensure webhook", Err: io.EOF},
			"sunco: ensure webhook: outcome unknown, the webhook may exist, call EnsureWebhook: EOF",
		},
		{
			&sunco.AmbiguousError{Op: "post message", Err: io.EOF},
			"sunco: post message: outcome unknown, it may have happened: EOF",
		},
		{
			&sunco.AmbiguousError{Op: "exchange", Err: io.EOF},
			"sunco: exchange: outcome unknown, the code may be spent, let the customer connect again: EOF",
		},
		{
			&sunco.RateLimitError{Err: &sunco.Error{Op: "get", Status: 429}},
			"sunco: get: 429 Too Many Requests: rate limited",
		},
		{
			&sunco.RateLimitError{RetryAfter: time.Minute, Err: &sunco.Error{Op: "get", Status: 429}},
			"sunco: get: 429 Too Many Requests: rate limited, retry after 1m0s",
		},
		{
			&sunco.AuthorizationError{Code: "access_denied", Description: "hidden"},
			"sunco: authorize: access_denied",
		},
		{&sunco.InputError{Name: "token", Reason: "empty"}, "sunco: token: empty"},
	} {
		assert.Equal(t, tc.want, tc.err.Error())
	}
}

// Partners make these in their own tests.
func TestErrorsMadeByHand(t *testing.T) {
	for _, err := range []error{
		&sunco.Error{}, &sunco.AmbiguousError{}, &sunco.RateLimitError{}, &sunco.RateLimitError{RetryAfter: 1},
		&sunco.WebhookLimitError{}, &sunco.InputError{}, &sunco.AuthorizationError{},
		&sunco.AuthorizationError{Code: "access_denied"},
	} {
		assert.NotPanics(t, func() { assert.NotEmpty(t, err.Error()) })
		assert.NotPanics(t, func() { assert.NotErrorIs(t, err, sunco.ErrUnauthorized) })
	}
}
