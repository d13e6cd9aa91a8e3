package transport

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// retryAfter is the wait a server asks for: seconds, of which a fraction is
// rounded up, or one of the three forms of an HTTP date. Everything else, a sign
// for example, counts as absent, and so does a moment that has passed. What does
// not fit is the longest duration there is, so that it is never mistaken for a
// short one.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	whole, fraction, _ := strings.Cut(v, ".")
	if whole != "" && strings.Trim(whole+fraction, "0123456789") == "" {
		s, err := strconv.ParseInt(whole, 10, 64)
		if err != nil || s >= math.MaxInt64/int64(time.Second) {
			return math.MaxInt64
		}
		if strings.Trim(fraction, "0") != "" {
			s++
		}
		return time.Duration(s) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	return max(time.Until(at), 0)
}
