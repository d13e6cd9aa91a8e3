package main

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/messaging"
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

// tell tells once what happens twice, as after a double click.
func (r *recent) tell(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.news) > 0 && r.news[0].Text == text {
		return
	}
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
	if e.ID != "" && slices.ContainsFunc(r.events[in.AppID], func(other received) bool { return other.ID == e.ID }) {
		return // it was delivered again, because answering failed
	}
	r.events[in.AppID] = push(r.events[in.AppID], describe(e), maxDeliveries)
}

func (r *recent) received(in *sunco.Installation) []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events[in.AppID])
}

// forget forgets the events of a connection that is gone.
func (r *recent) forget(in *sunco.Installation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.events, in.AppID)
}

func push[T any](list []T, first T, limit int) []T {
	list = slices.Insert(list, 0, first)
	return list[:min(len(list), limit)]
}

// describe returns what the pages show of an event.
func describe(e *sunco.Event) received {
	is := received{At: time.Now(), Type: e.Type, ID: e.ID}
	payload, ok := messaging.ParseEvent(e).(*messaging.MessageEvent)
	if !ok || payload.Message == nil || payload.Message.Content == nil {
		return is
	}
	m := payload.Message
	text := "(" + m.Content.ContentType() + ")"
	if said, ok := m.Content.(*messaging.TextMessage); ok {
		text = cmp.Or(said.Text, text)
	}
	is.IsMessage, is.ByUser = true, m.Author.Type == messaging.AuthorUser
	is.Author = shorten(cmp.Or(m.Author.DisplayName, m.Author.Type), 60)
	is.Text = shorten(text, maxText)
	return is
}

func shorten(s string, limit int) string {
	runes := []rune(strings.ToValidUTF8(s, "�"))
	if len(runes) <= limit {
		return string(runes)
	}
	return string(runes[:limit]) + "…"
}
