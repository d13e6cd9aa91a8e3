package sunco

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"

	"github.com/sunco-go/sunco/internal/hook"
	"github.com/sunco-go/sunco/internal/inbound"
)

// The steps of an installation, as the log names them. The hooks have the names
// of their fields.
const (
	stepQuery     = "query"
	stepReturnTo  = "return_to"
	stepSetup     = "setup"
	stepCallback  = "callback"
	stepInstall   = "install"
	stepExchange  = "exchange"
	stepLocate    = "locate"
	stepWebhook   = "webhook"
	hookIdentity  = "Identity"
	hookFirstUse  = "FirstUse"
	hookSave      = "Save"
	hookOnInstall = "OnInstall"
	hookOnError   = "OnError"
)

var (
	errInstallBusy    = errors.New("sunco: install: 10,000 flows within 10 minutes; try again in a minute")
	errInstallStopped = errors.New("sunco: install: the goroutine ended in a panic or in runtime.Goexit")
)

// installFailure is a step that failed.
type installFailure struct {
	step string
	err  error
}

// status returns the status of the page.
func (f installFailure) status() int {
	var outside *RequestError
	switch {
	case f.step == hookSave, f.step == stepSetup, f.step == stepInstall:
		return http.StatusInternalServerError
	case f.step == hookFirstUse, errors.Is(f.err, errInstallBusy):
		return http.StatusServiceUnavailable
	case f.step == hookIdentity, errors.Is(f.err, ErrAccessDenied):
		return http.StatusForbidden
	case errors.As(f.err, &outside):
		return outside.Status
	case f.step == stepCallback:
		return http.StatusBadRequest
	case errors.As(f.err, new(*RateLimitError)):
		return http.StatusServiceUnavailable
	case errors.Is(f.err, ErrNoRegion), f.step == stepExchange && errors.As(f.err, new(*InputError)):
		return http.StatusInternalServerError
	}
	return http.StatusBadGateway
}

// byAnyone reports whether a stranger can cause the failure at will: with a
// request that is no callback, by pressing Deny, with an invented code, or
// without being signed in.
func (f installFailure) byAnyone() bool {
	var refused *Error
	switch {
	case f.step == hookIdentity:
		return errors.As(f.err, new(*RequestError))
	case f.step == stepExchange && errors.As(f.err, &refused):
		return refused.Status == http.StatusBadRequest
	}
	return f.status() == http.StatusBadRequest || f.status() == http.StatusForbidden
}

// refused reports whether Zendesk refused the code, so that no token exists.
func (f installFailure) refused() bool {
	refused, ok := f.err.(*Error)
	return ok && f.step == stepExchange && refused.Err == nil && refused.Status/100 == 4
}

// fail logs and explains a failure before there is a token.
func (i *Installer) fail(w http.ResponseWriter, r *http.Request, step string, err error) {
	failure := installFailure{step, err}
	i.logFailure(r, nil, failure)
	i.explain(w, r, failure, nil)
}

// explain answers with OnError's answer or the page. It returns where OnError
// redirected the browser to, "" if nowhere.
func (i *Installer) explain(w http.ResponseWriter, r *http.Request, failure installFailure, in *Installation) string {
	if i.OnError != nil {
		answer := &errorWriter{ResponseWriter: w}
		_ = i.hook(r, in, hookOnError, func(ctx context.Context) error {
			i.OnError(answer, cleanRequest(ctx, r), in, failure.err)
			return nil
		})
		if answer.status != 0 {
			return answer.location()
		}
	}
	writeInstallPage(w, failure.status(), failure.err)
	return ""
}

func (i *Installer) logFailure(r *http.Request, in *Installation, failure installFailure) {
	level := slog.LevelWarn
	if failure.byAnyone() {
		level = slog.LevelDebug
	}
	i.log(r, in, level, "install failed", failure.err,
		slog.String("step", failure.step), slog.Int("status", failure.status()))
}

// log writes a line with what a hook or Zendesk said.
func (i *Installer) log(
	r *http.Request, in *Installation, level slog.Level, message string, err error, attrs ...slog.Attr,
) {
	query, _ := parseQuery(r.URL.RawQuery)
	secrets := append(secretsOf(in), i.Client.ClientSecret, NewSecret(query.Get("code")), NewSecret(query.Get("state")))
	if in != nil {
		attrs = append(attrs, slog.Any("installation", in))
	}
	hook.Log(r.Context(), i.Logger, level, message, err, secrets.reveal(), attrs...)
}

