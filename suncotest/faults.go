package suncotest

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"

	"github.com/sunco-go/sunco/suncotest/internal/journal"
	"github.com/sunco-go/sunco/suncotest/internal/netsim"
	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// Fault is something that goes wrong, or is different, for the requests it fits.
// Exactly one of Dial, Conn and Handle is set.
type Fault struct {
	// Host is the host name the fault is for, without a port, or a pattern of
	// path.Match. Empty: any of the platform's and any mounted one; Handle is
	// for the platform's only.
	Host string

	// Method and Path narrow a Handle; empty: any. Path is the beginning of a
	// path, or a pattern of path.Match when it has one of * ? [ in it, and its
	// case does not matter. They say nothing to Dial and Conn, for which the
	// request is not yet known.
	Method string
	Path   string

	// Skip is how many fitting requests, or connections, pass unharmed first.
	Skip int

	// Times is how many are then hit. Zero: one. Negative: all.
	Times int

	// Dial makes connecting fail with this error, as a *net.OpError, before
	// anything is sent. syscall.ECONNREFUSED, os.ErrDeadlineExceeded and
	// *net.DNSError are what a network returns. Only the connections of the
	// platform's own clients are concerned.
	Dial error

	// Conn stands in for the server on a new connection, before TLS. The
	// connection is closed when it returns.
	Conn func(c net.Conn)

	// Handle stands in for the platform, or around it: next is the platform.
	// The request's body can be read, by Handle and by next again.
	Handle func(w http.ResponseWriter, r *http.Request, next http.Handler)
}

// Inject adds a fault. Faults are tried in the order in which they were added, and
// the first that fits is the only one a request meets; one that is used up fits no
// more. It panics when f does not set exactly one of Dial, Conn and Handle, or when
// a pattern is malformed.
func (p *Platform) Inject(f Fault) {
	if err := p.faults.Add(journal.Fault(f)); err != nil {
		panic("suncotest: " + err.Error())
	}
}

// ClearFaults forgets every fault that was injected.
func (p *Platform) ClearFaults() {
	p.faults.Clear()
}

// Handle is the type of [Fault.Handle], for the ready-made ones.
type Handle = func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Reply returns a Handle that answers with this and does not process the request.
// An empty contentType sends none.
func Reply(status int, contentType, body string) Handle {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		wire.Reply{Status: status, ContentType: contentType, Body: []byte(body)}.Write(w, r)
	}
}

// RetryAfter returns a Handle that answers with this status and Retry-After and
// does not process the request. The header is sent as it is given.
func RetryAfter(status int, value string) Handle {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header()["Retry-After"] = []string{value}
		wire.Problem(status).Write(w, r)
	}
}

// Redirect returns a Handle that redirects with this status and does not process
// the request.
func Redirect(status int, location string) Handle {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		wire.Reply{Status: status}.With("Location", location).Write(w, r)
	}
}

// Reset is a Handle that resets the connection and does not process the request.
func Reset(_ http.ResponseWriter, r *http.Request, _ http.Handler) { netsim.Abort(r) }

// ResetAfter is a Handle that processes the request and resets the connection
// instead of answering.
func ResetAfter(_ http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	netsim.Abort(r)
}

// Hang is a Handle that does not process the request and never answers: it waits
// until the client leaves.
func Hang(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// HangAfter is a Handle that processes the request and never answers.
func HangAfter(_ http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// Truncate is a Handle that processes the request and ends the connection in the
// middle of the answer's body.
func Truncate(w http.ResponseWriter, r *http.Request, next http.Handler) {
	whole := httptest.NewRecorder()
	next.ServeHTTP(whole, r)
	for name, values := range whole.Header() {
		w.Header()[name] = values
	}
	body := whole.Body.Bytes()
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(whole.Code)
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// ResetHandshake is a [Fault.Conn]: it resets the connection in the middle of the
// TLS handshake.
func ResetHandshake(c net.Conn) {
	_, _ = c.Read(make([]byte, 1024)) // the beginning of the client's hello
	if pipe, ok := c.(*netsim.Conn); ok {
		pipe.Reset()
	}
}

// PlainHTTP is a [Fault.Conn]: it answers in plain HTTP where TLS is expected.
func PlainHTTP(c net.Conn) {
	_, _ = c.Read(make([]byte, 1024))
	_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
}

// Silent is a [Fault.Conn]: it accepts the connection and never says a word.
func Silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// StrangerCertificate is a [Fault.Conn]: it shows a certificate of an authority
// that nobody trusts.
func StrangerCertificate(c net.Conn) {
	ca, err := netsim.NewAuthority()
	if err != nil {
		return
	}
	server := tls.Server(c, ca.TLSConfig())
	if server.Handshake() == nil {
		_, _ = server.Read(make([]byte, 1)) // with TLS 1.3 the client's refusal comes later
	}
}
