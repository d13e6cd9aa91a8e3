package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/internal/ident"
)

const (
	checkEvery   = 24 * time.Hour   // an installation that is well
	checkInstall = 2 * time.Minute  // a token, when its Installer should be done
	checkRemoval = 10 * time.Minute // a removal, when its RemovalHandler should be done
	keepFlows    = 24 * time.Hour
	page         = 100 // rows
)

// What is pending about an installation.
const (
	pendingInstall = "install"
	pendingRemoval = "removal"
	pendingRevoke  = "revoke"
)

// columns are those of a row.
const columns = "app_id, generation, subdomain, legacy_region, key_id, sealed, pending"

const (
	selectByApp = "SELECT " + columns + " FROM sunco_installations WHERE app_id = $1"
	selectByKey = "SELECT " + columns + " FROM sunco_installations WHERE app_id = " +
		"(SELECT app_id FROM sunco_webhook_keys WHERE digest = $1)"
)

// row is an installation as it is stored.
type row struct {
	appID, generation, subdomain, region, keyID string
	sealed                                      []byte
	pending                                     string
}

func (r *row) fields() []any {
	return []any{&r.appID, &r.generation, &r.subdomain, &r.region, &r.keyID, &r.sealed, &r.pending}
}

// newRow seals an installation for the row with this app id.
func (s *Store) newRow(appID string, in *sunco.Installation) *row {
	r := &row{appID: appID, generation: in.Generation(), subdomain: in.Subdomain, region: string(in.LegacyRegion)}
	r.keyID, r.sealed = s.keys.seal(forInstallation, encodeSecrets(in), r.appID, r.generation, r.subdomain, r.region)
	return r
}

// open returns the installation of a row. That of an unfinished one has no AppID.
func (s *Store) open(r *row) (*sunco.Installation, error) {
	plain, err := s.keys.open(forInstallation, r.keyID, r.sealed, r.appID, r.generation, r.subdomain, r.region)
	if err != nil {
		return nil, err
	}
	in := &sunco.Installation{Subdomain: r.subdomain, LegacyRegion: sunco.LegacyRegion(r.region)}
	if !r.unfinished() {
		in.AppID = r.appID
	}
	if decodeSecrets(plain, in) != nil {
		return nil, &SealError{r.appID, r.keyID}
	}
	return in, nil
}

// unfinishedID is the app id in the row of a token whose installation is not complete.
func unfinishedID(generation string) string { return "~" + generation }

func (r *row) unfinished() bool { return r.appID == unfinishedID(r.generation) }

