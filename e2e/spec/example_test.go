package spec_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sunco-go/sunco/e2e/spec"
	"github.com/sunco-go/sunco/suncotest"
)

// TestTokenLikeTheExample compares members and types of the fake's token with
// those of the published one.
func TestTokenLikeTheExample(t *testing.T) {
	d := load(t)
	published := d.Examples("GetToken", 200)
	if len(published) != 1 {
		t.Fatalf("%d examples", len(published))
	}
	reply, _ := published[0].(map[string]any)
	text, _ := reply["access_token"].(string)
	want, err := spec.TokenShape(text)
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t, d, suncotest.Config{})
	got, err := spec.TokenShape(s.install(t.Context(), "").Token.AccessToken.Reveal())
	s.must(err)
	if !slices.Equal(got, want) {
		t.Errorf("the fake's token has\n%s\nand the published one\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestRepliesLikeTheExamples compares members and types of the fake's successes
// with those of the published examples.
func TestRepliesLikeTheExamples(t *testing.T) {
	d := load(t)
	s := newStage(t, d, suncotest.Config{})
	in := s.install(t.Context(), "")
	s.webhooks(in)
	s.must(s.client.Revoke(t.Context(), in))
	compared := map[string]bool{}
	for _, exchange := range s.recorder.Exchanges() {
		if exchange.Status/100 != 2 || string(exchange.Reply) == `{"webhooks":[]}` {
			continue
		}
		for _, example := range d.Examples(exchange.Operation, exchange.Status) {
			var value any
			s.must(json.Unmarshal(exchange.Reply, &value))
			if got, want := spec.Shape(value), spec.Shape(example); !slices.Equal(got, want) {
				t.Errorf("%s: the fake's reply has\n%s\nand the published one\n%s", exchange.Operation,
					strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			compared[exchange.Operation] = true
		}
	}
	for _, operation := range lived {
		if operation != "Authorize" && operation != "GetTokenInfo" && !compared[operation] {
			t.Errorf("%s has no example, or was not asked for", operation)
		}
	}
}

// TestExamplesPass holds the published examples against what the description was
// made into: what is stricter than it must not be stricter than the platform.
func TestExamplesPass(t *testing.T) {
	d := load(t)
	operations := d.Operations()
	for _, id := range lived {
		for _, example := range d.Examples(id, successOf(id)) {
			body, err := json.Marshal(example)
			if err != nil {
				t.Fatal(err)
			}
			base := "https://acme.zendesk.com/sc"
			if operations[id].AtBridge {
				base = "https://oauth-bridge.zendesk.com/sc"
			}
			r := request(t, operations[id].Method, base+operations[id].Path, "application/json", "")
			for _, violation := range d.CheckReply(r, reply(successOf(id), "application/json"), body) {
				t.Errorf("%s: %v", id, violation)
			}
		}
	}
}

func successOf(id string) int {
	if id == "CreateWebhook" {
		return 201
	}
	return 200
}

// TestSamplesLikeTheExamples looks for every member of the published deliveries, with
// its type, in the fake's. The fake's may have more.
func TestSamplesLikeTheExamples(t *testing.T) {
	d := load(t)
	hook := suncotest.Webhook{AppID: "app", ID: "hook", IncludeFullUser: true, IncludeFullSource: true}
	for _, trigger := range suncotest.SampleTriggers() {
		body, err := io.ReadAll(suncotest.NewDelivery(hook, "secret", suncotest.SampleEvent(trigger, 1)).Body)
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if err := json.Unmarshal(body, &value); err != nil {
			t.Fatal(err)
		}
		published := spec.Shape(d.Delivery(trigger))
		if len(published) < 2 {
			t.Errorf("%s has no published example", trigger)
		}
		got := spec.Shape(value)
		for _, line := range published {
			if !slices.Contains(got, line) && !strings.Contains(line, ".metadata.") { // whose members are the customer's
				t.Errorf("%s: the fake's event lacks %s", trigger, line)
			}
		}
	}
}

// TestTriggers compares the SDK's constants with the description's table.
func TestTriggers(t *testing.T) {
	want := load(t).Triggers()
	if got := constants(t, "../..", "Trigger"); !slices.Equal(got, want) {
		t.Errorf("the SDK has\n%q\nand the description\n%q", got, want)
	}
}

// constants returns the sorted values of a package's constants with a prefix, read
// from its source so that none can be missed.
func constants(t *testing.T, dir, prefix string) []string {
	t.Helper()
	files, err := filepath.Glob(dir + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) == 0 || !strings.HasPrefix(spec.Names[0].Name, prefix) {
				return true
			}
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
				value, _ := strconv.Unquote(literal.Value)
				values = append(values, value)
			}
			return true
		})
	}
	slices.Sort(values)
	return values
}
