package spec_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/e2e/spec"
	"github.com/sunco-go/sunco/messaging"
	"github.com/sunco-go/sunco/suncotest"
)

const operationsFile = "../../docs/operations.md"

var update = flag.Bool("update", false, "write docs/operations.md instead of comparing it")

// TestOperations compares docs/operations.md with what the other tests show.
func TestOperations(t *testing.T) {
	committed, err := os.ReadFile(operationsFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	d := load(t)
	var file bytes.Buffer
	writeOperations(t, d, &file)
	switch {
	case t.Failed():
	case *update:
		if err := os.WriteFile(operationsFile, file.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	case !bytes.Equal(committed, file.Bytes()):
		t.Error("docs/operations.md differs from what was seen: run .ci/fidelity and commit it")
	}
}

const operationsHead = `# Operations

What this module knows of each operation that an integration's token may call. ` + "`.ci/fidelity`" + ` writes this
file from tests that compare the module with Zendesk's OpenAPI description; CI fails when it differs.

- **Typed**: the method that makes the call.
- **Faked**: the statuses that package suncotest answers with. They are all that the description has for the operation.
- **Validated**: what was compared with the description. Unknown members are refused in requests, in replies and in
  the payloads of events.
- **Events**: what webhooks receive when the call succeeds. An event in brackets needs a field of
  suncotest.Behavior. An event whose name ends with ` + "`:failure`" + ` takes the place of the one without.
  CreateClient causes ` + "`client:update`" + ` for an immediate confirmation, PostActivity causes events when a user is
  the author, and SyncUser when it merges users.

| Operation | Typed | Faked | Validated | Events |
|---|---|---|---|---|
`

const operationsTail = `
What people and agents do has no operation. These are methods of suncotest.Platform:

| Method | Events |
|---|---|
`

// writeOperations runs the checks and writes the file. The test fails if a check does.
func writeOperations(t *testing.T, d *spec.Description, file *bytes.Buffer) {
	t.Helper()
	sent := slices.Concat(checkRequests(t, d), checkLife(t, d))
	shown := checkFake(t, d)
	checkPeople(t, d)
	file.WriteString(operationsHead)
	for _, id := range integrationOperations(d) {
		var validated []string
		if slices.Contains(sent, id) {
			validated = append(validated, "request")
		}
		p, faked := shown[id]
		if faked {
			validated = append(validated, "replies")
		}
		if len(p.events)+len(p.switched) > 0 {
			validated = append(validated, "events")
		}
		events := slices.Clone(p.events)
		for _, event := range p.switched {
			events = append(events, "["+event+"]")
		}
		statuses := strings.Trim(strings.ReplaceAll(fmt.Sprint(p.statuses), " ", ", "), "[]")
		fmt.Fprintf(file, "| %s | %s | %s | %s | %s |\n", id, method(t, id), statuses, strings.Join(validated, ", "),
			quoted(events))
	}
	file.WriteString(operationsTail)
	all := acts()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(file, "| %s | %s |\n", name, quoted(all[name].events))
	}
}

// quoted writes a list of events.
func quoted(events []string) string {
	if len(events) == 0 {
		return "none"
	}
	text := "`" + strings.Join(events, "`, `") + "`"
	return strings.NewReplacer("`[", "[`", "]`", "`]").Replace(text)
}

// checkLife returns the operations that package sunco itself sends as described.
func checkLife(t *testing.T, d *spec.Description) []string {
	t.Helper()
	s := newStage(t, d, suncotest.Config{})
	in := s.install(t.Context(), "")
	s.webhooks(in)
	s.must(s.client.Revoke(t.Context(), in))
	var ids []string
	for _, exchange := range s.recorder.Exchanges() {
		ids = append(ids, exchange.Operation)
	}
	return ids // newStage reports violations
}

// method returns the name of the method that makes a call.
func method(t *testing.T, id string) string {
	t.Helper()
	name := id
	if id == "RevokeAccess" {
		name = "Revoke"
	}
	if _, ok := reflect.TypeFor[messaging.App]().MethodByName(name); ok {
		return "messaging.App." + name
	}
	if _, ok := reflect.TypeFor[*sunco.Client]().MethodByName(name); ok {
		return "sunco.Client." + name
	}
	t.Errorf("%s has no method", id)
	return ""
}
