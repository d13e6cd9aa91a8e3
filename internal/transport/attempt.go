package transport

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// attempt is the state of one attempt. Each has its own, so that a callback
// which comes late says nothing about the next one.
type attempt struct {
	trace   httptrace.ClientTrace
	getting atomic.Bool // a connection was asked for
	got     atomic.Bool // and obtained: from here on something may be sent
	body    bytes.Reader
}

func (t *attempt) getConn(string)                { t.getting.Store(true) }
func (t *attempt) gotConn(httptrace.GotConnInfo) { t.got.Store(true) }

// unsent tells whether it is proven that nothing of the request was sent. A
// RoundTripper that reports no trace proves nothing, unless it says itself that
// it could not connect.
func (t *attempt) unsent(err error) bool {
	if t.got.Load() {
		return false
	}
	return t.getting.Load() || isDial(err)
}

// RoundTrip makes one attempt, from connecting to the last byte of the reply.
// net/http above it gets an answer without headers or a body: there is no
// redirect in it to follow, and nothing left to read.
func (a *attempts) RoundTrip(req *http.Request) (*http.Response, error) {
	a.n++
	a.last = outcome{}
	if a.err = a.send(req); a.err != nil {
		return nil, a.err
	}
	a.seen = http.Response{StatusCode: a.last.status, Body: http.NoBody, Request: req}
	return &a.seen, nil
}

// send makes the attempt and notes its outcome.
func (a *attempts) send(req *http.Request) error {
	if err := ended(a.ctx); err != nil {
		a.last = outcome{fault: canceled, unsent: true}
		return err
	}
	ctx, cancel := context.WithTimeout(a.ctx, a.client.timeout)
	defer cancel()
	t := &a.first
	if a.n > 1 {
		t = &attempt{}
	}
	t.trace.GetConn, t.trace.GotConn = t.getConn, t.gotConn
	req = req.WithContext(httptrace.WithClientTrace(ctx, &t.trace))
	req.Proto, req.ProtoMajor, req.ProtoMinor = "HTTP/1.1", 1, 1
	req.Host = a.url.Host
	req.Header = a.call.Header // only read from here on
	if req.Header == nil {
		req.Header = http.Header{}
	}
	if err := a.load(req, t); err != nil {
		a.last = outcome{fault: local, unsent: true}
		return err
	}
	resp, err := a.base.RoundTrip(req)
	if err == nil && resp == nil {
		err = errNoReply
	}
	if err != nil {
		a.last.unsent = t.unsent(err)
		kind := lost
		if !t.got.Load() && isHopeless(err) {
			kind = hopeless
		}
		return a.fail(ctx, err, kind)
	}
	if from, err := a.receive(resp); err != nil {
		return a.fail(ctx, err, from)
	}
	return nil
}

// load puts the body into the request of one attempt. With GetBody net/http
// moves on to another connection by itself when a kept-alive one turns out to
// be dead before anything was written. What may be sent only once has a
// connection of its own and gets no such chance.
func (a *attempts) load(req *http.Request, t *attempt) error {
	once := a.call.Class == Once
	switch {
	case a.call.Open != nil:
		r, err := a.call.Open()
		if err != nil {
			return err
		}
		req.Body, req.ContentLength = r, -1
		if a.call.Length > 0 {
			req.ContentLength = a.call.Length
		}
		if !once {
			req.GetBody = a.call.Open
		}
	case len(a.call.Body) > 0:
		t.body.Reset(a.call.Body)
		// net/http knows this type, and sends it in one write with the headers.
		req.Body, req.ContentLength = io.NopCloser(&t.body), int64(len(a.call.Body))
		if !once {
			req.GetBody = a.reopen
		}
	}
	return nil
}

func (a *attempts) reopen() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(a.call.Body)), nil
}

// fail notes the fault behind an error, of the kind it seems to be, and returns
// the error to report.
func (a *attempts) fail(ctx context.Context, err error, kind fault) error {
	over := ended(a.ctx)
	switch {
	case kind == local:
		a.last.fault = kind
		return err
	case over != nil:
		a.last.fault = canceled
		return over
	case ctx.Err() != nil:
		a.last.fault = timeout
		return timeoutError{}
	case kind == lost && a.last.unsent:
		kind = unreached
	case kind == lost && isTimeout(err):
		kind = timeout
	}
	a.last.fault = kind
	return clean(err)
}
