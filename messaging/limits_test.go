package messaging_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/messaging"
)

// silent fails the test when anything is sent.
func silent(t *testing.T) *wire {
	return &wire{answer: func(_ int, r sent) (int, string, error) {
		t.Errorf("sent: %s", r.Line)
		return 500, "{}", nil
	}}
}

// letters returns n letters of three bytes each.
func letters(n int) string { return strings.Repeat("ก", n) }

func item() messaging.Item {
	return messaging.Item{Title: "x", Actions: messaging.Actions(messaging.Postback("x", "x"))}
}

func field() messaging.FormField {
	return messaging.FormField{Type: messaging.FieldText, Name: "x", Label: "x"}
}

func edit[T any](value T, change func(*T)) T {
	change(&value)
	return value
}

func metadata(n int) messaging.Metadata { // n bytes of JSON
	return messaging.Metadata{"a": strings.Repeat("x", n-len(`{"a":""}`))}
}

// TestLimitsOfContent has each limit of a content at n and at n+1.
func TestLimitsOfContent(t *testing.T) {
	textWith := func(action messaging.Action) messaging.Content { return messaging.Text("", action) }
	itemWith := func(change func(*messaging.Item)) messaging.Content {
		return messaging.Carousel(item(), item(), edit(item(), change))
	}
	fieldWith := func(change func(*messaging.FormField)) messaging.Content {
		return messaging.Form(edit(field(), change))
	}
	options := func(n int) (list []messaging.FormOption) {
		for i := range n {
			list = append(list, messaging.FormOption{Name: fmt.Sprint(i), Label: "x"})
		}
		return list
	}
	fields := func(n int) (list []messaging.FormField) {
		for i := range n {
			list = append(list, edit(field(), func(f *messaging.FormField) { f.Name = fmt.Sprint(i) }))
		}
		return list
	}
	repeat := func(n int, a messaging.Action) []messaging.Action {
		list := make([]messaging.Action, n)
		for i := range list {
			list[i] = a
		}
		return list
	}
	opened := func() messaging.Action {
		return edit(messaging.Webview("x", "x", "x"), func(a **messaging.WebviewAction) { (*a).OpenOnReceive = true })
	}
	postback := messaging.Postback("x", "x")
	for _, test := range []struct {
		field    string
		good     messaging.Content // nil: there is none
		bad      messaging.Content
		somewhat string // of the reason
	}{
		{"content", nil, nil, "nil"},
		{"content", nil, (*messaging.TextMessage)(nil), "nil"},
		{"content", nil, (*messaging.RawContent)(nil), "nil"},
		{"content", nil, new(messaging.FormResponseMessage), "cannot be sent"},
		{"content", &messaging.RawContent{JSON: []byte(`{"type":"x"}`)}, new(messaging.RawContent), "JSON"},
		{"content", nil, &messaging.RawContent{JSON: []byte(`{"type":`)}, "JSON"},
		{"content", nil, &messaging.RawContent{JSON: []byte(`[]`)}, "JSON"},
		{"content.template", messaging.Template([]byte(`{}`)), messaging.Template(nil), "JSON"},

		{"content.text", messaging.Text(letters(4096)), messaging.Text(letters(4097)), "4096"},
		{"content.text", &messaging.TextMessage{HTMLText: "x"}, messaging.Text(""), "empty"},
		{"content.htmlText", &messaging.TextMessage{HTMLText: letters(4096)},
			&messaging.TextMessage{HTMLText: letters(4097)}, "4096"},
		{"content.markdownText", &messaging.TextMessage{MarkdownText: letters(4096)},
			&messaging.ImageMessage{MediaURL: "x", MarkdownText: letters(4097)}, "4096"},
		{"content.markdownText", &messaging.TextMessage{Text: "x", MarkdownText: "x"},
			&messaging.TextMessage{HTMLText: "x", MarkdownText: "x"}, "only one"},
		{"content.markdownText", &messaging.FileMessage{MediaURL: "x", MarkdownText: "x"},
			&messaging.FileMessage{MediaURL: "x", HTMLText: "x", MarkdownText: "x"}, "only one"},
		{"content.mediaUrl", messaging.Image("x"), messaging.Image(""), "empty"},
		{"content.mediaUrl", messaging.File("x"), messaging.File(""), "empty"},
		{"content.altText", &messaging.ImageMessage{MediaURL: "x", AltText: letters(128)},
			&messaging.ImageMessage{MediaURL: "x", AltText: letters(129)}, "128"},
		{"content.altText", &messaging.FileMessage{MediaURL: "x", AltText: letters(128)},
			&messaging.FileMessage{MediaURL: "x", AltText: letters(129)}, "128"},

		{"content.actions[0]", textWith(postback), textWith(nil), "nil"},
		{"content.actions[0]", nil, textWith((*messaging.BuyAction)(nil)), "nil"},
		{"content.actions[0]", textWith(&messaging.RawAction{JSON: []byte(`{}`)}),
			textWith(new(messaging.RawAction)), "JSON"},
		{"content.actions[0].text", textWith(messaging.Reply("", "")), textWith(messaging.Postback("", "x")), "empty"},
		{"content.actions[0].text", textWith(messaging.Buy("x", 1, "")), textWith(messaging.Buy("", 1, "")), "empty"},
		{"content.actions[0].text", textWith(messaging.LocationRequest("x")),
			textWith(messaging.LocationRequest("")), "empty"},
		{"content.actions[0].text", textWith(messaging.Link("x", "x")), textWith(messaging.Link("", "x")), "empty"},
		{"content.actions[0].uri", nil, textWith(messaging.Link("x", "")), "empty"},
		{"content.actions[0].uri", nil, textWith(messaging.Webview("x", "", "x")), "empty"},
		{"content.actions[0].text", nil, textWith(messaging.Webview("", "x", "x")), "empty"},
		{"content.actions[0].fallback", nil, textWith(messaging.Webview("x", "x", "")), "empty"},
		{"content.actions[1].openOnReceive", messaging.Text("", opened()), messaging.Text("", opened(), opened()), "one"},
		{"content.actions[2].openOnReceive", messaging.Text("", opened(), messaging.Webview("x", "x", "x")),
			messaging.Text("", opened(), messaging.Webview("x", "x", "x"), opened()), "one"},
		{"content.items[1].actions[0].openOnReceive", nil, messaging.List(
			messaging.Item{Title: "x", Actions: messaging.Actions(opened())},
			messaging.Item{Title: "x", Actions: messaging.Actions(opened())}), "one"},

		{"content.items", messaging.Carousel(item()), messaging.Carousel(), "0 elements"},
		{"content.items", messaging.List(make10(item())...), messaging.List(append(make10(item()), item())...), "11"},
		{"content.items[2].title", itemWith(func(i *messaging.Item) { i.Title = letters(128) }),
			itemWith(func(i *messaging.Item) { i.Title = letters(129) }), "128"},
		{"content.items[2].title", nil, itemWith(func(i *messaging.Item) { i.Title = "" }), "empty"},
		{"content.items[2].description", itemWith(func(i *messaging.Item) { i.Description = letters(128) }),
			itemWith(func(i *messaging.Item) { i.Description = letters(129) }), "128"},
		{"content.items[2].mediaUrl", itemWith(func(i *messaging.Item) { i.MediaURL = letters(2048) }),
			itemWith(func(i *messaging.Item) { i.MediaURL = letters(2049) }), "2048"},
		{"content.items[2].mediaType", itemWith(func(i *messaging.Item) { i.MediaType = letters(128) }),
			itemWith(func(i *messaging.Item) { i.MediaType = letters(129) }), "128"},
		{"content.items[2].altText", itemWith(func(i *messaging.Item) { i.AltText = letters(128) }),
			itemWith(func(i *messaging.Item) { i.AltText = letters(129) }), "128"},
		{"content.items[2].actions", itemWith(func(i *messaging.Item) { i.Actions = repeat(3, postback) }),
			itemWith(func(i *messaging.Item) { i.Actions = repeat(4, postback) }), "4"},
		{"content.items[2].actions", nil, itemWith(func(i *messaging.Item) { i.Actions = nil }), "0"},
		{"content.items[2].actions[0].text", nil,
			itemWith(func(i *messaging.Item) { i.Actions = repeat(1, messaging.Postback("", "x")) }), "empty"},
		{"content.items[2].actions[0]", nil,
			itemWith(func(i *messaging.Item) { i.Actions = repeat(1, messaging.Reply("x", "x")) }), "only"},
		{"content.items[2].actions[0]", nil,
			itemWith(func(i *messaging.Item) { i.Actions = repeat(1, messaging.LocationRequest("x")) }), "only"},
		{"content.items[2].metadata", itemWith(func(i *messaging.Item) { i.Metadata = metadata(4096) }),
			itemWith(func(i *messaging.Item) { i.Metadata = metadata(4097) }), "4 kB"},
		{"content.actions", &messaging.ListMessage{Items: make10(item()), Actions: repeat(10, postback)},
			&messaging.ListMessage{Items: make10(item()), Actions: repeat(11, postback)}, "11"},
		{"content.actions[0]", nil,
			&messaging.ListMessage{Items: make10(item()), Actions: repeat(1, messaging.Reply("x", "x"))}, "only"},

		{"content.fields", messaging.Form(fields(20)...), messaging.Form(fields(21)...), "21"},
		{"content.fields", nil, messaging.Form(), "0"},
		{"content.fields[1].name", nil, messaging.Form(field(), field()), "another"},
		{"content.fields[0].type", nil, fieldWith(func(f *messaging.FormField) { f.Type = "" }), "empty"},
		{"content.fields[0].name", fieldWith(func(f *messaging.FormField) { f.Name = letters(128) }),
			fieldWith(func(f *messaging.FormField) { f.Name = letters(129) }), "128"},
		{"content.fields[0].label", fieldWith(func(f *messaging.FormField) { f.Label = letters(128) }),
			fieldWith(func(f *messaging.FormField) { f.Label = "" }), "empty"},
		{"content.fields[0].placeholder", fieldWith(func(f *messaging.FormField) { f.Placeholder = letters(128) }),
			fieldWith(func(f *messaging.FormField) { f.Placeholder = letters(129) }), "128"},
		{"content.fields[0].minSize", fieldWith(func(f *messaging.FormField) { f.MinSize = 256 }),
			fieldWith(func(f *messaging.FormField) { f.MinSize = 257 }), "256"},
		{"content.fields[0].minSize", nil, fieldWith(func(f *messaging.FormField) { f.MinSize = -1 }), "256"},
		{"content.fields[0].maxSize", fieldWith(func(f *messaging.FormField) { f.MaxSize = 256 }),
			fieldWith(func(f *messaging.FormField) { f.MaxSize = 257 }), "256"},
		{"content.fields[0].maxSize", nil, fieldWith(func(f *messaging.FormField) { f.MaxSize = -1 }), "256"},
		{"content.fields[0].minSize", fieldWith(func(f *messaging.FormField) { f.MinSize, f.MaxSize = 3, 3 }),
			fieldWith(func(f *messaging.FormField) { f.MinSize, f.MaxSize = 4, 3 }), "above"},
		{"content.fields[0].options", fieldWith(func(f *messaging.FormField) { f.Options = options(200) }),
			fieldWith(func(f *messaging.FormField) { f.Options = options(201) }), "201"},
		{"content.fields[0].options[1].name", nil,
			fieldWith(func(f *messaging.FormField) { f.Options = append(options(1), options(1)...) }), "another"},
		{"content.fields[0].options[0].label", nil,
			fieldWith(func(f *messaging.FormField) { f.Options = []messaging.FormOption{{Name: "x"}} }), "empty"},
	} {
		t.Run(test.field+" "+test.somewhat, func(t *testing.T) {
			_, err := newApp(silent(t)).PostMessage(t.Context(), chatID, messaging.MessagePost{Content: test.bad})
			requireInput(t, test.field, err)
			assert.Contains(t, err.Error(), test.somewhat)
			if test.good != nil {
				w := always(201, string(readFile(t, "replies/text.json")))
				_, err = newApp(w).PostMessage(t.Context(), chatID, messaging.MessagePost{Content: test.good})
				assert.NoError(t, err)
			}
		})
	}
	for _, action := range []messaging.Action{
		&messaging.BuyAction{Text: "x", Metadata: metadata(4097)},
		&messaging.LinkAction{Text: "x", URI: "x", Metadata: metadata(4097)},
		&messaging.LocationRequestAction{Text: "x", Metadata: metadata(4097)},
		&messaging.PostbackAction{Text: "x", Metadata: metadata(4097)},
		&messaging.ReplyAction{Text: "x", Metadata: metadata(4097)},
		&messaging.WebviewAction{Text: "x", URI: "x", Fallback: "x", Metadata: metadata(4097)},
	} {
		_, err := newApp(silent(t)).PostMessage(t.Context(), chatID, messaging.MessagePost{Content: textWith(action)})
		requireInput(t, "content.actions[0].metadata", err)
	}
}

