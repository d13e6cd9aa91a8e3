package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sunco-go/sunco/suncotest"
)

// handler is a receiver, for the test below.
var handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if body, err := io.ReadAll(r.Body); err != nil || !strings.Contains(string(body), `"text":"hello"`) {
		w.WriteHeader(http.StatusTeapot)
	}
})

func TestDelivery(t *testing.T) {
	delivery := suncotest.NewDelivery(
		suncotest.Webhook{AppID: "385e5d938ef09fb9c71e3a79", ID: "16168a4e2addd9472c63aba0", Target: "/hooks"},
		os.Getenv("SUNCO_WEBHOOK_SECRET"),
		suncotest.Event{
			ID:        "f83b77c8e8f9923521054ac0",
			Trigger:   "conversation:message",
			CreatedAt: time.Date(2026, 11, 26, 3, 22, 21, 426000000, time.UTC),
			Payload: json.RawMessage(`{
  "conversation": {
    "id": "cc0cf96817eb6cc89492296c",
    "type": "personal",
    "activeSwitchboardIntegration": {
      "id": "c14d4fddcacdaec7713c7260",
      "name": "shoplifter",
      "integrationId": "0d77a3f58ffa2894695dbd99",
      "integrationType": "shoplifter"
    }
  },
  "message": {
    "id": "8a5096116e185b3463751547",
    "received": "2026-11-26T03:22:21.426Z",
    "author": {
      "type": "user",
      "userId": "0467eea06f4a2ff281744f90",
      "displayName": "ada",
      "user": {
        "id": "0467eea06f4a2ff281744f90",
        "authenticated": true,
        "externalId": "ada",
        "zendeskId": "248578675299163"
      }
    },
    "content": {
      "text": "hello",
      "type": "text"
    },
    "source": {
      "type": "web",
      "integrationId": "30b941b8b409e067116e3515"
    }
  }
}`),
		},
	)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, delivery) // handler is your EventHandler
	if answer.Code != 200 {
		t.Errorf("the handler answered %d", answer.Code)
	}
}
