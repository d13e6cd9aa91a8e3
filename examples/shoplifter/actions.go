package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/messaging"
)

const (
	actionTimeout = 90 * time.Second

	// The test message is sent in the name of this user. The partner chooses the
	// external id; Zendesk adds an id of its own.
	visitorID   = "shoplifter-visitor"
	testMessage = "Hello from Shoplifter. This is a test message."
)

// action is what a button does with a connection.
type action = func(context.Context, *sunco.Installation) error

// act runs an action. The action continues when the browser leaves, as it does at a
// double click.
func (a *app) act(r *http.Request, in *sunco.Installation, f action) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), actionTimeout)
	defer cancel()
	err := f(ctx, in)
	if err != nil {
		a.log.Warn("an action failed", "installation", in, "error", err)
	}
	return err
}

// answer writes the result of an action.
func (a *app) answer(w http.ResponseWriter, r *http.Request, in *sunco.Installation, said string, err error) {
	if err == nil {
		http.Redirect(w, r, connectionPath(in)+"?said="+said, http.StatusSeeOther)
		return
	}
	stored, lost := a.store.Get(r.Context(), in.AppID)
	switch {
	case lost != nil:
		a.storeFailed(w, lost)
	case stored == nil:
		a.sorry(w, http.StatusConflict, "Not connected", "Zendesk refuses the token: the customer removed the integration.")
	default:
		a.describeConnection(w, http.StatusBadGateway, stored, page{Failed: explainAction(err)})
	}
}

// storeFailed answers that the database failed.
func (a *app) storeFailed(w http.ResponseWriter, err error) {
	a.log.Error("the store failed", "error", err)
	a.sorry(w, http.StatusServiceUnavailable, "Not now", "Shoplifter cannot read its connections. The log says why.")
}

// withConnection finds the connection that a path names.
func (a *app) withConnection(f func(http.ResponseWriter, *http.Request, *sunco.Installation)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		in, err := a.store.Get(r.Context(), r.PathValue("app"))
		switch {
		case err != nil:
			a.storeFailed(w, err)
		case in == nil:
			a.sorry(w, http.StatusNotFound, "Not connected", "This account is not connected.")
		default:
			f(w, r, in)
		}
	}
}

func (a *app) sendMessage(w http.ResponseWriter, r *http.Request, in *sunco.Installation) {
	a.answer(w, r, in, "sent", a.act(r, in, func(ctx context.Context, in *sunco.Installation) error {
		return a.call(ctx, in, a.sendTestMessage)
	}))
}

func (a *app) setUpWebhook(w http.ResponseWriter, r *http.Request, in *sunco.Installation) {
	a.answer(w, r, in, "finished", a.act(r, in, a.finish))
}

// finishPending completes the connections of which only the token is known.
func (a *app) finishPending(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), actionTimeout)
	defer cancel()
	if err := a.finishAll(ctx, a.store.Unfinished(ctx)); err != nil {
		a.describeFront(w, r, http.StatusBadGateway, page{Failed: explainAction(err)})
		return
	}
	http.Redirect(w, r, "/?said=finished", http.StatusSeeOther)
}

// uninstall revokes the token and deletes the connection. Zendesk then calls the
// remove URL, so the connection may be deleted already. That is a success too, and
// so is the second of two clicks. After a failure, the store tries again every now and
// then.
func (a *app) uninstall(w http.ResponseWriter, r *http.Request) {
	in, err := a.store.Get(r.Context(), r.PathValue("app"))
	if err != nil {
		a.storeFailed(w, err)
		return
	}
	if in != nil {
		if err := a.act(r, in, a.store.Uninstall); err != nil {
			a.answer(w, r, in, "", err)
			return
		}
		a.recent.forget(in)
		a.tell(in, "was disconnected")
	}
	http.Redirect(w, r, "/?said=uninstalled", http.StatusSeeOther)
}

