package netsim

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// pipeBuffer is how much one direction holds before a writer waits, like the
// buffers of two sockets.
const pipeBuffer = 1 << 20

// stream is one direction of an in-memory connection. It waits on a condition
// variable only, so that a synctest bubble sees the waiting.
type stream struct {
	mu       sync.Mutex
	cond     *sync.Cond
	buf      []byte
	err      error // a reset: what both sides get from now on
	rclosed  bool
	wclosed  bool
	rtimeout deadline
	wtimeout deadline
}

// deadline is a moment after which one side of a stream stops waiting. It is
// guarded by the stream's mutex.
type deadline struct {
	timer  *time.Timer
	passed bool
}

func newStream() *stream {
	s := &stream{}
	s.cond = sync.NewCond(&s.mu)
	return s
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.awaitData(); err != nil {
		return 0, err
	}
	n := copy(p, s.buf)
	s.buf = s.buf[n:]
	if len(s.buf) == 0 {
		s.buf = nil
	}
	s.cond.Broadcast()
	return n, nil
}

// awaitData waits until there is something to read. The lock is held.
func (s *stream) awaitData() error {
	for {
		switch {
		case s.rclosed:
			return net.ErrClosed
		case s.err != nil:
			return s.err
		case s.rtimeout.passed:
			return os.ErrDeadlineExceeded
		case len(s.buf) > 0:
			return nil
		case s.wclosed:
			return io.EOF
		}
		s.cond.Wait()
	}
}

func (s *stream) write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.wclosed:
			return n, net.ErrClosed
		case s.err != nil:
			return n, s.err
		case s.rclosed:
			return n, os.NewSyscallError("write", syscall.EPIPE)
		case s.wtimeout.passed:
			return n, os.ErrDeadlineExceeded
		case len(p) == 0:
			return n, nil
		}
		if room := pipeBuffer - len(s.buf); room > 0 {
			k := min(room, len(p))
			s.buf = append(s.buf, p[:k]...)
			p, n = p[k:], n+k
			s.cond.Broadcast()
			continue
		}
		s.cond.Wait()
	}
}

// end records that one side is done with the stream, for the reason err if any.
func (s *stream) end(reader, writer bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rclosed = s.rclosed || reader
	s.wclosed = s.wclosed || writer
	if err != nil {
		s.err, s.buf = err, nil
	}
	if reader {
		s.buf = nil
		s.rtimeout.stop()
	}
	if writer {
		s.wtimeout.stop()
	}
	s.cond.Broadcast()
}

func (s *stream) setDeadline(d *deadline, t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.stop()
	d.passed = false
	if t.IsZero() {
		return
	}
	wait := time.Until(t)
	if wait <= 0 {
		d.passed = true
		s.cond.Broadcast()
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if d.timer == timer {
			d.passed = true
			s.cond.Broadcast()
		}
	})
	d.timer = timer
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

// Conn is one end of an in-memory connection.
type Conn struct {
	in, out       *stream
	local, remote net.Addr
	onClose       func()
	once          sync.Once
}

// pipeAddr is the address of one end: what was dialled, or "client".
type pipeAddr string

func (a pipeAddr) Network() string { return "tcp" }
func (a pipeAddr) String() string  { return string(a) }

// newPipe returns the two ends of a connection to address.
func newPipe(address string) (client, server *Conn) {
	up, down := newStream(), newStream()
	near, far := pipeAddr("192.0.2.1:49152"), pipeAddr(address)
	return &Conn{in: down, out: up, local: near, remote: far},
		&Conn{in: up, out: down, local: far, remote: near}
}

func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.wrap("read", err)
}

func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.wrap("write", err)
}

func (c *Conn) wrap(op string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}

// peek waits for the first byte without taking it.
func (c *Conn) peek() (byte, error) {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	if err := c.in.awaitData(); err != nil {
		return 0, err
	}
	return c.in.buf[0], nil
}

func (c *Conn) Close() error { return c.shut(nil) }

// Reset ends the connection as a crash would: what was sent and not yet read is
// lost, and the other side learns it as a connection reset.
func (c *Conn) Reset() {
	_ = c.shut(os.NewSyscallError("read", syscall.ECONNRESET))
}

func (c *Conn) shut(err error) error {
	// The other side first: this one's reader may call Close as soon as it
	// learns of the end, and would take the reason away.
	c.out.end(false, true, err)
	c.in.end(true, false, err)
	if c.onClose != nil {
		c.once.Do(c.onClose)
	}
	return nil
}

func (c *Conn) LocalAddr() net.Addr  { return c.local }
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

func (c *Conn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.setDeadline(&c.in.rtimeout, t)
	return nil
}

func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.out.setDeadline(&c.out.wtimeout, t)
	return nil
}
