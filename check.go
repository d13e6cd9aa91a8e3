package sunco

import (
	"encoding/hex"
	"strings"
)

const maxID = 64

// validID reports whether id can stand in a path as it is. Zendesk's ids are
// opaque; dots and slashes would lead to other endpoints.
func validID(id string) bool {
	if id == "" || len(id) > maxID {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func checkID(name, id string) error {
	switch {
	case id == "":
		return &InputError{Name: name, Reason: "empty"}
	case !validID(id):
		return &InputError{Name: name, Reason: "not 1 to 64 letters, digits, hyphens and underscores"}
	}
	return nil
}

// visibleASCII reports whether s is made of visible ASCII characters only.
func visibleASCII(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// printableASCII reports whether s is made of visible ASCII and spaces.
func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// unescape decodes percent escapes and keeps a percent sign that begins none.
func unescape(s string) string {
	var decoded strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+3 <= len(s) {
			if b, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				decoded.WriteByte(b[0])
				i += 2
				continue
			}
		}
		decoded.WriteByte(s[i])
	}
	return decoded.String()
}
