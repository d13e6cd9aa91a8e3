package sunco

import (
	"strings"

	"github.com/sunco-go/sunco/internal/ident"
)

const (
	maxPath  = 2048 // bytes
	maxQuery = 4096 // bytes, escaped
)

func validID(id string) bool { return ident.Valid(id) }

func checkID(name, id string) error {
	if reason := ident.Fault(id); reason != "" {
		return &InputError{Name: name, Reason: reason}
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

// checkPath refuses every path that a server could read as another one than
// it looks like, also when something on the way decodes it once more.
func checkPath(path string) error {
	reason := ""
	switch {
	case len(path) > maxPath:
		reason = "longer than 2048 bytes"
	case !visibleASCII(path):
		reason = "holds characters that must be escaped, see url.PathEscape"
	case strings.Contains(path, "?"):
		reason = "carries a query, which belongs into Call.Query"
	case strings.Contains(path, "#"):
		reason = "carries a fragment"
	case !strings.HasPrefix(path, "/") || path == "/":
		reason = "does not begin with a slash and a segment; it is relative to /v2/apps/{appId}"
	case strings.HasPrefix(path+"/", "/v2/") || strings.HasPrefix(path+"/", "/sc/"):
		reason = "is relative to /v2/apps/{appId}; leave that part out"
	}
	if reason != "" {
		return &InputError{Name: "path", Reason: reason}
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		if !ident.OneSegment(segment) {
			return &InputError{Name: "path", Reason: "a segment is empty, a dot segment, or hides a slash; use url.PathEscape"}
		}
	}
	return nil
}

// shownPath is a path as errors show it: up to the first id that the partner
// may have chosen, which can be somebody's e-mail address.
func shownPath(path string) string {
	end := 0
	for segment := range strings.SplitSeq(path[1:], "/") {
		if !validID(segment) || strings.HasSuffix(path[:end], "/users") {
			return path[:end] + "/…"
		}
		end += 1 + len(segment)
	}
	return path
}
