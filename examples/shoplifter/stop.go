package main

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

const grace = 5 * time.Second // for requests under way when the program ends

// unused are connections on which nobody has asked anything yet. Clients open some
// in reserve, and [http.Server.Shutdown] would wait five seconds for them.
type unused struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// note is for [http.Server.ConnState].
func (u *unused) note(c net.Conn, state http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if state != http.StateNew {
		delete(u.conns, c)
		return
	}
	if u.conns == nil {
		u.conns = map[net.Conn]struct{}{}
	}
	u.conns[c] = struct{}{}
}

func (u *unused) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.conns {
		_ = c.Close() // nobody would read an answer
	}
}

// stop ends a server: politely, then not.
func stop(server *http.Server, unused *unused) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	unused.close()
	if server.Shutdown(ctx) != nil {
		_ = server.Close()
	}
}
