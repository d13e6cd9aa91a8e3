package messaging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/messaging"
)

const (
	userID   = "ada000000000000000000001"
	otherID  = "b0b000000000000000000002"
	mediaURL = "https://acme.zendesk.com/sc/attachments/v2/01CUP/cup.jpeg"
)

// operation is one call and what it looks like on the wire.
type operation struct {
	call  func(ctx context.Context, app messaging.App) (any, error)
	line  string // method, and path with query
	body  string // JSON, or the name of a file
	reply string // JSON, or the name of a file
	// carries is the path of what the reply is about; empty: the reply says
	// nothing.
	carries []string
}

func nothing(err error) (any, error) { return nil, err }

// operations lists all calls.
func operations() map[string]operation {
	chat := "/conversations/" + chatID
	return map[string]operation{
		"CreateUser": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return app.CreateUser(ctx, messaging.UserCreate{
					ExternalID: "shop-7", BrandID: "8100000000001", ToBeRetained: new(false),
					SignedUpAt: time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.FixedZone("", 3600)),
					Profile:    messaging.Profile{GivenName: "Ada", LocaleOrigin: "not sent"},
					Metadata:   messaging.Metadata{"cups": 3, "vip": true, "tea": "no"},
				})
			},
			"POST /users", `{"externalId":"shop-7","brandId":"8100000000001","signedUpAt":"2026-01-02T02:04:05.006Z",
				"toBeRetained":false,"profile":{"givenName":"Ada"},"metadata":{"cups":3,"vip":true,"tea":"no"}}`,
			"replies/create-user.json", []string{"user"},
		},
		"ListUsers": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return app.ListUsers(ctx, "ada@shop.example")
			},
			"GET /users?filter%5Bidentities.email%5D=ada%40shop.example", "", "replies/list-users.json",
			[]string{"users"},
		},
		"GetUser": {
			func(ctx context.Context, app messaging.App) (any, error) { return app.GetUser(ctx, "ada@shop.example") },
			"GET /users/ada@shop.example", "", "replies/get-user.json", []string{"user"},
		},
		"UpdateUser": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return app.UpdateUser(ctx, userID, messaging.UserUpdate{
					SignedUpAt: time.Date(2026, 1, 2, 3, 4, 5, 999_999, time.FixedZone("", 3600)),
					Profile:    messaging.ProfileUpdate{GivenName: messaging.Set("Ada"), Email: messaging.Null[string]()},
					Metadata:   messaging.Set(messaging.Metadata{"vip": true}),
				})
			},
			"PATCH /users/" + userID, `{"signedUpAt":"2026-01-02T02:04:05.000Z",
				"profile":{"givenName":"Ada","email":null},"metadata":{"vip":true}}`,
			"replies/update-user.json", []string{"user"},
		},
		"DeleteUser": {
			func(ctx context.Context, app messaging.App) (any, error) { return nothing(app.DeleteUser(ctx, userID)) },
			"DELETE /users/" + userID, "", "{}", nil,
		},
		"DeleteUserPersonalInformation": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return app.DeleteUserPersonalInformation(ctx, userID)
			},
			"DELETE /users/" + userID + "/personalinformation", "",
			"replies/delete-user-personal-information.json", []string{"user"},
		},
		"SyncUser": {
			func(ctx context.Context, app messaging.App) (any, error) { return app.SyncUser(ctx, "9001", "9002") },
			"POST /users/9001/sync", `{"survivingZendeskId":"9002"}`, "replies/sync-user.json", []string{"user"},
		},
		"CreateClient": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return app.CreateClient(ctx, userID, clientCreate("whatsapp"))
			},
			"POST /users/" + userID + "/clients", "requests/create-client-whatsapp.json",
			"replies/create-client.json", []string{"client"},
		},
		"ListClients": {
			func(ctx context.Context, app messaging.App) (any, error) {
				page, err := app.ListClients(ctx, userID, messaging.Cursor{After: "a b", Size: 2})
				return items(page), err
			},
			"GET /users/" + userID + "/clients?page%5Bafter%5D=a+b&page%5Bsize%5D=2", "", "replies/list-clients.json",
			[]string{"clients"},
		},
		"RemoveClient": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return nothing(app.RemoveClient(ctx, userID, otherID))
			},
			"DELETE /users/" + userID + "/clients/" + otherID, "", "{}", nil,
		},
		"ListDevices": {
			func(ctx context.Context, app messaging.App) (any, error) { return app.ListDevices(ctx, userID) },
			"GET /users/" + userID + "/devices", "", "replies/list-devices.json", []string{"devices"},
		},
		"GetDevice": {
			func(ctx context.Context, app messaging.App) (any, error) { return app.GetDevice(ctx, userID, otherID) },
			"GET /users/" + userID + "/devices/" + otherID, "", "replies/get-device.json", []string{"device"},
		},
		"CreateConversation": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return app.CreateConversation(ctx, messaging.ConversationCreate{
					Type: messaging.ConversationPersonal, DisplayName: "Coffee", IconURL: "https://media.example/cup.jpg",
					Participants: []messaging.Join{{
						Person: messaging.Person{UserExternalID: "shop-7"}, SubscribeSDKClient: new(false),
					}},
				})
			},
			"POST /conversations", `{"type":"personal","displayName":"Coffee","iconUrl":"https://media.example/cup.jpg",
				"participants":[{"userExternalId":"shop-7","subscribeSDKClient":false}]}`,
			"replies/create-conversation.json", []string{"conversation"},
		},
		"ListConversations": {
			func(ctx context.Context, app messaging.App) (any, error) {
				page, err := app.ListConversations(ctx, messaging.Person{UserExternalID: "a&b"}, messaging.Cursor{})
				return items(page), err
			},
			"GET /conversations?filter%5BuserExternalId%5D=a%26b", "", "replies/list-conversations.json",
			[]string{"conversations"},
		},
		"GetConversation": {
			func(ctx context.Context, app messaging.App) (any, error) { return app.GetConversation(ctx, chatID) },
			"GET " + chat, "", "replies/get-conversation.json", []string{"conversation"},
		},
		"UpdateConversation": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return app.UpdateConversation(ctx, chatID, messaging.ConversationUpdate{
					DisplayName: messaging.Set("Coffee"), IconURL: messaging.Null[string](),
				})
			},
			"PATCH " + chat, `{"displayName":"Coffee","iconUrl":null}`, "replies/update-conversation.json",
			[]string{"conversation"},
		},
		"DeleteConversation": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return nothing(app.DeleteConversation(ctx, chatID))
			},
			"DELETE " + chat, "", "{}", nil,
		},
		"DownloadMessageRef": {
			func(ctx context.Context, app messaging.App) (any, error) {
				var to bytes.Buffer
				err := app.DownloadMessageRef(ctx, chatID, messaging.MessageRef{
					UserID: userID, Apple: &messaging.AppleMessageRef{
						InteractiveDataRef: messaging.InteractiveDataRef{
							URL: "https://media.example/ref", BID: "com.example.shop", Key: "00ff", Signature: "81aa", Owner: "M1",
						},
					},
				}, &to)
				return json.RawMessage(to.Bytes()), err
			},
			"POST " + chat + "/download", "requests/download-message-ref.json", `{"of":"Apple's"}`, []string{},
		},
		"PostConversionEvents": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return app.PostConversionEvents(ctx, chatID, messaging.ConversionEvents{Instagram: []json.RawMessage{
					[]byte(`{"action_source":"business_messaging","event_name":"Purchase","event_time":1767225600,
						"messaging_channel":"instagram"}`)}})
			},
			"POST " + chat + "/conversionEvents", "requests/post-conversion-events.json",
			"replies/conversion-events.json", []string{"conversionEvents"},
		},
		"JoinConversation": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return app.JoinConversation(ctx, chatID, messaging.Join{
					Person: messaging.Person{UserID: userID}, SubscribeSDKClient: new(true),
				})
			},
			"POST " + chat + "/join", "requests/join-conversation.json", "replies/join-conversation.json",
			[]string{"participant"},
		},
		"ListParticipants": {
			func(ctx context.Context, app messaging.App) (any, error) {
				page, err := app.ListParticipants(ctx, chatID, messaging.Cursor{Before: "x"})
				return items(page), err
			},
			"GET " + chat + "/participants?page%5Bbefore%5D=x", "", "replies/list-participants.json",
			[]string{"participants"},
		},
		"LeaveConversation": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return nothing(app.LeaveConversation(ctx, chatID, messaging.Leaver{
					Person: messaging.Person{UserID: userID},
				}))
			},
			"POST " + chat + "/leave", "requests/leave-conversation.json", "{}", nil,
		},
		"PostMessage": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return app.PostMessage(ctx, chatID, messaging.MessagePost{Content: messaging.Text("Good morning")})
			},
			"POST " + chat + "/messages", "posts/text.json", "replies/text.json", []string{"messages"},
		},
		"ListMessages": {
			func(ctx context.Context, app messaging.App) (any, error) {
				page, err := app.ListMessages(ctx, chatID, messaging.Cursor{Before: "x"})
				return items(page), err
			},
			"GET " + chat + "/messages?page%5Bbefore%5D=x", "", "replies/list-messages.json", []string{"messages"},
		},
		"DeleteAllMessages": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return nothing(app.DeleteAllMessages(ctx, chatID))
			},
			"DELETE " + chat + "/messages", "", "{}", nil,
		},
		"DeleteMessage": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return nothing(app.DeleteMessage(ctx, chatID, otherID))
			},
			"DELETE " + chat + "/messages/" + otherID, "", "{}", nil,
		},
		"PostActivity": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return nothing(app.PostActivity(ctx, chatID, messaging.Activity{
					Type:   messaging.ActivityRead,
					Author: messaging.Author{Type: messaging.AuthorUser, UserID: userID, User: &messaging.User{}},
					Source: messaging.Source{Type: "not sent"},
				}))
			},
			"POST " + chat + "/activity", "requests/post-activity.json", "{}", nil,
		},
		"PassControl": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return nothing(app.PassControl(ctx, chatID, messaging.AgentWorkspace,
					messaging.Metadata{"first_message_id": otherID}))
			},
			"POST " + chat + "/passControl",
			`{"switchboardIntegration":"zd-agentWorkspace","metadata":{"first_message_id":"` + otherID + `"}}`, "{}", nil,
		},
		"ReleaseControl": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return nothing(app.ReleaseControl(ctx, chatID, nil))
			},
			"POST " + chat + "/releaseControl", `{}`, "{}", nil,
		},
		"OfferControl": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return nothing(app.OfferControl(ctx, chatID, messaging.Next, nil))
			},
			"POST " + chat + "/offerControl", `{"switchboardIntegration":"next"}`, "{}", nil,
		},
		"AcceptControl": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return nothing(app.AcceptControl(ctx, chatID, messaging.Metadata{"why": "free"}))
			},
			"POST " + chat + "/acceptControl", `{"metadata":{"why":"free"}}`, "{}", nil,
		},
		"UploadAttachment": {
			func(ctx context.Context, app messaging.App) (any, error) {
				upload := messaging.BytesUpload("cup.jpeg", []byte("a picture"))
				upload.ConversationID = chatID
				return app.UploadAttachment(ctx, upload)
			},
			"POST /attachments?access=public&conversationId=" + chatID + "&for=message", "form",
			"replies/upload-attachment.json", []string{"attachment"},
		},
		"DeleteAttachment": {
			func(ctx context.Context, app messaging.App) (any, error) {
				return nothing(app.DeleteAttachment(ctx, mediaURL))
			},
			"POST /attachments/remove", `{"mediaUrl":"` + mediaURL + `"}`, "{}", nil,
		},
	}
}

