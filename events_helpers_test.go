package sunco_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sunco-go/sunco"
)

const (
	hookSecret  = "whs-3ntr0py.0f1e2d3c4b5a69788796a5b4c3d2e1f0.of-acmes-webhook-as-long-as-they-are"
	otherAppID  = "5963ba5b40e2610047cd2c99"
	otherHook   = "5e6d7c8b9a0b1c2d3e4f5a99"
	otherSecret = "whs-of-somebody-else-00112233445566778899aabbccddeeff"
)

// receiving is acme with its webhook stored.
func receiving() *sunco.Installation {
	in := acme()
	in.Webhooks = []sunco.Webhook{{ID: testHook, Secret: sunco.NewSecret(hookSecret)}}
	return in
}

// eventLog records what OnEvent got.
type eventLog struct {
	mu  sync.Mutex
	ids []string
}

func (l *eventLog) add(e *sunco.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ids = append(l.ids, e.ID)
}

func (l *eventLog) handed() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string{}, l.ids...)
}

// eventHandler serves acme, and answers every event with on, if there is one.
func eventHandler(on func(ctx context.Context, e *sunco.Event) error) (*sunco.EventHandler, *eventLog) {
	events := &eventLog{}
	return &sunco.EventHandler{
		Lookup: func(context.Context, [32]byte) (*sunco.Installation, error) { return receiving(), nil },
		OnEvent: func(ctx context.Context, in *sunco.Installation, e *sunco.Event) error {
			events.add(e)
			if on == nil {
				return nil
			}
			return on(ctx, e)
		},
		Logger: slog.New(slog.DiscardHandler),
	}, events
}

// event is a small event with an id.
func event(id string) string {
	return `{"id":"` + id + `","type":"conversation:message","createdAt":"2026-03-14T09:26:53.589Z",` +
		`"payload":{"message":{"id":"m-` + id + `"}}}`
}

// deliveryRequest is an authentic delivery, changed by edits.
func deliveryRequest(body string, edits ...func(*http.Request)) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "https://bot.example/zendesk/events", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("X-API-Key", hookSecret)
	for _, edit := range edits {
		edit(r)
	}
	return r
}

// deliver posts an authentic delivery, changed by edits, and returns the status.
func deliver(h http.Handler, body string, edits ...func(*http.Request)) int {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, deliveryRequest(body, edits...))
	return w.Code
}

func withHeader(name string, values ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(name)] = values }
}

func withMethod(method string) func(*http.Request) {
	return func(r *http.Request) { r.Method = method }
}

func withBody(body io.Reader) func(*http.Request) {
	return func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(body), -1 }
}

// untouched is a body that nobody may read.
type untouched struct{ t *testing.T }

func (u untouched) Read([]byte) (int, error) {
	assert.Fail(u.t, "the body was read")
	return 0, io.EOF
}

// messageEvent is one conversation:message event of about 1 kB, shaped as the
// platform documents it.
func messageEvent(id int) string {
	return fmt.Sprintf(`{"id":"66b2f0c9d4e2a73581%06d","createdAt":"2026-03-14T09:26:53.589Z",`+
		`"type":"conversation:message",`+
		`"payload":{"conversation":{"id":"66b2f0c9d4e2a735810c4e01","type":"personal","brandId":"360001234567",`+
		`"activeSwitchboardIntegration":{"id":"66b2f0c9d4e2a735810c4e02","name":"bot",`+
		`"integrationId":"66b2f0c9d4e2a735810c4e03","integrationType":"shoplifter"}},`+
		`"message":{"id":"66b2f0c9d4e2a735810c4e04","received":"2026-03-14T09:26:53.412Z",`+
		`"author":{"userId":"66b2f0c9d4e2a735810c4e05","avatarUrl":"https://cdn.acme.example/avatars/66b2f0c9.png",`+
		`"displayName":"Grace Müller","type":"user","user":{"id":"66b2f0c9d4e2a735810c4e05",`+
		`"externalId":"cust-8841907","authenticated":true}},"content":{"type":"text","text":"Hello,`+
		` my parcel \"B-7\" has not arrived yet. Could you look where it is?"},`+
		`"source":{"integrationId":"66b2f0c9d4e2a735810c4e06","originalMessageId":"8841",`+
		`"originalMessageTimestamp":"2026-03-14T09:26:53.000Z","type":"telegram"}}}}`, id)
}

// deliveryBody is a delivery of the test's app and webhook.
func deliveryBody(events ...string) string {
	return `{"app":{"id":"` + testAppID + `"},"webhook":{"id":"` + testHook + `","version":"v2"},"events":[` +
		strings.Join(events, ",") + `]}`
}
