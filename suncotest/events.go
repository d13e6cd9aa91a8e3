package suncotest

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// SampleTriggers returns the triggers of which [SampleEvent] has an event. These are
// all documented ones but passthrough:messaging, whose payload is not documented.
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

// SampleEvent returns an event with a payload of the documented shape. n chooses
// whom it is about: another number is another user in another conversation, and the
// same one always the same. The event has no id yet, so that it can be sent again and
// again; its payload is a json.RawMessage.
//
// Its user and conversation do not exist on any platform, so that a reply to them
// gets 404; [Platform.Say] makes both. A conversation:message is a text that a user
// wrote. Conversations have a brandId, which the platform sends although its
// description lacks it. A conversation:referral has no createdAt and a number for
// externalId, as in the published example. It panics for a trigger that is not in
// [SampleTriggers].
func SampleEvent(trigger string, n int) Event {
	payload := samplePayload(trigger)
	if payload == "" {
		panic("suncotest: there is no sample of " + trigger)
	}
	return Event{
		Trigger: trigger,
		Payload: fill(payload, n),
		Undated: trigger == "conversation:referral",
	}
}

// SampleReply is like SampleEvent("conversation:message", n) for a message that the
// business wrote in the same conversation: the bot's own messages come back this way.
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
