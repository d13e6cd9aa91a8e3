package sunco

import (
	"context"
	"log/slog"
	"time"
)

const defaultWorkers = 8

// queuedEvent is an event that was acknowledged and waits for a worker.
type queuedEvent struct {
	in    *Installation
	e     *Event
	claim eventClaim
}

// enter registers a delivery, and reports whether the handler takes it.
func (h *EventHandler) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open()
	if h.closing.Err() != nil {
		return false
	}
	h.running++
	return true
}

// open prepares the handler. The mutex is held.
func (h *EventHandler) open() {
	if h.idle == nil {
		h.closing, h.closed = context.WithCancel(context.Background())
		h.base, h.abort = context.WithCancel(context.Background())
		h.idle = make(chan struct{})
		h.lookups = make(chan struct{}, maxEventLookups)
	}
}

// leave ends what enter began.
func (h *EventHandler) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running--
	h.settle()
}

// settle tells Close that nothing runs any more. Nothing begins after that.
// The mutex is held.
func (h *EventHandler) settle() {
	if h.running > 0 || h.closing.Err() == nil {
		return
	}
	select {
	case <-h.idle:
	default:
		close(h.idle)
	}
}

// enqueue takes an event for a worker, and reports whether there was room.
func (h *EventHandler) enqueue(job queuedEvent) bool {
	workers := h.Workers
	if workers <= 0 {
		workers = defaultWorkers
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pending >= h.Queue+workers || h.base.Err() != nil {
		return false
	}
	h.pending++
	h.waiting = append(h.waiting, job)
	if h.workers < workers {
		h.startWorker()
	}
	return true
}

// startWorker runs a worker until nothing waits. The mutex is held.
func (h *EventHandler) startWorker() {
	h.workers++
	h.running++
	go h.work()
}

// work handles what waits, and ends when nothing does.
func (h *EventHandler) work() {
	busy := false
	next := func() (job queuedEvent, found bool) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if busy {
			h.pending--
		}
		if busy = len(h.waiting) > 0; !busy {
			h.waiting = nil
			return job, false
		}
		job, h.waiting[0] = h.waiting[0], queuedEvent{}
		h.waiting = h.waiting[1:]
		return job, true
	}
	defer func() { // also where OnEvent ends the goroutine
		h.mu.Lock()
		defer h.mu.Unlock()
		if busy {
			h.pending--
		}
		h.workers--
		if len(h.waiting) > 0 {
			h.startWorker()
		}
		h.running--
		h.settle()
	}()
	for job, found := next(); found; job, found = next() {
		h.workOn(job)
	}
}

func (h *EventHandler) workOn(job queuedEvent) {
	handled := false
	defer func() {
		if !handled {
			h.log(h.base, slog.LevelError, "an event that was acknowledged is lost", eventAttrs(job.in, job.e)...)
		}
	}()
	if h.base.Err() != nil {
		job.claim.end(h.base, h, job.e, false)
		return
	}
	handled, _ = h.handOver(h.base, job.in, job.e, job.claim, []time.Duration{time.Second, 10 * time.Second})
}

// pause waits, or not while the handler closes, and reports whether there is
// any point in going on.
func (h *EventHandler) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-h.closing.Done():
	}
	return h.base.Err() == nil
}

// Close ends the handler: deliveries that arrive later are answered 503, and
// those that run, and the events in the queue, are waited for. When ctx ends
// first, Close returns its error, the contexts of the queue's events are
// cancelled, and those that wait are lost. Call it after
// [http.Server.Shutdown]. It may be called more than once.
func (h *EventHandler) Close(ctx context.Context) error {
	if ctx == nil {
		return &InputError{Name: "context", Reason: "nil"}
	}
	h.mu.Lock()
	h.open()
	h.closed()
	h.settle()
	h.mu.Unlock()
	select {
	case <-h.idle:
	case <-ctx.Done():
	}
	h.abort()
	h.mu.Lock() // the last to leave may still hold it
	defer h.mu.Unlock()
	select {
	case <-h.idle:
		return nil
	default:
		return ctx.Err()
	}
}
