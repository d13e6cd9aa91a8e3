package suncotest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// partnerOf returns a platform and a function that posts to its app.
func partnerOf(t *testing.T) (*Platform, func(path, body string) *httptest.ResponseRecorder) {
	t.Helper()
	p := New(Config{Approve: true})
	t.Cleanup(p.Close)
	back, err := p.Allow(t.Context(), "https://oauth-bridge.zendesk.com/sc/oauth/authorize?client_id=shoplifter&response_type=code", "")
	require.NoError(t, err)
	token, ok := p.exchange(back.Query().Get("code"))
	require.True(t, ok)
	return p, func(path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/sc/v2/apps/"+p.Accounts()[0].AppID+path, strings.NewReader(body))
		r.Host = "acme.zendesk.com"
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		return w
	}
}

// TestConversationIsFull begins one message before the limit.
func TestConversationIsFull(t *testing.T) {
	p, post := partnerOf(t)
	require.Equal(t, http.StatusCreated, post("/conversations", `{"type":"sdkGroup"}`).Code)
	v := p.state.accounts[0].chat.conversations[0]
	v.posted = 30_000 - 1
	const hello = `{"author":{"type":"business"},"content":{"type":"text","text":"Hello"}}`
	require.Equal(t, http.StatusCreated, post("/conversations/"+v.ID+"/messages", hello).Code)
	last := post("/conversations/"+v.ID+"/messages", hello)
	require.Equal(t, http.StatusLocked, last.Code)
	require.Contains(t, last.Body.String(), `"code":"locked"`)
}

// TestChatStaysSmall fills the platform to its edges without sending that much.
func TestChatStaysSmall(t *testing.T) {
	p, post := partnerOf(t)
	require.Equal(t, http.StatusCreated, post("/conversations", `{"type":"sdkGroup"}`).Code)
	require.Equal(t, http.StatusCreated, post("/conversations", `{"type":"sdkGroup"}`).Code)
	h, conversations := &p.state.history, p.state.accounts[0].chat.conversations
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
	h.records = maxRecords - recordOverhead - len(user)
	require.Equal(t, http.StatusCreated, post("/users", user).Code)
	require.Equal(t, maxRecords, h.records)
	for _, refused := range []*httptest.ResponseRecorder{post("/users", `{"externalId":"y"}`), post("/conversations", `{"type":"sdkGroup"}`)} {
		require.Equal(t, http.StatusInsufficientStorage, refused.Code)
		require.Contains(t, refused.Body.String(), `"code":"insufficient_storage"`)
	}
	require.Equal(t, http.StatusConflict, post("/users", user).Code)
}
