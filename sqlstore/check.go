package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// checkSQLite looks at two connections where there may be two, because a PRAGMA that
// was executed on the *sql.DB counts for one of them only.
func (s *Store) checkSQLite(ctx context.Context) error {
	connections := 2
	if s.db.Stats().MaxOpenConnections == 1 {
		connections = 1
	}
	for range connections {
		conn, err := s.db.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := checkSQLiteConn(ctx, conn); err != nil {
			return err
		}
	}
	return s.useWAL(ctx)
}

func checkSQLiteConn(ctx context.Context, conn *sql.Conn) error {
	var version string
	var busy, synchronous int
	for query, into := range map[string]any{
		"SELECT sqlite_version()": &version, "PRAGMA busy_timeout": &busy, "PRAGMA synchronous": &synchronous,
	} {
		if err := conn.QueryRowContext(ctx, query).Scan(into); err != nil {
			return err
		}
	}
	const dsn = ` in the data source name: "file:sunco.db?_pragma=busy_timeout(10000)&_pragma=synchronous(FULL)"` +
		` for modernc.org/sqlite, "file:sunco.db?_busy_timeout=10000&_synchronous=FULL" for github.com/mattn/go-sqlite3`
	const full = 2
	switch {
	case olderThan(version, 3, 51, 3):
		return fmt.Errorf("SQLite %s can corrupt a database that several connections write: "+
			"update the driver to one with SQLite 3.51.3 or newer", version)
	case busy == 0:
		return errors.New("busy_timeout is 0, so that a second writer fails at once: set it" + dsn)
	case synchronous < full:
		return errors.New("synchronous is below FULL, so that a power cut loses tokens: set it" + dsn)
	}
	return nil
}

// olderThan compares the numbers of a version.
func olderThan(version string, least ...int) bool {
	have := make([]int, len(least))
	for i, part := range strings.SplitN(version, ".", len(least)) {
		_, _ = fmt.Sscan(part, &have[i])
	}
	for i := range least {
		if have[i] != least[i] {
			return have[i] < least[i]
		}
	}
	return false
}

// useWAL switches the file to a write-ahead log, once for ever. SQLite does not wait
// for other connections then, so that it is tried again.
func (s *Store) useWAL(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		var mode string
		err := s.db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode)
		if err == nil && mode != "wal" {
			err = s.db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
		}
		switch {
		case err == nil && mode == "wal":
			return nil
		case err == nil:
			return fmt.Errorf("the database cannot have a write-ahead log, its journal mode is %s: use a file", mode)
		case !strings.Contains(err.Error(), "locked"):
			return err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

func (s *Store) checkPostgreSQL(ctx context.Context) error {
	var version int
	var commit string
	err := s.db.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int, "+
		"current_setting('synchronous_commit')").Scan(&version, &commit)
	switch {
	case err != nil:
		return err
	case version < 120000:
		return errors.New("PostgreSQL is older than 12: update it")
	case commit == "off":
		return errors.New("synchronous_commit is off, so that a crash loses tokens: set it to on for this database or role")
	}
	return nil
}
