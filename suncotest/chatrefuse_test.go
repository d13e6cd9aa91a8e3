package suncotest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// requireCode checks the status and the code of an error.
func requireCode(t *testing.T, a answer, status int, code string) {
	t.Helper()
	requireProblem(t, a, status)
	require.Contains(t, a.Body, `"code":"`+code+`"`)
}

func TestUsersRefuse(t *testing.T) {
	d := strictDesk(t)
	long := func(n int) string { return `"` + strings.Repeat("é", n) + `"` }
	with := func(member string) string { return `{"externalId":"canary",` + member + `}` }
	profile := func(member string) string { return with(`"profile":{` + member + `}`) }
	for name, body := range map[string]string{
		"empty": "", "array": "[]", "null": "null", "truncated": `{"externalId":"canary"`, "two": `{"externalId":"canary"}{}`,
		"empty external id": `{"externalId":""}`, "null external id": `{"externalId":null}`,
		"number": `{"externalId":1}`, "long external id": `{"externalId":` + long(1025) + `}`,
		"other case": `{"ExternalId":"canary"}`,
		"duplicate":  with(`"externalId":"x"`), "unknown": with(`"id":"x"`), "profile null": with(`"profile":null`),
		"profile text": with(`"profile":"x"`), "profile unknown": profile(`"name":"x"`),
		"long name":  profile(`"givenName":` + long(129)),
		"empty name": profile(`"surname":""`), "e-mail": profile(`"email":"canary"`), "two at": profile(`"email":"a@b@c"`),
		"avatar": profile(`"avatarUrl":"/canary.png"`), "locale": profile(`"locale":` + long(65)),
		"signed up":             with(`"signedUpAt":"2025-01-01"`),
		"signed up twice a day": with(`"signedUpAt":"2025-01-01T25:00:00.000Z"`),
		"retained":              with(`"toBeRetained":"yes"`), "brand": with(`"brandId":""`),
		"nested metadata":  with(`"metadata":{"a":{}}`),
		"null in metadata": with(`"metadata":{"a":null}`), "metadata list": with(`"metadata":[]`),
		"large metadata": with(`"metadata":{"a":` + long(2046) + `}`),
	} {
		t.Run(name, func(t *testing.T) {
			a := d.post("/users", body)
			requireCode(t, a, 400, "bad_request")
			assert.NotContains(t, a.Body, "canary")
		})
	}
	whole := `{"externalId":` + long(1024) + `,"brandId":null,"signedUpAt":"2025-01-01T00:00:00.000Z",` +
		`"toBeRetained":true,` +
		`"metadata":{"a":` + long(2041) + `,"b":1},"profile":{"givenName":null,"surname":` + long(128) +
		`,"avatarUrl":"https://x.example/"}}`
	assert.Equal(t, 201, d.post("/users", whole).Status)
	requireCode(t, d.post("/users", whole), 409, "conflict")
	require.Equal(t, 201, d.post("/users", `{"externalId":"jane","brandId":"7","metadata":null}`).Status)
	requireCode(t, d.get("/users/jane"), 404, "user_not_found")
	assert.Equal(t, 200, d.get("/users/jane?brandId=7").Status)
	assert.NotEmpty(t, d.user("jane"), "the same external id without the brand")
	for _, id := range []string{"..", "a/b", "日本", "a b", "%"} {
		require.NotEmpty(t, d.user(id))
	}
	for _, path := range []string{"/users/a%2Fb", "/users/%E6%97%A5%E6%9C%AC", "/users/a%20b", "/users/%25"} {
		assert.Equal(t, 200, d.get(path).Status, path)
	}
}

