// Package spec holds HTTP exchanges against Zendesk's own OpenAPI description of
// Sunshine Conversations. The description is not part of this repository:
// [Load] reads it from a file, repairs it and makes it stricter in memory.
package spec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v4"
)

// Variable is the environment variable that names the description's file.
const Variable = "SUNCO_SPEC"

// bridgeLabel is the host label of the OAuth bridge, and bridgeBase how the
// operations that live there say so.
const (
	bridgeLabel = "oauth-bridge"
	bridgeBase  = "https://oauth-bridge.zendesk.com/sc"
)

// Description is the loaded description, ready to check with. It is safe for
// concurrent use.
type Description struct {
	doc      *openapi3.T
	bases    []*regexp.Regexp // base URLs; a subdomain is the submatch "label"
	triggers []string
	payloads map[string]*openapi3.Schema // of events, by trigger
	problem  *openapi3.Schema            // of an error's body
	codes    map[int]map[string]struct{} // error codes by status, wherever they are shown
}

// Load reads the description from a file.
func Load(path string) (*Description, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	root := map[string]any{}
	if err := yaml.Unmarshal(data, &root); err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	d := &Description{}
	if err := d.readServers(root); err != nil {
		return nil, err
	}
	repair(root)
	if data, err = json.Marshal(root); err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	if d.doc, err = openapi3.NewLoader().LoadFromData(data); err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	if err := d.doc.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	if d.triggers, err = d.readTriggers(); err != nil {
		return nil, err
	}
	d.codes = d.readCodes()
	return d, d.tighten()
}

// readServers makes patterns of the servers, whose templates the loader refuses.
func (d *Description) readServers(root map[string]any) error {
	servers, _ := root["servers"].([]any)
	for _, server := range servers {
		url, _ := member(server, "url").(string)
		pattern := strings.ReplaceAll(regexp.QuoteMeta(url), `\{subdomain\}`, `(?P<label>[a-z0-9][a-z0-9-]*)`)
		base, err := regexp.Compile("^" + pattern + "(?P<path>/.*)$")
		if err != nil || url == "" {
			return fmt.Errorf("spec: a server's URL cannot be used: %w", err)
		}
		d.bases = append(d.bases, base)
	}
	if len(d.bases) == 0 {
		return errors.New("spec: there are no servers")
	}
	return nil
}

// repair takes out what no loader accepts.
func repair(root map[string]any) {
	delete(root, "servers")
	filter := member(root, "components", "parameters", "userFilterQuery", "schema", "properties", "identities.email")
	if property, ok := filter.(map[string]any); ok {
		delete(property, "required") // a boolean, where only a list may stand
	}
}

// member follows keys through nested objects, and returns nil where one is missing.
func member(value any, keys ...string) any {
	for _, key := range keys {
		object, _ := value.(map[string]any)
		value = object[key]
	}
	return value
}

// readCodes collects the error codes of all examples of replies.
func (d *Description) readCodes() map[int]map[string]struct{} {
	codes := map[int]map[string]struct{}{}
	for _, item := range d.doc.Paths.Map() {
		for _, op := range item.Operations() {
			for status := 400; status < 500; status++ {
				for _, code := range exampleCodes(op.Responses.Status(status)) {
					if codes[status] == nil {
						codes[status] = map[string]struct{}{}
					}
					codes[status][code] = struct{}{}
				}
			}
		}
	}
	return codes
}

func exampleCodes(ref *openapi3.ResponseRef) []string {
	var codes []string
	for _, example := range examples(ref) {
		list, _ := member(example, "errors").([]any)
		for _, entry := range list {
			if code, ok := member(entry, "code").(string); ok {
				codes = append(codes, code)
			}
		}
	}
	return codes
}

// examples returns the published examples of a JSON reply.
func examples(ref *openapi3.ResponseRef) []any { return examplesOf(jsonOf(ref)) }

func examplesOf(media *openapi3.MediaType) []any {
	if media == nil {
		return nil
	}
	var values []any
	for _, name := range slices.Sorted(maps.Keys(media.Examples)) {
		if example := media.Examples[name].Value; example != nil {
			values = append(values, example.Value)
		}
	}
	return values
}

func jsonOf(ref *openapi3.ResponseRef) *openapi3.MediaType {
	if ref == nil || ref.Value == nil {
		return nil
	}
	return ref.Value.Content.Get(typeJSON)
}
