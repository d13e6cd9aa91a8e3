package suncotest_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

func (d *desk) patch(path, body string) answer {
	d.Helper()
	return d.api(d.token, "PATCH", d.base+path, body)
}

func (d *desk) remove(path string) answer {
	d.Helper()
	return d.api(d.token, "DELETE", d.base+path, "")
}

// group creates a group of users and returns the id.
func (d *desk) group(userIDs ...string) string {
	d.Helper()
	var people []string
	for _, id := range userIDs {
		people = append(people, `{"userId":"`+id+`","subscribeSDKClient":false}`)
	}
	a := d.post("/conversations", `{"type":"sdkGroup","participants":[`+strings.Join(people, ",")+`]}`)
	require.Equal(d, 201, a.Status, a.Body)
	return field(d.T, a.Body, "conversation.id")
}

func TestUpdateConversation(t *testing.T) {
	for name, tc := range map[string]struct {
		behavior        suncotest.Behavior
		display, note   string // after null
		metadata, after string // after a second change, and after null
	}{
		"likeliest":       {suncotest.Behavior{}, "", "", `{"b":2}`, ""},
		"null is ignored": {suncotest.Behavior{NullKept: true}, "A", "B", `{"b":2}`, `{"b":2}`},
		"metadata merges": {suncotest.Behavior{MetadataMerges: true}, "", "", `{"a":1,"b":2}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := allTold(t, tc.behavior)
				at := "/conversations/" + s.ada("hello")
				before := field(t, s.get(at).Body, "conversation.lastUpdatedAt")
				s.since()
				time.Sleep(time.Second)
				a := s.patch(at, `{"displayName":"A","description":"B","iconUrl":"https://x.example/i.png",`+
					`"metadata":{"a":1}}`)
				require.Equal(t, 200, a.Status, a.Body)
				assert.Equal(t, a.Body, s.get(at).Body)
				assert.Equal(t, "A B", field(t, a.Body, "conversation.displayName")+" "+
					field(t, a.Body, "conversation.description"))
				assert.Equal(t, before, field(t, a.Body, "conversation.lastUpdatedAt"))
				metadata := func() string { return string(s.p.Conversations(s.app)[0].Metadata) }
				assert.JSONEq(t, `{"a":1}`, metadata())
				a = s.patch(at, `{"metadata":{"b":2}}`)
				assert.JSONEq(t, tc.metadata, metadata())
				assert.Equal(t, "A", field(t, a.Body, "conversation.displayName"), "what is absent stays")
				a = s.patch(at, `{"displayName":null,"description":null,"iconUrl":null}`)
				assert.Equal(t, tc.display, field(t, a.Body, "conversation.displayName"))
				assert.Equal(t, tc.note, field(t, a.Body, "conversation.description"))
				require.Equal(t, 200, s.patch(at, `{"metadata":null}`).Status)
				assert.Equal(t, tc.after, metadata())
				assert.Empty(t, s.since())
				requireCode(t, s.patch(at, `{"displayName":""}`), 400, "bad_request")
				requireCode(t, s.patch(at, `{"displayName":"`+strings.Repeat("x", 101)+`"}`), 400, "bad_request")
				requireCode(t, s.patch(at, `{"iconUrl":"x"}`), 400, "bad_request")
				requireCode(t, s.patch("/conversations/x", `{}`), 404, "conversation_not_found")
			})
		})
	}
}

func TestDeleteConversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := allTold(t, suncotest.Behavior{Strict: true})
		id := s.user("jane")
		first, second := s.conversation(id), s.conversation(id)
		require.Equal(t, 201, s.say(second, "bye").Status)
		require.NoError(t, s.p.PassControl(s.app, second, suncotest.AgentWorkspace))
		s.since()
		requireCode(t, s.remove("/conversations/"+first), 400, "bad_request")
		s.ok("DELETE", "/conversations/"+second, "")
		events := s.since()
		require.Len(t, events, 1)
		assert.Equal(t, "conversation:remove "+second,
			events[0]["type"].(string)+" "+pick(events[0], "conversation.id").(string))
		requireCode(t, s.get("/conversations/"+second), 404, "conversation_not_found")
		requireCode(t, s.remove("/conversations/"+second), 404, "conversation_not_found")
		requireCode(t, s.say(second, "x"), 404, "conversation_not_found")
		ids, _, _, _ := records(t, s.get("/conversations?filter[userId]="+id), "conversations")
		assert.Equal(t, []string{first}, ids)
		assert.Empty(t, s.p.Tickets(s.app))
		assert.Len(t, s.p.Conversations(s.app), 1)
	})
}

func TestDeleteMessages(t *testing.T) {
	for _, placeholders := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := allTold(t, suncotest.Behavior{Placeholders: placeholders})
			at := "/conversations/" + s.ada("one") + "/messages"
			s.ada("two")
			s.ada("three")
			s.since()
			ids, _, _, _ := records(t, s.get(at), "messages")
			s.ok("DELETE", at+"/"+ids[1], "")
			requireCode(t, s.remove(at+"/"+ids[1]), 404, "not_found")
			requireCode(t, s.remove("/conversations/x/messages/"+ids[0]), 404, "conversation_not_found")
			left, _, _, _ := records(t, s.get(at), "messages")
			messages := s.p.Conversations(s.app)[0].Messages
			if placeholders {
				assert.Equal(t, ids, left)
				assert.True(t, messages[1].Deleted)
				assert.Nil(t, messages[1].Content)
				assert.Contains(t, s.get(at).Body, `"deleted":true`)
				assert.NotContains(t, s.get(at).Body, "two")
			} else {
				assert.Equal(t, []string{ids[0], ids[2]}, left)
			}
			s.ok("DELETE", at, "")
			left, _, _, _ = records(t, s.get(at), "messages")
			assert.Empty(t, left)
			requireCode(t, s.remove("/conversations/x/messages"), 404, "conversation_not_found")
			assert.Empty(t, s.since())
			s.ada("four")
			assert.Len(t, s.p.Conversations(s.app)[0].Messages, 1)
		})
	}
}

func TestMessageOrder(t *testing.T) {
	for _, newest := range []bool{false, true} {
		d := deskWith(t, suncotest.Behavior{NewestFirst: newest})
		conv := d.conversation(d.user("jane"))
		require.Equal(t, 201, d.say(conv, "first").Status)
		require.Equal(t, 201, d.say(conv, "second").Status)
		body := d.get("/conversations/" + conv + "/messages").Body
		assert.Equal(t, newest, strings.Index(body, "second") < strings.Index(body, "first"))
	}
}

func TestParticipants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := allTold(t, suncotest.Behavior{Strict: true})
		jane, john := s.user("jane"), s.user("john")
		conv := s.group(jane)
		at := "/conversations/" + conv
		s.since()
		a := s.post(at+"/join", `{"userExternalId":"john","subscribeSDKClient":true}`)
		require.Equal(t, 201, a.Status, a.Body)
		place := field(t, a.Body, "participant.id")
		assert.JSONEq(t, `{"participant":{"id":"`+place+`","userId":"`+john+`","userExternalId":"john","unreadCount":0,`+
			`"clientAssociations":[]}}`, a.Body)
		events := s.since()
		require.Len(t, events, 1)
		assert.Equal(t, "conversation:join", events[0]["type"])
		assert.Equal(t, map[string]any{"id": john, "externalId": "john", "authenticated": false}, events[0]["user"])
		assert.Equal(t, "sdkGroup", pick(events[0], "conversation.type"))

		require.Equal(t, 201, s.say(conv, "hi").Status)
		s.ok("POST", at+"/activity", `{"author":{"type":"user","userId":"`+jane+`"},"type":"conversation:read"}`)
		body := s.get(at + "/participants").Body
		assert.Contains(t, body, `"userExternalId":"jane","unreadCount":0,"clientAssociations":[],"lastRead":"`)
		assert.Contains(t, body, `"userExternalId":"john","unreadCount":1`)
		ids, more, _, next := records(t, s.get(at+"/participants?page[size]=1"), "participants")
		assert.Len(t, ids, 1)
		assert.True(t, more)
		ids, _, _, _ = records(t, s.get(strings.TrimPrefix(next, s.base)), "participants")
		assert.Equal(t, []string{place}, ids)
		requireCode(t, s.get(at+"/participants?page[size]=0"), 400, "bad_request")
		requireCode(t, s.get("/conversations/x/participants"), 404, "conversation_not_found")

		s.since()
		for i, leaver := range []string{
			`"participantId":"` + place + `"`, `"userId":"` + john + `"`, `"userExternalId":"john"`,
		} {
			s.ok("POST", at+"/leave", `{`+leaver+`}`)
			events = s.since()
			require.Len(t, events, 1)
			assert.Equal(t, "conversation:leave "+john, events[0]["type"].(string)+" "+pick(events[0], "user.id").(string))
			requireCode(t, s.post(at+"/leave", `{`+leaver+`}`), 404, "not_found")
			ids, _, _, _ = records(t, s.get("/conversations?filter[userId]="+john), "conversations")
			assert.Empty(t, ids, i)
			require.Equal(t, 201, s.post(at+"/join", `{"userId":"`+john+`","subscribeSDKClient":false}`).Status)
			s.since()
		}
	})
}