func TestConversationsRefuse(t *testing.T) {
	d := strictDesk(t)
	id := d.user("jane")
	participants := func(list string) string { return `{"type":"personal","participants":[` + list + `]}` }
	for name, body := range map[string]string{
		"empty": "", "no type": `{"participants":[{"userId":"` + id + `"}]}`, "unknown type": `{"type":"group"}`,
		"no participants": `{"type":"personal"}`, "none": participants(""),
		"two":    participants(`{"userId":"` + id + `"},{"userExternalId":"x"}`),
		"nobody": participants(`{}`), "both": participants(`{"userId":"` + id + `","userExternalId":"jane"}`),
		"empty id": participants(`{"userId":""}`),
		"null id":  participants(`{"userId":null}`), "unknown member": participants(`{"userId":"` + id + `","role":"x"}`),
		"subscribe": participants(`{"userId":"` + id + `","subscribeSDKClient":"yes"}`),
		"text":      participants(`"` + id + `"`), "null": participants("null"),
		"unknown": `{"type":"sdkGroup","isDefault":true}`, "name": `{"type":"sdkGroup","displayName":""}`,
		"description":  `{"type":"sdkGroup","description":"` + strings.Repeat("x", 101) + `"}`,
		"icon":         `{"type":"sdkGroup","iconUrl":"icon"}`,
		"metadata":     `{"type":"sdkGroup","metadata":{"a":[]}}`,
		"unsubscribed": `{"type":"sdkGroup","participants":[{"userId":"` + id + `"}]}`,
		"twice": `{"type":"sdkGroup","participants":[{"userId":"` + id +
			`","subscribeSDKClient":true},{"userExternalId":"jane","subscribeSDKClient":true}]}`,
		"many": `{"type":"sdkGroup","participants":[` +
			strings.Repeat(`{"userId":"x","subscribeSDKClient":true},`, 10) + `{}]}`,
	} {
		t.Run(name, func(t *testing.T) { requireCode(t, d.post("/conversations", body), 400, "bad_request") })
	}
	requireCode(t, d.post("/conversations", participants(`{"userId":"jane"}`)), 404, "user_not_found")
	requireCode(t, d.post("/conversations", participants(`{"userExternalId":"`+id+`"}`)), 404, "user_not_found")
	requireCode(t, d.get("/conversations/nobody"), 404, "conversation_not_found")
	requireCode(t, d.get("/conversations/a%2Fb"), 404, "conversation_not_found")
	assert.Empty(t, d.p.Conversations(d.appID("acme")))

	a := d.post("/conversations", `{"type":"sdkGroup","displayName":"All","description":null,`+
		`"iconUrl":"https://x.example/"}`)
	require.Equal(t, 201, a.Status, a.Body)
	assert.Contains(t, a.Body, `"isDefault":false`)
	one, two := d.conversation(id), d.conversation(id)
	assert.Contains(t, d.get("/conversations/"+one).Body, `"isDefault":true`)
	assert.Contains(t, d.get("/conversations/"+two).Body, `"isDefault":false`)
}

func TestMessagesRefuse(t *testing.T) {
	d := strictDesk(t)
	id, other := d.user("jane"), d.user("joe")
	conv := d.conversation(id)
	const hello = `{"type":"text","text":"canary"}`
	whole := func(author, content, more string) string {
		return `{"author":` + author + `,"content":` + content + more + `}`
	}
	user := func(more string) string { return whole(`{"type":"user"`+more+`}`, hello, "") }
	business := func(more string) string { return whole(`{"type":"business"`+more+`}`, hello, "") }
	more := func(more string) string { return whole(`{"type":"business"}`, hello, ","+more) }
	for name, body := range map[string]string{
		"empty": "", "no author": `{"content":` + hello + `}`, "no content": `{"author":{"type":"business"}}`,
		"author null": whole("null", hello, ""), "author type": whole(`{"type":"system"}`, hello, ""),
		"no author type": whole(`{}`, hello, ""),
		"no user":        user(""), "two users": user(`,"userId":"` + id + `","userExternalId":"jane"`),
		"user AI":  user(`,"userId":"` + id + `","subtypes":["AI"]`),
		"stranger": user(`,"userId":"` + other + `"`), "business with user": business(`,"userId":"` + id + `"`),
		"business with brand": business(`,"brandId":"x"`),
		"subtype":             business(`,"subtypes":["bot"]`), "subtypes": business(`,"subtypes":["AI","AI"]`),
		"avatar":         business(`,"avatarUrl":""`),
		"author unknown": business(`,"name":"x"`), "unknown": more(`"id":"x"`), "metadata": more(`"metadata":{"a":[]}`),
		"schema":                  more(`"schema":"x"`),
		"schema without template": more(`"schema":"whatsapp"`), "override": more(`"override":{"sms":{}}`),
		"destination":  more(`"destination":{}`),
		"destinations": more(`"destination":{"integrationId":"x","integrationType":"y"}`),
		"received":     more(`"received":"2025-01-01T00:00:00.000Z"`),
		"user to a destination": whole(`{"type":"user","userId":"`+id+`"}`, hello,
			`,"destination":{"integrationType":"none"}`),
	} {
		t.Run(name, func(t *testing.T) {
			a := d.post("/conversations/"+conv+"/messages", body)
			requireCode(t, a, 400, "bad_request")
			assert.NotContains(t, a.Body, "canary")
		})
	}
	requireCode(t, d.post("/conversations/"+conv+"/messages", user(`,"userExternalId":"nobody"`)), 404, "user_not_found")
	requireCode(t, d.say("nobody", "x"), 404, "conversation_not_found")
	group := field(t, d.post("/conversations", `{"type":"sdkGroup"}`).Body, "conversation.id")
	requireCode(t, d.post("/conversations/"+group+"/messages", more(`"destination":{"integrationType":"none"}`)), 400,
		"bad_request")
	assert.Empty(t, d.p.Conversations(d.appID("acme"))[0].Messages)

	all := `"destination":{"integrationType":"none"},"metadata":{"a":1},"override":{"apple":{"payload":{},` +
		`"withCapabilities":["LIST"]}}`
	a := d.post("/conversations/"+conv+"/messages",
		whole(`{"type":"business","displayName":"Bot","subtypes":["AI"],"avatarUrl":"https://x.example/"}`, hello, ","+all))
	require.Equal(t, 201, a.Status, a.Body)
	assert.Contains(t, a.Body, `"author":{"type":"business","subtypes":["AI"],"displayName":"Bot",`+
		`"avatarUrl":"https://x.example/"}`)
	assert.Contains(t, a.Body, `"metadata":{"a":1}`)
	assert.Equal(t, 201, d.post("/conversations/"+conv+"/messages", user(`,"userExternalId":"jane"`)).Status)
}

