package suncotest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"strings"
	"unicode/utf8"
)

var (
	errJSON      = errors.New("suncotest: not one JSON object")
	errDuplicate = errors.New("suncotest: a JSON key appears twice")
	errDepth     = errors.New("suncotest: JSON is nested too deeply")
)

const maxDepth = 32

// readObject reads a body that is one JSON object: no key twice at any depth,
// nothing behind it, nothing that is not UTF-8.
func readObject(body []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(body) {
		return nil, errJSON
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if err := checkValue(dec, 0); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errJSON
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return nil, errJSON
	}
	return object, nil
}

// checkValue reads one value of dec to its end.
func checkValue(dec *json.Decoder, depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	token, err := dec.Token()
	if err != nil {
		return errJSON
	}
	switch token {
	case json.Delim('{'):
		seen := map[string]bool{}
		for dec.More() {
			key, err := dec.Token()
			name, isString := key.(string)
			if err != nil || !isString {
				return errJSON
			}
			if seen[name] {
				return errDuplicate
			}
			seen[name] = true
			if err := checkValue(dec, depth+1); err != nil {
				return err
			}
		}
	case json.Delim('['):
		for dec.More() {
			if err := checkValue(dec, depth+1); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	if _, err := dec.Token(); err != nil {
		return errJSON
	}
	return nil
}

// as decodes raw when it is exactly a T, and not null.
func as[T string | bool | []string](raw json.RawMessage) (T, bool) {
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

// mediaType returns the lower-cased media type of a Content-Type header, or "" when
// it is absent, broken or in another character set than UTF-8.
func mediaType(contentType string) string {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return ""
	}
	return media
}
