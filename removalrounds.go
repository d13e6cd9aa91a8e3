package sunco

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"time"
)

const (
	removalRest    = time.Minute // of an app between two rounds
	removalLongest = time.Hour   // between two looks that settled nothing
	removalAsk     = time.Minute // for what token info and its retries take
)

// removalDelays are the waits before each look of a round: at 0 s, 10 s, 60 s
// and 5 min. Zendesk may call before the token is dead.
func removalDelays() [4]time.Duration {
	return [4]time.Duration{0, 10 * time.Second, 50 * time.Second, 4 * time.Minute}
}

// pendingRemoval is one app that is being looked at. Its fields belong to the
// handler's mutex, but for those of the look that runs.
type pendingRemoval struct {
	timer *time.Timer
	again bool // another call arrived since the round began

	look    int  // of the round, from 0
	resting bool // the round is over
	suspect suspicion
}

// suspicion is a first 403 or 404, which a later look must repeat.
type suspicion struct {
	status     int
	generation string
	since      time.Time
}

// begin starts a round, or notes that another is wanted.
func (h *RemovalHandler) begin(appID string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.pending[appID]; p != nil {
		p.again = true
		return true
	}
	if h.ctx.Err() != nil || len(h.pending) >= maxPendingRemovals {
		return false
	}
	p := &pendingRemoval{}
	h.pending[appID] = p
	h.schedule(appID, p, removalDelays()[0])
	return true
}

// schedule runs the next look. The mutex is held.
func (h *RemovalHandler) schedule(appID string, p *pendingRemoval, wait time.Duration) {
	h.running.Add(1)
	p.timer = time.AfterFunc(wait, func() {
		defer h.running.Done()
		h.next(appID, p)
	})
}

// next performs one look, or ends the rest after a round, and plans what comes
// then, whatever a hook did to the goroutine.
func (h *RemovalHandler) next(appID string, p *pendingRemoval) {
	result := unsure
	defer func() { h.plan(appID, p, result) }()
	if p.resting {
		return
	}
	select {
	case h.probes <- struct{}{}:
		defer func() { <-h.probes }()
		result = h.probe(appID, p)
	case <-h.ctx.Done():
	}
}

// plan schedules what follows a look, or forgets the app.
func (h *RemovalHandler) plan(appID string, p *pendingRemoval, result verdict) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delays := removalDelays()
	last := len(delays) - 1
	switch {
	case h.ctx.Err() != nil:
	case p.resting && !p.again:
		delete(h.pending, appID)
	case p.resting:
		*p = pendingRemoval{}
		h.schedule(appID, p, delays[0])
	case result == settled || result == keep && p.look >= last:
		p.resting = true
		h.schedule(appID, p, removalRest)
	default:
		p.look++
		wait := delays[min(p.look, last)] << max(0, min(p.look-last-1, 8))
		h.schedule(appID, p, min(wait, removalLongest))
	}
}

// verdict is what one look came to.
type verdict int

const (
	unsure  verdict = iota // nobody can tell, or a hook failed: look again until it is known
	keep                   // the token lives; it may die within the round
	settled                // deleted, or nothing is stored any more
)

// probe asks the store and the bridge, and runs OnRemoved when both say so.
func (h *RemovalHandler) probe(appID string, p *pendingRemoval) (result verdict) {
	result = unsure
	defer func() {
		if recover() != nil {
			h.Client.report(slog.LevelError, "removal: a hook panicked", slog.String("app_id", appID), slog.String("stack", string(debug.Stack())))
		}
	}()
	in, err := h.stored(appID)
	if err != nil {
		return unsure
	}
	if in == nil {
		return settled
	}
	err = h.ask(in.Token)
	if err == nil || errors.As(err, new(*InputError)) { // alive, or a token that nobody could ask about
		p.suspect = suspicion{}
		return keep
	}
	if !p.confirms(in, err) {
		return unsure
	}
	current, err := h.stored(appID)
	switch {
	case err != nil:
		return unsure
	case current == nil || current.Generation() != in.Generation():
		return settled
	}
	ctx, cancel := context.WithTimeout(h.ctx, removalTimeout)
	defer cancel()
	if err := h.OnRemoved(ctx, in); err != nil {
		h.Client.report(slog.LevelWarn, "removal: OnRemoved failed and will run again", slog.String("app_id", appID))
		return unsure
	}
	h.Client.report(slog.LevelDebug, "removal: done", slog.String("app_id", appID))
	return settled
}

// stored looks the app up, and ask asks the bridge: each in a time of its own,
// so that a slow one takes nothing from OnRemoved.
func (h *RemovalHandler) stored(appID string) (*Installation, error) {
	ctx, cancel := context.WithTimeout(h.ctx, removalTimeout)
	defer cancel()
	in, err := h.Lookup(ctx, appID)
	if err != nil && h.ctx.Err() == nil { // not because of Close
		h.Client.report(slog.LevelWarn, "removal: Lookup failed", slog.String("app_id", appID))
	}
	return in, err
}

func (h *RemovalHandler) ask(token Token) error {
	ctx, cancel := context.WithTimeout(h.ctx, removalAsk)
	defer cancel()
	_, err := h.Client.TokenInfo(ctx, token)
	return err
}

// confirms reports whether token info's error proves the removal: a 401 of the
// API's at once, a bare 401 and a 403 or 404 of the API's when a look at least a
// minute later says the same.
func (p *pendingRemoval) confirms(in *Installation, err error) bool {
	var failed *Error
	if !errors.As(err, &failed) {
		return false
	}
	switch unauthorized := errors.Is(err, ErrUnauthorized); {
	case unauthorized && failed.by == byAPI:
		return true
	case !unauthorized && (failed.by != byAPI || !errors.Is(err, ErrForbidden) && !errors.Is(err, ErrNotFound)):
		return false
	case p.suspect.status != failed.Status || p.suspect.generation != in.Generation():
		p.suspect = suspicion{failed.Status, in.Generation(), time.Now()}
		return false
	}
	return time.Since(p.suspect.since) >= time.Minute
}
