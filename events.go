package sunco

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"

	"github.com/sunco-go/sunco/internal/hook"
	"github.com/sunco-go/sunco/internal/inbound"
)

const maxEventLookups = 256 // at the same time

// EventHandler is the [http.Handler] for the targets of webhooks. It
// authenticates each delivery and calls OnEvent for each of its events until
// OnEvent succeeds. One handler serves any number of customers.
//
//	mux.Handle("/zendesk/events", handler) // without a method: Zendesk sends HEAD first
//
// An event is handled at least once. The handler remembers the last 65,536 or
// more, by app and event id, so that this process does not handle a redelivery
// twice; several processes need a table of event ids for that. It answers within
// 15 s. The package documentation lists its statuses.
//
// An EventHandler is safe for concurrent use and must not be copied. Do not
// change its fields once it serves.
type EventHandler struct {
	// Lookup returns the stored installation that has a webhook with this
	// secret; keyDigest is the secret's SHA-256. It returns nil, without an
	// error, when there is none: then Zendesk delivers again later, because a
	// webhook delivers as soon as it exists, which is before it is stored. The
	// handler compares the key itself, with the secrets of all the
	// installation's Webhooks. Strangers can cause Lookup to run, at most 256
	// times at once. Required.
	Lookup func(ctx context.Context, keyDigest [32]byte) (*Installation, error)

	// OnEvent handles one event. After an error or a panic Zendesk delivers
	// the event again, up to 5 times within 15 minutes, and then no more. Return
	// nil for an event that can never be handled. After an [*AmbiguousError], a 5xx
	// for example, an answer may have been posted: return nil if two answers are
	// worse than none. The events of one delivery are handled one after the other,
	// those of several deliveries at the same time.
	//
	// When the token is revoked meanwhile, calls fail with [ErrUnauthorized].
	// Return the error, and leave what is stored to the [RemovalHandler].
	//
	// The context ends when Zendesk hangs up, after 15 s at the latest. A
	// function that goes on is not interrupted. If it returns nil after that, the
	// redelivery is answered 200 without running it again. For longer work,
	// store the event in a queue and return nil. Required.
	OnEvent func(ctx context.Context, in *Installation, e *Event) error

	// Logger gets a line for each Lookup and OnEvent that failed, with the text
	// of its error, and one for each delivery that is not acknowledged. A text
	// that repeats a credential is withheld. What strangers can cause has level
	// Debug. Nil: [slog.Default].
	Logger *slog.Logger

	memory eventMemory

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup // Lookup and OnEvent
	lookups chan struct{}
}

// ServeHTTP implements [http.Handler].
func (h *EventHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.Lookup == nil || h.OnEvent == nil {
		panic("sunco: EventHandler needs Lookup and OnEvent")
	}
	switch r.Method {
	case http.MethodHead:
		inbound.Serve(w, r, func(bool) {}, func(context.Context) int { return http.StatusOK })
		return
	case http.MethodPost:
	default:
		w.Header().Set("Allow", "HEAD, POST")
	}
	late := func(hungUp bool) {
		level := slog.LevelWarn
		if hungUp { // and anyone can
			level = slog.LevelDebug
		}
		hook.Log(r.Context(), h.Logger, level, "delivery not acknowledged", errLate, nil)
	}
	inbound.Serve(w, r, late, func(ctx context.Context) int {
		in, err := h.receive(ctx, r)
		if err == nil {
			return http.StatusOK
		}
		refused := err.(*RequestError)
		h.logRefused(ctx, in, refused)
		return refused.Status
	})
}

var errLate = errors.New("it took too long, or the caller hung up")

