package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sunco-go/sunco"
)

// story is a partner's life. What differs between the fake platform and Zendesk itself is
// in its functions.
type story struct {
	*transcript
	*partner
	target  string        // of the webhook; empty: no webhook steps
	patient time.Duration // how long to wait for the call to the remove URL
	confirm func(question string) bool

	// visit sends a browser to the authorize URL and returns the request with which it
	// comes back.
	visit func(ctx context.Context, authorizeURL string) (*http.Request, error)

	mark string   // of this run, in the targets of its webhooks
	made []string // ids of the webhooks that this run made and has not deleted
}

func (s *story) tell(ctx context.Context) error {
	in, err := s.install(ctx)
	if err == nil {
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

// install does by hand what a [sunco.Installer] does. The installation that it returns is
// not nil as soon as there is a token.
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
	s.say("The browser came back with a code and the right state.")

	s.step("Exchange the code for a token, and save the token at once")
	token, err := s.client.Exchange(ctx, code)
	if err != nil {
		return nil, err
	}
	in := &sunco.Installation{Token: token}
	s.save(in)
	s.say("Saved: whatever fails from here on, the token is not lost.")

	s.step("Ask token info which app the token is for, and save that")
	in, err = s.client.Locate(ctx, in)
	if errors.Is(err, sunco.ErrNoRegion) {
		err = errors.New("the app has no subdomain: set SUNCO_LEGACY_REGION to its region, us or eu")
	}
	if err != nil {
		return in, err
	}
	s.save(in)
	base, err := s.client.BaseURL(in)
	if err != nil {
		return in, err
	}
	s.say("App %s is at %s", in.AppID, base)
	return in, nil
}

// webhooks makes every call that there is for webhooks.
func (s *story) webhooks(ctx context.Context, in *sunco.Installation) error {
	if s.target == "" {
		s.step("Webhooks")
		s.say("Skipped: SUNCO_WEBHOOK_TARGET is not set.")
		return nil
	}
	s.mark = "quickstart=" + rand.Text()[:8]
	question := "Create up to 4 webhooks with target %s, marked %s, and delete them again? Others are left alone."
	if !s.confirm(fmt.Sprintf(question, shown(s.target), s.mark)) {
		return nil
	}
	s.step("Create a webhook; " + s.mark + " in its target says that it is this run's")
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

	s.step("Ensure others, up to the limit of an integration")
	if err := s.tooMany(ctx, in); err != nil {
		return err
	}

	s.step("Delete the webhooks that were created")
	for len(s.made) > 0 {
		if err := s.client.DeleteWebhook(ctx, in, s.made[0]); err != nil {
			return err
		}
		s.made = s.made[1:]
	}
	return nil
}

// change reads and changes one webhook.
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
	s.say("%d in the list. includeFullUser is %t, and the %d triggers stayed.",
		len(list), updated.IncludeFullUser, len(updated.Triggers))

	s.step("Ensure that it is as wanted: it is found by its target, and what differs is changed")
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
			s.say("Refused: an integration may have %d webhooks.", len(limit.Existing))
			return nil
		}
		if err != nil {
			return err
		}
	}
	s.say("No limit was reached with %d webhooks.", len(s.made))
	return nil
}

// ensure ensures the nth webhook, and records it if it is new.
func (s *story) ensure(ctx context.Context, in *sunco.Installation, n int) (*sunco.Webhook, error) {
	hook, err := s.client.EnsureWebhook(ctx, in, s.wanted(n))
	if err == nil && !slices.Contains(s.made, hook.ID) {
		s.made = append(s.made, hook.ID)
	}
	return hook, err
}

// wanted is the nth webhook. EnsureWebhook finds webhooks by their target. This run's mark
// is in it, so it finds only those that this run made.
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

// cleanUp deletes the webhooks that an error left behind.
func (s *story) cleanUp(in *sunco.Installation) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, id := range s.made {
		if err := s.client.DeleteWebhook(ctx, in, id); err != nil {
			s.say("Webhook %s is left: %v", id, err)
		}
	}
}

// revoke gives the access back, and reports whether it is confirmed to have ended.
func (s *story) revoke(ctx context.Context, in *sunco.Installation) (bool, error) {
	question := "Revoke the access to app %s? This removes the integration with all its webhooks."
	if !s.confirm(fmt.Sprintf(question, in.AppID)) {
		s.say("The integration stays installed, and this program forgets its token.")
		s.say("Remove the integration in the customer's Admin Center, or run this again.")
		return false, nil
	}
	s.step("Revoke the access: the integration is removed and its token dies")
	if err := s.client.Revoke(ctx, in); err != nil {
		return false, err
	}
	if _, err := s.client.TokenInfo(ctx, in.Token); !errors.Is(err, sunco.ErrUnauthorized) {
		return false, fmt.Errorf("token info does not confirm that the token is dead: %v", err)
	}
	s.say("Token info confirms that the token is dead.")
	return true, nil
}

// hear waits for the call to the remove URL.
func (s *story) hear(ctx context.Context) error {
	s.step("Receive the call to the remove URL, and check it at the bridge")
	select {
	case appID := <-s.removed:
		s.say("App %s is gone, and its installation is deleted.", appID)
	case <-time.After(s.patient):
		s.say("No call within %v. Does the remove URL that is registered lead to this program?", s.patient)
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// partner is the server of a partner that stores one customer.
type partner struct {
	client  *sunco.Client
	removal sunco.RemovalHandler
	removed chan string // app ids that were deleted

	mu     sync.Mutex
	stored *sunco.Installation
}

func newPartner(client *sunco.Client) *partner {
	p := &partner{client: client, removed: make(chan string, 1)}
	p.removal = sunco.RemovalHandler{Client: client, Lookup: p.lookup, OnRemoved: p.delete}
	return p
}

// handler serves the webhook's target and the remove URL.
func (p *partner) handler() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/zendesk/events", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK) // Zendesk sends HEAD before it creates a webhook
	})
	mux.Handle("/zendesk/removed", &p.removal)
	return mux
}

func (p *partner) save(in *sunco.Installation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stored = in
}

func (p *partner) lookup(_ context.Context, appID string) (*sunco.Installation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stored == nil || p.stored.AppID != appID {
		return nil, nil
	}
	return p.stored, nil
}

// delete compares the generation, because the customer may have installed again.
func (p *partner) delete(_ context.Context, in *sunco.Installation) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stored != nil && p.stored.Generation() == in.Generation() {
		p.stored = nil
		p.removed <- in.AppID
	}
	return nil
}