func items[T any](page *messaging.Page[T]) []T {
	if page == nil {
		return nil
	}
	return page.Items
}

// clientCreate returns what the files of testdata ask for.
func clientCreate(channel string) messaging.ClientCreate {
	create := messaging.ClientCreate{
		MatchCriteria: messaging.MatchCriteria{
			Type: channel, IntegrationID: "5b0000000000000000000003", Primary: new(true), PhoneNumber: "+44 20 7946 0000",
		},
		Confirmation:   messaging.Confirmation{Type: messaging.ConfirmImmediate},
		ConversationID: chatID,
	}
	if channel == messaging.ChannelMailgun {
		create.MatchCriteria.PhoneNumber = ""
		create.MatchCriteria.Address, create.MatchCriteria.Subject = "ada@shop.example", "Your coffee"
	}
	return create
}

// text returns JSON that is given or in a file of testdata.
func text(t *testing.T, given string) string {
	if given == "" || given[0] == '{' {
		return given
	}
	return string(readFile(t, given))
}

func TestOperations(t *testing.T) {
	require.Len(t, operations(), 33)
	for name, op := range operations() {
		t.Run(name, func(t *testing.T) {
			w := always(200, text(t, op.reply))
			got, err := op.call(t.Context(), newApp(w))
			require.NoError(t, err)
			require.Len(t, w.requests(), 1)
			request := w.requests()[0]
			method, path, _ := bytes.Cut([]byte(op.line), []byte(" "))
			assert.Equal(t, string(method)+" "+appURL+string(path), request.Line)
			assert.True(t, request.Bearer)
			switch op.body {
			case "":
				assert.Empty(t, request.Body)
			case "form":
				assert.Contains(t, request.Type, "multipart/form-data; boundary=")
			default:
				assert.JSONEq(t, text(t, op.body), request.Body)
			}
			if op.carries != nil {
				var want any = map[string]json.RawMessage{}
				require.NoError(t, json.Unmarshal([]byte(text(t, op.reply)), &want))
				for _, member := range op.carries {
					want = want.(map[string]any)[member]
				}
				assertSame(t, encode(t, want), encode(t, got))
			}
		})
	}
}

