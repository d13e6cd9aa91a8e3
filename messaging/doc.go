// Package messaging sends and receives messages in the conversations of
// Zendesk's customers. It has typed calls ([App]), typed events
// ([ParseEvent]), and a [Bot] that keeps the rules that every bot needs.
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
// structs, for sending and for reading. Use a type switch to tell them apart.
// Its default case also gets the types that this package does not know:
//
//	switch said := m.Content.(type) {
//	case *messaging.TextMessage:
//		…said.Text…
//	default:
//		…m.Content.ContentType()…
//	}
//
// Functions such as [Text] and [Carousel] make the usual contents. For other
// members, set the fields of what they return.
//
// # Reading
//
// Reading is lenient. A member of an unexpected type leaves its field zero,
// and the other members are read. Text fields keep values that this package
// does not know; the constants are the documented values. Messages,
// conversations, users and payloads of events have a method Raw that returns
// all that Zendesk sent. Encoding one of them encodes its fields, not what Raw
// returns.
//
// # The rules of a Bot
//
//   - OnMessage gets every message with a content that a user wrote. OnOther
//     gets the bot's own messages, agents' messages and the placeholders of
//     deleted messages.
//   - While another integration is in control of a conversation, OnOther gets
//     its messages and postbacks. While no integration is in control,
//     OnMessage and OnPostback get them, because a customer without a
//     switchboard has no integration in control. The bot goes by the state
//     that the event carries.
//   - The events of a conversation are handled one at a time, in the order in
//     which they reach this process. Other conversations do not wait. If the
//     context of an event ends while the event waits, OnEvent returns an
//     error, and Zendesk delivers the event again.
//   - If a function fails or panics before it sends a message, Zendesk
//     delivers the event again. If it fails after it sent a message, or after
//     a [sunco.AmbiguousError], the error is only logged: a missing part is
//     better than the same answer twice.
//   - The [sunco.EventHandler] drops events that were handled already.
//
// A Bot keeps no state of dialogues. It does not coordinate with other
// processes: two processes can handle two events of one conversation at the
// same time.
//
// # Lost answers
//
// When the answer to a call is lost, reads, updates, deletions,
// [App.PassControl] and [App.PostActivity] are tried again, because making
// them twice does no harm. The other calls return a [sunco.AmbiguousError]:
// the message or the conversation may exist.
package messaging
