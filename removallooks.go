package sunco

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sunco-go/sunco/internal/hook"
)

const (
	removalLooks       = 4                // at one app, after a call
	maxRemovalsLooking = 8                // apps, at the same time
	removalHookTime    = 20 * time.Second // for one run of Lookup or OnRemoved
)

// removalWaits are the waits before each look, at 0 s, 10 s, 60 s and 5 min, and
// the wait after the last look, before another call for the app is acted on.
func removalWaits() [removalLooks + 1]time.Duration {
	return [...]time.Duration{0, 10 * time.Second, 50 * time.Second, 4 * time.Minute, time.Minute}
}

// pendingRemoval is one app that is being looked at.
type pendingRemoval struct {
	timer *time.Timer // of the handler's mutex
	again bool        // of the handler's mutex: another call arrived

	looks   int // that are over, or removalLooks when no other is needed
	suspect suspicion
}

// suspicion is an answer that proves a removal when a later look repeats it.
type suspicion struct {
	status     int
	generation string
	since      time.Time
}

// begin starts the looks at an app, or notes that it was called for again.
func (h *RemovalHandler) begin(appID string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.pending[appID]; p != nil {
		p.again = true
		return true
	}
	if h.ctx.Err() != nil {
		return false
	}
	p := new(pendingRemoval)
	h.pending[appID] = p
	h.schedule(appID, p)
	return true
}

// schedule plans the next look, or the end of the looks. The mutex is held.
func (h *RemovalHandler) schedule(appID string, p *pendingRemoval) {
	h.running.Add(1)
	p.timer = time.AfterFunc(removalWaits()[p.looks], func() {
		defer h.running.Done()
		if p.looks < removalLooks {
			h.nextLook(appID, p)
		} else {
			h.endLooks(appID, p)
		}
	})
}

// nextLook looks at an app once.
func (h *RemovalHandler) nextLook(appID string, p *pendingRemoval) {
	select {
	case h.looking <- struct{}{}:
	case <-h.ctx.Done():
		return
	}
	settled, err := false, errors.New("the goroutine ended")
	defer func() { h.endLook(appID, p, settled, err) }()
	err = hook.Try(func() (err error) {
		settled, err = h.look(appID, p)
		return err
	})
}

// endLook ends a look, and plans what follows.
func (h *RemovalHandler) endLook(appID string, p *pendingRemoval, settled bool, err error) {
	<-h.looking
	p.looks++
	switch {
	case settled:
		p.looks = removalLooks
	case err == nil || h.ctx.Err() != nil:
	case p.looks == removalLooks:
		h.log(slog.LevelError, "not settled, and the last look is over: "+
			"ask Client.TokenInfo later, and delete the installation if its token is dead",
			err, nil, slog.String("app_id", appID))
	default:
		h.log(slog.LevelDebug, "not settled, another look follows", err, nil, slog.String("app_id", appID))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx.Err() == nil { // else Close has forgotten the app
		h.schedule(appID, p)
	}
}

// endLooks forgets an app, or begins anew when it was called for again.
func (h *RemovalHandler) endLooks(appID string, p *pendingRemoval) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.ctx.Err() != nil: // Close has forgotten the app
	case p.again:
		*p = pendingRemoval{}
		h.schedule(appID, p)
	default:
		delete(h.pending, appID)
	}
}

// look asks the store and the bridge about an app, and runs OnRemoved when the
// app was removed. The removal is settled when nothing is stored, or what is
// stored has another token. An error says why the look proved nothing, or why
// OnRemoved has to run again.
func (h *RemovalHandler) look(appID string, p *pendingRemoval) (settled bool, err error) {
	in, err := h.lookup(h.ctx, appID, nil)
	if err != nil || in == nil {
		return err == nil, err
	}
	_, err = h.Client.TokenInfo(h.ctx, in.Token)
	if err == nil { // the token lives; it may die before the next look
		p.suspect = suspicion{}
		return false, nil
	}
	if !p.confirms(in, err) {
		return false, err
	}
	current, err := h.lookup(h.ctx, appID, in)
	if err != nil || current.Generation() != in.Generation() {
		return err == nil, err
	}
	err = h.runHook(h.ctx, "OnRemoved", appID, in, func(ctx context.Context) error { return h.OnRemoved(ctx, in) })
	return err == nil, err
}

// confirms reports whether token info's error proves the removal. The API's 401
// does at once. A bare 401, and the API's 403 and 404, do when a look at least a
// minute later gets the same. Nothing else does.
func (p *pendingRemoval) confirms(in *Installation, err error) bool {
	var failed *Error
	if !errors.As(err, &failed) {
		return false
	}
	switch {
	case errors.Is(err, ErrUnauthorized) && failed.by == byAPI:
		return true
	case errors.Is(err, ErrUnauthorized):
	case failed.by == byAPI && (errors.Is(err, ErrForbidden) || errors.Is(err, ErrNotFound)):
	default:
		return false
	}
	if p.suspect.status != failed.Status || p.suspect.generation != in.Generation() {
		p.suspect = suspicion{failed.Status, in.Generation(), time.Now()}
	}
	return time.Since(p.suspect.since) >= time.Minute
}

// lookup runs Lookup. The installation known so far, if any, is only used to
// keep its credentials out of the log.
func (h *RemovalHandler) lookup(ctx context.Context, appID string, known *Installation) (*Installation, error) {
	var in *Installation
	err := h.runHook(ctx, "Lookup", appID, known, func(ctx context.Context) (err error) {
		in, err = h.Lookup(ctx, appID)
		if err != nil && secretsOf(in).within(fmt.Sprint(err)) {
			err = errors.New("withheld, because it repeats a credential")
		}
		if err == nil && in != nil && in.AppID != appID {
			err = errors.New("the installation it returned has another AppID")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return in, nil
}

// runHook runs Lookup or OnRemoved with a time limit of its own, and logs why
// it failed. A panic is an error.
func (h *RemovalHandler) runHook(ctx context.Context, name, appID string, in *Installation,
	run func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, removalHookTime)
	defer cancel()
	err := hook.Try(func() error { return run(ctx) })
	if err == nil {
		return nil
	}
	level := slog.LevelWarn
	if ctx.Err() == context.Canceled { // by Close, or by a caller who hung up
		level = slog.LevelDebug
	}
	h.log(level, name+" failed", err, secretsOf(in), slog.String("app_id", appID))
	return errors.New(name + " failed")
}

func (h *RemovalHandler) log(
	level slog.Level, message string, err error, secrets credentials, attrs ...slog.Attr,
) {
	secrets = append(append(secrets, h.Client.ClientSecret), h.Keys...)
	hook.Log(context.Background(), h.Logger, level, "removal: "+message, err, secrets.reveal(), attrs...)
}
