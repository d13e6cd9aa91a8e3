package main

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/internal/turns"
	"github.com/sunco-go/sunco/messaging"
)

// greeting is the answer to whoever writes.
const greeting = "Hello from Shoplifter. I am a test, and this is all that I can say."

// app is the application.
type app struct {
	cfg         *config
	sandboxPage string // address of the embedded sandbox's page; empty: there is none
	client      *sunco.Client
	store       *partner.Store
	recent      recent
	pages       *pages
	log         *slog.Logger
	grace       time.Duration // for requests in progress when the program ends
	talking     turns.Turns   // by app id
	installer   *sunco.Installer
	bot         *messaging.Bot
	events      *sunco.EventHandler
	removals    *sunco.RemovalHandler
}

func newApp(ctx context.Context, cfg *config, sandboxPage string, log *slog.Logger) (*app, error) {
	a := &app{cfg: cfg, sandboxPage: sandboxPage, pages: newPages(), log: log, grace: stopGrace}
	a.client = cfg.Client(a.ownURL(partner.InstallPath))
	a.client.Logger, a.client.HTTPClient = log, cfg.httpClient
	store, err := partner.OpenStore(ctx, "shoplifter", cfg.getenv, a.client)
	if err != nil {
		return nil, err
	}
	store.Logger = log
	a.store = store
	a.installer = &sunco.Installer{
		Client:         a.client,
		Webhook:        a.webhook(),
		InsecureCookie: cfg.insecureCookie,
		FirstUse:       store.FirstUse,
		Save:           store.Save,
		OnInstall: func(w http.ResponseWriter, _ *http.Request, in *sunco.Installation) {
			a.tell(in, "was connected")
			w.Header().Set("Location", connectionPath(in)+"?said=connected")
		},
		OnError: a.notConnected,
		Logger:  log,
	}
	a.bot = &messaging.Bot{
		Client: a.client,
		OnMessage: func(ctx context.Context, c *messaging.Chat, _ *messaging.Message) error {
			return c.SendText(ctx, greeting)
		},
		Logger: log,
	}
	a.events = &sunco.EventHandler{Lookup: store.ByKey, OnEvent: store.Enqueue, Logger: log}
	a.removals = &sunco.RemovalHandler{
		Client: a.client,
		Lookup: store.ForRemoval,
		OnRemoved: func(ctx context.Context, in *sunco.Installation) error {
			return a.forget(ctx, in, "was disconnected")
		},
		Logger: log,
	}
	return a, nil
}

// receive handles an event that was stored.
func (a *app) receive(ctx context.Context, in *sunco.Installation, e *sunco.Event) error {
	a.recent.receive(in, e)
	return a.bot.OnEvent(ctx, in, e)
}

// ownURL returns the URL of a path for Zendesk, or "" when Zendesk cannot reach
// this program.
func (a *app) ownURL(path string) string {
	if !a.cfg.reachable() {
		return ""
	}
	return a.cfg.baseURL() + path
}

// webhook returns the webhook that every connection has, or nil when Zendesk
// cannot reach this program.
func (a *app) webhook() *sunco.Webhook {
	if !a.cfg.reachable() {
		return nil
	}
	return &sunco.Webhook{
		Target: a.ownURL(partner.EventsPath),
		Triggers: []string{
			sunco.TriggerConversationCreate,
			sunco.TriggerConversationMessage,
			sunco.TriggerConversationPostback,
			sunco.TriggerSwitchboardPassControl,
			sunco.TriggerSwitchboardReleaseControl,
		},
	}
}

// notConnected explains a failed connection to a person. If the token was saved,
// finish completes the connection later.
func (a *app) notConnected(w http.ResponseWriter, r *http.Request, in *sunco.Installation, err error) {
	if in != nil {
		a.tell(in, "gave access, but the connection is not complete")
	}
	if in != nil && !errors.Is(err, sunco.ErrNoRegion) {
		http.Redirect(w, r, "/?said=unfinished", http.StatusSeeOther)
		return
	}
	status, text := explainConnecting(err)
	a.sorry(w, status, "Not connected", text)
}

