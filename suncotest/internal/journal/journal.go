// Package journal remembers the requests that were seen and how they were answered, and
// plays the faults that were injected.
package journal

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

const (
	maxRequests = 1000
	maxBytes    = 12 << 20     // of all bodies and headers
	maxKept     = wire.MaxBody // of one body
	overhead    = 1024         // of a request, for its headers and the rest
)

// Request is a request as it was recorded; the fake's public type explains the fields.
type Request struct {
	ID          string
	Method      string
	Host        string
	Path        string
	RawQuery    string
	Header      http.Header
	Body        []byte
	Size        int
	Status      int
	ReplyHeader http.Header
	ReplyBody   []byte
	ReplySize   int
	Note        string
	Time        time.Time
	Took        time.Duration
}

// Log keeps the latest requests.
type Log struct {
	Kind string // of the ids

	mu      sync.Mutex
	entries []*Request
	bytes   int
	count   int
}

// Reply is how a request was answered.
type Reply struct {
	Status int // 0: not at all
	Header http.Header
	Body   []byte // as much of it as is kept
	Size   int    // of the whole body
	Note   string
}

// Add notes a request that is under way. Only Finish changes what it returns.
func (l *Log) Add(r *http.Request, body []byte) *Request {
	e := &Request{
		Method: r.Method, Host: r.Host, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery,
		Header: r.Header.Clone(), Body: kept(body), Size: len(body), Time: time.Now(),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	e.ID = wire.StableID(l.Kind, strconv.Itoa(l.count))
	l.entries = append(l.entries, e)
	l.bytes += e.weight()
	l.trim()
	return e
}

// Finish notes how a request was answered, and returns a copy.
func (l *Log) Finish(e *Request, reply Reply) Request {
	body := kept(reply.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Status, e.Note, e.Took = reply.Status, reply.Note, time.Since(e.Time)
	e.ReplyHeader, e.ReplyBody, e.ReplySize = reply.Header, body, reply.Size
	if slices.Contains(l.entries, e) {
		l.bytes += len(body)
		l.trim()
	}
	return e.copied()
}

func (r Request) copied() Request {
	r.Header, r.Body = r.Header.Clone(), bytes.Clone(r.Body)
	r.ReplyHeader, r.ReplyBody = r.ReplyHeader.Clone(), bytes.Clone(r.ReplyBody)
	return r
}

// trim forgets the oldest requests there is no room for.
func (l *Log) trim() {
	for len(l.entries) > maxRequests || l.bytes > maxBytes && len(l.entries) > 1 {
		l.bytes -= l.entries[0].weight()
		l.entries[0] = nil
		l.entries = l.entries[1:]
	}
}

func (r Request) weight() int { return len(r.Body) + len(r.ReplyBody) + overhead }

func kept(body []byte) []byte { return bytes.Clone(body[:min(len(body), maxKept)]) }

// List returns copies, oldest first.
func (l *Log) List() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Request, len(l.entries))
	for i, e := range l.entries {
		all[i] = e.copied()
	}
	return all
}

// Recorder notes what a handler answers.
type Recorder struct {
	http.ResponseWriter
	reply Reply
}

// Reply returns what was answered so far.
func (rec *Recorder) Reply(note string) Reply {
	reply := rec.reply
	reply.Note = note
	return reply
}

// WriteHeader notes the first final status.
func (rec *Recorder) WriteHeader(status int) {
	if rec.reply.Status == 0 && status >= 200 {
		rec.reply.Status, rec.reply.Header = status, rec.Header().Clone()
	}
	rec.ResponseWriter.WriteHeader(status)
}

// Write notes the body, and the status that writing implies.
func (rec *Recorder) Write(p []byte) (int, error) {
	if rec.reply.Status == 0 {
		rec.reply.Status, rec.reply.Header = http.StatusOK, rec.Header().Clone()
	}
	if room := maxKept - len(rec.reply.Body); room > 0 {
		rec.reply.Body = append(rec.reply.Body, p[:min(len(p), room)]...)
	}
	rec.reply.Size += len(p)
	return rec.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find what is underneath.
func (rec *Recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }
