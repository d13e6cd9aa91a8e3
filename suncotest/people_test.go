package suncotest_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

// bot posts a content as the business.
func (s *told) bot(conversation, content string) string {
	s.Helper()
	a := s.post("/conversations/"+conversation+"/messages", `{"author":{"type":"business"},"content":`+content+`}`)
	require.Equal(s, 201, a.Status, a.Body)
	s.since()
	messages := s.p.Conversations(s.app)[0].Messages
	return messages[len(messages)-1].ID
}

func TestPress(t *testing.T) {
	for _, echo := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := allTold(t, suncotest.Behavior{EchoPostback: echo})
			conv := s.ada("menu")
			s.bot(conv, `{"type":"carousel","items":[`+
				`{"title":"Tacos","actions":[{"type":"postback","text":"Order","payload":"TACOS","metadata":{"n":1}},`+
				`{"type":"link","text":"Read","uri":"https://x.example"}]},`+
				`{"title":"Ramen","actions":[{"type":"postback","text":"Order","payload":"RAMEN"}]}]}`)
			s.bot(conv, `{"type":"text","text":"Or","actions":[`+
				`{"type":"reply","text":"A human \ud83d","payload":"HUMAN","metadata":{"x":"y"}},`+
				`{"type":"locationRequest","text":"Here"}]}`)

			require.NoError(t, s.p.Press(s.app, "ada", "TACOS"))
			events := s.since()
			require.Len(t, events, map[bool]int{false: 1, true: 2}[echo])
			assert.Equal(t, "conversation:postback", events[0]["type"])
			assert.Equal(t, map[string]any{"payload": "TACOS", "metadata": map[string]any{"n": 1.0}}, events[0]["postback"])
			assert.Equal(t, "ada", pick(events[0], "user.externalId"))
			assert.Equal(t, "web", pick(events[0], "source.type"))
			assert.Equal(t, "shoplifter", pick(events[0], activeName))
			if echo {
				assert.Equal(t, "Order", pick(events[1], "message.content.text"))
				assert.Equal(t, "TACOS", pick(events[1], "message.content.payload"))
			}
			info := s.api(s.token, "GET", tokenInfoURL, "").Body
			assert.Contains(t, info, fmt.Sprintf(`"echoPostback":%t`, echo))

			require.NoError(t, s.p.Press(s.app, "ada", "RAMEN"), "the second button of one text")
			assert.Equal(t, "RAMEN", pick(s.since()[0], "postback.payload"))
			require.NoError(t, s.p.Press(s.app, "ada", "Order"))
			s.since()
			require.NoError(t, s.p.Press(s.app, "ada", "HUMAN"))
			events = s.since()
			require.Len(t, events, 1)
			assert.Equal(t, map[string]any{"type": "text", "text": "A human \ufffd", "payload": "HUMAN"},
				pick(events[0], "message.content"))
			assert.Equal(t, map[string]any{"x": "y"}, pick(events[0], "message.metadata"))
			assert.Equal(t, "user", pick(events[0], "message.author.type"))
			assert.Contains(t, s.get("/conversations/"+conv+"/messages").Body, `"text":"A human \ud83d","type":"text"`)

			require.NoError(t, s.p.Press(s.app, "ada", "Here"))
			assert.Equal(t, "location", pick(s.since()[0], "message.content.type"))
			require.NoError(t, s.p.Press(s.app, "ada", "Read"))
			assert.Empty(t, s.since())
			require.ErrorContains(t, s.p.Press(s.app, "ada", "menu"), "no message has a button")
			require.ErrorContains(t, s.p.Press(s.app, "jane", "HUMAN"), "let it Say something")
			require.ErrorContains(t, s.p.Press("nobody", "ada", "HUMAN"), "no app")
		})
	}
}

func TestSubmit(t *testing.T) {
	for _, open := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := allTold(t, suncotest.Behavior{FormStaysOpen: open})
			conv := s.ada("book")
			require.ErrorContains(t, s.p.Submit(s.app, "ada", nil), "no form")
			form := s.bot(conv, `{"type":"form","submitted":true,"fields":[`+
				`{"type":"text","name":"name","label":"Name","maxSize":5},{"type":"email","name":"mail","label":"Mail"},`+
				`{"type":"text","name":"n","label":"Guests","format":"integer"},`+
				`{"type":"text","name":"d","label":"Price","format":"decimal"},`+
				`{"type":"select","name":"size","label":"Size","options":[{"name":"l","label":"Large"}]}]}`)
			path := "/conversations/" + conv + "/messages"
			assert.Contains(t, s.get(path).Body, `"submitted":false`)
			good := func() map[string]string {
				return map[string]string{"name": "Ada", "mail": "ada@x.example", "n": "3", "d": "1.5", "size": "Large"}
			}
			for name, value := range map[string]string{
				"name": "longer", "mail": "ada", "n": "many", "d": "x", "size": "Small", "other": "x",
			} {
				values := good()
				values[name] = value
				require.Error(t, s.p.Submit(s.app, "ada", values), name)
			}
			missing := good()
			delete(missing, "mail")
			require.ErrorContains(t, s.p.Submit(s.app, "ada", missing), `"mail"`)
			assert.Empty(t, s.since())

			require.NoError(t, s.p.Submit(s.app, "ada", good()))
			events := s.since()
			require.Len(t, events, 1)
			assert.Equal(t, "formResponse", pick(events[0], "message.content.type"))
			fields := pick(events[0], "message.content.fields").([]any)
			require.Len(t, fields, 5)
			assert.Equal(t, map[string]any{"type": "email", "name": "mail", "label": "Mail", "email": "ada@x.example",
				"quotedMessageId": form}, fields[1])
			assert.Equal(t, []any{map[string]any{"name": "l", "label": "Large"}}, pick(fields[4], "select"))
			assert.Contains(t, pick(events[0], "message.content.textFallback"), "Guests: 3")
			assert.Contains(t, s.get(path).Body, fmt.Sprintf(`"submitted":%t`, !open))
			assert.Equal(t, open, s.p.Submit(s.app, "ada", good()) == nil, "a form is submitted once")
		})
	}
}

