package suncotest_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

func TestUpdateUser(t *testing.T) {
	for name, tc := range map[string]struct {
		behavior          suncotest.Behavior
		profile, metadata string // in the end
		told              []string
	}{
		"likeliest": {suncotest.Behavior{}, `{"surname":"Doe","locale":"de"}`, `{"b":2}`, nil},
		"null is ignored": {
			suncotest.Behavior{NullKept: true}, `{"givenName":"Jane","surname":"Doe","locale":"de"}`, `{"b":2}`, nil,
		},
		"metadata merges": {
			suncotest.Behavior{MetadataMerges: true}, `{"surname":"Doe","locale":"de"}`, `{"a":1,"b":2}`, nil,
		},
		"it tells": {suncotest.Behavior{UserUpdateTells: true}, `{"surname":"Doe","locale":"de"}`, `{"b":2}`,
			[]string{"user:update"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := allTold(t, tc.behavior)
				a := s.post("/users", `{"externalId":"jane@x","profile":{"givenName":"Jane","surname":"Doe"},"metadata":{"a":1}}`)
				require.Equal(t, 201, a.Status, a.Body)
				a = s.patch("/users/jane%40x", `{"profile":{"givenName":null,"locale":"de"},"metadata":{"b":2},`+
					`"signedUpAt":"2026-01-02T03:04:05.000Z","toBeRetained":true}`)
				require.Equal(t, 200, a.Status, a.Body)
				assert.Equal(t, a.Body, s.get("/users/jane%40x").Body)
				var got struct {
					User struct {
						Profile, Metadata json.RawMessage
						SignedUpAt        string
						ToBeRetained      bool
					}
				}
				require.NoError(t, json.Unmarshal([]byte(a.Body), &got))
				assert.JSONEq(t, tc.profile, string(got.User.Profile))
				assert.JSONEq(t, tc.metadata, string(got.User.Metadata))
				assert.Equal(t, "2026-01-02T03:04:05.000Z", got.User.SignedUpAt)
				assert.True(t, got.User.ToBeRetained)
				assert.Equal(t, tc.told, s.types())
				a = s.patch("/users/jane%40x", `{}`)
				assert.Contains(t, a.Body, `"toBeRetained":true`)
				requireCode(t, s.patch("/users/jane%40x", `{"toBeRetained":null}`), 400, "bad_request")
				requireCode(t, s.patch("/users/jane%40x", `{"profile":{"email":"x"}}`), 400, "bad_request")
				requireCode(t, s.patch("/users/x", `{}`), 404, "user_not_found")
			})
		})
	}
}

func TestPersonalInformation(t *testing.T) {
	d := strictDesk(t)
	require.Equal(t, 201, d.post("/users", `{"externalId":"jane","profile":{"givenName":"Jane","surname":"Doe",`+
		`"locale":"de","email":"jane@x.example","avatarUrl":"https://x.example"},"metadata":{"a":1}}`).Status)
	conv := d.conversation(field(t, d.get("/users/jane").Body, "user.id"))
	a := d.remove("/users/jane/personalinformation")
	require.Equal(t, 200, a.Status, a.Body)
	assert.Equal(t, a.Body, d.get("/users/jane").Body)
	assert.Contains(t, a.Body, `"profile":{"locale":"de"},"metadata":{}`)
	assert.Equal(t, 200, d.get("/conversations/"+conv).Status)
	requireCode(t, d.remove("/users/x/personalinformation"), 404, "user_not_found")
}

func TestDeleteUser(t *testing.T) {
	for _, tells := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := allTold(t, suncotest.Behavior{UserRemoveTells: tells})
			conv := s.ada("hello")
			ada := field(t, s.get("/users/ada").Body, "user.id")
			group := s.group(ada, s.user("jane"))
			s.since()
			s.ok("DELETE", "/users/ada", "")
			want := []string{"user:remove"}
			if tells {
				want = []string{"conversation:remove", "user:remove"}
			}
			events := s.since()
			require.Len(t, events, len(want))
			for i, e := range events {
				assert.Equal(t, want[i], e["type"])
			}
			user := events[len(events)-1]["user"].(map[string]any)
			assert.Equal(t, ada, user["id"])
			assert.NotContains(t, user, "profile")
			requireCode(t, s.get("/users/ada"), 404, "user_not_found")
			requireCode(t, s.get("/users/"+ada), 404, "user_not_found")
			requireCode(t, s.remove("/users/ada"), 404, "user_not_found")
			requireCode(t, s.get("/conversations/"+conv), 404, "conversation_not_found")
			assert.NotContains(t, s.get("/conversations/"+group+"/participants").Body, ada)
			require.NoError(t, s.p.Say(s.app, "ada", "me again"), "she comes back as another user")
			assert.NotEqual(t, ada, field(t, s.get("/users/ada").Body, "user.id"))
		})
	}
}

