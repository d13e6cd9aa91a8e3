package spec_test

import (
	"net/http"
	"testing"

	"github.com/sunco-go/sunco/suncotest"
)

// TestDo checks what Do sends to endpoints without a verb. What the fake has no
// route for it answers with 404, whose form is checked like any other.
func TestDo(t *testing.T) {
	s := newStage(t, load(t), suncotest.Config{})
	in := s.install(t.Context(), "")
	var list struct {
		Webhooks []struct {
			ID string `json:"id"`
		} `json:"webhooks"`
	}
	const hooks = "/integrations/me/webhooks"
	hook := map[string]any{"target": hookURL, "triggers": []string{"user:merge"}}
	s.must(s.client.Do(t.Context(), in, http.MethodPost, hooks, hook, nil))
	s.must(s.client.Do(t.Context(), in, http.MethodGet, hooks, nil, &list))
	if len(list.Webhooks) != 1 {
		t.Fatalf("%d webhooks", len(list.Webhooks))
	}
	one := hooks + "/" + list.Webhooks[0].ID
	s.must(s.client.Do(t.Context(), in, http.MethodPatch, one, map[string]any{"includeFullUser": true}, nil))
	s.must(s.client.Do(t.Context(), in, http.MethodDelete, one, nil, nil))

	const conversation = "/conversations/1d7e60c29b3f4a85d6e2c971"
	for _, call := range []struct {
		method, path string
		body         any
	}{
		{http.MethodPost, conversation + "/messages", map[string]any{
			"author":  map[string]any{"type": "business", "subtypes": []string{"AI"}},
			"content": map[string]any{"type": "text", "text": "Hello"},
		}},
		{http.MethodGet, conversation + "/messages?page[after]=1d7e60c29b3f4a85d6e2c971", nil},
		{http.MethodPost, conversation + "/passControl", map[string]any{"switchboardIntegration": "next"}},
		{http.MethodPost, conversation + "/activity", map[string]any{
			"author": map[string]any{"type": "business"}, "type": "typing:start",
		}},
		{http.MethodGet, "/users/abc%40example.com", nil},
	} {
		// The answer is a 404 until the fake knows conversations; the recorder looks at it.
		_ = s.client.Do(t.Context(), in, call.method, call.path, call.body, nil)
	}
}
