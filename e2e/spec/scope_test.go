package spec_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sunco-go/sunco/suncotest"
)

// TestScopes asks the fake for every operation of the description with an
// integration's token: what is not meant for it must be refused with 403, and
// what is meant for it never.
func TestScopes(t *testing.T) {
	d := load(t)
	s := newStage(t, d, suncotest.Config{})
	in := s.install(t.Context(), "")
	rec := s.record(true)
	fill := strings.NewReplacer("{appId}", in.AppID, "{integrationId}", "me")
	operations := d.Operations()
	count := 0
	for _, id := range slices.Sorted(maps.Keys(operations)) {
		op := operations[id]
		if op.AtBridge || id == "RevokeAccess" {
			continue
		}
		count++
		path := fill.Replace(op.Path)
		for strings.Contains(path, "{") {
			before, rest, _ := strings.Cut(path, "{")
			_, after, _ := strings.Cut(rest, "}")
			path = before + "0123456789abcdef01234567" + after
		}
		res := s.send(rec, op.Method, "https://acme.zendesk.com/sc"+path, "application/json", "{}", in)
		if refused := res.StatusCode == http.StatusForbidden; refused == op.Integration {
			t.Errorf("%s: status %d, meant for an integration: %t", id, res.StatusCode, op.Integration)
		}
	}
	if count < 50 {
		t.Errorf("only %d operations", count)
	}
}
