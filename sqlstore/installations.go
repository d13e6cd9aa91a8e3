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
	"github.com/sunco-go/sunco/internal/seal"
	"github.com/sunco-go/sunco/internal/sqldb"
)

const (
	keepFlows    = 24 * time.Hour
	checkEvery   = 24 * time.Hour   // an installation that is well
	checkInstall = 2 * time.Minute  // a token, when its Installer should be done
	checkRemoval = 10 * time.Minute // a removal, when its RemovalHandler should be done
)

const (
	columns = "app_id, generation, subdomain, legacy_region, key_id, sealed, pending"
	byApp   = "SELECT " + columns + " FROM sunco_installations WHERE app_id = $1"
	byKey   = "SELECT " + columns + " FROM sunco_installations " +
		"WHERE app_id = (SELECT app_id FROM sunco_webhook_keys WHERE digest = $1)"
)

// row is an installation as it is stored.
type row struct {
	appID, generation, subdomain, region, keyID string
	sealed                                      []byte
	pending                                     string // "", "install", "removal" or "revoke"
}

func (r *row) fields() []any {
	return []any{&r.appID, &r.generation, &r.subdomain, &r.region, &r.keyID, &r.sealed, &r.pending}
}

// newRow seals an installation for the row with this app id, which is "~" and the
// generation while the installation is not complete.
func (s *Store) newRow(appID string, in *sunco.Installation) *row {
	r := &row{appID: appID, generation: in.Generation(), subdomain: in.Subdomain, region: string(in.LegacyRegion)}
	r.keyID, r.sealed = s.keys.Seal(forInstallation, encodeSecrets(in), r.appID, r.generation, r.subdomain, r.region)
	return r
}

// open returns the installation of a row. An unfinished one has no AppID.
func (s *Store) open(r *row) (*sunco.Installation, error) {
	plain, err := s.unseal(forInstallation, r.keyID, r.sealed, r.appID, r.generation, r.subdomain, r.region)
	if err != nil {
		return nil, err
	}
	in := &sunco.Installation{Subdomain: r.subdomain, LegacyRegion: sunco.LegacyRegion(r.region)}
	if ident.Valid(r.appID) {
		in.AppID = r.appID
	}
	decodeSecrets(plain, in)
	return in, nil
}

// check refuses what cannot be stored.
func (s *Store) check(in *sunco.Installation) error {
	if in.Generation() == "" {
		return &sunco.InputError{Name: "installation", Reason: "nil, or without a Token"}
	}
	if in.AppID != "" && !ident.Valid(in.AppID) {
		return &sunco.InputError{Name: "AppID", Reason: "not 1 to 64 letters, digits, hyphens and underscores"}
	}
	_, err := s.client.BaseURL(in)
	if errors.Is(err, sunco.ErrNoRegion) {
		return nil
	}
	return err
}

// FirstUse is the FirstUse of a [sunco.Installer]. It reports whether flowID is new, and
// remembers it for 24 hours. If several processes ask at once, one gets true.
func (s *Store) FirstUse(ctx context.Context, flowID string) (bool, error) {
	n, err := s.db.Exec(ctx, []any{hash("flow", flowID), keepFlows.Microseconds()}, insertSeen)
	return n == 1, failed("first use", err)
}

// insertSeen inserts an id that is new or has expired, and nothing else.
const insertSeen = "INSERT INTO sunco_seen AS s (id, expires_at) VALUES ($1, {now} + $2) " +
	"ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at WHERE s.expires_at < {now}"

// hash returns 128 bits of SHA-256.
func hash(texts ...string) []byte {
	sum := sha256.Sum256(seal.AppendTexts(nil, texts...))
	return sum[:16]
}

// ByKey is the Lookup of a [sunco.EventHandler]. It returns the installation that has a
// webhook whose secret has this SHA-256, or nil without an error if there is none.
func (s *Store) ByKey(ctx context.Context, digest [32]byte) (*sunco.Installation, error) {
	var r row
	if found, err := s.db.One(ctx, r.fields(), byKey, digest[:]); err != nil || !found {
		return nil, failed("by key", err)
	}
	return s.open(&r)
}

// Get returns the installation of an app, or nil without an error if there is none.
func (s *Store) Get(ctx context.Context, appID string) (*sunco.Installation, error) {
	return s.get(ctx, appID, func(*row) error { return nil })
}

