package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/internal/hook"
	"github.com/sunco-go/sunco/internal/seal"
	"github.com/sunco-go/sunco/internal/sqldb"
)

// Dialect is the kind of a database.
type Dialect int

// The dialects. The zero Dialect is none.
const (
	SQLite     Dialect = iota + 1 // 3.51.3 or newer
	PostgreSQL                    // 12 or newer
)

// Store keeps installations and events in one database. Make it with [New]. It is
// safe for concurrent use, needs no closing, and must not be copied. Its errors wrap
// the driver's; none holds a credential or the content of a row.
type Store struct {
	// Logger gets a line for each event that failed, and for each installation that
	// Maintain deleted or could not check. Set it before the Store is used. No line
	// holds a credential. Nil: [slog.Default].
	Logger *slog.Logger

	db           *sqldb.DB
	client       *sunco.Client
	domain       string // of the client
	keys         seal.Ring
	byApp, byKey *sqldb.Frequent
	wake         chan struct{} // Work, when an event was stored
}

// New prepares a database and returns its Store. It creates the tables, whose names
// begin with "sunco_", or brings those of an older version up to date; several
// processes may do that at once. New uses db but does not close it.
//
// Each key is 32 random bytes in base64, as "openssl rand -base64 32" prints them.
// The first one seals, and all of them open; see [Store.Reseal] for a change of keys.
// Without its key a database is useless, so keep the keys, and not beside the
// backups.
//
// The client is used by [Store.Maintain] and [Store.Uninstall]. A database belongs to
// its ClientID and Domain for ever, so that a token of production never reaches a
// sandbox.
//
// The error is an [*sunco.InputError] for an unusable argument. New also refuses a
// database that could lose what it acknowledged, and says which setting to change; one
// of a newer version of this package; one of another ClientID or Domain; and one whose
// installations were sealed with other keys.
func New(ctx context.Context, db *sql.DB, d Dialect, c *sunco.Client, keys ...sunco.Secret) (*Store, error) {
	switch {
	case db == nil:
		return nil, &sunco.InputError{Name: "database", Reason: "nil"}
	case d != SQLite && d != PostgreSQL:
		return nil, &sunco.InputError{Name: "dialect", Reason: "neither SQLite nor PostgreSQL"}
	case c == nil || c.ClientID == "":
		return nil, &sunco.InputError{Name: "client", Reason: "nil, or without a ClientID"}
	}
	base, err := c.BaseURL(&sunco.Installation{Subdomain: "any"})
	if err != nil {
		return nil, err
	}
	ring, err := newRing(keys)
	if err != nil {
		return nil, err
	}
	s := &Store{db: sqldb.New(db, d == PostgreSQL), client: c, keys: ring, wake: make(chan struct{}, 1)}
	_, s.domain, _ = strings.Cut(strings.TrimSuffix(base, "/sc"), "any.")
	for _, step := range []func(context.Context) error{s.db.Check, s.migrate, s.claim, s.checkKeys, s.prepare} {
		if err := step(ctx); err != nil {
			return nil, failed("new", err)
		}
	}
	return s, nil
}

// prepare prepares the frequent queries.
func (s *Store) prepare(ctx context.Context) (err error) {
	const by = "SELECT " + columns + " FROM sunco_installations WHERE app_id = "
	if s.byApp, err = s.db.Frequent(ctx, by+"$1"); err != nil {
		return err
	}
	s.byKey, err = s.db.Frequent(ctx, by+"(SELECT app_id FROM sunco_webhook_keys WHERE digest = $1)")
	return err
}

// log writes a line about an error, without the credentials at hand.
func (s *Store) log(ctx context.Context, level slog.Level, message string, err error,
	in *sunco.Installation, attrs ...slog.Attr) {
	secrets := []string{s.client.ClientSecret.Reveal()}
	if in != nil {
		secrets = append(secrets, in.Token.AccessToken.Reveal())
		for i := range in.Webhooks {
			secrets = append(secrets, in.Webhooks[i].Secret.Reveal())
		}
	}
	hook.Log(ctx, s.Logger, level, message, err, secrets, attrs...)
}

// failed names what failed.
func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sqlstore: %s: %w", what, err)
}
