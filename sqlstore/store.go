package sqlstore

import (
	"context"
	"database/sql"
	"log/slog"

	"github.com/sunco-go/sunco"
)

// Store keeps installations and events in one database. Make it with [New]. It is
// safe for concurrent use, needs no closing, and must not be copied.
type Store struct {
	// Logger gets one line for each event that failed, for each installation that
	// Maintain could not settle, and for each that it deleted. No line holds a
	// credential. Set it before the Store is used. Nil: [slog.Default].
	Logger *slog.Logger

	db     *sql.DB
	client *sunco.Client
}

// New opens a store.
func New(ctx context.Context, db *sql.DB, d Dialect, c *sunco.Client, keys ...sunco.Secret) (*Store, error) {
	return nil, errNotYet
}
