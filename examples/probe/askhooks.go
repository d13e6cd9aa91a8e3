package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/messaging"
	"github.com/sunco-go/sunco/suncotest"
)

const (
	hooksPath = "/integrations/me/webhooks"
	maxHooks  = 11 // that are made: one more than the API's description says there may be
)

// triggers returns what the webhook hears of.
func triggers() []string {
	return []string{
		"conversation:message", "conversation:remove", "user:update", "user:remove",
		"conversation:message:delivery:channel", "conversation:message:delivery:user",
		"conversation:message:delivery:failure",
	}
}

// target is an address of the inbox, with a name at its end.
func (p *probe) target(name string) string {
	return p.public + partner.EventsPath + "/" + p.mark + "/" + name
}

// hook is a webhook of the integration's.
type hook struct {
	id, target, secret string
	own                bool // the probe made it
}

func (h hook) thing() thing { return thing{what: "a webhook", path: hooksPath + "/" + h.id} }

// hooks lists the webhooks, as far as they are known.
func (p *probe) hooks(ctx context.Context) (all []hook) {
	if !p.long || p.app == "" {
		return nil
	}
	r, err := p.call(ctx, http.MethodGet, hooksPath, nil)
	if err != nil || !r.ok() {
		return nil
	}
	for _, w := range r.list("webhooks") {
		members, _ := w.(object)
		h := hook{}
		h.id, _ = members["id"].(string)
		h.target, _ = members["target"].(string)
		h.own = strings.Contains(h.target, p.mark)
		all = append(all, h)
	}
	return all
}

// makeHook creates a webhook that hears of some events.
func (p *probe) makeHook(ctx context.Context, target string, triggers []string) (hook, reply, error) {
	r, err := p.ask(ctx, request{
		method: http.MethodPost, url: p.at(hooksPath), limit: true,
		json: object{"target": target, "triggers": triggers},
	})
	h := hook{r.text("webhook", "id"), r.text("webhook", "target"), r.text("webhook", "secret"), true}
	if err != nil || !r.ok() || h.id == "" {
		return hook{}, r, err
	}
	p.made = append(p.made, h.thing())
	p.api.secrets = append(p.api.secrets, h.secret)
	p.inbox.look(func() { p.inbox.keys[h.secret] = h.secret != "" })
	return h, r, nil
}

func (p *probe) unmakeHook(ctx context.Context, h hook) {
	if h.id != "" {
		p.unmake(ctx, h.thing())
	}
}

// heads returns the paths that were asked for since the last call.
func (p *probe) heads(ctx context.Context) (paths []string, err error) {
	_, err = p.inbox.await(ctx, p.waits.settle, func() bool { return len(p.inbox.heads) > 0 })
	p.inbox.look(func() { paths, p.inbox.heads = p.inbox.heads, nil })
	for i := range paths {
		paths[i] = paths[i][strings.LastIndex(paths[i], "/"):]
	}
	return paths, err
}

// answerHead sets whether HEAD is answered with 404.
func (p *probe) answerHead(gone bool) { p.inbox.look(func() { p.inbox.gone = gone }) }

func askProbe(ctx context.Context, p *probe) error {
	p.answerHead(true)
	gone, first, err := p.makeHook(ctx, p.target("gone"), triggers())
	p.answerHead(false)
	if err != nil {
		return err
	}
	asked, err := p.heads(ctx)
	if err != nil {
		return err
	}
	p.note("a target that answers 404: %s, after HEAD for %q", p.api.says(first), asked)
	p.unmakeHook(ctx, gone)
	silent, second, err := p.makeHook(ctx, "https://sunco-probe.invalid/"+p.mark, triggers())
	if err != nil {
		return err
	}
	p.note("a target that does not exist: %s", p.api.says(second))
	p.unmakeHook(ctx, silent)

	good, third, err := p.makeHook(ctx, p.target("good"), triggers())
	if err != nil {
		return err
	}
	if good.id == "" {
		return noAnswer("no webhook could be created: " + p.api.says(third))
	}
	p.hook = good.id
	for _, other := range p.hooks(ctx) {
		if !other.own {
			return stop("a webhook appeared that is not of this run: another probe runs on this account, or a bot was installed")
		}
	}
	heads, err := p.heads(ctx)
	if err != nil {
		return err
	}
	p.note("a good target: %s, after HEAD for %q", p.api.says(third), heads)
	p.set("NoProbe", is(len(asked)+len(heads) == 0))
	switch {
	case len(asked)+len(heads) == 0:
		return noAnswer("there is no probe")
	case !first.ok():
		p.set("ProbeCounts", is(suncotest.Probe2xx))
	case second.ok():
		p.set("ProbeCounts", is(suncotest.ProbeNoNeed))
	default:
		p.set("ProbeCounts", is(suncotest.ProbeAny))
	}
	return nil
}

