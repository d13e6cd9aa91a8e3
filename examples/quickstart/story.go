package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sunco-go/sunco"
)

// story is a partner's life. What differs between the fake platform and
// Zendesk itself is in its functions.
type story struct {
	*transcript
	client  *sunco.Client
	target  string                                                                // of the webhook; empty: no webhook steps
	visit   func(ctx context.Context, authorizeURL string) (*http.Request, error) // what the browser came back with
	confirm func(question string) bool
	keep    func(in *sunco.Installation) // stores what the removed callback looks up
	removed <-chan string                // app ids that OnRemoved deleted
	patient time.Duration                // how long to wait for the removed callback
}

func (s *story) tell(ctx context.Context) error {
	in, err := s.install(ctx)
	if err != nil {
		return err
	}
	s.keep(in)
	err = s.webhooks(ctx, in)
	if err == nil {
		err = s.end(ctx, in)
	}
	if err != nil {
		s.say("The integration may still be installed: run this again, or remove it in Admin Center.")
	}
	return err
}

// install sends the browser away, and makes an installation of what it comes
// back with. A program calls Client.Install for the last two steps.
func (s *story) install(ctx context.Context) (*sunco.Installation, error) {
	s.step("Send the customer's browser to the authorize URL")
	state := rand.Text()
	authorizeURL, err := s.client.AuthorizeURL(state)
	if err != nil {
		return nil, err
	}
	callback, err := s.visit(ctx, authorizeURL)
	if err != nil {
		return nil, err
	}
	code, err := sunco.ParseCallback(callback, state)
	if err != nil {
		return nil, err
	}
	s.say("The browser came back with a code, and the state is ours.")

	s.step("Exchange the code for a token")
	token, err := s.client.Exchange(ctx, code)
	if err != nil {
		return nil, err
	}
	if claims, err := token.UnverifiedClaims(); err == nil {
		s.say("The token says of itself: scope %q, app %s (unverified).", claims.Scope, claims.AppID)
	}

	s.step("Ask token info whose token it is")
	in, err := s.client.Locate(ctx, &sunco.Installation{Token: *token})
	if err != nil {
		return nil, err
	}
	base, err := s.client.BaseURL(in)
	if err != nil {
		return nil, err
	}
	s.say("App %s lives at %s", in.AppID, base)
	return in, nil
}

// webhooks goes through everything that can be done with one.
func (s *story) webhooks(ctx context.Context, in *sunco.Installation) error {
	if s.target == "" {
		s.step("Webhooks")
		s.say("Left out: SUNCO_WEBHOOK_TARGET is not set.")
		return nil
	}
	if !s.confirm(fmt.Sprintf("Create up to 4 webhooks with target %s, and delete them again?", s.target)) {
		return nil
	}
	s.step("Create a webhook")
	hook, err := s.client.CreateWebhook(ctx, in, s.wanted(0))
	if err != nil {
		return err
	}
	s.say("Webhook %s delivers to %s", hook.ID, hook.Target)
	made := []string{hook.ID}
	defer func() { s.cleanUp(in, made) }()

	if err := s.change(ctx, in, hook.ID); err != nil {
		return err
	}

	s.step("Ensure others, until there is one too many")
	made, err = s.tooMany(ctx, in, made)
	if err != nil {
		return err
	}

	s.step("Delete what was created")
	for len(made) > 0 {
		if err := s.client.DeleteWebhook(ctx, in, made[0]); err != nil {
			return err
		}
		made = made[1:]
	}
	return nil
}

// change reads and changes one webhook in the ways there are.
func (s *story) change(ctx context.Context, in *sunco.Installation, id string) error {
	s.step("List, get and update it")
	list, err := s.client.ListWebhooks(ctx, in)
	if err != nil {
		return err
	}
	if _, err := s.client.GetWebhook(ctx, in, id); err != nil {
		return err
	}
	updated, err := s.client.UpdateWebhook(ctx, in, id, sunco.WebhookUpdate{IncludeFullUser: new(true)})
	if err != nil {
		return err
	}
	s.say("%d in the list; includeFullUser is %t now, the %d triggers stayed.", len(list), updated.IncludeFullUser, len(updated.Triggers))

	s.step("Ensure it is as wanted: found by its target, the difference repaired")
	ensured, err := s.client.EnsureWebhook(ctx, in, s.wanted(0))
	if err != nil {
		return err
	}
	s.say("Same webhook: %t. includeFullUser is %t again.", ensured.ID == id, ensured.IncludeFullUser)
	return nil
}

// tooMany ensures webhooks of other targets and returns the ids of all that
// were made.
func (s *story) tooMany(ctx context.Context, in *sunco.Installation, made []string) ([]string, error) {
	for n := 1; n <= 3; n++ {
		hook, err := s.client.EnsureWebhook(ctx, in, s.wanted(n))
		var limit *sunco.WebhookLimitError
		if errors.As(err, &limit) {
			s.say("Refused: %d is all an integration may have.", len(limit.Existing))
			return made, nil
		}
		if err != nil {
			return made, err
		}
		made = append(made, hook.ID)
	}
	s.say("No limit met with %d webhooks.", len(made))
	return made, nil
}

// wanted is the nth webhook.
func (s *story) wanted(n int) *sunco.Webhook {
	target := s.target
	if u, err := url.Parse(target); n > 0 && err == nil {
		query := u.Query()
		query.Set("copy", strconv.Itoa(n))
		u.RawQuery = query.Encode()
		target = u.String()
	}
	return &sunco.Webhook{
		Target:   target,
		Triggers: []string{sunco.TriggerConversationMessage, sunco.TriggerConversationPostback},
	}
}

// cleanUp deletes what an error left behind.
func (s *story) cleanUp(in *sunco.Installation, made []string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, id := range made {
		if err := s.client.DeleteWebhook(ctx, in, id); err != nil {
			s.say("Webhook %s is left: %v", id, err)
		}
	}
}

// end gives the access back and waits to be told.
func (s *story) end(ctx context.Context, in *sunco.Installation) error {
	if !s.confirm(fmt.Sprintf("Revoke the access to app %s? This removes the integration.", in.AppID)) {
		s.say("The integration stays installed, and this program forgets its token:")
		s.say("remove it in the customer's Admin Center, or run this again.")
		return nil
	}
	s.step("Revoke: the integration is removed, its token dies")
	if err := s.client.Revoke(ctx, in); err != nil {
		return err
	}
	if _, err := s.client.TokenInfo(ctx, in.Token); !errors.Is(err, sunco.ErrUnauthorized) {
		return fmt.Errorf("the token should be dead, but token info says: %v", err)
	}
	s.say("Token info confirms: the token is dead.")

	s.step("Be told at the remove URL, and believe it only after a look at the bridge")
	select {
	case appID := <-s.removed:
		s.say("App %s is gone, and what was stored for it is deleted.", appID)
	case <-time.After(s.patient):
		s.say("Nobody called within %v: does the registered remove URL lead here?", s.patient)
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
