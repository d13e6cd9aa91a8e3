package sunco_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/sunco-go/sunco"
)

// One handler for all customers. The same event comes twice, as it does when an
// answer was lost. An unknown key is answered 503: its webhook may be stored soon.
func ExampleEventHandler() {
	secret := "0f1e2d3c4b5a69788796a5b4c3d2e1f0" // from EnsureWebhook, stored with the installation
	stored := map[[32]byte]*sunco.Installation{
		sha256.Sum256([]byte(secret)): {
			AppID:    "5963ba5b40e2610047cd2c51",
			Webhooks: []sunco.Webhook{{ID: "5e6d7c8b9a0b1c2d3e4f5a6b", Secret: sunco.NewSecret(secret)}},
		},
	}
	handler := &sunco.EventHandler{
		Lookup: func(_ context.Context, keyDigest [32]byte) (*sunco.Installation, error) {
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
				log.Print(err) // a member has another type; the rest is filled in
			}
			if payload.Message.Author.Type == "user" { // not the bot itself
				fmt.Printf("%s: %q\n", in.AppID, payload.Message.Content.Text)
			}
			return nil
		},
	}
	defer handler.Close(context.Background())

	body := `{"app":{"id":"5963ba5b40e2610047cd2c51"},"webhook":{"id":"5e6d7c8b9a0b1c2d3e4f5a6b","version":"v2"},"events":[
		{"id":"e1","type":"conversation:message","createdAt":"2026-03-14T09:26:53.589Z","payload":{"message":{
			"author":{"type":"user"},"content":{"type":"text","text":"Where is my parcel?"}}}}]}`
	for _, key := range []string{secret, secret, "guessed"} {
		r := httptest.NewRequest(http.MethodPost, "https://bot.example/zendesk/events", strings.NewReader(body))
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
	// 503
}

// A receiver of its own: it stores each event in a queue, as JSON, before it
// answers. A worker decodes the event later.
func ExampleReadDelivery() {
	secret := "0f1e2d3c4b5a69788796a5b4c3d2e1f0" // from EnsureWebhook
	stored := map[[32]byte]*sunco.Installation{
		sha256.Sum256([]byte(secret)): {
			AppID:    "5963ba5b40e2610047cd2c51",
			Webhooks: []sunco.Webhook{{ID: "5e6d7c8b9a0b1c2d3e4f5a6b", Secret: sunco.NewSecret(secret)}},
		},
	}
	var queue [][]byte
	receive := func(r *http.Request) error {
		digest, err := sunco.KeyDigest(r)
		if err != nil {
			return err
		}
		delivery, err := sunco.ReadDelivery(r, stored[digest])
		if err != nil {
			return err
		}
		for _, e := range delivery.Events {
			text, err := json.Marshal(e)
			if err != nil {
				return err
			}
			queue = append(queue, text)
		}
		return nil
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refused := new(sunco.RequestError)
		switch err := receive(r); {
		case r.Method == http.MethodHead: // Zendesk asks whether the target exists
		case errors.As(err, &refused):
			w.WriteHeader(refused.Status)
		case err != nil:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})

	body := `{"app":{"id":"5963ba5b40e2610047cd2c51"},"webhook":{"id":"5e6d7c8b9a0b1c2d3e4f5a6b","version":"v2"},` +
		`"events":[{"id":"e1","type":"user:update","payload":{"reason":"new"}}]}`
	for _, key := range []string{secret, "guessed", ""} {
		r := httptest.NewRequest(http.MethodPost, "https://bot.example/zendesk/events", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-API-Key", key)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	for _, text := range queue {
		var e sunco.Event
		if err := json.Unmarshal(text, &e); err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(e.AppID, e.Type, string(e.Payload))
	}
	// Output:
	// 200
	// 503
	// 401
	// 5963ba5b40e2610047cd2c51 user:update {"reason":"new"}
}
