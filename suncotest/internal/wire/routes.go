package wire

import (
	"net/url"
	"slices"
	"strings"
)

// Route is one operation of the platform and what answers it.
type Route struct {
	On     Kind
	Method string
	Path   string // relative to the place's prefix; {name} stands for an id, {*name} for any segment
	Fold   bool   // the path's case does not matter
	Access Access
	Do     Endpoint
}

// Endpoint answers one request. Its call has passed all checks of its route.
type Endpoint func(*Call) Reply

// Access says who may use a route.
type Access int

// Who may use a route.
const (
	Browser  Access = iota // a person: no header of the partner's is expected
	Partner                // the partner as such: marketplace headers
	Granted                // the holder of a token: marketplace headers too
	OfTheApp               // likewise, and the token must be the one of {app}
	Beyond                 // like OfTheApp, but no integration may do this
)

// Find returns the route of a request and the values of its path's {names}. It
// returns nil for a path that no route has, and the methods that are possible for a
// path without that method.
func Find(routes []Route, at Place, method, escapedPath string) (*Route, map[string]string, []string) {
	path, ok := strings.CutPrefix(escapedPath, at.Prefix)
	if !ok {
		return nil, nil, nil
	}
	var allowed []string
	for i := range routes {
		r := &routes[i]
		if r.On&at.Kind == 0 {
			continue
		}
		params, fits := r.match(path)
		switch {
		case fits && r.Method == method:
			return r, params, nil
		case fits:
			allowed = append(allowed, r.Method)
		}
	}
	slices.Sort(allowed)
	return nil, nil, allowed
}

// match returns the values of the path's {names}, and whether path fits.
func (r *Route) match(path string) (map[string]string, bool) {
	want, have := strings.Split(r.Path, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return nil, false
	}
	params := map[string]string{}
	for i, w := range want {
		switch {
		case strings.HasPrefix(w, "{*"):
			value, err := url.PathUnescape(have[i])
			if err != nil || value == "" {
				return nil, false
			}
			params[strings.Trim(w, "{*}")] = value
		case strings.HasPrefix(w, "{"):
			if !IsID(have[i]) {
				return nil, false
			}
			params[strings.Trim(w, "{}")] = have[i]
		case w != have[i] && !(r.Fold && strings.EqualFold(w, have[i]) && onlyASCII(have[i])):
			return nil, false
		}
	}
	return params, true
}

func onlyASCII(s string) bool {
	return OnlyBytes(s, func(c byte) bool { return c < 0x80 })
}
