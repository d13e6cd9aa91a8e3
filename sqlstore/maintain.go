package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/sunco-go/sunco"
)

const (
	maintainLease = 5 * time.Minute        // of a row that Maintain or Uninstall works on
	maintainEvery = 100 * time.Millisecond // at most one row
	maintainIdle  = 5 * time.Second        // when no row is due
)

// Maintain runs until ctx ends, and then returns nil. Run it in at least one process. It
//
//   - completes the installations that were interrupted: Locate, EnsureWebhook unless
//     webhook is nil, and Save;
//   - goes on with what [Store.Uninstall] began;
//   - asks token info about each installation once a day, and soon after a removal was
//     reported. It deletes those whose token is dead, and stores renamed subdomains.
//
// After a failure it waits for as long as the installation has not been well, between 5
// minutes and a day. It looks at no more than 10 installations a second. It also deletes
// the ids of flows and events that FirstUse and Enqueue need no more.
func (s *Store) Maintain(ctx context.Context, webhook *sunco.Webhook) error {
	s.loop(ctx, nil, func() (time.Duration, error) {
		d, err := s.due(ctx)
		if d == nil {
			return maintainIdle, err
		}
		s.maintain(ctx, webhook, d)
		return maintainEvery, nil
	})
	return nil
}

type dueRow struct {
	row
	suspect   int
	lease     int64 // check_at as long as nobody else has changed it
	failedFor time.Duration
}

// due leases the row that has been due for the longest time, or returns nil.
func (s *Store) due(ctx context.Context) (d *dueRow, err error) {
	err = s.db.Take(ctx, "SELECT app_id FROM sunco_installations WHERE check_at <= {now} ORDER BY check_at LIMIT $1",
		"UPDATE sunco_installations SET check_at = {now} + $2 WHERE app_id IN (SELECT app_id FROM due) "+
			"RETURNING "+columns+", suspect, check_at, ({now} - updated_at) * 1000",
		func(rows *sql.Rows) error {
			d = new(dueRow)
			return rows.Scan(append(d.fields(), &d.suspect, &d.lease, &d.failedFor)...)
		}, 1, maintainLease.Microseconds())
	return d, err
}

// maintain looks at one row, and plans the next look.
func (s *Store) maintain(ctx context.Context, webhook *sunco.Webhook, d *dueRow) {
	inTime, cancel := context.WithTimeout(ctx, maintainLease*9/10)
	defer cancel()
	in, err := s.open(&d.row)
	if err == nil {
		err = s.settle(inTime, webhook, d, in)
	}
	if err == nil || ctx.Err() != nil { // what was interrupted is due when its lease ends
		return
	}
	wait := min(max(d.failedFor, 5*time.Minute), 24*time.Hour)
	err = errors.Join(err, s.plan(ctx, d, wait, 0))
	s.log(ctx, slog.LevelWarn, "maintain: an installation could not be checked", err, in, slog.String("app_id", d.appID))
}

// settle does what is to be done for a row.
func (s *Store) settle(ctx context.Context, webhook *sunco.Webhook, d *dueRow, in *sunco.Installation) error {
	if d.pending == "revoke" {
		return s.revoke(ctx, in)
	}
	found, err := s.client.Locate(ctx, in)
	if status, sure := refusal(err); status == http.StatusUnauthorized || status != 0 && d.pending == "removal" {
		if sure || status == d.suspect {
			s.log(ctx, slog.LevelInfo, "maintain: the token is dead, its installation is deleted", err, in,
				slog.String("app_id", d.appID))
			return s.Delete(ctx, in)
		}
		return s.plan(ctx, d, time.Minute, status) // what is repeated then proves it
	}
	switch {
	case d.pending == "install" && err == nil:
		return s.complete(ctx, webhook, found)
	case err != nil && (d.pending == "install" || !errors.Is(err, sunco.ErrNoRegion)):
		return err
	case found.AppID != d.appID:
		return errors.New("token info names another app")
	case found.Subdomain != in.Subdomain || found.LegacyRegion != in.LegacyRegion:
		if err := s.update(ctx, found, "check_at"); err != nil {
			return err
		}
	}
	return s.plan(ctx, d, 0, 0)
}

// complete completes an installation that was interrupted.
func (s *Store) complete(ctx context.Context, webhook *sunco.Webhook, in *sunco.Installation) error {
	if webhook != nil {
		ensured, err := s.client.EnsureWebhook(ctx, in, webhook)
		if err != nil {
			return err
		}
		in.Webhooks = []sunco.Webhook{*ensured}
	}
	return s.Save(ctx, in)
}

// refusal returns the status of an answer that can prove that a token is dead, and
// whether it proves that at once. See "Storing" in the documentation of package sunco.
func refusal(err error) (status int, sure bool) {
	refused, ok := errors.AsType[*sunco.Error](err)
	byAPI := ok && refused.Code != ""
	switch {
	case ok && errors.Is(err, sunco.ErrUnauthorized):
		return refused.Status, byAPI
	case byAPI && (errors.Is(err, sunco.ErrForbidden) || errors.Is(err, sunco.ErrNotFound)):
		return refused.Status, false
	}
	return 0, false
}

// plan plans the next look at a row, unless somebody else has changed it. Without a
// wait the installation is well.
func (s *Store) plan(ctx context.Context, d *dueRow, wait time.Duration, suspect int) error {
	pending, updated := d.pending, "updated_at"
	if wait == 0 {
		wait, pending, updated = nextCheck(), "", "{now}"
	}
	_, err := s.db.Exec(ctx, []any{wait.Microseconds(), pending, suspect, d.appID, d.lease},
		"UPDATE sunco_installations SET check_at = {now} + $1, pending = $2, suspect = $3, updated_at = "+updated+
			" WHERE app_id = $4 AND check_at = $5")
	return err
}

// loop calls f until ctx ends: after the pause that f returns, or when it is woken.
func (s *Store) loop(ctx context.Context, wake <-chan struct{}, f func() (pause time.Duration, err error)) {
	for tidied := (time.Time{}); ctx.Err() == nil; {
		var tidying error
		if time.Since(tidied) >= time.Minute {
			tidied, tidying = time.Now(), s.tidy(ctx)
		}
		pause, err := f()
		if err = cmp.Or(err, tidying); err != nil && ctx.Err() == nil {
			s.log(ctx, slog.LevelWarn, "the database failed", err, nil)
			pause = 5 * time.Second
		}
		select {
		case <-wake:
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// tidy deletes what was remembered long enough, 1,000 rows at a time. It pulls back what
// lies so far ahead that the clock must have been set back.
func (s *Store) tidy(ctx context.Context) error {
	for n := 1000; n == 1000; {
		n = 0
		err := s.db.Take(ctx, "SELECT id FROM sunco_seen WHERE expires_at < {now} LIMIT $1",
			"DELETE FROM sunco_seen WHERE id IN (SELECT id FROM due) RETURNING 1",
			func(*sql.Rows) error { n++; return nil }, 1000)
		if err != nil {
			return err
		}
	}
	_, err := s.db.Exec(ctx, []any{longestWait.Microseconds()},
		"UPDATE sunco_lanes SET run_at = {now} WHERE run_at > {now} + $1")
	if err == nil {
		_, err = s.db.Exec(ctx, []any{2 * checkEvery.Microseconds()},
			"UPDATE sunco_installations SET check_at = {now} WHERE check_at > {now} + $1")
	}
	return err
}
