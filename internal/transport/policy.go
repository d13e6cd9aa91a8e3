package transport

import (
	"math/rand/v2"
	"net/http"
	"time"
)

// Class says what a call does, and with that which faults allow to send it
// again.
type Class uint8

const (
	// Read changes nothing: it is repeated after every passing fault.
	Read Class = iota
	// Create makes something new every time: it is repeated only when the server
	// cannot have seen it or said that it did nothing.
	Create
	// Repeat comes to the same however often it is done.
	Repeat
	// Once spends something that can be used once. It is repeated like Create, less
	// often, and has a connection of its own.
	Once
)

// fault is how an attempt ended without a complete reply.
type fault uint8

const (
	none      fault = iota // the reply is complete
	unreached              // no connection came about
	hopeless               // another attempt would end in the same way
	lost                   // the connection was used, or nobody knows
	timeout                // the attempt took too long
	truncated              // the head came, the body did not
	canceled               // the caller's context has ended
	local                  // Open or Out failed
)

// String is the word for log lines.
func (f fault) String() string {
	switch f {
	case none:
		return "none"
	case unreached:
		return "unreached"
	case hopeless:
		return "hopeless"
	case lost:
		return "lost"
	case timeout:
		return "timeout"
	case truncated:
		return "truncated"
	case canceled:
		return "canceled"
	default:
		return "local"
	}
}

// outcome is how one attempt ended.
type outcome struct {
	fault  fault
	status int  // zero: no complete head
	unsent bool // proven: the server has seen nothing of the request
	wrote  bool // Call.Out was given something
}

// attempts is how often a call of this class may be sent.
func (c Class) attempts() int {
	if c == Once {
		return 3
	}
	return 4
}

// patience bounds the sum of all waits between the attempts of a call.
func (c Class) patience() time.Duration {
	if c == Once {
		return 10 * time.Second
	}
	return 60 * time.Second
}

// repeatable tells whether a call may be sent again although an earlier attempt
// may have been acted upon.
func (c Class) repeatable() bool { return c == Read || c == Repeat }

// retries tells whether a call that had this outcome may be sent again, as far
// as its attempts and its patience reach.
func (c Class) retries(o outcome) bool {
	switch {
	case o.wrote, o.fault == hopeless, o.fault == canceled, o.fault == local:
		return false
	case o.unsent:
		return true
	case o.fault != none && c.repeatable():
		return true
	case o.status == http.StatusTooManyRequests:
		return true
	case o.status == http.StatusRequestTimeout, o.status == http.StatusTooEarly, serverFault(o.status):
		return c.repeatable()
	default:
		return false
	}
}

// maybeApplied tells whether the server may have acted upon an attempt without
// letting us know. A head that refuses says enough, whatever became of its body.
func (c Class) maybeApplied(o outcome) bool {
	switch {
	case c == Read, o.unsent:
		return false
	case o.status == 0 || success(o.status):
		return o.fault != none
	default:
		return serverFault(o.status)
	}
}

func success(status int) bool { return status >= 200 && status < 300 }

// serverFault tells a failure in mid-work from a refusal: 501 is a refusal.
func serverFault(status int) bool {
	return status >= 500 && status != http.StatusNotImplemented
}

// backoff is the wait before attempt n+1 if the server asks for none: anything
// up to 200 ms, 400 ms, 800 ms. All of it is random, so that clients which failed
// together do not come back together. A server that asks to slow down without
// saying for how long is left alone for seconds: 1 s, 2 s, 4 s and up to as much
// again.
func backoff(n int, limited bool) time.Duration {
	if limited {
		second := time.Second << (n - 1)
		return second + rand.N(second)
	}
	return rand.N(200*time.Millisecond<<(n-1) + 1)
}