// succeed redirects the browser with what OnInstall added. Identical callbacks
// get the same, so that the answer that a double click leaves on the screen is
// complete.
func (i *Installer) succeed(w http.ResponseWriter, one *installation, result installResult) {
	header := w.Header()
	for name, values := range result.header {
		if name == "Set-Cookie" {
			values = append(header[name], values...)
		}
		header[name] = slices.Clone(values)
	}
	guardInstall(header)
	i.giveReceipt(w, one, result.location)
	redirect(w, result.location)
}

// redirect writes no body: net/http's would repeat the URL.
func redirect(w http.ResponseWriter, target string) {
	w.Header()["Location"] = []string{target}
	w.WriteHeader(http.StatusSeeOther)
}

// guardInstall sets what every answer has.
func guardInstall(header http.Header) {
	header["Cache-Control"] = []string{"no-store"}
	header["Referrer-Policy"] = []string{"no-referrer"}
}

// The page's style, and the Content-Security-Policy that allows it by its hash.
const (
	installStyle = `
:root { color-scheme: light dark }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 1rem/1.5 system-ui, sans-serif;
  color: light-dark(#1f2933, #e4e7eb); background: light-dark(#f5f7fa, #14181d) }
main { box-sizing: border-box; width: min(30rem, 100% - 2rem); margin: 1rem; padding: 2rem; border-radius: .75rem;
  overflow-wrap: anywhere; background: light-dark(#fff, #1f262e); border: 1px solid light-dark(#d9dee5, #364150) }
h1 { margin: 0 0 .75rem; font-size: 1.375rem; line-height: 1.25 }
p { margin: 0 0 1.5rem }
a { display: inline-block; padding: .625rem 1.25rem; border-radius: .5rem; font-weight: 600; text-decoration: none;
  color: #fff; background: #17494d; border: 1px solid light-dark(#17494d, #5b9aa0) }
a:focus-visible { outline: 3px solid light-dark(#2b7fd4, #8cc4ff); outline-offset: 3px }
`
	installPolicy = "default-src 'none'; style-src 'sha256-r7P9WmNIR2mVXnbRM3bxPaKR5kl54dYA8csFHm2SpOg='; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// writeInstallPage writes all that a browser learns of a failure. The link is
// the page's own address without its query, wherever the handler is mounted.
func writeInstallPage(w http.ResponseWriter, status int, err error) {
	title, text := "Not connected", "The connection to Zendesk could not be completed."
	switch {
	case errors.Is(err, ErrAccessDenied):
		title, text = "You did not allow the connection", "Nothing was connected. If you change your mind, start again."
	case errors.Is(err, ErrStateMismatch):
		title, text = "This link cannot be used", "It has expired or belongs to another browser."
	}
	header := w.Header()
	guardInstall(header)
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", installPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Del("Content-Length")
	header.Del("Content-Encoding")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>`+title+`</title>
<style>`+installStyle+`</style>
</head>
<body>
<main>
<h1>`+title+`</h1>
<p>`+text+`</p>
<a href="?">Start again</a>
</main>
</body>
</html>
`)
}

// hookWriter is what OnInstall writes to. Its headers are kept, because every
// identical callback gets them.
type hookWriter struct{ header http.Header }

func (w hookWriter) Header() http.Header { return w.header }

func (w hookWriter) WriteHeader(int) {}

// Write refuses: the answer is a redirect.
func (w hookWriter) Write([]byte) (int, error) { return 0, http.ErrBodyNotAllowed }

// result is the answer that OnInstall left, without what belongs to a body.
func (w hookWriter) result(returnTo string) installResult {
	result := installResult{header: w.header.Clone(), location: cmp.Or(w.header.Get("Location"), returnTo)}
	for _, name := range [...]string{
		"Location", "Content-Type", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Trailer",
	} {
		result.header.Del(name)
	}
	return result
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

// location is where the answer redirects the browser to, "" if nowhere.
func (w *errorWriter) location() string {
	if w.status/100 != 3 {
		return ""
	}
	return w.Header().Get("Location")
}

// Unwrap is for [http.ResponseController].
func (w *errorWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// cleanRequest returns a request that hooks may log.
func cleanRequest(ctx context.Context, r *http.Request) *http.Request {
	query, _ := parseQuery(r.URL.RawQuery)
	return inbound.Clean(ctx, r, []string{query.Get("code"), query.Get("state")}, isInstallCookie)
}
