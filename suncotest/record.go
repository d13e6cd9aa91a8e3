package suncotest

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

const (
	maxRequests = 1000
	maxKept     = 32 << 10 // of a body
)

// Request is a request as it was recorded. Its fields hold what was sent,
// credentials included; printing it, logging it or encoding it as JSON shows only
// method, host, path and status.
type Request struct {
	Method   string
	Host     string
	Path     string // escaped, as it was sent
	RawQuery string
	Header   http.Header
	Body     []byte // its first 32 KiB
	Status   int    // 0: not answered, or not yet
	Time     time.Time
}

// String returns one line without query, header and body.
func (r Request) String() string {
	status := "no answer"
	if r.Status != 0 {
		status = strconv.Itoa(r.Status)
	}
	return fmt.Sprintf("%s %s%s %s", printable(r.Method), printable(r.Host), printable(r.Path), status)
}

// printable keeps a line of the record one line of moderate length.
func printable(s string) string {
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	quoted := strconv.QuoteToASCII(s)
	if plain := quoted[1 : len(quoted)-1]; plain == s {
		return s
	}
	return quoted
}

// Format makes every verb of package fmt print [Request.String].
func (r Request) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue makes package slog write [Request.String].
func (r Request) LogValue() slog.Value { return slog.StringValue(r.String()) }

// MarshalText makes encoders write [Request.String].
func (r Request) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Requests returns the latest 1,000 requests the platform received, oldest first.
// Requests to mounted servers are not among them.
func (p *Platform) Requests() []Request { return p.received.list() }

// Calls returns the latest 1,000 requests the platform sent to the partner, oldest
// first: probes, deliveries and calls to the remove URL.
func (p *Platform) Calls() []Request { return p.sent.list() }

// journal keeps the latest requests.
type journal struct {
	mu      sync.Mutex
	entries []*entry
	count   int
}

type entry struct {
	Request
	id string
}

func (j *journal) add(r *http.Request, body []byte) *entry {
	kept := bytes.Clone(body[:min(len(body), maxKept)])
	e := &entry{Request: Request{
		Method: r.Method, Host: r.Host, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery,
		Header: r.Header.Clone(), Body: kept, Time: time.Now(),
	}}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.count++
	e.id = wire.StableID("request", strconv.Itoa(j.count))
	if len(j.entries) >= maxRequests {
		j.entries = append(j.entries[:0], j.entries[1:]...)
	}
	j.entries = append(j.entries, e)
	return e
}

func (j *journal) finish(e *entry, status int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Status = status
}

func (j *journal) list() []Request {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := make([]Request, 0, len(j.entries))
	for _, e := range j.entries {
		r := e.Request
		r.Header, r.Body = r.Header.Clone(), bytes.Clone(r.Body)
		all = append(all, r)
	}
	return all
}

// statusRecorder notes the status that a handler sets.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the first final status.
func (s *statusRecorder) WriteHeader(status int) {
	if s.status == 0 && status >= 200 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

// Write notes the status that writing implies.
func (s *statusRecorder) Write(p []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return s.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find what is underneath.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }
