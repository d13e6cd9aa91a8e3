package transport

import (
	"errors"
	"io"
	"net/http"
)

const (
	// refusalLimit bounds the body of a reply that is not 2xx.
	refusalLimit = 64 << 10
	// drainLimit is how much of a reply that is too large is still read so that
	// its connection can be used again. Beyond that a handshake is cheaper.
	drainLimit = 64 << 10
)

var errProtocol = errors.New("the server changed the protocol")

// receive reads a reply to its end, so that its connection can be used again,
// and closes it. The fault says who is to blame for an error.
func (a *attempts) receive(resp *http.Response) (fault, error) {
	r := resp.Body
	if r == nil {
		r = http.NoBody
	}
	defer r.Close()
	if resp.StatusCode < 200 {
		// The body of a 101 is the bare connection, which never ends.
		return lost, errProtocol
	}
	a.last.status = resp.StatusCode
	a.reply.Status, a.reply.Header = resp.StatusCode, resp.Header
	a.reply.Body, a.reply.TooLarge, a.reply.RetryAfter = nil, false, 0
	if s := resp.StatusCode; s == http.StatusTooManyRequests || s == http.StatusServiceUnavailable {
		a.reply.RetryAfter = retryAfter(resp.Header)
	}

	ok := success(resp.StatusCode)
	limit := int64(refusalLimit)
	if ok {
		limit = max(a.call.Limit, 0)
	}
	if ok && a.call.Out != nil {
		return a.copyOut(r, limit)
	}
	b, err := readAll(r, limit, resp.ContentLength)
	if err != nil {
		return truncated, err
	}
	if int64(len(b)) > limit {
		a.tooLarge(r)
		return none, nil
	}
	a.reply.Body = b
	return none, nil
}

// tooLarge gives up on a body.
func (a *attempts) tooLarge(r io.Reader) {
	a.reply.TooLarge = true
	// Whatever goes wrong here costs the connection and nothing else.
	_, _ = io.CopyN(io.Discard, r, drainLimit)
}

// readAll is io.ReadAll for a limit and for a length that is known as a rule. It
// stops soon after the limit is passed. The length is a promise of the server:
// it saves growing, and no memory is set aside on its account beyond a little.
func readAll(r io.Reader, limit, length int64) ([]byte, error) {
	if length < 0 {
		length = 511
	}
	// One byte more leaves room for the read that finds the end.
	b := make([]byte, 0, min(length, limit, refusalLimit)+1)
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF || err == nil && int64(len(b)) > limit {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// copyOut gives a body to Call.Out, and never more than limit.
func (a *attempts) copyOut(r io.Reader, limit int64) (fault, error) {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		over := int64(n) > limit
		if over {
			n = int(limit)
		}
		if n > 0 {
			a.last.wrote = true
			if _, err := a.call.Out.Write(buf[:n]); err != nil {
				return local, err
			}
			limit -= int64(n)
		}
		switch {
		case over:
			a.tooLarge(r)
			return none, nil
		case err == io.EOF:
			return none, nil
		case err != nil:
			return truncated, err
		}
	}
}
