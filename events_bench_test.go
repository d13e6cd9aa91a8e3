package sunco_test

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

	"github.com/sunco-go/sunco"
)

// The benchmarks stand beside a peer in the same run: compare the two.

// benchStore is what a partner with many customers keeps: installations by the
// digest of their webhook's secret.
func benchStore() map[[32]byte]*sunco.Installation {
	store := map[[32]byte]*sunco.Installation{sha256.Sum256([]byte(hookSecret)): receiving()}
	for i := range 1000 {
		store[sha256.Sum256(fmt.Append(nil, i))] = receiving()
	}
	return store
}

// BenchmarkEventReceive is authentication, body and envelope, against reading
// and decoding the same envelope with encoding/json and no authentication.
func BenchmarkEventReceive(b *testing.B) {
	store := benchStore()
	for _, count := range []int{1, 10} {
		var events []string
		for i := range count {
			events = append(events, messageEvent(i))
		}
		body := deliveryBody(events...)
		run := func(name string, receive func(r *http.Request) error) {
			b.Run(fmt.Sprintf("events=%d/%s", count, name), func(b *testing.B) {
				reader := strings.NewReader(body)
				r := deliveryRequest(body, func(r *http.Request) { r.Body = io.NopCloser(reader) })
				b.ReportAllocs()
				for b.Loop() {
					reader.Reset(body)
					if err := receive(r); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		run("sunco", func(r *http.Request) error {
			key, err := sunco.KeyDigest(r)
			if err != nil {
				return err
			}
			_, err = sunco.ReadDelivery(r, store[key])
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

// BenchmarkEventLoopback posts over 256 connections to the handler, and to one
// that reads and discards the body.
func BenchmarkEventLoopback(b *testing.B) {
	store := benchStore()
	b.Run("sunco", func(b *testing.B) {
		benchLoopback(b, &sunco.EventHandler{
			Lookup:  func(_ context.Context, key [32]byte) (*sunco.Installation, error) { return store[key], nil },
			OnEvent: nothing,
		})
	})
	b.Run("discard", func(b *testing.B) {
		benchLoopback(b, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
		}))
	})
}

func benchLoopback(b *testing.B, h http.Handler) {
	server := httptest.NewServer(h)
	defer server.Close()
	const connections = 256
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	events := make(chan int, connections)
	var callers sync.WaitGroup
	for range connections {
		callers.Go(func() {
			for id := range events { // every delivery is new
				body := strings.NewReader(deliveryBody(messageEvent(id)))
				r, _ := http.NewRequestWithContext(b.Context(), http.MethodPost, server.URL, body)
				r.Header = http.Header{"Content-Type": {"application/json"}, "X-Api-Key": {hookSecret}}
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
	b.ResetTimer()
	for id := range b.N {
		events <- id
	}
	close(events)
	callers.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}
