package spec_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/e2e/spec"
	"github.com/sunco-go/sunco/suncotest"
)

// played is what the fake showed of one operation.
type played struct {
	statuses []int // sorted
	events   []string
	switched []string // events that a field of Behavior switches on
}

// TestFake makes the fake give every documented status of every operation for an
// integration, holds the replies and the events against the description, and compares
// which events there are.
func TestFake(t *testing.T) {
	d := load(t)
	all := checkFake(t, d)
	statuses := 0
	for _, p := range all {
		statuses += len(p.statuses)
	}
	t.Logf("%d of %d operations, %d statuses", len(all), len(integrationOperations(d)), statuses)
	checkPeople(t, d)
}

// integrationOperations returns the operations for an integration, sorted.
func integrationOperations(d *spec.Description) []string {
	var ids []string
	for id, op := range d.Operations() {
		if op.Integration && !op.AtBridge {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// shown is what checkFake returned, which takes seconds.
var shown map[string]played

// checkFake returns what the fake showed of the operations that it plays as described.
func checkFake(t *testing.T, d *spec.Description) map[string]played {
	t.Helper()
	if shown != nil {
		return shown
	}
	shown = map[string]played{}
	all := deeds()
	for _, id := range integrationOperations(d) {
		var p played
		fine := t.Run(id, func(t *testing.T) {
			for i, do := range all[id] {
				t.Run(fmt.Sprintf("%d #%d", do.status, i+1), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { play(t, d, id, do) })
				})
				p.add(do)
			}
			if want := d.Statuses(id); !slices.Equal(p.statuses, want) {
				t.Errorf("the statuses are %v, and %v are documented", p.statuses, want)
			}
		})
		if fine {
			shown[id] = p
		}
	}
	return shown
}

// add notes a deed.
func (p *played) add(do deed) {
	p.statuses = append(p.statuses, do.status)
	slices.Sort(p.statuses)
	p.statuses = slices.Compact(p.statuses)
	for _, event := range do.events {
		switch {
		case do.behavior == suncotest.Behavior{} && !slices.Contains(p.events, event):
			p.events = append(p.events, event)
		case do.behavior != suncotest.Behavior{} && !slices.Contains(slices.Concat(p.events, p.switched), event):
			p.switched = append(p.switched, event)
		}
	}
}

// scene is a customer with a bot, and people and things to talk about.
type scene struct {
	*stage
	in    *sunco.Installation
	names map[string]string
	told  []event
}

type event struct {
	Type    string
	Payload any
}

// newScene is made in a bubble of synctest, in which a webhook hears of everything.
func newScene(t *testing.T, d *spec.Description, behavior suncotest.Behavior) *scene {
	t.Helper()
	behavior.DeliverySerial = true
	s := &scene{names: map[string]string{"integrationId": "me"}}
	s.stage = newStage(t, d, suncotest.Config{
		Behavior: behavior, Accounts: []suncotest.Account{{}, {Subdomain: "other"}},
	})
	s.platform.Mount("bot.example", http.HandlerFunc(s.hear))
	s.in = s.install(t.Context(), "acme")
	s.names["appId"], s.names["other"] = s.in.AppID, s.platform.Accounts()[1].AppID
	s.people()
	hook := s.made("POST", "/integrations/me/webhooks", string(encode(t, map[string]any{
		"target": hookURL, "triggers": d.Triggers(), "includeFullUser": true, "includeFullSource": true,
	})))
	s.names["webhookId"] = s.pick(hook, "webhook", "id")
	return s
}

// people makes ada, who wrote in the widget, bob, and a group of both.
func (s *scene) people() {
	s.Helper()
	s.must(s.platform.Say(s.in.AppID, "ada", "Hello"))
	s.must(s.platform.Say(s.in.AppID, "bob", "Hello"))
	ada, bob := s.made("GET", "/users/ada", ""), s.made("GET", "/users/bob", "")
	s.names["ada"], s.names["userIdOrExternalId"] = s.pick(ada, "user", "id"), "ada"
	s.names["zendeskId"], s.names["bobs"] = s.pick(ada, "user", "zendeskId"), s.pick(bob, "user", "zendeskId")
	s.names["default"] = s.platform.Conversations(s.in.AppID)[0].ID
	group := s.made("POST", "/conversations", `{"type":"sdkGroup","participants":[`+
		`{"userExternalId":"ada","subscribeSDKClient":true},{"userExternalId":"bob","subscribeSDKClient":true}]}`)
	s.names["conversationId"] = s.pick(group, "conversation", "id")
	chat := "/conversations/" + s.names["conversationId"]
	s.names["participant"] = s.pick(s.made("GET", chat+"/participants", ""), "participants", "0", "id")
	s.names["messageId"] = s.pick(s.made("POST", chat+"/messages", hello), "messages", "0", "id")
	s.names["message"] = s.names["messageId"]
	s.names["deviceId"] = s.pick(s.made("GET", "/users/ada/devices", ""), "devices", "0", "id")
	s.names["sdk"] = s.pick(s.made("GET", "/users/ada/clients", ""), "clients", "0", "id")
	s.names["clientId"] = s.pick(s.made("POST", "/users/ada/clients", s.fillIn(ofWhatsApp)), "client", "id")
	s.names["media"] = s.pick(s.made("POST", "/attachments?access=public", rightUpload), "attachment", "mediaUrl")
}

// hear is what a webhook does.
func (s *scene) hear(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // or it is no JSON
	var delivery struct{ Events []event }
	_ = json.Unmarshal(body, &delivery) // a probe has no body
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, delivery.Events...)
}

