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
	s := New(Options{
		Lock: &wire.Lock{}, Emit: func(string, string, wire.Payload) {}, Integration: func(string) string { return "" },
	})
	return s, func(path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/sc/v2/apps/a"+path, nil)
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
