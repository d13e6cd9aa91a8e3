package sunco

import (
	"context"
	"net/http"
	"strings"
	"time"
)

const bodyTimeout = 10 * time.Second // for an incoming body to arrive

// bodyDeadline is when the body of a request must have arrived: soon, and while
// there is time to answer before the request's context ends, which is when
// an [http.TimeoutHandler] gives up.
func bodyDeadline(ctx context.Context) time.Time {
	const answerTime = 100 * time.Millisecond
	until := time.Now().Add(bodyTimeout)
	if end, limited := ctx.Deadline(); limited && end.Add(-answerTime).Before(until) {
		return end.Add(-answerTime)
	}
	return until
}

// RequestError says what is wrong with a request that came from outside: a
// callback, a return_to, an identity, a delivery or a removal.
type RequestError struct {
	Name   string // what is wrong: "query", "callback", "return_to", "identity", "delivery" or "removal"
	Reason string // what is wrong with it; never its value
	Status int    // the status to answer with
}

// Error implements error.
func (e *RequestError) Error() string { return "sunco: " + e.Name + ": " + e.Reason }

// readInTime runs read, which reads the body of the request that w answers and
// reports whether it read it to the end. It returns false when read did not
// return in time, or panicked, which only a middleware's body does.
//
// A body that stalls must not keep the answer back. Where w has a working
// [http.ResponseController], the connection gets the deadline, and keeps it for
// what the server still reads of a body that was not read to the end. Behind a
// middleware that hides the controller, read goes on in a goroutine until the
// server closes the connection, which the answer asks for.
func readInTime(w http.ResponseWriter, until time.Time, read func() (whole bool)) (inTime bool) {
	control := http.NewResponseController(w)
	if control.SetReadDeadline(until) == nil {
		whole, returned := runRead(read)
		if whole { // the server watches the connection from here on, without a deadline
			_ = control.SetReadDeadline(time.Time{})
		}
		return returned
	}
	type result struct{ whole, returned bool }
	done := make(chan result, 1)
	go func() {
		whole, returned := runRead(read)
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

func runRead(read func() bool) (whole, returned bool) {
	defer func() { _ = recover() }()
	whole = read()
	return whole, true
}

// isJSON reports whether a Content-Type is JSON, with or without parameters.
func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(media), typeJSON)
}

// plain reports whether a Content-Encoding leaves the body as it is.
func plain(encodings []string) bool {
	for _, encoding := range encodings {
		if encoding != "" && !strings.EqualFold(encoding, "identity") {
			return false
		}
	}
	return true
}
