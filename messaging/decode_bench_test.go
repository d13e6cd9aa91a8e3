package messaging_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/messaging"
)

// BenchmarkDecode reads what a bot reads. The peer is encoding/json with the
// unions in two passes: first the type, then the fields. On Go 1.27 that is the
// same decoder.
func BenchmarkDecode(b *testing.B) {
	text := message(`{"type":"text","text":"Hello! What can I do for you today?"}`)
	mostTime, mostAllocations := 1.0, 1.0
	if strings.HasPrefix(runtime.Version(), "go1.26") {
		mostTime, mostAllocations = 0.55, 0.7
	}
	for _, input := range []struct{ name, json string }{
		{"event", compact(b, readEvent(b, "conversation-message").Payload)},
		{"text", text},
		{"image", firstMessage(b, "image")},
		{"carousel", firstMessage(b, "carousel")},
		{"form", firstMessage(b, "form")},
		{"page", `{"messages":[` + strings.Repeat(text+",", 99) + text + `],"meta":{"hasMore":false}}`},
	} {
		ours, peers := decoder(b, input.name, input.json), peerDecoder(b, input.name, input.json)
		allocations := benchmark(b, input.name+"/messaging", ours)
		peersAllocations := benchmark(b, input.name+"/peer", peers)
		time, peersTime := math.Inf(1), math.Inf(1)
		for range 40 { // in turn, because other programs run beside
			time, peersTime = min(time, seconds(ours)), min(peersTime, seconds(peers))
		}
		assert.LessOrEqual(b, time, mostTime*peersTime, "%s: time", input.name)
		assert.LessOrEqual(b, allocations, mostAllocations*peersAllocations, "%s: allocations", input.name)
	}
}

// benchmark returns how often a run allocates.
func benchmark(b *testing.B, name string, run func()) float64 {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			run()
		}
	})
	return testing.AllocsPerRun(100, run)
}

// seconds returns how long a few runs take.
func seconds(run func()) float64 {
	start := time.Now()
	for range 10 {
		run()
	}
	return time.Since(start).Seconds()
}

func decoder(b *testing.B, name, input string) func() {
	data := []byte(input)
	switch name {
	case "event":
		return func() { messaging.ParseEvent(&sunco.Event{Type: "conversation:message", Payload: data}) }
	case "page":
		return func() { require.Len(b, messaging.DecodeMessages(data), 100) }
	}
	return func() { require.NoError(b, new(messaging.Message).UnmarshalJSON(data)) }
}

func peerDecoder(b *testing.B, name, input string) func() {
	data := []byte(input)
	switch name {
	case "event":
		return func() { require.NoError(b, json.Unmarshal(data, new(peerEvent))) }
	case "page":
		return func() {
			var page struct {
				Messages []*peerMessage `json:"messages"`
			}
			require.NoError(b, json.Unmarshal(data, &page))
		}
	}
	return func() { require.NoError(b, json.Unmarshal(data, new(peerMessage))) }
}

func message(content string) string {
	return fmt.Sprintf(`{"id":"67a10c0bf0305f4a391e9e51","received":"2025-02-03T18:33:47.466Z",`+
		`"author":{"type":"business","avatarUrl":"https://media.example/avatar.png"},"content":%s,`+
		`"source":{"type":"api:conversations"}}`, content)
}

