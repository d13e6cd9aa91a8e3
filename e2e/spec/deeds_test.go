package spec_test

import (
	"strings"

	"github.com/sunco-go/sunco/suncotest"
)

// deed is one request of the fake: what it answers, and what webhooks hear of it. Names
// in braces stand for what a scene has.
type deed struct {
	status int
	with   map[string]string // names of the path that are not the scene's
	query  string
	body   string
	before func(s *scene) // nil: nothing

	behavior suncotest.Behavior // other than the fake's own
	events   []string
}

const (
	hello      = `{"author":{"type":"business"},"content":{"type":"text","text":"Hello"}}`
	forMedia   = `{"mediaUrl":"{media}"}`
	toAgents   = `{"switchboardIntegration":"zd-agentWorkspace","metadata":{"first_message_id":"{message}"}}`
	toNobody   = `{"switchboardIntegration":"nobody"}`
	aHook      = `{"target":"https://bot.example/other","triggers":["user:merge"]}`
	badHook    = `{"target":"https://nobody.example/","triggers":["user:merge"]}`
	ofWhatsApp = `{"matchCriteria":{"type":"whatsapp","integrationId":"7","phoneNumber":"+441234567890"},` +
		`"confirmation":{"type":"prompt"},"target":{"conversationId":"{conversationId}"}}`
)

func noChat() map[string]string { return map[string]string{"conversationId": thingID} }
func noUser() map[string]string { return map[string]string{"userIdOrExternalId": thingID} }
func noHook() map[string]string { return map[string]string{"webhookId": thingID} }
func noApp() map[string]string  { return map[string]string{"appId": "{other}"} }

// ownChat is the conversation that somebody began by writing.
func ownChat() map[string]string { return map[string]string{"conversationId": "{default}"} }

// deeds are the deeds of each operation for an integration.
func deeds() map[string][]deed {
	all := map[string][]deed{}
	for _, group := range []map[string][]deed{
		userDeeds(), clientDeeds(), conversationDeeds(), messageDeeds(), controlDeeds(), hookDeeds(),
	} {
		for id, list := range group {
			all[id] = append(all[id], list...)
		}
	}
	return all
}

func userDeeds() map[string][]deed {
	update := `{"profile":{"givenName":"Ada"},"metadata":null}`
	return map[string][]deed{
		"CreateUser": {
			{status: 201, body: `{"externalId":"carl","profile":{"email":"carl@bot.example"}}`},
			{status: 409, body: `{"externalId":"ada"}`},
		},
		"ListUsers": {{status: 200, query: "filter[identities.email]=ada@bot.example", before: (*scene).identify}},
		"GetUser":   {{status: 200}, {status: 404, with: noUser()}},
		"UpdateUser": {
			{status: 200, body: update}, {status: 404, body: update, with: noUser()},
			{
				status: 200, body: update, behavior: suncotest.Behavior{UserUpdateTells: true},
				events: []string{"user:update"},
			},
		},
		"DeleteUser": {
			{status: 200, events: []string{"user:remove"}}, {status: 404, with: noUser()},
			{
				status: 200, behavior: suncotest.Behavior{UserRemoveTells: true},
				events: []string{"conversation:remove", "user:remove"},
			},
		},
		"DeleteUserPersonalInformation": {{status: 200}, {status: 404, with: noUser()}},
		"SyncUser": {
			{status: 200, body: "{}"},
			{status: 200, body: `{"survivingZendeskId":"{bobs}"}`, events: []string{"user:merge"}},
		},
	}
}

func clientDeeds() map[string][]deed {
	return map[string][]deed{
		"CreateClient": {
			{status: 201, body: ofWhatsApp, events: []string{"client:add"}},
			{
				status: 201, body: strings.Replace(ofWhatsApp, "prompt", "immediate", 1),
				events: []string{"client:add", "client:update"},
			},
		},
		"ListClients": {{status: 200}, {status: 400, query: "page[size]=0"}},
		"RemoveClient": {
			{status: 200, events: []string{"client:remove"}},
			{status: 400, with: map[string]string{"clientId": "{sdk}"}},
			{status: 404, with: map[string]string{"clientId": thingID}},
		},
		"ListDevices": {{status: 200}},
		"GetDevice":   {{status: 200}, {status: 404, with: map[string]string{"deviceId": thingID}}},
	}
}

func conversationDeeds() map[string][]deed {
	personal := `{"type":"personal","participants":[{"userExternalId":"ada"}],"metadata":{"a":1}}`
	update := `{"displayName":"Tea","metadata":{"a":true}}`
	join := `{"userExternalId":"carl","subscribeSDKClient":true}`
	leave := `{"userExternalId":"ada"}`
	return map[string][]deed{
		"CreateConversation": {
			{status: 201, body: personal, events: []string{"conversation:create"}},
			{status: 404, body: strings.Replace(personal, "ada", "nobody", 1)},
		},
		"ListConversations": {
			{status: 200, query: "filter[userExternalId]=ada"}, {status: 400},
			{status: 404, query: "filter[userId]=" + thingID},
		},
		"GetConversation":    {{status: 200}, {status: 404, with: noChat()}},
		"UpdateConversation": {{status: 200, body: update}, {status: 404, body: update, with: noChat()}},
		"DeleteConversation": {
			{status: 200, events: []string{"conversation:remove"}}, {status: 400, with: ownChat()},
			{status: 404, with: noChat()},
		},
		"JoinConversation": {
			{status: 201, body: join, before: (*scene).carl, events: []string{"conversation:join"}},
			{status: 400, body: leave}, {status: 404, body: join, with: noChat()},
		},
		"ListParticipants": {{status: 200}, {status: 400, query: "page[size]=0"}, {status: 404, with: noChat()}},
		"LeaveConversation": {
			{status: 200, body: leave, events: []string{"conversation:leave"}},
			{status: 200, body: `{"participantId":"{participant}"}`, events: []string{"conversation:leave"}},
			{status: 404, body: `{"userExternalId":"nobody"}`},
		},
	}
}

