package transport

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the tests over real sockets wait at the same time: their waits
// between attempts are real and cost nothing. It also names a proxy, which is read
// once, and which no test may use.
func TestMain(m *testing.M) {
	os.Setenv("HTTP_PROXY", "http://proxy.invalid:3128")
	os.Setenv("NO_PROXY", "")
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// step is what a scripted RoundTripper does in one attempt.
type step func(req *http.Request) (*http.Response, error)

// script is a RoundTripper that reports no trace by itself. It plays its steps
// in turn, and the last one for ever.
type script struct {
	steps []step
	at    []time.Time // of the attempts
	sent  []string    // the bodies
}

func play(steps ...step) *script { return &script{steps: steps} }

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	n := len(s.at)
	s.at = append(s.at, time.Now())
	if req.Body != nil {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		s.sent = append(s.sent, string(b))
		req.Body.Close()
	}
	return s.steps[min(n, len(s.steps)-1)](req)
}

func (s *script) waits() (w []time.Duration) {
	for i := 1; i < len(s.at); i++ {
		w = append(w, s.at[i].Sub(s.at[i-1]))
	}
	return w
}

func (s *script) client() *Client { return New(Config{HTTPClient: &http.Client{Transport: s}}) }

// connecting reports what a transport reports before it has a connection.
func connecting(err error) step {
	return func(req *http.Request) (*http.Response, error) {
		httptrace.ContextClientTrace(req.Context()).GetConn("api.example:443")
		return nil, err
	}
}

// connected reports a connection and goes on.
func connected(next step) step {
	return func(req *http.Request) (*http.Response, error) {
		t := httptrace.ContextClientTrace(req.Context())
		t.GetConn("api.example:443")
		t.GotConn(httptrace.GotConnInfo{})
		return next(req)
	}
}

func fails(err error) step {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

func hangs(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func replies(status int, header ...string) step {
	return repliesWith(status, func() io.Reader { return strings.NewReader(`{"a":1}`) }, header...)
}

func repliesWith(status int, body func() io.Reader, header ...string) step {
	return func(req *http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i < len(header); i += 2 {
			h.Add(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, ContentLength: -1,
			Body: io.NopCloser(body()), Request: req}, nil
	}
}

// cut is a body that breaks off.
func cut() io.Reader {
	return io.MultiReader(strings.NewReader(`{"a":`), errorReader{io.ErrUnexpectedEOF})
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

func dialError(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
func readError(err error) error { return &net.OpError{Op: "read", Net: "tcp", Err: err} }

var (
	errReset   = readError(syscall.ECONNRESET)
	errRefused = dialError(syscall.ECONNREFUSED)
	errMine    = errors.New("of the caller's own")
)

func callTo(class Class) *Call {
	c := &Call{Class: class, Op: "op", Method: http.MethodGet, Limit: 1 << 20,
		URL: url.URL{Scheme: "https", Host: "api.example", Path: "/v2/thing"}}
	switch class {
	case Create, Once:
		c.Method, c.Body = http.MethodPost, []byte("body")
	case Repeat:
		c.Method, c.Body = http.MethodPatch, []byte("body")
	}
	return c
}

func classes() []Class { return []Class{Once, Create, Repeat, Read} }

func name(c Class) string {
	return [...]string{"read", "create", "repeat", "once"}[c]
}

func do(t *testing.T, s *script, class Class) (Reply, error) {
	return s.client().Do(t.Context(), callTo(class))
}

func canceledAfter(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(d, cancel)
	t.Cleanup(cancel)
	return ctx
}

func parse(t *testing.T, s string) url.URL {
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return *u
}

func printed(err error) string {
	return fmt.Sprintf("%s %v %+v %#v %q %d %x", err, err, err, err, err, err, err)
}

// listen serves raw connections, one after another, until the test ends.
func listen(t *testing.T, serve func(net.Conn)) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serve(c)
			c.Close()
		}
	}()
	return l
}

// rawServer reads the head of a request and answers with these bytes.
func rawServer(t *testing.T, answer string) string {
	l := listen(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			if line, err := r.ReadString('\n'); err != nil || line == "\r\n" {
				break
			}
		}
		_, _ = io.WriteString(c, answer)
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, r)
	})
	return "http://" + l.Addr().String()
}
