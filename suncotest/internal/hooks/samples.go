package hooks

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// SampleTriggers returns the triggers that have a sample.
func SampleTriggers() []string {
	return []string{
		"client:add", "client:remove", "client:update",
		"conversation:create", "conversation:join", "conversation:leave", "conversation:remove",
		"conversation:message",
		"conversation:message:delivery:channel", "conversation:message:delivery:failure",
		"conversation:message:delivery:user",
		"conversation:postback", "conversation:read", "conversation:referral", "conversation:typing",
		"switchboard:acceptControl", "switchboard:acceptControl:failure",
		"switchboard:offerControl", "switchboard:offerControl:failure",
		"switchboard:passControl", "switchboard:passControl:failure",
		"switchboard:releaseControl",
		"user:merge", "user:update", "user:remove",
	}
}

// SampleEvent returns the nth event of a trigger, and false when there is no sample.
func SampleEvent(trigger string, n int) (Event, bool) {
	payload := samplePayload(trigger)
	if payload == "" {
		return Event{}, false
	}
	return Event{Trigger: trigger, Payload: fill(payload, n), Undated: trigger == "conversation:referral"}, true
}

// SampleReply returns a message of the business.
func SampleReply(n int) Event {
	return Event{Trigger: "conversation:message", Payload: fill(sampleReply, n)}
}

// fill puts parts and values into a payload: first what is in @ signs, which may
// contain what is in # signs.
func fill(payload string, n int) json.RawMessage {
	names := []string{"Ada Brandt", "Bilal Osei", "Chiara Lund", "Dmitri Vale", "Esra Koppel"}
	name := names[(n%len(names)+len(names))%len(names)]
	first, last, _ := strings.Cut(name, " ")
	number := strconv.Itoa(n)
	id := func(kind string) string { return wire.StableID("sample "+kind, number) }
	text := strings.NewReplacer(
		"@user@", sampleUser, "@guest@", sampleGuest, "@bot@", sampleBot,
		"@conversation@", sampleConversation, "@group@", sampleGroup, "@link@", sampleLink,
		"@web@", sampleWeb, "@telegram@", sampleTelegram, "@phone@", samplePhone,
	).Replace(payload)
	text = strings.NewReplacer("@bot@", sampleBot).Replace(text)
	text = strings.NewReplacer(
		"#user#", id("user"), "#guest#", id("guest"), "#other#", id("other user"),
		"#external#", "customer-"+number, "#number#", strconv.Itoa(480000+n),
		"#name#", name, "#first#", first, "#last#", last,
		"#email#", strings.ToLower(first)+number+"@mail.example",
		"#conversation#", id("conversation"), "#message#", id("message"),
		"#client#", id("client"), "#device#", id("device"), "#attempt#", id("client to be"),
		"#phone#", "+1555010"+strconv.Itoa(1000+(n%1000+1000)%1000),
		"#n#", number,
	).Replace(text)
	return json.RawMessage(text)
}