func messageDeeds() map[string][]deed {
	byAda := func(text string) string {
		return strings.Replace(text, `"type":"business"`, `"type":"user","userExternalId":"ada"`, 1)
	}
	typing := `{"author":{"type":"business"},"type":"typing:start"}`
	reads := `{"author":{"type":"business"},"type":"conversation:read"}`
	receipts := suncotest.Behavior{DeliveryReceipts: true}
	return map[string][]deed{
		"PostMessage": {
			{status: 201, body: hello, events: []string{"conversation:message"}},
			{status: 201, body: byAda(hello), events: []string{"conversation:message"}},
			{status: 423, body: hello, before: (*scene).fill},
			{
				status: 201, body: hello, with: ownChat(), behavior: receipts, events: []string{
					"conversation:message", "conversation:message:delivery:channel", "conversation:message:delivery:user",
				},
			},
			{
				status: 201, with: ownChat(), behavior: receipts,
				body:   strings.Replace(hello, "{", `{"destination":{"integrationType":"viber"},`, 1),
				events: []string{"conversation:message", "conversation:message:delivery:failure"},
			},
		},
		"ListMessages":      {{status: 200}, {status: 404, with: noChat()}},
		"DeleteAllMessages": {{status: 200}, {status: 404, with: noChat()}},
		"DeleteMessage":     {{status: 200}, {status: 404, with: noChat()}},
		"PostActivity": {
			{status: 200, body: typing}, {status: 200, body: reads},
			{status: 200, body: byAda(typing), events: []string{"conversation:typing"}},
			{status: 200, body: byAda(reads), events: []string{"conversation:read"}},
		},
		"UploadAttachment": {{status: 201, query: "access=public", body: rightUpload}, {status: 400, body: rightUpload}},
		"DeleteAttachment": {
			{status: 200, body: forMedia}, {status: 400, body: `{"mediaUrl":"https://bot.example/"}`},
			{status: 404, body: forMedia, before: (*scene).deleteFile},
		},
		"DownloadMessageRef": {{status: 200, body: `{"userId":"{ada}","apple":{"interactiveDataRef":{` +
			`"url":"https://bot.example/","bid":"b","key":"k","signature":"s","owner":"o"}}}`}},
		"PostConversionEvents": {{status: 200, body: `{"messenger":{"payload":{"data":[{"event_name":"Purchase"}]}}}`}},
	}
}

func controlDeeds() map[string][]deed {
	return map[string][]deed{
		"PassControl": {
			{status: 200, body: toAgents, events: []string{"switchboard:passControl"}},
			{status: 200, body: toNobody, events: []string{"switchboard:passControl:failure"}},
			{status: 404, body: toAgents, with: noChat()},
		},
		"OfferControl": {
			{status: 200, body: toAgents, events: []string{"switchboard:offerControl"}},
			{status: 200, body: toNobody, events: []string{"switchboard:offerControl:failure"}},
			{status: 404, body: toAgents, with: noChat()},
		},
		"AcceptControl": {
			{status: 200, body: "{}", before: (*scene).offered, events: []string{"switchboard:acceptControl"}},
			{status: 200, body: "{}", events: []string{"switchboard:acceptControl:failure"}},
			{status: 403, body: "{}", before: (*scene).offers}, {status: 404, body: "{}", with: noChat()},
		},
		"ReleaseControl": {
			{status: 200, body: `{"metadata":{"a":"b"}}`, events: []string{"switchboard:releaseControl"}},
			{status: 403, body: "{}", before: (*scene).passes}, {status: 404, body: "{}", with: noChat()},
		},
	}
}

func hookDeeds() map[string][]deed {
	none := map[string]string{"integrationId": thingID}
	return map[string][]deed{
		"CreateWebhook": {
			{status: 201, body: aHook}, {status: 400, body: badHook}, {status: 403, body: aHook, with: noApp()},
			{status: 404, body: aHook, with: none},
		},
		"ListWebhooks": {{status: 200}, {status: 403, with: noApp()}, {status: 404, with: none}},
		"GetWebhook":   {{status: 200}, {status: 404, with: noHook()}},
		"UpdateWebhook": {
			{status: 200, body: aHook}, {status: 400, body: badHook}, {status: 404, body: aHook, with: noHook()},
		},
		"DeleteWebhook": {{status: 200}, {status: 404, with: noHook()}},
		"RevokeAccess":  {{status: 200}},
	}
}
