// Bot is a bot that a Marketplace review would pass: an administrator installs it, it
// answers with every kind of message that a review asks for, and hands off to a human
// agent and back. Without configuration it opens on a fake of Zendesk; -h explains the
// configuration.
//
//	go run ./examples/bot
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // for DATABASE_URL
	_ "modernc.org/sqlite"             // for SUNCO_STORE_FILE

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/messaging"
)

func main() {
	partner.Example{
		Name:  "bot",
		About: "Bot runs a restaurant: it shows the menu, takes orders and bookings, and calls a human.",
		Help:  partner.StoreHelp,
		New: func(client *sunco.Client, publicURL string) (partner.Partner, error) {
			store, err := partner.OpenStore(context.Background(), "bot", os.Getenv, client)
			if err != nil {
				return partner.Partner{}, err
			}
			return newPartner(client, publicURL, store), nil
		},
	}.Main()
}

func newPartner(client *sunco.Client, publicURL string, store *partner.Store) partner.Partner {
	webhook := &sunco.Webhook{
		Target: publicURL + partner.EventsPath,
		Triggers: []string{
			sunco.TriggerConversationCreate,
			sunco.TriggerConversationMessage,
			sunco.TriggerConversationPostback,
			sunco.TriggerSwitchboardPassControl,
			sunco.TriggerSwitchboardPassControlFailure,
			sunco.TriggerSwitchboardReleaseControl,
		},
	}
	events := &sunco.EventHandler{Lookup: store.ByKey, OnEvent: store.Enqueue}
	removals := &sunco.RemovalHandler{Client: client, Lookup: store.ForRemoval, OnRemoved: store.Delete}
	mux := http.NewServeMux()
	mux.Handle(partner.InstallPath, &sunco.Installer{
		Client:         client,
		FirstUse:       store.FirstUse,
		Save:           store.Save,
		Webhook:        webhook,
		InsecureCookie: strings.HasPrefix(publicURL, "http:"), // on this machine only
	})
	mux.Handle(partner.EventsPath, events)
	mux.Handle(partner.RemovedPath, removals)
	return partner.Partner{
		Handler: mux,
		Start:   func(ctx context.Context) { store.Run(ctx, client, webhook, newBot(client).OnEvent) },
		Close: func(ctx context.Context) error {
			return errors.Join(events.Close(ctx), removals.Close(ctx), store.Close())
		},
	}
}

func newBot(client *sunco.Client) *messaging.Bot {
	return &messaging.Bot{
		Client:     client,
		OnMessage:  onMessage,
		OnPostback: onPostback,
		OnControl:  onControl,
		OnOther: func(ctx context.Context, c *messaging.Chat, payload any) error {
			e, created := payload.(*messaging.ConversationCreateEvent)
			if created && e.CreationReason != messaging.CreatedByMessage && c.InControl() {
				return greet(ctx, c) // a person who opened the messenger and wrote nothing yet
			}
			return nil
		},
	}
}

func greet(ctx context.Context, c *messaging.Chat) error {
	return c.Send(ctx, messaging.Text("Hello! I am the bot of this restaurant. What can I do for you?",
		messaging.Reply("Show the menu", "menu"),
		messaging.Reply("Book a table", "book"),
		messaging.Reply("Talk to a human", "human")))
}

func onMessage(ctx context.Context, c *messaging.Chat, m *messaging.Message) error {
	_ = c.Typing(ctx) // nothing is lost without it
	switch said := m.Content.(type) {
	case *messaging.TextMessage:
		switch text := strings.ToLower(cmp.Or(said.Payload, said.Text)); {
		case strings.Contains(text, "human"):
			return handOff(ctx, c)
		case strings.Contains(text, "menu"):
			return c.Send(ctx, messaging.Carousel(dishes()...))
		case strings.Contains(text, "book"):
			return c.Send(ctx, bookingForm())
		}
		return greet(ctx, c)
	case *messaging.FormResponseMessage:
		return booked(ctx, c, said)
	case *messaging.ImageMessage:
		return file(ctx, c, said.MediaURL, said.MediaSize)
	case *messaging.FileMessage:
		return file(ctx, c, said.MediaURL, said.MediaSize)
	default: // also what did not exist when this was written
		return c.SendText(ctx, "I cannot read a "+m.Content.ContentType()+" yet.")
	}
}