func TestParticipantsRefuse(t *testing.T) {
	d := strictDesk(t)
	jane, john := d.user("jane"), d.user("john")
	alone, group := "/conversations/"+d.conversation(jane), "/conversations/"+d.group(jane)
	who := `{"userId":"` + john + `","subscribeSDKClient":true}`
	for name, tc := range map[string]struct {
		path, body, code string
		status           int
	}{
		"personal": {alone + "/join", who, "bad_request", 400},
		"nobody":   {group + "/join", `{"subscribeSDKClient":true}`, "bad_request", 400},
		"both": {
			group + "/join", `{"userId":"x","userExternalId":"y","subscribeSDKClient":true}`, "bad_request", 400,
		},
		"no client":      {group + "/join", `{"userId":"` + john + `"}`, "bad_request", 400},
		"again":          {group + "/join", `{"userId":"` + jane + `","subscribeSDKClient":true}`, "bad_request", 400},
		"stranger":       {group + "/join", `{"userId":"x","subscribeSDKClient":true}`, "user_not_found", 404},
		"nowhere":        {"/conversations/x/join", who, "conversation_not_found", 404},
		"leave personal": {alone + "/leave", `{"userId":"` + jane + `"}`, "bad_request", 400},
		"leave as two":   {group + "/leave", `{"userId":"` + jane + `","participantId":"x"}`, "bad_request", 400},
		"leave as none":  {group + "/leave", `{}`, "bad_request", 400},
		"not in it":      {group + "/leave", `{"userId":"` + john + `"}`, "not_found", 404},
		"leave nowhere":  {"/conversations/x/leave", `{"userId":"x"}`, "conversation_not_found", 404},
	} {
		t.Run(name, func(t *testing.T) { requireCode(t, d.post(tc.path, tc.body), tc.status, tc.code) })
	}
	for i := range 9 {
		require.Equal(t, 201, d.post(group+"/join", `{"userId":"`+d.user(strings.Repeat("x", i+1))+
			`","subscribeSDKClient":true}`).Status)
	}
	requireCode(t, d.post(group+"/join", who), 400, "bad_request")
}