// A user of a brand is found by the external id and the brand.
func TestBrands(t *testing.T) {
	d := strictDesk(t)
	require.Equal(t, 201, d.post("/users", `{"externalId":"jane","brandId":"7"}`).Status)
	requireCode(t, d.patch("/users/jane", `{}`), 404, "user_not_found")
	for _, a := range []answer{
		d.get("/users/jane?brandId=7"), d.patch("/users/jane?brandId=7", `{}`), d.get("/users/jane/clients?brandId=7"),
		d.get("/users/jane/devices?brandId=7"), d.remove("/users/jane/personalinformation?brandId=7"),
		d.remove("/users/jane?brandId=7"),
	} {
		assert.Equal(t, 200, a.Status, a.Body)
	}
}

func TestSyncUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := allTold(t, suncotest.Behavior{Strict: true})
		zendesk := func(name string) string { return field(t, s.get("/users/"+name).Body, "user.zendeskId") }
		first := s.ada("hello")
		require.NoError(t, s.p.Say(s.app, "tablet", "hi"))
		second := s.p.Conversations(s.app)[1].ID
		ada, tablet := zendesk("ada"), zendesk("tablet")
		assert.Regexp(t, `^\d+$`, ada)
		require.Equal(t, 200, s.patch("/users/ada", `{"profile":{"email":"ada@x.example"}}`).Status)
		byEmail := "/users?filter[identities.email]=ADA@x.example"
		assert.JSONEq(t, `{"users":[]}`, s.get(byEmail).Body, "the profile's address proves nothing")
		s.since()
		a := s.post("/users/"+ada+"/sync", `{}`)
		require.Equal(t, 200, a.Status, a.Body)
		assert.Contains(t, a.Body, `"identities":[{"type":"email","value":"ada@x.example","verification":"sso"}]`)
		assert.Contains(t, s.get(byEmail).Body, `"externalId":"ada"`)
		assert.Empty(t, s.since())
		requireCode(t, s.get("/users?brandId=1"), 400, "bad_request")
		assert.JSONEq(t, `{"users":[]}`, s.get(byEmail+"&brandId=1").Body)

		// The person of the tablet turns out to be ada.
		id := field(t, s.get("/users/ada").Body, "user.id")
		a = s.post("/users/"+tablet+"/sync", `{"survivingZendeskId":"`+ada+`"}`)
		require.Equal(t, 200, a.Status, a.Body)
		assert.Equal(t, id, field(t, a.Body, "user.id"))
		events := s.since()
		require.Len(t, events, 1)
		assert.Equal(t, "user:merge api", events[0]["type"].(string)+" "+events[0]["reason"].(string))
		assert.Equal(t, id, pick(events[0], "mergedUsers.surviving.id"))
		assert.Equal(t, "tablet", pick(events[0], "mergedUsers.discarded.externalId"))
		requireCode(t, s.get("/users/tablet"), 404, "user_not_found")
		ids, _, _, _ := records(t, s.get("/conversations?filter[userId]="+id), "conversations")
		assert.Equal(t, []string{first, second}, ids)
		assert.Contains(t, s.get("/conversations/"+second).Body, `"isDefault":false`)
		assert.Contains(t, s.get("/conversations/"+second+"/messages").Body, `"userId":"`+id+`"`)
		clients, _, _, _ := records(t, s.get("/users/ada/clients"), "clients")
		assert.Len(t, clients, 2)
		assert.Equal(t, 2, strings.Count(s.get("/users/ada/devices").Body, `"guid"`))

		// Nobody has the survivor's id: the user gets it.
		a = s.post("/users/"+ada+"/sync", `{"survivingZendeskId":"77"}`)
		assert.Equal(t, "77", field(t, a.Body, "user.zendeskId"))
		requireCode(t, s.post("/users/"+ada+"/sync", `{}`), 404, "user_not_found")
		requireCode(t, s.post("/users/77/sync", `{"survivingZendeskId":""}`), 400, "bad_request")
		s.user("jane")
		requireCode(t, s.post("/users/jane/sync", `{}`), 404, "user_not_found")
		assert.Empty(t, s.since())
	})
}

