package suncotest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

const (
	idPattern   = `^[0-9a-f]{24}$`
	timePattern = `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`
)

// desk is an app with the integration in it.
type desk struct {
	*world
	token, base string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	return deskWith(t, suncotest.Behavior{})
}

// strictDesk refuses what the description of the API does not have.
func strictDesk(t *testing.T) *desk {
	t.Helper()
	return deskWith(t, suncotest.Behavior{Strict: true})
}

func deskWith(t *testing.T, b suncotest.Behavior) *desk {
	t.Helper()
	w := newWorld(t, suncotest.Config{Behavior: b})
	return &desk{w, w.install("acme"), acmeURL + "/v2/apps/" + w.appID("acme")}
}

func (d *desk) post(path, body string) answer {
	d.Helper()
	return d.api(d.token, http.MethodPost, d.base+path, body)
}

func (d *desk) get(path string) answer {
	d.Helper()
	return d.api(d.token, http.MethodGet, d.base+path, "")
}

// user creates a user and returns the id.
func (d *desk) user(externalID string) string {
	d.Helper()
	a := d.post("/users", `{"externalId":"`+externalID+`"}`)
	require.Equal(d, 201, a.Status, a.Body)
	return field(d.T, a.Body, "user.id")
}

// conversation creates a personal conversation and returns the id.
func (d *desk) conversation(userID string) string {
	d.Helper()
	a := d.post("/conversations", `{"type":"personal","participants":[{"userId":"`+userID+`"}]}`)
	require.Equal(d, 201, a.Status, a.Body)
	return field(d.T, a.Body, "conversation.id")
}

func (d *desk) say(conversation, text string) answer {
	d.Helper()
	return d.post("/conversations/"+conversation+"/messages",
		`{"author":{"type":"business"},"content":{"type":"text","text":"`+text+`"}}`)
}

// records returns the ids of a list, and what is around it.
func records(t *testing.T, a answer, name string) (ids []string, more bool, prev, next string) {
	t.Helper()
	require.Equal(t, 200, a.Status, a.Body)
	var list []struct{ ID string }
	var body map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(a.Body), &body))
	require.NoError(t, json.Unmarshal(body[name], &list))
	var meta struct {
		HasMore                   bool
		AfterCursor, BeforeCursor string
	}
	var links struct{ Prev, Next string }
	require.NoError(t, json.Unmarshal(body["meta"], &meta))
	require.NoError(t, json.Unmarshal(body["links"], &links))
	assert.Equal(t, meta.AfterCursor == "", links.Next == "")
	assert.Equal(t, meta.BeforeCursor == "", links.Prev == "")
	for _, r := range list {
		ids = append(ids, r.ID)
	}
	return ids, meta.HasMore, links.Prev, links.Next
}

func TestChat(t *testing.T) {
	d := newDesk(t)
	requireProblem(t, d.get("/users/jane@example.com"), 404)
	a := d.post("/users", `{"externalId":"jane@example.com","profile":{"givenName":"Jane","surname":"Doe","email":null}}`)
	require.Equal(t, 201, a.Status, a.Body)
	id := field(t, a.Body, "user.id")
	assert.Regexp(t, idPattern, id)
	assert.Regexp(t, timePattern, field(t, a.Body, "user.signedUpAt"))
	assert.Equal(t, "Jane", field(t, a.Body, "user.profile.givenName"))
	assert.Equal(t, a.Body, d.get("/users/"+id).Body)
	assert.Equal(t, a.Body, d.get("/users/jane%40example.com").Body)

	assert.JSONEq(t, `{"conversations":[],"meta":{"hasMore":false},"links":{}}`,
		d.get("/conversations?filter[userId]="+id).Body)
	a = d.post("/conversations", `{"type":"personal","participants":[{"userExternalId":"jane@example.com",`+
		`"subscribeSDKClient":false}],"metadata":{"lang":"en"}}`)
	require.Equal(t, 201, a.Status, a.Body)
	conv := field(t, a.Body, "conversation.id")
	assert.Regexp(t, idPattern, conv)
	created := field(t, a.Body, "conversation.createdAt")
	assert.Regexp(t, timePattern, created)
	assert.JSONEq(t, `{"conversation":{"id":"`+conv+`","type":"personal","isDefault":true,`+
		`"metadata":{"lang":"en"},"createdAt":"`+
		created+`","lastUpdatedAt":"`+created+`","activeSwitchboardIntegration":{"id":"`+
		field(t, a.Body, "conversation.activeSwitchboardIntegration.id")+
		`","name":"shoplifter","integrationId":"`+d.p.Installations()[0].IntegrationID+
		`","integrationType":"shoplifter"}}}`, a.Body)
	assert.Equal(t, a.Body, d.get("/conversations/"+conv).Body)
	ids, more, _, _ := records(t, d.get("/conversations?filter%5BuserExternalId%5D=jane%40example.com"), "conversations")
	assert.Equal(t, []string{conv}, ids)
	assert.False(t, more)

}

