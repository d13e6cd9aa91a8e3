package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every cell of the table, in the order exchange, create, update, delete, revoke,
// read. r: tried again to the end. R: likewise, and it may have happened. s: stop.
// S: stop, and it may have happened. Reads never may have happened.
func TestEveryFaultOfEveryClass(t *testing.T) {
	dns := func(e net.DNSError) error { return dialError(&e) }
	table := []struct {
		fault string
		step  step
		want  string
	}{
		{"refused", connecting(errRefused), "rrrrrr"},
		{"dial timeout", connecting(dialError(os.ErrDeadlineExceeded)), "rrrrrr"},
		{"temporary DNS", connecting(dns(net.DNSError{Err: "busy", IsTemporary: true})), "rrrrrr"},
		{"TLS reset", connecting(errReset), "rrrrrr"},
		{"TLS eof", connecting(io.EOF), "rrrrrr"},
		{"refused, no trace", fails(errRefused), "rrrrrr"},
		{"DNS, no trace", fails(&net.DNSError{Err: "busy", IsTimeout: true}), "rrrrrr"},

		{"no such name", connecting(dns(net.DNSError{IsNotFound: true})), "ssssss"},
		{"no such name, no trace", fails(&net.DNSError{IsNotFound: true}), "ssssss"},
		{"bad certificate", connecting(&tls.CertificateVerificationError{Err: x509.HostnameError{}}), "ssssss"},
		{"unknown authority", connecting(x509.UnknownAuthorityError{}), "ssssss"},
		{"plain http", connecting(tls.RecordHeaderError{RecordHeader: [5]byte{'H', 'T', 'T', 'P', '/'}}), "ssssss"},
		{"scheme mismatch", connecting(http.ErrSchemeMismatch), "ssssss"},

		{"reset", connected(fails(errReset)), "SSRRRr"},
		{"eof", connected(fails(io.EOF)), "SSRRRr"},
		{"dial error after a connection", connected(fails(errRefused)), "SSRRRr"},
		{"timeout", connected(hangs), "SSRRRr"},
		{"truncated 200", connected(repliesWith(200, cut)), "SSRRRr"},
		{"truncated 500", connected(repliesWith(500, cut)), "SSRRRr"},
		{"truncated 400", connected(repliesWith(400, cut)), "ssrrrr"},
		{"truncated 429", connected(repliesWith(429, cut)), "rrrrrr"},
		{"reset, no trace", fails(errReset), "SSRRRr"},
		{"anything, no trace", fails(errMine), "SSRRRr"},
		{"bad certificate, no trace", fails(x509.UnknownAuthorityError{}), "SSSSSs"},
		{"nothing at all", fails(nil), "SSRRRr"},
		{"protocol change", connected(replies(101)), "SSRRRr"},

		{"408", replies(408), "ssrrrr"},
		{"425", replies(425), "ssrrrr"},
		{"429", replies(429), "rrrrrr"},
		{"429 with wait", replies(429, "Retry-After", "1"), "rrrrrr"},
		{"503 with wait", replies(503, "Retry-After", "1"), "SSRRRr"},
		{"501", replies(501), "ssssss"},
	}
	for _, s := range []int{500, 502, 503, 504, 507, 520, 599} {
		table = append(table, struct {
			fault string
			step  step
			want  string
		}{fmt.Sprint(s), replies(s), "SSRRRr"})
	}
	for _, s := range []int{200, 201, 204, 300, 301, 302, 303, 304, 307, 308,
		400, 401, 403, 404, 405, 409, 410, 412, 413, 415, 422, 423, 451} {
		table = append(table, struct {
			fault string
			step  step
			want  string
		}{fmt.Sprint(s), replies(s, "Location", "https://evil.example/"), "ssssss"})
	}
	for _, row := range table {
		for i, class := range classes() {
			t.Run(row.fault+"/"+name(class), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { checkCell(t, row.step, row.want[i], class) })
			})
		}
	}
}

func checkCell(t *testing.T, step step, want byte, class Class) {
	s := play(step)
	reply, err := do(t, s, class)
	most := map[bool]int{true: 3, false: 4}[class == Exchange]
	if want == 's' || want == 'S' {
		most = 1
	}
	assert.Len(t, s.at, most, "attempts")
	assert.Equal(t, want == 'R' || want == 'S', reply.MaybeApplied, "maybe applied")
	waited := reply.Status == 503 && reply.RetryAfter > 0 && most > 1
	assert.Equal(t, reply.Status == 429 || waited, reply.RateLimited, "rate limited")
	if err == nil {
		assert.NotZero(t, reply.Status)
		assert.Equal(t, `{"a":1}`, string(reply.Body))
	} else {
		assert.Nil(t, reply.Body)
		assert.NotErrorIs(t, err, context.DeadlineExceeded)
	}
	if len(callTo(class).Body) > 0 {
		for _, b := range s.sent {
			assert.Equal(t, "body", b)
		}
		assert.Len(t, s.sent, most)
	}
}

// A fault that is no longer there: the reply of the next attempt counts, and what
// may have happened before is still said.
func TestSuccessAfterAFault(t *testing.T) {
	table := []struct {
		class Class
		first step
		maybe bool
	}{
		{Exchange, connecting(errRefused), false},
		{Exchange, replies(429), false},
		{Create, fails(errRefused), false},
		{Update, connected(fails(errReset)), true},
		{Delete, replies(502), true},
		{Revoke, replies(408), false},
		{Read, replies(500), false},
	}
	for _, row := range table {
		synctest.Test(t, func(t *testing.T) {
			s := play(row.first, connected(replies(201, "X-A", "b")))
			reply, err := do(t, s, row.class)
			require.NoError(t, err)
			assert.Len(t, s.at, 2)
			assert.Equal(t, 201, reply.Status)
			assert.Equal(t, "b", reply.Header.Get("X-A"))
			assert.Equal(t, row.maybe, reply.MaybeApplied)
			assert.False(t, reply.RateLimited)
		})
	}
}

// Ambiguity is not forgotten when a later attempt fails cleanly.
func TestFaultAfterAFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(replies(500, "X-A", "b"), connecting(errRefused))
		reply, err := do(t, s, Delete)
		require.ErrorIs(t, err, errRefused)
		assert.Equal(t, 500, reply.Status)
		assert.Equal(t, "b", reply.Header.Get("X-A"))
		assert.True(t, reply.MaybeApplied)
		assert.Equal(t, `{"a":1}`, string(reply.Body), "of the reply whose status it is")
		assert.Len(t, s.at, 4)
	})
}

// A reply is what came last, and nothing of what came before is left in it.
func TestReplyAfterAReply(t *testing.T) {
	long := func(req *http.Request) (*http.Response, error) {
		resp, err := replies(500)(req)
		resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(strings.Repeat("x", refusalLimit+1))), -1
		return resp, err
	}
	broken := func(req *http.Request) (*http.Response, error) {
		resp, err := replies(503)(req)
		resp.Body, resp.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader("x"), iotest.ErrReader(io.ErrUnexpectedEOF))), -1
		return resp, err
	}
	synctest.Test(t, func(t *testing.T) {
		reply, err := do(t, play(long, replies(200)), Read)
		require.NoError(t, err)
		assert.False(t, reply.TooLarge)
		reply, err = do(t, play(replies(500), broken), Read)
		require.Error(t, err)
		assert.Equal(t, 503, reply.Status)
		assert.Nil(t, reply.Body, "that of the 500 is not that of the 503")
	})
}

// A create that was refused once and lost the second time stops there.
func TestUnsentThenLost(t *testing.T) {
	for _, class := range []Class{Exchange, Create} {
		synctest.Test(t, func(t *testing.T) {
			s := play(connecting(errRefused), connected(fails(io.EOF)))
			reply, err := do(t, s, class)
			require.ErrorIs(t, err, io.EOF)
			assert.True(t, reply.MaybeApplied)
			assert.Len(t, s.at, 2)
		})
	}
}

// A callback that comes late belongs to its own attempt and does not make a
// second one look unsent or sent.
func TestLateTraceOfAnEarlierAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var late func(string)
		s := play(
			func(req *http.Request) (*http.Response, error) {
				late = httptrace.ContextClientTrace(req.Context()).GetConn
				return nil, errRefused
			},
			func(*http.Request) (*http.Response, error) {
				late("api.example:443")
				return nil, errReset
			})
		reply, err := do(t, s, Exchange)
		require.ErrorIs(t, err, errReset)
		assert.True(t, reply.MaybeApplied, "the second attempt reported nothing")
		assert.Len(t, s.at, 2)
	})
}

// Full jitter: from nothing to a bound that doubles, and all of it is used.
func TestJitter(t *testing.T) {
	for n, bound := range map[int]time.Duration{1: 200 * time.Millisecond, 2: 400 * time.Millisecond, 3: 800 * time.Millisecond} {
		low, high := time.Hour, time.Duration(0)
		for range 5000 {
			d := jitter(n)
			low, high = min(low, d), max(high, d)
		}
		assert.GreaterOrEqual(t, low, time.Duration(0))
		assert.Less(t, low, bound/20)
		assert.LessOrEqual(t, high, bound)
		assert.Greater(t, high, bound-bound/20)
	}
	synctest.Test(t, func(t *testing.T) {
		s := play(replies(500))
		for range 50 {
			s.at = nil
			_, err := do(t, s, Read)
			require.NoError(t, err)
			for i, w := range s.waits() {
				assert.LessOrEqual(t, w, 200*time.Millisecond<<i)
			}
		}
	})
}

// net/http may move a body to another connection, but not one that is sent once.
func TestBodyForAnotherConnection(t *testing.T) {
	for _, class := range []Class{Update, Create, Exchange} {
		s := play(func(req *http.Request) (*http.Response, error) {
			assert.EqualValues(t, 4, req.ContentLength)
			if class == Exchange {
				assert.Nil(t, req.GetBody)
				return replies(200)(req)
			}
			for range 2 {
				r, err := req.GetBody()
				require.NoError(t, err)
				b, err := io.ReadAll(r)
				require.NoError(t, err)
				assert.Equal(t, "body", string(b))
				require.NoError(t, r.Close())
			}
			return replies(200)(req)
		})
		_, err := do(t, s, class)
		require.NoError(t, err)
	}
}
