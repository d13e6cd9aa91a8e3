package spec

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Everything here runs without Zendesk's description.

func TestLoadRefuses(t *testing.T) {
	const head = "openapi: 3.0.2\ninfo: {title: t, version: '1'}\nservers: [{url: 'https://{subdomain}.example.com/sc'}]\n"
	const tag = "tags:\n  - name: Webhooks\n    description: |\n" +
		"      | Trigger | Description |\n      |---|---|\n      | a:b | c |\n"
	for name, text := range map[string]string{
		"not YAML":         "\t{",
		"empty":            "",
		"without servers":  "openapi: 3.0.2\n",
		"without paths":    head,
		"without triggers": head + "paths: {}\n",
		"without schemas":  head + tag + "paths: {}\n",
		"other schemas":    head + tag + "paths: {}\ncomponents: {schemas: {webhook: {type: object}}}\n",
	} {
		path := filepath.Join(t.TempDir(), "openapi.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "absent.yaml")); err == nil {
		t.Error("an absent file: loaded")
	}
}

func TestTriggerTable(t *testing.T) {
	got := triggerTable("| Other | x |\n| --- | --- |\n| no:one | x |\n\n" +
		"| Trigger  | Description |\n| --- | --- |\n| b:c:dE | x<br/>y |\n| a:b | z |\n| plain | z |\n\ntext | e:f | g\n")
	if want := []string{"a:b", "b:c:dE"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestShape(t *testing.T) {
	got := Shape(map[string]any{"a": []any{1.0, "x"}, "b": map[string]any{"c": nil, "d": true}, "e": 7})
	want := []string{
		".a: array", ".a[]: number", ".a[]: string", ".b.c: null", ".b.d: boolean", ".b: object", ".e: number", ": object",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, token := range []string{"", "a.b", "e30.e30.", "e30.!.x", "e30.eA.x"} {
		if _, err := TokenShape(token); err == nil {
			t.Errorf("%q is no token, and has a shape", token)
		}
	}
}

func TestFit(t *testing.T) {
	for path, want := range map[string]bool{
		"/a/1/b": true, "/a//b": false, "/a/1/c": false, "/a/1/b/": false, "/a/1": false,
	} {
		if _, got := fit("/a/{id}/b", path); got != want {
			t.Errorf("%s: %t", path, got)
		}
	}
}
