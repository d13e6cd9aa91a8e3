package messaging_test

import (
	"context"
	"fmt"
	"log"

	"github.com/sunco-go/sunco/messaging"
	"github.com/sunco-go/sunco/suncotest"
)

func ExampleApp_CreateConversation() {
	app, _, platform := newFake()
	defer platform.Close()
	created, err := app.CreateConversation(context.Background(), messaging.ConversationCreate{
		Type:         messaging.ConversationPersonal,
		DisplayName:  "Orders",
		Participants: []messaging.Join{{Person: messaging.Person{UserExternalID: "shop-7"}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(created.Type, created.DisplayName)
	// Output: personal Orders
}

func ExampleApp_ListConversations() {
	app, conversation, platform := newFake()
	defer platform.Close()
	shop7 := messaging.Person{UserExternalID: "shop-7"}
	page, err := app.ListConversations(context.Background(), shop7, messaging.Cursor{Size: 10})
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range page.Items {
		fmt.Println(c.ID == conversation, c.Type)
	}
	fmt.Println("more:", page.HasMore)
	// Output:
	// true personal
	// more: false
}

func ExampleApp_Conversations() {
	app, conversation, platform := newFake()
	defer platform.Close()
	shop7 := messaging.Person{UserExternalID: "shop-7"}
	for c, err := range app.Conversations(context.Background(), shop7) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(c.ID == conversation, c.Type)
	}
	// Output: true personal
}

func ExampleApp_GetConversation() {
	app, conversation, platform := newFake()
	defer platform.Close()
	c, err := app.GetConversation(context.Background(), conversation)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Type)
	// Output: personal
}

func ExampleApp_UpdateConversation() {
	app, conversation, platform := newFake()
	defer platform.Close()
	c, err := app.UpdateConversation(context.Background(), conversation, messaging.ConversationUpdate{
		DisplayName: messaging.Set("Orders"),
		Metadata:    messaging.Set(messaging.Metadata{"cups": 3}),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.DisplayName, c.Metadata["cups"])
	// Output: Orders 3
}

func ExampleApp_DeleteConversation() {
	app, _, platform := newFake()
	defer platform.Close()
	group, err := app.CreateConversation(context.Background(), messaging.ConversationCreate{
		Type: messaging.ConversationGroup,
	})
	if err != nil {
		log.Fatal(err)
	}
	err = app.DeleteConversation(context.Background(), group.ID) // the default one stays
	fmt.Println(err)
	// Output: <nil>
}

func ExampleApp_JoinConversation() {
	app, _, platform := newFake()
	defer platform.Close()
	ctx := context.Background()
	group, err := app.CreateConversation(ctx, messaging.ConversationCreate{Type: messaging.ConversationGroup})
	if err != nil {
		log.Fatal(err)
	}
	participant, err := app.JoinConversation(ctx, group.ID, messaging.Join{
		Person: messaging.Person{UserExternalID: "shop-7"}, SubscribeSDKClient: new(true),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(participant.UserExternalID)
	// Output: shop-7
}

func ExampleApp_ListParticipants() {
	app, conversation, platform := newFake()
	defer platform.Close()
	page, err := app.ListParticipants(context.Background(), conversation, messaging.Cursor{Size: 10})
	if err != nil {
		log.Fatal(err)
	}
	for _, participant := range page.Items {
		fmt.Println(participant.UserExternalID)
	}
	fmt.Println("more:", page.HasMore)
	// Output:
	// shop-7
	// more: false
}

func ExampleApp_Participants() {
	app, conversation, platform := newFake()
	defer platform.Close()
	for participant, err := range app.Participants(context.Background(), conversation) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(participant.UserExternalID)
	}
	// Output: shop-7
}

func ExampleApp_LeaveConversation() {
	app, _, platform := newFake()
	defer platform.Close()
	group, err := app.CreateConversation(context.Background(), messaging.ConversationCreate{
		Type:         messaging.ConversationGroup,
		Participants: []messaging.Join{{Person: messaging.Person{UserExternalID: "shop-7"}, SubscribeSDKClient: new(true)}},
	})
	if err != nil {
		log.Fatal(err)
	}
	err = app.LeaveConversation(context.Background(), group.ID, messaging.Leaver{
		Person: messaging.Person{UserExternalID: "shop-7"},
	})
	fmt.Println(err)
	// Output: <nil>
}

func ExampleApp_PassControl() {
	app, conversation, platform := newFake()
	defer platform.Close()
	err := app.PassControl(context.Background(), conversation, messaging.AgentWorkspace, nil)
	if err != nil {
		log.Fatal(err)
	}
	c, err := app.GetConversation(context.Background(), conversation)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.ActiveSwitchboardIntegration.Name)
	// Output: zd-agentWorkspace
}

func ExampleApp_ReleaseControl() {
	app, conversation, platform := newFake()
	defer platform.Close()
	err := app.ReleaseControl(context.Background(), conversation, nil)
	if err != nil {
		log.Fatal(err)
	}
	c, err := app.GetConversation(context.Background(), conversation)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.ActiveSwitchboardIntegration)
	// Output: <nil>
}

func ExampleApp_OfferControl() {
	app, conversation, platform := newFake()
	defer platform.Close()
	err := app.OfferControl(context.Background(), conversation, messaging.AgentWorkspace, nil)
	if err != nil {
		log.Fatal(err)
	}
	c, err := app.GetConversation(context.Background(), conversation)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.PendingSwitchboardIntegration.Name)
	// Output: zd-agentWorkspace
}

func ExampleApp_AcceptControl() {
	app, conversation, platform := newFake()
	defer platform.Close()
	_ = platform.PassControl(app.Installation.AppID, conversation, messaging.AgentWorkspace)
	_ = platform.OfferControl(app.Installation.AppID, conversation, suncotest.DefaultClientID)

	err := app.AcceptControl(context.Background(), conversation, nil) // after switchboard:offerControl
	if err != nil {
		log.Fatal(err)
	}
	c, err := app.GetConversation(context.Background(), conversation)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.ActiveSwitchboardIntegration.Name)
	// Output: shoplifter
}

func ExampleApp_PostActivity() {
	app, conversation, platform := newFake()
	defer platform.Close()
	err := app.PostActivity(context.Background(), conversation, messaging.Activity{Type: messaging.ActivityTypingStart})
	fmt.Println(err)
	// Output: <nil>
}
