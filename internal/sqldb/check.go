package sqldb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Check refuses a database that is too old, or has settings with which it could lose what
// it acknowledged. Its errors say what to change.
func (db *DB) Check(ctx context.Context) error {
	if db.PostgreSQL {
		return db.checkPostgreSQL(ctx)
	}
	return db.checkSQLite(ctx)
}

func (db *DB) checkSQLite(ctx context.Context) error {
	var version string
	var busy, synchronous, major, minor, patch int
	err := db.QueryRowContext(ctx, "SELECT sqlite_version(), (SELECT timeout FROM pragma_busy_timeout), "+
		"(SELECT synchronous FROM pragma_synchronous)").Scan(&version, &busy, &synchronous)
	if err != nil {
		return err
	}
	const full, names = 2, ` in the data source name: ` +
		`"file:sunco.db?_pragma=busy_timeout(10000)&_pragma=synchronous(FULL)" with modernc.org/sqlite, ` +
		`"file:sunco.db?_busy_timeout=10000&_synchronous=FULL" with github.com/mattn/go-sqlite3`
	_, _ = fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch)
	switch {
	case major*1_000_000+minor*1_000+patch < 3_051_003:
		return fmt.Errorf("SQLite %s can corrupt a file that several connections write: "+
			"update the driver to one with SQLite 3.51.3 or newer", version)
	case busy == 0:
		return errors.New("busy_timeout is 0, so that a second writer fails at once: set it" + names)
	case synchronous < full:
		return errors.New("synchronous is below FULL, so that a power cut loses tokens: set it" + names)
	}
	return db.useWAL(ctx)
}

// useWAL gives the file a write-ahead log, once for ever. SQLite does not wait for other
// connections then, so useWAL does.
func (db *DB) useWAL(ctx context.Context) error {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var mode string
		err := db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
		if err == nil && mode != "wal" {
			return errors.New("the database has no write-ahead log, but the journal mode " + mode + ": use a file")
		}
		if err == nil || !strings.Contains(err.Error(), "locked") || time.Now().After(end) {
			return err
		}
	}
}

func (db *DB) checkPostgreSQL(ctx context.Context) error {
	var version int
	var commit string
	err := db.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int, "+
		"current_setting('synchronous_commit')").Scan(&version, &commit)
	switch {
	case err != nil:
		return err
	case version < 120000:
		return errors.New("PostgreSQL is older than 12: update it")
	case commit == "off":
		return errors.New("synchronous_commit is off, so that a crash loses tokens: set it to on for this role or database")
	}
	return nil
}
