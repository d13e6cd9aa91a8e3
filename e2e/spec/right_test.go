package spec_test

import "strings"

const (
	atBridge = "https://oauth-bridge.zendesk.com/sc"
	atTenant = "https://acme.zendesk.com/sc"
	hooks    = atTenant + "/v2/apps/0123/integrations/me/webhooks"
	asJSON   = "application/json"
	asForm   = "application/x-www-form-urlencoded"
	asParts  = "multipart/form-data; boundary=b"
	app      = atTenant + "/v2/apps/0123"
	chat     = app + "/conversations/0123"

	rightHook = `{"target":"https://bot.example/","triggers":["user:merge"],"includeFullUser":true}`
	rightPost = `{"author":{"type":"business"},"content":{"type":"text","text":"Tea?","actions":[` +
		`{"type":"reply","text":"Yes","payload":"YES"},{"type":"link","text":"Read","uri":"https://bot.example/"}]}}`
	rightUpload = "--b\r\nContent-Disposition: form-data; name=\"source\"; filename=\"a.txt\"\r\n\r\na\r\n--b--\r\n"
	rightLink   = `{"matchCriteria":{"type":"mailgun","integrationId":"0","address":"a@bot.example"},` +
		`"confirmation":{"type":"immediate"},"target":{"conversationId":"0"}}`
	rightExchange = `{"grant_type":"authorization_code","code":"c","client_id":"i","client_secret":"s"}`
	rightForm     = "grant_type=authorization_code&code=c&client_id=i&client_secret=s"
	rightToken    = `{"access_token":"e30.e30.x","token_type":"Bearer"}`
	rightApp      = `{"app":{"id":"0123","displayName":"Acme","settings":{"echoPostback":true},"metadata":{},` +
		`"subdomain":"acme"}}`
	rightWebhook = `{"webhook":{"id":"0123","version":"v2","target":"https://bot.example/","triggers":["user:merge"],` +
		`"secret":"0","includeFullUser":false,"includeFullSource":false}}`
	rightError = `{"errors":[{"code":"bad_request","title":"Bad request"}]}`
)

// rightRequest passes, and fails once the second of a pair stands in for the first
// in its body or, when it is not there, in its target.
type rightRequest struct {
	method, target, contentType, body string
	breaks                            map[string]string // from → to
}

func rightRequests() []rightRequest {
	const authorize = atBridge + "/oauth/authorize?client_id=i&response_type=code&state=s&" +
		"redirect_uri=https%3A%2F%2Fbot.example%2F"
	return []rightRequest{
		{"GET", authorize, asJSON, "", map[string]string{
			"client_id=i&": "", "response_type=code&": "", "=code": "=token", "state=s": "state=s&state=t",
			"&state": "&scope=x&state", "oauth-bridge": "acme", "/sc/": "/", "https://": "http://",
		}},
		{"POST", atBridge + "/oauth/token", asJSON, rightExchange, map[string]string{
			`"code":"c",`: "", `"client_secret":"s"`: `"client_secret":7`, `"i"`: `"i","scope":"x"`, `"c"`: `""`,
			"authorization_code": "refresh_token", `"client_id"`: `"Client_id"`, `"code":"c"`: `"code":"c","code":"c"`,
			"oauth-bridge": "acme", "oauth/token": "oauth/token?code=c", "}": "", rightExchange: "",
		}},
		{"POST", atBridge + "/oauth/token", asForm, rightForm, map[string]string{
			"&code=c": "", "code=c": "code=c&code=d", "client_id=i": "client_id=i&scope=x", "authorization_code": "password",
		}},
		{"GET", atBridge + "/v2/tokenInfo", asJSON, "", map[string]string{
			"oauth-bridge": "acme", "tokenInfo": "tokeninfo", "/sc": "", "/tokenInfo": "/tokenInfo?x=y",
		}},
		{"POST", hooks, asJSON, rightHook, map[string]string{
			`["user:merge"]`: `"user:merge"`, `"user:merge"`: `"user:Merge"`, `["user:merge"],`: "[],", "true": `"true"`,
			`{"target"`: `{"secret":"x","target"`, `"triggers":["user:merge"],`: "", `"target"`: `"Target"`,
			"acme": "oauth-bridge", "zendesk.com/sc": "api.smooch.io/sc", "webhooks": "webhook",
		}},
		{"POST", "https://api.eu-1.smooch.io/v2/apps/0123/integrations/me/webhooks", asJSON, rightHook, map[string]string{
			"eu-1": "eu-2", ".io": ".io/sc",
		}},
		{"PATCH", hooks + "/0123", asJSON, `{"includeFullUser":false}`, map[string]string{
			"false": "null", "includeFullUser": "includeFulluser", `{"`: `{"id":"0123","`, "webhooks/": "webhooks/a/",
		}},
		{"POST", chat + "/messages", asJSON, rightPost, map[string]string{
			`"reply"`: `"quick"`, `"payload":"YES"`: `"uri":"YES"`, `,"uri":"https://bot.example/"`: "",
			`"text":"Tea?"`: `"text":"Tea?","mediaUrl":"x"`, `"type":"text"`: `"type":"tea"`, `"business"`: `"bot"`,
			`"type":"text",`: "", `"author"`: `"writer"`,
		}},
		{"POST", app + "/attachments?access=public", asParts, rightUpload, map[string]string{
			`"source"`: `"file"`, `; filename="a.txt"`: "", "--b--": "", "access": "accesses",
			"\r\na\r\n--b--": "\r\na\r\n" + rightUpload, rightUpload: "",
		}},
		{"POST", chat + "/leave", asJSON, `{"participantId":"0"}`, map[string]string{
			`"participantId"`: `"userId":"0","participantId"`, "participant": "person",
		}},
		{"POST", chat + "/join", asJSON, `{"userId":"0","subscribeSDKClient":true}`, map[string]string{
			`"userId"`: `"participantId"`, "true": "1",
		}},
		{"POST", app + "/users/0/clients", asJSON, rightLink, map[string]string{
			`,"address":"a@bot.example"`: "", "mailgun": "whatsapp", "immediate": "now", `"target"`: `"goal"`,
		}},
		{"DELETE", atTenant + "/oauth/authorization", asJSON, "", map[string]string{"acme": "oauth-bridge", "/sc": "/sc/v2"}},
	}
}

