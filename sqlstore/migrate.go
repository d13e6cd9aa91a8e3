package sqlstore

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"

	"github.com/sunco-go/sunco/internal/sqldb"
)

// newestSchema is the number of the last file in schema.
const newestSchema = 1

//go:embed schema
var schemaFiles embed.FS

// Schema returns the SQL that [New] runs on an empty database. Run it yourself if the
// program's role may not create tables.
func Schema(d Dialect) string {
	var all strings.Builder
	for version := 1; version <= newestSchema; version++ {
		all.WriteString(schemaFile(d, version))
	}
	return all.String()
}

func schemaFile(d Dialect, version int) string {
	name := map[Dialect]string{SQLite: "sqlite", PostgreSQL: "postgresql"}[d]
	text, _ := schemaFiles.ReadFile(fmt.Sprintf("schema/%04d.%s.sql", version, name))
	return string(text)
}

// schemaVersion returns the number of the last file that was run, 0 if none was.
func (s *Store) schemaVersion(ctx context.Context, r sqldb.Runner) (version int, err error) {
	exists := "SELECT count(*) FROM sqlite_schema WHERE name = 'sunco_schema'"
	if s.db.PostgreSQL {
		// Reading a table makes the connection hear of what others have just committed.
		exists = "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('sunco_schema')"
	}
	var tables int
	if _, err = r.One(ctx, []any{&tables}, exists); err == nil && tables > 0 {
		_, err = r.One(ctx, []any{&version}, "SELECT version FROM sunco_schema")
	}
	return version, err
}

// migrate runs the missing files. It takes no lock unless there are any.
func (s *Store) migrate(ctx context.Context) error {
	version, err := s.schemaVersion(ctx, s.db.Read())
	if err != nil || version == newestSchema {
		return err
	}
	if version > newestSchema {
		return fmt.Errorf("the database has schema %d, and this program knows %d: update the program", version, newestSchema)
	}
	lock, d := "CREATE TABLE sunco_lock (x INTEGER); DROP TABLE sunco_lock", SQLite
	if s.db.PostgreSQL {
		lock, d = "SELECT pg_advisory_xact_lock(7886497)", PostgreSQL
	}
	return s.db.Write(ctx, func(r sqldb.Runner) error {
		if _, err := r.Exec(ctx, lock); err != nil {
			return err
		}
		version, err := s.schemaVersion(ctx, r)
		for ; err == nil && version < newestSchema; version++ {
			_, err = r.Exec(ctx, schemaFile(d, version+1))
		}
		return err
	})
}

// claim stores whose database it is, unless that is stored, and compares.
func (s *Store) claim(ctx context.Context) error {
	var haveID, haveDomain string
	_, err := s.db.Read().One(ctx, []any{&haveID, &haveDomain}, "SELECT client_id, domain FROM sunco_schema")
	if err == nil && haveID == "" { // else the database may be open for reading only
		_, err = s.db.Exec(ctx, []any{s.client.ClientID, s.domain},
			"UPDATE sunco_schema SET client_id = $1, domain = $2 WHERE client_id = ''")
		if err == nil {
			return s.claim(ctx) // another process may have been faster
		}
	}
	if err == nil && (haveID != s.client.ClientID || haveDomain != s.domain) {
		return errors.New("the database belongs to another Client.ClientID or Client.Domain: use one database for each")
	}
	return err
}

// checkKeys refuses keys of which none has sealed an installation that is stored.
func (s *Store) checkKeys(ctx context.Context) error {
	var id string
	found, err := s.db.Read().One(ctx, []any{&id}, "SELECT key_id FROM sunco_installations LIMIT 1")
	if err != nil || !found {
		return err
	}
	for _, key := range s.keys.IDs() {
		const sealed = "SELECT key_id FROM sunco_installations WHERE key_id = $1 LIMIT 1"
		found, err := s.db.Read().One(ctx, []any{&id}, sealed, key)
		if err != nil || found {
			return err
		}
	}
	return errors.New("none of the keys opens the installations in the database: " +
		"pass the key that sealed them too, after the new one")
}
