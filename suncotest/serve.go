package suncotest

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// call is one request on its way through the platform.
type call struct {
	*http.Request
	at     place
	params map[string]string // of the path
	body   []byte
	grant  *grant // for routes that need a token
}

// ServeHTTP answers as the host the request names; see the package comment. The
// request is recorded, and faults are played, before the platform sees it.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	entry := p.received.add(r, body)
	rec := &statusRecorder{ResponseWriter: w}
	defer func() { p.received.finish(entry, rec.status) }()
	kept := &keptBody{bytes.NewReader(body)}
	r.Body = kept
	rec.Header().Set("X-Request-Id", entry.id)
	p.faults.handle(rec, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == kept {
			kept.Reset(body) // a fault may have read it
		}
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			w.Header().Set("Connection", "close")
			problem(http.StatusRequestEntityTooLarge).write(w, r)
		case err != nil:
			problem(http.StatusBadRequest).write(w, r)
		default:
			p.answer(r).write(w, r)
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
	return io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
}

// answer finds who is asked for what, and lets that endpoint reply.
func (p *Platform) answer(r *http.Request) reply {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return problem(http.StatusBadRequest)
	}
	c := &call{Request: r, at: locate(r.Host), body: body}
	if misdirected(r) {
		return problem(http.StatusMisdirectedRequest)
	}
	p.mu.Lock()
	exists := c.at.exists(&p.state)
	p.mu.Unlock()
	if !exists {
		return p.nobodyHere()
	}
	route, params := p.find(c.at, r.URL.EscapedPath())
	if route == nil {
		return problem(http.StatusNotFound)
	}
	c.params = params
	do, ok := route.methods[r.Method]
	if !ok {
		allowed := slices.Sorted(maps.Keys(route.methods))
		return problem(http.StatusMethodNotAllowed).with("Allow", strings.Join(allowed, ", "))
	}
	if refusal, ok := p.admit(c, route.access); !ok {
		return refusal
	}
	return do(c)
}

// nobodyHere answers for a host where no customer lives, or none any more.
func (p *Platform) nobodyHere() reply {
	if p.cfg.Behavior.UnknownHostAPIError {
		return problem(http.StatusNotFound)
	}
	return shaped(ErrorHTML, http.StatusNotFound, "", "There is no account here")
}

// admit checks what a route asks of whoever calls it.
func (p *Platform) admit(c *call, need access) (reply, bool) {
	if need == browser {
		return reply{}, true
	}
	if refusal, ok := p.checkMarketplace(c.Header); !ok {
		return refusal, false
	}
	if encoding := c.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return problem(http.StatusUnsupportedMediaType), false
	}
	if need == partner {
		return reply{}, true
	}
	if refusal, ok := p.authenticate(c); !ok {
		return refusal, false
	}
	app, named := c.params["app"]
	part, integration := c.params["integration"]
	switch {
	case named && app != c.grant.account.AppID:
		return problem(http.StatusForbidden), false
	case need == ofTheApp && integration && part != "me":
		return failure(http.StatusNotFound, "integration_not_found", "Integration not found"), false
	}
	return reply{}, true
}

// forbidden answers what is documented but needs more than an integration's token.
func forbidden(*call) reply { return problem(http.StatusForbidden) }

// authenticate finds out whose token the request carries.
func (p *Platform) authenticate(c *call) (reply, bool) {
	refusal := problem(http.StatusUnauthorized).with("WWW-Authenticate", "Bearer")
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
	case g == nil || !c.at.serves(g.account):
		return refusal, false
	case g.dead || g.expired():
		gone := problem(p.cfg.Behavior.RevokedStatus)
		if gone.status == http.StatusUnauthorized {
			gone = refusal
		}
		return gone, false
	}
	c.grant = g
	return reply{}, true
}

// checkMarketplace checks the headers of marketplace apps, when it is asked to.
func (p *Platform) checkMarketplace(h http.Header) (reply, bool) {
	const prefix = "X-Zendesk-Marketplace-"
	if !p.cfg.Behavior.MarketplaceRequired {
		return reply{}, true
	}
	good := func(name string) bool {
		values := h.Values(prefix + name)
		return len(values) == 1 && strings.TrimSpace(values[0]) != "" &&
			onlyBytes(values[0], func(c byte) bool { return ' ' <= c && c <= '~' })
	}
	absent := func(name string) bool { return len(h.Values(prefix+name)) == 0 }
	either := good("Bot-Id") && absent("App-Id") || good("App-Id") && absent("Bot-Id")
	if !good("Name") || !good("Organization-Id") || !either {
		return failure(p.cfg.Behavior.MarketplaceStatus, "forbidden",
			"Marketplace headers are missing or contradict each other"), false
	}
	return reply{}, true
}

// singles returns the values that are given exactly once, and false when a name
// is doubled.
func singles(values url.Values) (map[string]string, bool) {
	once := map[string]string{}
	for name, all := range values {
		if len(all) != 1 {
			return nil, false
		}
		once[name] = all[0]
	}
	return once, true
}
