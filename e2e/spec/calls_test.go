package spec_test

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/sunco-go/sunco/messaging"
)

type ctx = context.Context

// call is one call of an App. It returns what the reply carries.
type call func(c ctx, app messaging.App) (any, error)

// Ids that stand in calls.
const (
	userID  = "a1b2c3d4e5f6a7b8c9d0e1f2"
	chatID  = "b2c3d4e5f6a7b8c9d0e1f2a3"
	thingID = "c3d4e5f6a7b8c9d0e1f2a3b4"
	picture = "https://bot.example/cup.png"
	upload  = "https://acme.zendesk.com/sc/attachments/v2/c3d4e5f6a7b8c9d0e1f2a3b4/cup.png"
)

// calls are calls of every operation of an App: a minimal one first, and then what
// it takes to send every member.
func calls() map[string][]call {
	all := map[string][]call{}
	for _, group := range []map[string][]call{
		userCalls(), clientCalls(), conversationCalls(), controlCalls(), messageCalls(), attachmentCalls(),
	} {
		for id, list := range group {
			all[id] = append(append(all[id], list...), ofBrand(list[0]))
		}
	}
	return all
}

// ofBrand makes a call with a brand. Operations that take none must not get it.
func ofBrand(do call) call {
	return func(c ctx, app messaging.App) (any, error) {
		app.BrandID = "8"
		return do(c, app)
	}
}

// none makes a call of one that returns an error only.
func none(do func(c ctx, app messaging.App) error) call {
	return func(c ctx, app messaging.App) (any, error) { return nil, do(c, app) }
}

// metadata has a value of each type.
func metadata() messaging.Metadata {
	return messaging.Metadata{"table": 7.0, "window": true, "name": "Ada", "exact": json.RawMessage("12345678901234567")}
}

func userCalls() map[string][]call {
	profile := messaging.Profile{
		GivenName: "Ada", Surname: "Lovelace", Email: "ada@bot.example", AvatarURL: picture, Locale: "en-GB",
		LocaleOrigin: "x",
	}
	create := func(user messaging.UserCreate) call {
		return func(c ctx, app messaging.App) (any, error) { return app.CreateUser(c, user) }
	}
	update := func(change messaging.UserUpdate) call {
		return func(c ctx, app messaging.App) (any, error) {
			return app.UpdateUser(c, "ada@bot.example", change)
		}
	}
	sync := func(survivor string) call {
		return func(c ctx, app messaging.App) (any, error) { return app.SyncUser(c, "7", survivor) }
	}
	signedUp := time.Date(2026, 5, 4, 3, 2, 1, 0, time.FixedZone("", 3600))
	return map[string][]call{
		"CreateUser": {create(messaging.UserCreate{}), create(messaging.UserCreate{
			ExternalID: "ada", BrandID: "1", SignedUpAt: signedUp, ToBeRetained: new(false), Profile: profile,
			Metadata: metadata(),
		})},
		"ListUsers": {func(c ctx, app messaging.App) (any, error) {
			return app.ListUsers(c, "ada@bot.example")
		}},
		"GetUser": {func(c ctx, app messaging.App) (any, error) { return app.GetUser(c, userID) }},
		"UpdateUser": {
			update(messaging.UserUpdate{ToBeRetained: new(true)}),
			update(messaging.UserUpdate{
				SignedUpAt: signedUp, Metadata: messaging.Set(metadata()), Profile: messaging.ProfileUpdate{
					GivenName: messaging.Set("Ada"), Surname: messaging.Set("King"), Email: messaging.Set("ada@bot.example"),
					AvatarURL: messaging.Set(picture), Locale: messaging.Set("en"),
				},
			}),
			update(messaging.UserUpdate{Metadata: messaging.Null[messaging.Metadata](), Profile: messaging.ProfileUpdate{
				GivenName: messaging.Null[string](), Surname: messaging.Null[string](), Email: messaging.Null[string](),
				AvatarURL: messaging.Null[string](), Locale: messaging.Null[string](),
			}}),
		},
		"DeleteUser": {none(func(c ctx, app messaging.App) error { return app.DeleteUser(c, userID) })},
		"DeleteUserPersonalInformation": {func(c ctx, app messaging.App) (any, error) {
			return app.DeleteUserPersonalInformation(c, userID)
		}},
		"SyncUser": {sync(""), sync("8")},
	}
}