func TestPostMessage(t *testing.T) {
	d := newDesk(t)
	a := d.post("/users", `{"externalId":"jane@example.com","profile":{"givenName":"Jane","surname":"Doe"}}`)
	require.Equal(t, 201, a.Status, a.Body)
	id := field(t, a.Body, "user.id")
	conv := d.conversation(id)
	a = d.post("/conversations/"+conv+"/messages", `{"author":{"type":"user","userId":"`+
		id+`"},"content":{"type":"text","text":"Hallo <b>"}}`)
	require.Equal(t, 201, a.Status, a.Body)
	var posted struct {
		Messages []struct {
			ID, Received            string
			Author, Content, Source map[string]string
		}
	}
	require.NoError(t, json.Unmarshal([]byte(a.Body), &posted))
	require.Len(t, posted.Messages, 1)
	m := posted.Messages[0]
	assert.Regexp(t, idPattern, m.ID)
	assert.Regexp(t, timePattern, m.Received)
	assert.Equal(t, map[string]string{"type": "user", "userId": id, "displayName": "Jane Doe"}, m.Author)
	assert.Equal(t, map[string]string{"type": "text", "text": "Hallo <b>"}, m.Content)
	assert.Equal(t, map[string]string{"type": "api:conversations"}, m.Source)
	require.Equal(t, 201, d.say(conv, "Welcome").Status)
	ids, _, _, _ := records(t, d.get("/conversations/"+conv+"/messages"), "messages")
	assert.Len(t, ids, 2)
	assert.Equal(t, m.ID, ids[0])

	all := d.p.Conversations(d.appID("acme"))
	require.Len(t, all, 1)
	require.Len(t, all[0].Messages, 2)
	assert.Equal(t, []string{"jane@example.com"}, all[0].Users)
	first := all[0].Messages[0]
	assert.WithinDuration(t, time.Now(), first.Time, time.Minute)
	first.Time = time.Time{}
	assert.Equal(t, suncotest.Message{ID: m.ID, AuthorType: "user", AuthorName: "Jane Doe",
		UserExternalID: "jane@example.com", ContentType: "text", Text: "Hallo <b>",
		Content: json.RawMessage(`{"text":"Hallo <b>","type":"text"}`)}, first)
	assert.Empty(t, d.p.Conversations("nobody"))
}

func TestChatBelongsToTheApp(t *testing.T) {
	w := newWorld(t, suncotest.Config{Accounts: []suncotest.Account{{Subdomain: "acme"}, {Subdomain: "globex"}}})
	acme := &desk{w, w.install("acme"), acmeURL + "/v2/apps/" + w.appID("acme")}
	globex := &desk{w, w.install("globex"), "https://globex.zendesk.com/sc/v2/apps/" + w.appID("globex")}
	id := acme.user("jane")
	conv := acme.conversation(id)
	globex.user("jane")
	requireProblem(t, globex.get("/users/"+id), 404)
	requireProblem(t, globex.get("/conversations?filter[userId]="+id), 404)
	requireProblem(t, globex.get("/conversations/"+conv), 404)
	requireProblem(t, globex.get("/conversations/"+conv+"/messages"), 404)
	requireProblem(t, globex.say(conv, "x"), 404)
	requireProblem(t, globex.post("/conversations", `{"type":"personal","participants":[{"userId":"`+id+`"}]}`), 404)
	requireProblem(t, w.api(globex.token, http.MethodGet, globex.base[:len("https://globex.zendesk.com/sc/v2/apps/")]+
		w.appID("acme")+"/users/jane", ""), 403)
	requireProblem(t, w.api(globex.token, http.MethodGet, acme.base+"/users/jane", ""), 401)
	require.Empty(t, w.p.Conversations(w.appID("globex")))

	require.NoError(t, w.p.Uninstall(w.appID("acme")))
	requireProblem(t, acme.get("/users/jane"), 401)
	acme.token = w.install("acme")
	assert.Equal(t, 200, acme.get("/users/jane").Status)
	assert.Equal(t, 200, acme.get("/conversations/"+conv).Status)
}

func TestChatMethods(t *testing.T) {
	d := newDesk(t)
	for path, allow := range map[string]string{
		"/users": "GET, POST", "/users/x": "DELETE, GET, PATCH", "/conversations": "GET, POST",
		"/conversations/x": "DELETE, GET, PATCH", "/conversations/x/messages": "DELETE, GET, POST",
	} {
		a := d.api(d.token, http.MethodPut, d.base+path, "{}")
		requireProblem(t, a, 405)
		assert.Equal(t, allow, a.Header.Get("Allow"))
		method := strings.Split(allow, ", ")[0]
		requireProblem(t, d.do(method, d.base+path, "{}", "Content-Type", jsonType), 401)
	}
	for _, path := range []string{"/users", "/conversations", "/conversations/x/messages"} {
		requireProblem(t, d.do(http.MethodPost, d.base+path, "{}", "Authorization", "Bearer "+d.token), 415)
		requireProblem(t, d.post(path, `{"x":"`+strings.Repeat("x", 100_000)+`"}`), 413)
	}
	for _, path := range []string{"/users/", "/users/x/y", "/conversations/", "/conversations/x/",
		"/conversations/x/messages/y/z", "/users/%ff%fe"} {
		requireProblem(t, d.get(path), 404)
	}
}

