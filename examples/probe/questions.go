package main

import "context"

// question is one thing that no document says.
type question struct {
	name   string
	how    string   // it is asked
	fields []string // of suncotest.Behavior that it answers
	long   bool     // only with -long
	after  bool     // the clean-up
	ask    func(context.Context, *probe) error
}

// questions returns them. They are asked in this order. A question depends on those before it only where its
// function says so, in what the probe knows.
func questions() []question {
	return []question{
		{name: "token info", how: "token info with the new token",
			fields: []string{"NoSubdomain", "EchoPostback", "TokenLifetime"}, ask: askTokenInfo},
		{name: "the account", how: "its webhooks are listed; if there are any, the run ends", ask: askAccount},
		{name: "a code's second use", how: "the code once more, then token info with the first token",
			fields: []string{"CodeReuseRevokes"}, ask: askReuse},
		{name: "errors of the token endpoint", how: "an invented code as JSON and as a form, an invented client, no code",
			fields: []string{"TokenErrorStatus", "TokenErrorShape"}, ask: askTokenErrors},
		{name: "authorize", how: "the authorize URL with an invented client id, then with an invented redirect URI",
			fields: []string{"UnknownClientStatus"}, ask: askUnknownClient},
		{name: "a token that was never issued", how: "an invented token at both hosts", ask: askInventedToken},
		{name: "an app that is not the token's", how: "the webhooks of an invented app",
			fields: []string{"OtherAppStatus"}, ask: askOtherApp},
		{name: "a host that nobody has", how: "an invented subdomain, without a token",
			fields: []string{"UnknownHost"}, ask: askUnknownHost},
		{name: "missing marketplace headers", how: "token info without them",
			fields: []string{"MarketplaceRequired", "MarketplaceStatus"}, ask: askMarketplace},

		{name: "a user and two conversations", how: "they are made, for the questions that follow", ask: makeTalks},
		{name: "an unknown member", how: "an update of the user with an invented member",
			fields: []string{"Strict"}, ask: askUnknownMember},
		{name: "null in an update", how: "an update of a conversation with displayName null",
			fields: []string{"NullKept"}, ask: askNull},
		{name: "metadata in an update", how: "an update of a conversation with other metadata",
			fields: []string{"MetadataMerges"}, ask: askMetadata},
		{name: "the first message of an AI", how: "a message with the subtype AI",
			fields: []string{"AIDisclaimer"}, ask: askAI},
		{name: "long texts", how: "texts of 4,096 and 4,097 characters, and of 4,096 with an emoji",
			fields: []string{"UTF16"}, ask: askTexts},
		{name: "the order of messages, and a deleted one", how: "two messages, their list, and the list without the first",
			fields: []string{"NewestFirst", "Placeholders"}, ask: askMessages},
		{name: "attachments", how: "a file for one conversation, posted to the other, and downloaded without a token",
			fields: []string{"ForeignMedia", "PrivateAttachments"}, ask: askAttachments},
		{name: "control", how: "a message of the user, control passed to nobody that exists, and released",
			fields: []string{"NoSwitchboard", "ControlRefused", "ReleaseToDefault"}, ask: askControl},

		{name: "the probe of a target", how: "webhooks for a target that answers HEAD with 404, for none, and for a good one",
			fields: []string{"NoProbe", "ProbeCounts"}, long: true, ask: askProbe},
		{name: "a webhook's target afterwards", how: "a target with an upper-case host, port 443 and no path",
			fields: []string{"TargetForm"}, long: true, ask: askTargetForm},
		{name: "the probe of a new target", how: "an update of the target, to a good one and to one that answers 404",
			fields: []string{"NoRetargetProbe"}, long: true, ask: askRetarget},
		{name: "an unknown trigger", how: "an update of the webhook with an invented trigger",
			fields: []string{"UnknownTriggerStatus"}, long: true, ask: askTrigger},
		{name: "deliveries", how: "six messages, one after the other",
			fields: []string{"DeliveryCopies", "DeliveryDoubled", "DeliveryReordered", "DeliveryReceipts"}, long: true,
			ask: askDeliveries},
		{name: "deliveries at once", how: "a message while the delivery of another one is being answered",
			fields: []string{"DeliverySerial"}, long: true, ask: askAtOnce},
		{name: "the event of an updated user", how: "an update of the user",
			fields: []string{"UserUpdateTells"}, long: true, ask: askUserUpdate},
		{name: "events while an agent is in control", how: "the second conversation is passed to agents, then a message",
			fields: []string{"NoStandbyEvents"}, long: true, ask: askStandby},
		{name: "one webhook too many", how: "one webhook after the other, eleven at most",
			fields: []string{"WebhookLimit", "WebhookLimitStatus"}, long: true, ask: askLimit},
		{name: "Deny", how: "a second authorization, which the administrator denies",
			fields: []string{"DenyDescription"}, long: true, ask: askDeny},
		{name: "a code that is kept", how: "a third authorization, whose code is exchanged later", long: true, ask: keepCode},
		{name: "a delivery that is not accepted", how: "503 for every attempt",
			fields: []string{"DeliveryRetryInterval"}, long: true, ask: askRetries},
		{name: "the events of a deleted user", how: "the user is deleted",
			fields: []string{"UserRemoveTells"}, long: true, ask: askUserRemove},
		{name: "a second installation", how: "the code that was kept, as a form; then the first token and the webhooks",
			fields: []string{"CodeLifetime", "OldTokenDies", "WebhooksDie"}, long: true, ask: askAgain},

		{name: "revoke", how: "revoke, then token info until the token is dead, then other calls",
			fields: []string{"RevokedStatus", "RevokedShape"}, after: true, ask: askRevoke},
		{name: "the remove URL", how: "503 for every call, until no more come",
			fields: []string{"RemoveFirst", "RemoveDelay", "RemoveRetries", "RemoveRetryInterval"}, long: true, after: true,
			ask: askRemoved},
		{name: "a wrong secret", how: "the token endpoint with an invented secret and an invented code, once", after: true,
			ask: askWrongSecret},
	}
}

// unaskable returns the fields of suncotest.Behavior without a question, and why.
func unaskable() map[string]string {
	return map[string]string{
		"DeliveryWrongKey": "a delivery with a wrong key is an attack; nothing that Zendesk does",
		"SolvePasses":      "it needs an agent",
		"FormStaysOpen":    "it needs a person in a web widget",
	}
}

// checklist returns what a person can find out on the account.
func checklist() []string {
	return []string{
		"FormStaysOpen: fill in a form of the bot's in the web widget, and list the messages: is the form submitted?",
		"SolvePasses: let the bot pass control, solve the ticket or transfer it to e-mail: does the bot get control?",
		"Let the bot pass control with first_message_id in its metadata: does the ticket show the history from there?",
		"Remove the integration in Admin Center: is the remove URL called as after a revoke?",
	}
}
