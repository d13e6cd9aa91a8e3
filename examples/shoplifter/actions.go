package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/sunco-go/sunco"
)

const actionTimeout = 90 * time.Second

// withConnection finds the connection that a path names.
func (a *app) withConnection(f func(http.ResponseWriter, *http.Request, *connection)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := a.store.get(r.PathValue("app"))
		if c == nil {
			a.sorry(w, http.StatusNotFound, "Not connected", "No such account is connected, or not any more.")
			return
		}
		f(w, r, c)
	}
}

// act does something for a connection, to its end also when the browser leaves, as
// it does after a double click.
func (a *app) act(r *http.Request, c *connection, f func(context.Context, *sunco.Installation) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), actionTimeout)
	defer cancel()
	err := a.call(ctx, &c.Installation, f)
	if err != nil {
		a.log.Warn("an action failed", "installation", &c.Installation, "error", err)
	}
	return err
}

// answer says how an action went.
func (a *app) answer(w http.ResponseWriter, r *http.Request, c *connection, said string, err error) {
	if err == nil {
		http.Redirect(w, r, connectionPath(&c.Installation)+"?said="+said, http.StatusSeeOther)
		return
	}
	if c = a.store.get(c.AppID); c == nil {
		a.sorry(w, http.StatusConflict, "Not connected any more",
			"Zendesk no longer takes the token. The customer has removed the integration.")
		return
	}
	a.describeConnection(w, http.StatusBadGateway, c, page{Failed: explainAction(err)})
}

func (a *app) sendMessage(w http.ResponseWriter, r *http.Request, c *connection) {
	a.answer(w, r, c, "sent", a.act(r, c, func(ctx context.Context, in *sunco.Installation) error {
		end, err := a.turn(ctx, in)
		if err != nil {
			return err
		}
		defer end()
		return sendTestMessage(ctx, a.client, in)
	}))
}

// finish makes up for what failed when the account was connected.
func (a *app) finish(w http.ResponseWriter, r *http.Request, c *connection) {
	a.answer(w, r, c, "finished", a.act(r, c, a.repair))
}

// uninstall gives the access back. Zendesk then calls the remove URL too, which
// may even be first to delete the installation. Where it is gone already, as at the
// second click of two, all is done.
func (a *app) uninstall(w http.ResponseWriter, r *http.Request) {
	c := a.store.get(r.PathValue("app"))
	if c != nil {
		err := a.act(r, c, func(ctx context.Context, in *sunco.Installation) error {
			if err := a.client.Revoke(ctx, in); err != nil {
				return err
			}
			return a.forget(in, "was disconnected")
		})
		if err != nil && a.store.get(c.AppID) != nil {
			a.answer(w, r, c, "", err)
			return
		}
	}
	http.Redirect(w, r, "/?said=uninstalled", http.StatusSeeOther)
}

const noLegacy = "This is a legacy account without a subdomain, which Shoplifter does not serve. Its administrator can remove the integration in Zendesk."

// explainConnecting says what a failed connection means to the person who tried.
func explainConnecting(err error) (status int, title, text string) {
	title = "Not connected"
	switch {
	case errors.Is(err, sunco.ErrAccessDenied):
		return http.StatusForbidden, title, "You pressed Deny, so nothing was changed."
	case errors.Is(err, sunco.ErrStateMismatch):
		return http.StatusBadRequest, title, "This attempt was not begun in this browser, it is more than ten minutes old, or it was finished already."
	case errors.Is(err, sunco.ErrNoRegion):
		return http.StatusBadGateway, title, noLegacy
	case errors.As(err, new(*sunco.RateLimitError)):
		return http.StatusServiceUnavailable, title, "Zendesk asked to slow down. Try again in a few minutes."
	case errors.As(err, new(*sunco.AmbiguousError)):
		return http.StatusBadGateway, title, "Zendesk's answer was lost on the way. Please connect again."
	case errors.As(err, new(*sunco.InputError)), errors.As(err, new(*sunco.AuthorizationError)):
		return http.StatusBadRequest, title, "What the browser brought back cannot be used."
	case errors.As(err, new(*sunco.Error)):
		return http.StatusBadGateway, title, "Zendesk did not accept it, or could not be reached."
	}
	return http.StatusInternalServerError, title, "Shoplifter could not keep the connection."
}

// explainAction says what a failed action means to the person who tried.
func explainAction(err error) string {
	switch {
	case errors.Is(err, sunco.ErrNoRegion):
		return noLegacy
	case errors.As(err, new(*sunco.RateLimitError)):
		return "Zendesk asked to slow down. Nothing was changed; try again in a few minutes."
	case errors.As(err, new(*sunco.AmbiguousError)):
		return "Zendesk's answer was lost on the way, so it may or may not have happened. Look before you try again."
	case errors.As(err, new(*sunco.WebhookLimitError)):
		return "The integration already has as many webhooks as it may, and none of them is Shoplifter's."
	case errors.As(err, new(*sunco.Error)):
		return "Zendesk did not accept it, or could not be reached. The log has the details."
	}
	return "It did not work. The log has the details."
}
