package partner

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/sqlstore"
)

// StoreHelp describes the variables that OpenStore reads.
const StoreHelp = `
Installations and events are kept in a database. With its own sandbox the program makes
a temporary one. Otherwise it reads these variables:

  DATABASE_URL
        a PostgreSQL database, like postgres://user:password@host/name; any number of
        processes can share it
  SUNCO_STORE_FILE
        without DATABASE_URL, an SQLite file, which the processes of one machine can
        share. The default is a file for each platform, in a directory with the name of
        the program in your configuration directory.
  SUNCO_STORE_KEY
        the key that seals tokens and events, as "openssl rand -base64 32" prints it.
        Required with DATABASE_URL. Without it a key is made and kept beside the SQLite
        file, in a file whose name ends with .key. That protects copies of the SQLite
        file alone.
`

// Store is an open database. Close it at the end.
type Store struct {
	*sqlstore.Store
	db        *sql.DB
	temporary string // directory; empty: none
}

// OpenStore opens the database that the environment names, for the program name. The
// program must import two drivers, which it names as sql.Open does: "sqlite" of
// modernc.org/sqlite, and "pgx" of github.com/jackc/pgx/v5/stdlib.
func OpenStore(ctx context.Context, name string, getenv func(string) string, client *sunco.Client) (*Store, error) {
	s, address, key := &Store{}, getenv("DATABASE_URL"), sunco.NewSecret(getenv("SUNCO_STORE_KEY"))
	driver, dialect := "pgx", sqlstore.PostgreSQL
	if address == "" || getenv("SUNCO_CLIENT_ID") == "" {
		file, err := s.file(name, getenv, client)
		if err == nil {
			key, err = prepareFile(file, key)
		}
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		driver, dialect, address = "sqlite", sqlstore.SQLite, sqliteAddress(file)
	} else if key.IsZero() {
		return nil, errors.New("set SUNCO_STORE_KEY, which DATABASE_URL needs; make one with: openssl rand -base64 32")
	}
	var err error
	if s.db, err = sql.Open(driver, address); err == nil {
		s.Store, err = sqlstore.New(ctx, s.db, dialect, client, key)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close closes the database.
func (s *Store) Close() (err error) {
	if s.db != nil {
		err = s.db.Close()
	}
	if s.temporary != "" {
		err = errors.Join(err, os.RemoveAll(s.temporary))
	}
	return err
}

// file chooses the SQLite file.
func (s *Store) file(name string, getenv func(string) string, client *sunco.Client) (file string, err error) {
	file = getenv("SUNCO_STORE_FILE")
	switch {
	case getenv("SUNCO_CLIENT_ID") == "" && cmp.Or(file, getenv("DATABASE_URL")) != "":
		return "", errors.New("unset DATABASE_URL and SUNCO_STORE_FILE: " +
			"the program's own sandbox forgets everything at the end, and a store must not outlive it")
	case getenv("SUNCO_CLIENT_ID") == "":
		s.temporary, err = os.MkdirTemp("", name+"-")
		return filepath.Join(s.temporary, "store.db"), err
	case file != "":
		return file, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("set SUNCO_STORE_FILE, because there is no default: %w", err)
	}
	return filepath.Join(dir, name, strings.ReplaceAll(client.Domain, ":", "-")+".db"), nil
}

// prepareFile makes the file, which only its owner can read, and returns its key. The
// key is made before the file, so that a file without a key has lost it.
func prepareFile(file string, key sunco.Secret) (sunco.Secret, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return key, err
	}
	if key.IsZero() {
		var err error
		if key, err = fileKey(file); err != nil {
			return key, err
		}
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return key, err
	}
	return key, f.Close()
}

// fileKey returns the key beside a file. Of several processes that make one at the same
// time, all get the same.
func fileKey(file string) (sunco.Secret, error) {
	path, dir := file+".key", filepath.Dir(file)
	_, missing := os.Stat(file) // first, or another process could make both in between
	raw, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return sunco.NewSecret(strings.TrimSpace(string(raw))), err
	}
	if missing == nil {
		return sunco.Secret{}, fmt.Errorf("%s has no key: set SUNCO_STORE_KEY, or put its key into %s", file, path)
	}
	made, err := os.CreateTemp(dir, ".key-*") // mode 0600
	if err != nil {
		return sunco.Secret{}, err
	}
	defer func() { _ = os.Remove(made.Name()) }()
	fresh := make([]byte, 32)
	_, _ = rand.Read(fresh) // never fails
	_, err = made.WriteString(base64.StdEncoding.EncodeToString(fresh) + "\n")
	if err = errors.Join(err, made.Sync(), made.Close()); err != nil {
		return sunco.Secret{}, err
	}
	if err := os.Link(made.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return sunco.Secret{}, err
	}
	if d, err := os.Open(dir); err == nil {
		_, _ = d.Sync(), d.Close() // makes the name last, on systems that can do that
	}
	raw, err = os.ReadFile(path)
	return sunco.NewSecret(strings.TrimSpace(string(raw))), err
}

func sqliteAddress(file string) string {
	if abs, err := filepath.Abs(file); err == nil {
		file = abs
	}
	u := url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(file), "/"),
		RawQuery: "_pragma=busy_timeout(10000)&_pragma=synchronous(FULL)"}
	return u.String()
}

// Run runs until ctx ends: what a store does beside the handlers, and, at the beginning,
// what a new SUNCO_PUBLIC_URL asks of every installation.
func (s *Store) Run(ctx context.Context, client *sunco.Client, webhook *sunco.Webhook,
	onEvent func(context.Context, *sunco.Installation, *sunco.Event) error) {
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { _ = s.Maintain(ctx, webhook) }) // both return nil when ctx ends
	running.Go(func() { _ = s.Work(ctx, 8, onEvent) })
	for in, err := range s.All(ctx) {
		if err == nil {
			err = errors.Join(ensure(ctx, client, webhook, in), s.Update(ctx, in)) // then Maintain looks at it
		}
		if err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "a webhook was not checked", "installation", in, "error", err)
		}
	}
}

// ensure ensures the webhook of an installation. Those that lead to an earlier address
// are moved first, because a customer has room for three.
func ensure(ctx context.Context, client *sunco.Client, webhook *sunco.Webhook, in *sunco.Installation) error {
	for _, hook := range in.Webhooks {
		if hook.Target == webhook.Target {
			continue
		}
		_, err := client.UpdateWebhook(ctx, in, hook.ID, sunco.WebhookUpdate{Target: webhook.Target})
		if err != nil && !errors.Is(err, sunco.ErrNotFound) {
			return err
		}
	}
	hook, err := client.EnsureWebhook(ctx, in, webhook)
	if err == nil {
		in.Webhooks = []sunco.Webhook{*hook}
	}
	return err
}
