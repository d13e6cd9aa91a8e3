package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"strings"
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

// returning runs one statement that writes and returns rows.
func (s *Store) returning(ctx context.Context, scan func(*sql.Rows) error, statement string, args ...any) error {
	if s.dialect == PostgreSQL { // in one round trip
		return s.read().query(ctx, scan, statement, args...)
	}
	return s.write(ctx, func(r runner) error { return r.query(ctx, scan, statement, args...) })
}

// exec runs statements that write, each if the one before has changed a row, which {if}
// in it says, and returns what the last one has changed. All have the same parameters.
func (s *Store) exec(ctx context.Context, args []any, statements ...string) (n int64, err error) {
	if s.dialect == PostgreSQL { // in one round trip
		last, with := len(statements)-1, ""
		for i := range statements {
			statements[i] = strings.ReplaceAll(statements[i], "{if}", fmt.Sprintf("EXISTS (SELECT FROM s%d)", i-1))
			if i < last {
				with += fmt.Sprintf("%s s%d AS (%s RETURNING 1)", [...]string{"WITH", ","}[min(i, 1)], i, statements[i])
			}
		}
		return s.read().exec(ctx, with+" "+statements[last], args...)
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

// failed names what failed.
func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sqlstore: %s: %w", what, err)
}
