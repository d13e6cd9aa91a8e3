package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/partner"
)

// story is a partner's life. What differs between the fake platform and Zendesk itself is
// in its functions.
type story struct {
	*transcript
	*server
	target  string        // of the webhooks; empty: no webhook steps
	patient time.Duration // how long to wait for the call to the remove URL
	confirm func(question string) bool

	// visit sends a browser to the authorize URL and returns the request with which it
	// comes back.
	visit func(ctx context.Context, authorizeURL string) (*http.Request, error)

	// talk lets a person write, while there is a webhook. Nil: nobody writes.
	talk func(ctx context.Context, in *sunco.Installation) error

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
		s.say("Skipped: Zendesk cannot call a SUNCO_PUBLIC_URL on this machine.")
		return nil
	}
	s.mark = "quickstart=" + rand.Text()[:8]
	question := "Create up to 4 webhooks with target %s, marked %s, and delete them again? Others are left alone."
	if !s.confirm(fmt.Sprintf(question, s.target, s.mark)) {
		return nil
	}
	s.step("Create a webhook; " + s.mark + " in its target says that it is this run's")
	hook, err := s.client.CreateWebhook(ctx, in, s.wanted(1))
	if err != nil {
		return err
	}
	s.say("Webhook %s delivers to %s", hook.ID, hook.Target)
	s.made = append(s.made, hook.ID)
	defer s.cleanUp(in)

	if hook, err = s.change(ctx, in, hook.ID); err != nil {
		return err
	}
	in.Webhooks = []sunco.Webhook{*hook} // its secret authenticates what it delivers
	s.save(in)
	if err := s.converse(ctx, in); err != nil {
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
func (s *story) change(ctx context.Context, in *sunco.Installation, id string) (*sunco.Webhook, error) {
	s.step("List, get and update it")
	list, err := s.client.ListWebhooks(ctx, in)
	if err != nil {
		return nil, err
	}
	if _, err := s.client.GetWebhook(ctx, in, id); err != nil {
		return nil, err
	}
	updated, err := s.client.UpdateWebhook(ctx, in, id, sunco.WebhookUpdate{IncludeFullUser: new(true)})
	if err != nil {
		return nil, err
	}
	s.say("%d in the list. includeFullUser is %t, and the %d triggers stayed.",
		len(list), updated.IncludeFullUser, len(updated.Triggers))

	s.step("Ensure that it is as wanted: it is found by its target, and what differs is changed")
	ensured, err := s.ensure(ctx, in, 1)
	if err != nil {
		return nil, err
	}
	s.say("Same webhook: %t. includeFullUser is %t again.", ensured.ID == id, ensured.IncludeFullUser)
	return ensured, nil
}

// converse lets a person write, if there is one.
func (s *story) converse(ctx context.Context, in *sunco.Installation) error {
	s.step("A person writes, the bot answers, and a human agent takes over")
	if s.talk == nil {
		s.say("Left out: with Zendesk a person would have to write. examples/bot is a bot to write to.")
		return nil
	}
	return s.talk(ctx, in)
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
	return &sunco.Webhook{
		Target:   fmt.Sprintf("%s?%s-%d", s.target, s.mark, n),
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

// server is the server of a partner that stores one customer.
type server struct {
	client  *sunco.Client
	events  http.Handler // of the webhooks' target
	removal sunco.RemovalHandler
	removed chan string // app ids that were deleted

	mu     sync.Mutex
	stored *sunco.Installation
}

func newServer(client *sunco.Client) *server {
	s := &server{client: client, removed: make(chan string, 1)}
	s.events = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK) // Zendesk sends HEAD before it creates a webhook
	})
	s.removal = sunco.RemovalHandler{Client: client, Lookup: s.lookup, OnRemoved: s.delete}
	return s
}

// handler serves the webhook's target and the remove URL.
func (s *server) handler() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle(partner.EventsPath, s.events)
	mux.Handle(partner.RemovedPath, &s.removal)
	return mux
}

func (s *server) save(in *sunco.Installation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stored = in
}

func (s *server) lookup(_ context.Context, appID string) (*sunco.Installation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stored == nil || s.stored.AppID != appID {
		return nil, nil
	}
	return s.stored, nil
}

func (s *server) byKey(_ context.Context, digest [32]byte) (*sunco.Installation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stored == nil || !slices.ContainsFunc(s.stored.Webhooks, func(hook sunco.Webhook) bool {
		return sha256.Sum256([]byte(hook.Secret.Reveal())) == digest
	}) {
		return nil, nil
	}
	return s.stored, nil
}

// delete compares the generation, because the customer may have installed again.
func (s *server) delete(_ context.Context, in *sunco.Installation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stored != nil && s.stored.Generation() == in.Generation() {
		s.stored = nil
		s.removed <- in.AppID
	}
	return nil
}
