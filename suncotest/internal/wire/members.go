package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Time is how the platform writes times.
const Time = "2006-01-02T15:04:05.000Z"

const (
	maxMetadata  = 4096
	freeTextSize = MaxBody // for texts that have no documented limit
)

// Check says what is wrong with a value in words that follow its name, and ""
// when nothing is: "must be …", or ".name must be …" for a part of it. It never
// repeats the value.
type Check func(c *Call, raw json.RawMessage) string

// At names the part of a value that is wrong.
func At(name, wrong string) string {
	if strings.HasPrefix(wrong, ".") {
		return name + wrong
	}
	return name + " " + wrong
}

// Members are what an object may consist of.
type Members map[string]Check

// Read takes an object apart. The text says what is wrong with it. Unknown members are
// noted, and wrong only when the call is a strict one.
func (m Members) Read(c *Call, raw json.RawMessage, needed ...string) (map[string]json.RawMessage, string) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil || object == nil {
		return nil, "must be an object"
	}
	for _, name := range needed {
		if object[name] == nil {
			return nil, "must have " + name
		}
	}
	for name, value := range object {
		fits := m[name]
		switch {
		case fits == nil && c.Strict:
			return nil, At("."+shown(name), "is not a known member")
		case fits == nil:
			c.Unknown = append(c.Unknown, "the member "+shown(name))
			continue
		}
		if problem := fits(c, value); problem != "" {
			return nil, At("."+name, problem)
		}
	}
	return object, ""
}

// shown is a name that the caller chose, fit for a line of text.
func shown(name string) string {
	quoted := strconv.QuoteToASCII(name)
	if plain := quoted[1 : len(quoted)-1]; plain == name {
		quoted = name
	}
	return quoted[:min(len(quoted), 64)]
}

// ReadMembers reads the JSON body of a request.
func (c *Call) ReadMembers(m Members, needed ...string) (map[string]json.RawMessage, Reply, bool) {
	if MediaType(c.Header.Get("Content-Type")) != "application/json" {
		return nil, Problem(http.StatusUnsupportedMediaType, "The Content-Type must be application/json"), false
	}
	if _, err := ReadObject(c.Body); err != nil {
		return nil, BadRequest("The body " + err.Error()), false
	}
	object, wrong := m.Read(c, c.Body, needed...)
	if wrong != "" {
		return nil, BadRequest(strings.TrimPrefix(At("The body", wrong), "The body.")), false
	}
	return object, Reply{}, true
}

// Object is an object of those members.
func Object(m Members, needed ...string) Check {
	return func(c *Call, raw json.RawMessage) string {
		_, wrong := m.Read(c, raw, needed...)
		return wrong
	}
}

// AnyObject is an object of anything.
func AnyObject(c *Call, raw json.RawMessage) string {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '{' {
		return "must be an object"
	}
	return ""
}

// Text counts characters, not bytes.
func Text(least, most int) Check {
	return func(c *Call, raw json.RawMessage) string {
		s, ok := As[string](raw)
		if n := utf8.RuneCountInString(s); !ok || n < least || n > most {
			return fmt.Sprintf("must be a text of %d to %d characters", least, most)
		}
		return ""
	}
}

// FreeText is a text that has no documented limit.
func FreeText(c *Call, raw json.RawMessage) string { return Text(0, freeTextSize)(c, raw) }

// OneOf is one of these texts.
func OneOf(values ...string) Check {
	return func(c *Call, raw json.RawMessage) string {
		if s, ok := As[string](raw); !ok || !slices.Contains(values, s) {
			return "must be one of " + strings.Join(values, ", ")
		}
		return ""
	}
}

// Boolean is true or false.
func Boolean(c *Call, raw json.RawMessage) string {
	if _, ok := As[bool](raw); !ok {
		return "must be true or false"
	}
	return ""
}

// Number is any number.
func Number(c *Call, raw json.RawMessage) string {
	var value *float64
	if json.Unmarshal(raw, &value) != nil || value == nil {
		return "must be a number"
	}
	return ""
}

// Integer is a whole number between two.
func Integer(least, most int64) Check {
	return func(c *Call, raw json.RawMessage) string {
		var value *int64
		if json.Unmarshal(raw, &value) != nil || value == nil || *value < least || *value > most {
			return fmt.Sprintf("must be a whole number from %d to %d", least, most)
		}
		return ""
	}
}

// URI is an absolute URI.
func URI(c *Call, raw json.RawMessage) string {
	s, ok := As[string](raw)
	u, err := url.Parse(s)
	if n := utf8.RuneCountInString(s); !ok || n > 2048 || err != nil || u.Scheme == "" || u.Host == "" && u.Opaque == "" {
		return "must be an absolute URI of at most 2048 characters"
	}
	return ""
}

// Email is an e-mail address.
func Email(c *Call, raw json.RawMessage) string {
	s, ok := As[string](raw)
	local, domain, at := strings.Cut(s, "@")
	if !ok || !at || local == "" || domain == "" || strings.ContainsAny(s, " \t\r\n") || strings.Contains(domain, "@") {
		return "must be an e-mail address"
	}
	return Text(1, 128)(c, raw)
}

// Timestamp is a time as the platform writes it.
func Timestamp(c *Call, raw json.RawMessage) string {
	s, ok := As[string](raw)
	if t, err := time.Parse(Time, s); !ok || err != nil || t.Format(Time) != s {
		return "must be a time like YYYY-MM-DDThh:mm:ss.sssZ"
	}
	return ""
}

