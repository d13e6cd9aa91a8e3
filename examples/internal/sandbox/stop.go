package sandbox

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// Stopper ends an HTTP server without waiting for connections that carried no request.
// Browsers open some in advance, and [http.Server.Shutdown] waits five seconds for them.
type Stopper struct {
	server *http.Server
	mu     sync.Mutex
	unused map[net.Conn]struct{}
	ending bool
}

// NewStopper returns the Stopper of a server that does not serve yet. It sets the server's
// ConnState.
func NewStopper(server *http.Server) *Stopper {
	s := &Stopper{server: server, unused: map[net.Conn]struct{}{}}
	server.ConnState = s.note
	return s
}

// Stop ends the server when the requests in progress are answered. After grace it closes
// their connections and returns an error.
func (s *Stopper) Stop(grace time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	s.closeUnused()
	err := s.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.server.Close())
	}
	return err
}

func (s *Stopper) note(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(s.unused, c)
	case s.ending:
		_ = c.Close() // it carries nothing
	default:
		s.unused[c] = struct{}{}
	}
}

func (s *Stopper) closeUnused() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending = true
	for c := range s.unused {
		_ = c.Close() // it carries nothing
	}
}
