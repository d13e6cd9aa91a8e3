package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/internal/seal"
	"github.com/sunco-go/sunco/internal/sqldb"
)

// What is sealed. Each has a key of its own.
const (
	forInstallation = "installation"
	forEvent        = "event"
)

// SealError says that a stored row does not open.
type SealError struct {
	AppID string // of the row; "~" and the generation if the installation is unfinished
	KeyID string // of the key that sealed it, as in the table's column key_id
	NoKey bool   // New was called without that key
}

// Error implements error.
func (e *SealError) Error() string {
	reason := "it was changed, or moved from another row"
	if e.NoKey {
		reason = "New was called without the key that sealed it; pass it too"
	}
	return fmt.Sprintf("sqlstore: a row of app %q, sealed with key %q, does not open: %s", e.AppID, e.KeyID, reason)
}

// newRing checks the keys.
func newRing(keys []sunco.Secret) (seal.Ring, error) {
	var encoded []string
	for _, k := range keys {
		encoded = append(encoded, k.Reveal())
	}
	ring, err := seal.NewRing(encoded, forInstallation, forEvent)
	if err != nil || len(ring) == 0 {
		return nil, &sunco.InputError{Name: "store key",
			Reason: "missing, or not the base64 of 32 bytes; make one with: openssl rand -base64 32"}
	}
	return ring, nil
}

// unseal opens what is sealed in a row. Where names the row, its app id first.
func (s *Store) unseal(purpose, keyID string, sealed []byte, where ...string) ([]byte, error) {
	plain, ok := s.keys.Open(purpose, keyID, sealed, where...)
	if !ok {
		return nil, &SealError{AppID: where[0], KeyID: keyID, NoKey: !slices.Contains(s.keys.IDs(), keyID)}
	}
	return plain, nil
}

// encodeSecrets encodes what is sealed of an installation.
func encodeSecrets(in *sunco.Installation) []byte {
	plain := seal.AppendTexts(nil, in.Token.AccessToken.Reveal())
	for i := range in.Webhooks {
		w := &in.Webhooks[i]
		plain = seal.AppendTexts(plain, w.ID, w.Version, w.Target, w.Secret.Reveal(),
			strconv.FormatBool(w.IncludeFullUser), strconv.FormatBool(w.IncludeFullSource), strconv.Itoa(len(w.Triggers)))
		plain = seal.AppendTexts(plain, w.Triggers...)
	}
	return plain
}

// decodeSecrets reads what encodeSecrets has written; nothing else can have been sealed.
func decodeSecrets(plain []byte, into *sunco.Installation) {
	left := seal.Texts(plain)
	into.Token = sunco.Token{AccessToken: sunco.NewSecret(left.Next())}
	for left != "" {
		w := sunco.Webhook{ID: left.Next(), Version: left.Next(), Target: left.Next(), Secret: sunco.NewSecret(left.Next()),
			IncludeFullUser: left.Next() == "true", IncludeFullSource: left.Next() == "true"}
		count, _ := strconv.Atoi(left.Next())
		for range count {
			w.Triggers = append(w.Triggers, left.Next())
		}
		into.Webhooks = append(into.Webhooks, w)
	}
}

// Reseal seals with the first key of [New] what was sealed with another one, and
// returns the number of rows that it changed. To change the key, start all processes
// with the old key and the new one, then with the new one first; call Reseal; and start
// them with the new key alone. Several processes may call Reseal at once, and it may be
// interrupted. Rows that do not open stay as they are; the error is the first
// [*SealError].
func (s *Store) Reseal(ctx context.Context) (int, error) {
	n, err := s.reseal(ctx, forInstallation, "sunco_installations", "app_id", "",
		"app_id", "generation", "subdomain", "legacy_region")
	m, err2 := s.reseal(ctx, forEvent, "sunco_events", "seq", 0, "app_id", "lane")
	return n + m, failed("reseal", errors.Join(err, err2))
}

// reseal seals the rows of a table again. Their seals are bound to the columns where.
func (s *Store) reseal(ctx context.Context, purpose, table, key string, first any, where ...string,
) (n int, bad error) {
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
	for r, err := range sqldb.Pages(ctx, s.db, first, scan, "SELECT "+columns+" FROM "+table+
		" WHERE "+key+" > $1 AND key_id <> $2 ORDER BY "+key, s.keys.IDs()[0]) {
		if err != nil {
			return n, err
		}
		plain, err := s.unseal(purpose, r.keyID, r.sealed, r.where...)
		if err != nil {
			bad = cmp.Or(bad, err)
			continue
		}
		keyID, sealed := s.keys.Seal(purpose, plain, r.where...)
		changed, err := s.db.Exec(ctx, []any{keyID, sealed, r.key, r.sealed},
			"UPDATE "+table+" SET key_id = $1, sealed = $2 WHERE "+key+" = $3 AND sealed = $4")
		if err != nil {
			return n, err
		}
		n += int(changed)
	}
	return n, bad
}