// The peer has the same fields under the same names.
type (
	peerEvent struct {
		Conversation        *peerConversation `json:"conversation"`
		Message             *peerMessage      `json:"message"`
		RecentNotifications []*peerMessage    `json:"recentNotifications"`
	}
	peerConversation struct {
		ID                            string                            `json:"id"`
		Type                          string                            `json:"type"`
		BrandID                       string                            `json:"brandId"`
		Metadata                      map[string]any                    `json:"metadata"`
		IsDefault                     bool                              `json:"isDefault"`
		DisplayName                   string                            `json:"displayName"`
		Description                   string                            `json:"description"`
		IconURL                       string                            `json:"iconUrl"`
		ActiveSwitchboardIntegration  *messaging.SwitchboardIntegration `json:"activeSwitchboardIntegration"`
		PendingSwitchboardIntegration *messaging.SwitchboardIntegration `json:"pendingSwitchboardIntegration"`
		BusinessLastRead              time.Time                         `json:"businessLastRead"`
		LastUpdatedAt                 time.Time                         `json:"lastUpdatedAt"`
		CreatedAt                     time.Time                         `json:"createdAt"`

		raw []byte
	}
	peerUser struct {
		ID            string         `json:"id"`
		Authenticated bool           `json:"authenticated"`
		ExternalID    string         `json:"externalId"`
		ZendeskID     string         `json:"zendeskId"`
		BrandID       string         `json:"brandId"`
		SignedUpAt    time.Time      `json:"signedUpAt"`
		Metadata      map[string]any `json:"metadata"`

		raw []byte
	}
	peerMessage struct {
		ID       string    `json:"id"`
		Received time.Time `json:"received"`
		Author   struct {
			Type        string    `json:"type"`
			Subtypes    []string  `json:"subtypes"`
			UserID      string    `json:"userId"`
			DisplayName string    `json:"displayName"`
			AvatarURL   string    `json:"avatarUrl"`
			User        *peerUser `json:"user"`
		} `json:"author"`
		Content peerContent `json:"content"`
		Source  struct {
			Type                     string    `json:"type"`
			IntegrationID            string    `json:"integrationId"`
			OriginalMessageID        string    `json:"originalMessageId"`
			OriginalMessageTimestamp time.Time `json:"originalMessageTimestamp"`
		} `json:"source"`
		Metadata map[string]any `json:"metadata"`
		Deleted  bool           `json:"deleted"`

		raw []byte
	}
	peerContent struct{ value any }
	peerText    struct {
		Text           string       `json:"text"`
		HTMLText       string       `json:"htmlText"`
		MarkdownText   string       `json:"markdownText"`
		BlockChatInput bool         `json:"blockChatInput"`
		Actions        []peerAction `json:"actions"`
		Payload        string       `json:"payload"`
	}
	peerImage struct {
		MediaURL       string       `json:"mediaUrl"`
		MediaType      string       `json:"mediaType"`
		MediaSize      int64        `json:"mediaSize"`
		AltText        string       `json:"altText"`
		Text           string       `json:"text"`
		HTMLText       string       `json:"htmlText"`
		BlockChatInput bool         `json:"blockChatInput"`
		Actions        []peerAction `json:"actions"`
		AttachmentID   string       `json:"attachmentId"`
	}
	peerCarousel struct {
		Text  string `json:"text"`
		Items []struct {
			Title       string         `json:"title"`
			Description string         `json:"description"`
			MediaURL    string         `json:"mediaUrl"`
			MediaType   string         `json:"mediaType"`
			AltText     string         `json:"altText"`
			Size        string         `json:"size"`
			Actions     []peerAction   `json:"actions"`
			Metadata    map[string]any `json:"metadata"`
		} `json:"items"`
	}
	peerAction struct{ value any }
)

func (m *peerMessage) UnmarshalJSON(b []byte) error {
	type fields peerMessage
	m.raw = append([]byte(nil), b...)
	return json.Unmarshal(m.raw, (*fields)(m))
}

func (c *peerConversation) UnmarshalJSON(b []byte) error {
	type fields peerConversation
	c.raw = append([]byte(nil), b...)
	return json.Unmarshal(c.raw, (*fields)(c))
}

func (u *peerUser) UnmarshalJSON(b []byte) error {
	type fields peerUser
	u.raw = append([]byte(nil), b...)
	return json.Unmarshal(u.raw, (*fields)(u))
}

func (c *peerContent) UnmarshalJSON(b []byte) error {
	switch peerType(b) {
	case "text":
		c.value = new(peerText)
	case "image":
		c.value = new(peerImage)
	case "carousel":
		c.value = new(peerCarousel)
	case "form":
		c.value = new(messaging.FormMessage)
	}
	return json.Unmarshal(b, c.value)
}

func (a *peerAction) UnmarshalJSON(b []byte) error {
	switch peerType(b) {
	case "postback":
		a.value = new(messaging.PostbackAction)
	case "link":
		a.value = new(messaging.LinkAction)
	}
	return json.Unmarshal(b, a.value)
}

func peerType(b []byte) string {
	var head struct {
		Type string `json:"type"`
	}
	_ = json.Unmarshal(b, &head)
	return head.Type
}

// firstMessage returns the message of a reply of testdata, without white
// space.
func firstMessage(b *testing.B, name string) string {
	var reply struct {
		Messages []json.RawMessage `json:"messages"`
	}
	require.NoError(b, json.Unmarshal(readFile(b, "replies/"+name+".json"), &reply))
	return compact(b, reply.Messages[0])
}

func compact(b *testing.B, value []byte) string {
	var out bytes.Buffer
	require.NoError(b, json.Compact(&out, value))
	return out.String()
}
