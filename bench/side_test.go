package bench

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/e2e/engine"
	"github.com/sunco-go/sunco/sqlstore"
	"github.com/sunco-go/sunco/suncotest"
)

// side is a Store on a database of its own.
type side struct {
	testing.TB
	*sqlstore.Store
	d     *engine.Database
	db    *sql.DB
	saved []*sunco.Installation // which open

	events [100]sunco.Event // of as many conversations, about 950 bytes each
	next   int              // of events
}

func newSide(tb testing.TB, e engine.Engine) *side {
	d := e.New(tb)
	s := &side{TB: tb, d: d, db: d.Open(tb)}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	var err error
	s.Store, err = sqlstore.New(tb.Context(), s.db, d.Dialect, &sunco.Client{ClientID: "shoplifter"},
		sunco.NewSecret(base64.StdEncoding.EncodeToString(key)))
	s.must(err)
	s.exec("CREATE TABLE peer (id TEXT PRIMARY KEY, body TEXT NOT NULL)")
	for i := range s.events {
		body, err := io.ReadAll(suncotest.NewDelivery(suncotest.Webhook{AppID: appID(0), ID: "hook"}, "",
			suncotest.SampleEvent(sunco.TriggerConversationMessage, i)).Body)
		s.must(err)
		s.must(s.events[i].UnmarshalJSON(body))
	}
	return s
}

func (s *side) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// exec executes a statement, with $1 and so on.
func (s *side) exec(statement string, args ...any) {
	s.Helper()
	_, err := s.db.ExecContext(s.Context(), s.d.Param(statement), args...)
	s.must(err)
}

// numbers is a table of the numbers from $1 to $2 - 1.
const numbers = "WITH RECURSIVE n (i) AS " +
	"(SELECT CAST($1 AS bigint) WHERE $1 < $2 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2) "

// appID returns an app id for each number, in an order of their own.
func appID(i int) string { return fmt.Sprint(uint32(i * 2654435761)) }

// fill saves installations, and then copies one to get more rows. A copy does not open.
// Commits do not wait for the disk from now on.
func (s *side) fill(saved, rows int) *side {
	s.db.SetMaxOpenConns(1)
	s.exec(either(s.d.Engine, "PRAGMA synchronous = OFF", "SET synchronous_commit = off"))
	for i := range saved {
		in := installed(appID(i))
		s.must(s.Save(s.Context(), in))
		s.saved = append(s.saved, in)
	}
	const id = "CAST(i * 2654435761 % 4294967296 AS text)"
	s.exec("INSERT INTO sunco_installations "+numbers+"SELECT "+id+", "+id+", subdomain, legacy_region, key_id, "+
		"sealed, pending, suspect, check_at, token_at, updated_at FROM sunco_installations, n WHERE app_id = $3",
		saved, rows, appID(0))
	s.exec("ANALYZE")
	s.exec(either(s.d.Engine, "PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM sunco_installations"))
	return s
}

// installed returns an installation of an app with a new token and webhook.
func installed(appID string) *sunco.Installation {
	return &sunco.Installation{
		AppID:     appID,
		Subdomain: "acme",
		Token:     sunco.Token{AccessToken: sunco.NewSecret("token-" + rand.Text())},
		Webhooks: []sunco.Webhook{{
			ID: "hook-" + appID, Target: "https://shoplifter.example/events", Version: "v2",
			Triggers: []string{sunco.TriggerConversationMessage, sunco.TriggerUserMerge},
			Secret:   sunco.NewSecret("secret-" + rand.Text()), IncludeFullUser: true,
		}},
	}
}

// event returns a new event in the next conversation.
func (s *side) event() *sunco.Event {
	e := s.events[s.next%len(s.events)]
	e.ID = rand.Text()
	s.next++
	return &e
}

// measure returns what f costs.
func measure(f func()) cost {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := time.Now()
	f()
	took := time.Since(begun)
	runtime.ReadMemStats(&after)
	return cost{float64(took), float64(after.TotalAlloc - before.TotalAlloc), float64(after.Mallocs - before.Mallocs)}
}

// each returns a batch of calls of f, with a number that grows.
func (s *side) each(f func(i int) error) batch {
	next := 0
	return func(n int) cost {
		return measure(func() {
			for range n {
				s.must(f(next))
				next++
			}
		})
	}
}

// insert is the insert of a row of about 600 bytes.
func (s *side) insert() batch {
	statement, body := s.d.Param("INSERT INTO peer (id, body) VALUES ($1, $2)"), strings.Repeat("x", 600)
	return s.each(func(int) error {
		_, err := s.db.ExecContext(s.Context(), statement, rand.Text(), body)
		return err
	})
}