// find returns the row that one of the prepared statements finds, or nil.
func (s *Store) find(ctx context.Context, statement string, key any) (r *row, err error) {
	r = new(row)
	if stmt := s.prepared[statement]; stmt != nil {
		err = stmt.QueryRowContext(ctx, key).Scan(r.fields()...)
	} else {
		err = s.db.QueryRowContext(ctx, s.dialect.text(statement), key).Scan(r.fields()...)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return r, err
}

// FirstUse is the FirstUse of a [sunco.Installer]: it remembers flowID for 24 hours
// and reports whether it was new. Of any number of processes one gets true.
func (s *Store) FirstUse(ctx context.Context, flowID string) (bool, error) {
	n, err := s.exec(ctx, insertSeen, hash("flow", flowID), micros(keepFlows))
	return n == 1, failed("first use", err)
}

// ByKey is the Lookup of a [sunco.EventHandler]. It returns the installation that has
// a webhook whose secret has this SHA-256, or nil without an error if there is none.
func (s *Store) ByKey(ctx context.Context, digest [32]byte) (*sunco.Installation, error) {
	r, err := s.find(ctx, selectByKey, digest[:])
	if r == nil || err != nil {
		return nil, failed("by key", err)
	}
	return s.open(r)
}

// Get returns the installation of an app, or nil without an error if there is none.
// The caller may keep and modify it.
func (s *Store) Get(ctx context.Context, appID string) (*sunco.Installation, error) {
	r, err := s.get(ctx, appID)
	if r == nil || err != nil {
		return nil, err
	}
	return s.open(r)
}

func (s *Store) get(ctx context.Context, appID string) (*row, error) {
	if !ident.Valid(appID) {
		return nil, nil
	}
	r, err := s.find(ctx, selectByApp, appID)
	return r, failed("get", err)
}

// ForRemoval is the Lookup of a [sunco.RemovalHandler]. It is like [Store.Get], and
// also notes that a removal was reported: if the process ends before that is settled,
// Maintain settles it 10 minutes later. A second report notes nothing more.
func (s *Store) ForRemoval(ctx context.Context, appID string) (*sunco.Installation, error) {
	r, err := s.get(ctx, appID)
	if r == nil || err != nil {
		return nil, err
	}
	if r.pending == "" {
		_, err = s.exec(ctx, "UPDATE sunco_installations SET pending = 'removal', suspect = 0, check_at = {now} + $1, "+
			"updated_at = {now} WHERE app_id = $2 AND generation = $3 AND pending = ''",
			micros(checkRemoval), appID, r.generation)
		if err != nil {
			return nil, failed("for removal", err)
		}
	}
	return s.open(r)
}

// Delete is the OnRemoved of a [sunco.RemovalHandler]. It deletes the row that holds
// the installation's token, an unfinished one too. If there is none, because the
// customer has installed again for example, Delete does nothing.
func (s *Store) Delete(ctx context.Context, in *sunco.Installation) error {
	if err := s.check(in); err != nil {
		return err
	}
	return failed("delete", s.write(ctx, func(r runner) error {
		_, err := deleteRow(ctx, r, in.Generation(), "")
		return err
	}))
}

// deleteRow deletes the row with a generation, unless it is that of the app except,
// and returns when its token was stored, 0 if there is no such row.
func deleteRow(ctx context.Context, r runner, generation, except string) (tokenAt int64, err error) {
	var appID string
	found, err := r.one(ctx, []any{&appID, &tokenAt}, "DELETE FROM sunco_installations "+
		"WHERE generation = $1 AND app_id <> $2 RETURNING app_id, token_at", generation, except)
	if found && err == nil && appID != unfinishedID(generation) {
		_, err = r.exec(ctx, "DELETE FROM sunco_webhook_keys WHERE app_id = $1", appID)
	}
	return tokenAt, err
}

// check refuses what cannot be stored.
func (s *Store) check(in *sunco.Installation) error {
	if in.Generation() == "" {
		return &sunco.InputError{Name: "installation", Reason: "nil, or without a Token"}
	}
	if in.AppID != "" && !ident.Valid(in.AppID) {
		return &sunco.InputError{Name: "AppID", Reason: "not 1 to 64 letters, digits, hyphens and underscores"}
	}
	if _, err := s.client.BaseURL(in); err != nil && !errors.Is(err, sunco.ErrNoRegion) {
		return err
	}
	return nil
}

// Save is the Save of a [sunco.Installer].
//
// Without an AppID, it stores the token alone and changes no other row. If the
// installation is not complete 2 minutes later, Maintain completes it.
//
// With an AppID, it replaces the row of that app and deletes that of the token alone.
// It changes nothing if the stored token was saved later than this one. Webhooks, and
// Subdomain and LegacyRegion, stay as stored if in has none.
func (s *Store) Save(ctx context.Context, in *sunco.Installation) error {
	if err := s.check(in); err != nil {
		return err
	}
	save := s.saveComplete
	if in.AppID == "" {
		save = s.saveToken
	}
	return failed("save", save(ctx, in))
}

const insert = "INSERT INTO sunco_installations (app_id, generation, subdomain, legacy_region, key_id, sealed, " +
	"pending, suspect, check_at, token_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, "

func (s *Store) saveToken(ctx context.Context, in *sunco.Installation) error {
	n := s.newRow(unfinishedID(in.Generation()), in)
	_, err := s.exec(ctx, insert+"'install', 0, {now} + $7, {now}, {now}) ON CONFLICT DO NOTHING",
		n.appID, n.generation, n.subdomain, n.region, n.keyID, n.sealed, micros(checkInstall))
	return err
}

func (s *Store) saveComplete(ctx context.Context, in *sunco.Installation) error {
	return s.write(ctx, func(r runner) error {
		if r.Dialect == PostgreSQL { // there may be no row to lock
			if _, err := r.exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", in.AppID); err != nil {
				return err
			}
		}
		tokenAt, err := deleteRow(ctx, r, in.Generation(), in.AppID)
		if err != nil {
			return err
		}
		var old row
		var oldAt int64
		found, err := r.one(ctx, append(old.fields(), &oldAt), "SELECT "+columns+", token_at "+
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
		case found && tokenAt != 0 && oldAt > tokenAt:
			return nil
		}
		if found {
			in = s.merge(in, &old)
		}
		n := s.newRow(in.AppID, in)
		_, err = r.exec(ctx, insert+"$7, 0, {now} + $8, COALESCE(NULLIF(CAST($9 AS bigint), 0), {now}), {now}) "+
			"ON CONFLICT (app_id) DO UPDATE SET generation = excluded.generation, subdomain = excluded.subdomain, "+
			"legacy_region = excluded.legacy_region, key_id = excluded.key_id, sealed = excluded.sealed, "+
			"pending = excluded.pending, suspect = 0, check_at = excluded.check_at, token_at = excluded.token_at, "+
			"updated_at = excluded.updated_at",
			n.appID, n.generation, n.subdomain, n.region, n.keyID, n.sealed, pending, nextCheck(), tokenAt)
		if err != nil {
			return err
		}
		return storeKeys(ctx, r, in)
	})
}

// nextCheck spreads the checks of installations that are well.
func nextCheck() int64 { return micros(checkEvery*9/10 + rand.N(checkEvery/5)) }

