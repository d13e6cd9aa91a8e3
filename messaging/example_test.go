package messaging_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/messaging"
	"github.com/sunco-go/sunco/suncotest"
)

// newFake returns an App for a customer who installed the bot on a fake
// platform, where the user "shop-7" wrote "Hello" and "Coffee?", and the id of
// the conversation. The user's e-mail address is ada@example.com.
func newFake() (app messaging.App, conversation string, platform *suncotest.Platform) {
	platform = suncotest.New(suncotest.Config{})
	client := &sunco.Client{
		ClientID:     suncotest.DefaultClientID,
		ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
		HTTPClient:   platform.Client(),
	}
	ctx := context.Background()
	const state = "7Q2ZKX5VYB3M"
	authorizeURL, err := client.AuthorizeURL(state)
	if err != nil {
		log.Fatal(err)
	}
	back, err := platform.Allow(ctx, authorizeURL, "acme")
	if err != nil {
		log.Fatal(err)
	}
	code, err := sunco.ParseCallback(httptest.NewRequest(http.MethodGet, back.String(), nil), state)
	if err != nil {
		log.Fatal(err)
	}
	token, err := client.Exchange(ctx, code)
	if err != nil {
		log.Fatal(err)
	}
	in, err := client.Locate(ctx, &sunco.Installation{Token: token})
	if err != nil {
		log.Fatal(err)
	}
	for _, text := range []string{"Hello", "Coffee?"} {
		if err := platform.Say(in.AppID, "shop-7", text); err != nil {
			log.Fatal(err)
		}
	}
	app = messaging.App{Client: client, Installation: in}
	user, err := app.UpdateUser(ctx, "shop-7", messaging.UserUpdate{
		Profile: messaging.ProfileUpdate{Email: messaging.Set("ada@example.com")},
	})
	if err == nil {
		_, err = app.SyncUser(ctx, user.ZendeskID, "") // makes the address an identity
	}
	if err != nil {
		log.Fatal(err)
	}
	return app, platform.Conversations(in.AppID)[0].ID, platform
}

// answers returns an App whose calls are printed, and answered with the
// replies in turn.
func answers(replies ...string) messaging.App {
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		_, path, _ := strings.Cut(r.URL.Path, "/v2/apps/1")
		fmt.Println(r.Method, path)
		if r.Body != nil && r.Header.Get("Content-Type") == "application/json" {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			printWrapped(string(body))
		}
		reply := replies[0]
		replies = replies[1:]
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(reply))}, nil
	})
	return messaging.App{
		Client: &sunco.Client{ClientID: "shop-bot", HTTPClient: &http.Client{Transport: transport}},
		Installation: &sunco.Installation{
			AppID: "1", Subdomain: "acme", Token: sunco.Token{AccessToken: sunco.NewSecret("the-token-of-the-customer")},
		},
	}
}

// printWrapped prints JSON in lines of at most 90 bytes.
func printWrapped(body string) {
	line := "   "
	for member := range strings.SplitAfterSeq(body, ",") {
		if len(line)+len(member) > 90 {
			fmt.Println(line)
			line = "     "
		}
		line += " " + member
	}
	fmt.Println(line)
}

// A bot that answers with a menu and hands off to a human agent.
func ExampleBot() {
	app := answers(`{"messages":[{"id":"2"}]}`, `{"messages":[{"id":"4"}]}`, `{}`)
	bot := &messaging.Bot{
		Client: app.Client,
		OnMessage: func(ctx context.Context, c *messaging.Chat, m *messaging.Message) error {
			switch said := m.Content.(type) {
			case *messaging.TextMessage:
				if said.Payload != "HUMAN" {
					return c.Send(ctx, messaging.Text("Coffee?", messaging.Reply("A human", "HUMAN")))
				}
				if err := c.SendText(ctx, "One moment."); err != nil {
					return err
				}
				return c.PassControl(ctx, messaging.AgentWorkspace, messaging.Metadata{"first_message_id": m.ID})
			default: // also what did not exist when this was written
				return c.SendText(ctx, "I cannot read a "+m.Content.ContentType()+" yet.")
			}
		},
	}
	for _, payload := range []string{ // an EventHandler calls OnEvent
		`{"conversation":{"id":"c"},"message":{"id":"1","author":{"type":"user"},"content":{"type":"text","text":"hi"}}}`,
		`{"conversation":{"id":"c"},"message":{"id":"3","author":{"type":"user"},
			"content":{"type":"text","text":"A human","payload":"HUMAN"}}}`,
		`{"conversation":{"id":"c","activeSwitchboardIntegration":{"name":"zd-agentWorkspace"}},
			"message":{"id":"5","author":{"type":"user"},"content":{"type":"text","text":"still there?"}}}`,
	} {
		event := &sunco.Event{Type: sunco.TriggerConversationMessage, Payload: []byte(payload)}
		if err := bot.OnEvent(context.Background(), app.Installation, event); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// POST /conversations/c/messages
	//     {"author":{"type":"business"}, "content":{"type":"text", "text":"Coffee?",
	//       "actions":[{"type":"reply", "text":"A human", "payload":"HUMAN"}]}}
	// POST /conversations/c/messages
	//     {"author":{"type":"business"}, "content":{"type":"text", "text":"One moment."}}
	// POST /conversations/c/passControl
	//     {"switchboardIntegration":"zd-agentWorkspace", "metadata":{"first_message_id":"3"}}
}

func ExampleParseEvent() {
	event := &sunco.Event{
		Type:    sunco.TriggerConversationPostback,
		Payload: []byte(`{"postback":{"payload":"ESPRESSO"},"conversation":{"id":"c"},"user":{"id":"7"}}`),
	}
	switch e := messaging.ParseEvent(event).(type) {
	case *messaging.MessageEvent:
		fmt.Println("a message of", e.Message.Author.Type)
	case *messaging.PostbackEvent:
		fmt.Println(e.User.ID, "pressed", e.Payload)
	case *messaging.RawEvent:
		fmt.Println("unknown:", e.Type)
	}
	// Output: 7 pressed ESPRESSO
}

func ExampleSplitText() {
	text := strings.Repeat("All work and no play makes Jack a dull boy.\n", 200)
	for _, part := range messaging.SplitText(text) {
		fmt.Println(len(part))
	}
	// Output:
	// 4092
	// 4092
	// 616
}

func ExampleNullable() {
	for _, update := range []messaging.ConversationUpdate{
		{DisplayName: messaging.Set("Orders")},
		{DisplayName: messaging.Null[string]()},
	} {
		app := answers(`{"conversation":{"id":"c"}}`)
		if _, err := app.UpdateConversation(context.Background(), "c", update); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// PATCH /conversations/c
	//     {"displayName":"Orders"}
	// PATCH /conversations/c
	//     {"displayName":null}
}
