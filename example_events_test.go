package sunco_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/sunco-go/sunco"
)

// One handler for all customers, found by the key of the delivery. The same
// event comes twice, as it does when an answer was lost.
func ExampleEventHandler() {
	secret := "0f1e2d3c4b5a69788796a5b4c3d2e1f0" // from EnsureWebhook, stored with the installation
	stored := map[[32]byte]*sunco.Installation{
		sha256.Sum256([]byte(secret)): {
			AppID:    "5963ba5b40e2610047cd2c51",
			Webhooks: []sunco.Webhook{{ID: "5e6d7c8b9a0b1c2d3e4f5a6b", Secret: sunco.NewSecret(secret)}},
		},
	}
	handler := &sunco.EventHandler{
		Lookup: func(_ context.Context, _ *http.Request, keyDigest [32]byte) (*sunco.Installation, error) {
			return stored[keyDigest], nil
		},
		OnEvent: func(_ context.Context, in *sunco.Installation, e *sunco.Event) error {
			var payload struct {
				Message struct {
					Author struct {
						Type string `json:"type"`
					} `json:"author"`
					Content struct {
						Text string `json:"text"`
					} `json:"content"`
				} `json:"message"`
			}
			if e.Type != sunco.TriggerConversationMessage {
				return nil
			}
			if err := e.Decode(&payload); err != nil {
				return nil // would not fit the next time either
			}
			if payload.Message.Author.Type == "user" { // not the bot itself
				fmt.Printf("%s: %q\n", in.AppID, payload.Message.Content.Text)
			}
			return nil
		},
	}
	defer handler.Close(context.Background())

	body := `{"app":{"id":"5963ba5b40e2610047cd2c51"},"webhook":{"id":"5e6d7c8b9a0b1c2d3e4f5a6b","version":"v2"},"events":[
		{"id":"e1","type":"conversation:message","createdAt":"2026-03-14T09:26:53.589Z","payload":{"message":{"author":{"type":"user"},"content":{"type":"text","text":"Where is my parcel?"}}}}]}`
	for _, key := range []string{secret, secret, "guessed"} {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "https://bot.example/zendesk/events", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-API-Key", key)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 5963ba5b40e2610047cd2c51: "Where is my parcel?"
	// 200
	// 200
	// 401
}

// ReadDelivery only parses: whoever uses it authenticates the request first.
func ExampleReadDelivery() {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "https://bot.example/zendesk/events", strings.NewReader(
		`{"app":{"id":"5963ba5b40e2610047cd2c51"},"webhook":{"id":"5e6d7c8b9a0b1c2d3e4f5a6b","version":"v2"},"events":[{"id":"e1","type":"user:update","payload":{"reason":"new"}}]}`))
	r.Header.Set("Content-Type", "application/json")
	delivery, err := sunco.ReadDelivery(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range delivery.Events {
		fmt.Println(e.Type, string(e.Payload), e.CreatedAt.IsZero())
	}
	// Output: user:update {"reason":"new"} true
}
