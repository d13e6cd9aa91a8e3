package spec_test

import (
	"encoding/json"

	"github.com/sunco-go/sunco/messaging"
)

func messageCalls() map[string][]call {
	post := func(post messaging.MessagePost) call {
		return func(c ctx, app messaging.App) (any, error) { return app.PostMessage(c, chatID, post) }
	}
	act := func(activity messaging.Activity) call {
		return none(func(c ctx, app messaging.App) error { return app.PostActivity(c, chatID, activity) })
	}
	list := func(at messaging.Cursor) call {
		return func(c ctx, app messaging.App) (any, error) {
			return items(app.ListMessages(c, chatID, at))
		}
	}
	posts := []call{post(messaging.MessagePost{Content: messaging.Text("Hi")})}
	for _, content := range contents() {
		posts = append(posts, post(messaging.MessagePost{Content: content}))
	}
	for _, full := range posted() {
		posts = append(posts, post(full))
	}
	return map[string][]call{
		"PostMessage": posts,
		"ListMessages": {
			list(messaging.Cursor{}), list(messaging.Cursor{Before: thingID, Size: 100}), list(messaging.Cursor{After: thingID}),
		},
		"DeleteAllMessages": {none(func(c ctx, app messaging.App) error {
			return app.DeleteAllMessages(c, chatID)
		})},
		"DeleteMessage": {none(func(c ctx, app messaging.App) error {
			return app.DeleteMessage(c, chatID, thingID)
		})},
		"PostActivity": {
			act(messaging.Activity{Type: messaging.ActivityTypingStart}),
			act(messaging.Activity{Type: messaging.ActivityTypingStop, Author: author()}),
			act(messaging.Activity{
				Type: messaging.ActivityRead, Source: messaging.Source{Type: "web"},
				Author: messaging.Author{Type: messaging.AuthorUser, UserExternalID: "ada", BrandID: "1"},
			}),
		},
	}
}

// author is the business with everything that can be said about it.
func author() messaging.Author {
	return messaging.Author{
		Subtypes: []string{messaging.SubtypeAI}, DisplayName: "Tea bot", AvatarURL: picture,
		User: &messaging.User{ID: userID},
	}
}

// posted are messages with everything that is beside a content.
func posted() []messaging.MessagePost {
	payload := json.RawMessage(`{"any":{"thing":[1]}}`)
	capabilities := []string{
		messaging.CapabilityList, messaging.CapabilityTime, messaging.CapabilityForm, messaging.CapabilityQuickReply,
		messaging.CapabilityAuthenticate,
	}
	return []messaging.MessagePost{
		{
			Author: author(), Content: messaging.Text("Tea?"), Metadata: metadata(),
			Destination: &messaging.Destination{IntegrationID: thingID},
			Override: messaging.Override{
				Apple: &messaging.AppleOverride{Payload: payload, WithCapabilities: capabilities},
				LINE:  payload, Messenger: payload, WhatsApp: payload,
			},
		},
		{
			Content: messaging.Text("Tea?"), Destination: &messaging.Destination{IntegrationType: messaging.ChannelWhatsApp},
		},
		{
			Author:  messaging.Author{Type: messaging.AuthorUser, UserID: userID},
			Content: messaging.Text("Yes"),
		},
		{
			Author:  messaging.Author{Type: messaging.AuthorUser, UserExternalID: "ada", BrandID: "1"},
			Content: messaging.Text("Yes"),
		},
	}
}

// contents are contents of all kinds, with every field.
func contents() []messaging.Content {
	template := json.RawMessage(`{"name":"tea","language":{"code":"en"}}`)
	link, webview := messaging.Link("Read", picture), messaging.Webview("Look", picture, picture)
	link.Default, link.Metadata = true, metadata()
	link.ExtraChannelOptions.Messenger = messaging.MessengerOptions{
		MessengerExtensions: true, WebviewShareButton: messaging.ShareButtonHide,
	}
	webview.Default, webview.Metadata, webview.ExtraChannelOptions = true, metadata(), link.ExtraChannelOptions
	webview.Size, webview.OpenOnReceive = messaging.SizeTall, true
	buy, postback := messaging.Buy("Buy", 350, "gbp"), messaging.Postback("Order", "TEA")
	buy.Metadata, postback.Metadata = metadata(), metadata()
	reply, place := messaging.Reply("Yes", "YES"), messaging.LocationRequest("Where?")
	reply.Metadata, reply.IconURL, place.Metadata = metadata(), picture, metadata()

	text := messaging.Text("Tea?", buy, link, place, postback, reply, webview)
	text.HTMLText, text.BlockChatInput, text.Payload = "<b>Tea?</b>", true, "TEA"
	image := &messaging.ImageMessage{
		MediaURL: picture, MediaType: "image/png", MediaSize: 1, AltText: "A cup", Text: "Tea", HTMLText: "<b>Tea</b>",
		BlockChatInput: true, Actions: messaging.Actions(link), AttachmentID: thingID,
	}
	file := &messaging.FileMessage{
		MediaURL: picture, MediaType: "image/png", MediaSize: 1, AltText: "A cup", Text: "Tea", HTMLText: "<b>Tea</b>",
		BlockChatInput: true, AttachmentID: thingID,
	}
	item := messaging.Item{
		Title: "Tea", Description: "Green", MediaURL: picture, MediaType: "image/png", AltText: "A cup",
		Size: messaging.SizeLarge, Metadata: metadata(), Actions: messaging.Actions(buy, link, postback),
	}
	carousel, list := messaging.Carousel(item, messaging.Item{Title: "Milk", Actions: messaging.Actions(webview)}),
		messaging.List(item)
	carousel.Text, carousel.BlockChatInput = "for other channels", true
	carousel.DisplaySettings.ImageAspectRatio = messaging.AspectSquare
	list.Text, list.BlockChatInput, list.Actions = "for other channels", true, messaging.Actions(postback)
	place2 := messaging.Location(0, -0.1281)
	place2.Text, place2.BlockChatInput = "for other channels", true
	place2.Location = messaging.Place{Address: "1 Market Square", Name: "The tea shop"}
	return []messaging.Content{
		text, &messaging.TextMessage{MarkdownText: "*Tea?*"}, &messaging.TextMessage{Actions: messaging.Actions(postback)},
		messaging.Image(picture), image, &messaging.ImageMessage{MediaURL: picture, MarkdownText: "*Tea*"},
		messaging.File(picture), file, &messaging.FileMessage{MediaURL: picture, MarkdownText: "*Tea*"},
		carousel, list, messaging.Location(0, 0), place2,
		&messaging.TemplateMessage{Template: template, BlockChatInput: true},
		form(),
		&messaging.RawContent{JSON: json.RawMessage(`{"type":"text","text":"raw"}`)},
		messaging.Text("Raw", &messaging.RawAction{JSON: json.RawMessage(`{"type":"reply","text":"a","payload":"b"}`)}),
	}
}

func form() *messaging.FormMessage {
	form := messaging.Form(
		messaging.FormField{
			Type: messaging.FieldText, Name: "name", Label: "Name", Placeholder: "First and last", MinSize: 1, MaxSize: 256,
			Format: messaging.FormatInteger,
		},
		messaging.FormField{Type: messaging.FieldEmail, Name: "mail", Label: "E-mail"},
		messaging.FormField{Type: messaging.FieldSelect, Name: "tea", Label: "Tea", Options: []messaging.FormOption{
			{Name: "green", Label: "Green"}, {Name: "black", Label: "Black"},
		}})
	form.Submitted, form.BlockChatInput, form.Text = true, true, "Your order"
	return form
}
