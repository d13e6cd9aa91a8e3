package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/internal/lenient"
)

// The beginnings of messages whose deliveries are treated in another way than the rest.
const (
	holdText = "probe: hold" // answered after some seconds
	failText = "probe: fail" // answered 503
)

// inbox is what Zendesk calls: webhook targets and the remove URL. It keeps events of the
// probe's own conversations and users only.
type inbox struct {
	mark   string        // in the path of every target
	hold   time.Duration // for messages with holdText
	ctx    context.Context
	stop   context.CancelCauseFunc // of the run
	change chan struct{}           // something arrived

	mu           sync.Mutex
	app          string          // the only one whose removal is taken
	own          map[string]bool // ids of conversations and users
	keys         map[string]bool // secrets of the probe's webhooks
	gone         bool            // HEAD is answered with 404
	removeStatus int             // of the remove URL; 0: a removal is not expected
	heads        []string        // paths
	deliveries   []*delivery
	removals     []time.Time
	strays       int // deliveries without a key of ours
}

// delivery is one that has events of the probe's.
type delivery struct {
	arrived  time.Time
	answered time.Time // zero: not yet
	beside   bool      // another one was being answered
	held     bool      // it is answered late; the first with holdText is
	header   http.Header
	events   []event
}

// event is what the probe reads of an event.
type event struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Payload struct {
		Conversation struct {
			ID string `json:"id"`
		} `json:"conversation"`
		User struct {
			ID string `json:"id"`
		} `json:"user"`
		Message struct {
			Content struct {
				Text string `json:"text"`
			} `json:"content"`
		} `json:"message"`
	} `json:"payload"`
}

func newInbox(ctx context.Context, stop context.CancelCauseFunc, mark string, hold time.Duration) *inbox {
	return &inbox{
		ctx: ctx, stop: stop, mark: mark, hold: hold, change: make(chan struct{}, 1),
		own: map[string]bool{}, keys: map[string]bool{},
	}
}

// ServeHTTP answers what Zendesk asks.
func (in *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodHead:
		in.head(w, r)
	case r.Method == http.MethodPost && r.URL.Path == partner.RemovedPath:
		in.removal(w, r)
	case r.Method == http.MethodPost:
		in.delivery(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (in *inbox) head(w http.ResponseWriter, r *http.Request) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if r.URL.Path != "/" && !strings.Contains(r.URL.Path, in.mark) {
		http.NotFound(w, r)
		return
	}
	in.heads = append(in.heads, r.URL.Path)
	in.tell()
	if in.gone {
		w.WriteHeader(http.StatusNotFound)
	}
}

// removal takes a call to the remove URL. One for another app, and one that was not
// expected, ends the run.
func (in *inbox) removal(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<10))
	var removed struct {
		AppID string `json:"appId"`
	}
	if err != nil || lenient.Decode(body, &removed) != nil || removed.AppID == "" {
		http.Error(w, "not a removal", http.StatusBadRequest)
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case removed.AppID != in.app:
		in.stop(&stopError{fmt.Sprintf("the remove URL was called for another app, %q: a customer of yours may have removed "+
			"the integration, and your program was not told; tell it", removed.AppID)})
	case in.removeStatus == 0:
		in.stop(&stopError{"somebody removed the integration in the middle of the run"})
	default:
		in.removals = append(in.removals, time.Now())
		in.tell()
		w.WriteHeader(in.removeStatus)
	}
}

// delivery reads the key before the body.
func (in *inbox) delivery(w http.ResponseWriter, r *http.Request) {
	if !in.knows(r.Header.Get("X-API-Key")) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReply))
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	d := in.keep(r.Header, body)
	if d == nil {
		return
	}
	status := http.StatusOK
	if d.held {
		_ = sleep(in.ctx, in.hold)
	}
	if d.says(failText) {
		status = http.StatusServiceUnavailable
	}
	in.mu.Lock()
	d.answered = time.Now()
	in.mu.Unlock()
	w.WriteHeader(status)
}

func (in *inbox) knows(key string) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	for own := range in.keys {
		if subtle.ConstantTimeCompare([]byte(own), []byte(key)) == 1 {
			return true
		}
	}
	in.strays++
	return false
}

// keep stores the events of a delivery that are about the probe's own conversations and
// users, and returns nil when there are none.
func (in *inbox) keep(header http.Header, body []byte) *delivery {
	var sent struct {
		Events []event `json:"events"`
	}
	if errors.Is(lenient.Decode(body, &sent), lenient.ErrSyntax) {
		return nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	d := &delivery{arrived: time.Now(), header: header.Clone()}
	d.header.Set("X-API-Key", "…")
	for _, e := range sent.Events {
		if in.own[e.Payload.Conversation.ID] || in.own[e.Payload.User.ID] {
			d.events = append(d.events, e)
		}
	}
	if d.events == nil {
		return nil
	}
	d.beside = slices.ContainsFunc(in.deliveries, func(other *delivery) bool { return other.answered.IsZero() })
	d.held = d.says(holdText) && !slices.ContainsFunc(in.deliveries, func(other *delivery) bool { return other.held })
	in.deliveries = append(in.deliveries, d)
	in.tell()
	return d
}

// tell wakes await.
func (in *inbox) tell() {
	select {
	case in.change <- struct{}{}:
	default:
	}
}

func (d *delivery) says(text string) bool {
	return slices.ContainsFunc(d.events, func(e event) bool {
		return e.Type == "conversation:message" && strings.HasPrefix(e.Payload.Message.Content.Text, text)
	})
}

// look calls see, which may read and set the fields.
func (in *inbox) look(see func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	see()
}

// await waits until see is true, at most for a time. see is called like one of look.
func (in *inbox) await(ctx context.Context, limit time.Duration, see func() bool) (bool, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		var done bool
		in.look(func() { done = see() })
		if done {
			return true, nil
		}
		select {
		case <-in.change:
		case <-timer.C:
			in.look(func() { done = see() })
			return done, nil
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

// of returns the deliveries that see wants.
func (in *inbox) of(see func(*delivery) bool) (some []*delivery) {
	in.look(func() {
		for _, d := range in.deliveries {
			if see(d) {
				some = append(some, d)
			}
		}
	})
	return some
}