func TestContent(t *testing.T) {
	d := strictDesk(t)
	at := "/conversations/" + d.conversation(d.user("jane")) + "/messages"
	post := func(content, more string) answer {
		return d.post(at, `{"author":{"type":"business"},"content":`+content+more+`}`)
	}
	long := func(n int) string { return strings.Repeat("é", n) }
	link := `{"type":"link","text":"More","uri":"https://x.example"}`
	card := `{"title":"Tea","actions":[` + link + `]}`
	field1 := `{"type":"text","name":"n","label":"Name"}`
	for _, content := range []string{
		`{"type":"text","text":"` + long(4096) + `"}`,
		`{"type":"text","actions":[{"type":"locationRequest","text":"Where?"}]}`,
		`{"type":"text","text":"x","blockChatInput":true,"actions":[` + link +
			`,{"type":"reply","text":"Yes","payload":"y","metadata":{"a":1}},` +
			`{"type":"buy","text":"Buy","amount":100},{"type":"postback","text":"Go","payload":"g"},` +
			`{"type":"webview","text":"W","uri":"https://x.example","fallback":"https://x.example","size":"tall"}]}`,
		`{"type":"image","mediaUrl":"https://x.example/a.png","altText":"A"}`,
		`{"type":"file","mediaUrl":"https://x.example/a.pdf","text":"x"}`,
		`{"type":"carousel","items":[` + card + `],"displaySettings":{"imageAspectRatio":"square"}}`,
		`{"type":"list","items":[` + card + `],"actions":[` + link + `]}`,
		`{"type":"form","fields":[` + field1 + `,{"type":"select","name":"s","label":"S","options":[{"name":"a",` +
			`"label":"A"}]}]}`,
		`{"type":"location","coordinates":{"lat":1.5,"long":-2},"location":{"name":"Here"}}`,
	} {
		a := post(content, "")
		assert.Equal(t, 201, a.Status, content[:20]+a.Body)
	}
	assert.Equal(t, 201, post(`{"type":"template","template":{"name":"x"}}`, `,"schema":"whatsapp"`).Status)
	assert.Contains(t, post(`{"type":"text","htmlText":"<p>A &amp; <b>B</b></p>"}`, "").Body, `"text":"A \u0026 B"`)
	a := post(`{"type":"text","markdownText":"1 < 2"}`, "")
	assert.Contains(t, a.Body, `"text":"1 \u003c 2"`)
	assert.NotContains(t, a.Body, "markdownText")
	for name, content := range map[string]string{
		"null": "null", "text instead": `"x"`, "no type": `{}`, "unknown type": `{"type":"video"}`,
		"response": `{"type":"formResponse","fields":[` + field1 + `]}`,
		"long":     `{"type":"text","text":"` + long(4097) + `"}`, "nothing": `{"type":"text"}`,
		"empty": `{"type":"text","text":""}`, "unknown": `{"type":"text","text":"x","html":"y"}`,
		"two riches":    `{"type":"text","htmlText":"x","markdownText":"y"}`,
		"rich too long": `{"type":"text","markdownText":"` + long(4090) + `"}`,
		"no url":        `{"type":"image"}`, "relative": `{"type":"image","mediaUrl":"/a.png"}`,
		"file with actions": `{"type":"file","mediaUrl":"https://x.example","actions":[]}`,
		"no items":          `{"type":"carousel","items":[]}`,
		"no title":          `{"type":"carousel","items":[{"actions":[` + link + `]}]}`,
		"reply on a card": `{"type":"list","items":[{"title":"T","actions":[` +
			`{"type":"reply","text":"Y","payload":"y"}]}]}`,
		"eleven":                  `{"type":"list","items":[` + strings.Repeat(card+",", 10) + card + `]}`,
		"unknown action":          `{"type":"text","text":"x","actions":[{"type":"dial","text":"x"}]}`,
		"action without text":     `{"type":"text","text":"x","actions":[{"type":"reply","payload":"y"}]}`,
		"half a cent":             `{"type":"text","actions":[{"type":"buy","text":"x","amount":0.5}]}`,
		"same field twice":        `{"type":"form","fields":[` + field1 + `,` + field1 + `]}`,
		"no label":                `{"type":"form","fields":[{"type":"text","name":"n"}]}`,
		"half a location":         `{"type":"location","coordinates":{"lat":1}}`,
		"text location":           `{"type":"location","coordinates":{"lat":"1","long":"2"}}`,
		"template without schema": `{"type":"template","template":{}}`,
		"block":                   `{"type":"text","text":"x","blockChatInput":1}`,
	} {
		t.Run(name, func(t *testing.T) { requireCode(t, post(content, ""), 400, "bad_request") })
	}
	requireCode(t, d.do(http.MethodPost, d.base+at, `{}`, "Authorization", "Bearer "+d.token, "Content-Type",
		"text/plain"), 415, "unsupported_media_type")
}

