package sunco

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
)

// Names of steps that are the partner's code. What their errors say is not
// logged.
const (
	hookIdentity  = "Identity"
	hookFirstUse  = "FirstUse"
	hookOnInstall = "OnInstall"
)

// callback takes the browser back: first whose flow it is, then whether it is
// still to be finished, and only then what Zendesk says.
func (i *Installer) callback(w http.ResponseWriter, r *http.Request, query url.Values) {
	mismatch := installFailure{http.StatusBadRequest, "callback", ErrStateMismatch}
	states := query["state"]
	if len(states) != 1 || !i.mayBeFlow(r, states[0]) {
		i.fail(w, r, mismatch, nil)
		return
	}
	state := states[0]
	identity, err := i.identify(r)
	if err != nil {
		i.fail(w, r, installFailure{http.StatusForbidden, hookIdentity, err}, nil)
		return
	}
	flow, live := i.openFlow(r, state, identity)
	if !live {
		if location, done := i.openReceipt(r, query, identity); done {
			redirect(w, location)
			return
		}
		i.fail(w, r, mismatch, nil)
		return
	}
	code, err := ParseCallback(r, flow.state)
	if errors.Is(err, ErrStateMismatch) {
		i.fail(w, r, mismatch, nil)
		return
	}
	i.setCookie(w, i.flowCookie(state), "", -1)
	if err != nil {
		status := http.StatusBadRequest
		if errors.Is(err, ErrAccessDenied) {
			status = http.StatusForbidden
		}
		i.fail(w, r, installFailure{status, "callback", err}, nil)
		return
	}
	i.finish(w, r, flow, identity, code)
}

// finish brings a flow to its end, or waits for the callback that does.
func (i *Installer) finish(w http.ResponseWriter, r *http.Request, flow installFlow, identity string, code Secret) {
	flight, first, err := i.board(flow, code)
	switch {
	case errors.Is(err, errInstallBusy):
		i.fail(w, r, installFailure{http.StatusServiceUnavailable, "callback", err}, nil)
		return
	case err != nil:
		i.fail(w, r, installFailure{http.StatusBadRequest, "callback", err}, nil)
		return
	case first:
		i.lead(w, r, flow, identity, code, flight)
		return
	}
	select {
	case <-flight.done:
		switch {
		case flight.end.err == nil:
			i.arrive(w, flow, identity, code, flight.end)
		case flight.end.location != "":
			redirect(w, flight.end.location)
		default:
			i.fail(w, r, flight.end.installFailure, nil)
		}
	case <-r.Context().Done():
		writeInstallPage(w, http.StatusServiceUnavailable)
	}
}

// lead runs the installation, whether the browser stays or leaves.
func (i *Installer) lead(w http.ResponseWriter, r *http.Request, flow installFlow, identity string, code Secret, flight *installFlight) {
	r = r.WithContext(context.WithoutCancel(r.Context()))
	end := installEnd{installFailure: installFailure{http.StatusInternalServerError, "hook", errInstallPanic}}
	var in *Installation
	defer func() { // also when a hook panics, and its panic goes on after this
		if end.err == nil {
			flight.land(end)
			i.arrive(w, flow, identity, code, end)
			return
		}
		defer func() { flight.land(end) }()
		end.location = i.fail(w, r, end.installFailure, in)
	}()
	end = i.install(r, flow, code, &in)
}