func TestPersonTypesReadsAndUploads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := allTold(t, suncotest.Behavior{})
		conv := s.ada("hello")
		require.Equal(t, 201, s.say(conv, "hi").Status)
		assert.Contains(t, s.get("/conversations/"+conv+"/participants").Body, `"unreadCount":1`)
		s.since()
		require.NoError(t, s.p.Type(s.app, "ada", true))
		require.NoError(t, s.p.Type(s.app, "ada", false))
		require.NoError(t, s.p.Read(s.app, "ada"))
		var heard []any
		for _, e := range s.since() {
			heard = append(heard, e["type"], pick(e, "activity.type"), pick(e, "activity.source.type"))
		}
		assert.Equal(t, []any{
			"conversation:typing", "typing:start", "web", "conversation:typing", "typing:stop", "web",
			"conversation:read", "conversation:read", "web",
		}, heard)
		body := s.get("/conversations/" + conv + "/participants").Body
		assert.Contains(t, body, `"unreadCount":0`)
		assert.Contains(t, body, `"clientAssociations":[{"type":"sdk","clientId":"`)

		for kind, want := range map[string]string{"image/png": "image", "application/pdf": "file", "": "file"} {
			file := []byte("content")
			require.NoError(t, s.p.Upload(s.app, "ada", "receipt.x", kind, file))
			file[0] = 'X'
			events := s.since()
			require.Len(t, events, 1)
			said := pick(events[0], "message.content").(map[string]any)
			assert.Equal(t, want, said["type"])
			assert.Equal(t, 7.0, said["mediaSize"])
			assert.Equal(t, "content", s.do("GET", said["mediaUrl"].(string), "").Body)
		}
		require.Error(t, s.p.Type(s.app, "jane", true))
		require.Error(t, s.p.Read("nobody", "ada"))
		require.Error(t, s.p.Upload(s.app, "jane", "x", "", nil))
		require.Error(t, s.p.Upload(s.app, "ada", "x", "", make([]byte, 50_000_001)))
	})
}

// The story of a Marketplace review.
func TestReview(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := allTold(t, suncotest.Behavior{})
		conv := s.ada("hello")
		s.bot(conv, `{"type":"text","text":"Hi","actions":[{"type":"reply","text":"Human","payload":"HUMAN"}]}`)
		require.NoError(t, s.p.Press(s.app, "ada", "HUMAN"))
		s.ok("POST", "/conversations/"+conv+"/passControl", `{"switchboardIntegration":"zd-agentWorkspace"}`)
		require.NoError(t, s.p.Answer(s.app, conv, "What is it?"))
		s.ada("never mind")
		require.NoError(t, s.p.Solve(s.app, conv))
		s.ada("bot?")
		var story []string
		for _, m := range s.p.Conversations(s.app)[0].Messages {
			story = append(story, strings.TrimSpace(m.AuthorType+" "+m.AuthorSubtype+": "+m.Text))
		}
		assert.Equal(t, []string{
			"user : hello", "business : Hi", "user : Human", "business agent: What is it?", "user : never mind",
			"business activity: The ticket is closed.", "user : bot?",
		}, story)
		tickets := s.p.Tickets(s.app)
		require.Len(t, tickets, 1)
		assert.Len(t, tickets[0].Messages, 6)
		assert.Equal(t, suncotest.DefaultClientID, s.control())
	})
}

// A person with several conversations is in one of them.
func TestOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := allTold(t, suncotest.Behavior{})
		ada := s.user("ada")
		first, second, bobs := s.conversation(ada), s.conversation(ada), s.conversation(s.user("bob"))
		where := func() any {
			t.Helper()
			s.since()
			require.NoError(t, s.p.Type(s.app, "ada", true))
			s.ada("where am I?")
			events := s.since()
			require.Len(t, events, 2)
			assert.Equal(t, pick(events[0], "conversation.id"), pick(events[1], "conversation.id"))
			return pick(events[0], "conversation.id")
		}
		assert.Equal(t, second, where(), "the latest")
		require.NoError(t, s.p.Open(s.app, "ada", first))
		assert.Equal(t, first, where())
		third := s.conversation(ada)
		for _, wrong := range [][2]string{{"ada", bobs}, {"carl", first}, {"ada", "nowhere"}} {
			require.ErrorContains(t, s.p.Open(s.app, wrong[0], wrong[1]), "no conversation")
		}
		require.ErrorContains(t, s.p.Open("nobody", "ada", first), "no app")
		assert.Equal(t, first, where(), "nothing of this changed it")
		require.NoError(t, s.p.Open(s.app, "ada", second))
		s.ok("DELETE", "/conversations/"+second, "")
		assert.Equal(t, third, where(), "the latest, because the other one is gone")
	})
}