func TestActivity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := allTold(t, suncotest.Behavior{Strict: true})
		conv := s.ada("hello")
		at := "/conversations/" + conv + "/activity"
		u := `{"author":{"type":"user","userExternalId":"ada"},"type":"`
		s.since()
		s.ok("POST", at, u+`typing:start"}`)
		s.ok("POST", at, u+`typing:stop"}`)
		s.ok("POST", at, u+`conversation:read"}`)
		events := s.since()
		require.Len(t, events, 3)
		for i, want := range []string{"typing:start", "typing:stop", "conversation:read"} {
			assert.Equal(t, want, pick(events[i], "activity.type"))
			assert.Equal(t, "ada", pick(events[i], "activity.author.user.externalId"))
			assert.Equal(t, "api:conversations", pick(events[i], "activity.source.type"))
			assert.Equal(t, conv, pick(events[i], "conversation.id"))
		}
		assert.Equal(t, []any{"conversation:typing", "conversation:typing", "conversation:read"},
			[]any{events[0]["type"], events[1]["type"], events[2]["type"]})

		// Of the business nobody is told, but the widget shows it.
		typing := func() bool { return s.p.Conversations(s.app)[0].Typing }
		business := `{"author":{"type":"business","subtypes":["AI"]},"type":"`
		s.ok("POST", at, business+`typing:start"}`)
		assert.True(t, typing())
		s.ok("POST", at, business+`typing:stop"}`)
		assert.False(t, typing())
		s.ok("POST", at, business+`typing:start"}`)
		time.Sleep(11 * time.Second)
		assert.False(t, typing())
		s.ok("POST", at, business+`typing:start"}`)
		require.Equal(t, 201, s.say(conv, "hi").Status)
		assert.False(t, typing())
		assert.NotContains(t, s.get("/conversations/"+conv).Body, "businessLastRead")
		s.ok("POST", at, business+`conversation:read"}`)
		assert.Regexp(t, timePattern, field(t, s.get("/conversations/"+conv).Body, "conversation.businessLastRead"))
		assert.Equal(t, []string{"conversation:message"}, s.types())

		s.user("jane")
		for name, body := range map[string]string{
			"no type": `{"author":{"type":"business"}}`, "no author": `{"type":"typing:start"}`,
			"type":     `{"author":{"type":"business"},"type":"typing"}`,
			"no user":  `{"author":{"type":"user"},"type":"typing:start"}`,
			"stranger": `{"author":{"type":"user","userExternalId":"jane"},"type":"typing:start"}`,
		} {
			a := s.post(at, body)
			assert.Equal(t, 400, a.Status, "%s: %s", name, a.Body)
		}
		requireCode(t, s.post(at, `{"author":{"type":"user","userExternalId":"x"},"type":"typing:start"}`), 404,
			"user_not_found")
		requireCode(t, s.post("/conversations/x/activity", u+`typing:start"}`), 404, "conversation_not_found")
		assert.Empty(t, s.since())
	})
}

