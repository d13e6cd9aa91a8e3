package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/sunco-go/sunco"
)

const (
	installPath = "/zendesk/install"
	eventsPath  = "/zendesk/events"
	removedPath = "/zendesk/removed"
)

// app is the application.
type app struct {
	cfg         *config
	sandboxPage string // empty: there is none beside it
	client      *sunco.Client
	store       *store
	recent      recent
	pages       *pages
	log         *slog.Logger
	grace       time.Duration // for requests under way when the program ends
	turns       sync.Map      // by app: a channel that whoever talks for the app fills
	events      *sunco.EventHandler
	removals    *sunco.RemovalHandler
}

func newApp(cfg *config, sandboxPage string, log *slog.Logger) (*app, error) {
	store, err := openStore(cfg.storeFile, cfg.platform(), cfg.clientID)
	if err != nil {
		return nil, err
	}
	a := &app{cfg: cfg, sandboxPage: sandboxPage, store: store, pages: newPages(), log: log, grace: stopGrace}
	a.client = &sunco.Client{
		ClientID:     cfg.clientID,
		ClientSecret: cfg.clientSecret,
		RedirectURI:  a.ownURL(installPath),
		Marketplace:  cfg.marketplace,
		Domain:       cfg.domain,
		Logger:       log,
	}
	a.events = &sunco.EventHandler{
		Lookup: func(_ context.Context, _ *http.Request, keyDigest [32]byte) (*sunco.Installation, error) {
			return store.byDigest(keyDigest), nil
		},
		OnEvent: func(_ context.Context, in *sunco.Installation, e *sunco.Event) error {
			a.recent.receive(in, e)
			return nil
		},
		Logger: log,
	}
	a.removals = &sunco.RemovalHandler{
		Client: a.client,
		Lookup: func(_ context.Context, appID string) (*sunco.Installation, error) {
			if c := store.get(appID); c != nil {
				return &c.Installation, nil
			}
			return nil, nil
		},
		OnRemoved: func(_ context.Context, in *sunco.Installation) error {
			return a.forgetDead(in, "was disconnected")
		},
		Logger: log,
	}
	return a, nil
}

// ownURL is a path of the application for the platform; empty when the platform
// cannot reach it.
func (a *app) ownURL(path string) string {
	if !a.cfg.reachable() {
		return ""
	}
	return a.cfg.baseURL() + path
}

// webhook is what every connection has; nil: none.
func (a *app) webhook() *sunco.Webhook {
	if !a.cfg.reachable() {
		return nil
	}
	return &sunco.Webhook{
		Target: a.ownURL(eventsPath),
		Triggers: []string{
			sunco.TriggerConversationCreate,
			sunco.TriggerConversationMessage,
			sunco.TriggerConversationPostback,
			sunco.TriggerSwitchboardPassControl,
			sunco.TriggerSwitchboardReleaseControl,
		},
	}
}

// installer is both ends of the way through Zendesk's consent page.
func (a *app) installer() http.Handler {
	return &sunco.Installer{
		Client:         a.client,
		Webhook:        a.webhook(),
		InsecureCookie: a.cfg.insecureCookie,
		OnInstall: func(w http.ResponseWriter, _ *http.Request, in *sunco.Installation) error {
			if err := a.store.put(in); err != nil {
				return err
			}
			a.tell(in, "was connected")
			w.Header().Set("Location", connectionPath(in)+"?said=connected")
			return nil
		},
		OnError: a.notConnected,
	}
}

// notConnected keeps a token that would be lost, and explains to a person.
func (a *app) notConnected(w http.ResponseWriter, r *http.Request, in *sunco.Installation, err error) {
	if in != nil {
		if stored := a.store.put(in); stored != nil {
			a.log.Error("a token could not be kept", "installation", in, "error", stored)
		} else if in.AppID != "" {
			a.tell(in, "was connected, but not completely")
			if !errors.Is(err, sunco.ErrNoRegion) {
				http.Redirect(w, r, connectionPath(in)+"?said=unfinished", http.StatusSeeOther)
				return
			}
		}
	}
	status, title, text := explainConnecting(err)
	a.sorry(w, status, title, text)
}

