package suncotest

import (
	"context"
	"net/http"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// attempt tries a delivery once, and decides what becomes of it.
func (p *Platform) attempt(ctx context.Context, d *delivery) {
	p.mu.Lock()
	target, key := d.hook.Target, d.hook.Secret
	p.mu.Unlock()
	if p.cfg.Behavior.DeliveryWrongKey {
		key = wire.RandomHex(16)
	}
	start := time.Now()
	o := &p.outbox
	o.mu.Lock()
	d.Target = target
	d.Attempts = append(d.Attempts, Attempt{Start: start})
	o.mu.Unlock()

	status := p.send(ctx, deliveryTimeout, http.MethodPost, target, d.body, keyHeader, key)

	o.mu.Lock()
	defer o.mu.Unlock()
	l := d.hook.line
	l.running--
	n := len(d.Attempts)
	d.Attempts[n-1].Status, d.Attempts[n-1].Took = status, time.Since(start)
	d.Outcome = outcome(status, n)
	next := start.Add(p.cfg.Behavior.DeliveryRetryInterval << (n - 1))
	if d.Outcome == Pending && d.late(next) {
		d.Outcome = Dropped
	}
	if d.Outcome == Pending {
		p.later(d, next)
	} else {
		d.body = nil
	}
	p.advance(l)
}

// late reports whether an attempt that begins then would be outside the time in
// which there are attempts. outbox.mu is held.
func (d *delivery) late(begin time.Time) bool {
	return len(d.Attempts) > 0 && begin.Sub(d.Attempts[0].Start) > deliveryWindow+timersLate
}

// outcome is what the status of the nth attempt, 0 for no answer, makes of a
// delivery.
func outcome(status, n int) Outcome {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden,
		http.StatusNotFound, http.StatusNotAcceptable:
		return Refused
	}
	switch {
	case status/100 == 2:
		return Delivered
	case n >= deliveryAttempts:
		return Dropped
	}
	return Pending
}
