package spec

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// Shape lists the members of a JSON value and their types, one line each, sorted:
// "webhook.triggers[]: string". It says nothing about values.
func Shape(value any) []string {
	lines := map[string]struct{}{}
	shape("", value, lines)
	return slices.Sorted(maps.Keys(lines))
}

func shape(at string, value any, lines map[string]struct{}) {
	kind := fmt.Sprintf("%T", value)
	switch value := value.(type) {
	case map[string]any:
		kind = "object"
		for name, inner := range value {
			shape(at+"."+name, inner, lines)
		}
	case []any:
		kind = "array"
		for _, inner := range value {
			shape(at+"[]", inner, lines)
		}
	case int, int64, uint64, float64:
		kind = "number"
	case bool:
		kind = "boolean"
	case nil:
		kind = "null"
	}
	lines[at+": "+kind] = struct{}{}
}

// TokenShape is the shape of a JSON Web Token's header and payload.
func TokenShape(token string) ([]string, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || parts[2] == "" {
		return nil, errors.New("spec: not three segments")
	}
	decoded := map[string]any{}
	for i, name := range []string{"header", "payload"} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return nil, fmt.Errorf("spec: the %s is not base64url", name)
		}
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			return nil, fmt.Errorf("spec: the %s is not JSON", name)
		}
		decoded[name] = value
	}
	return Shape(decoded), nil
}
