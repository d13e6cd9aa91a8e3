package suncotest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestConversationIsFull begins one message before the limit.
func TestConversationIsFull(t *testing.T) {
	p := New(Config{Approve: true})
	defer p.Close()
	back, err := p.Allow(t.Context(), "https://oauth-bridge.zendesk.com/sc/oauth/authorize?client_id=shoplifter&response_type=code", "")
	require.NoError(t, err)
	token, ok := p.exchange(back.Query().Get("code"))
	require.True(t, ok)
	post := func(path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/sc/v2/apps/"+p.Accounts()[0].AppID+path, strings.NewReader(body))
		r.Host = "acme.zendesk.com"
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		return w
	}
	require.Equal(t, http.StatusCreated, post("/conversations", `{"type":"sdkGroup"}`).Code)
	v := p.state.accounts[0].chat.conversations[0]
	v.posted = 30_000 - 1
	const hello = `{"author":{"type":"business"},"content":{"type":"text","text":"Hello"}}`
	require.Equal(t, http.StatusCreated, post("/conversations/"+v.ID+"/messages", hello).Code)
	last := post("/conversations/"+v.ID+"/messages", hello)
	require.Equal(t, http.StatusLocked, last.Code)
	require.Contains(t, last.Body.String(), `"code":"locked"`)
}