func make10(item messaging.Item) (list []messaging.Item) {
	for range 10 {
		list = append(list, item)
	}
	return list
}

// TestLimits has each other limit, at n where post is good and at n+1 where it
// is not.
func TestLimits(t *testing.T) {
	type call func(ctx context.Context, app messaging.App) error
	post := func(change func(*messaging.MessagePost)) call {
		return func(ctx context.Context, app messaging.App) error {
			post := messaging.MessagePost{Content: messaging.Text("x")}
			change(&post)
			_, err := app.PostMessage(ctx, chatID, post)
			return err
		}
	}
	author := func(a messaging.Author) call { return post(func(p *messaging.MessagePost) { p.Author = a }) }
	data := func(m messaging.Metadata) call { return post(func(p *messaging.MessagePost) { p.Metadata = m }) }
	createUser := func(u messaging.UserCreate) call {
		return func(ctx context.Context, app messaging.App) error { _, err := app.CreateUser(ctx, u); return err }
	}
	profile := func(p messaging.Profile) call { return createUser(messaging.UserCreate{Profile: p}) }
	updateUser := func(u messaging.UserUpdate) call {
		return func(ctx context.Context, app messaging.App) error {
			_, err := app.UpdateUser(ctx, userID, u)
			return err
		}
	}
	getUser := func(user string) call {
		return func(ctx context.Context, app messaging.App) error { _, err := app.GetUser(ctx, user); return err }
	}
	newProfile := func(p messaging.ProfileUpdate) call { return updateUser(messaging.UserUpdate{Profile: p}) }
	create := func(c messaging.ConversationCreate) call {
		return func(ctx context.Context, app messaging.App) error {
			_, err := app.CreateConversation(ctx, c)
			return err
		}
	}
	group := func(change func(*messaging.ConversationCreate)) call {
		return create(edit(messaging.ConversationCreate{Type: messaging.ConversationGroup}, change))
	}
	joins := func(n int) []messaging.Join {
		list := make([]messaging.Join, n)
		for i := range list {
			list[i].UserID = userID
		}
		return list
	}
	updateChat := func(u messaging.ConversationUpdate) call {
		return func(ctx context.Context, app messaging.App) error {
			_, err := app.UpdateConversation(ctx, chatID, u)
			return err
		}
	}
	list := func(of messaging.Person, at messaging.Cursor) call {
		return func(ctx context.Context, app messaging.App) error {
			_, err := app.ListConversations(ctx, of, at)
			return err
		}
	}
	ada := messaging.Person{UserID: userID}
	both := messaging.Person{UserID: userID, UserExternalID: "x"}
	leave := func(who messaging.Leaver) call {
		return func(ctx context.Context, app messaging.App) error { return app.LeaveConversation(ctx, chatID, who) }
	}
	client := func(change func(*messaging.ClientCreate)) call {
		return func(ctx context.Context, app messaging.App) error {
			_, err := app.CreateClient(ctx, userID, edit(clientCreate("whatsapp"), change))
			return err
		}
	}
	events := func(e messaging.ConversionEvents) call {
		return func(ctx context.Context, app messaging.App) error {
			_, err := app.PostConversionEvents(ctx, chatID, e)
			return err
		}
	}
	one := []json.RawMessage{[]byte(`{}`)}
	for _, test := range []struct {
		field     string
		good, bad call
	}{
		{"author", author(messaging.Author{Type: "user", UserID: "x"}), author(messaging.Author{Type: "user"})},
		{"author", author(messaging.Author{Type: "user", UserExternalID: "x"}),
			author(messaging.Author{Type: "user", UserID: "x", UserExternalID: "x"})},
		{"author.brandId", author(messaging.Author{BrandID: letters(24)}), author(messaging.Author{BrandID: letters(25)})},
		{"author.avatarUrl", author(messaging.Author{AvatarURL: letters(2048)}),
			author(messaging.Author{AvatarURL: letters(2049)})},
		{"metadata", data(metadata(4096)), data(metadata(4097))},
		{"metadata", data(messaging.Metadata{"a": 1, "b": nil, "c": uint8(3), "d": json.RawMessage("12345678901234567890")}),
			data(messaging.Metadata{"a": []string{"x"}})},
		{"metadata", nil, data(messaging.Metadata{"a": map[string]any{}})},
		{"metadata", nil, data(messaging.Metadata{"a": json.RawMessage(`{`)})},
		{"metadata", nil, data(messaging.Metadata{"a": math.NaN()})},
		{"destination", post(func(p *messaging.MessagePost) {
			p.Destination = &messaging.Destination{IntegrationType: "none"}
		}), post(func(p *messaging.MessagePost) { p.Destination = &messaging.Destination{} })},
		{"destination", nil, post(func(p *messaging.MessagePost) {
			p.Destination = &messaging.Destination{IntegrationType: "x", IntegrationID: "x"}
		})},
		{"override.line.payload", post(func(p *messaging.MessagePost) { p.Override.LINE = []byte(`{}`) }),
			post(func(p *messaging.MessagePost) { p.Override.LINE = []byte(`x`) })},
		{"override.apple.payload", nil, post(func(p *messaging.MessagePost) {
			p.Override.Apple = &messaging.AppleOverride{Payload: []byte(`[]`)}
		})},
		{"schema", nil, post(func(p *messaging.MessagePost) {
			p.Content, p.Schema = messaging.Template([]byte(`{}`)), "telegram"
		})},

		{"externalId", createUser(messaging.UserCreate{ExternalID: letters(1024)}),
			createUser(messaging.UserCreate{ExternalID: letters(1025)})},
		{"brandId", createUser(messaging.UserCreate{BrandID: letters(24)}),
			createUser(messaging.UserCreate{BrandID: letters(25)})},
		{"metadata", nil, createUser(messaging.UserCreate{Metadata: metadata(4097)})},
		{"profile.givenName", profile(messaging.Profile{GivenName: letters(128)}),
			profile(messaging.Profile{GivenName: letters(129)})},
		{"profile.surname", profile(messaging.Profile{Surname: letters(128)}),
			profile(messaging.Profile{Surname: letters(129)})},
		{"profile.email", profile(messaging.Profile{Email: letters(128)}), profile(messaging.Profile{Email: letters(129)})},
		{"profile.avatarUrl", profile(messaging.Profile{AvatarURL: letters(2048)}),
			profile(messaging.Profile{AvatarURL: letters(2049)})},
		{"profile.locale", profile(messaging.Profile{Locale: letters(64)}), profile(messaging.Profile{Locale: letters(65)})},
		{"user update", updateUser(messaging.UserUpdate{ToBeRetained: new(false)}), updateUser(messaging.UserUpdate{})},
		{"metadata", updateUser(messaging.UserUpdate{Metadata: messaging.Set(metadata(4096))}),
			updateUser(messaging.UserUpdate{Metadata: messaging.Set(metadata(4097))})},
		{"profile.givenName", newProfile(messaging.ProfileUpdate{GivenName: messaging.Null[string]()}),
			newProfile(messaging.ProfileUpdate{GivenName: messaging.Set("")})},
		{"profile.surname", newProfile(messaging.ProfileUpdate{Surname: messaging.Set(letters(128))}),
			newProfile(messaging.ProfileUpdate{Surname: messaging.Set(letters(129))})},
		{"profile.email", nil, newProfile(messaging.ProfileUpdate{Email: messaging.Set("")})},
		{"profile.avatarUrl", newProfile(messaging.ProfileUpdate{AvatarURL: messaging.Set(letters(2048))}),
			newProfile(messaging.ProfileUpdate{AvatarURL: messaging.Set(letters(2049))})},
		{"profile.locale", newProfile(messaging.ProfileUpdate{Locale: messaging.Set(letters(64))}),
			newProfile(messaging.ProfileUpdate{Locale: messaging.Set(letters(65))})},
		{"user", getUser("a b@c?d#e%f"), getUser("")},
		{"user", getUser("..."), getUser("..")},
		{"user", nil, getUser(".")},
		{"user", nil, getUser("a/b")},
		{"user", nil, getUser("a\\b")},
		{"user", nil, getUser("a\nb")},
		{"user", nil, getUser("%2e%2e")},
		{"user", nil, getUser("\xff")},
		{"user", nil, getUser("..;x")},

		{"type", nil, create(messaging.ConversationCreate{})},
		{"participants", create(messaging.ConversationCreate{Type: "personal", Participants: joins(1)}),
			create(messaging.ConversationCreate{Type: "personal", Participants: joins(2)})},
		{"participants", nil, create(messaging.ConversationCreate{Type: "personal"})},
		{"participants", group(func(c *messaging.ConversationCreate) { c.Participants = joins(10) }),
			group(func(c *messaging.ConversationCreate) { c.Participants = joins(11) })},
		{"participants[0]", nil, group(func(c *messaging.ConversationCreate) { c.Participants = make([]messaging.Join, 1) })},
		{"displayName", group(func(c *messaging.ConversationCreate) { c.DisplayName = letters(100) }),
			group(func(c *messaging.ConversationCreate) { c.DisplayName = letters(101) })},
		{"description", group(func(c *messaging.ConversationCreate) { c.Description = letters(100) }),
			group(func(c *messaging.ConversationCreate) { c.Description = letters(101) })},
		{"iconUrl", group(func(c *messaging.ConversationCreate) { c.IconURL = letters(2048) }),
			group(func(c *messaging.ConversationCreate) { c.IconURL = letters(2049) })},
		{"metadata", nil, group(func(c *messaging.ConversationCreate) { c.Metadata = metadata(4097) })},
		{"conversation update", nil, updateChat(messaging.ConversationUpdate{})},
		{"displayName", updateChat(messaging.ConversationUpdate{DisplayName: messaging.Set(letters(100))}),
			updateChat(messaging.ConversationUpdate{DisplayName: messaging.Set(letters(101))})},
		{"description", nil, updateChat(messaging.ConversationUpdate{Description: messaging.Set("")})},
		{"iconUrl", nil, updateChat(messaging.ConversationUpdate{IconURL: messaging.Set(letters(2049))})},
		{"metadata", updateChat(messaging.ConversationUpdate{Metadata: messaging.Null[messaging.Metadata]()}),
			updateChat(messaging.ConversationUpdate{Metadata: messaging.Set(metadata(4097))})},
		{"filter", list(ada, messaging.Cursor{}), list(both, messaging.Cursor{})},
		{"filter", nil, list(messaging.Person{}, messaging.Cursor{})},
		{"cursor", list(ada, messaging.Cursor{After: "x"}), list(ada, messaging.Cursor{After: "x", Before: "x"})},
		{"cursor size", list(ada, messaging.Cursor{Size: 100}), list(ada, messaging.Cursor{Size: 101})},
		{"cursor size", nil, list(ada, messaging.Cursor{Size: -1})},
		{"participant", leave(messaging.Leaver{ParticipantID: "x"}), leave(messaging.Leaver{})},
		{"participant", nil, leave(messaging.Leaver{Person: ada, ParticipantID: "x"})},
		{"participant", nil, leave(messaging.Leaver{Person: both})},

		{"matchCriteria.type", nil, client(func(c *messaging.ClientCreate) { c.MatchCriteria.Type = "" })},
		{"matchCriteria.integrationId", nil, client(func(c *messaging.ClientCreate) { c.MatchCriteria.IntegrationID = "" })},
		{"matchCriteria.phoneNumber", nil, client(func(c *messaging.ClientCreate) { c.MatchCriteria.PhoneNumber = "" })},
		{"matchCriteria.address", nil, client(func(c *messaging.ClientCreate) { c.MatchCriteria.Type = "mailgun" })},
		{"confirmation.type", nil, client(func(c *messaging.ClientCreate) { c.Confirmation.Type = "" })},
		{"target.conversationId", nil, client(func(c *messaging.ClientCreate) { c.ConversationID = "" })},
		{"confirmation.message.content.text", client(func(c *messaging.ClientCreate) {
			c.Confirmation.Message = &messaging.MessagePost{Content: messaging.Text("x")}
		}), client(func(c *messaging.ClientCreate) {
			c.Confirmation.Message = &messaging.MessagePost{Content: messaging.Text("")}
		})},
		{"conversion events", events(messaging.ConversionEvents{WhatsApp: one}), events(messaging.ConversionEvents{})},
		{"conversion events", events(messaging.ConversionEvents{Messenger: one}),
			events(messaging.ConversionEvents{WhatsApp: one, Messenger: one})},
		{"conversion events", nil, events(messaging.ConversionEvents{WhatsApp: []json.RawMessage{[]byte("x")}})},
		{"switchboardIntegration", nil, func(ctx context.Context, app messaging.App) error {
			return app.PassControl(ctx, chatID, "", nil)
		}},
		{"email", nil, func(ctx context.Context, app messaging.App) error { _, err := app.ListUsers(ctx, ""); return err }},
		{"mediaUrl", nil, func(ctx context.Context, app messaging.App) error { return app.DeleteAttachment(ctx, "") }},
		{"to", nil, func(ctx context.Context, app messaging.App) error {
			return app.DownloadMessageRef(ctx, chatID, messaging.MessageRef{UserID: "x"}, nil)
		}},
	} {
		t.Run(test.field, func(t *testing.T) {
			requireInput(t, test.field, test.bad(t.Context(), newApp(silent(t))))
			if test.good != nil {
				const reply = `{"messages":[{"id":"x"}],"user":{"id":"x"},"client":{"id":"x"},"conversation":{"id":"x"},` +
					`"conversations":[],"conversionEvents":{"datasetId":"x"}}`
				assert.NoError(t, test.good(t.Context(), newApp(always(200, reply))))
			}
		})
	}
}

