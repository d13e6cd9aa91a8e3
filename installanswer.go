package sunco

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sunco-go/sunco/internal/redact"
)

// installPage is all that a browser ever learns of a failure. The link is the
// page's own address without its query, wherever the handler is mounted.
const installPage = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Not connected</title>
</head>
<body>
<main>
<h1>Not connected</h1>
<p>The connection to Zendesk was not completed.</p>
<p><a href="?">Start again</a></p>
</main>
</body>
</html>
`

func writeInstallPage(w http.ResponseWriter, status int) {
	header := w.Header()
	guardInstall(header)
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Del("Content-Length")
	header.Del("Content-Encoding")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, installPage)
}

// hookWriter is what OnInstall writes to. Its headers are kept, because every
// identical callback gets them.
type hookWriter struct {
	header http.Header
	status int
}

func (w *hookWriter) Header() http.Header { return w.header }

func (w *hookWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

// Write refuses: the answer is a redirect.
func (w *hookWriter) Write([]byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return 0, http.ErrBodyNotAllowed
}

// end is the answer that the hook left, without what belongs to a body.
func (w *hookWriter) end(returnTo string) installEnd {
	end := installEnd{header: w.header.Clone(), location: returnTo}
	if location := w.header.Get("Location"); location != "" {
		end.location = location
	}
	for _, name := range [...]string{"Location", "Content-Type", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Trailer"} {
		end.header.Del(name)
	}
	return end
}

// errorWriter is what OnError writes to. It notes the answer, and keeps what
// every answer has.
type errorWriter struct {
	http.ResponseWriter
	status int // 0: there is no answer
}

func (w *errorWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	guardInstall(w.Header())
	w.ResponseWriter.WriteHeader(status)
}

func (w *errorWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

// location is where the answer sends the browser, "" if nowhere.
func (w *errorWriter) location() string {
	if w.status/100 != 3 {
		return ""
	}
	return w.Header().Get("Location")
}

// Unwrap is for [http.ResponseController].
func (w *errorWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// cleanRequest is a request without its query, the headers that repeat it, as
// some proxies' do, and the cookies of flows, so without code and state: what
// the hooks see, and may log.
func cleanRequest(ctx context.Context, r *http.Request) *http.Request {
	clean := r.WithContext(ctx)
	clean.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath}
	clean.RequestURI = clean.URL.RequestURI()
	clean.Form, clean.PostForm, clean.MultipartForm = nil, nil, nil
	clean.Header = make(http.Header, len(r.Header))
	query := r.URL.Query()
	secrets := []string{query.Get("code"), query.Get("state")}
	for name, values := range r.Header {
		switch name {
		case "Referer":
		case "Cookie":
			if values = foreignCookies(values); len(values) > 0 {
				clean.Header[name] = values
			}
		default:
			if !slices.ContainsFunc(values, func(value string) bool { return repeats(value, secrets) }) {
				clean.Header[name] = slices.Clone(values)
			}
		}
	}
	return clean
}

// repeats reports whether a header holds a code or a state, escaped or not.
func repeats(text string, secrets []string) bool {
	const shortest = 8 // what is shorter is no secret, and stands in many a header
	for _, secret := range secrets {
		if len(secret) >= shortest && (strings.Contains(text, secret) || strings.Contains(redact.Unescape(text), secret)) {
			return true
		}
	}
	return false
}

// foreignCookies leaves out the cookies of flows.
func foreignCookies(lines []string) []string {
	var foreign []string
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			pair = strings.TrimSpace(pair)
			if pair != "" && !isInstallCookie(pair) {
				foreign = append(foreign, pair)
			}
		}
	}
	if len(foreign) == 0 {
		return nil
	}
	return []string{strings.Join(foreign, "; ")}
}
