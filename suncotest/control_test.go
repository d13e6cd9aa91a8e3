package suncotest_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

// told is what a webhook was told, in order.
type told struct {
	*desk
	app  string
	list []map[string]any
}

// allTold returns a desk with a webhook that is told everything.
func allTold(t *testing.T, b suncotest.Behavior) *told {
	t.Helper()
	b.DeliverySerial = true
	d := deskWith(t, b)
	s := &told{desk: d, app: d.appID("acme")}
	d.p.Mount("partner.example", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s.list = append(s.list, toldPayloads(r)...)
	}))
	require.Equal(t, 201, d.post("/integrations/me/webhooks", `{"target":"`+hookTarget+`",`+everyTrigger()+`}`).Status)
	return s
}

// since waits for the deliveries and returns those that were not returned before.
func (s *told) since() []map[string]any {
	s.Helper()
	synctest.Wait()
	all := s.list
	s.list = nil
	return all
}

// types waits for the deliveries and returns the types of the events.
func (s *told) types() []string {
	s.Helper()
	var all []string
	for _, e := range s.since() {
		all = append(all, e["type"].(string))
	}
	return all
}

// ok makes a request that has nothing to answer.
func (s *told) ok(method, path, body string) {
	s.Helper()
	a := s.api(s.token, method, s.base+path, body)
	require.Equal(s, 200, a.Status, a.Body)
	require.Equal(s, "{}", a.Body)
}

// pick returns a member of a member of an object.
func pick(value any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// ada writes, and so there is a conversation.
func (s *told) ada(text string) (conversation string) {
	s.Helper()
	require.NoError(s, s.p.Say(s.app, "ada", text))
	all := s.p.Conversations(s.app)
	return all[len(all)-1].ID
}

func (s *told) control() string {
	s.Helper()
	return s.p.Conversations(s.app)[0].Control
}

const (
	activeName  = "conversation.activeSwitchboardIntegration.name"
	pendingName = "conversation.pendingSwitchboardIntegration.name"
)

func TestPassControl(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := allTold(t, suncotest.Behavior{Strict: true})
		conv := s.ada("hello")
		at := "/conversations/" + conv
		s.since()
		s.ok("POST", at+"/passControl", `{"switchboardIntegration":"next","metadata":{"first_message_id":"x","n":1}}`)
		events := s.since()
		require.Len(t, events, 1)
		assert.Equal(t, "switchboard:passControl", events[0]["type"])
		assert.Equal(t, suncotest.AgentWorkspace, pick(events[0], activeName))
		assert.Equal(t, map[string]any{"first_message_id": "x", "n": 1.0}, events[0]["metadata"])
		assert.NotContains(t, events[0], "reason")
		agents := pick(events[0], "conversation.activeSwitchboardIntegration").(map[string]any)
		assert.Regexp(t, idPattern, agents["integrationId"])
		assert.Equal(t, "zd:agentWorkspace", agents["integrationType"])

		// The same once more changes nothing and tells nobody.
		s.ok("POST", at+"/passControl", `{"switchboardIntegration":"zd-agentWorkspace"}`)
		assert.Empty(t, s.since())
		for _, named := range []string{"shoplifter", agents["id"].(string), "shoplifter", "zd:agentWorkspace"} {
			s.ok("POST", at+"/passControl", `{"switchboardIntegration":"`+named+`"}`)
			events = s.since()
			require.Len(t, events, 1, named)
			assert.NotContains(t, events[0], "metadata")
		}
		assert.Equal(t, suncotest.AgentWorkspace, s.control())
		a := s.get(at)
		assert.Equal(t, "zd-agentWorkspace", field(t, a.Body, "conversation.activeSwitchboardIntegration.name"))

		for name, body := range map[string]string{
			"nothing": `{}`, "null": `{"switchboardIntegration":null}`, "empty": `{"switchboardIntegration":""}`,
			"nested":  `{"switchboardIntegration":"next","metadata":{"a":{}}}`,
			"unknown": `{"switchboardIntegration":"next","x":1}`,
			"large":   `{"switchboardIntegration":"next","metadata":{"a":"` + strings.Repeat("x", 4097) + `"}}`,
		} {
			a := s.post(at+"/passControl", body)
			assert.Equal(t, 400, a.Status, "%s: %s", name, a.Body)
		}
		requireCode(t, s.post("/conversations/x/passControl", `{"switchboardIntegration":"next"}`), 404,
			"conversation_not_found")
		assert.Empty(t, s.since())
	})
}

func TestOfferAndAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := allTold(t, suncotest.Behavior{Strict: true})
		at := "/conversations/" + s.ada("hello")
		s.since()
		s.ok("POST", at+"/offerControl", `{"switchboardIntegration":"zd-agentWorkspace","metadata":{"a":true}}`)
		events := s.since()
		require.Len(t, events, 1)
		assert.Equal(t, "switchboard:offerControl", events[0]["type"])
		assert.Equal(t, "shoplifter", pick(events[0], activeName))
		assert.Equal(t, "zd-agentWorkspace", pick(events[0], pendingName))
		assert.Equal(t, map[string]any{"a": true}, events[0]["metadata"])
		assert.Equal(t, "zd-agentWorkspace", s.p.Conversations(s.app)[0].Pending)
		requireCode(t, s.post(at+"/acceptControl", `{}`), 403, "forbidden")

		// An offer to the bot ends the one before, and the bot accepts it.
		require.NoError(t, s.p.PassControl(s.app, at[len("/conversations/"):], suncotest.AgentWorkspace))
		assert.Empty(t, s.p.Conversations(s.app)[0].Pending)
		s.ok("POST", at+"/offerControl", `{"switchboardIntegration":"shoplifter"}`)
		s.since()
		s.ok("POST", at+"/acceptControl", `{"metadata":{"b":2}}`)
		events = s.since()
		require.Len(t, events, 1)
		assert.Equal(t, "switchboard:acceptControl", events[0]["type"])
		assert.Equal(t, "shoplifter", pick(events[0], activeName))
		assert.Nil(t, pick(events[0], pendingName))
		assert.Equal(t, map[string]any{"b": 2.0}, events[0]["metadata"])
		requireCode(t, s.post("/conversations/x/offerControl", `{"switchboardIntegration":"next"}`), 404,
			"conversation_not_found")
		requireCode(t, s.post("/conversations/x/acceptControl", `{}`), 404, "conversation_not_found")
	})
}

func TestRelease(t *testing.T) {
	for _, atOnce := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := allTold(t, suncotest.Behavior{ReleaseToDefault: atOnce})
			at := "/conversations/" + s.ada("hello")
			s.since()
			s.ok("POST", at+"/releaseControl", `{"metadata":{"a":1}}`)
			events := s.since()
			require.Len(t, events, 1)
			assert.Equal(t, "switchboard:releaseControl", events[0]["type"])
			assert.NotContains(t, events[0]["conversation"], "activeSwitchboardIntegration")
			assert.Equal(t, map[string]any{"a": 1.0}, events[0]["metadata"])
			if atOnce {
				assert.Equal(t, "shoplifter", s.control())
				return
			}
			assert.Empty(t, s.control())
			requireCode(t, s.post(at+"/releaseControl", `{}`), 403, "forbidden")
			require.Equal(t, 201, s.say(at[len("/conversations/"):], "still there?").Status)
			assert.Empty(t, s.control(), "the business gives control to nobody")
			s.ada("yes")
			assert.Equal(t, "shoplifter", s.control())
			require.NoError(t, s.p.PassControl(s.app, at[len("/conversations/"):], suncotest.AgentWorkspace))
			requireCode(t, s.post(at+"/releaseControl", `{}`), 403, "forbidden")
			require.NoError(t, s.p.PassControl(s.app, at[len("/conversations/"):], suncotest.DefaultClientID))
			events = s.since()
			assert.Equal(t, "shoplifter", pick(events[len(events)-1], activeName))

			// The body of this call is optional.
			a := s.do("POST", s.base+at+"/releaseControl", "", "Authorization", "Bearer "+s.token)
			require.Equal(t, 200, a.Status, a.Body)
			requireCode(t, s.post("/conversations/x/releaseControl", `{}`), 404, "conversation_not_found")
		})
	}
}

