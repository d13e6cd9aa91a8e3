package sunco_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sunco-go/sunco"
)

// messageEvent is one conversation:message event of about 1 kB, shaped as the
// platform documents it.
func messageEvent(id int) string {
	return fmt.Sprintf(`{"id":"66b2f0c9d4e2a73581%06d","createdAt":"2026-03-14T09:26:53.589Z","type":"conversation:message","payload":{"conversation":{"id":"66b2f0c9d4e2a735810c4e01","type":"personal","brandId":"360001234567","activeSwitchboardIntegration":{"id":"66b2f0c9d4e2a735810c4e02","name":"bot","integrationId":"66b2f0c9d4e2a735810c4e03","integrationType":"shoplifter"}},"message":{"id":"66b2f0c9d4e2a735810c4e04","received":"2026-03-14T09:26:53.412Z","author":{"userId":"66b2f0c9d4e2a735810c4e05","avatarUrl":"https://cdn.acme.example/avatars/66b2f0c9.png","displayName":"Grace Müller","type":"user","user":{"id":"66b2f0c9d4e2a735810c4e05","externalId":"cust-8841907","authenticated":true}},"content":{"type":"text","text":"Hello, my parcel \"B-7\" has not arrived yet. Could you look where it is?"},"source":{"integrationId":"66b2f0c9d4e2a735810c4e06","originalMessageId":"8841","originalMessageTimestamp":"2026-03-14T09:26:53.000Z","type":"telegram"}}}}`, id)
}

// deliveryBody is a delivery of the test's app and webhook.
func deliveryBody(events ...string) string {
	return `{"app":{"id":"` + testAppID + `"},"webhook":{"id":"` + testHook + `","version":"v2"},"events":[` + strings.Join(events, ",") + `]}`
}

// plainDelivery is the envelope as encoding/json decodes it.
type plainDelivery struct {
	App struct {
		ID string `json:"id"`
	} `json:"app"`
	Webhook struct {
		ID      string `json:"id"`
		Version string `json:"version"`
	} `json:"webhook"`
	Events []struct {
		ID        string          `json:"id"`
		Type      string          `json:"type"`
		CreatedAt time.Time       `json:"createdAt"`
		Payload   json.RawMessage `json:"payload"`
	} `json:"events"`
}

// BenchmarkDelivery compares parsing alone; BenchmarkEventReceive has the
// authentication besides.
func BenchmarkDelivery(b *testing.B) {
	for _, count := range []int{1, 10} {
		var events []string
		for i := range count {
			events = append(events, messageEvent(i))
		}
		body := deliveryBody(events...)
		run := func(name string, read func(r *http.Request) error) {
			b.Run(fmt.Sprintf("events=%d/%s", count, name), func(b *testing.B) {
				reader := strings.NewReader(body)
				r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", reader)
				r.Header.Set("Content-Type", "application/json")
				b.ReportAllocs()
				b.SetBytes(int64(len(body)))
				for b.Loop() {
					reader.Reset(body)
					if err := read(r); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		run("sunco", func(r *http.Request) error {
			_, err := sunco.ReadDelivery(r)
			return err
		})
		run("encodingjson", func(r *http.Request) error {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			return json.Unmarshal(body, new(plainDelivery))
		})
	}
}
