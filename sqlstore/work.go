package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/internal/hook"
)

const (
	eventLease  = 60 * time.Second
	renewEvery  = 20 * time.Second
	maxAttempts = 10
	pollEvery   = 250 * time.Millisecond // for what other processes stored, and for what was put off
	writeTime   = 10 * time.Second       // for one statement that must not be interrupted
)

// retryWaits are the waits after each failure of an event; the last one counts for all
// later ones too.
func retryWaits() []time.Duration {
	return []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute}
}

func retryWait(attempts int) time.Duration {
	waits := retryWaits()
	return waits[min(max(attempts, 1), len(waits))-1]
}

// Work calls onEvent for each stored event until it returns nil, at most workers calls
// at the same time. It may run in any number of processes. It runs until ctx ends,
// waits for the calls in progress, and then returns nil.
//
// The events of one conversation are handled one after the other, in the order of their
// arrival; so are those of one user that belong to no conversation. A process that
// handles an event holds a lease of 60 s, and renews it. If the process ends, another
// one handles the event when the lease ends: onEvent may see an event twice.
//
// After an error or a panic the event is tried again: after 1 s, 5 s, 30 s, 2 min and
// 5 min, and then every 10 min. The later events of its conversation wait. After 10
// attempts the event is dead, see [Store.Dead], and its conversation goes on. Return nil
// for an event that can never be handled. An event whose installation is not stored any
// more is dropped.
//
// The context of onEvent does not end with ctx. It ends when the lease was lost, because
// the database could not be reached for example, and the event may be handled by another
// process. The error of Work is an [*sunco.InputError].
func (s *Store) Work(ctx context.Context, workers int,
	onEvent func(ctx context.Context, in *sunco.Installation, e *sunco.Event) error) error {
	if ctx == nil || workers < 1 || onEvent == nil {
		return &sunco.InputError{Name: "Work", Reason: "the context or onEvent is nil, or workers is not positive"}
	}
	free, freed := workers, make(chan struct{}, workers)
	var tidied time.Time
	for ctx.Err() == nil {
		if time.Since(tidied) >= tidyEvery {
			s.tidy(ctx)
			tidied = time.Now()
		}
		leased, err := s.lease(ctx, free)
		if err != nil {
			s.log(ctx, slog.LevelWarn, "inbox: the database failed", err, nil)
		}
		free -= len(leased)
		for _, l := range leased {
			go func() {
				defer func() { freed <- struct{}{} }()
				s.handle(ctx, l, onEvent)
			}()
		}
		free += s.awaitWork(ctx, freed, err != nil)
	}
	for ; free < workers; free++ {
		<-freed
	}
	return nil
}

// awaitWork returns when there may be something to do, and how many workers are free
// again.
func (s *Store) awaitWork(ctx context.Context, freed <-chan struct{}, failed bool) (n int) {
	wake, pause := s.wake, pollEvery
	if failed {
		wake, pause = nil, 5*time.Second
	}
	select {
	case <-freed:
		n++
	case <-wake:
	case <-time.After(pause):
	case <-ctx.Done():
	}
	for {
		select {
		case <-freed:
			n++
		default:
			return n
		}
	}
}

// leasedEvent is the first event of a conversation, and the lease of it.
type leasedEvent struct {
	storedEvent
	lease    string
	attempts int // this one included
}

const (
	isDue = "SELECT l.lane FROM sunco_lanes l WHERE l.run_at <= {now} "
	take  = "UPDATE sunco_lanes SET run_at = {now} + $1, lease = $2, attempts = attempts + 1 " +
		"WHERE lane IN (SELECT lane FROM due) RETURNING lane, attempts"
	first = "SELECT e.seq, e.app_id, e.key_id, e.sealed FROM sunco_events e WHERE e.lane = l.lane AND e.dead = 0 " +
		"ORDER BY e.seq LIMIT 1"
	// unchanged passes over a conversation that another worker has leased and given
	// back since this statement began: its first event, as seen by this statement, may
	// be handled already.
	unchanged = "AND l.run_at = (SELECT run_at FROM sunco_lanes AS before WHERE before.lane = l.lane) "
	oldest    = "ORDER BY l.run_at LIMIT $3 "
)

// lease leases up to n conversations in which an event is due, and returns the first
// event of each. It is not interrupted, because a lease that nobody knows of lasts for
// a minute.
func (s *Store) lease(ctx context.Context, n int) (leased []*leasedEvent, err error) {
	if n == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	args := []any{micros(eventLease), rand.Text(), n}
	scan := func(rows *sql.Rows) error {
		l := &leasedEvent{lease: args[1].(string)}
		leased = append(leased, l)
		return rows.Scan(&l.lane, &l.attempts, &l.seq, &l.appID, &l.keyID, &l.sealed)
	}
	if s.dialect == PostgreSQL {
		err = s.read().query(ctx, scan, "WITH due AS MATERIALIZED ("+isDue+unchanged+oldest+"{skip}), l AS ("+take+") "+
			"SELECT l.lane, l.attempts, e.* FROM l CROSS JOIN LATERAL ("+first+") e", args...)
		return leased, err
	}
	if found, err := s.read().one(ctx, []any{new([]byte)}, isDue+"LIMIT 1"); err != nil || !found {
		return nil, err
	}
	err = s.write(ctx, func(r runner) error {
		err := r.query(ctx, func(rows *sql.Rows) error {
			l := &leasedEvent{lease: args[1].(string)}
			leased = append(leased, l)
			return rows.Scan(&l.lane, &l.attempts)
		}, "WITH due AS MATERIALIZED ("+isDue+oldest+") "+take, args...)
		for _, l := range leased {
			if err == nil {
				_, err = r.one(ctx, []any{&l.seq, &l.appID, &l.keyID, &l.sealed}, strings.ReplaceAll(first, "l.lane", "$1"), l.lane)
			}
		}
		return err
	})
	return slices.DeleteFunc(leased, func(l *leasedEvent) bool { return l.seq == 0 }), err
}