// What cannot be done is told, or refused.
func TestControlFails(t *testing.T) {
	for _, refused := range []bool{false, true} {
		for name, tc := range map[string]struct{ action, body, code string }{
			"pass to nobody":    {"passControl", `{"switchboardIntegration":"nobody"}`, "switchboard_invalid_target"},
			"offer to nobody":   {"offerControl", `{"switchboardIntegration":"nobody"}`, "switchboard_invalid_target"},
			"offer to the same": {"offerControl", `{"switchboardIntegration":"shoplifter"}`, "switchboard_invalid_target"},
			"accept nothing":    {"acceptControl", `{}`, "switchboard_invalid_action"},
		} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := allTold(t, suncotest.Behavior{ControlRefused: refused})
					at := "/conversations/" + s.ada("hello")
					s.since()
					body := strings.Replace(tc.body, "{", `{"metadata":{"a":1},`, 1)
					body = strings.Replace(body, ",}", "}", 1)
					if refused {
						requireCode(t, s.post(at+"/"+tc.action, body), 400, tc.code)
						assert.Empty(t, s.since())
						return
					}
					s.ok("POST", at+"/"+tc.action, body)
					events := s.since()
					require.Len(t, events, 1)
					assert.Equal(t, "switchboard:"+tc.action+":failure", events[0]["type"])
					assert.Equal(t, tc.code, pick(events[0], "error.code"))
					assert.NotEmpty(t, pick(events[0], "error.message"))
					assert.Equal(t, map[string]any{"a": 1.0}, events[0]["metadata"])
					assert.Equal(t, "shoplifter", pick(events[0], activeName))
				})
			})
		}
	}
}

func TestNextAfterTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := allTold(t, suncotest.Behavior{})
		at := "/conversations/" + s.ada("hello")
		for range 2 {
			s.ok("POST", at+"/passControl", `{"switchboardIntegration":"next"}`)
		}
		assert.Equal(t, []string{
			"conversation:create", "conversation:message", "switchboard:passControl", "switchboard:passControl:failure",
		}, s.types())
	})
}

func TestNoSwitchboard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := allTold(t, suncotest.Behavior{NoSwitchboard: true})
		conv := s.ada("hello")
		for _, e := range s.since() {
			assert.Nil(t, pick(e, activeName))
		}
		assert.NotContains(t, s.get("/conversations/"+conv).Body, "Switchboard")
		s.ok("POST", "/conversations/"+conv+"/passControl", `{"switchboardIntegration":"next"}`)
		assert.Equal(t, []string{"switchboard:passControl:failure"}, s.types())
		requireCode(t, s.post("/conversations/"+conv+"/releaseControl", `{}`), 403, "forbidden")
		require.ErrorContains(t, s.p.PassControl(s.app, conv, suncotest.AgentWorkspace), "no integration")
		require.ErrorContains(t, s.p.Solve(s.app, conv), "no agent")
		s.ada("again")
		assert.Empty(t, s.control())
	})
}

func TestStandby(t *testing.T) {
	for _, silent := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := allTold(t, suncotest.Behavior{NoStandbyEvents: silent})
			conv := s.ada("hello")
			s.ok("POST", "/conversations/"+conv+"/passControl", `{"switchboardIntegration":"next"}`)
			s.since()
			s.ada("are you a human?")
			require.NoError(t, s.p.Answer(s.app, conv, "I am"))
			heard := s.types()
			assert.Equal(t, silent, len(heard) == 0)
			require.NoError(t, s.p.PassControl(s.app, conv, suncotest.DefaultClientID))
			s.ada("and now?")
			assert.Equal(t, []string{"switchboard:passControl", "conversation:message"}, s.types())
		})
	}
}

// The bot of the switchboard is the integration that is installed at this moment.
func TestResponderIsTheInstallation(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	app := w.appID("acme")
	require.NoError(t, w.p.Say(app, "ada", "early"))
	conv := "/conversations/" + w.p.Conversations(app)[0].ID
	for range 2 {
		d := &desk{w, w.install("acme"), acmeURL + "/v2/apps/" + app}
		assert.Equal(t, w.p.Installations()[0].IntegrationID,
			field(t, d.get(conv).Body, "conversation.activeSwitchboardIntegration.integrationId"))
		require.NoError(t, w.p.Uninstall(app))
	}
}

