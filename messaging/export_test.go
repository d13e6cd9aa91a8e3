package messaging

// NewReply returns an empty reply, which has a field for all that replies are
// about.
func NewReply() any { return new(reply) }

// DecodeMessages reads the list of messages in a reply.
func DecodeMessages(body []byte) []*Message {
	var r reply
	_ = r.UnmarshalJSON(body)
	return r.Messages
}
