package sqlstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/internal/sqldb"
)

// Save is the Save of a [sunco.Installer].
//
// Without an AppID it stores the token alone, and changes no other row. If the
// installation is not complete 2 minutes later, Maintain completes it.
//
// With an AppID it replaces the row of that app and deletes that of the token alone. It
// changes nothing if the app's token was saved later than this one. Webhooks, and
// Subdomain with LegacyRegion, stay as stored if in has none.
func (s *Store) Save(ctx context.Context, in *sunco.Installation) error {
	err := s.check(in)
	switch {
	case err != nil:
		return err
	case in.AppID != "":
		err = s.db.Write(ctx, func(r sqldb.Runner) error { return s.saveComplete(ctx, r, in) })
	default:
		_, err = s.db.Exec(ctx, s.newRow(unfinishedID(in.Generation()), in).values(pendingInstall, checkInstall, 0),
			insertInstallation+"ON CONFLICT DO NOTHING")
	}
	return failed("save", err)
}

const insertInstallation = "INSERT INTO sunco_installations (app_id, generation, subdomain, legacy_region, key_id, " +
	"sealed, pending, suspect, check_at, token_at, updated_at) " +
	"VALUES ($1, $2, $3, $4, $5, $6, $7, 0, {now} + $8, COALESCE(NULLIF(CAST($9 AS bigint), 0), {now}), {now}) "

// values are those of insertInstallation. A tokenAt of 0 is now.
func (r *row) values(pending string, check time.Duration, tokenAt int64) []any {
	return []any{r.appID, r.generation, r.subdomain, r.region, r.keyID, r.sealed, pending, check.Microseconds(), tokenAt}
}

func (s *Store) saveComplete(ctx context.Context, r sqldb.Runner, in *sunco.Installation) error {
	if s.db.PostgreSQL { // there may be no row to lock
		if _, err := r.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", in.AppID); err != nil {
			return err
		}
	}
	tokenAt, err := deleteRow(ctx, r, in.Generation(), in.AppID)
	if err != nil {
		return err
	}
	var old row
	var oldAt int64
	found, err := r.One(ctx, append(old.fields(), &oldAt), "SELECT "+columns+", token_at "+
		"FROM sunco_installations WHERE app_id = $1 {wait}", in.AppID)
	pending := ""
	switch {
	case err != nil:
		return err
	case found && old.generation == in.Generation():
		tokenAt = oldAt
		if old.pending == pendingRevoke {
			pending = pendingRevoke
		}
	case found && tokenAt != 0 && tokenAt < oldAt:
		return nil
	}
	if found {
		in = s.merge(in, &old)
	}
	_, err = r.Exec(ctx, insertInstallation+"ON CONFLICT (app_id) DO UPDATE SET generation = excluded.generation, "+
		"subdomain = excluded.subdomain, legacy_region = excluded.legacy_region, key_id = excluded.key_id, "+
		"sealed = excluded.sealed, pending = excluded.pending, suspect = excluded.suspect, check_at = excluded.check_at, "+
		"token_at = excluded.token_at, updated_at = excluded.updated_at",
		s.newRow(in.AppID, in).values(pending, nextCheck(), tokenAt)...)
	if err != nil {
		return err
	}
	return storeKeys(ctx, r, in)
}

// nextCheck spreads the checks of installations that are well.
func nextCheck() time.Duration { return checkEvery*9/10 + rand.N(checkEvery/5) }

// merge returns a copy of in that keeps what is stored where in has nothing. A row that
// does not open has nothing to keep.
func (s *Store) merge(in *sunco.Installation, old *row) *sunco.Installation {
	merged := *in
	stored, err := s.open(old)
	if err != nil {
		return &merged
	}
	if len(in.Webhooks) == 0 {
		merged.Webhooks = stored.Webhooks
	}
	if in.Subdomain == "" && in.LegacyRegion == "" {
		merged.Subdomain, merged.LegacyRegion = stored.Subdomain, stored.LegacyRegion
	}
	return &merged
}

// storeKeys replaces the digests of an app.
func storeKeys(ctx context.Context, r sqldb.Runner, in *sunco.Installation) error {
	_, err := r.Exec(ctx, "DELETE FROM sunco_webhook_keys WHERE app_id = $1", in.AppID)
	for i := range in.Webhooks {
		if secret := in.Webhooks[i].Secret; err == nil && !secret.IsZero() {
			digest := sha256.Sum256([]byte(secret.Reveal()))
			_, err = r.Exec(ctx, "INSERT INTO sunco_webhook_keys (digest, app_id) VALUES ($1, $2) "+
				"ON CONFLICT (digest) DO UPDATE SET app_id = excluded.app_id", digest[:], in.AppID)
		}
	}
	return err
}

