package main

import (
	"context"
	"slices"

	"github.com/sunco-go/sunco"
)

// resume brings what the file has up to date when the program starts: tokens that
// died meanwhile are forgotten, what was interrupted is finished, and the webhooks
// point here.
func (a *app) resume(ctx context.Context) {
	for _, c := range a.store.list() {
		in := &c.Installation
		if ctx.Err() != nil {
			return
		}
		if !a.confirm(ctx, in) {
			continue
		}
		err := a.call(ctx, in, a.repair)
		if err != nil && ctx.Err() == nil {
			a.log.Warn("an installation could not be brought up to date", "installation", in, "error", err)
		}
	}
}

// repair makes sure that the installation has its webhook. One that points to an
// address this program had earlier is moved, because there can be only three.
func (a *app) repair(ctx context.Context, in *sunco.Installation) error {
	want := a.webhook()
	if want == nil {
		return nil
	}
	for _, hook := range in.Webhooks {
		if hook.Target != want.Target {
			// Where it is gone, EnsureWebhook makes another one.
			_, err := a.client.UpdateWebhook(ctx, in, hook.ID, sunco.WebhookUpdate{Target: want.Target})
			if err != nil {
				a.log.Info("the earlier webhook could not be moved", "installation", in, "error", err)
			}
		}
	}
	hook, err := a.client.EnsureWebhook(ctx, in, want)
	if err != nil {
		return err
	}
	fresh := *in
	fresh.Webhooks = []sunco.Webhook{*hook}
	if slices.EqualFunc(in.Webhooks, fresh.Webhooks, sameWebhook) {
		return nil
	}
	return a.store.replace(&fresh)
}

// sameWebhook compares what is stored.
func sameWebhook(x, y sunco.Webhook) bool {
	return x.ID == y.ID && x.Target == y.Target && x.Secret.Equal(y.Secret) && slices.Equal(x.Triggers, y.Triggers)
}
