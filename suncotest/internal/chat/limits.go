package chat

import (
	"net/http"
	"slices"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// What the platform keeps is bounded: users and conversations that would exceed
// maxRecords are refused, and the oldest messages beyond maxMessages and the oldest
// attachments beyond maxFiles are forgotten.
const (
	maxRecords     = 32 << 20
	maxMessages    = 32 << 20
	maxFiles       = 64 << 20
	recordOverhead = 512
)

// history is what the messages of all apps take, and the users and conversations.
type history struct {
	records, messages int
	oldest            []*message
}

// fits reports whether there is room for a record of size bytes that has *taken bytes
// already, and gives it the room.
func (h *history) fits(taken *int, size int) bool {
	size += recordOverhead
	if size > *taken && h.records+size-*taken > maxRecords {
		return false
	}
	h.records += size - *taken
	*taken = size
	return true
}

// frees takes back the room of a record.
func (h *history) frees(taken *int) {
	h.records -= *taken
	*taken = 0
}

// add keeps a message, and forgets the oldest ones there is no room for.
func (h *history) add(v *conversation, m *message) {
	v.posted++
	v.serial++
	m.in, m.serial = v, v.serial
	v.messages = append(v.messages, m)
	h.oldest = append(h.oldest, m)
	h.messages += m.size
	for h.messages > maxMessages && len(h.oldest) > 1 {
		old := h.oldest[0]
		h.oldest[0] = nil
		h.oldest = h.oldest[1:]
		h.messages -= old.size
		i := slices.Index(old.in.messages, old)
		old.in.messages = slices.Delete(old.in.messages, i, i+1)
	}
}

// drop forgets the messages that are no longer in their conversations.
func (h *history) drop(gone func(*message) bool) {
	h.oldest = slices.DeleteFunc(h.oldest, func(m *message) bool {
		if !gone(m) {
			return false
		}
		h.messages -= m.size
		return true
	})
}

func full() wire.Reply {
	return wire.Failure(http.StatusInsufficientStorage, "insufficient_storage",
		"This fake platform is full; it keeps 32 MiB of users and conversations")
}