func TestPages(t *testing.T) {
	d := newDesk(t)
	id := d.user("jane doe/é")
	var want []string
	for range 7 {
		want = append(want, d.conversation(id))
	}
	path := "/conversations?page[size]=3&filter[userExternalId]=" + url.QueryEscape("jane doe/é")
	ids, more, prev, next := records(t, d.get(path), "conversations")
	assert.Equal(t, want[:3], ids)
	assert.True(t, more)
	assert.Empty(t, prev)
	follow := func(link string) ([]string, bool, string, string) {
		require.True(t, strings.HasPrefix(link, d.base), link)
		return records(t, d.get(strings.TrimPrefix(link, d.base)), "conversations")
	}
	ids, more, _, next = follow(next)
	assert.Equal(t, want[3:6], ids)
	assert.True(t, more)
	ids, more, prev, next = follow(next)
	assert.Equal(t, want[6:], ids)
	assert.False(t, more)
	assert.Empty(t, next)
	ids, more, prev, next = follow(prev)
	assert.Equal(t, want[3:6], ids)
	assert.True(t, more)
	assert.NotEmpty(t, next)
	ids, more, prev, _ = follow(prev)
	assert.Equal(t, want[:3], ids)
	assert.False(t, more)
	assert.Empty(t, prev)
	ids, more, prev, _ = records(t, d.get(path+"&page[after]="+want[6]), "conversations")
	assert.Empty(t, ids)
	assert.False(t, more)
	ids, _, _, _ = follow(prev)
	assert.Equal(t, want[3:6], ids, "before the cursor that was asked with")

}

func TestPagesRefuse(t *testing.T) {
	d := strictDesk(t)
	id := d.user("jane doe/é")
	want := []string{d.conversation(id), d.conversation(id)}
	for _, query := range []string{
		"page[size]=0", "page[size]=101", "page[size]=x", "page[size]=+3", "page[size]=3&page[size]=3", "page[after]=x",
		"page[after]=",
		"page[before]=" + strings.Repeat("0", 24), "page[after]=" + want[0] + "&page[before]=" + want[1],
		"page[offset]=1", "filter[userId]=" + id,
		"%zz", "page=1", "filter[userId]=",
	} {
		path := "/conversations?filter[userExternalId]=jane+doe%2F%C3%A9&" + query
		if query == "filter[userId]=" {
			path = "/conversations?" + query
		}
		requireCode(t, d.get(path), 400, "bad_request")
	}
	requireCode(t, d.get("/conversations"), 400, "bad_request")
	requireCode(t, d.get("/conversations?filter[userId]=nobody"), 404, "user_not_found")
	requireCode(t, d.get("/conversations?filter[userExternalId]="+id), 404, "user_not_found")
	requireCode(t, d.get("/users/"+id+"?page[size]=1"), 400, "bad_request")
}

func TestMessagePages(t *testing.T) {
	d := strictDesk(t)
	conv := d.conversation(d.user("jane"))
	path := "/conversations/" + conv + "/messages"
	for i := range 205 {
		require.Equal(t, 201, d.say(conv, fmt.Sprint(i)).Status)
	}
	last, more, prev, next := records(t, d.get(path+"?page[size]=7"), "messages")
	assert.Len(t, last, 100)
	assert.True(t, more)
	assert.Empty(t, next)
	middle, more, prev, next := records(t, d.get(strings.TrimPrefix(prev, d.base)), "messages")
	assert.Len(t, middle, 100)
	assert.True(t, more)
	first, more, prev, _ := records(t, d.get(strings.TrimPrefix(prev, d.base)), "messages")
	assert.Len(t, first, 5)
	assert.False(t, more)
	assert.Empty(t, prev)
	again, more, _, _ := records(t, d.get(strings.TrimPrefix(next, d.base)), "messages")
	assert.Equal(t, last, again)
	assert.False(t, more)
	again, more, _, _ = records(t, d.get(path+"?page[after]="+first[4]), "messages")
	assert.Equal(t, middle, again)
	assert.True(t, more)
	requireCode(t, d.get(path+"?filter[userId]=x"), 400, "bad_request")
	requireCode(t, d.get(path+"?page[before]=short"), 400, "bad_request")
	requireCode(t, d.get("/conversations/x/messages"), 404, "not_found")
}
