package messaging_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/messaging"
	"github.com/sunco-go/sunco/suncotest"
)

// newFake returns an App for a customer who installed the bot on a fake
// platform.
func newFake() (messaging.App, func()) {
	platform := suncotest.New(suncotest.Config{})
	platform.Mount("partner.example", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
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
	return messaging.App{Client: client, Installation: in}, platform.Close
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

func ExampleApp_PostMessage() {
	app, closeFake := newFake()
	defer closeFake()
	ctx := context.Background()
	user, err := app.CreateUser(ctx, messaging.UserCreate{ExternalID: "shop-7"})
	if err != nil {
		log.Fatal(err)
	}
	conversation, err := app.CreateConversation(ctx, messaging.ConversationCreate{
		Type:         messaging.ConversationPersonal,
		Participants: []messaging.Join{{Person: messaging.Person{UserID: user.ID}}},
	})
	if err != nil {
		log.Fatal(err)
	}

	posted, err := app.PostMessage(ctx, conversation.ID, messaging.MessagePost{
		Content: messaging.Carousel(messaging.Item{
			Title: "Espresso",
			Actions: messaging.Actions(
				messaging.Postback("Order", "ESPRESSO"), messaging.Link("About it", "https://shop.example/espresso")),
		}),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(posted[0].Author.Type, posted[0].Content.ContentType())

	_, err = app.PostMessage(ctx, conversation.ID, messaging.MessagePost{Content: messaging.Text("")})
	fmt.Println(err)
	// Output:
	// business carousel
	// sunco: content.text: empty, and there is no htmlText, markdownText or action either
}

func ExampleApp_Messages() {
	app, closeFake := newFake()
	defer closeFake()
	ctx := context.Background()
	conversation, err := app.CreateConversation(ctx, messaging.ConversationCreate{Type: messaging.ConversationGroup})
	if err != nil {
		log.Fatal(err)
	}
	for _, text := range []string{"one", "two", "three"} {
		if _, err := app.PostMessage(ctx, conversation.ID, messaging.MessagePost{Content: messaging.Text(text)}); err != nil {
			log.Fatal(err)
		}
	}
	for m, err := range app.Messages(ctx, conversation.ID) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Content.(*messaging.TextMessage).Text)
	}
	// Output:
	// three
	// two
	// one
}

func ExampleApp_GetUser() {
	app, closeFake := newFake()
	defer closeFake()
	ctx := context.Background()
	_, err := app.GetUser(ctx, "shop-7") // an external id
	fmt.Println(errors.Is(err, sunco.ErrNotFound))

	if _, err = app.CreateUser(ctx, messaging.UserCreate{ExternalID: "shop-7"}); err != nil {
		log.Fatal(err)
	}
	user, err := app.GetUser(ctx, "shop-7")
	fmt.Println(user.ExternalID, err)
	// Output:
	// true
	// shop-7 <nil>
}

func ExampleApp_UpdateUser() {
	app := answers(`{"user":{"id":"7","profile":{"givenName":"Ada"}}}`)
	user, err := app.UpdateUser(context.Background(), "7", messaging.UserUpdate{
		Profile: messaging.ProfileUpdate{GivenName: messaging.Set("Ada"), Email: messaging.Null[string]()},
	})
	fmt.Println(user.Profile.GivenName, err)
	// Output:
	// PATCH /users/7
	//     {"profile":{"givenName":"Ada", "email":null}}
	// Ada <nil>
}

func ExampleApp_CreateClient() {
	app := answers(`{"client":{"id":"8","type":"whatsapp","status":"pending"}}`)
	client, err := app.CreateClient(context.Background(), "7", messaging.ClientCreate{
		MatchCriteria: messaging.MatchCriteria{
			Type: messaging.ChannelWhatsApp, IntegrationID: "9", PhoneNumber: "+44 20 7946 0000",
		},
		Confirmation:   messaging.Confirmation{Type: messaging.ConfirmImmediate},
		ConversationID: "c",
	})
	fmt.Println(client.Status, err)
	// Output:
	// POST /users/7/clients
	//     {"matchCriteria":{"type":"whatsapp", "integrationId":"9",
	//       "phoneNumber":"+44 20 7946 0000"}, "confirmation":{"type":"immediate"},
	//       "target":{"conversationId":"c"}}
	// pending <nil>
}

func ExampleApp_ListDevices() {
	app := answers(`{"devices":[{"id":"3","type":"web"}]}`)
	devices, err := app.ListDevices(context.Background(), "7")
	fmt.Println(len(devices), devices[0].Type, err)
	// Output:
	// GET /users/7/devices
	// 1 web <nil>
}

func ExampleApp_UpdateConversation() {
	app := answers(`{"conversation":{"id":"c","displayName":"Orders"}}`)
	conversation, err := app.UpdateConversation(context.Background(), "c", messaging.ConversationUpdate{
		DisplayName: messaging.Set("Orders"),
		Metadata:    messaging.Set(messaging.Metadata{"cups": 3}),
	})
	fmt.Println(conversation.DisplayName, err)
	// Output:
	// PATCH /conversations/c
	//     {"displayName":"Orders", "metadata":{"cups":3}}
	// Orders <nil>
}

func ExampleApp_Conversations() {
	app, closeFake := newFake()
	defer closeFake()
	ctx := context.Background()
	ada := messaging.Person{UserExternalID: "shop-7"}
	if _, err := app.CreateUser(ctx, messaging.UserCreate{ExternalID: ada.UserExternalID}); err != nil {
		log.Fatal(err)
	}
	if _, err := app.CreateConversation(ctx, messaging.ConversationCreate{
		Type: messaging.ConversationPersonal, DisplayName: "Orders", Participants: []messaging.Join{{Person: ada}},
	}); err != nil {
		log.Fatal(err)
	}
	for c, err := range app.Conversations(ctx, ada) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(c.Type, c.DisplayName)
	}
	// Output: personal Orders
}

func ExampleApp_JoinConversation() {
	app := answers(`{"participant":{"id":"p","userId":"7"}}`, `{}`)
	ctx := context.Background()
	participant, err := app.JoinConversation(ctx, "c", messaging.Join{
		Person: messaging.Person{UserID: "7"}, SubscribeSDKClient: new(true),
	})
	if err != nil {
		log.Fatal(err)
	}
	err = app.LeaveConversation(ctx, "c", messaging.Leaver{ParticipantID: participant.ID})
	fmt.Println(err)
	// Output:
	// POST /conversations/c/join
	//     {"userId":"7", "subscribeSDKClient":true}
	// POST /conversations/c/leave
	//     {"participantId":"p"}
	// <nil>
}

func ExampleApp_PassControl() {
	app := answers(`{}`, `{"conversation":{"id":"c","activeSwitchboardIntegration":{"name":"zd-agentWorkspace"}}}`)
	ctx := context.Background()
	if err := app.PassControl(ctx, "c", messaging.AgentWorkspace, nil); err != nil {
		log.Fatal(err)
	}
	conversation, err := app.GetConversation(ctx, "c")
	fmt.Println(conversation.ActiveSwitchboardIntegration.Name, err)
	// Output:
	// POST /conversations/c/passControl
	//     {"switchboardIntegration":"zd-agentWorkspace"}
	// GET /conversations/c
	// zd-agentWorkspace <nil>
}

func ExampleApp_PostActivity() {
	app := answers(`{}`)
	err := app.PostActivity(context.Background(), "c", messaging.Activity{Type: messaging.ActivityTypingStart})
	fmt.Println(err)
	// Output:
	// POST /conversations/c/activity
	//     {"type":"typing:start", "author":{"type":"business"}}
	// <nil>
}

func ExampleApp_UploadAttachment() {
	app := answers(
		`{"attachment":{"mediaUrl":"https://acme.zendesk.com/sc/attachments/v2/1/menu.pdf"}}`, `{"messages":[{"id":"1"}]}`)
	ctx := context.Background()
	upload := messaging.BytesUpload("menu.pdf", []byte("%PDF-1.7")) // or FileUpload("menu.pdf")
	upload.ConversationID = "c"
	attachment, err := app.UploadAttachment(ctx, upload)
	if err != nil {
		log.Fatal(err)
	}
	_, err = app.PostMessage(ctx, "c", messaging.MessagePost{Content: messaging.File(attachment.MediaURL)})
	fmt.Println(err)
	// Output:
	// POST /attachments
	// POST /conversations/c/messages
	//     {"author":{"type":"business"}, "content":{"type":"file",
	//       "mediaUrl":"https://acme.zendesk.com/sc/attachments/v2/1/menu.pdf"}}
	// <nil>
}

func ExampleApp_DownloadMessageRef() {
	app := answers(`{"bid":"com.example.shop"}`)
	err := app.DownloadMessageRef(context.Background(), "c", messaging.MessageRef{
		UserID: "7",
		Apple:  &messaging.AppleMessageRef{InteractiveDataRef: messaging.InteractiveDataRef{URL: "https://media.example/1"}},
	}, os.Stdout)
	fmt.Println("", err)
	// Output:
	// POST /conversations/c/download
	//     {"userId":"7", "apple":{"interactiveDataRef":{"url":"https://media.example/1",
	//       "bid":"", "key":"", "signature":"", "owner":""}}}
	// {"bid":"com.example.shop"} <nil>
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
