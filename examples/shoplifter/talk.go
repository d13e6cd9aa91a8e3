package main

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/sunco-go/sunco"
)

// The person in whose name the test message is sent. The partner chooses the
// external id; the app makes the user's own.
const (
	visitorID   = "shoplifter-visitor"
	testMessage = "Hello from Shoplifter. This is a test message."
)

type user struct {
	ID string `json:"id"`
}

type conversation struct {
	ID string `json:"id"`
}

// turn waits until nobody else talks for an app: a double click makes one user and
// one conversation.
func (a *app) turn(ctx context.Context, in *sunco.Installation) (end func(), err error) {
	own, _ := a.turns.LoadOrStore(in.AppID, make(chan struct{}, 1))
	turn := own.(chan struct{})
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// sendTestMessage has the visitor say something in their conversation. Only the
// message itself is made twice by calling it twice.
func sendTestMessage(ctx context.Context, client *sunco.Client, in *sunco.Installation) error {
	who, err := visitor(ctx, client, in)
	if err != nil {
		return err
	}
	where, err := visitorsConversation(ctx, client, in, who)
	if err != nil {
		return err
	}
	message := map[string]any{
		"author":  map[string]string{"type": "user", "userId": who},
		"content": map[string]string{"type": "text", "text": testMessage},
	}
	return client.Do(ctx, in, http.MethodPost, "/conversations/"+url.PathEscape(where)+"/messages", message, nil)
}

// visitor returns the id of the user, who is created when there is none.
func visitor(ctx context.Context, client *sunco.Client, in *sunco.Installation) (string, error) {
	var reply struct {
		User user `json:"user"`
	}
	get := func() error { return client.Do(ctx, in, http.MethodGet, "/users/"+visitorID, nil, &reply) }
	err := get()
	if errors.Is(err, sunco.ErrNotFound) && !errors.Is(err, sunco.ErrMoved) {
		fresh := map[string]any{
			"externalId": visitorID,
			"profile":    map[string]string{"givenName": "Shoplifter", "surname": "Visitor"},
		}
		err = client.Do(ctx, in, http.MethodPost, "/users", fresh, &reply)
		var refused *sunco.Error
		if errors.As(err, &refused) && refused.Status == http.StatusConflict { // somebody was faster
			err = get()
		}
	}
	if err == nil && reply.User.ID == "" {
		err = errNoID
	}
	return reply.User.ID, err
}

// visitorsConversation returns the id of the user's first conversation, which is
// created when there is none.
func visitorsConversation(ctx context.Context, client *sunco.Client, in *sunco.Installation, who string) (string, error) {
	var page struct {
		Conversations []conversation `json:"conversations"`
	}
	query := url.Values{"filter[userId]": {who}}
	if err := client.Do(ctx, in, http.MethodGet, "/conversations?"+query.Encode(), nil, &page); err != nil {
		return "", err
	}
	if len(page.Conversations) > 0 && page.Conversations[0].ID != "" {
		return page.Conversations[0].ID, nil
	}
	fresh := map[string]any{
		"type":         "personal",
		"participants": []map[string]string{{"userId": who}},
	}
	var reply struct {
		Conversation conversation `json:"conversation"`
	}
	if err := client.Do(ctx, in, http.MethodPost, "/conversations", fresh, &reply); err != nil {
		return "", err
	}
	if reply.Conversation.ID == "" {
		return "", errNoID
	}
	return reply.Conversation.ID, nil
}

var errNoID = errors.New("the reply names no id")