// forget deletes an installation whose token is dead, unless there is a newer one.
func (a *app) forget(in *sunco.Installation, why string) error {
	removed, err := a.store.remove(in.AppID, in.Generation())
	if removed {
		a.recent.keepOnly(a.store.list())
		a.tell(in, why)
	}
	return err
}

// forgetDead is forget where nobody else says why it failed.
func (a *app) forgetDead(in *sunco.Installation, why string) error {
	err := a.forget(in, why)
	if err != nil {
		a.log.Error("a removed installation could not be deleted", "installation", in, "error", err)
	}
	return err
}

// tell puts something on the front page and into the log.
func (a *app) tell(in *sunco.Installation, what string) {
	a.recent.tell(name(in) + " " + what + ".")
	a.log.Info("installation "+what, "installation", in)
}

// call makes a call for an installation. It first finds out where the installation
// lives when that is not known. When the customer's subdomain was renamed it finds
// the new one and calls once more; when the token turns out to be dead it forgets
// the installation.
func (a *app) call(ctx context.Context, in *sunco.Installation, f func(context.Context, *sunco.Installation) error) error {
	err := sunco.ErrNoRegion
	if located(in) {
		err = f(ctx, in)
	}
	if errors.Is(err, sunco.ErrMoved) || errors.Is(err, sunco.ErrNotFound) || errors.Is(err, sunco.ErrNoRegion) {
		found, missing := a.locate(ctx, in)
		switch {
		case missing != nil && errors.Is(err, sunco.ErrNoRegion):
			err = missing
		case missing == nil && (found.AppID != in.AppID || found.Subdomain != in.Subdomain):
			err = f(ctx, found)
		}
	}
	if errors.Is(err, sunco.ErrUnauthorized) {
		a.confirm(ctx, in)
	}
	return err
}

// locate asks where an installation lives, and stores the answer.
func (a *app) locate(ctx context.Context, in *sunco.Installation) (*sunco.Installation, error) {
	found, err := a.client.Locate(ctx, in)
	switch {
	case err != nil:
		return nil, err
	case found.AppID == in.AppID && found.Subdomain == in.Subdomain:
		return found, nil
	case found.AppID == in.AppID:
		return found, a.store.replace(found)
	}
	if err := a.store.put(found); err != nil {
		return nil, err
	}
	_, err = a.store.remove(in.AppID, in.Generation())
	return found, err
}

// confirm asks whether a token still lives, and reports false and forgets the
// installation when it does not.
func (a *app) confirm(ctx context.Context, in *sunco.Installation) bool {
	_, err := a.client.TokenInfo(ctx, in.Token)
	if !errors.Is(err, sunco.ErrUnauthorized) {
		return true
	}
	why := "is not connected any more: Zendesk no longer takes its token"
	if a.cfg.embedded {
		why = "is not connected any more: its sandbox is gone"
	}
	_ = a.forgetDead(in, why) // it is in the log
	return false
}

// located reports whether it is known where an installation lives.
func located(in *sunco.Installation) bool { return in.Subdomain != "" || in.LegacyRegion != "" }

// hook is the webhook of an installation that delivers here; nil: there is none.
func (a *app) hook(in *sunco.Installation) *sunco.Webhook {
	want := a.webhook()
	if want == nil || len(in.Webhooks) == 0 || in.Webhooks[0].Target != want.Target {
		return nil
	}
	return &in.Webhooks[0]
}

// missing says what an installation lacks to be complete, and which button helps.
func (a *app) missing(in *sunco.Installation) (what, button string) {
	hooked := a.webhook() == nil || a.hook(in) != nil
	switch {
	case located(in) && hooked:
		return "", ""
	case located(in):
		return "The webhook is missing or points elsewhere, so that nothing arrives here.", "Set up the webhook"
	case hooked:
		return "Zendesk has not said yet where this account is.", "Finish connecting"
	}
	return "Zendesk has not said yet where this account is, and the webhook is missing.", "Finish connecting"
}

func connectionPath(in *sunco.Installation) string {
	return "/installations/" + url.PathEscape(in.AppID)
}

// name is what a person knows an installation by.
func name(in *sunco.Installation) string {
	switch {
	case in.Subdomain != "":
		return in.Subdomain
	case in.AppID != "":
		return "app " + in.AppID
	}
	return "an unfinished connection"
}