// handle handles one event and writes down what became of it.
func (s *Store) handle(ctx context.Context, l *leasedEvent,
	onEvent func(context.Context, *sunco.Installation, *sunco.Event) error) {
	ctx, lost := context.WithCancel(context.WithoutCancel(ctx))
	var renewing sync.WaitGroup
	renewing.Go(func() { s.renew(ctx, lost, l) })
	defer func() {
		lost()
		renewing.Wait()
	}()
	in, err := s.run(ctx, l, onEvent)
	attrs := []slog.Attr{slog.String("app_id", l.appID), slog.Int64("id", l.seq), slog.Int("attempt", l.attempts)}
	end := func() error { return s.finish(ctx, l, "DELETE FROM sunco_events") }
	switch {
	case err == nil:
	case l.attempts >= maxAttempts || errors.As(err, new(*SealError)):
		s.log(ctx, slog.LevelError, "inbox: an event is dead", err, in, attrs...)
		end = func() error { return s.finish(ctx, l, "UPDATE sunco_events SET dead = {now}") }
	default:
		s.log(ctx, slog.LevelWarn, "inbox: an event failed and is tried again", err, in, attrs...)
		end = func() error {
			_, err := s.setLease(ctx, l, retryWait(l.attempts), "")
			return err
		}
	}
	for range 3 {
		if err = end(); err == nil {
			return
		}
		time.Sleep(time.Second)
	}
	s.log(ctx, slog.LevelWarn, "inbox: the database failed, so that an event is handled again", err, in, attrs...)
}

// run calls onEvent, if there is an installation and the event opens.
func (s *Store) run(ctx context.Context, l *leasedEvent,
	onEvent func(context.Context, *sunco.Installation, *sunco.Event) error) (*sunco.Installation, error) {
	if l.attempts > maxAttempts {
		return nil, errors.New("the process ended, or the lease was lost, during each attempt")
	}
	e, err := s.openEvent(&l.storedEvent)
	if err != nil {
		return nil, err
	}
	in, err := s.Get(ctx, l.appID)
	if err != nil || in == nil {
		return nil, err
	}
	return in, hook.Try(func() error { return onEvent(ctx, in, e) })
}

// renew renews a lease until ctx ends, and calls lost when it was lost, or may be
// before it can be renewed.
func (s *Store) renew(ctx context.Context, lost func(), l *leasedEvent) {
	for failures := 0; failures < 2; {
		select {
		case <-time.After(renewEvery):
		case <-ctx.Done():
			return
		}
		switch held, err := s.setLease(ctx, l, eventLease, l.lease); {
		case err != nil:
			failures++
		case held:
			failures = 0
		default:
			failures = 2
		}
	}
	lost()
}

// setLease changes a lease, and reports whether it was held.
func (s *Store) setLease(ctx context.Context, l *leasedEvent, wait time.Duration, lease string) (held bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	n, err := s.exec(ctx, "UPDATE sunco_lanes SET run_at = {now} + $1, lease = $2 WHERE lane = $3 AND lease = $4",
		micros(wait), lease, l.lane, l.lease)
	return n == 1, err
}

// finish takes an event out of its conversation, and the conversation out of the table
// if no other event waits. It does nothing if the lease was lost.
func (s *Store) finish(ctx context.Context, l *leasedEvent, event string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	for _, lane := range []string{
		"DELETE FROM sunco_lanes WHERE lane = $1 AND lease = $2 AND waiting = 1",
		"UPDATE sunco_lanes SET waiting = waiting - 1, run_at = {now}, lease = '', attempts = 0 WHERE lane = $1 AND lease = $2",
	} {
		var n int64
		var err error
		if s.dialect == PostgreSQL { // in one round trip
			n, err = s.exec(ctx, "WITH held AS ("+lane+" RETURNING 1) "+event+" WHERE seq = $3 AND EXISTS (SELECT 1 FROM held)",
				l.lane, l.lease, l.seq)
		} else {
			err = s.write(ctx, func(r runner) (err error) {
				if n, err = r.exec(ctx, lane, l.lane, l.lease); err == nil && n == 1 {
					_, err = r.exec(ctx, event+" WHERE seq = $1", l.seq)
				}
				return err
			})
		}
		if err != nil || n == 1 {
			return err
		}
	}
	return nil
}