// finishAll runs finish for installations of the store and returns the errors. At every
// start it runs for all of them: interrupted connections are completed, webhooks get the
// current target, and connections whose token is dead are deleted.
func (a *app) finishAll(ctx context.Context, lists ...iter.Seq2[*sunco.Installation, error]) error {
	var failed []error
	for _, list := range lists {
		for in, err := range list {
			if err == nil {
				err = a.finish(ctx, in)
			}
			if err != nil && ctx.Err() == nil {
				a.log.Warn("an installation could not be completed", "installation", in, "error", err)
				failed = append(failed, err)
			}
		}
	}
	return errors.Join(append(failed, ctx.Err())...)
}

// finish completes an installation: it asks Zendesk where the app lives, ensures the
// webhook, and saves both. A stored connection of the same app changes only after
// every step succeeded.
func (a *app) finish(ctx context.Context, in *sunco.Installation) error {
	found, err := a.locate(ctx, in)
	if err != nil {
		return err
	}
	if want := a.webhook(); want != nil {
		a.retarget(ctx, found, want.Target)
		hook, err := a.client.EnsureWebhook(ctx, found, want)
		if err != nil {
			return err
		}
		found.Webhooks = []sunco.Webhook{*hook}
	}
	if in.AppID != "" {
		return a.store.Update(ctx, found)
	}
	if err := a.store.Save(ctx, found); err != nil {
		return err
	}
	a.tell(found, "was connected")
	return nil
}

// retarget changes the target of webhooks that point to an earlier address of this
// program. Zendesk allows three webhooks, so the earlier one must not stay.
func (a *app) retarget(ctx context.Context, in *sunco.Installation, target string) {
	for _, hook := range in.Webhooks {
		if hook.Target == target {
			continue
		}
		_, err := a.client.UpdateWebhook(ctx, in, hook.ID, sunco.WebhookUpdate{Target: target})
		if err != nil { // EnsureWebhook creates another one
			a.log.Info("the earlier webhook could not be moved", "installation", in, "error", err)
		}
	}
}

// call runs f for a connection. If the customer's subdomain was renamed, call stores
// the new one and runs f again.
func (a *app) call(ctx context.Context, in *sunco.Installation, f action) error {
	err := f(ctx, in)
	if !errors.Is(err, sunco.ErrMoved) && !errors.Is(err, sunco.ErrNotFound) && !errors.Is(err, sunco.ErrUnauthorized) {
		return err
	}
	found, lost := a.locate(ctx, in)
	if lost != nil || found.Subdomain == in.Subdomain {
		return errors.Join(err, lost)
	}
	if err := a.store.Update(ctx, found); err != nil {
		return err
	}
	return f(ctx, found)
}

// locate asks Zendesk where an installation lives, and deletes the installation if
// its token is dead.
func (a *app) locate(ctx context.Context, in *sunco.Installation) (*sunco.Installation, error) {
	found, err := a.client.Locate(ctx, in)
	var refused *sunco.Error
	if errors.Is(err, sunco.ErrUnauthorized) && errors.As(err, &refused) && refused.Code != "" { // by the API itself
		err = errors.Join(err, a.forget(ctx, in, "was disconnected: Zendesk refuses its token"))
	}
	return found, err
}

// forget deletes an installation whose token is dead. A newer installation of the
// same app stays.
func (a *app) forget(ctx context.Context, in *sunco.Installation, why string) error {
	stored, err := a.store.Get(ctx, in.AppID)
	if err != nil {
		return err
	}
	if err := a.store.Delete(ctx, in); err != nil {
		return err
	}
	if in.AppID == "" || stored.Generation() == in.Generation() {
		a.recent.forget(in)
		a.tell(in, why)
	}
	return nil
}

// tell writes a line to the front page and the log.
func (a *app) tell(in *sunco.Installation, what string) {
	a.recent.tell(cmp.Or(in.Subdomain, "An account") + " " + what + ".")
	a.log.Info("installation "+what, "installation", in)
}

// hook returns the webhook of an installation that delivers here, or nil.
func (a *app) hook(in *sunco.Installation) *sunco.Webhook {
	for i, hook := range in.Webhooks {
		if hook.Target == a.ownURL(partner.EventsPath) {
			return &in.Webhooks[i]
		}
	}
	return nil
}

func connectionPath(in *sunco.Installation) string {
	return "/installations/" + url.PathEscape(in.AppID)
}
