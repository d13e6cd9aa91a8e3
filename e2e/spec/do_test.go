package spec_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/suncotest"
)

// TestDo checks what Do sends to endpoints that have no method of their own. The fake
// answers those that it does not play with an error, whose form is checked too.
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
	do := func(call sunco.Call) error { return s.client.Do(t.Context(), in, &call) }
	s.must(do(sunco.Call{Method: http.MethodPost, Path: hooks, Body: hook}))
	s.must(do(sunco.Call{Path: hooks, Out: &list}))
	if len(list.Webhooks) != 1 {
		t.Fatalf("%d webhooks", len(list.Webhooks))
	}
	one := hooks + "/" + list.Webhooks[0].ID
	s.must(do(sunco.Call{Method: http.MethodPatch, Path: one, Body: map[string]any{"includeFullUser": true}}))
	s.must(do(sunco.Call{Method: http.MethodDelete, Path: one}))

	const conversation = "/conversations/1d7e60c29b3f4a85d6e2c971"
	message := map[string]any{
		"author":  map[string]any{"type": "business", "subtypes": []string{"AI"}},
		"content": map[string]any{"type": "text", "text": "Hello"},
	}
	pass := map[string]any{"switchboardIntegration": "next"}
	typing := map[string]any{"author": map[string]any{"type": "business"}, "type": "typing:start"}
	for _, call := range []sunco.Call{
		{Method: http.MethodPost, Path: conversation + "/messages", Body: message},
		{Path: conversation + "/messages", Query: url.Values{"page[after]": {"1d7e60c29b3f4a85d6e2c971"}}},
		{Method: http.MethodPost, Path: conversation + "/passControl", Body: pass},
		{Method: http.MethodPost, Path: conversation + "/activity", Body: typing},
		{Path: "/users/abc%40example.com"},
	} {
		_ = do(call) // 404 or 501; the recorder checks the request and the answer
	}
}
