package chat

import (
	"net/http"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// What the platform keeps is bounded, by what it takes on the wire: users and
// conversations that would exceed maxRecords are refused, and the oldest messages
// beyond maxMessages are forgotten.
const (
	maxRecords     = 32 << 20
	maxMessages    = 32 << 20
	recordOverhead = 512
)

// history is what the messages of all apps take.
type history struct {
	records, messages int
	oldest            []*conversation // one entry for each message that is kept
}

// admits reports whether there is room for another user or conversation, and takes it.
func (h *history) admits(size int) bool {
	size += recordOverhead
	if h.records+size > maxRecords {
		return false
	}
	h.records += size
	return true
}

// add keeps a message, and forgets the oldest ones there is no room for.
func (h *history) add(c *conversation, m *message) {
	c.posted++
	c.messages = append(c.messages, m)
	h.oldest = append(h.oldest, c)
	h.messages += m.size
	for h.messages > maxMessages && len(h.oldest) > 1 {
		from := h.oldest[0]
		h.oldest = h.oldest[1:]
		h.messages -= from.messages[0].size
		from.messages[0] = nil
		from.messages = from.messages[1:]
	}
}

func full() wire.Reply {
	return wire.Failure(http.StatusInsufficientStorage, "insufficient_storage",
		"This fake platform is full; it keeps 32 MiB of users and conversations")
}
