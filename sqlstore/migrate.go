package sqlstore

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"
)

// newestSchema is the number of the last file in schema.
const newestSchema = 1

//go:embed schema
var schemaFiles embed.FS

// Schema returns the SQL that [New] runs on an empty database. Run it yourself if the
// program's own role may not create tables.
func Schema(d Dialect) string {
	var all strings.Builder
	for version := 1; version <= newestSchema; version++ {
		all.WriteString(schemaFile(d, version))
	}
	return all.String()
}

func schemaFile(d Dialect, version int) string {
	text, _ := schemaFiles.ReadFile(fmt.Sprintf("schema/%04d.%s.sql", version, strings.ToLower(d.String())))
	return string(text)
}

// schemaVersion returns the version of the tables, 0 if there are none.
func schemaVersion(ctx context.Context, r runner) (version int, err error) {
	exists := "SELECT count(*) FROM sqlite_schema WHERE name = 'sunco_schema'"
	if r.Dialect == PostgreSQL {
		exists = "SELECT count(to_regclass('sunco_schema'))"
	}
	var tables int
	if _, err := r.one(ctx, []any{&tables}, exists); err != nil || tables == 0 {
		return 0, err
	}
	_, err = r.one(ctx, []any{&version}, "SELECT version FROM sunco_schema")
	return version, err
}

// migrate runs the missing files. It takes no lock unless there are any.
func (s *Store) migrate(ctx context.Context) error {
	version, err := schemaVersion(ctx, s.read())
	switch {
	case err != nil:
		return err
	case version > newestSchema:
		return fmt.Errorf("the database has schema %d, and this program knows %d: update the program", version, newestSchema)
	case version == newestSchema:
		return nil
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	begin := "BEGIN IMMEDIATE"
	if s.dialect == PostgreSQL {
		begin = "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(7886497)"
	}
	if _, err := conn.ExecContext(ctx, begin); err != nil {
		return err
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }() // does nothing after COMMIT
	if version, err = schemaVersion(ctx, runner{s.dialect, conn}); err != nil {
		return err
	}
	for ; version < newestSchema; version++ {
		if _, err := conn.ExecContext(ctx, schemaFile(s.dialect, version+1)); err != nil {
			return err
		}
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return err
}

// claim writes down whose database it is, once, and compares.
func (s *Store) claim(ctx context.Context, domain string) error {
	var have [2]string
	for range 2 {
		if _, err := s.read().one(ctx, []any{&have[0], &have[1]}, "SELECT client_id, domain FROM sunco_schema"); err != nil {
			return err
		}
		if have[0] != "" {
			break
		}
		_, err := s.exec(ctx, "UPDATE sunco_schema SET client_id = $1, domain = $2 WHERE client_id = ''",
			s.client.ClientID, domain)
		if err != nil {
			return err
		}
	}
	switch {
	case have[0] != s.client.ClientID:
		return errors.New("the database belongs to another Client.ClientID: use a database of its own for each")
	case have[1] != domain:
		return errors.New("the database belongs to another Client.Domain: use a database of its own for each")
	}
	return nil
}
