package store_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/e2e/engine"
	"github.com/sunco-go/sunco/sqlstore"
)

// TestNewKeys has keys that cannot be used. The database is not touched.
func TestNewKeys(t *testing.T) {
	good := newKey()
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		for name, keys := range map[string][]string{
			"none":            {},
			"empty":           {""},
			"a password":      {"correct horse battery staple"},
			"31 bytes":        {base64.StdEncoding.EncodeToString(make([]byte, 31))},
			"33 bytes":        {base64.StdEncoding.EncodeToString(make([]byte, 33))},
			"without padding": {strings.TrimRight(good, "=")},
			"the second":      {good, "short"},
		} {
			t.Run(name, func(t *testing.T) {
				d := e.New(t)
				db := d.Open(t)
				_, err := order{Keys: keys}.open(e, db, newClient("localhost:1", ""))
				require.ErrorAs(t, err, new(*sunco.InputError))
				assert.Contains(t, err.Error(), "openssl rand -base64 32")
				if name == "the second" {
					assert.NotContains(t, err.Error(), "short")
				}
				assert.Zero(t, db.Stats().OpenConnections)
			})
		}
	})
}

func TestNewRefuses(t *testing.T) {
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		k := newDesk(t, e.New(t))
		k.save(installed("app"))
		rows := k.rows()
		with := func(client *sunco.Client, d sqlstore.Dialect) error {
			_, err := sqlstore.New(t.Context(), k.db, d, client, k.keys...)
			return err
		}
		assert.ErrorAs(t, with(nil, e.Dialect), new(*sunco.InputError))
		assert.ErrorAs(t, with(&sunco.Client{}, e.Dialect), new(*sunco.InputError))
		assert.ErrorAs(t, with(k.client, 0), new(*sunco.InputError))
		assert.ErrorAs(t, with(newClient("not a domain/", ""), e.Dialect), new(*sunco.InputError))
		assert.ErrorContains(t, with(newClient("example.com", ""), e.Dialect), "Domain")
		other := newClient("localhost:1", "")
		other.ClientID = "other"
		assert.ErrorContains(t, with(other, e.Dialect), "ClientID")
		assert.ErrorContains(t, with(k.client, 3-e.Dialect), "sqlstore", "the other dialect")
		_, err := sqlstore.New(t.Context(), nil, e.Dialect, k.client, k.keys...)
		assert.ErrorAs(t, err, new(*sunco.InputError))
		_, err = newStore(k, sunco.NewSecret(newKey()))
		assert.ErrorContains(t, err, "none of the keys")
		assert.Equal(t, rows, k.rows())
		require.NoError(t, with(newClient("LOCALHOST:1", ""), e.Dialect), "the same domain")
		k.exec("UPDATE sunco_schema SET version = 99")
		assert.ErrorContains(t, with(k.client, e.Dialect), "update the program")
	})
}

// TestNewSettings has settings with which a database can lose what it acknowledged.
func TestNewSettings(t *testing.T) {
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		d := e.New(t)
		bad := map[string]string{
			"modernc": "?_pragma=synchronous(FULL) busy_timeout " +
				"?_pragma=busy_timeout(5000)&_pragma=synchronous(NORMAL) synchronous " +
				"?_pragma=busy_timeout(5000)&_pragma=synchronous(OFF) synchronous",
			"mattn": "?_busy_timeout=0&_synchronous=FULL busy_timeout ?_busy_timeout=5000 synchronous",
			"pgx":   "&synchronous_commit=off synchronous_commit",
		}
		words := strings.Fields(bad[e.Name])
		require.NotEmpty(t, words)
		for i := 0; i < len(words); i += 2 {
			name := *d
			if base, _, isFile := strings.Cut(d.DSN, "?"); isFile && e.Dialect == sqlstore.SQLite {
				name.DSN = base + words[i]
			} else {
				name.DSN += words[i]
			}
			db := name.Open(t)
			_, err := order{Keys: []string{newKey()}}.open(e, db, newClient("localhost:1", ""))
			require.ErrorContains(t, err, words[i+1], words[i])
			if e.Dialect == sqlstore.SQLite {
				assert.ErrorContains(t, err, e.File("sunco.db"), "what works")
			}
		}
		k := newDesk(t, d)
		if e.Dialect == sqlstore.SQLite {
			var mode string
			require.NoError(t, k.db.QueryRowContext(t.Context(), "PRAGMA journal_mode").Scan(&mode))
			assert.Equal(t, "wal", mode)
			memory := &engine.Database{Engine: e, DSN: e.File(":memory:")}
			_, err := order{Keys: []string{newKey()}}.open(e, memory.Open(t), newClient("localhost:1", ""))
			require.ErrorContains(t, err, "journal mode")
		}
	})
}

