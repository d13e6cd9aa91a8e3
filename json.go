package sunco

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// lenient returns the options for JSON that people and other programs wrote.
// Half an emoji, repeated names and members of another type cost only
// themselves. Names match with exact case.
func lenient() json.Options {
	return json.JoinOptions(
		jsonv1.ReportErrorsWithLegacySemantics(true), // skip what does not fit, and go on
		jsonv1.MergeWithLegacySemantics(true),        // of a repeated name the last counts
		jsontext.AllowInvalidUTF8(true),
		jsontext.AllowDuplicateNames(true),
	)
}

// misfit says that a member has another type than the Go value gives it. The
// other members are decoded.
type misfit struct{ reason string }

func (m *misfit) Error() string { return m.reason }

// decodeLenient decodes JSON into a pointer. The error is a [*misfit] when the
// JSON is well formed. Neither error quotes the JSON.
func decodeLenient(body []byte, into any) error {
	err := json.Unmarshal(body, into, lenient())
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*jsonv1.SyntaxError](err); ok {
		return errNotJSON
	}
	kind, ok := errors.AsType[*jsonv1.UnmarshalTypeError](err)
	switch {
	case !ok:
		return &misfit{"it does not fit the Go value"}
	}
	if path := fieldPath(reflect.TypeOf(into), kind.Field); path != "" {
		return &misfit{fmt.Sprintf("the member %s does not fit the Go type %v", path, kind.Type)}
	}
	return &misfit{fmt.Sprintf("it does not fit the Go type %v", kind.Type)}
}

// fieldPath returns the part of a path that is made of the fields of structs, up
// to the first key of a map: that is not a name of the program's.
func fieldPath(t reflect.Type, path string) string {
	names := strings.Split(path, ".")
	for i, name := range names {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch t.Kind() {
		case reflect.Slice, reflect.Array:
			t = t.Elem()
			continue
		case reflect.Struct:
		default:
			return strings.Join(names[:i], ".")
		}
		fields := reflect.VisibleFields(t)
		at := slices.IndexFunc(fields, func(f reflect.StructField) bool {
			tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			return cmp.Or(tag, f.Name) == name
		})
		if at < 0 {
			return strings.Join(names[:i], ".")
		}
		t = fields[at].Type
	}
	return path
}

var (
	errNotJSON   = errors.New("not JSON")
	errNotObject = errors.New("not a JSON object")
	errRepeated  = errors.New("a member is repeated")
)

// readObject calls visit with each member of a JSON object, in order. A name
// that is repeated in this object is an error, and so is anything after it;
// what the values hold is not looked at. Name and value are parts of body,
// where the name needs no unescaping.
func readObject(body []byte, visit func(name []byte, value jsontext.Value)) error {
	d := objectDecoders.Get().(*objectDecoder)
	defer objectDecoders.Put(d)
	defer d.reset(nil)
	d.reset(body)
	if kind := d.PeekKind(); kind != '{' {
		if d.SkipValue() != nil {
			return errNotJSON
		}
		return errNotObject
	}
	if _, err := d.ReadToken(); err != nil {
		return errNotJSON
	}
	for d.PeekKind() != '}' {
		quoted, err := d.ReadValue()
		if err != nil {
			return errNotJSON
		}
		end := int(d.InputOffset())
		name := unquoteJSON(body[end-len(quoted) : end : end])
		if d.repeated(name) {
			return errRepeated
		}
		value, err := d.ReadValue()
		if err != nil {
			return errNotJSON
		}
		end = int(d.InputOffset())
		visit(name, body[end-len(value):end:end])
	}
	if _, err := d.ReadToken(); err != nil {
		return errNotJSON
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return errNotJSON
	}
	return nil
}

// objectDecoder is what readObject needs again and again. It keeps nothing of
// what it read.
type objectDecoder struct {
	jsontext.Decoder
	input bytes.Buffer
	names [][]byte            // that were seen
	more  map[string]struct{} // in place of names when there are many
}

var objectDecoders = sync.Pool{New: func() any { return new(objectDecoder) }}

func (d *objectDecoder) reset(input []byte) {
	clear(d.names[:cap(d.names)])
	d.names, d.more = d.names[:0], nil
	d.input = *bytes.NewBuffer(input)
	d.Reset(&d.input, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
}

// repeated notes a name and reports whether it was noted before.
func (d *objectDecoder) repeated(name []byte) bool {
	const few = 8
	if d.more == nil {
		if slices.ContainsFunc(d.names, func(seen []byte) bool { return bytes.Equal(seen, name) }) {
			return true
		}
		if d.names = append(d.names, name); len(d.names) <= few {
			return false
		}
		d.more = make(map[string]struct{}, 2*few)
		for _, seen := range d.names {
			d.more[string(seen)] = struct{}{}
		}
		return false
	}
	_, found := d.more[string(name)]
	d.more[string(name)] = struct{}{}
	return found
}

// text returns what a JSON string says, and "" for every other value.
func text(value jsontext.Value) string {
	if value.Kind() != '"' {
		return ""
	}
	if inner := value[1 : len(value)-1]; bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	said, _ := jsontext.AppendUnquote(nil, value) // half an emoji is replaced, and an error
	return string(said)
}

// unquoteJSON returns what a JSON string says. Without escapes that is the
// part between the quotes, and no copy.
func unquoteJSON(value jsontext.Value) []byte {
	if bytes.IndexByte(value, '\\') < 0 {
		return value[1 : len(value)-1]
	}
	text, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return value[1 : len(value)-1] // half an emoji: different halves stay different
	}
	return text
}
