package store_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/e2e/engine"
)

// proxy stands between a client and PostgreSQL. It counts round trips, and can lose one.
type proxy struct {
	address, target string

	mu    sync.Mutex
	down  bool // nothing gets through any more
	trips int
	lose  int  // the trip to lose, counted from now; 0: none
	done  bool // lose its answer, not its request
}

// newProxy stands before the server of a database, and returns the database behind it.
func newProxy(t testing.TB, d *engine.Database) (*proxy, *engine.Database) {
	t.Helper()
	u, err := url.Parse(d.DSN)
	require.NoError(t, err)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	p := &proxy{address: listener.Addr().String(), target: u.Host}
	u.Host = p.address
	behind := *d
	behind.DSN = u.String()
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	return p, &behind
}

// next loses the nth trip from now, or only its answer.
func (p *proxy) next(n int, done bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lose, p.done = n, done
}

// lost reports whether the trip was lost, and loses none from now on.
func (p *proxy) lost() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	lost := p.lose < 0
	p.lose = 0
	return lost
}

// close loses all trips from now on.
func (p *proxy) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
}

// count returns the number of trips.
func (p *proxy) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.trips
}

// trip counts a trip, and tells whether to lose its request or its answer.
func (p *proxy) trip() (request, answer bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trips++
	if p.down {
		return true, false
	}
	if p.lose <= 0 {
		return false, false
	}
	if p.lose--; p.lose > 0 {
		return false, false
	}
	p.lose = -1
	return !p.done, p.done
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := new(net.Dialer).DialContext(context.Background(), "tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	swallow := make(chan struct{})
	go func() {
		defer client.Close()
		for r := bufio.NewReader(server); ; {
			kind, message, err := readMessage(r, true)
			if err != nil {
				return
			}
			select {
			case <-swallow:
				if kind == 'Z' { // the server is ready for the next statement
					return
				}
				continue
			default:
			}
			if _, err := client.Write(message); err != nil {
				return
			}
		}
	}()
	for r, typed := bufio.NewReader(client), false; ; typed = true {
		kind, message, err := readMessage(r, typed)
		if err != nil {
			return
		}
		if kind == 'S' || kind == 'Q' { // it waits for an answer
			request, answer := p.trip()
			if request {
				return
			}
			if answer {
				close(swallow)
				_, _ = server.Write(message)
				_, _ = io.Copy(io.Discard, client) // until the other side closes it
				return
			}
		}
		if _, err := server.Write(message); err != nil {
			return
		}
	}
}

// readMessage reads one message of PostgreSQL's protocol. The first one of a client has no
// type.
func readMessage(r *bufio.Reader, typed bool) (kind byte, message []byte, err error) {
	if typed {
		if kind, err = r.ReadByte(); err != nil {
			return 0, nil, err
		}
		message = append(message, kind)
	}
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return 0, nil, err
	}
	size := int(binary.BigEndian.Uint32(length[:])) - len(length)
	if size < 0 || size > 1<<24 {
		return 0, nil, fmt.Errorf("a message of %d bytes", size)
	}
	body := make([]byte, size)
	_, err = io.ReadFull(r, body)
	return kind, append(append(message, length[:]...), body...), err
}