// query reads the row that Get reads.
func (s *side) query() batch {
	query, err := s.db.PrepareContext(s.Context(), s.d.Param("SELECT app_id, generation, subdomain, legacy_region, "+
		"key_id, sealed, pending FROM sunco_installations WHERE app_id = $1"))
	s.must(err)
	return s.each(func(i int) error {
		var id, generation, subdomain, region, keyID, pending string
		var sealed []byte
		return query.QueryRowContext(s.Context(), s.saved[i%len(s.saved)].AppID).
			Scan(&id, &generation, &subdomain, &region, &keyID, &sealed, &pending)
	})
}

// read calls f for the installations in turn, and expects them back.
func (s *side) read(f func(in *sunco.Installation) (*sunco.Installation, error)) batch {
	return s.each(func(i int) error {
		want := s.saved[i%len(s.saved)]
		in, err := f(want)
		if err == nil && (in == nil || in.AppID != want.AppID) {
			s.Fatalf("have %v, want app %s", in, want.AppID)
		}
		return err
	})
}

func (s *side) get() batch {
	return s.read(func(in *sunco.Installation) (*sunco.Installation, error) { return s.Get(s.Context(), in.AppID) })
}

func (s *side) byKey() batch {
	return s.read(func(in *sunco.Installation) (*sunco.Installation, error) {
		return s.ByKey(s.Context(), sha256.Sum256([]byte(in.Webhooks[0].Secret.Reveal())))
	})
}

func (s *side) firstUse() batch {
	return s.each(func(int) error {
		first, err := s.FirstUse(s.Context(), rand.Text())
		if err == nil && !first {
			s.Fatal("not the first use")
		}
		return err
	})
}

// save saves new apps.
func (s *side) save() batch {
	return s.each(func(int) error { return s.Save(s.Context(), installed(rand.Text())) })
}

func (s *side) enqueue() batch {
	return s.each(func(int) error { return s.Enqueue(s.Context(), nil, s.event()) })
}

// job carries an event as River stores it.
type job struct{ *sunco.Event }

// Kind implements river.JobArgs.
func (job) Kind() string { return "event" }

// river inserts events as jobs.
func (s *side) river() batch {
	if s.d.Dialect == sqlstore.SQLite {
		return riverOn(s, riversqlite.New(s.db))
	}
	pool, err := pgxpool.New(s.Context(), s.d.DSN)
	s.must(err)
	s.Cleanup(pool.Close)
	return riverOn(s, riverpgxv5.New(pool))
}

func riverOn[T any](s *side, driver riverdriver.Driver[T]) batch {
	migrator, err := rivermigrate.New(driver, nil)
	s.must(err)
	_, err = migrator.Migrate(s.Context(), rivermigrate.DirectionUp, nil)
	s.must(err)
	client, err := river.NewClient(driver, &river.Config{})
	s.must(err)
	return s.each(func(int) error {
		_, err := client.Insert(s.Context(), job{s.event()}, nil)
		return err
	})
}

// handle enqueues an event and waits until it is with its handler.
func (s *side) handle() batch {
	s.must(s.Save(s.Context(), installed(appID(0))))
	handled := make(chan struct{})
	s.start(8, func() { handled <- struct{}{} })
	return s.each(func(int) error {
		err := s.Enqueue(s.Context(), nil, s.event())
		<-handled
		return err
	})
}

// start runs Work until the test ends.
func (s *side) start(workers int, onEvent func()) {
	ended := make(chan error)
	go func() {
		ended <- s.Work(s.Context(), workers, func(context.Context, *sunco.Installation, *sunco.Event) error {
			onEvent()
			return nil
		})
	}()
	s.Cleanup(func() { s.must(<-ended) })
}

// work lets Work finish an event and take the next one, of another conversation, while as
// many conversations as waiting are due. Those do not get their turn.
func (s *side) work(waiting int) batch {
	lane := "CAST(CAST(i AS text) AS " + either(s.d.Engine, "blob", "bytea") + ")"
	s.exec("INSERT INTO sunco_lanes "+numbers+"SELECT "+lane+", 1, i, '', 0 FROM n", 1, waiting+1)
	s.exec("INSERT INTO sunco_events (lane, app_id, key_id, sealed, received_at) "+numbers+
		"SELECT "+lane+", app_id, key_id, sealed, i FROM sunco_installations, n", 1, waiting+1)
	s.exec("ANALYZE")
	ahead := func(n int) {
		for range n {
			s.must(s.Enqueue(s.Context(), nil, s.event()))
		}
		s.exec("UPDATE sunco_lanes SET run_at = 0 WHERE run_at > $1 AND lease = ''", waiting)
	}
	ahead(1)
	begun, goOn := make(chan struct{}), make(chan struct{})
	s.start(1, func() {
		begun <- struct{}{}
		select {
		case <-goOn:
		case <-s.Context().Done():
		}
	})
	<-begun
	return func(n int) cost {
		ahead(n)
		return measure(func() {
			for range n {
				goOn <- struct{}{}
				<-begun
			}
		})
	}
}
