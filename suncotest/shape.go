package suncotest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxMetadata  = 4096
	wireTime     = "2006-01-02T15:04:05.000Z"
	freeTextSize = maxBody // for texts that have no documented limit
)

// check says what is wrong with a value in words that follow its name, and ""
// when nothing is: "must be …", or ".name must be …" for a part of it. It never
// repeats the value.
type check func(json.RawMessage) string

// at names the part of a value that is wrong.
func at(name, wrong string) string {
	if strings.HasPrefix(wrong, ".") {
		return name + wrong
	}
	return name + " " + wrong
}

// members are what an object may consist of.
type members map[string]check

// read takes an object apart. The text says what is wrong with it.
func (m members) read(raw json.RawMessage, needed ...string) (map[string]json.RawMessage, string) {
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
		if fits == nil {
			return nil, "has an unknown member"
		}
		if problem := fits(value); problem != "" {
			return nil, at("."+name, problem)
		}
	}
	return object, ""
}

// readMembers reads the JSON body of a request.
func (c *call) readMembers(m members, needed ...string) (map[string]json.RawMessage, reply, bool) {
	if mediaType(c.Header.Get("Content-Type")) != "application/json" {
		return nil, problem(415), false
	}
	if _, err := readObject(c.body); err != nil {
		return nil, badRequest("The body is not one JSON object with distinct keys"), false
	}
	object, wrong := m.read(c.body, needed...)
	if wrong != "" {
		return nil, badRequest(strings.TrimPrefix(at("The body", wrong), "The body.")), false
	}
	return object, reply{}, true
}

// object is an object of those members.
func object(m members, needed ...string) check {
	return func(raw json.RawMessage) string {
		_, wrong := m.read(raw, needed...)
		return wrong
	}
}

func anyObject(raw json.RawMessage) string {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '{' {
		return "must be an object"
	}
	return ""
}

// text counts characters, not bytes.
func text(least, most int) check {
	return func(raw json.RawMessage) string {
		s, ok := as[string](raw)
		if n := utf8.RuneCountInString(s); !ok || n < least || n > most {
			return fmt.Sprintf("must be a text of %d to %d characters", least, most)
		}
		return ""
	}
}

func freeText(raw json.RawMessage) string { return text(0, freeTextSize)(raw) }

func oneOf(values ...string) check {
	return func(raw json.RawMessage) string {
		if s, ok := as[string](raw); !ok || !slices.Contains(values, s) {
			return "must be one of " + strings.Join(values, ", ")
		}
		return ""
	}
}

func boolean(raw json.RawMessage) string {
	if _, ok := as[bool](raw); !ok {
		return "must be true or false"
	}
	return ""
}

func number(raw json.RawMessage) string {
	var value *float64
	if json.Unmarshal(raw, &value) != nil || value == nil {
		return "must be a number"
	}
	return ""
}

func integer(least, most int64) check {
	return func(raw json.RawMessage) string {
		var value *int64
		if json.Unmarshal(raw, &value) != nil || value == nil || *value < least || *value > most {
			return fmt.Sprintf("must be a whole number from %d to %d", least, most)
		}
		return ""
	}
}

func uri(raw json.RawMessage) string {
	s, ok := as[string](raw)
	u, err := url.Parse(s)
	if n := utf8.RuneCountInString(s); !ok || n > 2048 || err != nil || u.Scheme == "" || u.Host == "" && u.Opaque == "" {
		return "must be an absolute URI of at most 2048 characters"
	}
	return ""
}

func email(raw json.RawMessage) string {
	s, ok := as[string](raw)
	local, domain, at := strings.Cut(s, "@")
	if !ok || !at || local == "" || domain == "" || strings.ContainsAny(s, " \t\r\n") || strings.Contains(domain, "@") {
		return "must be an e-mail address"
	}
	return text(1, 128)(raw)
}

func timestamp(raw json.RawMessage) string {
	s, ok := as[string](raw)
	if t, err := time.Parse(wireTime, s); !ok || err != nil || t.Format(wireTime) != s {
		return "must be a time like YYYY-MM-DDThh:mm:ss.sssZ"
	}
	return ""
}

func listOf(least, most int, fits check) check {
	return func(raw json.RawMessage) string {
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil || list == nil || len(list) < least || len(list) > most {
			return fmt.Sprintf("must be a list of %d to %d", least, most)
		}
		for _, value := range list {
			if wrong := fits(value); wrong != "" {
				return at(".*", wrong)
			}
		}
		return ""
	}
}

func nullable(fits check) check {
	return func(raw json.RawMessage) string {
		if isNull(raw) {
			return ""
		}
		return fits(raw)
	}
}

func isNull(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) == 0 || string(raw) == "null"
}

// metadata is flat: texts, numbers and booleans.
func metadata(raw json.RawMessage) string {
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

// given returns a text that has been checked, and "" when it is absent or null.
func given(object map[string]json.RawMessage, name string) string {
	s, _ := as[string](object[name])
	return s
}

// kept returns a value that has been checked, and nil when it is absent or null.
func kept(object map[string]json.RawMessage, name string) json.RawMessage {
	if isNull(object[name]) {
		return nil
	}
	return object[name]
}

func wireNow() string { return time.Now().UTC().Format(wireTime) }