func TestCreateClientBodies(t *testing.T) {
	for _, channel := range []string{"mailgun", "messagebird", "twilio", "whatsapp"} {
		w := always(201, string(readFile(t, "replies/create-client.json")))
		_, err := newApp(w).CreateClient(t.Context(), userID, clientCreate(channel))
		require.NoError(t, err)
		assert.JSONEq(t, string(readFile(t, "requests/create-client-"+channel+".json")), w.requests()[0].Body)
	}
}

// TestBrand has the brand with the calls about users, and with no others.
func TestBrand(t *testing.T) {
	with := []string{
		"ListUsers", "GetUser", "UpdateUser", "DeleteUser", "DeleteUserPersonalInformation", "CreateClient",
		"ListClients", "RemoveClient", "ListDevices", "GetDevice",
	}
	for name, op := range operations() {
		w := always(200, text(t, op.reply))
		app := newApp(w)
		app.BrandID = "81&1"
		_, err := op.call(t.Context(), app)
		require.NoError(t, err)
		if slices.Contains(with, name) {
			assert.Contains(t, w.requests()[0].Line, "brandId=81%261", name)
		} else {
			assert.NotContains(t, w.requests()[0].Line, "brandId", name)
		}
	}
}

// TestUselessReplies has replies of success that do not say what they should.
func TestUselessReplies(t *testing.T) {
	created := []string{
		"CreateUser", "CreateClient", "CreateConversation", "JoinConversation", "PostMessage", "UploadAttachment",
		"SyncUser", "PostConversionEvents",
	}
	for name, op := range operations() {
		if len(op.carries) == 0 {
			continue
		}
		member := `{"` + op.carries[0] + `":`
		for _, reply := range []string{`{}`, `[]`, `5`, `null`, member + `7}`, member + `"x"}`, member + `null}`} {
			_, err := op.call(t.Context(), newApp(always(200, reply)))
			require.ErrorIs(t, err, sunco.ErrBadReply, "%s %s", name, reply)
			assert.Equal(t, slices.Contains(created, name), errors.As(err, new(*sunco.AmbiguousError)), "%s %v", name, err)
		}
	}
	app := newApp(always(201, `{"messages":[null]}`))
	_, err := app.PostMessage(t.Context(), chatID, messaging.MessagePost{Content: messaging.Text("x")})
	assert.ErrorAs(t, err, new(*sunco.AmbiguousError))
}

