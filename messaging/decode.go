package messaging

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// lenient reads what Zendesk sends. A member of another type than expected is
// zero and costs no other member, as half an emoji and a repeated name do. A
// number where a text is expected is read as its digits, because ids come in
// both forms.
var lenient struct {
	once    sync.Once
	options json.Options
}

// decode fills in what fits of a JSON value. It has no error: what does not
// fit is zero.
func decode(value []byte, into any) {
	lenient.once.Do(func() {
		lenient.options = json.JoinOptions(
			jsonv1.ReportErrorsWithLegacySemantics(true), // skip what does not fit, and go on
			jsontext.AllowInvalidUTF8(true),
			jsontext.AllowDuplicateNames(true),
			json.WithUnmarshalers(json.JoinUnmarshalers(
				json.UnmarshalFromFunc(readContent),
				json.UnmarshalFromFunc(readAction),
				json.UnmarshalFromFunc(readDigits),
			)),
		)
	})
	_ = json.Unmarshal(value, into, lenient.options)
}

// object returns a copy of a JSON object, and nil for every other value.
func object(value []byte) []byte {
	if jsontext.Value(value).Kind() != '{' {
		return nil
	}
	return bytes.Clone(value)
}

// encode encodes a value whose texts people wrote.
func encode(value any) ([]byte, error) {
	return json.Marshal(value, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true),
		jsontext.PreserveRawStrings(true))
}

// encodeTyped encodes the fields of a content or an action with its type.
func encodeTyped[T any](kind string, fields T) ([]byte, error) {
	return encode(struct {
		Type   string `json:"type"`
		Fields T      `json:",embed"`
	}{kind, fields})
}

func readContent(d *jsontext.Decoder, to *Content) error {
	value, err := d.ReadValue()
	if err != nil || value.Kind() == 'n' {
		*to = nil
		return err
	}
	kind := typeOf(value)
	if *to = newContent(kind); *to == nil {
		*to = &RawContent{kind, bytes.Clone(value)}
		return nil
	}
	decode(value, *to)
	return nil
}

// readAction never makes a nil Action, so that every element of a list answers
// ActionType.
func readAction(d *jsontext.Decoder, to *Action) error {
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	kind := typeOf(value)
	if *to = newAction(kind); *to == nil {
		*to = &RawAction{kind, bytes.Clone(value)}
		return nil
	}
	decode(value, *to)
	return nil
}

// typeOf returns the member of that name of an object.
func typeOf(value jsontext.Value) string {
	var head struct {
		Type string `json:"type"`
	}
	decode(value, &head)
	return head.Type
}

func readDigits(d *jsontext.Decoder, to *string) error {
	if d.PeekKind() != '0' {
		return errors.ErrUnsupported
	}
	number, err := d.ReadValue()
	*to = string(number)
	return err
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