// TestHostileIDs gives every id that is no user's a value that leads to
// another path.
func TestHostileIDs(t *testing.T) {
	ctx := t.Context()
	for _, id := range []string{"", "..", "a/b", "a%2fb", "a?b", "a b", "ü", strings.Repeat("a", 65)} {
		app := newApp(silent(t))
		calls := map[string]error{
			"delete message":   app.DeleteMessage(ctx, chatID, id),
			"delete messages":  app.DeleteAllMessages(ctx, id),
			"delete":           app.DeleteConversation(ctx, id),
			"leave":            app.LeaveConversation(ctx, id, messaging.Leaver{ParticipantID: "x"}),
			"activity":         app.PostActivity(ctx, id, messaging.Activity{Type: messaging.ActivityRead}),
			"pass":             app.PassControl(ctx, id, "x", nil),
			"release":          app.ReleaseControl(ctx, id, nil),
			"offer":            app.OfferControl(ctx, id, "x", nil),
			"accept":           app.AcceptControl(ctx, id, nil),
			"client":           app.RemoveClient(ctx, userID, id),
			"download":         app.DownloadMessageRef(ctx, id, messaging.MessageRef{UserID: "x"}, new(strings.Builder)),
			"download of user": app.DownloadMessageRef(ctx, chatID, messaging.MessageRef{UserID: id}, new(strings.Builder)),
		}
		_, calls["post"] = app.PostMessage(ctx, id, messaging.MessagePost{Content: messaging.Text("x")})
		_, calls["messages"] = app.ListMessages(ctx, id, messaging.Cursor{})
		_, calls["get"] = app.GetConversation(ctx, id)
		_, calls["update"] = app.UpdateConversation(ctx, id, messaging.ConversationUpdate{DisplayName: messaging.Set("x")})
		_, calls["join"] = app.JoinConversation(ctx, id, messaging.Join{Person: messaging.Person{UserID: "x"}})
		_, calls["participants"] = app.ListParticipants(ctx, id, messaging.Cursor{})
		_, calls["events"] = app.PostConversionEvents(ctx, id, messaging.ConversionEvents{
			WhatsApp: []json.RawMessage{[]byte("{}")},
		})
		_, calls["device"] = app.GetDevice(ctx, userID, id)
		_, calls["sync"] = app.SyncUser(ctx, id, "")
		if id != "" {
			_, calls["sync with"] = app.SyncUser(ctx, "1", id)
			_, calls["upload"] = app.UploadAttachment(ctx, edit(messaging.BytesUpload("x", nil), func(u *messaging.Upload) {
				u.ConversationID = id
			}))
		}
		for name, err := range calls {
			require.ErrorAs(t, err, new(*sunco.InputError), "%s %q", name, id)
			assert.Contains(t, strings.ToLower(err.Error()), "id: ", "%s %q", name, id)
		}
	}
}

