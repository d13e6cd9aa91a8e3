// Package engine has the databases on which package sqlstore is tested and measured:
// SQLite through two drivers, and a PostgreSQL server of its own.
package engine

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
	_ "github.com/mattn/go-sqlite3"    // the driver sqlite3
	_ "modernc.org/sqlite"             // the driver sqlite

	"github.com/sunco-go/sunco/sqlstore"
)

// Engine is a database and the driver for it.
type Engine struct {
	Name    string
	Dialect sqlstore.Dialect
	Driver  string // as sql.Open knows it
	options string // of the data source name
}

// All returns every engine, also those that cannot run here.
func All() []Engine {
	return []Engine{
		{"modernc", sqlstore.SQLite, "sqlite", "?_pragma=busy_timeout(10000)&_pragma=synchronous(FULL)"},
		{"mattn", sqlstore.SQLite, "sqlite3", "?_busy_timeout=10000&_synchronous=FULL"},
		{"pgx", sqlstore.PostgreSQL, "pgx", ""},
	}
}

// Each runs a test on every engine, as a subtest.
func Each(t *testing.T, test func(t *testing.T, e Engine)) {
	for _, e := range All() {
		t.Run(e.Name, func(t *testing.T) {
			e.need(t)
			test(t, e)
		})
	}
}

// need skips a test whose engine cannot run here. Where the environment variable CI is
// set, a missing PostgreSQL is a failure.
func (e Engine) need(tb testing.TB) {
	tb.Helper()
	switch {
	case e.Dialect == sqlstore.PostgreSQL:
		if _, err := shared(); err != nil {
			if os.Getenv("CI") == "" {
				tb.Skip(err)
			}
			tb.Fatal(err)
		}
	case e.Driver == "sqlite3" && !cgo:
		tb.Skip("not run: github.com/mattn/go-sqlite3 needs cgo")
	}
}

// Database is an empty database of one test.
type Database struct {
	Engine
	Dir string // of the file or of the server
	DSN string // its data source name
}

// New makes a database in a directory of the test, or on the server that all tests of
// a process share.
func (e Engine) New(tb testing.TB) *Database {
	tb.Helper()
	e.need(tb)
	if e.Dialect == sqlstore.PostgreSQL {
		server, err := shared()
		if err != nil {
			tb.Fatal(err)
		}
		return server.New(tb)
	}
	dir := tb.TempDir()
	return &Database{e, dir, e.File(filepath.Join(dir, "sunco.db"))}
}

// File returns the data source name of a SQLite file.
func (e Engine) File(path string) string { return "file:" + path + e.options }

// Open opens the database, until the end of the test.
func (d *Database) Open(tb testing.TB) *sql.DB {
	tb.Helper()
	db, err := sql.Open(d.Driver, d.DSN)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// Version returns what the database says about itself.
func (d *Database) Version(ctx context.Context, db *sql.DB) (version string, err error) {
	query := "SELECT 'SQLite ' || sqlite_version()"
	if d.Dialect == sqlstore.PostgreSQL {
		query = "SELECT version()"
	}
	err = db.QueryRowContext(ctx, query).Scan(&version)
	return d.Name + ": " + version, err
}

// Integrity returns what is wrong with a database and the tables of sqlstore in it.
func (d *Database) Integrity(ctx context.Context, db *sql.DB) error {
	if d.Dialect == sqlstore.PostgreSQL {
		_, err := db.ExecContext(ctx, "SELECT public.bt_index_check(indexrelid, true) "+
			"FROM pg_index WHERE indrelid::regclass::text LIKE 'sunco_%'") // those in the search path
		return err
	}
	var found string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("integrity_check: %s", found)
	}
	return nil
}

// Param writes the parameters $1, $2 and so on as the database has them.
func (e Engine) Param(statement string) string {
	if e.Dialect == sqlstore.PostgreSQL {
		return statement
	}
	return strings.ReplaceAll(statement, "$", "?")
}