// deleteRow deletes the row with a generation, unless it is that of the app except, and
// returns when its token was stored, 0 if there was none.
func deleteRow(ctx context.Context, r sqldb.Runner, generation, except string) (tokenAt int64, err error) {
	var appID string
	found, err := r.One(ctx, []any{&appID, &tokenAt}, "DELETE FROM sunco_installations "+
		"WHERE generation = $1 AND app_id <> $2 RETURNING app_id, token_at", generation, except)
	if err == nil && found && appID != unfinishedID(generation) {
		_, err = r.Exec(ctx, "DELETE FROM sunco_webhook_keys WHERE app_id = $1", appID)
	}
	return tokenAt, err
}

// Delete is the OnRemoved of a [sunco.RemovalHandler]. It deletes the row that holds the
// token of in, an unfinished one too. If there is none, because the customer has
// installed again for example, it does nothing.
func (s *Store) Delete(ctx context.Context, in *sunco.Installation) error {
	if err := s.check(in); err != nil {
		return err
	}
	return failed("delete", s.db.Write(ctx, func(r sqldb.Runner) error {
		_, err := deleteRow(ctx, r, in.Generation(), "")
		return err
	}))
}

// Update stores the Webhooks, Subdomain and LegacyRegion of in, after a call of Locate
// or EnsureWebhook for example, or when you know the LegacyRegion of an unfinished
// installation. It changes the row that holds the token of in, an unfinished one too,
// and Maintain looks at it soon. If there is none, it does nothing. What in does not
// have stays as stored.
func (s *Store) Update(ctx context.Context, in *sunco.Installation) error {
	if err := s.check(in); err != nil {
		return err
	}
	return failed("update", s.update(ctx, in, "{now}"))
}

func (s *Store) update(ctx context.Context, in *sunco.Installation, checkAt string) error {
	return s.db.Write(ctx, func(r sqldb.Runner) error {
		var old row
		found, err := r.One(ctx, old.fields(), "UPDATE sunco_installations SET check_at = "+checkAt+", updated_at = {now}, "+
			"suspect = 0 WHERE generation = $1 RETURNING "+columns, in.Generation())
		if err != nil || !found {
			return err
		}
		in := s.merge(in, &old)
		n := s.newRow(old.appID, in)
		_, err = r.Exec(ctx, "UPDATE sunco_installations SET subdomain = $1, legacy_region = $2, key_id = $3, sealed = $4 "+
			"WHERE app_id = $5", n.subdomain, n.region, n.keyID, n.sealed, n.appID)
		if err != nil || old.unfinished() {
			return err
		}
		in.AppID = old.appID
		return storeKeys(ctx, r, in)
	})
}

// Uninstall gives up the access to a customer's app. It calls [sunco.Client.Revoke], and
// deletes the row that holds the token of in. If it fails, or the process ends, Maintain
// goes on. If no row holds the token, Uninstall does nothing.
func (s *Store) Uninstall(ctx context.Context, in *sunco.Installation) error {
	if err := s.check(in); err != nil {
		return err
	}
	n, err := s.db.Exec(ctx, []any{maintainLease.Microseconds(), in.Generation()},
		"UPDATE sunco_installations SET pending = 'revoke', suspect = 0, check_at = {now} + $1, updated_at = {now} "+
			"WHERE generation = $2")
	if err == nil && n > 0 {
		err = s.revoke(ctx, in)
	}
	return failed("uninstall", err)
}

// revoke revokes and deletes. It finds a customer that has moved.
func (s *Store) revoke(ctx context.Context, in *sunco.Installation) error {
	err := s.client.Revoke(ctx, in)
	if errors.Is(err, sunco.ErrMoved) || errors.Is(err, sunco.ErrNoRegion) {
		var found *sunco.Installation
		found, err = s.client.Locate(ctx, in)
		switch {
		case err == nil:
			err = s.client.Revoke(ctx, found)
		case errors.Is(err, sunco.ErrUnauthorized): // the token is dead, as was asked for
			err = nil
		}
	}
	if err != nil {
		return err
	}
	return s.Delete(ctx, in)
}
