// Package lenient reads and writes JSON that people and other programs wrote. Half an
// emoji, invalid UTF-8, repeated names and members of another type than expected
// cost only themselves. Names match with exact case. No error quotes the JSON.
package lenient

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

var (
	// ErrSyntax says that a text is not JSON.
	ErrSyntax = errors.New("not JSON")
	// ErrIncomplete matches ErrSyntax too: the text ends too early.
	ErrIncomplete = fmt.Errorf("%w, it is incomplete", ErrSyntax)
	// ErrNotObject says that a text is JSON, but not an object.
	ErrNotObject = errors.New("not a JSON object")
	// ErrRepeated says that a member stands twice where that is not accepted.
	ErrRepeated = errors.New("a member is repeated")
)

// Misfit says that a member has another type than the Go value gives it. The
// other members are decoded.
type Misfit struct{ reason string }

// Error implements error.
func (m *Misfit) Error() string { return m.reason }

// Options returns the options for decoding.
func Options() json.Options {
	return json.JoinOptions(
		jsonv1.ReportErrorsWithLegacySemantics(true), // skip what does not fit, and go on
		jsonv1.MergeWithLegacySemantics(true),        // of a repeated name the last counts
		jsontext.AllowInvalidUTF8(true),
		jsontext.AllowDuplicateNames(true),
	)
}

// Decode decodes a text into a pointer. The error is ErrSyntax or a [*Misfit].
func Decode(text []byte, into any) error {
	err := json.Unmarshal(text, into, Options())
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*jsonv1.SyntaxError](err); ok {
		return ErrSyntax
	}
	kind, ok := errors.AsType[*jsonv1.UnmarshalTypeError](err)
	if !ok {
		return &Misfit{"it does not fit the Go value"}
	}
	if path := namesOnly(kind.Field); path != "" {
		return &Misfit{fmt.Sprintf("the member %s does not fit the Go type %v", path, kind.Type)}
	}
	return &Misfit{fmt.Sprintf("it does not fit the Go type %v", kind.Type)}
}

// Encode encodes a value whose texts people wrote.
func Encode(value any) ([]byte, error) {
	return json.Marshal(value, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true),
		jsontext.PreserveRawStrings(true))
}

// namesOnly cuts a path before the first name that is none of a program's: the
// key of a map can be somebody's text.
func namesOnly(path string) string {
	end := 0
	for name := range strings.SplitSeq(path, ".") {
		if len(name) > 40 || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			break
		}
		end += len(name) + 1
	}
	return path[:max(min(end, len(path)+1)-1, 0)]
}

// Object calls visit with each member of an object, in order. A name that is
// repeated in this object is ErrRepeated, and anything after the object is
// ErrSyntax; what the values hold is not looked at. Name and value are parts of
// the text, unless a name has escapes.
func Object(text []byte, visit func(name []byte, value jsontext.Value)) error {
	r := NewReader(text)
	defer r.Close()
	return r.Object(func(name []byte) error {
		value, err := r.Value()
		if err == nil {
			visit(name, value)
		}
		return err
	})
}

// Text returns what a JSON string says, and "" for any other value.
func Text(value jsontext.Value) string {
	if value.Kind() != '"' {
		return ""
	}
	if inner := value[1 : len(value)-1]; bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	said, _ := jsontext.AppendUnquote(nil, value) // half an emoji is replaced, and an error
	return string(said)
}

// Unquote returns what a JSON string says, without a copy where it has no
// escapes. Half an emoji stays as it is written, so that different halves stay
// different.
func Unquote(value jsontext.Value) []byte {
	if bytes.IndexByte(value, '\\') >= 0 {
		if said, err := jsontext.AppendUnquote(nil, value); err == nil {
			return said
		}
	}
	return value[1 : len(value)-1]
}
