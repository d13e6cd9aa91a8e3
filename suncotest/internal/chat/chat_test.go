package chat

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// inApp returns a service and a function that posts to one app.
func inApp(t *testing.T) (*Service, func(path, body string) *httptest.ResponseRecorder) {
	t.Helper()
	s, call := serving(t)
	return s, func(path, body string) *httptest.ResponseRecorder { return call(http.MethodPost, path, body) }
}

// serving returns a service and a function that calls it for one app.
func serving(t *testing.T) (*Service, func(method, path, body string) *httptest.ResponseRecorder) {
	t.Helper()
	s := New(Options{
		Lock: &wire.Lock{}, Emit: func(string, string, wire.Payload) {}, Integration: func(string) string { return "" },
	})
	return s, func(method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, "/sc/v2/apps/a"+path, nil)
		r.Header.Set("Content-Type", "application/json")
		c := &wire.Call{
			Request: r, At: wire.Locate("acme.zendesk.com"), Body: []byte(body), Holder: &wire.Holder{AppID: "a"},
		}
		route, params, _ := wire.Find(s.Routes(), c.At, r.Method, r.URL.EscapedPath())
		require.NotNil(t, route)
		c.Params = params
		w := httptest.NewRecorder()
		route.Do(c).Write(w, r)
		return w
	}
}

// TestConversationIsFull begins one message before the limit.
func TestConversationIsFull(t *testing.T) {
	s, post := inApp(t)
	require.Equal(t, http.StatusCreated, post("/conversations", `{"type":"sdkGroup"}`).Code)
	v := s.app("a").conversations[0]
	v.posted = 30_000 - 1
	const hello = `{"author":{"type":"business"},"content":{"type":"text","text":"Hello"}}`
	require.Equal(t, http.StatusCreated, post("/conversations/"+v.ID+"/messages", hello).Code)
	last := post("/conversations/"+v.ID+"/messages", hello)
	require.Equal(t, http.StatusLocked, last.Code)
	require.Contains(t, last.Body.String(), `"code":"locked"`)
}

// TestChatStaysSmall fills the platform to its edges without sending that much.
func TestChatStaysSmall(t *testing.T) {
	s, post := inApp(t)
	require.Equal(t, http.StatusCreated, post("/conversations", `{"type":"sdkGroup"}`).Code)
	require.Equal(t, http.StatusCreated, post("/conversations", `{"type":"sdkGroup"}`).Code)
	h, conversations := &s.history, s.app("a").conversations
	const each = 64 << 10
	for i := range 2 * maxMessages / each {
		h.add(conversations[i%2], &message{size: each})
	}
	require.Equal(t, maxMessages, h.messages)
	require.Len(t, h.oldest, maxMessages/each)
	for _, v := range conversations {
		require.Len(t, v.messages, maxMessages/each/2, "the older half is forgotten")
		require.Equal(t, maxMessages/each, v.posted)
	}
	h.add(conversations[0], &message{size: 2 * maxMessages})
	require.Len(t, h.oldest, 1, "one message is always kept")

	user := `{"externalId":"` + strings.Repeat("x", 1000) + `"}`
	h.records = maxRecords - recordOverhead - 1000 - len(`{}{}`)
	require.Equal(t, http.StatusCreated, post("/users", user).Code)
	require.Equal(t, maxRecords, h.records)
	for _, refused := range []*httptest.ResponseRecorder{post("/users", `{"externalId":"y"}`),
		post("/conversations", `{"type":"sdkGroup"}`)} {
		require.Equal(t, http.StatusInsufficientStorage, refused.Code)
		require.Contains(t, refused.Body.String(), `"code":"insufficient_storage"`)
	}
	require.Equal(t, http.StatusConflict, post("/users", user).Code)
}

// TestDeletingMakesRoom deletes everything that was made, and nothing is left.
func TestDeletingMakesRoom(t *testing.T) {
	s, call := serving(t)
	ok := func(want int, method, path, body string) string {
		t.Helper()
		w := call(method, path, body)
		require.Equal(t, want, w.Code, w.Body)
		return w.Body.String()
	}
	ok(201, "POST", "/users", `{"externalId":"ada","metadata":{"a":1}}`)
	ok(201, "POST", "/conversations", `{"type":"sdkGroup","displayName":"A"}`)
	v := s.app("a").conversations[0]
	at := "/conversations/" + v.ID
	ok(200, "PATCH", at, `{"metadata":{"a":"b"},"displayName":"Longer"}`)
	ok(200, "PATCH", "/users/ada", `{"profile":{"givenName":"Ada"}}`)
	require.Equal(t, s.history.records, v.size+s.app("a").find("ada", "").size)

	const hello = `{"author":{"type":"business"},"content":{"type":"text","text":"Hello"}}`
	for range 3 {
		ok(201, "POST", at+"/messages", hello)
	}
	ok(200, "DELETE", at+"/messages/"+v.messages[1].ID, "")
	require.Len(t, s.history.oldest, 2)
	v.posted = maxPosted
	ok(423, "POST", at+"/messages", hello)
	ok(200, "DELETE", at+"/messages", "")
	require.Zero(t, s.history.messages)
	require.Empty(t, s.history.oldest)
	ok(201, "POST", at+"/messages", hello)

	// When all room is taken, what does not grow can still be changed.
	s.history.records += maxRecords
	ok(200, "PATCH", at, `{"displayName":"Short"}`)
	ok(507, "PATCH", at, `{"displayName":"Much longer than before"}`)
	ok(507, "PATCH", "/users/ada", `{"profile":{"givenName":"Ada Augusta"}}`)
	require.Equal(t, "Short", v.DisplayName)
	s.history.records -= maxRecords

	ok(200, "DELETE", at, "")
	require.Zero(t, s.history.messages)
	ok(200, "DELETE", "/users/ada", "")
	require.Zero(t, s.history.records)
}

// TestFilesAreBounded counts the attachments that are forgotten.
func TestFilesAreBounded(t *testing.T) {
	s, _ := serving(t)
	for i := range 20 {
		s.files.add(&attachment{id: wire.StableID("file", string(rune('a'+i))), bytes: make([]byte, 10<<20)})
	}
	require.Len(t, s.files.oldest, 6)
	require.Len(t, s.files.byID, 6)
	require.LessOrEqual(t, s.files.size, maxFiles)
	for len(s.files.oldest) > 0 {
		s.files.drop(s.files.oldest[0])
	}
	require.Zero(t, s.files.size)
}
