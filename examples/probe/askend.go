package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

func askDeny(ctx context.Context, p *probe) error {
	query, err := p.click(ctx, "Deny")
	switch {
	case err != nil:
		return err
	case query.Has("code"):
		return noAnswer("Allow was pressed; the code was thrown away")
	}
	p.note("error=%s", query.Get("error"))
	p.set("DenyDescription", is(query.Get("error_description")))
	return nil
}

// keepCode keeps a code until the other questions have taken their time.
func keepCode(ctx context.Context, p *probe) (err error) {
	p.held, err = p.authorize(ctx, "Allow")
	return err
}

// askAgain installs a second time.
func askAgain(ctx context.Context, p *probe) error {
	if p.held == nil {
		return noAnswer("there is no second code")
	}
	if wait := time.Until(p.held.at.Add(p.waits.code)); wait > 0 {
		fmt.Fprintf(p.out, "  waiting until the code is %v old\n", p.waits.code)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
	first := p.token
	if err := p.spend(ctx); err != nil {
		return err
	}
	lives, r, err := p.lives(ctx, first)
	if err != nil {
		return err
	}
	p.note("the first token: %s", p.api.says(r))
	p.set("OldTokenDies", is(!lives))
	if p.hook == "" {
		return noAnswer("there was no webhook")
	}
	r, err = p.must(ctx, http.MethodGet, hooksPath, nil)
	if err != nil {
		return err
	}
	p.set("WebhooksDie", is(!slices.ContainsFunc(r.list("webhooks"), func(w any) bool {
		members, _ := w.(object)
		return members["id"] == p.hook
	})))
	return nil
}

// spend exchanges the code that was kept, or, when that is too old, a fresh one.
func (p *probe) spend(ctx context.Context) error {
	const likely = 10 * time.Minute // what the fake takes without a CodeLifetime
	age := time.Since(p.held.at).Truncate(time.Second)
	err := p.replaceToken(ctx, p.held.code, true)
	refused, isRefusal := err.(noAnswer)
	switch {
	case err == nil && age > likely:
		p.set("CodeLifetime", least(age, age))
		return nil
	case err == nil:
		p.set("CodeLifetime", least(age, nil))
		return nil
	case !isRefusal:
		return err
	}
	p.note("a code that was %v old: %s", age, string(refused))
	p.set("CodeLifetime", between(0, age, nil))
	fresh, err := p.authorize(ctx, "Allow")
	if err != nil {
		return err
	}
	return p.replaceToken(ctx, fresh.code, true)
}

// askRevoke removes the integration, and with it everything that is left.
func askRevoke(ctx context.Context, p *probe) error {
	p.inbox.look(func() {
		p.inbox.removeStatus = http.StatusOK
		if p.removeURL {
			p.inbox.removeStatus = http.StatusServiceUnavailable
		}
	})
	p.revoked = time.Now()
	r, err := p.api.send(ctx, request{
		method: http.MethodDelete, url: p.api.home + "/oauth/authorization", token: p.token,
	})
	if err != nil {
		return err
	}
	if !r.ok() {
		return stop("revoke answered %s", p.api.says(r))
	}
	p.made = slices.DeleteFunc(p.made, func(t thing) bool {
		return t == integration() || strings.HasPrefix(t.path, hooksPath)
	})
	dead, err := p.awaitDeath(ctx)
	if err != nil {
		return err
	}
	if err := p.askDead(ctx, dead); err != nil {
		return err
	}
	if err := p.witnessed(ctx); err != nil {
		p.dead = time.Time{}
		return err
	}
	p.set("RevokedStatus", is(dead.status))
	if shape, known := dead.shape(); known {
		p.set("RevokedShape", is(shape))
	}
	return nil
}

// askDead notes what other calls with a dead token get.
func (p *probe) askDead(ctx context.Context, dead reply) error {
	statuses := []string{p.api.says(dead)}
	for _, call := range []struct{ what, method, url string }{
		{"the webhooks", http.MethodGet, p.at(hooksPath)},
		{"a conversation", http.MethodGet, p.at("/conversations/" + random())},
		{"the user", http.MethodGet, p.at("/users/" + p.mark)},
		{"revoke again", http.MethodDelete, p.api.home + "/oauth/authorization"},
	} {
		r, err := p.api.send(ctx, request{method: call.method, url: call.url, token: p.token})
		if err != nil {
			return err
		}
		statuses = append(statuses, p.api.says(r))
		p.note("%s: %s", call.what, p.api.says(r))
	}
	if len(slices.Compact(statuses)) > 1 {
		p.note("the replies differ; the fields have those of token info")
	}
	return nil
}

// awaitDeath looks at the token until it is dead.
func (p *probe) awaitDeath(ctx context.Context) (reply, error) {
	p.living = p.revoked
	for {
		lives, r, err := p.lives(ctx, p.token)
		switch {
		case err != nil:
			return r, err
		case !lives:
			p.dead = time.Now()
			p.note("token info, after %v: %s", rounded(p.dead.Sub(p.revoked)), p.api.says(r))
			return r, nil
		}
		p.living = time.Now()
		if p.living.Sub(p.revoked) > p.waits.death {
			return r, noAnswer(fmt.Sprintf("the token still worked after %v", p.waits.death))
		}
		if err := sleep(ctx, p.waits.poll); err != nil {
			return r, err
		}
	}
}

// askRemoved waits for the calls to the remove URL.
func askRemoved(ctx context.Context, p *probe) error {
	switch {
	case !p.removeURL:
		return noAnswer("it needs -remove-url")
	case slices.Contains(p.made, integration()):
		return noAnswer("there was no revoke")
	}
	fmt.Fprintf(p.out, "  waiting for calls of the remove URL, until there are none for %v\n", p.waits.quiet)
	var calls []time.Time
	more := true
	for more && time.Since(p.revoked) < p.waits.removed {
		var err error
		more, err = p.inbox.await(ctx, p.waits.quiet, func() bool { return len(p.inbox.removals) > len(calls) })
		if err != nil {
			return err
		}
		p.inbox.look(func() { calls = slices.Clone(p.inbox.removals) })
	}
	p.inbox.look(func() { p.inbox.removeStatus = http.StatusOK })
	if len(calls) == 0 {
		return noAnswer(fmt.Sprintf("no call arrived within %v; is the remove URL registered?", p.waits.quiet))
	}
	p.note("calls, after the revoke: %v", since(p.revoked, calls))
	p.set("RemoveRetries", is(len(calls)-1))
	if more {
		p.set("RemoveRetries", least(len(calls)-1, len(calls)-1))
	}
	p.setOrder(calls[0])
	if len(calls) == 1 {
		return noAnswer("it was called once")
	}
	p.set("RemoveRetryInterval", is(rounded(calls[1].Sub(calls[0]))))
	return nil
}

func since(start time.Time, times []time.Time) (all []time.Duration) {
	for _, t := range times {
		all = append(all, rounded(t.Sub(start)))
	}
	return all
}

// setOrder compares the first call with the death of the token, which came between two
// looks at it.
func (p *probe) setOrder(call time.Time) {
	switch {
	case p.dead.IsZero():
		return
	case call.Before(p.living):
		p.set("RemoveFirst", is(true))
		p.setDelay(p.living.Sub(call), p.dead.Sub(call))
	case !call.Before(p.dead):
		p.set("RemoveFirst", is(false))
		p.setDelay(call.Sub(p.dead), call.Sub(p.living))
	default:
		p.set("RemoveFirst", unasked("the call came between two looks at the token"))
		p.setDelay(0, p.dead.Sub(p.living))
	}
}

func (p *probe) setDelay(low, high time.Duration) {
	likely := ((low + high) / 2).Round(time.Second)
	if low <= time.Second || likely == 0 {
		p.set("RemoveDelay", between(low, high, nil))
		return
	}
	p.set("RemoveDelay", between(low, high, likely))
}