// TestNewSchema has an operator who makes the tables, and a program that may not.
func TestNewSchema(t *testing.T) {
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		d := e.New(t)
		db := d.Open(t)
		_, err := db.ExecContext(t.Context(), sqlstore.Schema(e.Dialect))
		require.NoError(t, err)
		if e.Dialect == sqlstore.PostgreSQL {
			schema := strings.Split(d.DSN, "search_path=")[1]
			_, err := db.ExecContext(t.Context(), fmt.Sprintf("CREATE ROLE role_%[1]s LOGIN; "+
				"GRANT USAGE ON SCHEMA %[1]s TO role_%[1]s; "+
				"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %[1]s TO role_%[1]s", schema))
			require.NoError(t, err)
			d.DSN = strings.Replace(d.DSN, "sunco@", "role_"+schema+"@", 1)
		}
		k := newDesk(t, d)
		in := k.save(installed("app"))
		k.stored("app", in)
		k.enqueue([2]string{"a", "1"})
		var h handled
		k.work(k.Store, 1, h.onEvent)
		k.empty()
	})
}

// TestNewSchemaMeanwhile makes the tables while New waits to make them.
func TestNewSchemaMeanwhile(t *testing.T) {
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		if e.Dialect != sqlstore.SQLite {
			return // one process waits for another there, see TestMany
		}
		d := e.New(t)
		k := &desk{T: t, d: d, db: d.Open(t)}
		k.exec("PRAGMA journal_mode = WAL")
		k.meanwhile(sqlstore.Schema(e.Dialect), func() error {
			_, err := order{Keys: []string{newKey()}}.open(e, d.Open(t), newClient("localhost:1", ""))
			return err
		})
	})
}

// strange are texts that no id should be, and that must not get anywhere else than where
// they belong.
var strange = []string{
	"\x00", "a\x00b", "'", `"`, "a' OR '1'='1", "~", "~app", "%", "_", "$1", "?1", "{now}", "{if}", "\xff\xfe", "😀",
	strings.Repeat("a", 65), strings.Repeat("x", 100_000), "",
}

func TestIDs(t *testing.T) {
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		k := newDesk(t, e.New(t))
		in := k.save(installed("app"))
		for _, id := range strange {
			if id == "_" { // it is one
				continue
			}
			have, err := k.Get(t.Context(), id)
			require.NoError(t, err, "%q", id)
			assert.Nil(t, have)
			have, err = k.ForRemoval(t.Context(), id)
			require.NoError(t, err)
			assert.Nil(t, have)
			bad := installed(id)
			if id != "" {
				require.ErrorAs(t, k.Save(t.Context(), bad), new(*sunco.InputError), "%q", id)
			}
			bad = installed("bad")
			if bad.Subdomain = id; id != "" {
				err = k.Save(t.Context(), bad)
				require.ErrorAs(t, err, new(*sunco.InputError), "%q", id)
				assert.NotContains(t, err.Error(), bad.Token.AccessToken.Reveal())
			}
		}
		for name, bad := range map[string]*sunco.Installation{
			"nil": nil, "no token": {AppID: "app", Subdomain: "acme"},
			"region": {AppID: "app", Token: in.Token, LegacyRegion: "mars"},
		} {
			for _, method := range []func(context.Context, *sunco.Installation) error{k.Save, k.Update, k.Delete, k.Uninstall} {
				require.ErrorAs(t, method(t.Context(), bad), new(*sunco.InputError), name)
			}
		}
		require.ErrorAs(t, k.Enqueue(t.Context(), in, nil), new(*sunco.InputError))
		require.ErrorAs(t, k.Enqueue(t.Context(), in, &sunco.Event{ID: "made up"}), new(*sunco.InputError))
		require.ErrorAs(t, k.Work(t.Context(), 0, nil), new(*sunco.InputError))
		k.stored("app", in)
		k.strangers()
	})
}

