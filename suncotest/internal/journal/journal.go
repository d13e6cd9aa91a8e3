// Package journal remembers the requests that were seen, and plays the faults that
// were injected.
package journal

import (
	"bytes"
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

// Request is a request as it was recorded.
type Request struct {
	Method   string
	Host     string
	Path     string // escaped, as it was sent
	RawQuery string
	Header   http.Header
	Body     []byte // its first 32 KiB
	Status   int    // 0: not answered, or not yet
	Note     string
	Time     time.Time
}

// Log keeps the latest requests.
type Log struct {
	mu      sync.Mutex
	entries []*Entry
	count   int
}

// Entry is a request that may still be under way.
type Entry struct {
	Request
	ID string
}

// Add notes a request.
func (l *Log) Add(r *http.Request, body []byte) *Entry {
	kept := bytes.Clone(body[:min(len(body), maxKept)])
	e := &Entry{Request: Request{
		Method: r.Method, Host: r.Host, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery,
		Header: r.Header.Clone(), Body: kept, Time: time.Now(),
	}}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	e.ID = wire.StableID("request", strconv.Itoa(l.count))
	if len(l.entries) >= maxRequests {
		l.entries = append(l.entries[:0], l.entries[1:]...)
	}
	l.entries = append(l.entries, e)
	return e
}

// Finish notes the status of its answer, 0 for none, and what there is to say of it. It
// returns a copy.
func (l *Log) Finish(e *Entry, status int, note string) Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Status, e.Note = status, note
	return e.copied()
}

func (e *Entry) copied() Request {
	r := e.Request
	r.Header, r.Body = r.Header.Clone(), bytes.Clone(r.Body)
	return r
}

// List returns copies, oldest first.
func (l *Log) List() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Request, 0, len(l.entries))
	for _, e := range l.entries {
		all = append(all, e.copied())
	}
	return all
}

// StatusRecorder notes the status that a handler sets.
type StatusRecorder struct {
	http.ResponseWriter
	Status int // 0: none yet
}

// WriteHeader notes the first final status.
func (s *StatusRecorder) WriteHeader(status int) {
	if s.Status == 0 && status >= 200 {
		s.Status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

// Write notes the status that writing implies.
func (s *StatusRecorder) Write(p []byte) (int, error) {
	if s.Status == 0 {
		s.Status = http.StatusOK
	}
	return s.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find what is underneath.
func (s *StatusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }
