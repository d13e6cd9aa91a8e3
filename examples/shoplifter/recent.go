package main

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sunco-go/sunco"
)

const (
	maxDeliveries = 20  // remembered for each connection
	maxNews       = 10  // remembered in all
	maxText       = 280 // characters of a message
)

// received is an event for the pages.
type received struct {
	At                time.Time
	Type, ID          string
	Author, Text      string // of a message
	ByUser, IsMessage bool
}

// news is a change of the connections.
type news struct {
	At   time.Time
	Text string
}

// recent holds the latest events and news, newest first, in memory.
type recent struct {
	mu     sync.Mutex
	events map[string][]received // by app
	news   []news
}

func (r *recent) tell(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.news = push(r.news, news{time.Now(), text}, maxNews)
}

func (r *recent) latestNews() []news {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.news)
}

func (r *recent) receive(in *sunco.Installation, e *sunco.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.events == nil {
		r.events = map[string][]received{}
	}
	r.events[in.AppID] = push(r.events[in.AppID], describe(e), maxDeliveries)
}

func (r *recent) received(in *sunco.Installation) []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events[in.AppID])
}

// keepOnly forgets the events of connections that are gone.
func (r *recent) keepOnly(all []connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for app := range r.events {
		if !slices.ContainsFunc(all, func(c connection) bool { return c.AppID == app }) {
			delete(r.events, app)
		}
	}
}

func push[T any](list []T, first T, limit int) []T {
	list = slices.Insert(list, 0, first)
	return list[:min(len(list), limit)]
}

// describe returns what the pages show of an event. An event that cannot be decoded
// has only its type.
func describe(e *sunco.Event) received {
	is := received{At: time.Now(), Type: e.Type, ID: e.ID}
	if e.Type != sunco.TriggerConversationMessage {
		return is
	}
	var payload struct {
		Message struct {
			Author struct {
				Type        string `json:"type"`
				DisplayName string `json:"displayName"`
			} `json:"author"`
			Content struct {
				Type string `json:"type"`
				Text string `json:"text"`
			} `json:"content"`
		} `json:"message"`
	}
	if e.Decode(&payload) != nil {
		return is
	}
	is.IsMessage = true
	is.ByUser = payload.Message.Author.Type == "user"
	is.Author = shorten(cmp.Or(payload.Message.Author.DisplayName, payload.Message.Author.Type), 60)
	is.Text = shorten(cmp.Or(payload.Message.Content.Text, "("+payload.Message.Content.Type+")"), maxText)
	return is
}

func shorten(s string, limit int) string {
	runes := []rune(strings.ToValidUTF8(s, "�"))
	if len(runes) <= limit {
		return string(runes)
	}
	return string(runes[:limit]) + "…"
}
