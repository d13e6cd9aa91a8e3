// Hello is the smallest partner: a customer installs it, it answers whoever writes, and
// the customer removes it. Copy store with its method partner into a program of your
// own, and keep the installations in a database instead of a map.
//
//	go run ./examples/hello
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/messaging"
)

func main() { // an http.Server, and a sandbox if there are no credentials
	partner.Example{
		Name: "hello", About: "Hello is a bot that repeats what people write.", New: newStore().partner,
	}.Main()
}

// partner is the whole program but for its server.
func (s *store) partner(client *sunco.Client, publicURL string) (partner.Partner, error) {
	bot := &messaging.Bot{
		Client: client,
		OnMessage: func(ctx context.Context, c *messaging.Chat, m *messaging.Message) error {
			if said, ok := m.Content.(*messaging.TextMessage); ok {
				return c.SendText(ctx, "You said: "+said.Text)
			}
			return c.SendText(ctx, "I can read texts only.")
		},
	}
	installer := &sunco.Installer{
		Client: client,
		Save:   s.save,
		Webhook: &sunco.Webhook{
			Target:   publicURL + "/zendesk/events",
			Triggers: []string{sunco.TriggerConversationMessage},
		},
		InsecureCookie: strings.HasPrefix(publicURL, "http:"), // on this machine only
	}
	events := &sunco.EventHandler{Lookup: s.byKey, OnEvent: bot.OnEvent}
	removals := &sunco.RemovalHandler{Client: client, Lookup: s.byApp, OnRemoved: s.remove}
	mux := http.NewServeMux()
	mux.Handle("/zendesk/install", installer) // "Add to Zendesk" links here, and the browser comes back here
	mux.Handle("/zendesk/events", events)     // Zendesk delivers what happens in conversations
	mux.Handle("/zendesk/removed", removals)  // Zendesk says that a customer removed the integration
	return partner.Partner{Handler: mux, Close: func(ctx context.Context) error {
		return errors.Join(events.Close(ctx), removals.Close(ctx))
	}}, nil
}

// store keeps the installations in memory: by app, or by generation while the app is not
// known yet.
type store struct {
	mu   sync.Mutex
	rows map[string]*sunco.Installation
}

func newStore() *store { return &store{rows: map[string]*sunco.Installation{}} }

// save runs as soon as there is a token, and again when the installation is complete.
func (s *store) save(_ context.Context, in *sunco.Installation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.AppID == "" {
		s.rows[in.Generation()] = in
		return nil
	}
	delete(s.rows, in.Generation())
	s.rows[in.AppID] = in
	return nil
}

// byKey finds the customer whose webhook has a secret with this digest.
func (s *store) byKey(_ context.Context, digest [32]byte) (*sunco.Installation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.rows {
		for _, hook := range in.Webhooks {
			if sha256.Sum256([]byte(hook.Secret.Reveal())) == digest {
				return in, nil
			}
		}
	}
	return nil, nil
}

func (s *store) byApp(_ context.Context, appID string) (*sunco.Installation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows[appID], nil
}

// remove leaves a newer installation of the same app alone.
func (s *store) remove(_ context.Context, in *sunco.Installation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if row := s.rows[in.AppID]; row != nil && row.Generation() == in.Generation() {
		delete(s.rows, in.AppID)
	}
	return nil
}