// ForRemoval is the Lookup of a [sunco.RemovalHandler]. It is like [Store.Get], and also
// notes that a removal was reported: Maintain looks 10 minutes later whether that was
// true, in case the process ends before. Further reports until then note nothing.
func (s *Store) ForRemoval(ctx context.Context, appID string) (*sunco.Installation, error) {
	return s.get(ctx, appID, func(r *row) error {
		if r.pending != "" {
			return nil
		}
		_, err := s.db.Exec(ctx, []any{checkRemoval.Microseconds(), appID, r.generation},
			"UPDATE sunco_installations SET pending = 'removal', suspect = 0, check_at = {now} + $1, "+
				"updated_at = {now} WHERE app_id = $2 AND generation = $3 AND pending = ''")
		return failed("for removal", err)
	})
}

func (s *Store) get(ctx context.Context, appID string, then func(*row) error) (*sunco.Installation, error) {
	if !ident.Valid(appID) {
		return nil, nil
	}
	var r row
	if found, err := s.db.One(ctx, r.fields(), byApp, appID); err != nil || !found {
		return nil, failed("get", err)
	}
	if err := then(&r); err != nil {
		return nil, err
	}
	return s.open(&r)
}

// All yields the complete installations in the order of their AppIDs. For a row that
// does not open it yields a [*SealError], and goes on. It ends after any other error. It
// holds no transaction, so that what changes meanwhile may be seen or not.
func (s *Store) All(ctx context.Context) iter.Seq2[*sunco.Installation, error] {
	return s.between(ctx, "", "~")
}

// Unfinished yields the tokens whose installation is not complete, each in an
// installation without an AppID. Maintain completes them. One that stays needs help, for
// example the LegacyRegion of its app, see [Store.Update]. Errors are as in All.
func (s *Store) Unfinished(ctx context.Context) iter.Seq2[*sunco.Installation, error] {
	return s.between(ctx, "~", "\x7f")
}

// between yields the installations of the rows whose app ids are between two texts.
func (s *Store) between(ctx context.Context, first, end string) iter.Seq2[*sunco.Installation, error] {
	scan := func(rows *sql.Rows) (*row, string, error) {
		r := new(row)
		err := rows.Scan(r.fields()...)
		return r, r.appID, err
	}
	return func(yield func(*sunco.Installation, error) bool) {
		for r, err := range sqldb.Pages(ctx, s.db, first, scan, "SELECT "+columns+
			" FROM sunco_installations WHERE app_id > $1 AND app_id < $2 ORDER BY app_id", end) {
			var in *sunco.Installation
			if err == nil {
				in, err = s.open(r)
			}
			if !yield(in, failed("all", err)) {
				return
			}
		}
	}
}

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
		_, err = s.db.Exec(ctx, s.newRow("~"+in.Generation(), in).values("install", checkInstall, 0),
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
	var oldAt int64 // 0 also if the clock was set back
	found, err := r.One(ctx, append(old.fields(), &oldAt), "SELECT "+columns+", CASE WHEN token_at <= {now} "+
		"THEN token_at ELSE 0 END FROM sunco_installations WHERE app_id = $1 {wait}", in.AppID)
	pending := ""
	switch {
	case err != nil:
		return err
	case found && old.generation == in.Generation():
		tokenAt = oldAt
		if old.pending == "revoke" {
			pending = old.pending
		}
	case found && tokenAt != 0 && tokenAt < oldAt:
		return nil
	}
	if found {
		if in, err = s.merge(in, &old); err != nil {
			return err
		}
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
// was damaged has nothing to keep.
func (s *Store) merge(in *sunco.Installation, old *row) (*sunco.Installation, error) {
	merged := *in
	stored, err := s.open(old)
	if bad, ok := err.(*SealError); ok && !bad.NoKey {
		return &merged, nil
	} else if err != nil {
		return nil, err
	}
	if len(in.Webhooks) == 0 {
		merged.Webhooks = stored.Webhooks
	}
	if in.Subdomain == "" && in.LegacyRegion == "" {
		merged.Subdomain, merged.LegacyRegion = stored.Subdomain, stored.LegacyRegion
	}
	return &merged, nil
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
	if err == nil && found && ident.Valid(appID) {
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
		in, err := s.merge(in, &old)
		if err != nil {
			return err
		}
		n := s.newRow(old.appID, in)
		_, err = r.Exec(ctx, "UPDATE sunco_installations SET subdomain = $1, legacy_region = $2, key_id = $3, sealed = $4 "+
			"WHERE app_id = $5", n.subdomain, n.region, n.keyID, n.sealed, n.appID)
		if err != nil || !ident.Valid(old.appID) {
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