// Two users of one group become one participant.
func TestMergeInAGroup(t *testing.T) {
	d := newDesk(t)
	app := d.appID("acme")
	require.NoError(t, d.p.Say(app, "ada", "x"))
	require.NoError(t, d.p.Say(app, "tablet", "x"))
	user := func(name, member string) string { return field(t, d.get("/users/"+name).Body, "user."+member) }
	group := d.group(user("ada", "id"), user("tablet", "id"))
	a := d.post("/users/"+user("tablet", "zendeskId")+"/sync", `{"survivingZendeskId":"`+user("ada", "zendeskId")+`"}`)
	require.Equal(t, 200, a.Status, a.Body)
	people, _, _, _ := records(t, d.get("/conversations/"+group+"/participants"), "participants")
	assert.Len(t, people, 1)
	ids, _, _, _ := records(t, d.get("/conversations?filter[userExternalId]=ada"), "conversations")
	assert.Len(t, ids, 3)
}

func TestClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := allTold(t, suncotest.Behavior{Strict: true})
		conv := s.ada("hello")
		s.since()
		body := func(kind, confirmation string) string {
			return `{"matchCriteria":{"type":"` + kind + `","integrationId":"582dedf230e788746891281a","primary":true,` +
				`"phoneNumber":"+1 212-555-2368"},"confirmation":{"type":"` + confirmation + `"},` +
				`"target":{"conversationId":"` + conv + `"}}`
		}
		a := s.post("/users/ada/clients", body("whatsapp", "immediate"))
		require.Equal(t, 201, a.Status, a.Body)
		id := field(t, a.Body, "client.id")
		assert.JSONEq(t, `{"client":{"id":"`+id+`","type":"whatsapp","status":"pending",`+
			`"integrationId":"582dedf230e788746891281a"}}`, a.Body)
		events := s.since()
		require.Len(t, events, 2)
		assert.Equal(t, "client:add channelLinking pending",
			events[0]["type"].(string)+" "+events[0]["reason"].(string)+" "+pick(events[0], "client.status").(string))
		assert.Equal(t, "client:update confirmed active",
			events[1]["type"].(string)+" "+events[1]["reason"].(string)+" "+pick(events[1], "client.status").(string))
		assert.Equal(t, conv, pick(events[1], "conversation.id"))
		assert.Contains(t, s.get("/conversations/"+conv+"/participants").Body, `{"type":"whatsapp","clientId":"`+id+`"}`)

		require.Equal(t, 201, s.post("/users/ada/clients", body("twilio", "prompt")).Status)
		assert.Equal(t, []string{"client:add"}, s.types())
		people := s.get("/conversations/" + conv + "/participants").Body
		assert.NotContains(t, people, "twilio", "nobody is reached through a client that is pending")
		assert.Contains(t, s.get("/users/ada/clients").Body, `"displayName":"+1 212-555-2368"`)
		require.Equal(t, 200, s.remove("/users/ada/personalinformation").Status)
		assert.NotContains(t, s.get("/users/ada/clients").Body, "displayName")
		ids, _, _, next := records(t, s.get("/users/ada/clients?page[size]=2"), "clients")
		assert.Len(t, ids, 2)
		assert.NotEmpty(t, next)
		requireCode(t, s.remove("/users/ada/clients/"+ids[0]), 400, "bad_request")
		s.ok("DELETE", "/users/ada/clients/"+id, "")
		events = s.since()
		require.Len(t, events, 1)
		assert.Equal(t, "client:remove api", events[0]["type"].(string)+" "+events[0]["reason"].(string))
		requireCode(t, s.remove("/users/ada/clients/"+id), 404, "client_not_found")
		requireCode(t, s.get("/users/ada/clients?page[size]=0"), 400, "bad_request")

		mail := `{"matchCriteria":{"type":"mailgun","integrationId":"5","address":"a@x.example","subject":"Hi"},` +
			`"confirmation":{"type":"userActivity","message":{"author":{"type":"business"},` +
			`"content":{"type":"text","text":"x","actions":[{"type":"link","text":"L","uri":"https://x.example"}]}}},` +
			`"target":{"conversationId":"` + conv + `"}}`
		require.Equal(t, 201, s.post("/users/ada/clients", mail).Status)
		whole := body("twilio", "immediate")
		for name, wrong := range map[string]string{
			"no target":       strings.Replace(whole, `,"target":{"conversationId":"`+conv+`"}`, "", 1),
			"telegram":        body("telegram", "immediate"),
			"no phone":        strings.Replace(whole, `,"phoneNumber":"+1 212-555-2368"`, "", 1),
			"other agreement": body("twilio", "maybe"),
			"file to ask":     strings.Replace(mail, `"text","text":"x"`, `"file","mediaUrl":"https://x.example"`, 1),
			"postback to ask": strings.Replace(mail, `"type":"link","text":"L","uri"`,
				`"type":"postback","text":"L","payload"`, 1),
			"no content":       strings.Replace(mail, `"content":{`, `"x":{`, 1),
			"address as phone": strings.Replace(mail, `"address"`, `"phoneNumber"`, 1),
		} {
			a := s.post("/users/ada/clients", wrong)
			assert.Equal(t, 400, a.Status, "%s: %s", name, a.Body)
		}
		requireCode(t, s.post("/users/ada/clients", strings.Replace(whole, conv, "x", 1)), 404, "conversation_not_found")
		requireCode(t, s.post("/users/x/clients", whole), 404, "user_not_found")
	})
}

func TestDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := allTold(t, suncotest.Behavior{Strict: true})
		s.user("jane")
		assert.JSONEq(t, `{"devices":[]}`, s.get("/users/jane/devices").Body)
		s.ada("hello")
		before := s.get("/users/ada/devices").Body
		assert.Equal(t, 1, strings.Count(before, `"guid"`))
		time.Sleep(time.Minute)
		require.NoError(t, s.p.Read(s.app, "ada"))
		after := s.get("/users/ada/devices").Body
		assert.NotEqual(t, before, after, "it was seen later")
		var list struct{ Devices []json.RawMessage }
		require.NoError(t, json.Unmarshal([]byte(after), &list))
		id := field(t, string(list.Devices[0]), "id")
		assert.JSONEq(t, `{"device":`+string(list.Devices[0])+`}`, s.get("/users/ada/devices/"+id).Body)
		requireCode(t, s.get("/users/jane/devices/"+id), 404, "device_not_found")
		requireCode(t, s.get("/users/x/devices"), 404, "user_not_found")
		requireCode(t, s.get("/users/x/devices/"+id), 404, "user_not_found")
	})
}

func TestChannels(t *testing.T) {
	d := strictDesk(t)
	id := d.user("jane")
	at := "/conversations/" + d.conversation(id)
	a := d.post(at+"/conversionEvents", `{"instagram":{"payload":{"data":[{"event_name":"a"},{}]}}}`)
	require.Equal(t, 200, a.Status, a.Body)
	assert.Contains(t, a.Body, `"eventsReceived":2`)
	assert.Regexp(t, `^\d+$`, field(t, a.Body, "conversionEvents.datasetId"))
	for _, wrong := range []string{
		`{}`, `{"instagram":{}}`, `{"instagram":{"payload":{}}}`, `{"telegram":{"payload":{"data":[]}}}`,
		`{"instagram":{"payload":{"data":[]}},"whatsapp":{"payload":{"data":[]}}}`,
	} {
		requireCode(t, d.post(at+"/conversionEvents", wrong), 400, "bad_request")
	}
	requireCode(t, d.post("/conversations/x/conversionEvents", `{"messenger":{"payload":{"data":[]}}}`), 404,
		"conversation_not_found")

	ref := `{"url":"u","bid":"b","key":"k","signature":"s","owner":"o"}`
	body := func(user string) string {
		return `{"userId":"` + user + `","apple":{"interactiveDataRef":` + ref + `}}`
	}
	assert.Equal(t, 200, d.post(at+"/download", body(id)).Status)
	requireCode(t, d.post(at+"/download", body("x")), 404, "user_not_found")
	requireCode(t, d.post("/conversations/x/download", body(id)), 404, "conversation_not_found")
	requireCode(t, d.post(at+"/download", `{"apple":{"interactiveDataRef":`+ref+`}}`), 400, "bad_request")
	requireCode(t, d.post(at+"/download", strings.Replace(body(id), `"key":"k",`, "", 1)), 400, "bad_request")
	requireCode(t, d.get("/users?filter[identities.email]="+url.QueryEscape("a b")+"&page[size]=1"), 400, "bad_request")
}

// TestUsersWithoutExternalID checks that users need no external id, and that they are
// different ones without it.
func TestUsersWithoutExternalID(t *testing.T) {
	d := strictDesk(t)
	var ids []string
	for range 2 {
		a := d.post("/users", `{"profile":{"givenName":"Ada"}}`)
		require.Equal(t, 201, a.Status, a.Body)
		assert.NotContains(t, a.Body, "externalId")
		ids = append(ids, field(t, a.Body, "user.id"))
	}
	require.NotEqual(t, ids[0], ids[1])
	conv := d.conversation(ids[1])
	assert.NotContains(t, d.get("/conversations/"+conv+"/participants").Body, "userExternalId")
	require.Equal(t, 200, d.api(d.token, "DELETE", d.base+"/users/"+ids[0], "").Status)
	assert.Equal(t, 200, d.get("/users/"+ids[1]).Status)
	assert.Error(t, d.p.Type(d.appID("acme"), "", true), "nobody is found by no id")
}
