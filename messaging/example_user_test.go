package messaging_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/messaging"
)

func ExampleApp_CreateUser() {
	app, _, platform := newFake()
	defer platform.Close()
	user, err := app.CreateUser(context.Background(), messaging.UserCreate{
		ExternalID: "shop-8",
		Profile:    messaging.Profile{GivenName: "Ada"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(user.ExternalID, user.Profile.GivenName)
	// Output: shop-8 Ada
}

func ExampleApp_ListUsers() {
	app, _, platform := newFake()
	defer platform.Close()
	users, err := app.ListUsers(context.Background(), "ada@example.com")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(users), users[0].ExternalID)
	// Output: 1 shop-7
}

func ExampleApp_GetUser() {
	app, _, platform := newFake()
	defer platform.Close()
	user, err := app.GetUser(context.Background(), "shop-7") // the id works, too
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(user.ExternalID)

	_, err = app.GetUser(context.Background(), "shop-9")
	fmt.Println(errors.Is(err, sunco.ErrNotFound))
	// Output:
	// shop-7
	// true
}

func ExampleApp_UpdateUser() {
	app, _, platform := newFake()
	defer platform.Close()
	user, err := app.UpdateUser(context.Background(), "shop-7", messaging.UserUpdate{
		Profile: messaging.ProfileUpdate{
			GivenName: messaging.Set("Ada"),
			Email:     messaging.Null[string](), // clears it
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(user.Profile.GivenName)
	// Output: Ada
}

func ExampleApp_DeleteUser() {
	app, _, platform := newFake()
	defer platform.Close()
	if err := app.DeleteUser(context.Background(), "shop-7"); err != nil {
		log.Fatal(err)
	}
	_, err := app.GetUser(context.Background(), "shop-7")
	fmt.Println(errors.Is(err, sunco.ErrNotFound))
	// Output: true
}

func ExampleApp_DeleteUserPersonalInformation() {
	app, _, platform := newFake()
	defer platform.Close()
	user, err := app.DeleteUserPersonalInformation(context.Background(), "shop-7")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(user.ExternalID, user.Profile.GivenName == "")
	// Output: shop-7 true
}

func ExampleApp_SyncUser() {
	app, _, platform := newFake()
	defer platform.Close()
	user, err := app.GetUser(context.Background(), "shop-7")
	if err != nil {
		log.Fatal(err)
	}
	user, err = app.SyncUser(context.Background(), user.ZendeskID, "") // merges with no other user
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(user.ExternalID)
	// Output: shop-7
}

func ExampleApp_CreateClient() {
	app, conversation, platform := newFake()
	defer platform.Close()
	client, err := app.CreateClient(context.Background(), "shop-7", messaging.ClientCreate{
		MatchCriteria: messaging.MatchCriteria{
			Type: messaging.ChannelWhatsApp, IntegrationID: "5f0c6d7e8a9b0c1d2e3f4a5b", PhoneNumber: "+442079460000",
		},
		Confirmation:   messaging.Confirmation{Type: messaging.ConfirmImmediate},
		ConversationID: conversation,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Type)
	// Output: whatsapp
}

func ExampleApp_ListClients() {
	app, _, platform := newFake()
	defer platform.Close()
	page, err := app.ListClients(context.Background(), "shop-7", messaging.Cursor{Size: 10})
	if err != nil {
		log.Fatal(err)
	}
	for _, client := range page.Items {
		fmt.Println(client.Type, client.Status)
	}
	fmt.Println("more:", page.HasMore)
	// Output:
	// sdk active
	// more: false
}

func ExampleApp_Clients() {
	app, _, platform := newFake()
	defer platform.Close()
	for client, err := range app.Clients(context.Background(), "shop-7") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(client.Type, client.Status)
	}
	// Output: sdk active
}

func ExampleApp_RemoveClient() {
	app, conversation, platform := newFake()
	defer platform.Close()
	client, err := app.CreateClient(context.Background(), "shop-7", messaging.ClientCreate{
		MatchCriteria: messaging.MatchCriteria{
			Type: messaging.ChannelMailgun, IntegrationID: "5f0c6d7e8a9b0c1d2e3f4a5b", Address: "ada@example.com",
		},
		Confirmation:   messaging.Confirmation{Type: messaging.ConfirmImmediate},
		ConversationID: conversation,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(app.RemoveClient(context.Background(), "shop-7", client.ID))
	// Output: <nil>
}

func ExampleApp_ListDevices() {
	app, _, platform := newFake()
	defer platform.Close()
	devices, err := app.ListDevices(context.Background(), "shop-7")
	if err != nil {
		log.Fatal(err)
	}
	for _, device := range devices {
		fmt.Println(device.Type, device.Status)
	}
	// Output: web active
}

func ExampleApp_GetDevice() {
	app, _, platform := newFake()
	defer platform.Close()
	devices, err := app.ListDevices(context.Background(), "shop-7")
	if err != nil {
		log.Fatal(err)
	}
	device, err := app.GetDevice(context.Background(), "shop-7", devices[0].ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(device.Type)
	// Output: web
}
