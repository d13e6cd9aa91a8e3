package sunco

// The triggers a webhook can subscribe to, which are also the types of the
// events it delivers. TriggerConversationMessage fires for the bot's own
// messages too. What TriggerPassthroughMessaging delivers is not documented.
//
// https://developer.zendesk.com/api-reference/conversations/#section/Webhook-Triggers
const (
	TriggerClientAdd                          = "client:add"
	TriggerClientRemove                       = "client:remove"
	TriggerClientUpdate                       = "client:update"
	TriggerConversationCreate                 = "conversation:create"
	TriggerConversationJoin                   = "conversation:join"
	TriggerConversationLeave                  = "conversation:leave"
	TriggerConversationRemove                 = "conversation:remove"
	TriggerConversationMessage                = "conversation:message"
	TriggerConversationMessageDeliveryChannel = "conversation:message:delivery:channel"
	TriggerConversationMessageDeliveryFailure = "conversation:message:delivery:failure"
	TriggerConversationMessageDeliveryUser    = "conversation:message:delivery:user"
	TriggerConversationPostback               = "conversation:postback"
	TriggerConversationRead                   = "conversation:read"
	TriggerConversationReferral               = "conversation:referral"
	TriggerConversationTyping                 = "conversation:typing"
	TriggerPassthroughMessaging               = "passthrough:messaging"
	TriggerSwitchboardAcceptControl           = "switchboard:acceptControl"
	TriggerSwitchboardAcceptControlFailure    = "switchboard:acceptControl:failure"
	TriggerSwitchboardOfferControl            = "switchboard:offerControl"
	TriggerSwitchboardOfferControlFailure     = "switchboard:offerControl:failure"
	TriggerSwitchboardPassControl             = "switchboard:passControl"
	TriggerSwitchboardPassControlFailure      = "switchboard:passControl:failure"
	TriggerSwitchboardReleaseControl          = "switchboard:releaseControl"
	TriggerUserMerge                          = "user:merge"
	TriggerUserUpdate                         = "user:update"
	TriggerUserRemove                         = "user:remove"
)