// TestNulls has lists with elements that are nothing, which are left out.
func TestNulls(t *testing.T) {
	for name, op := range operations() {
		if len(op.carries) == 0 || op.carries[0][len(op.carries[0])-1] != 's' || name == "PostConversionEvents" {
			continue
		}
		got, err := op.call(t.Context(), newApp(always(200, `{"`+op.carries[0]+`":[null,{"id":"x"},7,"x"]}`)))
		require.NoError(t, err, name)
		var list []json.RawMessage
		require.NoError(t, json.Unmarshal(encode(t, got), &list))
		assert.Len(t, list, 1, name)
	}
}

// TestLostAnswers has the calls that are made again after a lost answer, and
// those that are not.
func TestLostAnswers(t *testing.T) {
	again := []string{"PassControl", "PostActivity", "DownloadMessageRef", "DeleteAttachment"}
	for name, op := range operations() {
		synctest.Test(t, func(t *testing.T) {
			method, _, _ := bytes.Cut([]byte(op.line), []byte(" "))
			w := script(0, "reset", 200, text(t, op.reply))
			_, err := op.call(t.Context(), newApp(w))
			if string(method) != http.MethodPost || slices.Contains(again, name) {
				require.NoError(t, err, name)
				assert.Len(t, w.requests(), 2, name)
				return
			}
			assert.ErrorAs(t, err, new(*sunco.AmbiguousError), name)
			assert.Len(t, w.requests(), 1, name)
		})
	}
}