func TestAgents(t *testing.T) {
	solve, transfer := (*suncotest.Platform).Solve, (*suncotest.Platform).TransferToEmail
	const released, passed = "switchboard:releaseControl", "switchboard:passControl"
	for _, end := range []struct {
		do                     func(*suncotest.Platform, string, string) error
		passes                 bool
		reason, activity, told string
	}{
		{solve, false, "ticketClosed", "ticket:closed", released},
		{solve, true, "ticketClosed", "ticket:closed", passed},
		{transfer, false, "transferToEmail", "ticket:transfer:email", released},
		{transfer, true, "transferToEmail", "ticket:transfer:email", passed},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := allTold(t, suncotest.Behavior{SolvePasses: end.passes})
			conv := s.ada("hello")
			require.ErrorContains(t, s.p.Answer(s.app, conv, "x"), "no agent")
			require.ErrorContains(t, end.do(s.p, s.app, conv), "no agent")
			require.ErrorContains(t, s.p.Answer("nobody", conv, "x"), "no app")
			require.ErrorContains(t, end.do(s.p, s.app, "nowhere"), "no conversation")
			s.ok("POST", "/conversations/"+conv+"/passControl", `{"switchboardIntegration":"next","metadata":{"why":"sad"}}`)
			s.since()
			require.Error(t, s.p.Answer(s.app, conv, ""))
			require.NoError(t, s.p.Answer(s.app, conv, "How can I help?"))
			events := s.since()
			require.Len(t, events, 1)
			author := pick(events[0], "message.author").(map[string]any)
			assert.Equal(t, "business", author["type"])
			assert.Equal(t, []any{"agent"}, author["subtypes"])
			assert.Contains(t, pick(events[0], "message.metadata"), "__zendesk_msg.agent.id")

			require.NoError(t, end.do(s.p, s.app, conv))
			events = s.since()
			require.Len(t, events, 2)
			assert.Equal(t, end.told, events[0]["type"])
			if end.passes {
				assert.Equal(t, "shoplifter", pick(events[0], activeName))
			} else {
				assert.Nil(t, pick(events[0], activeName))
			}
			assert.Equal(t, end.reason, events[0]["reason"])
			assert.Equal(t, end.activity, pick(events[1], "message.activity.type"))
			assert.Equal(t, []any{"activity"}, pick(events[1], "message.author.subtypes"))
			messages := s.p.Conversations(s.app)[0].Messages
			assert.Equal(t, end.activity, messages[len(messages)-1].Activity)
			assert.Equal(t, "agent", messages[len(messages)-2].AuthorSubtype)
		})
	}
}

// A ticket that goes on by e-mail leaves the conversation. The next hand-off opens another.
func TestTransferToEmail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := allTold(t, suncotest.Behavior{})
		conv := s.ada("hello")
		pass := func() {
			require.NoError(t, s.p.PassControl(s.app, conv, suncotest.AgentWorkspace))
		}
		pass()
		require.NoError(t, s.p.TransferToEmail(s.app, conv))
		assert.Empty(t, s.control())
		s.ada("back again")
		assert.Equal(t, suncotest.DefaultClientID, s.control(), "the bot answers")
		pass()
		tickets := s.p.Tickets(s.app)
		require.Len(t, tickets, 2)
		assert.Equal(t, []bool{true, false}, []bool{tickets[0].ByEmail, tickets[0].Solved})
		assert.Equal(t, []bool{false, false}, []bool{tickets[1].ByEmail, tickets[1].Solved})
		require.Len(t, tickets[0].Messages, 2)
		assert.Equal(t, "ticket:transfer:email", tickets[0].Messages[1].Activity, "the last that its agent sees here")
	})
}

