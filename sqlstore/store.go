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

	db     *sqldb.DB
	client *sunco.Client
	domain string // of the client
	keys   seal.Ring
	wake   chan struct{} // Work, when an event was stored
}

// New prepares a database and returns its Store. It creates the tables, whose names begin
// with "sunco_", or brings them up to date, also in several processes at once.
//
// A key is 32 random bytes in base64: openssl rand -base64 32. The first key seals, and
// all of them open, see [Store.Reseal]. Without its key a row is lost: keep the
// keys, but not beside the backups.
//
// A database belongs to the client's ClientID and Domain for ever, so that a token of
// production never reaches a sandbox. Maintain and Uninstall use the client.
//
// The error is an [*sunco.InputError] for an argument that cannot be used. New also
// refuses a database that could lose what it acknowledged, a newer schema, and keys of
// which none fits; the error says what to change.
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
	for _, step := range []func(context.Context) error{s.db.Check, s.migrate, s.claim, s.checkKeys} {
		if err := step(ctx); err != nil {
			return nil, failed("new", err)
		}
	}
	return s, nil
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
