package wire

import (
	"net/http"
	"strings"
)

// Others returns routes for the operations of the API that no integration may do. They
// answer 403.
func Others() []Route {
	var routes []Route
	for line := range strings.Lines(beyondIntegrations) {
		method, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		routes = append(routes, Route{
			On: Tenant, Method: method, Path: path, Access: Beyond,
			Do: func(*Call) Reply { return Problem(http.StatusForbidden, "No integration may do this") },
		})
	}
	return routes
}

// beyondIntegrations are the operations that need more than an integration's token.
const beyondIntegrations = `GET /v2/apps
POST /v2/apps
GET /v2/apps/{app}
PATCH /v2/apps/{app}
DELETE /v2/apps/{app}
GET /v2/apps/{app}/keys
POST /v2/apps/{app}/keys
GET /v2/apps/{app}/keys/{key}
DELETE /v2/apps/{app}/keys/{key}
GET /v2/apps/{app}/integrations
POST /v2/apps/{app}/integrations
GET /v2/apps/{app}/integrations/{integration}
PATCH /v2/apps/{app}/integrations/{integration}
DELETE /v2/apps/{app}/integrations/{integration}
GET /v2/apps/{app}/integrations/{integration}/keys
POST /v2/apps/{app}/integrations/{integration}/keys
GET /v2/apps/{app}/integrations/{integration}/keys/{key}
DELETE /v2/apps/{app}/integrations/{integration}/keys/{key}
GET /v2/apps/{app}/switchboards
POST /v2/apps/{app}/switchboards
PATCH /v2/apps/{app}/switchboards/{board}
DELETE /v2/apps/{app}/switchboards/{board}
GET /v2/apps/{app}/switchboards/{board}/switchboardIntegrations
POST /v2/apps/{app}/switchboards/{board}/switchboardIntegrations
PATCH /v2/apps/{app}/switchboards/{board}/switchboardIntegrations/{part}
DELETE /v2/apps/{app}/switchboards/{board}/switchboardIntegrations/{part}
`
