package messaging

import (
	"bytes"
	stdjson "encoding/json"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/sunco-go/sunco/internal/lenient"
)

// options are how JSON of Zendesk's is read, made once: in the usual form, which
// is faster, and in odd ones. A number where a text is expected is read as its
// digits, because ids come in both forms.
var options = sync.OnceValue(func() (o struct{ usual, odd json.Options }) {
	o.odd = json.JoinOptions(lenient.Options(), json.WithUnmarshalers(json.UnmarshalFromFunc(readDigits)))
	o.usual = json.JoinOptions(lenient.Options(), jsonv1.ReportErrorsWithLegacySemantics(false))
	return o
})

// decode fills in what fits of a JSON value. It has no error: what does not
// fit is zero.
func decode(value []byte, into any) {
	if json.Unmarshal(value, into, options().usual) != nil {
		_ = json.Unmarshal(value, into, options().odd)
	}
}

// readDigits reads a text or a number; what is neither leaves the text as it is.
func readDigits(d *jsontext.Decoder, to *string) error {
	value, err := d.ReadValue()
	switch value.Kind() {
	case '0':
		*to = string(value)
	case '"':
		text, _ := jsontext.AppendUnquote(nil, value) // invalid UTF-8 is replaced
		*to = string(text)
	}
	return err
}

// object returns a copy of a JSON object, and nil for every other value.
func object(value []byte) []byte {
	if jsontext.Value(value).Kind() != '{' {
		return nil
	}
	return bytes.Clone(value)
}

// encodeTyped encodes the fields of a content or an action with its type.
// Go 1.26 with GOEXPERIMENT=jsonv2 calls embed inline.
func encodeTyped[T any](kind string, fields T) ([]byte, error) {
	return lenient.Encode(struct {
		Type   string `json:"type"`
		Fields T      `json:",embed,inline"`
	}{kind, fields})
}

// anyContent is a content while it is read.
type anyContent struct{ Content }

// UnmarshalJSON never fails.
func (c *anyContent) UnmarshalJSON(value []byte) error {
	if c.Content = nil; jsontext.Value(value).Kind() == 'n' {
		return nil
	}
	kind := typeOf(value)
	if c.Content = newContent(string(kind)); c.Content == nil {
		c.Content = &RawContent{string(kind), bytes.Clone(value)}
		return nil
	}
	decode(value, c.Content)
	return nil
}

// anyAction is an action while it is read.
type anyAction struct{ Action }

// UnmarshalJSON never fails.
func (a *anyAction) UnmarshalJSON(value []byte) error {
	kind := typeOf(value)
	if a.Action = newAction(string(kind)); a.Action == nil {
		a.Action = &RawAction{string(kind), bytes.Clone(value)}
		return nil
	}
	decode(value, a.Action)
	return nil
}

// typeOf returns the member of that name of an object.
func typeOf(value []byte) (kind []byte) {
	rest, first := bytes.CutPrefix(value, []byte(`{"type":"`))
	if end := bytes.IndexByte(rest, '"'); first && end >= 0 && !bytes.ContainsAny(rest[:end], `\`) &&
		!bytes.Contains(rest[end:], []byte(`"type"`)) {
		return rest[:end] // the usual form
	}
	r := lenient.NewReader(value)
	defer r.Close()
	_, _ = r.Members(func(name []byte) error {
		member, err := r.Value()
		if string(name) == "type" && member.Kind() == '"' {
			kind = lenient.Unquote(member)
		}
		return err
	})
	return kind
}

// Metadata is custom data of a conversation, a user, a message, an action or a
// change of control: texts, numbers and booleans by name, of at most 4 kB of
// JSON together. A number that is read is a float64, or a
// [encoding/json.RawMessage] where a float64 would change its value. Any other
// value that is read is a RawMessage too.
type Metadata map[string]any

// UnmarshalJSON implements [encoding/json.Unmarshaler]. It never fails.
func (m *Metadata) UnmarshalJSON(value []byte) error {
	var members map[string]jsontext.Value
	decode(value, &members)
	*m = nil
	if members == nil {
		return nil
	}
	*m = make(Metadata, len(members))
	for name, member := range members {
		(*m)[name] = datum(member)
	}
	return nil
}

func datum(value jsontext.Value) any {
	switch value.Kind() {
	case '"':
		var text string
		decode(value, &text)
		return text
	case 't', 'f':
		return value.Kind() == 't'
	case '0':
		number, err := strconv.ParseFloat(string(value), 64)
		if err == nil && digits(string(value)) == digits(strconv.FormatFloat(number, 'e', -1, 64)) {
			return number
		}
	}
	return stdjson.RawMessage(value)
}

// digits returns the significant digits of a number. Two numbers that are the
// same float64 are equal if these are.
func digits(number string) string {
	if end := strings.IndexAny(number, "eE"); end >= 0 {
		number = number[:end]
	}
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(number, "-"), ".")
	number = strings.TrimLeft(whole+fraction, "0")
	return strings.TrimRight(number, "0")
}
