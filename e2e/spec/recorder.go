package spec

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// Recorder is an http.RoundTripper that checks what passes through it, and
// changes nothing. It is safe for concurrent use.
type Recorder struct {
	Base        http.RoundTripper
	Description *Description

	// RepliesOnly leaves requests unchecked, for those that are wrong on purpose.
	RepliesOnly bool

	mu         sync.Mutex
	exchanges  []Exchange
	violations []error
}

// Exchange is a request and its reply as they were seen.
type Exchange struct {
	Operation string // "" when no operation of the description was asked for
	Status    int    // 0: there was no reply
	Reply     []byte
}

// RoundTrip implements http.RoundTripper.
func (rec *Recorder) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, body, err := drainRequest(r)
	if err != nil {
		return nil, err
	}
	seen := Exchange{Operation: rec.Description.OperationOf(r)}
	if !rec.RepliesOnly {
		rec.note(r, "", rec.Description.CheckRequest(r, body))
		if seen.Operation != "Authorize" {
			rec.note(r, "", CheckHeaders(r.Header))
		}
	}
	res, err := rec.Base.RoundTrip(sent)
	if err != nil {
		rec.keep(seen)
		return nil, err
	}
	defer res.Body.Close()
	seen.Status = res.StatusCode
	if seen.Reply, err = io.ReadAll(res.Body); err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(seen.Reply))
	rec.note(r, fmt.Sprintf(" → %d", res.StatusCode), rec.Description.CheckReply(r, res, seen.Reply))
	rec.keep(seen)
	return res, nil
}

// drainRequest returns a request to send on, and the body of both.
func drainRequest(r *http.Request) (*http.Request, []byte, error) {
	if r.Body == nil {
		return r, nil, nil
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, nil, err
	}
	sent := r.Clone(r.Context())
	sent.Body = io.NopCloser(bytes.NewReader(body))
	return sent, body, nil
}

func (rec *Recorder) note(r *http.Request, status string, errs []error) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for _, err := range errs {
		rec.violations = append(rec.violations,
			fmt.Errorf("%s %s%s%s: %w", r.Method, r.URL.Host, r.URL.EscapedPath(), status, err))
	}
}

func (rec *Recorder) keep(seen Exchange) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.exchanges = append(rec.exchanges, seen)
}

// Violations returns what was wrong so far.
func (rec *Recorder) Violations() []error {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return append([]error(nil), rec.violations...)
}

// Exchanges returns what passed so far.
func (rec *Recorder) Exchanges() []Exchange {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return append([]Exchange(nil), rec.exchanges...)
}