func TestTickets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := allTold(t, suncotest.Behavior{})
		assert.Nil(t, s.p.Tickets("nobody"))
		var conv string
		for i := range 30 {
			conv = s.ada(strings.Repeat("x", i+1))
		}
		hand := func(metadata string) {
			t.Helper()
			s.ok("POST", "/conversations/"+conv+"/passControl", `{"switchboardIntegration":"next"`+metadata+`}`)
		}
		lengths := func() []int {
			var all []int
			tickets := s.p.Tickets(s.app)
			for _, m := range tickets[len(tickets)-1].Messages {
				all = append(all, len(m.Text))
			}
			return all
		}
		hand("")
		assert.Equal(t, []int{21, 22, 23, 24, 25, 26, 27, 28, 29, 30}, lengths(), "the last ten")
		require.NoError(t, s.p.Answer(s.app, conv, "a"))
		assert.Equal(t, 1, lengths()[10])
		require.NoError(t, s.p.PassControl(s.app, conv, suncotest.DefaultClientID))
		hand("")
		assert.Len(t, s.p.Tickets(s.app), 1, "which is still open")
		require.NoError(t, s.p.Solve(s.app, conv))
		s.ada("later")
		assert.Len(t, lengths(), 12, "with the message that says that it is closed")

		first := s.p.Conversations(s.app)[0].Messages[4].ID
		hand(`,"metadata":{"first_message_id":"` + first + `","n":7}`)
		tickets := s.p.Tickets(s.app)
		require.Len(t, tickets, 2)
		assert.Equal(t, first, tickets[1].Messages[0].ID)
		assert.Len(t, tickets[1].Messages, 30-4+3)
		assert.JSONEq(t, `{"first_message_id":"`+first+`","n":7}`, string(tickets[1].Metadata))
		assert.Equal(t, []int{1, 2}, []int{tickets[0].Number, tickets[1].Number})
		assert.Equal(t, []bool{true, false}, []bool{tickets[0].Solved, tickets[1].Solved})
		require.NoError(t, s.p.Solve(s.app, conv))
		s.ada("again")
		hand(`,"metadata":{"first_message_id":1}`)
		assert.Len(t, lengths(), 10)
		require.NoError(t, s.p.Solve(s.app, conv))
		s.ada("and again")
		latest := s.p.Conversations(s.app)[0].Messages
		hand(`,"metadata":{"first_message_id":"` + latest[len(latest)-1].ID + `"}`)
		assert.Len(t, lengths(), 10, "it widens, and never narrows")
	})
}

// A real integration updates the conversation for every event, posts activities and
// files, and hands off.
func TestBusyIntegration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := allTold(t, suncotest.Behavior{Strict: true})
		at := "/conversations/" + s.ada("hello")
		for i := range 100 {
			s.ada("more")
			metadata, _ := json.Marshal(map[string]any{"step": i, "note": strings.Repeat("x", 3000)})
			a := s.api(s.token, "PATCH", s.base+at, `{"metadata":`+string(metadata)+`}`)
			require.Equal(t, 200, a.Status, a.Body)
			s.ok("POST", at+"/activity", `{"author":{"type":"business"},"type":"typing:start"}`)
			require.Equal(t, 201, s.say(at[len("/conversations/"):], "yes").Status)
		}
		s.ok("POST", at+"/passControl", `{"switchboardIntegration":"zd-agentWorkspace"}`)
		heard := s.types()
		assert.Len(t, heard, 1+1+2*100+1)
		assert.False(t, slices.Contains(heard, "conversation:typing"), "of the business nobody is told")
	})
}

// What an administrator or an agent does by hand is told as what a bot does is.
func TestControlByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := allTold(t, suncotest.Behavior{})
		conv := s.ada("hello")
		s.since()
		require.NoError(t, s.p.OfferControl(s.app, conv, suncotest.AgentWorkspace))
		require.NoError(t, s.p.AcceptControl(s.app, conv))
		assert.Equal(t, suncotest.AgentWorkspace, s.control())
		assert.Len(t, s.p.Tickets(s.app), 1)
		require.NoError(t, s.p.OfferControl(s.app, conv, suncotest.DefaultClientID))
		require.ErrorContains(t, s.p.AcceptControl(s.app, conv), "nobody offered", "it is the bot's to accept")
		s.ok("POST", "/conversations/"+conv+"/acceptControl", `{}`)
		require.NoError(t, s.p.ReleaseControl(s.app, conv))
		assert.Equal(t, []string{
			"switchboard:offerControl", "switchboard:acceptControl", "switchboard:offerControl",
			"switchboard:acceptControl", "switchboard:releaseControl",
		}, s.types())
		require.ErrorContains(t, s.p.ReleaseControl(s.app, conv), "nobody is in control")
		require.ErrorContains(t, s.p.AcceptControl(s.app, conv), "nobody offered")
		require.ErrorContains(t, s.p.OfferControl(s.app, conv, "x"), "no integration")
		require.NoError(t, s.p.PassControl(s.app, conv, suncotest.DefaultClientID))
		require.ErrorContains(t, s.p.OfferControl(s.app, conv, suncotest.DefaultClientID), "in control already")
		require.ErrorContains(t, s.p.OfferControl(s.app, "nowhere", "x"), "no conversation")
		require.ErrorContains(t, s.p.AcceptControl("nobody", conv), "no app")
		require.ErrorContains(t, s.p.ReleaseControl(s.app, "nowhere"), "no conversation")
	})
}