func TestDeleteAttachmentAgain(t *testing.T) {
	const gone = `{"errors":[{"code":"not_found","title":"Attachment not found"}]}`
	for name, test := range map[string]struct {
		answers []any
		want    error
	}{
		"deleted by the lost call":     {[]any{0, "reset", 404, gone}, nil},
		"a page is no answer":          {[]any{0, "reset", 404, "<html>"}, sunco.ErrMoved},
		"a sentence is no answer":      {[]any{0, "reset", 404, "not found"}, sunco.ErrNotFound},
		"never there":                  {[]any{404, gone}, sunco.ErrNotFound},
		"forbidden after a lost call":  {[]any{0, "reset", 403, gone}, sunco.ErrForbidden},
		"lost and lost and then there": {[]any{0, "reset", 0, "reset", 200, "{}"}, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			t.Log(name)
			err := newApp(script(test.answers...)).DeleteAttachment(t.Context(), mediaURL)
			if test.want == nil {
				require.NoError(t, err)
				return
			}
			assert.ErrorIs(t, err, test.want)
		})
	}
}

// TestDeleteAttachmentEnds has a context that ends during the first call.
func TestDeleteAttachmentEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := &wire{answer: func(int, sent) (int, string, error) {
		cancel()
		return 0, "", errors.New("reset")
	}}
	err := newApp(w).DeleteAttachment(ctx, mediaURL)
	assert.ErrorAs(t, err, new(*sunco.AmbiguousError))
	assert.ErrorIs(t, err, context.Canceled)
	assert.Len(t, w.requests(), 1)
}

func TestZeroApp(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(operations())) {
		_, err := operations()[name].call(t.Context(), messaging.App{})
		assert.ErrorAs(t, err, new(*sunco.InputError), name)
		_, err = operations()[name].call(t.Context(), messaging.App{Client: new(sunco.Client)})
		assert.ErrorAs(t, err, new(*sunco.InputError), name)
	}
}