// The description closes no schema, and so unknown names are accepted.
func TestUnknownNames(t *testing.T) {
	lenient, strict := newDesk(t), strictDesk(t)
	for _, d := range []*desk{lenient, strict} {
		d.user("jane")
		d.conversation(field(t, d.get("/users/jane").Body, "user.id"))
	}
	conv := lenient.p.Conversations(lenient.appID("acme"))[0].ID
	require.Equal(t, conv, strict.p.Conversations(strict.appID("acme"))[0].ID)
	messages := "/conversations/" + conv + "/messages"
	hooks := "/integrations/me/webhooks"
	const says = `"content":{"type":"text","text":"hi"}`
	for name, tc := range map[string]struct{ method, path, body, named, refused string }{
		"user": {"POST", "/users", `{"externalId":"x","vip":"canary"}`, "the member vip", "vip is not a known member"},
		"profile": {
			"POST", "/users", `{"externalId":"y","profile":{"nick":"canary"}}`, "the member nick",
			"profile.nick is not a known member",
		},
		"conversation": {"POST", "/conversations", `{"type":"sdkGroup","x\ty":"canary"}`, `the member "x\ty"`,
			"is not a known member"},
		"message": {"POST", messages, `{"author":{"type":"business"},"id":"canary",` + says + `}`, "the member id",
			"id is not a known member"},
		"author": {
			"POST", messages, `{"author":{"type":"business","mood":"canary"},` + says + `}`, "the member mood",
			"author.mood is not a known member",
		},
		"content": {
			"POST", messages, `{"author":{"type":"business"},"content":{"type":"text","text":"hi","html":"canary"}}`,
			"the member html", "content.html is not a known member",
		},
		"item": {
			"POST", messages, `{"author":{"type":"business"},"content":{"type":"text","actions":[` +
				`{"type":"reply","text":"a","payload":"b","icon":"canary"}]}}`,
			"the member icon", "content.actions.*.icon is not a known member",
		},
		"webhook": {"POST", hooks, strings.Replace(goodHook, "{", `{"secret":"canary",`, 1), "the member secret",
			"secret is not a known member"},
		"parameter":  {"GET", messages + "?filter=canary", "", "the parameter filter", "unknown parameter filter"},
		"old client": {"GET", messages + "?page={%22size%22:10}", "", "the parameter page", "unknown parameter page"},
		"long": {
			"GET", "/users/jane?" + strings.Repeat("x", 1000) + "=1", "", "the parameter " + strings.Repeat("x", 64),
			"unknown parameter " + strings.Repeat("x", 64) + `"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := lenient.api(lenient.token, tc.method, lenient.base+tc.path, tc.body)
			require.Equal(t, 2, a.Status/100, a.Body)
			requests := lenient.p.Requests()
			assert.Equal(t, "unknown: "+tc.named, requests[len(requests)-1].Note)
			a = strict.api(strict.token, tc.method, strict.base+tc.path, tc.body)
			requireCode(t, a, 400, "bad_request")
			assert.Contains(t, a.Body, tc.refused)
			assert.NotContains(t, a.Body, "canary")
		})
	}
}
