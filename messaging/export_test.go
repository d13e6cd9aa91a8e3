package messaging

// DecodeMessages reads the list of messages in a reply.
func DecodeMessages(body []byte) []*Message {
	var r reply
	_ = r.UnmarshalJSON(body)
	return r.Messages
}