// strangers uses strange texts where any text may come from outside.
func (k *desk) strangers() {
	for i, id := range strange {
		first, err := k.FirstUse(k.Context(), id)
		require.NoError(k, err, "%q", id)
		assert.True(k, first, "%q", id)
		e := message("app", id, fmt.Sprint("strange ", i))
		require.NoError(k, k.Enqueue(k.Context(), nil, e))
		if id != "" {
			e.ID = id
			require.NoError(k, k.Enqueue(k.Context(), nil, e))
			require.NoError(k, k.Enqueue(k.Context(), nil, e))
		}
	}
	assert.EqualValues(k, 2*len(strange)-1, k.number("SELECT count(*) FROM sunco_events"))
	var h handled
	k.work(k.Store, 8, h.onEvent)
	k.empty()
	assert.Len(k, h.list(), 2*len(strange)-1)
}

// methods are those that use the database, on what prepared has made. Each can be called
// again.
var methods = []struct {
	name string
	call func(ctx context.Context, k *desk, in *sunco.Installation) error
}{
	{"New", func(ctx context.Context, k *desk, _ *sunco.Installation) error {
		_, err := sqlstore.New(ctx, k.db, k.d.Dialect, k.client, k.keys...)
		return err
	}},
	{"FirstUse", func(ctx context.Context, k *desk, _ *sunco.Installation) error {
		_, err := k.FirstUse(ctx, "flow")
		return err
	}},
	{"Save of a token", func(ctx context.Context, k *desk, in *sunco.Installation) error {
		return k.Save(ctx, alone(in))
	}},
	{"Save", func(ctx context.Context, k *desk, in *sunco.Installation) error { return k.Save(ctx, in) }},
	{"ByKey", func(ctx context.Context, k *desk, in *sunco.Installation) error {
		_, err := k.ByKey(ctx, digest(in))
		return err
	}},
	{"Enqueue", func(ctx context.Context, k *desk, in *sunco.Installation) error {
		return k.Enqueue(ctx, in, message("app", "talk", "hello"))
	}},
	{"ForRemoval", func(ctx context.Context, k *desk, _ *sunco.Installation) error {
		_, err := k.ForRemoval(ctx, "app")
		return err
	}},
	{"Update", func(ctx context.Context, k *desk, in *sunco.Installation) error { return k.Update(ctx, in) }},
	{"Get", func(ctx context.Context, k *desk, _ *sunco.Installation) error {
		_, err := k.Get(ctx, "app")
		return err
	}},
	{"All", func(ctx context.Context, k *desk, _ *sunco.Installation) (err error) {
		for _, one := range k.All(ctx) {
			err = errors.Join(err, one)
		}
		return err
	}},
	{"Unfinished", func(ctx context.Context, k *desk, _ *sunco.Installation) (err error) {
		for _, one := range k.Unfinished(ctx) {
			err = errors.Join(err, one)
		}
		return err
	}},
	{"Reseal", func(ctx context.Context, k *desk, _ *sunco.Installation) error {
		_, err := k.Reseal(ctx)
		return err
	}},
	{"Dead", func(ctx context.Context, k *desk, _ *sunco.Installation) (err error) {
		for _, one := range k.Dead(ctx) {
			err = errors.Join(err, one)
		}
		return err
	}},
	{"OldestWaiting", func(ctx context.Context, k *desk, _ *sunco.Installation) error {
		_, err := k.OldestWaiting(ctx)
		return err
	}},
	{"Retry", func(ctx context.Context, k *desk, _ *sunco.Installation) error { return ignoreInput(k.Retry(ctx, 1)) }},
	{"Discard", func(ctx context.Context, k *desk, _ *sunco.Installation) error { return ignoreInput(k.Discard(ctx, 2)) }},
	{"Delete", func(ctx context.Context, k *desk, in *sunco.Installation) error { return k.Delete(ctx, in) }},
}

// ignoreInput ignores that an event is not dead any more.
func ignoreInput(err error) error {
	if errors.As(err, new(*sunco.InputError)) {
		return nil
	}
	return err
}

