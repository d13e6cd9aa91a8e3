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

// Fault makes matching requests or connections fail, or changes them. Exactly one of
// Dial, Conn and Handle is set.
type Fault struct {
	// Host is a host name without a port, or a pattern for path.Match. Empty: every
	// host, the platform's and the mounted ones. Handle applies to the platform's hosts
	// only.
	Host string

	// Method and Path restrict a Handle. Empty: any. Path is the beginning of a path, or
	// a pattern for path.Match if it contains *, ? or [, where * does not match a slash:
	// "/sc/v2/apps/*/conversations/*/messages". Case does not matter. Dial and
	// Conn ignore them, because the request is not known yet.
	Method string
	Path   string

	// Skip is how many matching requests or connections pass unchanged first.
	Skip int

	// Times is how many are affected after that. Zero: one. Negative: all.
	Times int

	// Dial is the error with which connecting fails, before anything is sent, wrapped in
	// a *net.OpError. Real networks return syscall.ECONNREFUSED, os.ErrDeadlineExceeded
	// and *net.DNSError. Dial and Conn affect connections in the platform's network only,
	// not those of a listener of your own.
	Dial error

	// Conn takes the server's place on a new connection, before TLS. The connection is
	// closed when Conn returns.
	Conn func(c net.Conn)

	// Handle answers the request instead of the platform, or wraps it: next is the
	// platform. Both Handle and next can read the whole body.
	Handle func(w http.ResponseWriter, r *http.Request, next http.Handler)
}

// Inject adds a fault. A request or connection meets at most one: the first that matches
// and is not used up, in the order in which they were added. Inject panics unless exactly
// one of Dial, Conn and Handle is set, and when a pattern is malformed.
func (p *Platform) Inject(f Fault) {
	if err := p.faults.Add(journal.Fault(f)); err != nil {
		panic("suncotest: " + err.Error())
	}
}

// ClearFaults removes every injected fault.
func (p *Platform) ClearFaults() {
	p.faults.Clear()
}

// Handle is the type of [Fault.Handle]. This package has ready-made ones.
type Handle = func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Reply returns a Handle that answers without processing the request. An empty
// contentType sends no Content-Type.
func Reply(status int, contentType, body string) Handle {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		wire.Reply{Status: status, ContentType: contentType, Body: []byte(body)}.Write(w, r)
	}
}

// RetryAfter returns a Handle that answers with this status and this Retry-After header,
// unchanged, without processing the request. Use [Reply] for a 429 without the header.
func RetryAfter(status int, value string) Handle {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header()["Retry-After"] = []string{value}
		wire.Problem(status, "").Write(w, r)
	}
}

// Redirect returns a Handle that redirects without processing the request.
func Redirect(status int, location string) Handle {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		wire.Reply{Status: status}.With("Location", location).Write(w, r)
	}
}

// Reset is a Handle that resets the connection without processing the request.
func Reset(_ http.ResponseWriter, r *http.Request, _ http.Handler) { netsim.Abort(r) }

// ResetAfter is a Handle that processes the request and then resets the connection
// instead of answering.
func ResetAfter(_ http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	netsim.Abort(r)
}

// Hang is a Handle that neither processes nor answers the request. It waits until the
// client gives up.
func Hang(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// HangAfter is a Handle that processes the request and then never answers.
func HangAfter(_ http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// Truncate is a Handle that processes the request and closes the connection in the middle
// of the answer's body.
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

// ResetHandshake is a [Fault.Conn] that resets the connection during the TLS handshake.
func ResetHandshake(c net.Conn) {
	_, _ = c.Read(make([]byte, 1024)) // the beginning of the client's hello
	if pipe, ok := c.(*netsim.Conn); ok {
		pipe.Reset()
	}
}

// PlainHTTP is a [Fault.Conn] that answers in plain HTTP where TLS is expected.
func PlainHTTP(c net.Conn) {
	_, _ = c.Read(make([]byte, 1024))
	_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
}

// Silent is a [Fault.Conn] that accepts the connection and never writes to it.
func Silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// StrangerCertificate is a [Fault.Conn] that presents a certificate of an authority that
// no client trusts.
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
