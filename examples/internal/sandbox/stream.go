package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	maxStreams    = 64
	streamEvery   = 250 * time.Millisecond
	streamBeat    = 15 * time.Second
	streamTimeout = 10 * time.Second // for each write
)

// stream keeps a tab up to date with server-sent events: the parts of its page, each time
// they change. The id of an event is the state of all parts, so that a tab that comes back
// gets only those that differ.
func (s *Sandbox) stream(w http.ResponseWriter, r *http.Request) {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		s.refuse(w, r, http.StatusServiceUnavailable, "Too many tabs are open.")
		return
	}
	control := http.NewResponseController(w)
	if control.SetWriteDeadline(time.Now().Add(streamTimeout)) != nil {
		s.refuse(w, r, http.StatusInternalServerError, "This connection cannot stream.")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	since := r.Header.Get("Last-Event-ID")
	if since == "" {
		since = r.URL.Query().Get("since")
	}
	known := strings.Split(since, ".")
	look, written := viewOf(r.URL.Query()), time.Time{}
	for {
		begin := time.Now()
		message, states := s.news(look, known)
		if message == "" && time.Since(written) >= streamBeat {
			message = ":\n\n" // finds out whether the tab is still there
		}
		if message != "" {
			_ = control.SetWriteDeadline(time.Now().Add(streamTimeout)) // it worked before
			if _, err := w.Write([]byte(message)); err != nil || control.Flush() != nil {
				return
			}
			known, written = states, time.Now()
		}
		select {
		case <-r.Context().Done():
			return
		case <-s.ending:
			return
		case <-time.After(max(streamEvery, 10*time.Since(begin))): // never busy for more than a tenth
		}
	}
}

// news returns an event with the parts that a tab does not know, and nothing when it
// knows all of them.
func (s *Sandbox) news(look view, known []string) (message string, states []string) {
	html, states := s.pageOf(look).render()
	for i, name := range parts {
		if i < len(known) && known[i] == states[i] {
			delete(html, name)
		}
	}
	if len(html) == 0 {
		return "", states
	}
	data, _ := json.Marshal(html) // texts cannot fail
	return fmt.Sprintf("id: %s\ndata: %s\n\n", strings.Join(states, "."), data), states
}
