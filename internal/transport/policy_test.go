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

// Every cell of the table, in the order once, create, repeat, read. r: tried
// again to the end. R: likewise, and it may have happened. s: stop. S: stop, and
// it may have happened. Reads never may have happened.
func TestEveryFaultOfEveryClass(t *testing.T) {
	dns := func(e net.DNSError) error { return dialError(&e) }
	table := []struct {
		fault string
		step  step
		want  string
	}{
		{"refused", connecting(errRefused), "rrrr"},
		{"dial timeout", connecting(dialError(os.ErrDeadlineExceeded)), "rrrr"},
		{"temporary DNS", connecting(dns(net.DNSError{Err: "busy", IsTemporary: true})), "rrrr"},
		{"TLS reset", connecting(errReset), "rrrr"},
		{"TLS eof", connecting(io.EOF), "rrrr"},
		{"refused, no trace", fails(errRefused), "rrrr"},
		{"DNS, no trace", fails(&net.DNSError{Err: "busy", IsTimeout: true}), "rrrr"},

		{"no such name", connecting(dns(net.DNSError{IsNotFound: true})), "ssss"},
		{"no such name, no trace", fails(&net.DNSError{IsNotFound: true}), "ssss"},
		{"bad certificate", connecting(&tls.CertificateVerificationError{Err: x509.HostnameError{}}), "ssss"},
		{"unknown authority", connecting(x509.UnknownAuthorityError{}), "ssss"},
		{"certificate", connecting(&tls.CertificateVerificationError{Err: errMine}), "ssss"},
		{"certificate's host", connecting(x509.HostnameError{Certificate: &x509.Certificate{}}), "ssss"},
		{"certificate invalid", connecting(x509.CertificateInvalidError{}), "ssss"},
		{"certificate constrained", connecting(x509.ConstraintViolationError{}), "ssss"},
		{"certificate's algorithm", connecting(x509.InsecureAlgorithmError(x509.MD5WithRSA)), "ssss"},
		{"certificate's extension", connecting(x509.UnhandledCriticalExtension{}), "ssss"},
		{"no roots", connecting(x509.SystemRootsError{}), "ssss"},
		{"no TLS", connecting(tls.RecordHeaderError{RecordHeader: [5]byte{'S', 'S', 'H', '-', '2'}}), "ssss"},
		{"plain http", connecting(tls.RecordHeaderError{RecordHeader: [5]byte{'H', 'T', 'T', 'P', '/'}}), "ssss"},
		{"scheme mismatch", connecting(http.ErrSchemeMismatch), "ssss"},

		{"reset", connected(fails(errReset)), "SSRr"},
		{"eof", connected(fails(io.EOF)), "SSRr"},
		{"dial error after a connection", connected(fails(errRefused)), "SSRr"},
		{"bad certificate after a connection", connected(fails(x509.UnknownAuthorityError{})), "SSRr"},
		{"no such name after a connection", connected(fails(dns(net.DNSError{IsNotFound: true}))), "SSRr"},
		{"timeout", connected(hangs), "SSRr"},
		{"truncated 200", connected(repliesWith(200, cut)), "SSRr"},
		{"truncated 500", connected(repliesWith(500, cut)), "SSRr"},
		{"truncated 400", connected(repliesWith(400, cut)), "ssrr"},
		{"truncated 429", connected(repliesWith(429, cut)), "rrrr"},
		{"reset, no trace", fails(errReset), "SSRr"},
		{"anything, no trace", fails(errMine), "SSRr"},
		{"bad certificate, no trace", fails(x509.UnknownAuthorityError{}), "SSSs"},
		{"nothing at all", fails(nil), "SSRr"},
		{"protocol change", connected(replies(101)), "SSRr"},

		{"408", replies(408), "ssrr"},
		{"425", replies(425), "ssrr"},
		{"429", replies(429), "rrrr"},
		{"429 with wait", replies(429, "Retry-After", "1"), "rrrr"},
		{"503 with wait", replies(503, "Retry-After", "1"), "SSRr"},
		{"501", replies(501), "ssss"},
	}
	for _, s := range []int{500, 502, 503, 504, 507, 520, 599} {
		table = append(table, struct {
			fault string
			step  step
			want  string
		}{fmt.Sprint(s), replies(s), "SSRr"})
	}
	for _, s := range []int{200, 201, 204, 300, 301, 302, 303, 304, 307, 308,
		400, 401, 403, 404, 405, 409, 410, 412, 413, 415, 422, 423, 451} {
		table = append(table, struct {
			fault string
			step  step
			want  string
		}{fmt.Sprint(s), replies(s, "Location", "https://evil.example/"), "ssss"})
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
	most := map[bool]int{true: 3, false: 4}[class == Once]
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
		{Once, connecting(errRefused), false},
		{Once, replies(429), false},
		{Create, fails(errRefused), false},
		{Repeat, connected(fails(errReset)), true},
		{Repeat, replies(502), true},
		{Repeat, replies(408), false},
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
		reply, err := do(t, s, Repeat)
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
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader("x"), iotest.ErrReader(io.ErrUnexpectedEOF)))
		resp.ContentLength = -1
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
	for _, class := range []Class{Once, Create} {
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
		reply, err := do(t, s, Once)
		require.ErrorIs(t, err, errReset)
		assert.True(t, reply.MaybeApplied, "the second attempt reported nothing")
		assert.Len(t, s.at, 2)
	})
}

// Full jitter: from nothing to a bound that doubles, and all of it is used. A
// server that asks to slow down gets whole seconds and the jitter on top.
func TestBackoff(t *testing.T) {
	for n := 1; n <= 3; n++ {
		check := func(t *testing.T, least, bound time.Duration, limited bool) {
			low, high := time.Hour, time.Duration(0)
			for range 5000 {
				d := backoff(n, limited)
				low, high = min(low, d), max(high, d)
			}
			assert.GreaterOrEqual(t, low, least)
			assert.Less(t, low, least+bound/20)
			assert.LessOrEqual(t, high, least+bound)
			assert.Greater(t, high, least+bound-bound/20)
		}
		t.Run(fmt.Sprint("fault ", n), func(t *testing.T) { check(t, 0, 200*time.Millisecond<<(n-1), false) })
		second := time.Second << (n - 1)
		t.Run(fmt.Sprint("limited ", n), func(t *testing.T) { check(t, second, second, true) })
	}
	for _, class := range classes() {
		t.Run("429 without Retry-After/"+name(class), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := play(replies(429))
				reply, err := do(t, s, class)
				require.NoError(t, err)
				assert.True(t, reply.RateLimited)
				assert.Len(t, s.waits(), class.attempts()-1)
				for i, w := range s.waits() {
					assert.GreaterOrEqual(t, w, time.Second<<i)
					assert.LessOrEqual(t, w, 2*time.Second<<i)
				}
			})
		})
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
	open := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("body")), nil }
	for kind, change := range map[string]func(*Call){
		"bytes": func(*Call) {},
		"open":  func(call *Call) { call.Open, call.Length, call.Body = open, 4, nil },
	} {
		for _, class := range []Class{Repeat, Create, Once} {
			t.Run(kind+"/"+name(class), func(t *testing.T) {
				s := play(func(req *http.Request) (*http.Response, error) {
					assert.EqualValues(t, 4, req.ContentLength)
					if class == Once {
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
				call := callTo(class)
				change(call)
				_, err := s.client().Do(t.Context(), call)
				require.NoError(t, err)
			})
		}
	}
}
