package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"strings"
)

// Reseal seals with the first key of [New] what was sealed with another one, and
// returns the number of rows that it changed. To change the key, start all processes
// with the new key and the old one, call Reseal, and start them with the new key alone.
//
// Several processes may call it at once, and it may be interrupted. Rows that do not
// open stay as they are; the error is then the [*SealError] of the first one.
func (s *Store) Reseal(ctx context.Context) (int, error) {
	n, err := s.reseal(ctx, forInstallation, "sunco_installations", "app_id", "",
		"app_id", "generation", "subdomain", "legacy_region")
	m, err2 := s.reseal(ctx, forEvent, "sunco_events", "seq", 0, "app_id", "lane")
	return n + m, failed("reseal", errors.Join(err, err2))
}

// reseal seals the rows of a table again. Where are the columns that the seal is bound
// to.
func (s *Store) reseal(ctx context.Context, p purpose, table, key string, first any, where ...string) (n int, bad error) {
	type sealedRow struct {
		key    any
		keyID  string
		sealed []byte
		where  []string
	}
	scan := func(rows *sql.Rows) (r sealedRow, key any, err error) {
		r.where = make([]string, len(where))
		into := []any{&r.key, &r.keyID, &r.sealed}
		for i := range r.where {
			into = append(into, &r.where[i])
		}
		err = rows.Scan(into...)
		return r, r.key, err
	}
	columns := strings.Join(append([]string{key, "key_id", "sealed"}, where...), ", ")
	for r, err := range pages(ctx, s.read(), first, scan, "SELECT "+columns+" FROM "+table+
		" WHERE "+key+" > $1 AND key_id <> $2 ORDER BY "+key, s.keys[0].id) {
		if err != nil {
			return n, err
		}
		plain, err := s.keys.open(p, r.keyID, r.sealed, r.where...)
		if err != nil {
			bad = cmp.Or(bad, err)
			continue
		}
		keyID, sealed := s.keys.seal(p, plain, r.where...)
		changed, err := s.exec(ctx, []any{keyID, sealed, r.key, r.sealed},
			"UPDATE "+table+" SET key_id = $1, sealed = $2 WHERE "+key+" = $3 AND sealed = $4")
		if err != nil {
			return n, err
		}
		n += int(changed)
	}
	return n, bad
}
