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
// over first, Serve answers 503 and calls late, which must not panic; handle goes on, and its context has
// ended. When handle panics, the answer is 503 too. Handle calls arrived when it has
// read the body to the end. The time is Limit, or less where the request's own
// context ends earlier.
//
// Over HTTP/1 handle runs in the caller's goroutine, and an answer that cannot wait
// is flushed beside it. Where w is not the server's own writer, which may keep an
// answer back, and over HTTP/2, where an answer ends with the handler, handle has a
// goroutine of its own.
func Serve(
	w http.ResponseWriter, r *http.Request, late func(),
	handle func(ctx context.Context, arrived func()) (status int),
) {
	end := time.Now().Add(Limit)
	if over, limited := r.Context().Deadline(); limited && over.Add(-answerTime).Before(end) {
		end = over.Add(-answerTime)
	}
	ctx, cancel := context.WithDeadline(r.Context(), end)
	defer cancel()
	a := &answer{w: w, control: http.NewResponseController(w)}
	a.whole = r.ContentLength == 0 || r.ProtoMajor > 1 // nothing is left to wait for
	a.deadline = a.control.SetReadDeadline(end) == nil
	if !a.whole && r.Body != nil {
		r.Body = &watchedBody{r.Body, a}
	}
	_, own := w.(interface{ SetReadDeadline(time.Time) error })
	if own && a.deadline && r.ProtoMajor == 1 {
		timer := time.AfterFunc(time.Until(end), func() {
			if a.sendLate() {
				late()
			}
		})
		defer timer.Stop()
		defer a.sendLate() // where handle ends the goroutine
		a.send(run(ctx, a.arrived, handle))
		return
	}
	done := make(chan int, 1)
	go func() {
		status := http.StatusServiceUnavailable // also where handle ends the goroutine
		defer func() { done <- status }()
		status = run(ctx, a.arrived, handle)
	}()
	select {
	case status := <-done:
		a.send(status)
	case <-ctx.Done():
		a.send(http.StatusServiceUnavailable)
		late()
	}
}

// watchedBody notes when a Read is going on, which may write to the answer's header,
// as that of [http.MaxBytesReader] does. After the answer there is nothing to read.
type watchedBody struct {
	io.ReadCloser
	a *answer
}

func (b *watchedBody) Read(p []byte) (int, error) {
	if !b.a.read(true) {
		return 0, http.ErrBodyReadAfterClose
	}
	defer b.a.read(false)
	return b.ReadCloser.Read(p)
}

// run calls handle. A panic, which is that of a middleware's body, is 503.
func run(ctx context.Context, arrived func(), handle func(context.Context, func()) int) (status int) {
	status = http.StatusServiceUnavailable
	defer func() { _ = recover() }()
	return handle(ctx, arrived)
}

// answer is the answer to one request.
type answer struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	deadline bool // the connection has one for the body

	mu      sync.Mutex
	whole   bool // the body has arrived, or does not keep an answer back
	sent    bool
	reading bool // with a deadline the Read ends by itself, and the answer follows
}

// read notes the begin or the end of a Read, and reports whether it may begin.
func (a *answer) read(begins bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reading = begins && !a.sent
	return a.reading
}

// arrived notes that the body has arrived. From here on the server watches the
// connection, without a deadline.
func (a *answer) arrived() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.whole = true
	if a.deadline && !a.sent {
		_ = a.control.SetReadDeadline(time.Time{})
	}
}

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
	if a.sent || a.reading {
		return false
	}
	a.w.Header().Set("Content-Length", "0") // else the answer ends with the handler
	a.whole = false
	a.write(http.StatusServiceUnavailable)
	_ = a.control.Flush()
	return true
}

// write answers. While something of the body is left, the answer closes the
// connection: the server would wait for the rest before it answers.
func (a *answer) write(status int) {
	a.sent = true
	if !a.whole {
		a.w.Header().Set("Connection", "close")
	}
	a.w.WriteHeader(status)
}
