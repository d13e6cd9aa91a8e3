package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/internal/hook"
)

const (
	eventLease  = time.Minute
	renewEvery  = eventLease / 3
	maxAttempts = 10
	longestWait = 10 * time.Minute       // between two attempts
	pollEvery   = 250 * time.Millisecond // for what other processes have stored, and for what was put off
	writeTime   = 10 * time.Second       // for one statement that must not be interrupted
)

// retryWait is the wait after the attempt with this number.
func retryWait(attempt int) time.Duration {
	waits := [...]time.Duration{1, 5, 30, 120, 300, longestWait / time.Second}
	return waits[min(attempt, len(waits))-1] * time.Second
}

// Work calls onEvent for each stored event until it returns nil, with at most workers
// calls at the same time. It runs until ctx ends, waits for the calls in progress, and
// then returns nil. Any number of processes may run it. The events of one conversation,
// and those of one user that are about none, are handled one after the other, in the
// order in which they were stored. The error is an [*sunco.InputError].
//
// After an error or a panic the event is tried again: after 1 s, 5 s, 30 s, 2 min and 5
// min, and then every 10 min. Its conversation waits. After 10 attempts the event is
// dead, see [Store.Dead], and the conversation goes on. Return nil for an event that can
// never be handled. An event whose installation is not stored any more is dropped.
//
// Work leases a conversation for 60 s at a time. If the process is killed, the event is
// handled again when the lease ends, so that onEvent can see an event twice. Its context
// does not end with ctx. It ends when the lease is lost, for example because the database
// cannot be reached.
func (s *Store) Work(ctx context.Context, workers int,
	onEvent func(ctx context.Context, in *sunco.Installation, e *sunco.Event) error) error {
	if workers < 1 || onEvent == nil {
		return &sunco.InputError{Name: "work", Reason: "workers is not positive, or onEvent is nil"}
	}
	idle := make(chan struct{}, workers)
	for range workers {
		idle <- struct{}{}
	}
	s.loop(ctx, s.wake, func() (time.Duration, error) {
		if len(idle) == 0 {
			return pollEvery, nil
		}
		leases, err := s.lease(ctx, len(idle))
		for _, l := range leases {
			<-idle
			go func() {
				defer s.signal()
				defer func() { idle <- struct{}{} }()
				s.handle(context.WithoutCancel(ctx), l, onEvent)
			}()
		}
		return pollEvery, err
	})
	for range workers {
		<-idle
	}
	return nil
}

// signal wakes Work up.
func (s *Store) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// lease is a conversation that this process may handle, and its first event.
type lease struct {
	storedEvent
	name    string
	attempt int
}

// lease leases up to n conversations, those first that have been due for the longest
// time. It is not interrupted: nobody would handle what it has leased.
func (s *Store) lease(ctx context.Context, n int) (leases []*lease, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	name := rand.Text()
	err = s.db.Take(ctx, "SELECT lane FROM sunco_lanes WHERE run_at <= {now} ORDER BY run_at LIMIT $1",
		"UPDATE sunco_lanes SET run_at = {now} + $2, lease = $3, attempts = attempts + 1 "+
			"WHERE lane IN (SELECT lane FROM due) RETURNING lane, attempts",
		func(rows *sql.Rows) error {
			l := &lease{name: name}
			leases = append(leases, l)
			return rows.Scan(&l.lane, &l.attempt)
		}, n, eventLease.Microseconds(), name)
	return leases, err
}

// handle handles the first event of a conversation, and stores what became of it.
func (s *Store) handle(ctx context.Context, l *lease, onEvent eventFunc) {
	held, lost := context.WithCancel(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() { s.renew(held, lost, l) })
	in, err := s.run(held, l, onEvent)
	lost()
	renewing.Wait()
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	attrs := []slog.Attr{slog.String("app_id", l.appID), slog.Int64("id", l.seq), slog.Int("attempt", l.attempt)}
	bad, ok := err.(*SealError)
	switch {
	case err == nil:
		err = s.finish(ctx, l, "DELETE FROM sunco_events")
	case in == nil && ok && !bad.NoKey, l.seq != 0 && l.attempt >= maxAttempts:
		s.log(ctx, slog.LevelError, "inbox: an event is dead", err, in, attrs...)
		err = s.finish(ctx, l, "UPDATE sunco_events SET dead = {now}")
	default:
		s.log(ctx, slog.LevelWarn, "inbox: an event failed, and is tried again", err, in, attrs...)
		err = s.setLease(ctx, l, retryWait(l.attempt), "")
	}
	if err != nil {
		s.log(ctx, slog.LevelWarn, "inbox: an event may be handled again, its outcome was not stored", err, in, attrs...)
	}
}

type eventFunc = func(context.Context, *sunco.Installation, *sunco.Event) error

// run calls onEvent for the first event of a conversation. The error is a [*SealError]
// itself if the event does not open.
func (s *Store) run(ctx context.Context, l *lease, onEvent eventFunc) (*sunco.Installation, error) {
	found, err := s.db.Read().One(ctx, []any{&l.seq, &l.appID, &l.keyID, &l.sealed},
		"SELECT seq, app_id, key_id, sealed FROM sunco_events WHERE lane = $1 AND dead = 0 ORDER BY seq LIMIT 1", l.lane)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, errors.New("its row is gone")
	case l.attempt > maxAttempts:
		return nil, errors.New("the process ended, or lost the lease, in each attempt")
	}
	e, err := s.openEvent(&l.storedEvent)
	if err != nil {
		return nil, err
	}
	in, err := s.Get(ctx, l.appID)
	if err != nil || in == nil {
		return nil, failed("work", err)
	}
	return in, hook.Try(func() error { return onEvent(ctx, in, e) })
}

// renew renews a lease until ctx ends, and calls lost when the lease is lost or cannot
// be renewed in time.
func (s *Store) renew(ctx context.Context, lost func(), l *lease) {
	defer lost()
	for failures := 0; failures < 2; failures++ {
		select {
		case <-time.After(renewEvery):
		case <-ctx.Done():
			return
		}
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
		err := s.setLease(within, l, eventLease, l.name)
		cancel()
		if err == errLost {
			return
		}
		if err == nil {
			failures = -1
		}
	}
}

var errLost = errors.New("the lease was lost")

// setLease changes the end and the name of a lease.
func (s *Store) setLease(ctx context.Context, l *lease, wait time.Duration, name string) error {
	n, err := s.db.Exec(ctx, []any{wait.Microseconds(), name, l.lane, l.name},
		"UPDATE sunco_lanes SET run_at = {now} + $1, lease = $2 WHERE lane = $3 AND lease = $4")
	if err == nil && n == 0 {
		return errLost
	}
	return err
}

// finish takes the first event out of its conversation, and the conversation out of the
// table if no other event waits.
func (s *Store) finish(ctx context.Context, l *lease, event string) error {
	for _, lane := range []string{
		"DELETE FROM sunco_lanes WHERE lane = $1 AND lease = $2 AND waiting = 1",
		"UPDATE sunco_lanes SET waiting = waiting - 1, run_at = {now}, lease = '', attempts = 0 " +
			"WHERE lane = $1 AND lease = $2",
	} {
		n, err := s.db.Exec(ctx, []any{l.lane, l.name, l.seq}, lane, event+" WHERE seq = $3 AND {if}")
		if err != nil || n == 1 {
			return err
		}
	}
	return errLost
}