func TestDisclaimer(t *testing.T) {
	d := deskWith(t, suncotest.Behavior{AIDisclaimer: true})
	conv := d.conversation(d.user("jane"))
	post := func(author string) int {
		a := d.post("/conversations/"+conv+"/messages", `{"author":`+author+`,"content":{"type":"text","text":"hi"}}`)
		require.Equal(t, 201, a.Status, a.Body)
		return strings.Count(a.Body, `"received"`)
	}
	const business, ai = `{"type":"business"}`, `{"type":"business","subtypes":["AI"]}`
	assert.Equal(t, []int{1, 2, 1, 1}, []int{post(business), post(ai), post(ai), post(business)})
	assert.Len(t, d.p.Conversations(d.appID("acme"))[0].Messages, 5)
}

func TestReceipts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := allTold(t, suncotest.Behavior{DeliveryReceipts: true})
		conv := s.ada("hello")
		at := "/conversations/" + conv + "/messages"
		s.since()
		post := func(more string) []map[string]any {
			a := s.post(at, `{"author":{"type":"business"},"content":{"type":"text","text":"hi"}`+more+`}`)
			require.Equal(t, 201, a.Status, a.Body)
			return s.since()
		}
		events := post("")
		require.Len(t, events, 3)
		for i, want := range []string{"channel", "user"} {
			assert.Equal(t, "conversation:message:delivery:"+want, events[i+1]["type"])
			assert.Equal(t, pick(events[0], "message.id"), pick(events[i+1], "message.id"))
			assert.Equal(t, "web", pick(events[i+1], "destination.type"))
			assert.Equal(t, i == 1, events[i+1]["isFinalEvent"])
			assert.Equal(t, "ada", pick(events[i+1], "user.externalId"))
		}
		assert.Len(t, post(`,"destination":{"integrationType":"web"}`), 3)
		require.Equal(t, 201, s.post("/users/ada/clients", `{"matchCriteria":{"type":"whatsapp","integrationId":"5",`+
			`"phoneNumber":"+1"},"confirmation":{"type":"prompt"},"target":{"conversationId":"`+conv+`"}}`).Status)
		s.since()
		events = post(`,"destination":{"integrationType":"whatsapp"}`)
		require.Len(t, events, 2, "a client that is pending reaches nobody")
		assert.Equal(t, "conversation:message:delivery:failure", events[1]["type"])
		assert.NotEmpty(t, pick(events[1], "error.code"))
		assert.Equal(t, true, events[1]["isFinalEvent"])
		var receipts []string
		for _, m := range s.p.Conversations(s.app)[0].Messages {
			receipts = append(receipts, m.Receipt)
		}
		assert.Equal(t, []string{"", "user", "user", "failure"}, receipts)
	})
}

func TestUnits(t *testing.T) {
	for _, utf16 := range []bool{false, true} {
		d := deskWith(t, suncotest.Behavior{UTF16: utf16})
		conv := d.conversation(d.user("jane"))
		assert.Equal(t, 201, d.say(conv, strings.Repeat("😀", 2048)).Status)
		assert.Equal(t, 201, d.say(conv, strings.Repeat("é", 4096)).Status)
		assert.Equal(t, utf16, d.say(conv, strings.Repeat("😀", 2049)).Status == 400)
	}
}
