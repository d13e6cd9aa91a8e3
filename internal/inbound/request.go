package inbound

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sunco-go/sunco/internal/redact"
)

// IsJSON reports whether a Content-Type is JSON, with or without parameters.
func IsJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(media), "application/json")
}

// IsPlain reports whether a Content-Encoding leaves the body as it is.
func IsPlain(encodings []string) bool {
	for _, encoding := range encodings {
		if encoding != "" && !strings.EqualFold(encoding, "identity") {
			return false
		}
	}
	return true
}

// ReadAll reads a body to its end, or most bytes of it.
func ReadAll(r *http.Request, most int64) ([]byte, error) {
	const trusted = 64 << 10 // bytes; announcing a length costs a caller nothing
	limited := &io.LimitedReader{R: r.Body, N: most}
	body := make([]byte, 0, 1+min(max(r.ContentLength, 64), trusted))
	var err error
	for n := 0; err == nil; body = body[:len(body)+n] {
		body = slices.Grow(body, 1)
		n, err = limited.Read(body[len(body):cap(body)])
	}
	if err != io.EOF {
		return nil, err
	}
	return body, nil
}

// IsPrefetch recognizes browsers that load a link before their user follows it.
func IsPrefetch(header http.Header) bool {
	for _, name := range [...]string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		purpose := strings.ToLower(strings.Join(header[name], ","))
		if strings.Contains(purpose, "prefetch") || strings.Contains(purpose, "prerender") ||
			strings.Contains(purpose, "preview") {
			return true
		}
	}
	return false
}

// Clean returns a copy of a request that may be logged: without its query, without
// the headers that repeat one of the secrets, as those of proxies do, and without
// the cookies for which own reports true.
func Clean(ctx context.Context, r *http.Request, secrets []string, own func(cookie string) bool) *http.Request {
	clean := r.WithContext(ctx)
	clean.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath}
	clean.RequestURI = clean.URL.RequestURI()
	clean.Form, clean.PostForm, clean.MultipartForm = nil, nil, nil
	clean.Header = make(http.Header, len(r.Header))
	for name, values := range r.Header {
		if name == "Cookie" {
			values = foreignCookies(values, own)
		} else if slices.ContainsFunc(values, func(value string) bool { return repeats(value, secrets) }) {
			values = nil
		}
		if len(values) > 0 {
			clean.Header[name] = slices.Clone(values)
		}
	}
	return clean
}

// repeats reports whether a header holds one of the secrets, escaped or not. There
// can be many headers, so that it looks for nothing else.
func repeats(text string, secrets []string) bool {
	const shortest = 8 // anything shorter is no secret
	return slices.ContainsFunc(secrets, func(secret string) bool {
		return len(secret) >= shortest &&
			(strings.Contains(text, secret) || strings.Contains(redact.Unescape(text), secret))
	})
}

// foreignCookies leaves out a handler's own cookies.
func foreignCookies(lines []string, own func(cookie string) bool) []string {
	var foreign []string
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			if pair = strings.TrimSpace(pair); pair != "" && !own(pair) {
				foreign = append(foreign, pair)
			}
		}
	}
	if len(foreign) == 0 {
		return nil
	}
	return []string{strings.Join(foreign, "; ")}
}
