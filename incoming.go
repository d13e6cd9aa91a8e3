package sunco

import (
	"strings"
	"time"
)

const bodyTimeout = 10 * time.Second // for an incoming body to arrive

// refusal is an incoming request that is not taken.
type refusal struct {
	InputError
	status int
}

// isJSON reports whether a Content-Type is JSON, with or without parameters.
func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(media), typeJSON)
}

// plain reports whether a Content-Encoding leaves the body as it is.
func plain(encodings []string) bool {
	for _, encoding := range encodings {
		if encoding != "" && !strings.EqualFold(encoding, "identity") {
			return false
		}
	}
	return true
}
