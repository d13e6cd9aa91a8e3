// Package inbound reads the bodies of requests in time for an answer.
package inbound

import (
	"context"
	"net/http"
	"time"
)

// Timeout is how long a body may take to arrive.
const Timeout = 10 * time.Second

// answerTime is left for the answer.
const answerTime = 100 * time.Millisecond

// Deadline returns at, or the time when a request must be answered before its
// context ends, which is when an [http.TimeoutHandler] gives up.
func Deadline(ctx context.Context, at time.Time) time.Time {
	if end, limited := ctx.Deadline(); limited && end.Add(-answerTime).Before(at) {
		return end.Add(-answerTime)
	}
	return at
}

// Read runs read, which reads the body of the request that w answers and
// reports whether it read it to the end. It returns false when read did not
// return in time, or panicked, which only a middleware's body does.
//
// A body that stalls must not keep the answer back. Where w has a working
// [http.ResponseController], the connection gets the deadline, and keeps it for
// what the server still reads of a body that was not read to the end. Behind a
// middleware that hides the controller, read goes on in a goroutine until the
// server closes the connection, which the answer asks for.
func Read(w http.ResponseWriter, until time.Time, read func() (whole bool)) (inTime bool) {
	control := http.NewResponseController(w)
	if control.SetReadDeadline(until) == nil {
		whole, returned := runs(read)
		if whole { // the server watches the connection from here on, without a deadline
			_ = control.SetReadDeadline(time.Time{})
		}
		return returned
	}
	type result struct{ whole, returned bool }
	done := make(chan result, 1)
	go func() {
		whole, returned := runs(read)
		done <- result{whole, returned}
	}()
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	var end result
	select {
	case end = <-done:
	case <-timer.C:
	}
	if !end.whole {
		w.Header().Set("Connection", "close")
	}
	return end.returned
}

func runs(read func() bool) (whole, returned bool) {
	defer func() { _ = recover() }()
	whole = read()
	return whole, true
}
