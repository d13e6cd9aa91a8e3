package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
)

// isDial tells errors that only come up while connecting.
func isDial(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

// isHopeless tells faults that another attempt would only meet again: no such
// name, a certificate that does not verify, a server that does not speak TLS.
func isHopeless(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return true
	}
	return isCertificate(err) || is[tls.RecordHeaderError](err) || errors.Is(err, http.ErrSchemeMismatch)
}

// isCertificate tells errors about the server's certificate.
func isCertificate(err error) bool {
	return is[*tls.CertificateVerificationError](err) ||
		is[x509.UnknownAuthorityError](err) ||
		is[x509.HostnameError](err) ||
		is[x509.CertificateInvalidError](err) ||
		is[x509.ConstraintViolationError](err) ||
		is[x509.InsecureAlgorithmError](err) ||
		is[x509.UnhandledCriticalExtension](err) ||
		is[x509.SystemRootsError](err)
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// clean makes an error fit to be printed: without *url.Error, which shows the
// URL with its query, and without texts that may quote the server, which may
// quote us. net/http has several of those ("malformed HTTP response %q").
func clean(err error) error {
	for {
		u, ok := errors.AsType[*url.Error](err)
		if !ok {
			break
		}
		err = u.Err
	}
	if e, ok := errors.AsType[tls.RecordHeaderError](err); ok && string(e.RecordHeader[:]) == "HTTP/" {
		return http.ErrSchemeMismatch // as http.Client does
	}
	if printable(err) {
		return err
	}
	return &opaqueError{err}
}

// printable tells whether the innermost error is of a kind whose text is made
// by this machine. What wraps it adds fixed words and addresses.
func printable(err error) bool {
	if isCertificate(err) {
		return true
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			break
		}
		err = inner
	}
	switch err {
	case io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, errNoReply, errProtocol, http.ErrSchemeMismatch,
		context.Canceled, context.DeadlineExceeded:
		return true
	}
	switch err.(type) {
	case net.Error, tls.AlertError, tls.RecordHeaderError, *net.AddrError, net.UnknownNetworkError, timeoutError:
		return true
	}
	return false
}

// opaqueError keeps the text of an error to itself. The error behind it can
// still be recognised with errors.Is, and is not handed out: it prints.
type opaqueError struct{ err error }

const opaqueText = "connection failed or reply malformed"

// Error says as much as is safe.
func (e *opaqueError) Error() string { return opaqueText }

// Is looks at the error behind.
func (e *opaqueError) Is(target error) bool { return errors.Is(e.err, target) }

// Format prints the same for every verb, %#v included.
func (e *opaqueError) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, opaqueText) }
