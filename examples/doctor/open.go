package main

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/doctor"
	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/sqlstore"
)

// openStore returns a checkup of the partner that the environment names.
func openStore(ctx context.Context, s partner.Settings, getenv func(string) string) (*doctor.Checkup, func(), error) {
	address, file := getenv("DATABASE_URL"), getenv("SUNCO_STORE_FILE")
	if (address == "") == (file == "") || getenv("SUNCO_STORE_KEY") == "" {
		return nil, nil, errors.New("set SUNCO_STORE_KEY, and either DATABASE_URL or SUNCO_STORE_FILE; -h explains them")
	}
	var keys []sunco.Secret
	for key := range strings.FieldsSeq(getenv("SUNCO_STORE_KEY")) {
		keys = append(keys, sunco.NewSecret(key))
	}
	client := s.Client("")
	if file != "" {
		return newCheckup(ctx, client, sqlstore.SQLite, openSQLite(file, "ro"), keys...)
	}
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, nil, errors.New("DATABASE_URL must be like postgres://user:password@host/database")
	}
	config.RuntimeParams["default_transaction_read_only"] = "on"
	return newCheckup(ctx, client, sqlstore.PostgreSQL, stdlib.OpenDB(*config), keys...)
}

// newCheckup returns a checkup of the customers in a database, and what ends it.
func newCheckup(ctx context.Context, client *sunco.Client, dialect sqlstore.Dialect, db *sql.DB, keys ...sunco.Secret) (
	*doctor.Checkup, func(), error) {
	end := func() {
		client.CloseIdleConnections()
		_ = db.Close()
	}
	store, err := sqlstore.New(ctx, db, dialect, client, keys...)
	if err != nil {
		end()
		return nil, nil, err
	}
	return &doctor.Checkup{Client: client, Store: store}, end, nil
}

// openSQLite opens a file in a mode: ro to read it, rwc to make it.
func openSQLite(file, mode string) *sql.DB {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(),
		RawQuery: "mode=" + mode + "&_pragma=busy_timeout(10000)"}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		panic(err) // the driver is there
	}
	return db
}
