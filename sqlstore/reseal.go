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

// sealedRow is a row of any table. Where are the columns that its seal is bound to.
type sealedRow struct {
	key    any
	keyID  string
	sealed []byte
	where  []string
}

// reseal seals the rows of a table again, page by page, where they have not changed.
func (s *Store) reseal(ctx context.Context, p purpose, table, key string, after any, where ...string) (n int, bad error) {
	for more := true; more; {
		var rows []*sealedRow
		err := s.read().query(ctx, func(found *sql.Rows) error {
			r := &sealedRow{where: make([]string, len(where))}
			rows = append(rows, r)
			into := []any{&r.key, &r.keyID, &r.sealed}
			for i := range r.where {
				into = append(into, &r.where[i])
			}
			return found.Scan(into...)
		}, "SELECT "+strings.Join(append([]string{key, "key_id", "sealed"}, where...), ", ")+" FROM "+table+
			" WHERE key_id <> $1 AND "+key+" > $2 ORDER BY "+key+" LIMIT $3", s.keys[0].id, after, page)
		if err != nil {
			return n, err
		}
		for _, r := range rows {
			after = r.key
			plain, err := s.keys.open(p, r.keyID, r.sealed, r.where...)
			if err != nil {
				bad = cmp.Or(bad, err)
				continue
			}
			keyID, sealed := s.keys.seal(p, plain, r.where...)
			changed, err := s.exec(ctx, "UPDATE "+table+" SET key_id = $1, sealed = $2 WHERE "+key+" = $3 AND sealed = $4",
				keyID, sealed, r.key, r.sealed)
			if err != nil {
				return n, err
			}
			n += int(changed)
		}
		more = len(rows) == page
	}
	return n, bad
}
