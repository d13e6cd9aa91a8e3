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
	maintainTime  = 4 * time.Minute        // for one row
	maintainEvery = 100 * time.Millisecond // at most one row
	maintainIdle  = 5 * time.Second        // when no row is due
	repeatAfter   = time.Minute            // what proves a removal only when it is repeated
)

// Maintain runs until ctx ends, and then returns nil. It may run in any number of
// processes, and should run in at least one. It
//
//   - completes the installations that were interrupted: Locate, EnsureWebhook with
//     webhook, unless that is nil, and Save;
//   - completes what [Store.Uninstall] began;
//   - asks token info about each installation once a day, and soon after a removal was
//     reported. It deletes an installation whose token is dead, and stores a subdomain
//     that was renamed.
//
// What fails is tried again after as long as the installation has not been well, which
// is 5 minutes at least and a day at most. Maintain looks at no more than 10
// installations a second. It also deletes what was remembered long enough.
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

// dueRow is a row that Maintain has a lease of.
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
	inTime, cancel := context.WithTimeout(ctx, maintainTime)
	defer cancel()
	app := slog.String("app_id", d.appID)
	in, err := s.open(&d.row)
	if err == nil {
		err = s.settle(inTime, webhook, d, in)
	}
	if err == nil || ctx.Err() != nil { // what was interrupted is due when its lease ends
		return
	}
	s.log(ctx, slog.LevelWarn, "maintain: an installation could not be checked", err, in, app)
	wait := min(max(d.failedFor, 5*time.Minute), 24*time.Hour)
	if err := s.plan(ctx, d, wait, 0); err != nil {
		s.log(ctx, slog.LevelWarn, "maintain: the database failed", err, in, app)
	}
}

// settle does what is to be done for a row.
func (s *Store) settle(ctx context.Context, webhook *sunco.Webhook, d *dueRow, in *sunco.Installation) error {
	if d.pending == pendingRevoke {
		return s.revoke(ctx, in)
	}
	found, err := s.client.Locate(ctx, in)
	if status, sure := refusal(err); status == http.StatusUnauthorized || status != 0 && d.pending == pendingRemoval {
		if sure || status == d.suspect {
			s.log(ctx, slog.LevelInfo, "maintain: the token is dead, its installation is deleted", err, in,
				slog.String("app_id", d.appID))
			return s.Delete(ctx, in)
		}
		return s.plan(ctx, d, repeatAfter, status)
	}
	switch {
	case d.pending == pendingInstall && err == nil:
		return s.complete(ctx, webhook, found)
	case err != nil && (d.pending == pendingInstall || !errors.Is(err, sunco.ErrNoRegion)):
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
	var refused *sunco.Error
	if !errors.As(err, &refused) {
		return 0, false
	}
	byAPI := refused.Code != ""
	switch {
	case errors.Is(err, sunco.ErrUnauthorized):
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
