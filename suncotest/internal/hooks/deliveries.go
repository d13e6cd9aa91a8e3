package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/netsim"
	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

const (
	deliveryTimeout  = 20 * time.Second
	deliveryAttempts = 5
	deliveryWindow   = 15 * time.Minute // from the first attempt's beginning to the last one's
	timersLate       = time.Second      // what all timers of a delivery may be late together
	maxDeliveries    = 1000             // remembered
	maxBodies        = 8 << 20          // of their bodies, those that are pending apart
	maxAtOnce        = 64               // to one webhook
	overtaking       = time.Second
)

// Delivery is a snapshot of one delivery to one webhook; the fake's public type explains
// the fields.
type Delivery struct {
	ID        string
	AppID     string
	WebhookID string
	Target    string
	Events    []DeliveredEvent
	Body      []byte
	Created   time.Time
	Attempts  []Attempt
	Next      time.Time
	Outcome   Outcome
}

// DeliveredEvent is an event in a [Delivery].
type DeliveredEvent struct {
	ID   string
	Type string
}

// Attempt is one try at a delivery.
type Attempt struct {
	CallID string
	Status int
	Start  time.Time
	Took   time.Duration
}

// Outcome is what became of a delivery.
type Outcome string

// The outcomes of a delivery.
const (
	Pending   Outcome = "pending"   // there is an attempt under way or to come
	Delivered Outcome = "delivered" // answered 2xx
	Refused   Outcome = "refused"   // answered 400, 401, 403, 404 or 406
	Dropped   Outcome = "dropped"   // given up, or its webhook or the platform ended first
)

// Deliveries returns the latest 1,000 deliveries, oldest first.
func (s *Service) Deliveries() []Delivery {
	o := &s.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make([]Delivery, 0, len(o.list))
	for _, d := range o.list {
		copied := d.Delivery
		copied.Events, copied.Attempts = slices.Clone(copied.Events), slices.Clone(copied.Attempts)
		all = append(all, copied)
	}
	return all
}

// outbox is what the platform delivers. Its mutex comes after the lock and
// guards every delivery and every line.
type outbox struct {
	mu    sync.Mutex
	list  []*delivery // the latest
	bytes int         // of their bodies
}

// delivery is one delivery on its way.
type delivery struct {
	Delivery
	hook *webhook
}

// line is where the deliveries to one webhook wait for their turn.
type line struct {
	ctx     context.Context    // ends with the webhook, or with the platform
	end     context.CancelFunc // called with the webhook's end
	waiting []*delivery
	running int
	total   int
}

func (s *Service) newLine() *line {
	ctx, end := context.WithCancel(s.opts.Network.Context())
	return &line{ctx: ctx, end: end}
}

// queue sends events to a webhook, as often as configured. The lock is held.
func (s *Service) queue(appID string, w *webhook, events []wireEvent) error {
	body, err := deliveryBody(appID, w.ID, events)
	if err != nil {
		return err
	}
	o := &s.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	for range 1 + max(0, s.opts.Copies) {
		d := &delivery{hook: w, Delivery: Delivery{
			ID: s.opts.Lock.NextID("delivery", w.ID), AppID: appID, WebhookID: w.ID, Target: w.Target, Body: body,
			Created: time.Now(), Outcome: Pending,
		}}
		for _, e := range events {
			d.Events = append(d.Events, DeliveredEvent{e.ID, e.Type})
		}
		o.add(d)
		w.line.total++
		if s.opts.Reordered && w.line.total%2 == 1 {
			s.later(d, time.Now().Add(overtaking))
			continue
		}
		w.line.waiting = append(w.line.waiting, d)
	}
	s.advance(w.line)
	return nil
}

