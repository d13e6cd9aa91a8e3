package wire

import (
	"net/http"
	"strings"
)

// Others returns routes for the operations of the API that no room plays. They come
// after the rooms' own routes. What no integration may do answers 403; the rest
// answers 501, because programs read 404 as "that conversation is gone".
func Others() []Route {
	var routes []Route
	for line := range strings.Lines(beyondIntegrations) {
		method, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		routes = append(routes, Route{
			On: Tenant, Method: method, Path: path, Access: Beyond,
			Do: func(*Call) Reply { return Problem(http.StatusForbidden, "No integration may do this") },
		})
	}
	for line := range strings.Lines(forIntegrations) {
		operation := strings.TrimSpace(line)
		method, path, _ := strings.Cut(operation, " ")
		title := strings.ReplaceAll(operation, "{*", "{") + " is not played by this sandbox"
		routes = append(routes, Route{
			On: Tenant, Method: method, Path: path, Access: OfTheApp,
			Do: func(*Call) Reply { return Failure(http.StatusNotImplemented, "not_implemented", title) },
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

// forIntegrations are the operations on users and conversations that an integration
// may do and that are not played.
const forIntegrations = `POST /v2/apps/{app}/attachments
POST /v2/apps/{app}/attachments/remove
PATCH /v2/apps/{app}/conversations/{*conversation}
DELETE /v2/apps/{app}/conversations/{*conversation}
POST /v2/apps/{app}/conversations/{*conversation}/join
POST /v2/apps/{app}/conversations/{*conversation}/leave
GET /v2/apps/{app}/conversations/{*conversation}/participants
DELETE /v2/apps/{app}/conversations/{*conversation}/messages
DELETE /v2/apps/{app}/conversations/{*conversation}/messages/{message}
POST /v2/apps/{app}/conversations/{*conversation}/activity
POST /v2/apps/{app}/conversations/{*conversation}/passControl
POST /v2/apps/{app}/conversations/{*conversation}/releaseControl
POST /v2/apps/{app}/conversations/{*conversation}/offerControl
POST /v2/apps/{app}/conversations/{*conversation}/acceptControl
POST /v2/apps/{app}/conversations/{*conversation}/download
POST /v2/apps/{app}/conversations/{*conversation}/conversionEvents
GET /v2/apps/{app}/users
PATCH /v2/apps/{app}/users/{*user}
DELETE /v2/apps/{app}/users/{*user}
GET /v2/apps/{app}/users/{*user}/clients
POST /v2/apps/{app}/users/{*user}/clients
DELETE /v2/apps/{app}/users/{*user}/clients/{client}
GET /v2/apps/{app}/users/{*user}/devices
GET /v2/apps/{app}/users/{*user}/devices/{device}
DELETE /v2/apps/{app}/users/{*user}/personalinformation
POST /v2/apps/{app}/users/{*user}/sync
`
