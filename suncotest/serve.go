package suncotest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/sunco-go/sunco/suncotest/internal/journal"
	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// ServeHTTP answers as the host the request names; see the package comment. The
// request is recorded, and faults are played, before the platform sees it.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	entry := p.received.Add(r, body)
	rec := &journal.StatusRecorder{ResponseWriter: w}
	defer func() { p.received.Finish(entry, rec.Status) }()
	kept := &keptBody{bytes.NewReader(body)}
	r.Body = kept
	rec.Header().Set("X-Request-Id", entry.ID)
	p.faults.Serve(rec, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == kept {
			kept.Reset(body) // a fault may have read it
		}
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			w.Header().Set("Connection", "close")
			wire.Problem(http.StatusRequestEntityTooLarge).Write(w, r)
		case err != nil:
			wire.Problem(http.StatusBadRequest).Write(w, r)
		default:
			p.answer(r).Write(w, r)
		}
	}))
}

// keptBody is a request's body, which is in memory already.
type keptBody struct{ *bytes.Reader }

// Close does nothing.
func (*keptBody) Close() error { return nil }

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	return io.ReadAll(http.MaxBytesReader(w, r.Body, wire.MaxBody))
}

// answer finds who is asked for what, and lets that endpoint reply.
func (p *Platform) answer(r *http.Request) wire.Reply {
	body, err := io.ReadAll(io.LimitReader(r.Body, wire.MaxBody))
	if err != nil {
		return wire.Problem(http.StatusBadRequest)
	}
	c := &wire.Call{Request: r, At: wire.Locate(r.Host), Body: body}
	if wire.Misdirected(r) {
		return wire.Problem(http.StatusMisdirectedRequest)
	}
	p.mu.Lock()
	exists := p.oauth.Exists(c.At)
	p.mu.Unlock()
	if !exists {
		return p.nobodyHere()
	}
	route, params, allowed := wire.Find(p.routes, c.At, r.Method, r.URL.EscapedPath())
	switch {
	case route == nil && allowed != nil:
		return wire.Problem(http.StatusMethodNotAllowed).With("Allow", strings.Join(allowed, ", "))
	case route == nil:
		return wire.Problem(http.StatusNotFound)
	}
	c.Params = params
	if refusal, ok := p.oauth.Admit(c, route.Access); !ok {
		return refusal
	}
	return route.Do(c)
}

// nobodyHere answers for a host where no customer lives, or none any more.
func (p *Platform) nobodyHere() wire.Reply {
	if p.cfg.Behavior.UnknownHostAPIError {
		return wire.Problem(http.StatusNotFound)
	}
	return wire.Shaped(wire.ErrorHTML, http.StatusNotFound, "", "There is no account here")
}