// retarget changes the webhook's target.
func (p *probe) retarget(ctx context.Context, target string) (reply, error) {
	if p.hook == "" {
		return reply{}, noAnswer("there is no webhook")
	}
	_, err := p.heads(ctx) // forget the earlier ones
	if err != nil {
		return reply{}, err
	}
	return p.call(ctx, http.MethodPatch, hooksPath+"/"+p.hook, object{"target": target})
}

func askTargetForm(ctx context.Context, p *probe) error {
	u, err := url.Parse(p.public)
	if err != nil || u.Scheme != "https" || u.Port() != "" {
		return noAnswer("SUNCO_PUBLIC_URL is not https on port 443")
	}
	sent := "https://" + strings.ToUpper(u.Host[:1]) + u.Host[1:] + ":443?" + p.mark
	r, err := p.retarget(ctx, sent)
	if err != nil {
		return err
	}
	if _, err := p.retarget(ctx, p.target("good")); err != nil {
		return err
	}
	if !r.ok() {
		return noAnswer("such a target was answered " + p.api.says(r))
	}
	got := r.text("webhook", "target")
	for form := range suncotest.TargetCanonical + 1 {
		if got == formed(u.Host, form)+"?"+p.mark {
			p.set("TargetForm", is(form))
			return nil
		}
	}
	return noAnswer("the target was changed in a way that the fake does not know")
}

// formed is the target of askTargetForm as a platform of that behavior writes it.
func formed(host string, form suncotest.TargetForm) string {
	if form&suncotest.TargetLowerHost == 0 {
		host = strings.ToUpper(host[:1]) + host[1:]
	}
	if form&suncotest.TargetNoPort == 0 {
		host += ":443"
	}
	if form&suncotest.TargetSlash != 0 {
		host += "/"
	}
	return "https://" + host
}

func askRetarget(ctx context.Context, p *probe) error {
	r, err := p.retarget(ctx, p.target("better"))
	if err != nil {
		return err
	}
	heads, err := p.heads(ctx)
	if err != nil {
		return err
	}
	p.note("a good target: %s, after HEAD for %q", p.api.says(r), heads)
	p.answerHead(true)
	gone, err := p.retarget(ctx, p.target("gone"))
	p.answerHead(false)
	if err != nil {
		return err
	}
	p.note("a target that answers 404: %s", p.api.says(gone))
	if _, err := p.retarget(ctx, p.target("good")); err != nil {
		return err
	}
	if !r.ok() {
		return noAnswer("the target could not be changed: " + p.api.says(r))
	}
	if first := p.answerTo("NoProbe"); first.seen == true && len(heads) == 0 {
		return noAnswer("there is no probe at the creation either")
	}
	p.set("NoRetargetProbe", is(len(heads) == 0))
	return nil
}

// answerTo returns the answer to an earlier question.
func (p *probe) answerTo(field string) answer {
	for _, f := range p.findings {
		if a, answered := f.answers[field]; answered {
			return a
		}
	}
	return answer{}
}

func askTrigger(ctx context.Context, p *probe) error {
	if p.hook == "" {
		return noAnswer("there is no webhook")
	}
	r, err := p.call(ctx, http.MethodPatch, hooksPath+"/"+p.hook, object{"triggers": []string{"sunco:probe"}})
	if err != nil {
		return err
	}
	p.note("the reply: %s", p.api.says(r))
	if !r.ok() {
		p.set("UnknownTriggerStatus", is(r.status))
		return nil
	}
	p.set("UnknownTriggerStatus", is(0))
	_, err = p.must(ctx, http.MethodPatch, hooksPath+"/"+p.hook, object{"triggers": triggers()})
	return err
}

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
	var names []string
	for name := range p.inbox.of(func(*delivery) bool { return true })[0].header {
		names = append(names, name)
	}
	slices.Sort(names)
	p.note("headers of a delivery: %s", strings.Join(names, ", "))
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

func askLimit(ctx context.Context, p *probe) error {
	if p.hook == "" {
		return noAnswer("there is no webhook")
	}
	var extra []hook
	defer func() {
		for _, h := range extra {
			p.unmakeHook(ctx, h)
		}
	}()
	for n := 1; n < maxHooks; n++ {
		if err := sleep(ctx, 5*p.waits.pause); err != nil {
			return err
		}
		h, r, err := p.makeHook(ctx, p.target(fmt.Sprint("more-", n)), []string{"user:merge"})
		if err != nil {
			return err
		}
		if h.id == "" {
			p.note("the reply: %s", p.api.says(r))
			p.set("WebhookLimit", is(n))
			p.set("WebhookLimitStatus", is(r.status))
			return nil
		}
		extra = append(extra, h)
	}
	p.set("WebhookLimit", least(maxHooks, maxHooks))
	return noAnswer(fmt.Sprintf("%d webhooks were accepted", maxHooks))
}

// askRetries has a delivery fail until there are no more attempts.
func askRetries(ctx context.Context, p *probe) error {
	if p.hook == "" {
		return noAnswer("there is no webhook")
	}
	step := 1
	if copies, seen := p.answerTo("DeliveryCopies").seen.(int); seen {
		step += copies
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
