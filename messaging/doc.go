// Package messaging talks in the conversations of Zendesk's customers: typed
// calls, typed events, and a [Bot] that follows the rules that every bot needs.
//
//	bot := &messaging.Bot{
//		Client: client,
//		OnMessage: func(ctx context.Context, c *messaging.Chat, m *messaging.Message) error {
//			return c.Send(ctx, messaging.Text("Which one?",
//				messaging.Reply("Espresso", "ESPRESSO"), messaging.Reply("A human", "HUMAN")))
//		},
//	}
//	mux.Handle("/zendesk/events", &sunco.EventHandler{Lookup: store.ByKey, OnEvent: bot.OnEvent})
//
// [App] has one method for each call that an integration may make about users,
// conversations, messages, control and attachments. Webhooks are methods of
// [sunco.Client].
//
// # Contents and actions
//
// The [Content] of a message and the [Action] of a button are pointers to
// structs, for sending and for reading. A type switch tells them apart; its
// default is also for what this package does not know yet:
//
//	switch said := m.Content.(type) {
//	case *messaging.TextMessage:
//		…said.Text…
//	default:
//		…m.Content.ContentType()…
//	}
//
// Functions such as [Text] and [Carousel] make the usual contents; the fields
// of what they return take the rest.
//
// # Reading
//
// What Zendesk sends is read leniently. A member of an unexpected type is zero
// and costs no other member. Unknown values of text fields are kept; the
// constants are the values that are documented. Messages, conversations, users
// and payloads of events have a method Raw with all that Zendesk sent. Encoding
// any of them encodes its fields.
//
// # The rules of a Bot
//
//   - OnMessage gets messages of users that have a content. The bot's own
//     messages, agents' messages and placeholders of deleted messages go to
//     OnOther.
//   - OnMessage and OnPostback are not called while another integration is in
//     control of the conversation; OnOther gets these events. If nobody is in
//     control they are called, because a customer without a switchboard has
//     nobody in control. The state that the event carries counts.
//   - The events of a conversation are handled one at a time, in the order in
//     which they reach this process. Other conversations do not wait. An event
//     whose context ends while it waits is an error, and comes back.
//   - An error or a panic of a function brings the event back if nothing was
//     sent. After a message was sent, or after a [sunco.AmbiguousError], a line
//     in the log is all: a missing part is better than the same answer twice.
//   - The [sunco.EventHandler] drops events that were handled already.
//
// A Bot keeps no state of dialogues and knows no other process: two processes
// can handle two events of one conversation at the same time.
//
// # Lost answers
//
// When the answer to a call is lost, calls that come to the same however often
// they are made are tried again: reads, updates, deletions, [App.PassControl],
// [App.PostActivity]. After the others the error is a [sunco.AmbiguousError],
// and the message or the conversation may exist.
package messaging
