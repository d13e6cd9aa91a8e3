package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"iter"
	"log/slog"
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

// text writes a statement for the database. Parameters are $1, $2 and so on; {now}
// is the database's clock in microseconds, read once; {wait} locks the selected rows,
// {skip} those that are not locked. SQLite has one lock for the whole database, which
// a transaction of this package holds from its first statement on.
func (d Dialect) text(statement string) string {
	now, wait, skip := "CAST(unixepoch('subsec') * 1000000 AS INTEGER)", "", ""
	if d == PostgreSQL { // the subquery makes it usable with an index
		now = "(SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)"
		wait, skip = "FOR UPDATE", "FOR UPDATE SKIP LOCKED"
	} else {
		statement = strings.ReplaceAll(statement, "$", "?")
	}
	return strings.NewReplacer("{now}", now, "{wait}", wait, "{skip}", skip).Replace(statement)
}

// runner runs statements on a database, on a connection or in a transaction.
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

// pages yields what scan makes of the rows of a statement, 100 at a time, and holds no
// transaction meanwhile. The statement has the key of the last row as $1, which is
// first at the beginning, and is ordered by it.
func pages[T, K any](ctx context.Context, r runner, first K, scan func(*sql.Rows) (T, K, error),
	statement string, args ...any) iter.Seq2[T, error] {
	const size = 100
	return func(yield func(T, error) bool) {
		for last, n := first, size; n == size; {
			var found []T
			err := r.query(ctx, func(rows *sql.Rows) error {
				one, key, err := scan(rows)
				found, last = append(found, one), key
				return err
			}, fmt.Sprint(statement, " LIMIT ", size), append([]any{last}, args...)...)
			if n = len(found); err != nil {
				yield(*new(T), err)
				return
			}
			for _, one := range found {
				if !yield(one, nil) {
					return
				}
			}
		}
	}
}

// read runs statements outside of a transaction.
func (s *Store) read() runner { return runner{s.dialect, s.db} }

// write runs a transaction. Its first statement must write, also where it finds no
// row: SQLite refuses one that reads first, and writes after another's commit. There
// the transactions of one process take turns, because the sleeps of SQLite's busy
// handler are longer than they are.
func (s *Store) write(ctx context.Context, f func(runner) error) error {
	options := &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	if s.dialect == SQLite {
		options = nil
		select {
		case s.turn <- struct{}{}:
			defer func() { <-s.turn }()
		case <-ctx.Done():
			return ctx.Err()
		}
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
}

// take selects rows that are due, without those that others are taking, and updates
// them. The first of args is the LIMIT of due; update reads the rows FROM due, and
// returns some.
func (s *Store) take(ctx context.Context, due, update string, scan func(*sql.Rows) error, args ...any) error {
	statement := "WITH due AS MATERIALIZED (" + due + " LIMIT $1 {skip}) " + update
	if s.dialect == PostgreSQL { // in one round trip
		return s.read().query(ctx, scan, statement, args...)
	}
	found := false // usually nothing is, and then nobody needs to wait for the lock
	err := s.read().query(ctx, func(*sql.Rows) error { found = true; return nil }, due+" LIMIT 1")
	if err != nil || !found {
		return err
	}
	return s.write(ctx, func(r runner) error { return r.query(ctx, scan, statement, args...) })
}

// exec runs statements that write, each if the one before has changed a row, which {if}
// in it says, and returns what the last one has changed. All have the same parameters.
func (s *Store) exec(ctx context.Context, args []any, statements ...string) (n int64, err error) {
	if last := len(statements) - 1; s.dialect == PostgreSQL { // in one round trip
		text := "WITH s AS (SELECT 1)"
		for i, statement := range statements {
			statement = strings.ReplaceAll(statement, "{if}", fmt.Sprintf("EXISTS (SELECT FROM s%d)", i-1))
			if i < last {
				statement = fmt.Sprintf(", s%d AS (%s RETURNING 1)", i, statement)
			}
			text += " " + statement
		}
		return s.read().exec(ctx, text, args...)
	}
	err = s.write(ctx, func(r runner) error {
		for _, statement := range statements {
			n, err = r.exec(ctx, strings.ReplaceAll(statement, "{if}", "true"), args...)
			if err != nil || n == 0 {
				return err
			}
		}
		return nil
	})
	return n, err
}

// loop calls f until ctx ends: after the pause that f returns, or when it is woken.
func (s *Store) loop(ctx context.Context, wake <-chan struct{}, f func() (pause time.Duration, err error)) {
	for tidied := (time.Time{}); ctx.Err() == nil; {
		var tidying error
		if time.Since(tidied) >= time.Minute {
			tidied, tidying = time.Now(), s.tidy(ctx)
		}
		pause, err := f()
		if err = cmp.Or(err, tidying); err != nil && ctx.Err() == nil {
			s.log(ctx, slog.LevelWarn, "the database failed", err, nil)
			pause = 5 * time.Second
		}
		select {
		case <-wake:
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// failed names what failed.
func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sqlstore: %s: %w", what, err)
}