// The parts of the sample payloads, in the shape of the platform's published
// examples. Users and sources are whole ones.
//
// https://developer.zendesk.com/api-reference/conversations/#section/Webhook-Triggers
const (
	sampleUser = `{"id":"#user#","externalId":"#external#","authenticated":true,"signedUpAt":"2025-11-04T08:12:40.000Z",` +
		`"profile":{"givenName":"#first#","surname":"#last#","email":"#email#","locale":"en-GB"},` +
		`"metadata":{"tier":"gold"},"identities":[{"type":"email","value":"#email#"}]}`

	sampleGuest = `{"id":"#guest#","authenticated":false,"profile":{"locale":"de-AT"},"metadata":{},"identities":[]}`

	sampleBot = `{"id":"71c2e0a94d5b8f3616a0e7d2","name":"shoplifter","integrationId":"71c2e0b14d5b8f3616a0e7d9",` +
		`"integrationType":"shoplifter"}`

	sampleConversation = `{"id":"#conversation#","type":"personal","brandId":"360001482915",` +
		`"activeSwitchboardIntegration":@bot@}`

	sampleGroup = `{"id":"#conversation#","type":"sdkGroup","activeSwitchboardIntegration":@bot@}`

	sampleLink = `{"id":"#conversation#","type":"personal"}`

	sampleWeb = `{"type":"web","integrationId":"68f1d20c9a3be4570c12ab34",` +
		`"client":{"id":"#client#","type":"sdk","status":"active","integrationId":"68f1d20c9a3be4570c12ab34",` +
		`"lastSeen":"2026-02-03T09:41:02.118Z","info":{"browser":"Firefox","browserVersion":"147.0",` +
		`"currentUrl":"https://shop.example/cart"}},` +
		`"device":{"id":"#device#","type":"web","guid":"f0a1c5d2-7b36-4e98-8a4d-#n#","clientId":"#client#",` +
		`"status":"active",` +
		`"integrationId":"68f1d20c9a3be4570c12ab34","lastSeen":"2026-02-03T09:41:02.118Z"}}`

	sampleTelegram = `{"integrationId":"68f1d2419a3be4570c12ab51","originalMessageId":"90#n#",` +
		`"originalMessageTimestamp":"2026-02-03T09:41:06.000Z","type":"telegram",` +
		`"client":{"id":"#client#","type":"telegram","status":"active","integrationId":"68f1d2419a3be4570c12ab51",` +
		`"externalId":"7001#n#","displayName":"#name#","lastSeen":"2026-02-03T09:41:06.000Z"}}`

	samplePhone = `{"integrationId":"68f1d2779a3be4570c12ab6e","type":"twilio","externalId":"#phone#","id":"#client#",` +
		`"displayName":"#phone#","status":"active","info":{"phoneNumber":"#phone#","city":"VIENNA","country":"AT",` +
		`"state":"W"},` +
		`"raw":{"FromZip":"","FromState":"W","FromCity":"VIENNA","FromCountry":"AT","From":"#phone#"},` +
		`"lastSeen":"2026-02-03T09:40:58.301Z","linkedAt":"2026-02-03T09:40:31.774Z"}`

	sampleReply = `{"conversation":@conversation@,"message":{"id":"#message#","received":"2026-02-03T09:41:09.530Z",` +
		`"author":{"type":"business","displayName":"Shoplifter","avatarUrl":"https://partner.example/bot.png"},` +
		`"content":{"type":"text","text":"Good morning, #first#. Let me look that up."},` +
		`"source":{"type":"api:conversations"}}}`
)

// samplePayload returns the payload of a trigger before it is filled in, "" when
// there is none.
func samplePayload(trigger string) string {
	switch trigger {
	case "client:add":
		return `{"conversation":@link@,"user":@guest@,"client":{"integrationId":"68f1d2779a3be4570c12ab6e","type":"twilio",` +
			`"id":"#attempt#","status":"pending"},"reason":"channelLinking","source":@web@}`
	case "client:remove":
		return `{"user":@guest@,"client":@phone@,"reason":"sdk","source":@web@}`
	case "client:update":
		return `{"conversation":@link@,"user":@guest@,"client":@phone@,"reason":"confirmed"}`
	case "user:merge":
		return `{"mergedUsers":{"surviving":@user@,"discarded":{"id":"#other#","externalId":"old-#external#",` +
			`"authenticated":true,` +
			`"signedUpAt":"2025-12-19T17:20:05.000Z","profile":{"givenName":"#first#"},"metadata":{},"identities":[]}},` +
			`"reason":"api"}`
	case "user:update":
		return `{"user":@user@,"reason":"authentication","source":@web@}`
	case "user:remove":
		return `{"user":@user@}`
	}
	if payload := sampleConversationPayload(trigger); payload != "" {
		return payload
	}
	return sampleSwitchboardPayload(trigger)
}