// receive receives one delivery. The error is a RequestError.
func (h *EventHandler) receive(ctx context.Context, r *http.Request) (*Installation, error) {
	if !h.enter() {
		return nil, refuseDelivery(http.StatusServiceUnavailable, "the handler is closed")
	}
	defer h.running.Done()
	if r.Method != http.MethodPost {
		return nil, refuseDelivery(http.StatusMethodNotAllowed, "the method is not POST")
	}
	key, err := KeyDigest(r)
	if err != nil {
		return nil, err
	}
	in, err := h.find(ctx, r, key)
	if err != nil {
		return nil, err
	}
	delivery, err := readDelivery(r, in, key)
	if err != nil {
		return in, err
	}
	left := len(delivery.Events)
	for i := range delivery.Events {
		if h.handle(ctx, in, &delivery.Events[i]) {
			left--
		}
	}
	if left > 0 {
		return in, refuseDelivery(http.StatusServiceUnavailable, "not every event is handled")
	}
	return in, nil
}

// enter registers a delivery, unless the handler is closed.
func (h *EventHandler) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	if h.lookups == nil {
		h.lookups = make(chan struct{}, maxEventLookups)
	}
	h.running.Add(1)
	return true
}

// find returns the installation that Lookup finds by the key of a request.
func (h *EventHandler) find(ctx context.Context, r *http.Request, key [32]byte) (in *Installation, err error) {
	select {
	case h.lookups <- struct{}{}:
	default:
		select {
		case h.lookups <- struct{}{}:
		case <-ctx.Done():
			return nil, refuseDelivery(http.StatusServiceUnavailable, "too many calls of Lookup are running")
		}
	}
	defer func() { <-h.lookups }()
	err = hook.Try(func() (err error) {
		in, err = h.Lookup(ctx, key)
		return cmp.Or(err, ctx.Err()) // nothing begins after the answer
	})
	if err == nil {
		return in, nil
	}
	level := slog.LevelWarn
	if ctx.Err() == context.Canceled { // the caller hung up, and anyone can
		level = slog.LevelDebug
	}
	secrets := secretsOf(in)
	for _, key := range r.Header["X-Api-Key"] {
		secrets = append(secrets, NewSecret(key))
	}
	hook.Log(ctx, h.Logger, level, "Lookup failed", err, secrets.reveal())
	return nil, refuseDelivery(http.StatusServiceUnavailable, "Lookup failed")
}

// handle calls OnEvent unless that was done before. It reports whether the event
// is handled.
func (h *EventHandler) handle(ctx context.Context, in *Installation, e *Event) (handled bool) {
	if ctx.Err() != nil {
		return false
	}
	if e.ID != "" { // a duplicate cannot be recognized without one
		key, state := h.memory.begin(e)
		if state != eventNew {
			return state == eventSeen
		}
		defer func() { h.memory.end(key, handled) }()
	}
	err := hook.Try(func() error { return h.OnEvent(ctx, in, e) })
	if err == nil {
		return true
	}
	attrs := []slog.Attr{slog.String("app_id", in.AppID)}
	if validID(e.ID) { // anything else may be text
		attrs = append(attrs, slog.String("event_id", e.ID))
	}
	hook.Log(ctx, h.Logger, slog.LevelWarn, "OnEvent failed", err, secretsOf(in).reveal(), attrs...)
	return false
}

// logRefused logs a delivery that is not acknowledged.
func (h *EventHandler) logRefused(ctx context.Context, in *Installation, refused *RequestError) {
	level, appID := slog.LevelDebug, ""
	if in != nil && refused.Status != http.StatusUnauthorized { // no stranger
		level, appID = slog.LevelWarn, in.AppID
	}
	hook.Log(ctx, h.Logger, level, "delivery not acknowledged", refused, nil,
		slog.Int("status", refused.Status), slog.String("app_id", appID))
}

// Close ends the handler: it answers 503 to later deliveries, and waits until
// Lookup and OnEvent have returned. When ctx ends first, Close returns its
// error. Call it after [http.Server.Shutdown]. It may be called more than once.
func (h *EventHandler) Close(ctx context.Context) error {
	if ctx == nil {
		return &InputError{Name: "context", Reason: "nil"}
	}
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	return wait(ctx, &h.running)
}
