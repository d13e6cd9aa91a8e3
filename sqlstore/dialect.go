package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// Dialect is the kind of a database.
type Dialect int

// The dialects. The zero Dialect is none.
const (
	SQLite     Dialect = iota + 1 // 3.51.3 or newer
	PostgreSQL                    // 12 or newer
)

// String returns the name of the database.
func (d Dialect) String() string {
	switch d {
	case SQLite:
		return "SQLite"
	case PostgreSQL:
		return "PostgreSQL"
	}
	return "no dialect"
}

// text writes a statement for the database. Parameters are $1, $2 and so on; {now}
// is the database's clock in microseconds, read once; {skip} locks the selected rows
// and passes over locked ones; {wait} locks them and waits. SQLite has one lock for
// the whole database, which a transaction of this package holds from its first
// statement on.
func (d Dialect) text(statement string) string {
	now, skip, wait := "CAST(unixepoch('subsec') * 1000000 AS INTEGER)", "", ""
	if d == PostgreSQL { // the subquery makes it usable with an index
		now = "(SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)"
		skip, wait = "FOR UPDATE SKIP LOCKED", "FOR UPDATE"
	} else {
		statement = strings.ReplaceAll(statement, "$", "?")
	}
	statement = strings.ReplaceAll(statement, "{now}", now)
	statement = strings.ReplaceAll(statement, "{skip}", skip)
	return strings.ReplaceAll(statement, "{wait}", wait)
}

// runner runs statements on a database, a connection or in a transaction.
type runner struct {
	Dialect
	on interface {
		ExecContext(context.Context, string, ...any) (sql.Result, error)
		QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	}
}

// exec returns the number of rows that were changed.
func (r runner) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	result, err := r.on.ExecContext(ctx, r.text(statement), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// query calls scan for each row.
func (r runner) query(ctx context.Context, scan func(*sql.Rows) error, statement string, args ...any) error {
	rows, err := r.on.QueryContext(ctx, r.text(statement), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// one scans the only row, and reports whether there is one.
func (r runner) one(ctx context.Context, into []any, statement string, args ...any) (found bool, err error) {
	err = r.query(ctx, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(into...)
	}, statement, args...)
	return found, err
}

// read runs statements outside of a transaction.
func (s *Store) read() runner { return runner{s.dialect, s.db} }

// exec runs one statement that writes. The writers of one process take turns on
// SQLite, because the sleeps of its busy handler are longer than its transactions.
func (s *Store) exec(ctx context.Context, statement string, args ...any) (n int64, err error) {
	err = s.inTurn(ctx, func() error {
		n, err = s.read().exec(ctx, statement, args...)
		return err
	})
	return n, err
}

// write runs a transaction. Its first statement must write, also where it finds no
// row: SQLite refuses a transaction that has read and writes after another's commit.
func (s *Store) write(ctx context.Context, f func(runner) error) error {
	return s.inTurn(ctx, func() error {
		var options *sql.TxOptions
		if s.dialect == PostgreSQL {
			options = &sql.TxOptions{Isolation: sql.LevelReadCommitted}
		}
		tx, err := s.db.BeginTx(ctx, options)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // does nothing after Commit
		if err := f(runner{s.dialect, tx}); err != nil {
			return err
		}
		return tx.Commit()
	})
}

func (s *Store) inTurn(ctx context.Context, f func() error) error {
	if s.dialect == SQLite {
		select {
		case s.turn <- struct{}{}:
			defer func() { <-s.turn }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return f()
}

// failed names what failed.
func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sqlstore: %s: %w", what, err)
}

// micros is a duration as the tables have it.
func micros(d time.Duration) int64 { return d.Microseconds() }
