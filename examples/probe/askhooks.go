package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/internal/ident"
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
		if id, _ := members["id"].(string); ident.Valid(id) {
			h.id = id
		}
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
	h := hook{r.id("webhook", "id"), r.text("webhook", "target"), r.text("webhook", "secret"), true}
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

	third, err := p.makeGoodHook(ctx)
	if err != nil {
		return err
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

// makeGoodHook creates the webhook that is kept, and ends the run when it is not alone.
func (p *probe) makeGoodHook(ctx context.Context) (reply, error) {
	good, r, err := p.makeHook(ctx, p.target("good"), triggers())
	if err == nil && good.id == "" {
		err = noAnswer("no webhook could be created: " + p.api.says(r))
	}
	if err != nil {
		return r, err
	}
	p.hook = good.id
	for _, other := range p.hooks(ctx) {
		if !other.own {
			return r, stop("a webhook appeared that is not of this run: another probe runs on this account, " +
				"or a bot was installed")
		}
	}
	return r, nil
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