// merge returns a copy of in that keeps what is stored where in has nothing. A row
// that does not open has nothing to keep.
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
func storeKeys(ctx context.Context, r runner, in *sunco.Installation) error {
	_, err := r.exec(ctx, "DELETE FROM sunco_webhook_keys WHERE app_id = $1", in.AppID)
	for i := range in.Webhooks {
		if secret := in.Webhooks[i].Secret; !secret.IsZero() && err == nil {
			digest := sha256.Sum256([]byte(secret.Reveal()))
			_, err = r.exec(ctx, "INSERT INTO sunco_webhook_keys (digest, app_id) VALUES ($1, $2) "+
				"ON CONFLICT (digest) DO UPDATE SET app_id = excluded.app_id", digest[:], in.AppID)
		}
	}
	return err
}

// Update stores in's Webhooks, Subdomain and LegacyRegion in the row that holds its
// token, an unfinished one too. Call it after Locate or EnsureWebhook, and when you
// know the LegacyRegion of an unfinished installation. Maintain looks at the row soon.
// If the token is not stored, because the customer has installed again or is gone,
// Update does nothing. What in does not have stays as stored.
func (s *Store) Update(ctx context.Context, in *sunco.Installation) error {
	if err := s.check(in); err != nil {
		return err
	}
	return failed("update", s.write(ctx, func(r runner) error {
		var old row
		found, err := r.one(ctx, old.fields(), "UPDATE sunco_installations SET check_at = {now}, updated_at = {now}, "+
			"suspect = 0 WHERE generation = $1 RETURNING "+columns, in.Generation())
		if err != nil || !found {
			return err
		}
		merged := s.merge(in, &old)
		n := s.newRow(old.appID, merged)
		_, err = r.exec(ctx, "UPDATE sunco_installations SET subdomain = $1, legacy_region = $2, key_id = $3, sealed = $4 "+
			"WHERE app_id = $5", n.subdomain, n.region, n.keyID, n.sealed, n.appID)
		if err != nil || old.unfinished() {
			return err
		}
		merged.AppID = old.appID
		return storeKeys(ctx, r, merged)
	}))
}

// All yields the complete installations in the order of their AppIDs. For a row that
// does not open it yields a [*SealError] and goes on; it ends after any other error. It
// holds no transaction, so that what changes meanwhile may be seen or not.
func (s *Store) All(ctx context.Context) iter.Seq2[*sunco.Installation, error] {
	return s.between(ctx, "", "~")
}

// Unfinished yields the tokens whose installation is not complete, each in an
// installation without an AppID, as [Store.All] does. Maintain completes them; those
// that stay need help, such as the region of a legacy app, see [Store.Update].
func (s *Store) Unfinished(ctx context.Context) iter.Seq2[*sunco.Installation, error] {
	return s.between(ctx, "~", "\x7f")
}

// between yields the installations of rows with an app id between two texts.
func (s *Store) between(ctx context.Context, after, before string) iter.Seq2[*sunco.Installation, error] {
	return func(yield func(*sunco.Installation, error) bool) {
		for after := after; ; {
			var rows []*row
			err := s.read().query(ctx, func(found *sql.Rows) error {
				rows = append(rows, new(row))
				return found.Scan(rows[len(rows)-1].fields()...)
			}, "SELECT "+columns+" FROM sunco_installations WHERE app_id > $1 AND app_id < $2 ORDER BY app_id LIMIT $3",
				after, before, page)
			if err != nil {
				yield(nil, failed("all", err))
				return
			}
			for _, r := range rows {
				if !yield(s.open(r)) {
					return
				}
				after = r.appID
			}
			if len(rows) < page {
				return
			}
		}
	}
}

// Uninstall gives up the access to a customer's app: it calls [sunco.Client.Revoke]
// and deletes the row that holds the token. After an error or the end of the process
// Maintain goes on with it. If the token is not stored, Uninstall does nothing.
func (s *Store) Uninstall(ctx context.Context, in *sunco.Installation) error {
	if err := s.check(in); err != nil {
		return err
	}
	n, err := s.exec(ctx, "UPDATE sunco_installations SET pending = 'revoke', suspect = 0, check_at = {now} + $1, "+
		"updated_at = {now} WHERE generation = $2", micros(maintainLease), in.Generation())
	if err != nil || n == 0 {
		return failed("uninstall", err)
	}
	return s.revoke(ctx, in)
}

// revoke revokes and deletes. It finds a customer that has moved.
func (s *Store) revoke(ctx context.Context, in *sunco.Installation) error {
	err := s.client.Revoke(ctx, in)
	if errors.Is(err, sunco.ErrMoved) || errors.Is(err, sunco.ErrNoRegion) {
		var found *sunco.Installation
		switch found, err = s.client.Locate(ctx, in); {
		case err == nil:
			err = s.client.Revoke(ctx, found)
		case errors.Is(err, sunco.ErrUnauthorized): // the token is dead, as was asked for
			err = nil
		}
	}
	if err != nil {
		return failed("uninstall", err)
	}
	return s.Delete(ctx, in)
}
