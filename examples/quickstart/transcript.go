package main

import (
	"fmt"
	"io"
	"net/http"
	"sync"
)

// transcript prints what happens, for a person to read.
type transcript struct {
	mu       sync.Mutex
	out      io.Writer
	n        int
	received int       // requests that are being answered
	printed  sync.Cond // of mu, when one of them was printed
}

func newTranscript(out io.Writer) *transcript {
	t := &transcript{out: out}
	t.printed.L = &t.mu
	return t
}

// settle waits until every request that was received is printed.
func (t *transcript) settle() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.received > 0 {
		t.printed.Wait()
	}
}

// step begins a numbered step.
func (t *transcript) step(title string) {
	t.settle()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n++
	fmt.Fprintf(t.out, "\n%d. %s\n", t.n, title)
}

// say prints one line about the step.
func (t *transcript) say(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, "   "+format+"\n", args...)
}

// print prints text as it is, after the last step.
func (t *transcript) print(text string) {
	t.settle()
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprint(t.out, text)
}

// end makes the transcript print nothing of the requests that are still under way.
func (t *transcript) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.out = io.Discard
}

// request prints a request line without its query, which may hold a code.
func (t *transcript) request(arrow string, r *http.Request, host, outcome string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, "   %s %-6s https://%s%s  %s\n", arrow, r.Method, host, r.URL.Path, outcome)
}

// sent is a transport that prints each request it makes.
type sent struct {
	base http.RoundTripper
	to   *transcript
}

// RoundTrip implements http.RoundTripper.
func (s sent) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.base.RoundTrip(r)
	if err != nil {
		s.to.request("->", r, r.URL.Host, "no reply")
		return nil, err
	}
	s.to.request("->", r, r.URL.Host, status(resp.StatusCode))
	return resp, nil
}

// received prints each request that a handler answers.
func received(t *transcript, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noted := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		t.mu.Lock()
		t.received++
		t.mu.Unlock()
		h.ServeHTTP(noted, r)
		t.request("<-", r, r.Host, status(noted.status))
		t.mu.Lock()
		defer t.mu.Unlock()
		t.received--
		t.printed.Broadcast()
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController through.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func status(code int) string { return fmt.Sprintf("%d %s", code, http.StatusText(code)) }