// add keeps a delivery, and forgets the oldest, and of those that are over the bodies,
// when there is no room for them. outbox.mu is held.
func (o *outbox) add(d *delivery) {
	o.list = append(o.list, d)
	o.bytes += len(d.Body)
	if len(o.list) > maxDeliveries {
		o.bytes -= len(o.list[0].Body)
		o.list[0] = nil
		o.list = o.list[1:]
	}
	for _, old := range o.list {
		if o.bytes <= maxBodies {
			break
		}
		if old.Outcome != Pending {
			o.bytes -= len(old.Body)
			old.Body = nil
		}
	}
}

// Redeliver sends a delivery again, with its events' ids or with new ones. The lock is
// held.
func (s *Service) Redeliver(id string, newIDs bool) error {
	d := s.outbox.find(id)
	switch {
	case d == nil:
		return fmt.Errorf("suncotest: there is no delivery %q", id)
	case d.hook.line.ctx.Err() != nil:
		return errors.New("suncotest: the webhook of the delivery has been deleted")
	}
	var sent struct{ Events []wireEvent }
	if json.Unmarshal(d.Body, &sent) != nil {
		return errors.New("suncotest: the body of the delivery is not kept any more")
	}
	if newIDs {
		fresh := map[string]string{} // an event may be there twice
		for i, e := range sent.Events {
			if fresh[e.ID] == "" {
				fresh[e.ID] = s.opts.Lock.NextID("event", d.AppID)
			}
			sent.Events[i].ID = fresh[e.ID]
		}
	}
	return s.queue(d.AppID, d.hook, sent.Events)
}

// find returns a copy of a delivery, or nil.
func (o *outbox) find(id string) *delivery {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, d := range o.list {
		if d.ID == id {
			copied := *d
			return &copied
		}
	}
	return nil
}

// advance begins as many attempts as may run at once, and gives up what waited for
// too long. outbox.mu is held.
func (s *Service) advance(l *line) {
	limit := maxAtOnce
	if s.opts.Serial {
		limit = 1
	}
	for len(l.waiting) > 0 && l.running < limit {
		d := l.waiting[0]
		l.waiting = l.waiting[1:]
		if l.ctx.Err() != nil || d.late(time.Now()) || !s.opts.Network.Go(func(ctx context.Context) { s.attempt(ctx, d) }) {
			d.Outcome = Dropped
			continue
		}
		l.running++
	}
}

// later puts a delivery into its line when its time has come. outbox.mu is held.
func (s *Service) later(d *delivery, when time.Time) {
	d.Next = when
	l := d.hook.line
	running := s.opts.Network.Go(func(context.Context) {
		due := netsim.Sleep(l.ctx, time.Until(when))
		s.outbox.mu.Lock()
		defer s.outbox.mu.Unlock()
		d.Next = time.Time{}
		if !due {
			d.Outcome = Dropped
			return
		}
		l.waiting = append(l.waiting, d)
		s.advance(l)
	})
	if !running {
		d.Next, d.Outcome = time.Time{}, Dropped
	}
}

// attempt tries a delivery once, and decides what becomes of it.
func (s *Service) attempt(ctx context.Context, d *delivery) {
	s.opts.Lock.Lock()
	target, key := d.hook.Target, d.hook.Secret
	s.opts.Lock.Unlock()
	if s.opts.WrongKey {
		key = wire.RandomHex(16)
	}
	start := time.Now()
	o := &s.outbox
	o.mu.Lock()
	d.Target = target
	d.Attempts = append(d.Attempts, Attempt{Start: start})
	body := d.Body
	o.mu.Unlock()

	made := s.send(ctx, deliveryTimeout, http.MethodPost, target, body, keyHeader, key)

	o.mu.Lock()
	defer o.mu.Unlock()
	l := d.hook.line
	l.running--
	n := len(d.Attempts)
	d.Attempts[n-1] = Attempt{CallID: made.id, Status: made.status, Start: start, Took: time.Since(start)}
	d.Outcome = outcome(made.status, n)
	next := start.Add(s.opts.RetryInterval << (n - 1))
	if d.Outcome == Pending && d.late(next) {
		d.Outcome = Dropped
	}
	if d.Outcome == Pending {
		s.later(d, next)
	}
	s.advance(l)
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
