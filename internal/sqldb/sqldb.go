// Package sqldb runs statements on SQLite and on PostgreSQL. The statements are the same
// for both but for a few words, see [Runner].
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
)

// DB is a database.
type DB struct {
	*sql.DB
	PostgreSQL bool // else SQLite

	words  *strings.Replacer
	parsed sync.Map      // on SQLite: by its text, each statement that runs often
	turn   chan struct{} // of the writers, on SQLite
}

// New returns a DB.
func New(db *sql.DB, postgreSQL bool) *DB {
	words := []string{"$", "?", "{now}", "CAST(unixepoch('subsec') * 1000000 AS INTEGER)", "{wait}", "", "{skip}", ""}
	if postgreSQL { // the subquery makes {now} usable with an index
		words = []string{"{now}", "(SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)",
			"{wait}", "FOR UPDATE", "{skip}", "FOR UPDATE SKIP LOCKED"}
	}
	return &DB{DB: db, PostgreSQL: postgreSQL, words: strings.NewReplacer(words...), turn: make(chan struct{}, 1)}
}

// text writes a statement for the database, see [Runner].
func (db *DB) text(statement string) string { return db.words.Replace(statement) }

// Runner runs statements on a database or in a transaction. In a statement
//
//   - $1, $2 and so on are the arguments;
//   - {now} is the database's clock, in microseconds since 1970;
//   - {wait} at the end of a SELECT locks its rows, {skip} those that are not locked.
//     SQLite has one lock for the whole database, which Write and Take hold.
type Runner struct {
	db *DB
	on interface {
		ExecContext(context.Context, string, ...any) (sql.Result, error)
		QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	}
}

// Read runs statements that write nothing.
func (db *DB) Read() Runner { return Runner{db, db.DB} }

// Exec returns the number of rows that were changed.
func (r Runner) Exec(ctx context.Context, statement string, args ...any) (int64, error) {
	return affected(r.on.ExecContext(ctx, r.db.text(statement), args...))
}

func affected(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Query calls scan for each row.
func (r Runner) Query(ctx context.Context, scan func(*sql.Rows) error, statement string, args ...any) error {
	rows, err := r.on.QueryContext(ctx, r.db.text(statement), args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// One scans the only row, and reports whether there is one.
func (r Runner) One(ctx context.Context, into []any, statement string, args ...any) (found bool, err error) {
	err = r.Query(ctx, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(into...)
	}, statement, args...)
	return found, err
}

// Pages yields what scan makes of the rows of a statement, 100 at a time, and holds no
// transaction meanwhile. The statement is ordered by a key, which scan returns too, and
// has the last one as $1. It ends after an error.
func Pages[T, K any](ctx context.Context, db *DB, first K, scan func(*sql.Rows) (T, K, error),
	statement string, args ...any) iter.Seq2[T, error] {
	const size = 100
	return func(yield func(T, error) bool) {
		for last, n := first, size; n == size; {
			var found []T
			err := db.Read().Query(ctx, func(rows *sql.Rows) error {
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

// Write runs a transaction. Its first statement must write, also where it finds no row:
// SQLite refuses one that reads first, and writes after another's commit. There the
// transactions of one process take turns, because the sleeps of SQLite's busy handler
// are longer than they are.
func (db *DB) Write(ctx context.Context, f func(Runner) error) error {
	options := &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	if !db.PostgreSQL {
		options = nil
		select {
		case db.turn <- struct{}{}:
			defer func() { <-db.turn }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	tx, err := db.BeginTx(ctx, options)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := f(Runner{db, tx}); err != nil {
		return err
	}
	return tx.Commit()
}

// Exec runs statements that write, each if the one before has changed a row, which {if}
// in it says, and returns what the last one has changed. All have the same arguments.
// On PostgreSQL it is one round trip.
func (db *DB) Exec(ctx context.Context, args []any, statements ...string) (n int64, err error) {
	if db.PostgreSQL {
		text := "WITH s AS (SELECT 1)"
		for i, statement := range statements {
			statement = strings.ReplaceAll(statement, "{if}", fmt.Sprintf("EXISTS (SELECT FROM s%d)", i-1))
			if i < len(statements)-1 {
				statement = fmt.Sprintf(", s%d AS (%s RETURNING 1)", i, statement)
			}
			text += " " + statement
		}
		return db.Read().Exec(ctx, text, args...)
	}
	all := make([]*parsed, len(statements)) // before Write, which may hold the only connection
	for i, statement := range statements {
		if all[i], err = db.parse(ctx, strings.ReplaceAll(statement, "{if}", "true")); err != nil {
			return 0, err
		}
	}
	err = db.Write(ctx, func(r Runner) error {
		for _, p := range all {
			n, err = affected(r.on.(*sql.Tx).StmtContext(ctx, p.Stmt).ExecContext(ctx, args[:p.args]...))
			if err != nil || n == 0 {
				return err
			}
		}
		return nil
	})
	return n, err
}

// Take selects the rows that are due, without those that others are taking, and updates
// them. Due ends in a LIMIT, which is the first argument. Update reads the rows FROM due,
// and returns some. On PostgreSQL it is one round trip.
func (db *DB) Take(ctx context.Context, due, update string, scan func(*sql.Rows) error, args ...any) error {
	statement := "WITH due AS MATERIALIZED (" + due + " {skip}) " + update
	if db.PostgreSQL {
		return db.Read().Query(ctx, scan, statement, args...)
	}
	found := false // usually nothing is due, and then nobody should wait for the lock
	err := db.Read().Query(ctx, func(*sql.Rows) error { found = true; return nil }, due, args[0])
	if err != nil || !found {
		return err
	}
	return db.Write(ctx, func(r Runner) error { return r.Query(ctx, scan, statement, args...) })
}

// parsed is a statement with its number of arguments.
type parsed struct {
	*sql.Stmt
	args int
}

// parse parses a statement once, because on SQLite that takes as long as running it. The
// drivers of PostgreSQL do it themselves, in the way that the pooler before the server needs.
func (db *DB) parse(ctx context.Context, statement string) (*parsed, error) {
	if p, ok := db.parsed.Load(statement); ok {
		return p.(*parsed), nil
	}
	p := &parsed{args: 9} // no statement has more
	for p.args > 0 && !strings.Contains(statement, fmt.Sprint("$", p.args)) {
		p.args--
	}
	var err error
	if p.Stmt, err = db.PrepareContext(ctx, db.text(statement)); err != nil {
		return nil, err
	}
	kept, _ := db.parsed.LoadOrStore(statement, p)
	return kept.(*parsed), nil
}

// One is [Runner.One] for a query that runs often.
func (db *DB) One(ctx context.Context, into []any, query string, arg any) (found bool, err error) {
	if db.PostgreSQL {
		err = db.QueryRowContext(ctx, db.text(query), arg).Scan(into...)
	} else {
		var p *parsed
		if p, err = db.parse(ctx, query); err == nil {
			err = p.QueryRowContext(ctx, arg).Scan(into...)
		}
	}
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
