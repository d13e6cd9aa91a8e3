package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sunco-go/sunco/messaging"
)

// hears reports whether an event of these types that see wants arrives in time.
func (p *probe) hears(ctx context.Context, see func(event) bool) (bool, error) {
	return p.inbox.await(ctx, p.waits.settle, func() bool {
		return slices.ContainsFunc(p.inbox.deliveries, func(d *delivery) bool { return slices.ContainsFunc(d.events, see) })
	})
}

func messageWith(said string) func(event) bool {
	return func(e event) bool { return e.Type == "conversation:message" && e.Payload.Message.Content.Text == said }
}

func askDeliveries(ctx context.Context, p *probe) error {
	if p.hook == "" {
		return noAnswer("there is no webhook")
	}
	const messages = 6
	numbers := map[string]int{}
	for i := range messages {
		said := fmt.Sprintf("probe: message %d", i)
		numbers[said] = i
		if _, err := p.post(ctx, 0, byBusiness(text(said))); err != nil {
			return err
		}
	}
	if err := sleep(ctx, p.waits.settle); err != nil {
		return err
	}
	copies, doubled, reordered, latest := map[string]int{}, false, false, -1
	for _, d := range p.inbox.of(func(*delivery) bool { return true }) {
		inside := map[string]bool{}
		for _, e := range d.events {
			n, mine := numbers[e.Payload.Message.Content.Text]
			if !mine || e.Type != "conversation:message" {
				continue
			}
			if inside[e.ID] {
				doubled = true
				continue
			}
			inside[e.ID] = true
			copies[e.ID]++
			reordered = reordered || n < latest
			latest = max(latest, n)
		}
	}
	if len(copies) == 0 {
		return noAnswer("no delivery arrived")
	}
	p.noteDelivery(len(copies), messages)
	const six = "six messages"
	p.set("DeliveryCopies", unseen(six))
	if most := slices.Max(slices.Collect(maps.Values(copies))) - 1; most > 0 {
		p.set("DeliveryCopies", is(most))
	}
	p.setSeen("DeliveryDoubled", doubled, six)
	p.setSeen("DeliveryReordered", reordered, six)
	receipt, err := p.hears(ctx, func(e event) bool { return strings.HasPrefix(e.Type, "conversation:message:delivery:") })
	p.setSeen("DeliveryReceipts", receipt, six)
	return err
}

// setSeen answers with true, or with not seen.
func (p *probe) setSeen(field string, seen bool, in string) {
	p.set(field, unseen(in))
	if seen {
		p.set(field, is(true))
	}
}

// noteDelivery tells how many of the messages arrived, and the headers.
func (p *probe) noteDelivery(arrived, posted int) {
	p.note("%d of %d messages arrived", arrived, posted)
	header := p.inbox.of(func(*delivery) bool { return true })[0].header
	p.note("headers of a delivery: %s", strings.Join(slices.Sorted(maps.Keys(header)), ", "))
	p.note("User-Agent: %s", p.api.shown(header.Get("User-Agent")))
	var strays int
	p.inbox.look(func() { strays = p.inbox.strays })
	if strays > 0 {
		p.note("%d deliveries did not have a key of the probe's; they were answered 401", strays)
	}
}

func askAtOnce(ctx context.Context, p *probe) error {
	if p.hook == "" {
		return noAnswer("there is no webhook")
	}
	if _, err := p.post(ctx, 0, byBusiness(text(holdText))); err != nil {
		return err
	}
	if held, err := p.hears(ctx, messageWith(holdText)); err != nil || !held {
		return cmp.Or[error](err, noAnswer("no delivery arrived"))
	}
	const beside = "probe: beside"
	if _, err := p.post(ctx, 0, byBusiness(text(beside))); err != nil {
		return err
	}
	if err := sleep(ctx, p.waits.hold); err != nil { // its delivery begins, or the first one ends
		return err
	}
	if arrived, err := p.hears(ctx, messageWith(beside)); err != nil || !arrived {
		return cmp.Or[error](err, noAnswer("the second delivery did not arrive"))
	}
	if len(p.inbox.of(func(d *delivery) bool { return d.beside })) > 0 {
		p.set("DeliverySerial", is(false))
		return nil
	}
	first := p.inbox.of(func(d *delivery) bool { return d.held })[0]
	second := p.inbox.of(func(d *delivery) bool { return d.says(beside) })[0]
	var late time.Duration
	p.inbox.look(func() { late = second.arrived.Sub(first.answered) })
	if late > 2*time.Second {
		return noAnswer(fmt.Sprintf("the second delivery came %v after the answer to the first, for whatever reason",
			rounded(late)))
	}
	p.set("DeliverySerial", is(true))
	return nil
}

