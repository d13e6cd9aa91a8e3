package suncotest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/netsim"
)

const (
	deliveryTimeout  = 20 * time.Second
	deliveryAttempts = 5
	deliveryWindow   = 15 * time.Minute // from the first attempt's beginning to the last one's
	timersLate       = time.Second      // what all timers of a delivery may be late together
	maxDeliveries    = 1000             // remembered
	maxAtOnce        = 64               // to one webhook
	overtaking       = time.Second
)

// Delivery is a snapshot of one delivery to one webhook.
type Delivery struct {
	AppID     string
	WebhookID string
	Target    string // of the latest attempt, or as it was in the beginning
	Events    []DeliveredEvent
	Created   time.Time
	Attempts  []Attempt
	Next      time.Time // of the next attempt; zero: none is planned, or it is due
	Outcome   Outcome
}

// DeliveredEvent is what [Delivery] tells of an event.
type DeliveredEvent struct {
	ID   string
	Type string
}

// Attempt is one try at a delivery.
type Attempt struct {
	Status int // 0: no answer, or not yet
	Start  time.Time
	Took   time.Duration // zero while it is under way
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
func (p *Platform) Deliveries() []Delivery {
	o := &p.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make([]Delivery, 0, len(o.list))
	for _, d := range o.list {
		s := d.Delivery
		s.Events, s.Attempts = slices.Clone(s.Events), slices.Clone(s.Attempts)
		all = append(all, s)
	}
	return all
}

// outbox is what the platform delivers. Its mutex comes after Platform.mu and
// guards every delivery and every line.
type outbox struct {
	mu   sync.Mutex
	list []*delivery // the latest
}

// delivery is one delivery on its way.
type delivery struct {
	Delivery
	hook *webhook
	body []byte
}

// line is where the deliveries to one webhook wait for their turn.
type line struct {
	ctx     context.Context    // ends with the webhook, or with the platform
	end     context.CancelFunc // called with the webhook's end
	waiting []*delivery
	running int
	total   int
}

func (p *Platform) newLine() *line {
	ctx, end := context.WithCancel(p.network.Context())
	return &line{ctx: ctx, end: end}
}

// queue sends events to a webhook, as often as configured. Platform.mu is held.
func (p *Platform) queue(a *account, w *webhook, events []wireEvent) error {
	body, err := deliveryBody(a.AppID, w.ID, events)
	if err != nil {
		return err
	}
	o := &p.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	for range 1 + max(0, p.cfg.Behavior.DeliveryCopies) {
		d := &delivery{hook: w, body: body, Delivery: Delivery{
			AppID: a.AppID, WebhookID: w.ID, Target: w.Target, Created: time.Now(), Outcome: Pending,
		}}
		for _, e := range events {
			d.Events = append(d.Events, DeliveredEvent{e.ID, e.Type})
		}
		if len(o.list) >= maxDeliveries {
			o.list = append(o.list[:0], o.list[1:]...)
		}
		o.list = append(o.list, d)
		w.line.total++
		if p.cfg.Behavior.DeliveryReordered && w.line.total%2 == 1 {
			p.later(d, time.Now().Add(overtaking))
			continue
		}
		w.line.waiting = append(w.line.waiting, d)
	}
	p.advance(w.line)
	return nil
}

// advance begins as many attempts as may run at once, and gives up what waited for
// too long. outbox.mu is held.
func (p *Platform) advance(l *line) {
	limit := maxAtOnce
	if p.cfg.Behavior.DeliverySerial {
		limit = 1
	}
	for len(l.waiting) > 0 && l.running < limit {
		d := l.waiting[0]
		l.waiting = l.waiting[1:]
		if l.ctx.Err() != nil || d.late(time.Now()) || !p.network.Go(func(ctx context.Context) { p.attempt(ctx, d) }) {
			d.Outcome = Dropped
			continue
		}
		l.running++
	}
}

// later puts a delivery into its line when its time has come. outbox.mu is held.
func (p *Platform) later(d *delivery, when time.Time) {
	d.Next = when
	l := d.hook.line
	running := p.network.Go(func(context.Context) {
		due := netsim.Sleep(l.ctx, time.Until(when))
		p.outbox.mu.Lock()
		defer p.outbox.mu.Unlock()
		d.Next = time.Time{}
		if !due {
			d.Outcome = Dropped
			return
		}
		l.waiting = append(l.waiting, d)
		p.advance(l)
	})
	if !running {
		d.Next, d.Outcome = time.Time{}, Dropped
	}
}
