package sunco

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"
)

// eventReception is one delivery on its way. It runs in a goroutine of its
// own, so that no function of the partner's can delay the answer.
type eventReception struct {
	h       *EventHandler
	r       *http.Request
	control *http.ResponseController
	key     [32]byte // digest of the one presented
	done    chan eventAnswer

	mu       sync.Mutex
	answered bool // the request's connection is the server's again
}

// wait returns the answer, or 503 when the time is over.
func (d *eventReception) wait(ctx context.Context) eventAnswer {
	defer func() {
		d.mu.Lock()
		d.answered = true
		d.mu.Unlock()
	}()
	select {
	case answer := <-d.done:
		return answer
	case <-ctx.Done():
	}
	select {
	case answer := <-d.done: // at the same moment
		return answer
	default:
		return eventAnswer{status: http.StatusServiceUnavailable, reason: "it took too long, or the caller hung up"}
	}
}

// run receives the delivery. The answer is sent whatever a function of the
// partner's or the request's body does, runtime.Goexit included.
func (d *eventReception) run(ctx context.Context) {
	answer := eventAnswer{status: http.StatusServiceUnavailable, reason: "a function ended the goroutine"}
	defer d.h.leave()
	defer func() {
		if recover() != nil {
			d.h.logPanic(ctx, "reading the delivery")
		}
		d.done <- answer
	}()
	answer = d.receive(ctx)
}

func (d *eventReception) receive(ctx context.Context) eventAnswer {
	in, failed := d.lookup(ctx)
	if failed {
		return eventAnswer{status: http.StatusServiceUnavailable, reason: "Lookup failed"}
	}
	switch matchKey(in, &d.key) {
	case keyWrong:
		return eventAnswer{status: http.StatusUnauthorized, reason: "wrong key"}
	case keyUnsure:
		return eventAnswer{http.StatusServiceUnavailable, "the installation has a webhook without a secret, or none: store what EnsureWebhook returned", in.AppID}
	}
	if ctx.Err() != nil {
		return eventAnswer{http.StatusServiceUnavailable, "Lookup took too long", in.AppID}
	}
	delivery, refused := d.read(ctx)
	if refused != nil {
		return eventAnswer{refused.Status, refused.Reason, in.AppID}
	}
	if delivery.AppID != in.AppID {
		return eventAnswer{http.StatusForbidden, "the delivery is about another app", in.AppID}
	}
	if !ownsWebhook(in, delivery.WebhookID, &d.key) {
		return eventAnswer{http.StatusForbidden, "the delivery is about another webhook", in.AppID}
	}
	for i := range delivery.Events {
		failed = !d.h.receive(ctx, in, &delivery.Events[i]) || failed
	}
	if failed {
		return eventAnswer{http.StatusServiceUnavailable, "not every event was handed over", in.AppID}
	}
	return eventAnswer{status: http.StatusOK}
}

// read reads the delivery, in time for the answer: the server cannot write one
// while it reads. The deadline is gone afterwards, because the server watches
// the connection while OnEvent runs, and would end the request with it.
func (d *eventReception) read(ctx context.Context) (*Delivery, *RequestError) {
	until := time.Now().Add(bodyTimeout)
	if end, ok := ctx.Deadline(); ok && end.Before(until) {
		until = end
	}
	d.setReadDeadline(until)
	delivery, refused := readDelivery(d.r)
	if refused == nil {
		d.setReadDeadline(time.Time{})
	}
	return delivery, refused
}

// setReadDeadline does nothing any more when the request has its answer.
func (d *eventReception) setReadDeadline(at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.answered {
		_ = d.control.SetReadDeadline(at)
	}
}

// lookup asks the partner's store, which strangers can make it do: so only so
// many at a time.
func (d *eventReception) lookup(ctx context.Context) (in *Installation, failed bool) {
	select {
	case d.h.lookups <- struct{}{}:
		defer func() { <-d.h.lookups }()
	case <-ctx.Done():
		return nil, true
	}
	defer func() {
		if recover() != nil {
			d.h.logPanic(ctx, "Lookup")
			in, failed = nil, true
		}
	}()
	in, err := d.h.Lookup(ctx, d.r, d.key)
	return in, err != nil
}

// receive hands one event over, or drops it because that was done before, or
// queues it. It reports whether the event is taken care of.
func (h *EventHandler) receive(ctx context.Context, in *Installation, e *Event) bool {
	if ctx.Err() != nil {
		return false
	}
	claim, state := h.claim(ctx, e)
	switch {
	case state != eventClaimed:
		return state == eventSeen
	case h.Queue > 0:
		if h.enqueue(queuedEvent{in, e, claim}) {
			return true
		}
		claim.end(ctx, h, e, false)
		return false
	}
	handled, remembered := h.handOver(ctx, in, e, claim, nil)
	return handled && remembered
}

// handOver runs OnEvent, again after each of the pauses while it fails, and
// ends the claim. It reports whether OnEvent succeeded and whether the claim's
// memory took it.
func (h *EventHandler) handOver(ctx context.Context, in *Installation, e *Event, claim eventClaim, pauses []time.Duration) (handled, remembered bool) {
	defer func() { remembered = claim.end(ctx, h, e, handled) }()
	for {
		if h.call(ctx, in, e) {
			return true, false
		}
		if len(pauses) == 0 || !h.pause(pauses[0]) {
			return false, false
		}
		pauses = pauses[1:]
	}
}

// call runs OnEvent once.
func (h *EventHandler) call(ctx context.Context, in *Installation, e *Event) (handled bool) {
	returned := false
	defer func() {
		switch {
		case returned && !handled:
			h.log(ctx, slog.LevelWarn, "OnEvent failed", eventAttrs(in, e)...)
		case !returned && recover() != nil:
			h.logPanic(ctx, "OnEvent", eventAttrs(in, e)...)
		}
	}()
	err := h.OnEvent(ctx, in, e)
	returned = true
	return err == nil
}

// logPanic says where a function of the partner's panicked, not with what.
func (h *EventHandler) logPanic(ctx context.Context, function string, attrs ...slog.Attr) {
	attrs = append(attrs, slog.String("stack", string(debug.Stack())))
	h.log(ctx, slog.LevelError, function+" panicked", attrs...)
}

func eventAttrs(in *Installation, e *Event) []slog.Attr {
	return append(eventIDAttr(e), slog.String("app_id", in.AppID))
}

// eventIDAttr names an event in the log, if its id is one.
func eventIDAttr(e *Event) []slog.Attr {
	if !validID(e.ID) {
		return nil
	}
	return []slog.Attr{slog.String("event_id", e.ID)}
}
