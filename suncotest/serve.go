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
	exists := p.state.exists(c.At)
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
	if refusal, ok := p.admit(c, route.Access); !ok {
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

// admit checks what a route asks of whoever calls it.
func (p *Platform) admit(c *wire.Call, need wire.Access) (wire.Reply, bool) {
	if need == wire.Browser {
		return wire.Reply{}, true
	}
	if refusal, ok := p.checkMarketplace(c.Header); !ok {
		return refusal, false
	}
	if encoding := c.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return wire.Problem(http.StatusUnsupportedMediaType), false
	}
	if need == wire.Partner {
		return wire.Reply{}, true
	}
	if refusal, ok := p.authenticate(c); !ok {
		return refusal, false
	}
	app, named := c.Params["app"]
	part, integration := c.Params["integration"]
	switch {
	case named && app != c.AppID:
		return wire.Problem(http.StatusForbidden), false
	case need == wire.OfTheApp && integration && part != "me":
		return wire.Failure(http.StatusNotFound, "integration_not_found", "Integration not found"), false
	}
	return wire.Reply{}, true
}

// authenticate finds out whose token the request carries.
func (p *Platform) authenticate(c *wire.Call) (wire.Reply, bool) {
	refusal := wire.Problem(http.StatusUnauthorized).With("WWW-Authenticate", "Bearer")
	fields := c.Header.Values("Authorization")
	if len(fields) != 1 {
		return refusal, false
	}
	scheme, token, ok := strings.Cut(fields[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return refusal, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.state.tokens[tokenKey(token)]
	switch {
	case g == nil || !serves(c.At, p.state.byApp(g.AppID)):
		return refusal, false
	case g.Dead || g.expired():
		gone := wire.Problem(p.cfg.Behavior.RevokedStatus)
		if gone.Status == http.StatusUnauthorized {
			gone = refusal
		}
		return gone, false
	}
	c.Holder = &g.Holder
	return wire.Reply{}, true
}

// checkMarketplace checks the headers of marketplace apps, when it is asked to.
func (p *Platform) checkMarketplace(h http.Header) (wire.Reply, bool) {
	const prefix = "X-Zendesk-Marketplace-"
	if !p.cfg.Behavior.MarketplaceRequired {
		return wire.Reply{}, true
	}
	good := func(name string) bool {
		values := h.Values(prefix + name)
		return len(values) == 1 && strings.TrimSpace(values[0]) != "" &&
			wire.OnlyBytes(values[0], func(c byte) bool { return ' ' <= c && c <= '~' })
	}
	absent := func(name string) bool { return len(h.Values(prefix+name)) == 0 }
	either := good("Bot-Id") && absent("App-Id") || good("App-Id") && absent("Bot-Id")
	if !good("Name") || !good("Organization-Id") || !either {
		return wire.Failure(p.cfg.Behavior.MarketplaceStatus, "forbidden",
			"Marketplace headers are missing or contradict each other"), false
	}
	return wire.Reply{}, true
}
