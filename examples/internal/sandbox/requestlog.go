package sandbox

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"github.com/sunco-go/sunco/suncotest"
)

// logged writes one line for each request, after it was answered.
func (s *Sandbox) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &statusWriter{ResponseWriter: w}
		defer func() {
			s.log.Printf("%s %s%s %d", s.shown(r.Method), s.shown(r.Host), s.shown(r.URL.EscapedPath()), seen.status)
		}()
		next.ServeHTTP(seen, r)
	})
}

// maxShown is longer than every word and every id the platform puts into a path,
// and shorter than its codes, tokens and webhook secrets.
const maxShown = 24

// shown returns a method, host or path in a form that is safe to print. Queries are
// never passed in. A part that could be a credential somebody put into a path by
// mistake is left out, and so is whatever is not plain text.
func (s *Sandbox) shown(text string) string {
	plain, err := url.PathUnescape(text)
	secret := cmp.Or(s.cfg.Platform.ClientSecret, suncotest.DefaultClientSecret)
	if err != nil || len(text) > 400 || len(secret) > 3 && strings.Contains(plain, secret) {
		return "…"
	}
	var out strings.Builder
	for part := range splitAfterAny(text, "/.:") {
		name := strings.TrimRight(part, "/.:")
		if len(name) > maxShown || strings.ContainsFunc(name, unprintable) {
			out.WriteString("…" + part[len(name):])
			continue
		}
		out.WriteString(part)
	}
	return out.String()
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' }

// splitAfterAny yields the parts of s, each with the separator that ends it.
func splitAfterAny(s, separators string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for s != "" {
			end := strings.IndexAny(s, separators) + 1
			if end == 0 {
				end = len(s)
			}
			if !yield(s[:end]) {
				return
			}
			s = s[end:]
		}
	}
}

// statusWriter notes the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the first final status.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write notes the status that writing implies.
func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find what is underneath.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
