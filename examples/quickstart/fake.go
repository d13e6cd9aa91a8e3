package main

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/messaging"
	"github.com/sunco-go/sunco/suncotest"
)

// onFake tells the story inside this process.
func onFake(ctx context.Context, t *transcript) error {
	t.say("Nothing leaves this process: the platform is the fake of package suncotest.")
	t.say("-h explains how to do the same with Zendesk.")

	const public = "https://partner.example"
	platform := suncotest.New(suncotest.Config{ClientID: "quickstart", RemoveURL: public + partner.RemovedPath})
	defer platform.Close()
	client := &sunco.Client{
		ClientID:     "quickstart",
		ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
		RedirectURI:  public + partner.InstallPath,
		Marketplace:  sunco.Marketplace{Name: "Quickstart", OrganizationID: "12345", BotID: "42"},
		HTTPClient:   &http.Client{Transport: sent{platform.Client().Transport, t}},
	}
	server := newServer(client)
	defer func() { _ = server.removal.Close(ctx) }()
	people := &people{platform: platform, to: t, handled: make(chan error, 1)}
	server.events = people.receive(server, client)
	platform.Mount("partner.example", received(t, server.handler()))

	s := &story{
		transcript: t,
		server:     server,
		target:     public + partner.EventsPath,
		visit: func(ctx context.Context, authorizeURL string) (*http.Request, error) {
			back, err := platform.Allow(ctx, authorizeURL, suncotest.DefaultSubdomain)
			for _, r := range platform.Requests() {
				t.say("browser: %v", r)
			}
			if err != nil {
				return nil, err
			}
			t.say("The customer chose the account acme and pressed Allow.")
			return http.NewRequestWithContext(ctx, http.MethodGet, back.String(), nil)
		},
		confirm: func(string) bool { return true },
		patient: time.Minute,
		talk:    people.talk,
	}
	return s.tell(ctx)
}

// people are a visitor of the customer's and a human agent.
type people struct {
	platform *suncotest.Platform
	to       *transcript
	handled  chan error // one for each event
}

// receive returns the handler for the webhook, with a bot behind it.
func (p *people) receive(s *server, client *sunco.Client) http.Handler {
	bot := &messaging.Bot{Client: client, OnMessage: answer}
	return &sunco.EventHandler{
		Lookup: s.byKey,
		OnEvent: func(ctx context.Context, in *sunco.Installation, e *sunco.Event) error {
			err := bot.OnEvent(ctx, in, e)
			p.handled <- err
			return err
		},
	}
}

// answer repeats a text, and hands off to a human agent on request.
func answer(ctx context.Context, c *messaging.Chat, m *messaging.Message) error {
	said, _ := m.Content.(*messaging.TextMessage)
	if said == nil || !strings.Contains(said.Text, "human") {
		return c.SendText(ctx, "Hello! I am a bot. Would you like to talk to a human?")
	}
	return c.PassControl(ctx, messaging.AgentWorkspace, nil)
}

// talk has a person write to the bot until a human agent answers, and prints what was said.
func (p *people) talk(ctx context.Context, in *sunco.Installation) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, line := range []struct {
		text   string
		events int // that the bot handles: the line, and its own answer
	}{{"hello", 2}, {"a human, please", 1}, {"are you a human?", 1}} {
		if err := p.platform.Say(in.AppID, "ada", line.text); err != nil {
			return err
		}
		if err := p.wait(ctx, line.events); err != nil {
			return err
		}
	}
	conversation := p.platform.Conversations(in.AppID)[0].ID
	if err := p.platform.Answer(in.AppID, conversation, "I am. How can I help?"); err != nil {
		return err
	}
	if err := p.wait(ctx, 1); err != nil {
		return err
	}
	p.to.settle()
	p.to.say("The bot passed control at the second line, and was silent from then on:")
	for _, m := range p.platform.Conversations(in.AppID)[0].Messages {
		p.to.say("   %s: %s", cmp.Or(m.UserExternalID, m.AuthorSubtype, "bot"), m.Text)
	}
	return nil
}

// wait waits until the bot has handled some events.
func (p *people) wait(ctx context.Context, events int) error {
	for range events {
		select {
		case err := <-p.handled:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
