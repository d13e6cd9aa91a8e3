// Package inbound answers requests in time, and says what any handler asks of one.
package inbound

import (
	"context"
	"net/http"
	"sync"
	"time"
)

const (
	// Limit is how long an answer may take: Zendesk waits 20 s.
	Limit = 15 * time.Second

	answerTime = 100 * time.Millisecond // between an answer and the end of the request's context
)

// Serve calls handle and answers with the status that it returns. When Limit is
// over first, or the request's context ends, Serve calls late and answers 503;
// handle goes on, and its context has ended. When handle panics, the answer is 503
// too. Handle calls arrived when it has read the body to the end.
//
// Over HTTP/1 handle runs in the caller's goroutine, and an answer that cannot wait
// is flushed beside it. Where w has no working [http.ResponseController], and over
// HTTP/2, where an answer ends with the handler, handle has a goroutine of its own.
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
	if a.deadline && r.ProtoMajor == 1 {
		stop := context.AfterFunc(ctx, func() {
			late()
			a.send(http.StatusServiceUnavailable, true)
		})
		defer stop()
		a.send(run(ctx, a.arrived, handle), false)
		return
	}
	done := make(chan int, 1)
	go func() { done <- run(ctx, a.arrived, handle) }()
	select {
	case status := <-done:
		a.send(status, false)
	case <-ctx.Done():
		late()
		a.send(http.StatusServiceUnavailable, false)
	}
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

	mu    sync.Mutex
	whole bool // the body has arrived, or does not keep an answer back
	sent  bool
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

// send answers, once. While something of the body is left, the answer closes the
// connection: the server would wait for the rest before it answers.
func (a *answer) send(status int, flush bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sent {
		return
	}
	a.sent = true
	if !a.whole {
		a.w.Header().Set("Connection", "close")
	}
	if flush {
		a.w.Header().Set("Content-Length", "0") // else the answer ends with the handler
	}
	a.w.WriteHeader(status)
	if flush {
		_ = a.control.Flush()
	}
}
