package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
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

	mark string   // of this run, in the targets of its webhooks
	made []string // ids of the webhooks that this run made and has not deleted
}

func (s *story) tell(ctx context.Context) error {
	in, err := s.install(ctx)
	if err == nil {
		s.keep(in)
		err = s.webhooks(ctx, in)
	}
	revoked := false
	if err == nil {
		revoked, err = s.revoke(ctx, in)
	}
	switch {
	case revoked:
		return s.hear(ctx)
	case err != nil && (in != nil || errors.As(err, new(*sunco.AmbiguousError))):
		s.say("The integration may still be installed: run this again, or remove it in Admin Center.")
	}
	return err
}

// install sends the browser away, and makes an installation of what it comes
// back with, which is not nil once there is a token. A program calls
// Client.Install for the last two steps.
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
	if errors.Is(err, sunco.ErrNoRegion) {
		err = errors.New("the app has no subdomain: set SUNCO_LEGACY_REGION to where it lives, us or eu")
	}
	if err != nil {
		return in, err
	}
	base, err := s.client.BaseURL(in)
	if err != nil {
		return in, err
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
	s.mark = "quickstart=" + rand.Text()[:8]
	if !s.confirm(fmt.Sprintf("Create up to 4 webhooks with target %s, marked %s, and delete them again? Others are left alone.", shown(s.target), s.mark)) {
		return nil
	}
	s.step("Create a webhook: " + s.mark + " in its target marks it as this run's")
	hook, err := s.client.CreateWebhook(ctx, in, s.wanted(1))
	if err != nil {
		return err
	}
	s.say("Webhook %s delivers to %s", hook.ID, shown(hook.Target))
	s.made = append(s.made, hook.ID)
	defer s.cleanUp(in)

	if err := s.change(ctx, in, hook.ID); err != nil {
		return err
	}

	s.step("Ensure others, until there is one too many")
	if err := s.tooMany(ctx, in); err != nil {
		return err
	}

	s.step("Delete what was created")
	for len(s.made) > 0 {
		if err := s.client.DeleteWebhook(ctx, in, s.made[0]); err != nil {
			return err
		}
		s.made = s.made[1:]
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
	ensured, err := s.ensure(ctx, in, 1)
	if err != nil {
		return err
	}
	s.say("Same webhook: %t. includeFullUser is %t again.", ensured.ID == id, ensured.IncludeFullUser)
	return nil
}

// tooMany ensures webhooks of other targets.
func (s *story) tooMany(ctx context.Context, in *sunco.Installation) error {
	for n := 2; n <= 4; n++ {
		_, err := s.ensure(ctx, in, n)
		var limit *sunco.WebhookLimitError
		if errors.As(err, &limit) {
			s.say("Refused: %d is all an integration may have.", len(limit.Existing))
			return nil
		}
		if err != nil {
			return err
		}
	}
	s.say("No limit met with %d webhooks.", len(s.made))
	return nil
}

// ensure ensures the nth webhook, and notes it when that made another one.
func (s *story) ensure(ctx context.Context, in *sunco.Installation, n int) (*sunco.Webhook, error) {
	hook, err := s.client.EnsureWebhook(ctx, in, s.wanted(n))
	if err == nil && !slices.Contains(s.made, hook.ID) {
		s.made = append(s.made, hook.ID)
	}
	return hook, err
}

// wanted is the nth webhook. EnsureWebhook goes by the target, and with this
// run's mark in it, it finds only what this run made.
func (s *story) wanted(n int) *sunco.Webhook {
	separator := "?"
	if strings.Contains(s.target, "?") {
		separator = "&"
	}
	return &sunco.Webhook{
		Target:   fmt.Sprintf("%s%s%s-%d", s.target, separator, s.mark, n),
		Triggers: []string{sunco.TriggerConversationMessage, sunco.TriggerConversationPostback},
	}
}

// cleanUp deletes what an error left behind.
func (s *story) cleanUp(in *sunco.Installation) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, id := range s.made {
		if err := s.client.DeleteWebhook(ctx, in, id); err != nil {
			s.say("Webhook %s is left: %v", id, err)
		}
	}
}

// revoke gives the access back, and reports whether it is known to be gone.
func (s *story) revoke(ctx context.Context, in *sunco.Installation) (bool, error) {
	if !s.confirm(fmt.Sprintf("Revoke the access to app %s? This removes the integration, with all its webhooks.", in.AppID)) {
		s.say("The integration stays installed, and this program forgets its token:")
		s.say("remove it in the customer's Admin Center, or run this again.")
		return false, nil
	}
	s.step("Revoke: the integration is removed, its token dies")
	if err := s.client.Revoke(ctx, in); err != nil {
		return false, err
	}
	if _, err := s.client.TokenInfo(ctx, in.Token); !errors.Is(err, sunco.ErrUnauthorized) {
		return false, fmt.Errorf("the token should be dead, but token info says: %v", err)
	}
	s.say("Token info confirms: the token is dead.")
	return true, nil
}

// hear waits to be told of the removal.
func (s *story) hear(ctx context.Context) error {
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