// install spends the code. What there is of an installation is in *in at any
// time, also when a hook panics.
func (i *Installer) install(r *http.Request, flow installFlow, code Secret, in **Installation) installEnd {
	ctx, cancel := context.WithTimeout(r.Context(), installTimeout)
	defer cancel()
	if i.FirstUse != nil {
		first, err := i.FirstUse(ctx, flow.id())
		if err != nil {
			return failedInstall(http.StatusServiceUnavailable, hookFirstUse, err)
		}
		if !first {
			return installEnd{location: flow.returnTo, elsewhere: true}
		}
	}
	token, err := i.Client.Exchange(ctx, code)
	if err == nil {
		*in, err = i.Client.Locate(ctx, &Installation{Token: token})
	}
	if err != nil {
		return failedInstall(upstreamStatus(*in, err), "install", err)
	}
	if i.Webhook != nil {
		webhook, err := i.Client.EnsureWebhook(ctx, *in, i.Webhook)
		if err != nil {
			return failedInstall(upstreamStatus(*in, err), "webhook", err)
		}
		(*in).Webhooks = []Webhook{*webhook}
	}
	hookCtx, cancelHook := context.WithTimeout(r.Context(), installHookTimeout)
	defer cancelHook()
	answer := &hookWriter{header: http.Header{}}
	if err = i.OnInstall(answer, cleanRequest(hookCtx, r), *in); err == nil && answer.status >= 400 {
		err = errInstallAnswered
	}
	if err != nil {
		return failedInstall(http.StatusInternalServerError, hookOnInstall, err)
	}
	i.Client.report(slog.LevelDebug, "install: done", slog.Any("installation", *in))
	return answer.end(flow.returnTo)
}

// upstreamStatus blames Zendesk, but for what was refused before asking it.
func upstreamStatus(in *Installation, err error) int {
	switch {
	case errors.As(err, new(*RateLimitError)):
		return http.StatusServiceUnavailable
	case errors.Is(err, ErrNoRegion), in == nil && errors.As(err, new(*InputError)):
		return http.StatusInternalServerError
	}
	return http.StatusBadGateway
}

// arrive sends the browser the way back, with what OnInstall added. Its own
// other requests with this callback get the same, so that the answer which a
// double click leaves on the screen is complete.
func (i *Installer) arrive(w http.ResponseWriter, flow installFlow, identity string, code Secret, end installEnd) {
	header := w.Header()
	for name, values := range end.header {
		if name != "Set-Cookie" {
			header.Del(name)
		}
		for _, value := range values {
			header.Add(name, value)
		}
	}
	guardInstall(header)
	if !end.elsewhere {
		i.giveReceipt(w, flow, identity, code, end.location)
	}
	redirect(w, end.location)
}

// installFailure is a step that failed, and the page's status.
type installFailure struct {
	status int
	step   string
	err    error
}

// byAnyone reports whether a stranger can cause the failure at will: with a
// request that is no callback, by pressing Deny, with a code that he made up, or
// without being signed in.
func (f installFailure) byAnyone() bool {
	var refused *Error
	switch {
	case f.step == hookIdentity:
		return errors.As(f.err, new(*InputError))
	case errors.As(f.err, &refused) && refused.Op == opExchange:
		return refused.Status == http.StatusBadRequest
	}
	return f.status == http.StatusBadRequest || f.status == http.StatusForbidden
}

func failedInstall(status int, step string, err error) installEnd {
	return installEnd{installFailure: installFailure{status, step, err}}
}

// fail answers with OnError's answer or the page, and returns where that sends
// the browser.
func (i *Installer) fail(w http.ResponseWriter, r *http.Request, failure installFailure, in *Installation) (location string) {
	attrs := []slog.Attr{slog.String("step", failure.step), slog.Int("status", failure.status)}
	switch failure.step {
	case hookIdentity, hookFirstUse, hookOnInstall:
	default:
		attrs = append(attrs, slog.String("error", failure.err.Error()))
	}
	if in != nil {
		attrs = append(attrs, slog.Any("installation", in))
	}
	level := slog.LevelWarn
	if failure.byAnyone() {
		level = slog.LevelDebug
	}
	i.Client.report(level, "install: failed", attrs...)
	if i.OnError != nil {
		ctx, cancel := context.WithTimeout(r.Context(), installHookTimeout)
		defer cancel()
		answer := &errorWriter{ResponseWriter: w}
		i.OnError(answer, cleanRequest(ctx, r), in, failure.err)
		if answer.status != 0 {
			return answer.location()
		}
	}
	writeInstallPage(w, failure.status)
	return ""
}
