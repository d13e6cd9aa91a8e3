package sunco

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

const (
	maxPendingRemovals = 4096
	maxRemovalLookups  = 64 // at the same time
	maxRemovalProbes   = 8  // at the same time
	removalTimeout     = 20 * time.Second
)

// RemovalHandler is the [http.Handler] for the remove URL, which Zendesk calls
// when an integration is gone.
//
//	mux.Handle("/zendesk/removed", handler)
//
// The call is not signed and anyone can send it, so it is only a reason to
// look: the handler asks token info with the customer's stored token, and runs
// OnRemoved when that token is dead.
//
// A known app is looked at after 0 s, 10 s, 60 s and 5 min, one look at a time
// however many calls arrive. Status 401 confirms the removal; 403 or 404 with
// an error of Zendesk's confirms it when a look at least a minute later says
// the same; a token that lives through all looks keeps the installation;
// everything else, a page with any status among it, says nothing, and the
// looks go on until one does, every 4 min at first and every hour in the end.
// Every well-formed call is answered 200 at once, whether the app is known or
// not.
//
// 503 means that Lookup failed or that too much is pending, and that the
// caller may try again; 400, 405, 413 and 415 that the call is malformed; 403
// that its key is missing, repeated or wrong, where Keys asks for one.
//
// OnRemoved runs at least once for a real removal while the process lives; a
// crash forgets what is pending, and a removal that arrives before OnInstall
// has stored the installation finds nothing. A program that must not miss one
// also asks [Client.TokenInfo] about all its installations now and then. Your
// own [Client.Revoke] makes Zendesk call here too.
//
// [Client.Logger] gets a line when a hook fails or panics.
//
// A RemovalHandler is safe for concurrent use and must not be copied. Its
// fields must not change once it serves.
type RemovalHandler struct {
	// Client asks token info. Required.
	Client *Client

	// Lookup returns the stored installation of an app, and nil without an
	// error when there is none. It runs during the request and again before
	// every look. Required.
	Lookup func(ctx context.Context, appID string) (*Installation, error)

	// OnRemoved deletes what is stored for an installation whose token is
	// dead. It must delete only while the stored Generation is the same,
	// because the customer may just have installed again. An error makes it
	// run again later. Required.
	OnRemoved func(ctx context.Context, in *Installation) error

	// Keys are the values of which the remove URL's query parameter "key"
	// must carry one; two while changing it. It keeps strangers out where
	// the URL is secret, and proves nothing. Empty: no key is asked for.
	Keys []Secret

	mu      sync.Mutex
	pending map[string]*pendingRemoval
	running sync.WaitGroup
	lookups chan struct{}
	probes  chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc
}

// ServeHTTP implements [http.Handler].
func (h *RemovalHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.Client == nil || h.Lookup == nil || h.OnRemoved == nil {
		panic("sunco: RemovalHandler needs Client, Lookup and OnRemoved")
	}
	w.Header().Set("Cache-Control", "no-store")
	// Also where nothing is read: the server itself reads what is left of a body.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(removalTimeout))
	if !h.keyed(r) {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	removal, refused := readRemoval(r)
	if refused != nil {
		if refused.Status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", http.MethodPost)
		}
		w.WriteHeader(refused.Status)
		return
	}
	w.WriteHeader(h.accept(r.Context(), removal.AppID))
}

// keyed reports whether the request carries one of the keys, if any is set.
func (h *RemovalHandler) keyed(r *http.Request) bool {
	if len(h.Keys) == 0 {
		return true
	}
	given := r.URL.Query()["key"]
	if len(given) != 1 {
		return false
	}
	found := false
	for _, key := range h.Keys {
		found = key.Equal(NewSecret(given[0])) || found
	}
	return found
}

// accept looks the app up, begins its round, and returns the status for the
// caller, which must not tell known apps from unknown ones.
func (h *RemovalHandler) accept(ctx context.Context, appID string) int {
	if !h.open() {
		return http.StatusServiceUnavailable
	}
	ctx, cancel := context.WithTimeout(ctx, removalTimeout)
	defer cancel()
	select {
	case h.lookups <- struct{}{}:
		defer func() { <-h.lookups }()
	case <-ctx.Done():
		return http.StatusServiceUnavailable
	}
	in, err := h.Lookup(ctx, appID)
	if err != nil || in != nil && in.AppID != appID {
		level := slog.LevelWarn
		if ctx.Err() == context.Canceled {
			level = slog.LevelDebug // the caller hung up, and anyone can
		}
		h.Client.report(level, "removal: Lookup failed", slog.String("app_id", appID))
		return http.StatusServiceUnavailable
	}
	if in != nil && !h.begin(appID) {
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}

// open prepares the handler and reports whether it takes a further removal.
func (h *RemovalHandler) open() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx == nil {
		h.ctx, h.cancel = context.WithCancel(context.Background())
		h.pending = map[string]*pendingRemoval{}
		h.lookups = make(chan struct{}, maxRemovalLookups)
		h.probes = make(chan struct{}, maxRemovalProbes)
	}
	return h.ctx.Err() == nil && len(h.pending) < maxPendingRemovals
}

// Close ends all looks and waits for those that run, until ctx ends. What was
// pending is forgotten, and calls that arrive later are answered 503. It may
// be called more than once; the error is that of ctx.
func (h *RemovalHandler) Close(ctx context.Context) error {
	if ctx == nil {
		return &InputError{Name: "context", Reason: "nil"}
	}
	h.open()
	h.mu.Lock()
	h.cancel()
	for appID, p := range h.pending {
		if p.timer.Stop() {
			h.running.Done()
		}
		delete(h.pending, appID)
	}
	h.mu.Unlock()
	done := make(chan struct{})
	go func() {
		h.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
