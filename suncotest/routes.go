package suncotest

import (
	"net/http"
	"slices"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

const (
	get    = http.MethodGet
	post   = http.MethodPost
	patch  = http.MethodPatch
	remove = http.MethodDelete

	app = "/v2/apps/{app}"
)

// table lists everything the platform answers.
func (p *Platform) table() []wire.Route {
	bridge := func(method, path string, access wire.Access, do wire.Endpoint) wire.Route {
		return wire.Route{On: wire.Bridge, Method: method, Path: path, Access: access, Do: do}
	}
	tenant := func(method, path string, do wire.Endpoint) wire.Route {
		return wire.Route{On: wire.Tenant, Method: method, Path: path, Access: wire.OfTheApp, Do: do}
	}
	info := bridge(get, "/v2/tokenInfo", wire.Granted, p.tokenInfo)
	info.Fold = true
	revoke := tenant(remove, "/oauth/authorization", p.revoke)
	revoke.Access = wire.Granted
	return slices.Concat([]wire.Route{
		bridge(get, authorizePath, wire.Browser, p.authorize),
		bridge(http.MethodHead, authorizePath, wire.Browser, p.authorizeHead),
		bridge(post, consentPath, wire.Browser, p.decide),
		bridge(post, "/oauth/token", wire.Partner, p.token),
		info,
		revoke,
	}, p.hooks.Routes(), p.chat.Routes(), beyond())
}

// beyond lists what is documented but needs more than an integration's token.
func beyond() []wire.Route {
	const (
		integration = app + "/integrations/{integration}"
		board       = app + "/switchboards/{board}"
		part        = board + "/switchboardIntegrations"
	)
	var routes []wire.Route
	add := func(path string, methods ...string) {
		for _, method := range methods {
			routes = append(routes, wire.Route{
				On: wire.Tenant, Method: method, Path: path, Access: wire.Beyond,
				Do: func(*wire.Call) wire.Reply { return wire.Problem(http.StatusForbidden) },
			})
		}
	}
	add("/v2/apps", get, post)
	add(app, get, patch, remove)
	add(app+"/keys", get, post)
	add(app+"/keys/{key}", get, remove)
	add(integration, get, patch, remove)
	add(app+"/integrations", get, post)
	add(integration+"/keys", get, post)
	add(integration+"/keys/{key}", get, remove)
	add(app+"/switchboards", get, post)
	add(board, patch, remove)
	add(part, get, post)
	add(part+"/{part}", patch, remove)
	return routes
}