// TestReadOnlyIsNotSent sends contents as they were received.
func TestReadOnlyIsNotSent(t *testing.T) {
	for _, name := range []string{"text", "carousel", "file", "form", "image", "list", "location"} {
		w := script(200, string(readFile(t, "replies/"+name+".json")), 201, string(readFile(t, "replies/text.json")))
		app := newApp(w)
		got, err := app.ListMessages(t.Context(), chatID, messaging.Cursor{})
		require.NoError(t, err)
		content := got.Items[0].Content
		if form, ok := content.(*messaging.FormMessage); ok {
			form.Submitted = true
		}
		before := encode(t, content)
		_, err = app.PostMessage(t.Context(), chatID, messaging.MessagePost{Content: content})
		require.NoError(t, err)
		assert.Equal(t, string(before), string(encode(t, content)), "the content itself is not changed")
		var post struct {
			Content map[string]any `json:"content"`
		}
		require.NoError(t, json.Unmarshal([]byte(w.requests()[1].Body), &post))
		assert.Equal(t, name, post.Content["type"])
		members := []string{"submitted", "mediaSize", "mediaType"}
		if name != "text" && name != "image" && name != "file" {
			members = append(members, "text")
		}
		for _, member := range members {
			assert.NotContains(t, post.Content, member, name)
		}
	}
}

// TestRequestTooLarge has a request within all limits but that of the whole.
func TestRequestTooLarge(t *testing.T) {
	_, err := newApp(silent(t)).PostMessage(t.Context(), chatID, messaging.MessagePost{
		Content: messaging.Text("x", &messaging.ReplyAction{Text: strings.Repeat("x", 100_000)}),
	})
	requireInput(t, "body", err)
}