func clientCalls() map[string][]call {
	link := func(by messaging.MatchCriteria, confirm messaging.Confirmation) call {
		by.IntegrationID = thingID
		return func(c ctx, app messaging.App) (any, error) {
			return app.CreateClient(c, userID, messaging.ClientCreate{
				MatchCriteria: by, Confirmation: confirm, ConversationID: chatID,
			})
		}
	}
	list := func(at messaging.Cursor) call {
		return func(c ctx, app messaging.App) (any, error) { return items(app.ListClients(c, userID, at)) }
	}
	phone := func(channel string) messaging.MatchCriteria {
		return messaging.MatchCriteria{Type: channel, PhoneNumber: "+441234567890", Primary: new(false)}
	}
	return map[string][]call{
		"CreateClient": {
			link(messaging.MatchCriteria{Type: messaging.ChannelMailgun, Address: "ada@bot.example"},
				messaging.Confirmation{Type: messaging.ConfirmImmediate}),
			link(messaging.MatchCriteria{
				Type: messaging.ChannelMailgun, Address: "ada@bot.example", Subject: "Tea", Primary: new(false),
			}, messaging.Confirmation{
				Type: messaging.ConfirmPrompt, Message: &messaging.MessagePost{Content: messaging.Text("Tea?")},
			}),
			link(phone(messaging.ChannelMessageBird), messaging.Confirmation{Type: messaging.ConfirmUserActivity}),
			link(phone(messaging.ChannelTwilio), messaging.Confirmation{Type: messaging.ConfirmUserActivity}),
			link(phone(messaging.ChannelWhatsApp), messaging.Confirmation{Type: messaging.ConfirmUserActivity}),
		},
		"ListClients": {
			list(messaging.Cursor{}), list(messaging.Cursor{Before: thingID, Size: 1}), list(messaging.Cursor{After: thingID}),
		},
		"RemoveClient": {none(func(c ctx, app messaging.App) error {
			return app.RemoveClient(c, userID, thingID)
		})},
		"ListDevices": {func(c ctx, app messaging.App) (any, error) { return app.ListDevices(c, userID) }},
		"GetDevice": {func(c ctx, app messaging.App) (any, error) {
			return app.GetDevice(c, userID, thingID)
		}},
	}
}

// items returns the items of a page.
func items[T any](page *messaging.Page[T], err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return page.Items, nil
}

func conversationCalls() map[string][]call {
	byID, byExternalID := messaging.Person{UserID: userID}, messaging.Person{UserExternalID: "ada"}
	create := func(conversation messaging.ConversationCreate) call {
		return func(c ctx, app messaging.App) (any, error) {
			return app.CreateConversation(c, conversation)
		}
	}
	list := func(of messaging.Person, at messaging.Cursor) call {
		return func(c ctx, app messaging.App) (any, error) {
			return items(app.ListConversations(c, of, at))
		}
	}
	update := func(change messaging.ConversationUpdate) call {
		return func(c ctx, app messaging.App) (any, error) {
			return app.UpdateConversation(c, chatID, change)
		}
	}
	join := func(who messaging.Join) call {
		return func(c ctx, app messaging.App) (any, error) {
			return app.JoinConversation(c, chatID, who)
		}
	}
	leave := func(who messaging.Leaver) call {
		return none(func(c ctx, app messaging.App) error { return app.LeaveConversation(c, chatID, who) })
	}
	participants := func(at messaging.Cursor) call {
		return func(c ctx, app messaging.App) (any, error) {
			return items(app.ListParticipants(c, chatID, at))
		}
	}
	return map[string][]call{
		"CreateConversation": {
			create(messaging.ConversationCreate{
				Type: messaging.ConversationPersonal, Participants: []messaging.Join{{Person: byID}},
			}),
			create(messaging.ConversationCreate{
				Type: messaging.ConversationGroup, DisplayName: "Tea", Description: "At five", IconURL: picture,
				Metadata: metadata(),
				Participants: []messaging.Join{
					{Person: byID, SubscribeSDKClient: new(true)}, {Person: byExternalID, SubscribeSDKClient: new(false)},
				},
			}),
		},
		"ListConversations": {
			list(byID, messaging.Cursor{}), list(byExternalID, messaging.Cursor{After: thingID, Size: 100}),
			list(byID, messaging.Cursor{Before: thingID}),
		},
		"GetConversation": {func(c ctx, app messaging.App) (any, error) {
			return app.GetConversation(c, chatID)
		}},
		"UpdateConversation": {
			update(messaging.ConversationUpdate{DisplayName: messaging.Set("Tea")}),
			update(messaging.ConversationUpdate{
				Description: messaging.Set("At five"), IconURL: messaging.Set(picture), Metadata: messaging.Set(metadata()),
			}),
			update(messaging.ConversationUpdate{
				DisplayName: messaging.Null[string](), Description: messaging.Null[string](), IconURL: messaging.Null[string](),
				Metadata: messaging.Null[messaging.Metadata](),
			}),
		},
		"DeleteConversation": {none(func(c ctx, app messaging.App) error {
			return app.DeleteConversation(c, chatID)
		})},
		"JoinConversation": {
			join(messaging.Join{Person: byID}), join(messaging.Join{Person: byExternalID, SubscribeSDKClient: new(true)}),
		},
		"ListParticipants": {
			participants(messaging.Cursor{}), participants(messaging.Cursor{Before: thingID, Size: 10}),
			participants(messaging.Cursor{After: thingID}),
		},
		"LeaveConversation": {
			leave(messaging.Leaver{ParticipantID: thingID}), leave(messaging.Leaver{Person: byID}),
			leave(messaging.Leaver{Person: byExternalID}),
		},
	}
}

