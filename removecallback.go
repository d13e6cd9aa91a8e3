package sunco

import (
	"context"
	"log/slog"
	"net/http"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/sunco-go/sunco/internal/inbound"
	"github.com/sunco-go/sunco/internal/lenient"
)

const (
	maxRemoval         = 16 << 10 // bytes
	maxPendingRemovals = 4096     // apps
)

// Removal is what Zendesk posts to the remove URL when a customer removes the
// integration, and after [Client.Revoke]. It is not signed, so anyone who knows
// the URL can send one. [RemovalHandler] checks whether it is true.
type Removal struct {
	AppID         string `json:"appId"`
	IntegrationID string `json:"integrationId"`
}

// ReadRemoval reads a removal from a request. The request must be a POST with at
// most 16 KiB of JSON. Members with other names are ignored. ReadRemoval does not
// check that the integration is gone; [RemovalHandler] does. It does not close
// the body.
//
// The error is a [*RequestError] with one of these statuses:
//
//   - 400: the JSON is malformed, repeats a member, or lacks an id
//   - 405: the method is not POST
//   - 413: the body is longer than 16 KiB
//   - 415: the content type is not application/json
//   - 503: the body is empty or did not arrive whole; a middleware may have read
//     it, or the connection failed, and the caller may try again
func ReadRemoval(r *http.Request) (*Removal, error) {
	removal, refused := readRemoval(r)
	if refused != nil {
		return nil, refused
	}
	return removal, nil
}

func readRemoval(r *http.Request) (*Removal, *RequestError) {
	switch {
	case r == nil:
		return refuseRemoval(http.StatusBadRequest, "the request is nil")
	case r.Method != http.MethodPost:
		return refuseRemoval(http.StatusMethodNotAllowed, "the method is not POST")
	case !inbound.IsJSON(r.Header.Get("Content-Type")):
		return refuseRemoval(http.StatusUnsupportedMediaType, "the content type is not application/json")
	case r.Body == nil:
		return refuseRemoval(http.StatusServiceUnavailable, "the body is empty")
	}
	body, err := inbound.ReadAll(r, maxRemoval+1)
	switch {
	case err != nil:
		return refuseRemoval(http.StatusServiceUnavailable, "the body did not arrive whole")
	case len(body) == 0:
		return refuseRemoval(http.StatusServiceUnavailable, "the body is empty")
	case len(body) > maxRemoval:
		return refuseRemoval(http.StatusRequestEntityTooLarge, "the body is longer than 16 KiB")
	}
	removal := new(Removal)
	err = lenient.Object(body, func(name []byte, value jsontext.Value) {
		switch string(name) {
		case "appId":
			removal.AppID = lenient.Text(value)
		case "integrationId":
			removal.IntegrationID = lenient.Text(value)
		}
	})
	switch {
	case err == lenient.ErrIncomplete, err == lenient.ErrSyntax && int64(len(body)) < r.ContentLength:
		return refuseRemoval(http.StatusServiceUnavailable, "the body did not arrive whole")
	case err != nil:
		return refuseRemoval(http.StatusBadRequest, "the body is unusable: "+err.Error())
	case !validID(removal.AppID):
		return refuseRemoval(http.StatusBadRequest, "appId is missing or no id")
	case !validID(removal.IntegrationID):
		return refuseRemoval(http.StatusBadRequest, "integrationId is missing or no id")
	}
	return removal, nil
}

func refuseRemoval(status int, reason string) (*Removal, *RequestError) {
	return nil, &RequestError{"removal", reason, status}
}

// RemovalHandler is the [http.Handler] for the remove URL. Zendesk calls that URL
// when a customer removes the integration, and after [Client.Revoke].
//
// Anyone can send such a call, so the handler checks it. It asks token info with
// the app's stored token, and runs OnRemoved if the token is dead. It asks after
// 0 s, 10 s, 60 s and 5 min, because Zendesk may call before the token dies. What
// proves that a token is dead is explained in the package documentation, under
// Storing; an HTML page never does, whatever its status.
//
// A removal is settled when Lookup returns nil. Others are kept in memory and dropped
// after the last look. To miss none, also ask [Client.TokenInfo] about every
// installation at each start and once a day.
// A RemovalHandler is safe for concurrent use and must not be copied. Its fields
// must not change once it serves.
type RemovalHandler struct {
	// Client asks token info. Required.
	Client *Client

	// Lookup returns the stored installation of an app, or nil without an
	// error if there is none. It runs during the request and before and after
	// each question to token info, for at most 20 s. Required.
	Lookup func(ctx context.Context, appID string) (*Installation, error)

	// OnRemoved deletes the stored installation whose token is dead. It must
	// delete only while the stored Generation is the same, because the customer
	// may have installed again. If it fails or panics, it runs again at the next
	// look. It runs for at most 20 s. Required.
	OnRemoved func(ctx context.Context, in *Installation) error

	// Keys are the values allowed for the query parameter "key" of the remove
	// URL; two while you change it. They keep strangers out as long as the URL
	// is secret, but prove nothing. Empty: the parameter is not checked.
	Keys []Secret

	// Logger gets a line when Lookup or OnRemoved fails, and one at level Error
	// when the last look fails. A token that lives at the last look has no line:
	// anyone can ask. Lines that a stranger can cause have level Debug. Nil:
	// [slog.Default].
	Logger *slog.Logger

	mu      sync.Mutex
	pending map[string]*pendingRemoval
	running sync.WaitGroup
	looking chan struct{} // holds a place for each app that is looked at
	ctx     context.Context
	cancel  context.CancelFunc
}

// ServeHTTP implements [http.Handler].
func (h *RemovalHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.Client == nil || h.Lookup == nil || h.OnRemoved == nil {
		panic("sunco: RemovalHandler needs Client, Lookup and OnRemoved")
	}
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
	}
	inbound.Serve(w, r, func(bool) {}, func(ctx context.Context) int {
		removal, refused := h.read(r)
		if refused != nil {
			h.log(slog.LevelDebug, "refused", refused, nil, slog.Int("status", refused.Status))
			return refused.Status
		}
		return h.accept(ctx, removal.AppID)
	})
}

// read reads a removal from a caller with the right key.
func (h *RemovalHandler) read(r *http.Request) (*Removal, *RequestError) {
	if !h.keyed(r) {
		return refuseRemoval(http.StatusForbidden, "the key in the URL is missing, repeated or wrong")
	}
	return readRemoval(r)
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

// accept begins the looks at a known app. The status must not tell known apps
// from unknown ones.
func (h *RemovalHandler) accept(ctx context.Context, appID string) int {
	if ctx.Err() != nil || !h.open() { // nothing begins after the answer
		return http.StatusServiceUnavailable
	}
	in, err := h.lookup(ctx, appID, nil)
	if err != nil || in != nil && !h.begin(appID) {
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
		h.looking = make(chan struct{}, maxRemovalsLooking)
	}
	return h.ctx.Err() == nil && len(h.pending) < maxPendingRemovals
}

// Close ends all looks, and waits until those in progress have returned or ctx
// ends. Pending removals are dropped, and later calls are answered 503. Close
// may be called more than once. The error is that of ctx.
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
	return wait(ctx, &h.running)
}
