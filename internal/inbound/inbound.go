// Package inbound answers requests in time, and says what any handler asks of one.
package inbound

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	// Limit is how long an answer may take: Zendesk waits 20 s.
	Limit = 15 * time.Second

	answerTime = 100 * time.Millisecond // between an answer and the end of the request's context
)

// Serve calls handle and answers with the status that it returns. When the time is
// over first, Serve answers 503 and calls late, which must not panic; handle goes on, and
// its context has ended. When handle panics, the answer is 503 too. The time is Limit,
// or less where the request's own context ends earlier, as it does when the caller
// hangs up.
//
// Over HTTP/1 handle runs in the caller's goroutine, and an answer that cannot wait
// is flushed beside it. Where w is not the server's own writer, which may keep an
// answer back, and over HTTP/2, where an answer ends with the handler, handle has a
// goroutine of its own.
func Serve(
	w http.ResponseWriter, r *http.Request, late func(hungUp bool), handle func(context.Context) (status int),
) {
	limit := Limit
	if over, limited := r.Context().Deadline(); limited {
		limit = min(limit, time.Until(over)-answerTime)
	}
	a := &answer{w: w, body: r.Body, ctx: deadline{Context: r.Context(), end: time.Now().Add(limit)}}
	defer a.ctx.stop(context.Canceled)
	a.whole = r.ContentLength == 0 || r.ProtoMajor > 1 // nothing is left to wait for
	if !a.whole && r.Body != nil {
		r.Body = a
	}
	// Without a deadline, the server could wait for the rest of a body before it sends an
	// answer, or before it closes the connection.
	conn, own := w.(connection)
	if !own {
		conn = http.NewResponseController(w)
	}
	a.conn = conn
	limited := conn.SetReadDeadline(a.ctx.end.Add(answerTime/2)) == nil
	if own && limited && r.ProtoMajor == 1 {
		timer := time.AfterFunc(limit, func() {
			a.ctx.stop(context.DeadlineExceeded)
			if gone := r.Context().Err() != nil; a.sendLate() {
				late(gone)
			}
		})
		defer timer.Stop()
		defer a.sendLate() // where handle ends the goroutine
		a.send(run(&a.ctx, handle))
		return
	}
	done := make(chan int, 1)
	go func() {
		status := http.StatusServiceUnavailable // also where handle ends the goroutine
		defer func() { done <- status }()
		status = run(&a.ctx, handle)
	}()
	select {
	case status := <-done:
		a.send(status)
	case <-a.ctx.Done():
		gone := r.Context().Err() != nil
		a.send(http.StatusServiceUnavailable)
		late(gone)
		if a.endRead() { // else the server would end it, and then wait for the rest of the body
			select {
			case <-done:
			case <-time.After(answerTime / 2):
			}
		}
	}
}

// run calls handle. A panic, which is that of a middleware's body, is 503.
func run(ctx context.Context, handle func(context.Context) int) (status int) {
	status = http.StatusServiceUnavailable
	defer func() { _ = recover() }()
	return handle(ctx)
}

// connection is the part of a [http.ResponseController] that concerns the body, and of
// the server's own writers.
type connection interface {
	SetReadDeadline(at time.Time) error
}

// answer is the answer to one request. It stands in for the request's body and notes
// when a Read is going on, which may write to the answer's header, as that of
// [http.MaxBytesReader] does. After the answer there is nothing to read.
type answer struct {
	w    http.ResponseWriter
	body io.ReadCloser
	conn connection
	ctx  deadline

	mu      sync.Mutex
	whole   bool // the body has arrived, or does not keep an answer back
	broken  bool // the connection has a deadline in the past
	sent    bool
	reading bool // sendLate ends the Read, and the answer follows
}

// Read implements [io.Reader].
func (a *answer) Read(p []byte) (n int, err error) {
	a.mu.Lock()
	over := a.sent || a.broken
	a.reading = !over
	a.mu.Unlock()
	if over {
		return 0, http.ErrBodyReadAfterClose
	}
	defer func() { // also where the body panics
		a.mu.Lock()
		defer a.mu.Unlock()
		a.reading = false
		a.whole = a.whole || err == io.EOF
	}()
	return a.body.Read(p)
}

// Close implements [io.Closer].
func (a *answer) Close() error { return a.body.Close() }

// send answers, if nothing did so far.
func (a *answer) send(status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.sent {
		a.write(status)
	}
}

// sendLate answers beside a handle that goes on, and closes the connection: the next
// request on it would wait for handle. It reports whether it answered.
func (a *answer) sendLate() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sent || a.cut() { // the Read ends, and an answer follows
		return false
	}
	a.w.Header().Set("Content-Length", "0") // else the answer ends with the handler
	a.whole = false
	a.write(http.StatusServiceUnavailable)
	_ = http.NewResponseController(a.w).Flush()
	return true
}

// endRead ends a Read that is going on, and reports whether it could.
func (a *answer) endRead() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cut()
}

// cut is endRead while a.mu is held. Nothing can be read of the connection afterwards, so
// the answer closes it.
func (a *answer) cut() bool {
	a.broken = a.reading && a.conn.SetReadDeadline(time.Unix(0, 0)) == nil
	return a.broken
}

// write answers. While something of the body is left, the answer closes the
// connection: the server would wait for the rest before it answers.
func (a *answer) write(status int) {
	a.sent = true
	if !a.whole || a.broken {
		a.w.Header().Set("Connection", "close")
	}
	a.w.WriteHeader(status)
}