func sampleConversationPayload(trigger string) string {
	const sent = `{"conversation":@conversation@,"user":@user@,"destination":`
	const typing = `"author":{"type":"user","userId":"#guest#","user":@guest@},"source":@web@}}`
	switch trigger {
	case "conversation:create":
		return `{"conversation":{"id":"#conversation#","type":"personal","metadata":{"entry":"checkout"},` +
			`"activeSwitchboardIntegration":@bot@},"user":@user@,"creationReason":"prechatCapture","source":@web@}`
	case "conversation:join", "conversation:leave":
		return `{"conversation":@group@,"user":@user@}`
	case "conversation:remove":
		return `{"conversation":@group@}`
	case "conversation:message":
		return `{"conversation":@conversation@,"message":{"id":"#message#","received":"2026-02-03T09:41:07.218Z",` +
			`"author":{"userId":"#user#","avatarUrl":"https://shop.example/people/#n#.png","displayName":"#name#",` +
			`"type":"user","user":@user@},` +
			`"content":{"type":"text","text":"Where is my parcel?"},"source":@telegram@}}`
	case "conversation:message:delivery:channel":
		return sent + `{"type":"telegram","integrationId":"68f1d2419a3be4570c12ab51"},"externalMessages":[{"id":"90#n#"}],` +
			`"message":{"id":"#message#"},"isFinalEvent":true}`
	case "conversation:message:delivery:failure":
		return sent + `{"type":"twilio","integrationId":"68f1d2779a3be4570c12ab6e"},"message":{"id":"#message#"},` +
			`"isFinalEvent":true,"error":{"code":"unauthorized","message":"The channel no longer takes our token"}}`
	case "conversation:message:delivery:user":
		return sent + `{"type":"twilio","integrationId":"68f1d2779a3be4570c12ab6e"},` +
			`"externalMessages":[{"id":"SM4d09e2f1aa7c#message#"}],` +
			`"message":{"id":"#message#"},"isFinalEvent":true}`
	case "conversation:postback":
		return `{"conversation":@conversation@,"postback":{"payload":"TRACK_ORDER"},"user":@user@,"source":@telegram@}`
	case "conversation:read":
		return `{"conversation":@conversation@,"activity":{"type":"conversation:read",` + typing
	case "conversation:typing":
		return `{"conversation":@conversation@,"activity":{"type":"typing:start",` + typing
	case "conversation:referral":
		return `{"conversation":@conversation@,"user":{"id":"#user#","externalId":#number#,"authenticated":true,` +
			`"signedUpAt":"2026-01-15T19:03:27.000Z","profile":{"givenName":"#first#"},"metadata":{},"identities":[]},` +
			`"source":@web@,"referral":{}}`
	}
	return ""
}

func sampleSwitchboardPayload(trigger string) string {
	switch trigger {
	case "switchboard:acceptControl", "switchboard:passControl":
		return `{"conversation":@conversation@}`
	case "switchboard:releaseControl":
		return `{"conversation":@link@}`
	case "switchboard:offerControl":
		return `{"conversation":{"id":"#conversation#","type":"personal","activeSwitchboardIntegration":@bot@,` +
			`"pendingSwitchboardIntegration":{"id":"71c2e0c84d5b8f3616a0e7e4","name":"zd-agentWorkspace",` +
			`"integrationId":"71c2e0d54d5b8f3616a0e7ea","integrationType":"zd:agentWorkspace"}}}`
	case "switchboard:acceptControl:failure":
		return `{"conversation":@conversation@,"error":{"code":"switchboard_invalid_action",` +
			`"message":"Nobody offered control"}}`
	case "switchboard:offerControl:failure":
		return `{"conversation":@conversation@,"error":{"code":"switchboard_invalid_target",` +
			`"message":"The target has control already"}}`
	case "switchboard:passControl:failure":
		return `{"conversation":@conversation@,"error":{"code":"switchboard_invalid_target",` +
			`"message":"There is no such target"}}`
	}
	return ""
}
