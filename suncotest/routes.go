package suncotest

import (
	"net/http"
	"net/url"
	"strings"
)

// maxBody is the largest JSON body the platform takes, 100 kB.
const maxBody = 100_000

// route is one path of the platform and what answers there.
type route struct {
	on      kind
	path    string // relative to the place's prefix; {name} stands for an id, {*name} for any segment
	fold    bool   // the path's case does not matter
	access  access
	methods map[string]endpoint
}

// endpoint answers one request. Its call has passed all checks of its route.
type endpoint func(*call) reply

// access says who may use a route.
type access int

const (
	browser  access = iota // a person: no header of the partner's is expected
	partner                // the partner as such: marketplace headers
	granted                // the holder of a token: marketplace headers too
	ofTheApp               // likewise, and the token must be the one of {app}
	beyond                 // like ofTheApp, but no integration may do this
)

// table lists everything the platform answers. What an integration's token is
// good for later goes between the webhooks and what is beyond it.
func (p *Platform) table() []route {
	const (
		app         = "/v2/apps/{app}"
		webhooks    = app + "/integrations/{integration}/webhooks"
		integration = app + "/integrations/{integration}"
	)
	get, post, patch, del := http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	routes := []route{
		{on: bridge, path: authorizePath, methods: map[string]endpoint{get: p.authorize, http.MethodHead: p.authorizeHead}},
		{on: bridge, path: consentPath, methods: map[string]endpoint{post: p.decide}},
		{on: bridge, path: "/oauth/token", access: partner, methods: map[string]endpoint{post: p.token}},
		{on: bridge, path: "/v2/tokenInfo", fold: true, access: granted, methods: map[string]endpoint{get: p.tokenInfo}},
		{on: tenant, path: "/oauth/authorization", access: granted, methods: map[string]endpoint{del: p.revoke}},
		{on: tenant, path: webhooks, access: ofTheApp, methods: map[string]endpoint{
			post: p.createWebhook, get: p.listWebhooks,
		}},
		{on: tenant, path: webhooks + "/{webhook}", access: ofTheApp, methods: map[string]endpoint{
			get: p.getWebhook, patch: p.updateWebhook, del: p.deleteWebhook,
		}},
	}
	routes = append(routes, p.chatTable(app)...)
	for path, methods := range map[string][]string{
		"/v2/apps":                    {get, post},
		app:                           {get, patch, del},
		app + "/keys":                 {get, post},
		app + "/keys/{key}":           {get, del},
		app + "/integrations":         {get, post},
		integration:                   {get, patch, del},
		integration + "/keys":         {get, post},
		integration + "/keys/{key}":   {get, del},
		app + "/switchboards":         {get, post},
		app + "/switchboards/{board}": {patch, del},
		app + "/switchboards/{board}/switchboardIntegrations":        {get, post},
		app + "/switchboards/{board}/switchboardIntegrations/{part}": {patch, del},
	} {
		r := route{on: tenant, path: path, access: beyond, methods: map[string]endpoint{}}
		for _, m := range methods {
			r.methods[m] = forbidden
		}
		routes = append(routes, r)
	}
	return routes
}

// chatTable lists what an integration does with users and conversations.
func (p *Platform) chatTable(app string) []route {
	const conversation = "/conversations/{*conversation}"
	get, post := http.MethodGet, http.MethodPost
	return []route{
		{on: tenant, path: app + "/users", access: ofTheApp, methods: map[string]endpoint{post: p.createUser}},
		{on: tenant, path: app + "/users/{*user}", access: ofTheApp, methods: map[string]endpoint{get: p.getUser}},
		{on: tenant, path: app + "/conversations", access: ofTheApp, methods: map[string]endpoint{
			post: p.createConversation, get: p.listConversations,
		}},
		{on: tenant, path: app + conversation, access: ofTheApp, methods: map[string]endpoint{get: p.getConversation}},
		{on: tenant, path: app + conversation + "/messages", access: ofTheApp, methods: map[string]endpoint{
			post: p.postMessage, get: p.listMessages,
		}},
	}
}

// match returns the values of the path's {names}, and whether path fits.
func (r *route) match(path string) (map[string]string, bool) {
	want, have := strings.Split(r.path, "/"), strings.Split(path, "/")
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
			if !isID(have[i]) {
				return nil, false
			}
			params[strings.Trim(w, "{}")] = have[i]
		case w != have[i] && !(r.fold && strings.EqualFold(w, have[i]) && onlyASCII(have[i])):
			return nil, false
		}
	}
	return params, true
}

func onlyASCII(s string) bool {
	return onlyBytes(s, func(c byte) bool { return c < 0x80 })
}

// find returns the route of a path at a place.
func (p *Platform) find(at place, escapedPath string) (*route, map[string]string) {
	path, ok := strings.CutPrefix(escapedPath, at.prefix)
	if !ok {
		return nil, nil
	}
	for i := range p.routes {
		r := &p.routes[i]
		if r.on&at.kind == 0 {
			continue
		}
		if params, ok := r.match(path); ok {
			return r, params
		}
	}
	return nil, nil
}
