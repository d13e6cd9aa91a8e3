// Package ident says which texts may stand in the path of a request, and which URLs
// are the same.
package ident

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sunco-go/sunco/internal/redact"
)

// Valid reports whether id can stand in a path as it is. Zendesk's ids are
// opaque; dots and slashes would lead to other endpoints.
func Valid(id string) bool {
	const longest = 64 // bytes
	if id == "" || len(id) > longest {
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

// Fault says why id is not [Valid], and nothing if it is.
func Fault(id string) string {
	switch {
	case id == "":
		return "empty"
	case !Valid(id):
		return "not 1 to 64 letters, digits, hyphens and underscores"
	}
	return ""
}

// OneSegment reports whether an escaped text is one segment of a path for
// every server. It decodes again and again, as a chain of servers might, and
// leaves alone what is no escape then, as lenient ones do.
func OneSegment(segment string) bool {
	if _, err := url.PathUnescape(segment); err != nil {
		return false
	}
	const decodings = 3
	for range decodings {
		name, _, _ := strings.Cut(segment, ";") // some servers drop such parameters first
		if name == "" || name == "." || name == ".." ||
			!utf8.ValidString(segment) || strings.ContainsFunc(segment, leadsElsewhere) {
			return false
		}
		decoded := redact.Unescape(segment)
		if decoded == segment {
			return true
		}
		segment = decoded
	}
	return false
}

func leadsElsewhere(r rune) bool { return r == '/' || r == '\\' || unicode.IsControl(r) }