func askUserUpdate(ctx context.Context, p *probe) error {
	if p.hook == "" || p.user == "" {
		return noAnswer("there is no webhook or no user")
	}
	change := object{"profile": object{"surname": "Probe"}}
	if _, err := p.must(ctx, http.MethodPatch, "/users/"+p.mark, change); err != nil {
		return err
	}
	seen, err := p.hears(ctx, func(e event) bool { return e.Type == "user:update" })
	p.setSeen("UserUpdateTells", seen, fmt.Sprint(p.waits.settle))
	return err
}

// askStandby passes the second conversation to agents, so that the first one stays with
// the bot.
func askStandby(ctx context.Context, p *probe) error {
	talk, err := p.talk(1)
	if err != nil {
		return err
	}
	if p.hook == "" || p.answerTo("NoSwitchboard").seen == true {
		return noAnswer("there is no webhook or no switchboard")
	}
	p.ticket = true
	_, err = p.must(ctx, http.MethodPost, talk+"/passControl", object{"switchboardIntegration": messaging.AgentWorkspace})
	if err != nil {
		return err
	}
	by, err := p.control(ctx, 1)
	switch {
	case err != nil:
		return err
	case by != messaging.AgentWorkspace:
		return noAnswer(fmt.Sprintf("agents did not get control; %q has it", by))
	}
	const said = "probe: beside an agent"
	if _, err := p.post(ctx, 1, p.byUser(said)); err != nil {
		return err
	}
	seen, err := p.hears(ctx, messageWith(said))
	if err != nil {
		return err
	}
	if !seen { // do others arrive?
		const other = "probe: beside nobody"
		if _, err := p.post(ctx, 0, p.byUser(other)); err != nil {
			return err
		}
		if arrived, err := p.hears(ctx, messageWith(other)); err != nil || !arrived {
			return cmp.Or[error](err, noAnswer("no delivery arrived, of other conversations neither"))
		}
	}
	p.set("NoStandbyEvents", is(!seen))
	return nil
}

// askRetries has a delivery fail until there are no more attempts.
func askRetries(ctx context.Context, p *probe) error {
	if p.hook == "" {
		return noAnswer("there is no webhook")
	}
	step := 1
	switch copies := p.answerTo("DeliveryCopies"); copies.kind {
	case notAsked:
		return noAnswer("how many copies of a delivery come is not known")
	case exact:
		step += copies.seen.(int)
	}
	const attempts = 5 // documented
	fmt.Fprintf(p.out, "  waiting for the attempts at a delivery, up to %v\n", p.waits.retries)
	if _, err := p.post(ctx, 0, byBusiness(text(failText))); err != nil {
		return err
	}
	failing := func(d *delivery) bool { return d.says(failText) }
	_, err := p.inbox.await(ctx, p.waits.retries, func() bool {
		n := 0
		for _, d := range p.inbox.deliveries {
			if failing(d) {
				n++
			}
		}
		return n >= attempts*step
	})
	if err != nil {
		return err
	}
	all := p.inbox.of(failing)
	var gaps []time.Duration
	for i := step; i < len(all); i += step {
		gaps = append(gaps, rounded(all[i].arrived.Sub(all[i-step].arrived)))
	}
	p.note("%d attempts, at intervals of %v", (len(all)+step-1)/step, gaps)
	if len(gaps) == 0 {
		return noAnswer(fmt.Sprintf("there was no second attempt in %v", p.waits.retries))
	}
	p.set("DeliveryRetryInterval", is(gaps[0]))
	return nil
}

// rounded is a time between two calls without what the network took.
func rounded(d time.Duration) time.Duration {
	if d < 2*time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(time.Second)
}

// askUserRemove comes when the user is not needed any more.
func askUserRemove(ctx context.Context, p *probe) error {
	if p.hook == "" || p.user == "" {
		return noAnswer("there is no webhook or no user")
	}
	p.unmake(ctx, p.people())
	removed, err := p.hears(ctx, func(e event) bool { return e.Type == "user:remove" })
	if err != nil {
		return err
	}
	also, err := p.hears(ctx, func(e event) bool { return e.Type == "conversation:remove" })
	if err != nil {
		return err
	}
	if !removed && !also {
		return noAnswer("no event arrived")
	}
	p.setSeen("UserRemoveTells", also, fmt.Sprint(p.waits.settle))
	return nil
}
