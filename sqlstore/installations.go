package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"iter"
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

// What is pending about an installation.
const (
	pendingInstall = "install"
	pendingRemoval = "removal"
	pendingRevoke  = "revoke"
)

const columns = "app_id, generation, subdomain, legacy_region, key_id, sealed, pending"

// row is an installation as it is stored.
type row struct {
	appID, generation, subdomain, region, keyID string
	sealed                                      []byte
	pending                                     string
}

// fields are for the columns.
func (r *row) fields() []any {
	return []any{&r.appID, &r.generation, &r.subdomain, &r.region, &r.keyID, &r.sealed, &r.pending}
}

// unfinishedID is the app id in the row of a token whose installation is not complete.
func unfinishedID(generation string) string { return "~" + generation }

func (r *row) unfinished() bool { return r.appID == unfinishedID(r.generation) }

// newRow seals an installation for the row with this app id.
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
	in := &sunco.Installation{AppID: r.appID, Subdomain: r.subdomain, LegacyRegion: sunco.LegacyRegion(r.region)}
	if r.unfinished() {
		in.AppID = ""
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
	if _, err := s.client.BaseURL(in); err != nil && !errors.Is(err, sunco.ErrNoRegion) {
		return err
	}
	return nil
}

// FirstUse is the FirstUse of a [sunco.Installer]. It reports whether flowID is new, and
// remembers it for 24 hours. Of several processes one gets true.
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
	if found, err := s.byKey.One(ctx, r.fields(), digest[:]); err != nil || !found {
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
	if found, err := s.byApp.One(ctx, r.fields(), appID); err != nil || !found {
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