// made makes a request of the customer's app that succeeds, and returns the reply.
func (s *scene) made(method, path, body string) any {
	s.Helper()
	rec := s.record(false)
	res := s.send(rec, method, "https://acme.zendesk.com/sc/v2/apps/"+s.in.AppID+path, typeOf(body), body, s.in)
	reply := rec.Exchanges()[0].Reply
	if res.StatusCode/100 != 2 {
		s.Fatalf("%s %s: status %d: %s", method, path, res.StatusCode, reply)
	}
	return decode(s.T, reply)
}

func typeOf(body string) string {
	if strings.HasPrefix(body, "--") {
		return asParts
	}
	return asJSON
}

// pick returns a text that stands in a value.
func (s *scene) pick(value any, path ...string) string {
	s.Helper()
	for _, name := range path {
		switch v := value.(type) {
		case map[string]any:
			value = v[name]
		case []any:
			value = v[0]
		}
	}
	text, _ := value.(string)
	if text == "" {
		s.Fatalf("there is no %q", path)
	}
	return text
}

// fillIn puts what the scene has in the place of names in braces.
func (s *scene) fillIn(text string) string {
	for name, value := range s.names {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

// play does one deed.
func play(t *testing.T, d *spec.Description, id string, do deed) {
	t.Helper()
	s := newScene(t, d, do.behavior)
	s.prepare(do.before)
	op := d.Operations()[id]
	path := op.Path
	for name, value := range do.with {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	target := "https://acme.zendesk.com/sc" + s.fillIn(path)
	if do.query != "" {
		target += "?" + do.query
	}
	rec := s.record(do.status >= 400)
	res := s.send(rec, op.Method, target, typeOf(do.body), s.fillIn(do.body), s.in)
	if res.StatusCode != do.status || rec.Exchanges()[0].Operation != id {
		t.Errorf("status %d of %s: %s", res.StatusCode, rec.Exchanges()[0].Operation, rec.Exchanges()[0].Reply)
	}
	s.hears(do.events)
}

// hears compares what webhooks are told with what they should be, and holds it against
// the description.
func (s *scene) hears(events []string) {
	s.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	var types []string
	for _, told := range s.told {
		types = append(types, told.Type)
		for _, violation := range s.description.CheckPayload(told.Type, told.Payload) {
			s.Error(violation)
		}
	}
	if !slices.Equal(types, events) {
		s.Errorf("webhooks hear of %q instead of %q", types, events)
	}
}

// prepare does what happens before, of which nobody is told.
func (s *scene) prepare(before func(*scene)) {
	if before != nil {
		before(s)
	}
	synctest.Wait()
	s.told = nil
}

func (s *scene) identify() {
	s.made("PATCH", "/users/ada", `{"profile":{"email":"ada@bot.example"}}`)
	s.made("POST", "/users/"+s.names["zendeskId"]+"/sync", "{}")
}

func (s *scene) carl() { s.made("POST", "/users", `{"externalId":"carl"}`) }

// fill has the agents write until there is no more room.
func (s *scene) fill() {
	chat := s.names["conversationId"]
	s.must(s.platform.PassControl(s.in.AppID, chat, suncotest.AgentWorkspace))
	s.made("DELETE", "/integrations/me/webhooks/"+s.names["webhookId"], "")
	for range 30_000 - 1 {
		s.must(s.platform.Answer(s.in.AppID, chat, "Hello"))
	}
}

func (s *scene) deleteFile() { s.made("POST", "/attachments/remove", s.fillIn(forMedia)) }

// offered has the agents offer control to the bot.
func (s *scene) offered() {
	chat := s.names["conversationId"]
	s.must(s.platform.PassControl(s.in.AppID, chat, suncotest.AgentWorkspace))
	s.must(s.platform.OfferControl(s.in.AppID, chat, suncotest.DefaultClientID))
}

// offers has the bot offer control to the agents.
func (s *scene) offers() {
	s.made("POST", s.fillIn("/conversations/{conversationId}/offerControl"), s.fillIn(toAgents))
}

// passes has the bot pass control to the agents.
func (s *scene) passes() {
	s.made("POST", s.fillIn("/conversations/{conversationId}/passControl"), s.fillIn(toAgents))
}