func dishes() []messaging.Item {
	return []messaging.Item{
		{Title: "Tacos", Description: "Three, with beans", Actions: messaging.Actions(
			messaging.Postback("Order", "order Tacos"), messaging.Link("Recipe", "https://example.org/tacos"))},
		{Title: "Ramen", Description: "With an egg", Actions: messaging.Actions(
			messaging.Postback("Order", "order Ramen"), messaging.Link("Recipe", "https://example.org/ramen"))},
	}
}

func onPostback(ctx context.Context, c *messaging.Chat, p *messaging.PostbackEvent) error {
	switch verb, dish, _ := strings.Cut(p.Payload, " "); verb {
	case "order":
		return c.Send(ctx, messaging.Text(dish+", is that right?",
			messaging.Postback("Yes, order", "confirm "+dish), messaging.Postback("No", "cancel")))
	case "confirm":
		return c.SendText(ctx, dish+" will be with you in half an hour.")
	}
	return c.SendText(ctx, "Nothing was ordered.")
}

func bookingForm() *messaging.FormMessage {
	return messaging.Form(
		messaging.FormField{Type: messaging.FieldText, Name: "name", Label: "Your name"},
		messaging.FormField{Type: messaging.FieldEmail, Name: "email", Label: "Your e-mail address"},
		messaging.FormField{Type: messaging.FieldSelect, Name: "guests", Label: "How many are you?",
			Options: []messaging.FormOption{{Name: "2", Label: "Two"}, {Name: "4", Label: "Up to four"}}})
}

func booked(ctx context.Context, c *messaging.Chat, form *messaging.FormResponseMessage) error {
	answers := map[string]string{}
	for _, field := range form.Fields {
		answers[field.Name] = field.Text + field.Email
		if len(field.Select) > 0 {
			answers[field.Name] = strings.ToLower(field.Select[0].Label)
		}
	}
	return c.SendText(ctx, fmt.Sprintf("Thank you, %s: a table for %s. I will write to %s.",
		answers["name"], answers["guests"], answers["email"]))
}

// file reads a file and forgets it. Zendesk keeps it for the agents.
func file(ctx context.Context, c *messaging.Chat, mediaURL string, size int64) error {
	if err := c.App.Client.Download(ctx, c.App.Installation, mediaURL, io.Discard); err != nil {
		return errors.Join(err, c.SendText(ctx, "I cannot open your file. Please send it again."))
	}
	return c.SendText(ctx, fmt.Sprintf("I have your file of %d bytes.", size))
}

// handOff gives the conversation to a human agent, whose ticket then begins with the
// oldest of the last hundred messages.
func handOff(ctx context.Context, c *messaging.Chat) error {
	first, n := "", 0
	for m, err := range c.App.Messages(ctx, c.Conversation.ID) { // the newest first
		if err != nil {
			return err
		}
		if first, n = m.ID, n+1; n == 100 {
			break
		}
	}
	err := c.PassControl(ctx, messaging.AgentWorkspace, messaging.Metadata{"first_message_id": first})
	if err != nil {
		return errors.Join(err, c.SendText(ctx, "I cannot reach a human right now. Please try again."))
	}
	return c.SendText(ctx, "A human will answer here. I am silent until then.")
}

// onControl says that the bot is back, and not that it is not.
func onControl(ctx context.Context, c *messaging.Chat, p *messaging.SwitchboardEvent) error {
	switch {
	case !c.InControl():
		return nil
	case p.Error != nil:
		return c.SendText(ctx, "Nobody can take over right now, so I am still here.")
	}
	return c.SendText(ctx, "I am back. What else can I do for you?")
}
