package sunco

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// The benchmarks stand beside a peer in the same run: compare the two.

const (
	benchAppID  = "6b1f0c9d4e2a735810c4d9e3"
	benchHookID = "6b1f0c9d4e2a735810c4d9e4"
	benchSecret = "whs-0f1e2d3c4b5a69788796a5b4c3d2e1f0-0f1e2d3c4b5a69788796a5b4c3d2e1f0-0f1e2d3c4b5a6978"
)

func benchDelivery(count int) string {
	var events []string
	for i := range count {
		events = append(events, fmt.Sprintf(`{"id":"66b2f0c9d4e2a73581%06d","createdAt":"2026-03-14T09:26:53.589Z","type":"conversation:message","payload":{"conversation":{"id":"66b2f0c9d4e2a735810c4e01","type":"personal","brandId":"360001234567","activeSwitchboardIntegration":{"id":"66b2f0c9d4e2a735810c4e02","name":"bot","integrationId":"66b2f0c9d4e2a735810c4e03","integrationType":"shoplifter"}},"message":{"id":"66b2f0c9d4e2a735810c4e04","received":"2026-03-14T09:26:53.412Z","author":{"userId":"66b2f0c9d4e2a735810c4e05","avatarUrl":"https://cdn.acme.example/a.png","displayName":"Grace Hopper","type":"user","user":{"id":"66b2f0c9d4e2a735810c4e05","externalId":"8841907","authenticated":true}},"content":{"type":"text","text":"hello, where is my parcel?"},"source":{"integrationId":"66b2f0c9d4e2a735810c4e06","originalMessageId":"8841","originalMessageTimestamp":"2026-03-14T09:26:53.000Z","type":"telegram"}}}}`, i))
	}
	return `{"app":{"id":"` + benchAppID + `"},"webhook":{"id":"` + benchHookID + `","version":"v2"},"events":[` + strings.Join(events, ",") + `]}`
}

// benchStore is what a partner with many customers keeps: installations by the
// digest of their webhook's secret.
func benchStore(customers int) map[[32]byte]*Installation {
	store := map[[32]byte]*Installation{}
	for i := range customers {
		secret := fmt.Sprintf("%s-%d", benchSecret, i)
		if i == 0 {
			secret = benchSecret
		}
		store[sha256.Sum256([]byte(secret))] = &Installation{AppID: benchAppID, Webhooks: []Webhook{{ID: benchHookID, Secret: NewSecret(secret)}}}
	}
	return store
}

// BenchmarkEventReceive is authentication, body and envelope, against reading
// and decoding the same envelope with encoding/json and no authentication.
func BenchmarkEventReceive(b *testing.B) {
	store := benchStore(1000)
	for _, count := range []int{1, 10} {
		body := benchDelivery(count)
		run := func(name string, receive func(r *http.Request) bool) {
			b.Run(fmt.Sprintf("events=%d/%s", count, name), func(b *testing.B) {
				reader := strings.NewReader(body)
				r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", reader)
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("X-API-Key", benchSecret)
				b.ReportAllocs()
				for b.Loop() {
					reader.Reset(body)
					if !receive(r) {
						b.Fatal("refused")
					}
				}
			})
		}
		run("sunco", func(r *http.Request) bool {
			key, err := KeyDigest(r)
			if err != nil {
				return false
			}
			_, err = ReadDelivery(r, store[key])
			return err == nil
		})
		run("encodingjson", func(r *http.Request) bool {
			body, err := io.ReadAll(r.Body)
			var d struct {
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
			return err == nil && json.Unmarshal(body, &d) == nil && len(d.Events) == count
		})
	}
}

// BenchmarkEventLoopback posts over 256 connections to the handler, and to one
// that reads and discards the body.
func BenchmarkEventLoopback(b *testing.B) {
	store := benchStore(1000)
	b.Run("sunco", func(b *testing.B) {
		benchLoopback(b, &EventHandler{
			Lookup:  func(_ context.Context, key [32]byte) (*Installation, error) { return store[key], nil },
			OnEvent: func(context.Context, *Installation, *Event) error { return nil },
		})
	})
	b.Run("discard", func(b *testing.B) {
		benchLoopback(b, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	})
}

func benchLoopback(b *testing.B, h http.Handler) {
	server := httptest.NewServer(h)
	defer server.Close()
	const connections = 256
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	jobs := make(chan string, connections)
	var callers sync.WaitGroup
	for range connections {
		callers.Go(func() {
			for body := range jobs {
				r, _ := http.NewRequestWithContext(context.Background(), http.MethodPost, server.URL, strings.NewReader(body))
				r.Header = http.Header{"Content-Type": {"application/json"}, "X-Api-Key": {benchSecret}}
				w, err := client.Do(r)
				if err != nil {
					b.Error(err)
					continue
				}
				_, _ = io.Copy(io.Discard, w.Body)
				_ = w.Body.Close()
				if w.StatusCode != http.StatusOK {
					b.Error(w.Status)
				}
			}
		})
	}
	template := benchDelivery(1)
	b.ResetTimer()
	for i := range b.N { // every delivery is new
		jobs <- strings.Replace(template, "66b2f0c9d4e2a73581000000", fmt.Sprintf("%024d", i), 1)
	}
	close(jobs)
	callers.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}