// prepared makes something for each of the methods: an app with an older installation and
// a newer token, two dead events, and the Store of a key change.
func prepared(k *desk) (in *sunco.Installation) {
	k.Helper()
	k.save(installed("app"))
	k.enqueue([2]string{"dead", "dead 1"}, [2]string{"dead", "dead 2"})
	k.exec("UPDATE sunco_events SET dead = 1")
	k.exec("DELETE FROM sunco_lanes")
	in = installed("app")
	require.NoError(k, k.Save(k.Context(), alone(in)))
	k.keys = append([]sunco.Secret{sunco.NewSecret(newKey())}, k.keys...)
	var err error
	k.Store, err = newStore(k, k.keys...)
	require.NoError(k, err)
	k.exec("UPDATE sunco_schema SET client_id = ''") // New stores it again
	return in
}

// TestContext ends the context before each method begins.
func TestContext(t *testing.T) {
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		k := newDesk(t, e.New(t))
		in := prepared(k)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		rows := k.rows()
		for _, method := range methods {
			err := method.call(ctx, k, in)
			assert.ErrorIs(t, err, context.Canceled, method.name)
			assert.NotContains(t, fmt.Sprint(err), in.Token.AccessToken.Reveal())
		}
		assert.ErrorIs(t, k.Uninstall(ctx, in), context.Canceled)
		assert.Equal(t, rows, k.rows())
		require.NoError(t, k.Maintain(ctx, nil))
		require.NoError(t, k.Work(ctx, 1, func(context.Context, *sunco.Installation, *sunco.Event) error { return nil }))
		for _, method := range methods {
			assert.NoError(t, method.call(t.Context(), k, in), method.name)
		}
	})
}

// TestContextDuring ends the context of each method that writes while another process
// holds what it waits for.
func TestContextDuring(t *testing.T) {
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		d := e.New(t)
		// mattn waits to its end, whatever becomes of the context.
		d.DSN = strings.ReplaceAll(d.DSN, "_busy_timeout=10000", "_busy_timeout=500")
		k := newDesk(t, d)
		in := prepared(k)
		rows := k.rows()
		conn, err := k.d.Open(t).Conn(t.Context())
		require.NoError(t, err)
		lock := "BEGIN IMMEDIATE"
		if e.Dialect == sqlstore.PostgreSQL {
			lock = "BEGIN; LOCK sunco_installations, sunco_seen, sunco_events, sunco_lanes, sunco_schema IN EXCLUSIVE MODE"
		}
		_, err = conn.ExecContext(t.Context(), lock)
		require.NoError(t, err)
		for _, method := range methods {
			reads, wait := strings.Contains("ByKey Get All Unfinished Dead OldestWaiting", method.name), 50*time.Millisecond
			if reads { // a new connection takes its time
				wait = 2 * time.Second
			}
			begun := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			err := method.call(ctx, k, in)
			cancel()
			if took := time.Since(begun); took > 2*time.Second {
				t.Errorf("%s took %s", method.name, took)
			}
			if reads {
				assert.NoError(t, err, method.name)
			} else if method.name != "New" {
				assert.Error(t, err, method.name)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		assert.Error(t, k.Uninstall(ctx, in))
		_, err = conn.ExecContext(t.Context(), "ROLLBACK")
		require.NoError(t, err)
		assert.Equal(t, rows, k.rows())
		for _, method := range methods {
			assert.NoError(t, method.call(t.Context(), k, in), method.name)
		}
	})
}

// TestOneConnection has a pool of one connection for everything at once.
func TestOneConnection(t *testing.T) {
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		k := newKept(t, e)
		k.db = k.d.Open(t)
		k.db.SetMaxOpenConns(1)
		var err error
		k.Store, err = newStore(k.desk, k.keys...)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = k.Maintain(ctx, k.webhook) }()
		var h handled
		k.work(k.Store, 8, h.onEvent)
		for n := range 20 {
			require.NoError(t, k.Enqueue(ctx, k.in, message(k.in.AppID, fmt.Sprint(n%5), fmt.Sprint(n))))
			k.save(installed("other"))
			for in, err := range k.All(ctx) {
				require.NoError(t, err)
				require.NoError(t, k.Update(ctx, in)) // while it iterates
			}
		}
		k.empty()
		assert.Len(t, h.list(), 20)
	})
}