// rightReply passes as the reply to a request, and fails once one of the
// replacements is made in its body.
type rightReply struct {
	method, target string
	status         int
	body           string
	breaks         map[string]string // from → to
}

func rightReplies() []rightReply {
	list := strings.Replace(strings.Replace(rightWebhook, `"webhook":{`, `"webhooks":[{`, 1), "}}", "}]}", 1)
	missing := map[string]string{
		`"id":"0123",`: "", `"version":"v2",`: "", `"secret":"0",`: "", `"includeFullUser":false,`: "",
		`,"includeFullSource":false`: "", `"target":"https://bot.example/",`: "", `"triggers":["user:merge"],`: "",
		`["user:merge"]`: `"user:merge"`, "v2": "v1", `"webhook`: `"Webhook`, `"secret"`: `"extra":1,"secret"`,
	}
	return []rightReply{
		{"POST", atBridge + "/oauth/token", 200, rightToken, map[string]string{
			`"access_token":"e30.e30.x",`: "", `,"token_type":"Bearer"`: "", "Bearer": "mac",
			`"token_type"`: `"expires_in":1,"token_type"`,
			`"e30.e30.x"`:  "7", "}": "", rightToken: "",
		}},
		{"GET", atBridge + "/v2/tokenInfo", 200, rightApp, map[string]string{
			`"id":"0123",`: "", `"app"`: `"apps"`, `"acme"`: "null", `true`: `"true"`, `"id"`: `"integrationId":"1","id"`,
			`"echoPostback"`: `"echo"`, `"settings":{"echoPostback":true},`: "", rightApp: rightError,
		}},
		{"POST", hooks, 201, rightWebhook, missing},
		{"GET", hooks, 200, list, missing},
		{"GET", hooks + "/0123", 200, rightWebhook, missing},
		{"PATCH", hooks + "/0123", 200, rightWebhook, missing},
		{"DELETE", hooks + "/0123", 200, "{}", map[string]string{"{}": rightWebhook, "{": ""}},
		{"DELETE", atTenant + "/oauth/authorization", 200, "{}", map[string]string{"{}": `{"ok":true}`, "}": ""}},
		{"POST", hooks, 400, rightError, map[string]string{
			`"code":"bad_request",`: "", `,"title":"Bad request"`: "", "errors": "error", "bad_request": "too_many",
			`"Bad request"`: `""`, `{"code":"bad_request","title":"Bad request"}`: "", rightError: "<h1>Bad request</h1>",
		}},
		{"GET", hooks, 401, rightError, map[string]string{ // not documented for this operation
			`"code":"bad_request",`: "", `,"title":"Bad request"`: "",
			"]": `,{"code":"a","title":"b"}]`, `"title"`: `"detail":"x","title"`,
			rightError: `{"error":"invalid_token"}`,
		}},
		{"GET", atTenant + "/v2/nothing", 404, rightError, map[string]string{
			rightError: "{}", `"errors":[`: `"errors":["x",`,
		}},
	}
}