// ListOf is a list of values that all fit.
func ListOf(least, most int, fits Check) Check {
	return func(c *Call, raw json.RawMessage) string {
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil || list == nil || len(list) < least || len(list) > most {
			return fmt.Sprintf("must be a list of %d to %d", least, most)
		}
		for _, value := range list {
			if wrong := fits(c, value); wrong != "" {
				return At(".*", wrong)
			}
		}
		return ""
	}
}

// Nullable is null or what fits.
func Nullable(fits Check) Check {
	return func(c *Call, raw json.RawMessage) string {
		if isNull(raw) {
			return ""
		}
		return fits(c, raw)
	}
}

func isNull(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) == 0 || string(raw) == "null"
}

// Metadata is flat: texts, numbers and booleans.
func Metadata(c *Call, raw json.RawMessage) string {
	if isNull(raw) {
		return ""
	}
	var object map[string]any
	var compact bytes.Buffer
	if json.Unmarshal(raw, &object) != nil || json.Compact(&compact, raw) != nil {
		return "must be an object"
	}
	if compact.Len() > maxMetadata {
		return "must not exceed 4 kB"
	}
	for _, value := range object {
		switch value.(type) {
		case string, float64, bool:
		default:
			return "must be flat: texts, numbers and booleans"
		}
	}
	return ""
}

// Given returns a text that has been checked, and "" when it is absent or null.
func Given(object map[string]json.RawMessage, name string) string {
	s, _ := As[string](object[name])
	return s
}

// Kept returns a value that has been checked, and nil when it is absent or null.
func Kept(object map[string]json.RawMessage, name string) json.RawMessage {
	if isNull(object[name]) {
		return nil
	}
	return object[name]
}

// Now is this moment as the platform writes it.
func Now() string { return time.Now().UTC().Format(Time) }

const maxDepth = 32

var errJSON = errors.New("is not one JSON object")

// ReadObject reads a body that is one JSON object: no key twice at any depth, nothing
// behind it, nothing that is not UTF-8. The error's text follows what was read.
func ReadObject(body []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(body) {
		return nil, errJSON
	}
	r := &objectReader{json.NewDecoder(bytes.NewReader(body)), body}
	if err := r.value(0); err != nil {
		return nil, err
	}
	if _, err := r.Token(); !errors.Is(err, io.EOF) {
		return nil, errJSON
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return nil, errJSON
	}
	return object, nil
}

type objectReader struct {
	*json.Decoder
	body []byte
}

// value reads one value to its end.
func (r *objectReader) value(depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("is nested more than %d deep", maxDepth)
	}
	token, err := r.Token()
	if err != nil {
		return errJSON
	}
	switch token {
	case json.Delim('{'):
		seen := map[string]bool{}
		for r.More() {
			name, err := r.name()
			if err != nil {
				return err
			}
			if seen[name] {
				return errors.New("has the member " + shown(name) + " twice")
			}
			seen[name] = true
			if err := r.value(depth + 1); err != nil {
				return err
			}
		}
	case json.Delim('['):
		for r.More() {
			if err := r.value(depth + 1); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	if _, err := r.Token(); err != nil {
		return errJSON
	}
	return nil
}

// name reads the name of a member. Names with halves of emojis are told apart by how
// they are written, because they all decode to the same.
func (r *objectReader) name() (string, error) {
	begin := r.InputOffset()
	token, err := r.Token()
	name, isString := token.(string)
	if err != nil || !isString {
		return "", errJSON
	}
	if strings.ContainsRune(name, utf8.RuneError) {
		name = string(bytes.TrimLeft(r.body[begin:r.InputOffset()], ", \t\r\n"))
	}
	return name, nil
}

// As decodes raw when it is exactly a T, and not null.
func As[T string | bool | []string](raw json.RawMessage) (T, bool) {
	var value T
	if string(bytes.TrimSpace(raw)) == "null" {
		return value, false
	}
	var pointers []*string
	if _, list := any(value).([]string); list {
		if json.Unmarshal(raw, &pointers) != nil {
			return value, false
		}
		for _, s := range pointers {
			if s == nil {
				return value, false
			}
		}
	}
	err := json.Unmarshal(raw, &value)
	return value, err == nil
}

// MediaType returns the lower-cased media type of a Content-Type header, or "" when
// it is absent, broken or in another character set than UTF-8.
func MediaType(contentType string) string {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return ""
	}
	return media
}

// String is a text on its way out. JSON can have half an emoji in it and UTF-8 cannot;
// the three bytes that UTF-8 would have for a half, "\xed\xa0\xbe" for example, become
// the escape that JSON has for it, \ud83e.
type String string

// MarshalJSON writes the text and its halves of emojis.
func (s String) MarshalJSON() ([]byte, error) {
	out, from := []byte{'"'}, 0
	plain := func(to int) {
		quoted, _ := Encode(string(s[from:to])) // a string cannot fail
		out = append(out, quoted[1:len(quoted)-1]...)
	}
	for i := 0; i+2 < len(s); i++ {
		if s[i] != 0xed || s[i+1]&0xe0 != 0xa0 || s[i+2]&0xc0 != 0x80 {
			continue
		}
		plain(i)
		out = fmt.Appendf(out, `\u%04x`, 0xd000|int(s[i+1]&0x3f)<<6|int(s[i+2]&0x3f))
		from = i + 3
		i += 2
	}
	plain(len(s))
	return append(out, '"'), nil
}

// Encode is json.Marshal that leaves <, > and & as they are.
func Encode(value any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
