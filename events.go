package sunco

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

const (
	eventTimeout = 15 * time.Second // for the answer; Zendesk waits 20 s

	maxEventLookups = 256 // at the same time
)

// EventHandler is the [http.Handler] for the target of a webhook. It
// authenticates every delivery, hands each of its events to OnEvent until one
// call succeeds and then no more, as long as it remembers, and answers so that
// Zendesk sends again what failed, and only that. One handler serves any number
// of customers.
//
//	mux.Handle("/zendesk/events", handler) // no method: Zendesk asks with HEAD first
//
// Zendesk gives up on a delivery after 5 attempts within 15 minutes, and at
// once when the answer is 400, 401, 403, 404 or 406. So the statuses are:
//
//   - 200: every event was handed over, now or earlier, or was queued.
//   - 503: come again. Lookup, Claim, OnEvent or the queue failed, panicked or
//     took too long, an event is still being handled, an installation has no
//     usable secret, the body did not arrive, or the handler is closed. Events
//     that were handed over are not handed over again.
//   - 401: the key is missing, repeated or no secret of the customer's, or
//     Lookup found no customer.
//   - 403: the key is right, but the delivery is about another app or webhook.
//   - 400: not JSON, a repeated member, no app, webhook or list of events,
//     compressed, another content type, or longer than 1 MiB. Nobody could
//     ever handle that.
//   - 405: neither POST nor HEAD. HEAD is 200 without a key: Zendesk asks so
//     before a webhook, and with it the secret, exists.
//
// The answer takes 15 s at most: then the contexts are cancelled and 503 is
// sent. A body must arrive within 10 s, whatever the server's own timeouts,
// unless a middleware's ResponseWriter hides [http.ResponseController].
//
// An EventHandler is safe for concurrent use and must not be copied. Its
// fields must not change once it serves.
type EventHandler struct {
	// Lookup returns the stored installation that a request belongs to, and
	// nil without an error when there is none. It finds it by r.PathValue
	// where each customer has a target of its own, or by keyDigest, the
	// SHA-256 of the key that was presented, which the store then keeps for
	// each webhook's secret. Nothing is authenticated yet: the handler
	// compares the key itself, with all of the installation's Webhooks, so
	// that two secrets are good during a rotation. It must not read the body.
	// Strangers can cause it to run, at most 256 times at once.
	//
	// A webhook delivers as soon as it exists, which is before its secret is
	// stored, and what gets 401 is lost. Where that matters, return an error
	// for an unknown key, at least while an installation is under way: then
	// the delivery comes again. Required.
	Lookup func(ctx context.Context, r *http.Request, keyDigest [32]byte) (*Installation, error)

	// OnEvent handles one event. Nil means that it is done; after an error
	// or a panic the event comes again. The events of a delivery come one
	// after the other unless there is a queue, those of several deliveries
	// at the same time.
	//
	// The context ends after 15 s. A function that goes on nevertheless
	// delays no answer, and its result still counts. Without a queue it also
	// ends when Zendesk hangs up.
	//
	// Return nil for an event that can never be handled, and after an
	// [*AmbiguousError] when doing it twice would be worse than not at all.
	// The error itself is not logged: it may quote a customer. Required.
	OnEvent func(ctx context.Context, in *Installation, e *Event) error

	// Claim is a memory of events that several processes share, or that
	// outlives one. It is asked before an event is handed over; the key is
	// AppID, WebhookID and ID together.
	//
	//   - Seen: the event was handled before. It is dropped.
	//   - An error: somebody else is handling it at this moment, or nobody
	//     can tell. The answer is 503, and the event comes again.
	//   - Neither: the event is this process's to handle. Finish is called
	//     once: with true, remember it as handled; with false, forget the
	//     claim. When it fails the event counts as not handled. Nil: there
	//     is nothing to record.
	//
	// Claims must lapse, after an hour say, because a crash ends none. An
	// event without an ID is handed over without asking.
	//
	// Nil: the process remembers the last 65,536 events or more, in at most
	// 8 MB.
	Claim func(ctx context.Context, e *Event) (seen bool, finish func(ctx context.Context, handled bool) error, err error)

	// Queue is how many events may wait for a worker. With a queue, a
	// delivery is acknowledged as soon as all its events are in it, and 503
	// says that it is full. What waits is lost when the process dies without
	// [EventHandler.Close]. OnEvent then has no time limit; its context ends
	// when Close gives up. When it fails it is tried again after 1 s and
	// 10 s, and then the event is lost, with a line in the log.
	// Zero: no queue, the answer waits for OnEvent.
	Queue int

	// Workers is how many events are handled at the same time when there is
	// a queue. Zero: 8. With more than one, events overtake each other.
	Workers int

	// Logger gets one line per delivery that is not acknowledged and one per
	// event that failed, with neither keys nor bodies, and without the texts
	// of errors, which are the partner's to log. A wrong key is level Debug.
	// Nil: [slog.Default].
	Logger *slog.Logger

	memory  eventMemory
	lookups chan struct{}

	mu      sync.Mutex
	running int // deliveries and workers
	workers int
	pending int // events that wait or that a worker has
	waiting []queuedEvent
	closing context.Context // ended by Close
	closed  context.CancelFunc
	base    context.Context // of the workers' events, ended when Close gives up
	abort   context.CancelFunc
	idle    chan struct{} // closed after closing, when nothing runs
}

// ServeHTTP implements [http.Handler].
func (h *EventHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.Lookup == nil || h.OnEvent == nil {
		panic("sunco: EventHandler needs Lookup and OnEvent")
	}
	// Also where nothing is read: the server itself reads what is left of a
	// body, with this deadline or none. Once the body has ended it takes the
	// deadline away.
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout))
	switch r.Method {
	case http.MethodHead:
		w.WriteHeader(http.StatusOK)
		return
	case http.MethodPost:
	default:
		w.Header().Set("Allow", "HEAD, POST")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	key, found := presentedKey(r)
	if !found {
		h.refuse(r.Context(), w, eventAnswer{status: http.StatusUnauthorized, reason: "no key, or several"})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), eventTimeout)
	defer cancel()
	if !h.enter() {
		h.refuse(ctx, w, eventAnswer{status: http.StatusServiceUnavailable, reason: "the handler is closed"})
		return
	}
	reception := &eventReception{h: h, r: r, control: control, key: key, done: make(chan eventAnswer, 1)}
	go reception.run(ctx)
	answer := reception.wait(ctx)
	if answer.status != http.StatusOK {
		h.refuse(ctx, w, answer)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// eventAnswer is what a delivery came to.
type eventAnswer struct {
	status int
	reason string // for the log
	appID  string // once authenticated
}

func (h *EventHandler) refuse(ctx context.Context, w http.ResponseWriter, answer eventAnswer) {
	level := slog.LevelWarn
	stranger := answer.status == http.StatusUnauthorized || answer.appID == "" && ctx.Err() == context.Canceled
	if stranger { // or one that hung up before it was known
		level = slog.LevelDebug
	}
	h.log(ctx, level, "delivery not acknowledged",
		slog.Int("status", answer.status), slog.String("reason", answer.reason), slog.String("app_id", answer.appID))
	w.WriteHeader(answer.status)
}

// log also runs where nobody else would stop the panic of a Logger.
func (h *EventHandler) log(ctx context.Context, level slog.Level, message string, attrs ...slog.Attr) {
	defer func() { _ = recover() }()
	cmp.Or(h.Logger, slog.Default()).LogAttrs(ctx, level, "sunco: "+message, attrs...)
}