func controlCalls() map[string][]call {
	pass := func(to string, with messaging.Metadata) call {
		return none(func(c ctx, app messaging.App) error { return app.PassControl(c, chatID, to, with) })
	}
	offer := func(to string, with messaging.Metadata) call {
		return none(func(c ctx, app messaging.App) error { return app.OfferControl(c, chatID, to, with) })
	}
	accept := func(with messaging.Metadata) call {
		return none(func(c ctx, app messaging.App) error { return app.AcceptControl(c, chatID, with) })
	}
	release := func(with messaging.Metadata) call {
		return none(func(c ctx, app messaging.App) error { return app.ReleaseControl(c, chatID, with) })
	}
	return map[string][]call{
		"PassControl":    {pass(messaging.Next, nil), pass(messaging.AgentWorkspace, metadata())},
		"OfferControl":   {offer(messaging.Next, nil), offer(messaging.AgentWorkspace, metadata())},
		"AcceptControl":  {accept(nil), accept(metadata())},
		"ReleaseControl": {release(nil), release(metadata())},
	}
}

func attachmentCalls() map[string][]call {
	send := func(file messaging.Upload) call {
		return func(c ctx, app messaging.App) (any, error) { return app.UploadAttachment(c, file) }
	}
	file := messaging.BytesUpload("Preisliste für \"Ada\".bin", []byte("\x00\xff\r\n--"))
	inChat := messaging.BytesUpload("cup.png", []byte("\x89PNG\r\n\x1a\n"))
	inChat.ConversationID = chatID
	download := func(ref messaging.MessageRef) call {
		return none(func(c ctx, app messaging.App) error {
			return app.DownloadMessageRef(c, chatID, ref, io.Discard)
		})
	}
	convert := func(events messaging.ConversionEvents) call {
		return func(c ctx, app messaging.App) (any, error) {
			return app.PostConversionEvents(c, chatID, events)
		}
	}
	events := []json.RawMessage{json.RawMessage(`{"event_name":"Purchase"}`), json.RawMessage(`{}`)}
	return map[string][]call{
		"UploadAttachment": {send(file), send(inChat)},
		"DeleteAttachment": {none(func(c ctx, app messaging.App) error {
			return app.DeleteAttachment(c, upload)
		})},
		"DownloadMessageRef": {
			download(messaging.MessageRef{UserID: userID}),
			download(messaging.MessageRef{UserID: userID, Apple: &messaging.AppleMessageRef{
				InteractiveDataRef: messaging.InteractiveDataRef{
					URL: picture, BID: "bid", Key: "00c0", Signature: "81a6", Owner: "owner",
				},
			}}),
		},
		"PostConversionEvents": {
			convert(messaging.ConversionEvents{Messenger: events[:1]}), convert(messaging.ConversionEvents{Instagram: events}),
			convert(messaging.ConversionEvents{WhatsApp: events}),
		},
	}
}
