package messaging_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/sunco-go/sunco/messaging"
)

func ExampleApp_PostMessage() {
	app, conversation, platform := newFake()
	defer platform.Close()
	posted, err := app.PostMessage(context.Background(), conversation, messaging.MessagePost{
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
	// Output: business carousel
}

func ExampleApp_ListMessages() {
	app, conversation, platform := newFake()
	defer platform.Close()
	page, err := app.ListMessages(context.Background(), conversation, messaging.Cursor{}) // the latest
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range page.Items {
		fmt.Println(m.Author.Type, m.Content.(*messaging.TextMessage).Text)
	}
	fmt.Println("more:", page.HasMore) // at messaging.Cursor{Before: page.BeforeCursor}
	// Output:
	// user Hello
	// user Coffee?
	// more: false
}

func ExampleApp_Messages() {
	app, conversation, platform := newFake()
	defer platform.Close()
	for m, err := range app.Messages(context.Background(), conversation) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Author.Type, m.Content.(*messaging.TextMessage).Text)
	}
	// Output:
	// user Coffee?
	// user Hello
}

func ExampleApp_DeleteAllMessages() {
	app, conversation, platform := newFake()
	defer platform.Close()
	err := app.DeleteAllMessages(context.Background(), conversation)
	fmt.Println(err)
	// Output: <nil>
}

func ExampleApp_DeleteMessage() {
	app, conversation, platform := newFake()
	defer platform.Close()
	posted, err := app.PostMessage(context.Background(), conversation, messaging.MessagePost{
		Content: messaging.Text("Hi"),
	})
	if err != nil {
		log.Fatal(err)
	}
	err = app.DeleteMessage(context.Background(), conversation, posted[0].ID)
	fmt.Println(err)
	// Output: <nil>
}

func ExampleApp_UploadAttachment() {
	app, conversation, platform := newFake()
	defer platform.Close()
	upload := messaging.BytesUpload("menu.pdf", []byte("%PDF-1.7")) // or FileUpload("menu.pdf")
	upload.ConversationID = conversation
	ctx := context.Background()
	attachment, err := app.UploadAttachment(ctx, upload)
	if err != nil {
		log.Fatal(err)
	}
	posted, err := app.PostMessage(ctx, conversation, messaging.MessagePost{Content: messaging.File(attachment.MediaURL)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(attachment.MediaType, posted[0].Content.(*messaging.FileMessage).MediaSize)
	// Output: application/pdf 8
}

func ExampleApp_DeleteAttachment() {
	app, _, platform := newFake()
	defer platform.Close()
	attachment, err := app.UploadAttachment(context.Background(), messaging.BytesUpload("menu.pdf", []byte("%PDF-1.7")))
	if err != nil {
		log.Fatal(err)
	}
	err = app.DeleteAttachment(context.Background(), attachment.MediaURL)
	fmt.Println(err)
	// Output: <nil>
}

func ExampleApp_DownloadMessageRef() {
	app, conversation, platform := newFake()
	defer platform.Close()
	user, err := app.GetUser(context.Background(), "shop-7")
	if err != nil {
		log.Fatal(err)
	}
	err = app.DownloadMessageRef(context.Background(), conversation, messaging.MessageRef{
		UserID: user.ID, // like the rest, from the event passthrough:messaging
		Apple: &messaging.AppleMessageRef{InteractiveDataRef: messaging.InteractiveDataRef{
			URL: "https://media.example/1", BID: "com.example.shop", Key: "key", Signature: "signature", Owner: "owner",
		}},
	}, os.Stdout)
	fmt.Println("", err)
	// Output: {} <nil>
}

func ExampleApp_PostConversionEvents() {
	app, conversation, platform := newFake()
	defer platform.Close()
	result, err := app.PostConversionEvents(context.Background(), conversation, messaging.ConversionEvents{
		Instagram: []json.RawMessage{json.RawMessage(`{"event_name":"Purchase"}`)}, // Meta's JSON
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.EventsReceived)
	// Output: 1
}