// sendTestMessage posts a message of the visitor. The calls for one app run one
// after the other, so that a double click creates one user and one conversation.
func (a *app) sendTestMessage(ctx context.Context, in *sunco.Installation) error {
	done, err := a.talking.Wait(ctx, in.AppID)
	if err != nil {
		return err
	}
	defer done()
	app := messaging.App{Client: a.client, Installation: in}
	who, err := visitor(ctx, app)
	if err != nil {
		return err
	}
	where, err := conversation(ctx, app, messaging.Person{UserID: who.ID})
	if err != nil {
		return err
	}
	_, err = app.PostMessage(ctx, where.ID, messaging.MessagePost{
		Author: messaging.Author{Type: messaging.AuthorUser, UserID: who.ID}, Content: messaging.Text(testMessage),
	})
	return err
}

// visitor returns the user, and creates the user if there is none.
func visitor(ctx context.Context, app messaging.App) (*messaging.User, error) {
	who, err := app.GetUser(ctx, visitorID)
	if !errors.Is(err, sunco.ErrNotFound) || errors.Is(err, sunco.ErrMoved) {
		return who, err
	}
	who, err = app.CreateUser(ctx, messaging.UserCreate{
		ExternalID: visitorID, Profile: messaging.Profile{GivenName: "Shoplifter", Surname: "Visitor"},
	})
	if refused, ok := errors.AsType[*sunco.Error](err); ok && refused.Status == http.StatusConflict {
		return app.GetUser(ctx, visitorID) // created in between
	}
	return who, err
}

// conversation returns the person's first conversation, and creates one if there is none.
func conversation(ctx context.Context, app messaging.App, who messaging.Person) (*messaging.Conversation, error) {
	list, err := app.ListConversations(ctx, who, messaging.Cursor{})
	if err != nil {
		return nil, err
	}
	if len(list.Items) > 0 {
		return list.Items[0], nil
	}
	return app.CreateConversation(ctx, messaging.ConversationCreate{
		Type: messaging.ConversationPersonal, Participants: []messaging.Join{{Person: who}},
	})
}

const noLegacy = "This is a legacy account without a subdomain, which Shoplifter does not support. " +
	"Its administrator can remove the integration in Zendesk."

// explainConnecting returns the status and the text for a connection that failed.
func explainConnecting(err error) (status int, text string) {
	switch {
	case errors.Is(err, sunco.ErrAccessDenied):
		return http.StatusForbidden, "You pressed Deny, so nothing was changed."
	case errors.Is(err, sunco.ErrStateMismatch):
		return http.StatusBadRequest, "This attempt did not begin in this browser, is more than ten minutes old, " +
			"or is finished already."
	case errors.Is(err, sunco.ErrNoRegion):
		return http.StatusBadGateway, noLegacy
	case errors.As(err, new(*sunco.RateLimitError)):
		return http.StatusServiceUnavailable, "Zendesk asks for a pause. Try again in a few minutes."
	case errors.As(err, new(*sunco.AmbiguousError)):
		return http.StatusBadGateway, "Zendesk's answer was lost. Please connect again."
	case errors.As(err, new(*sunco.RequestError)), errors.As(err, new(*sunco.AuthorizationError)):
		return http.StatusBadRequest, "Shoplifter cannot use what the browser sent."
	case errors.As(err, new(*sunco.Error)):
		return http.StatusBadGateway, "Zendesk refused, or could not be reached. The log has the details."
	}
	return http.StatusInternalServerError, "Shoplifter could not store the connection. The log has the details."
}

// explainAction returns the text for an action that failed.
func explainAction(err error) string {
	switch {
	case errors.Is(err, sunco.ErrNoRegion):
		return noLegacy
	case errors.As(err, new(*sunco.RateLimitError)):
		return "Zendesk asks for a pause. Nothing was changed; try again in a few minutes."
	case errors.As(err, new(*sunco.AmbiguousError)):
		return "Zendesk's answer was lost, so it may have happened. Look before you try again."
	case errors.As(err, new(*sunco.WebhookLimitError)):
		return "The integration has three webhooks already, and none of them is Shoplifter's."
	case errors.As(err, new(*sunco.Error)):
		return "Zendesk refused, or could not be reached. The log has the details."
	}
	return "It did not work. The log has the details."
}
