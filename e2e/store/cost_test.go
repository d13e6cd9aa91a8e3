package store_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/e2e/engine"
	"github.com/sunco-go/sunco/sqlstore"
)

// cost is what one call costs, on average.
type cost struct {
	trips   float64 // to PostgreSQL
	commits float64 // that wait for the disk
	log     float64 // bytes written ahead
}

// meter measures a database that nobody else uses.
type meter struct {
	*desk
	proxy *proxy // nil: SQLite
}

func newMeter(t *testing.T, e engine.Engine) *meter {
	if e.Dialect == sqlstore.SQLite {
		d := e.New(t)
		k := newDesk(t, d)
		k.db = d.Open(t)
		k.db.SetMaxOpenConns(1) // so that the log is never shortened
		k.exec("PRAGMA wal_autocheckpoint = 0")
		var err error
		k.Store, err = newStore(k, k.keys...)
		require.NoError(t, err)
		return &meter{desk: k}
	}
	d := engine.NewServer(t, "autovacuum=off", "checkpoint_timeout=1h", "bgwriter_lru_maxpages=0").New(t)
	p, behind := newProxy(t, d)
	k := newDesk(t, behind)
	k.db = behind.Open(t)
	k.db.SetMaxOpenConns(1)
	var err error
	k.Store, err = newStore(k, k.keys...)
	require.NoError(t, err)
	return &meter{desk: k, proxy: p}
}

// read returns what was spent until now.
func (m *meter) read() (c cost) {
	m.Helper()
	if m.proxy != nil {
		c.trips = float64(m.proxy.count())
		c.commits = float64(m.number("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"))
		c.log = float64(m.number("SELECT pg_current_wal_insert_lsn() - '0/0'"))
		return c
	}
	wal, err := os.ReadFile(strings.TrimPrefix(strings.Split(m.d.DSN, "?")[0], "file:") + "-wal")
	require.NoError(m, err)
	const header, frame, page = 32, 24, 4096
	for at := header; at+frame+page <= len(wal); at += frame + page {
		if binary.BigEndian.Uint32(wal[at+4:]) != 0 {
			c.commits++
		}
	}
	c.log = float64(len(wal))
	return c
}

// measure calls f often and returns what one call costs.
func (m *meter) measure(f func(n int)) cost {
	m.Helper()
	const calls = 200
	for n := range calls { // pages that were not touched since the server began are logged whole
		f(n)
	}
	before := m.read()
	for n := range calls {
		f(calls + n)
	}
	after := m.read()
	idle := 0.0
	if m.proxy != nil {
		idle = 2 // of read itself, after it counted
	}
	return cost{(after.trips - before.trips - idle) / calls, (after.commits - before.commits) / calls,
		(after.log - before.log) / calls}
}

// limits are what calls may cost. Round trips and commits are exact. The bytes of the log
// are those that were measured, and a tenth: SQLite writes whole pages of 4 KiB, those that
// it splits and fills up among them. The trips of New do not matter.
var limits = []struct {
	name               string
	trips              float64
	commits            float64
	sqlite, postgresql float64 // bytes of the log
}{
	{"a row of 600 bytes", 1, 1, 10_700, 870}, // to compare with
	{"Get", 1, 0, 0, 0},
	{"ByKey", 1, 0, 0, 0},
	{"FirstUse", 1, 1, 10_600, 385},
	{"Save of a token", 1, 1, 26_200, 780},
	{"Save", 8, 1, 33_800, 1_140},
	{"Save again", 8, 1, 25_900, 1_120},
	{"Enqueue", 1, 1, 30_900, 1_220},
	{"Enqueue, duplicate", 1, 0, 0, 110},
	{"ForRemoval, again", 1, 0, 0, 0},
	{"Update", 6, 1, 18_100, 1_200},
	{"Delete, nothing", 3, 0, 0, 0},
	{"New", -1, 0, 0, 0},
	{"Work", 4, 2, 34_800, 580}, // the last one, because it renews a lease from now on
}

// TestCost gates what calls cost, which does not depend on how fast the machine is.
func TestCost(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		t.Parallel()
		m := newMeter(t, e)
		m.exec("CREATE TABLE peer (id TEXT PRIMARY KEY, body TEXT NOT NULL)")
		calls := m.calls(m.save(installed("app")))
		for _, limit := range limits {
			have := m.measure(calls[limit.name])
			t.Logf("%-7s %-18s %5.2f trips %5.2f commits %6.0f bytes", e.Name, limit.name, have.trips, have.commits, have.log)
			log := limit.sqlite
			if m.proxy != nil {
				log = limit.postgresql
				if limit.trips >= 0 {
					assert.InDelta(t, limit.trips, have.trips, 0.05, "%s: round trips", limit.name)
				}
			}
			if limit.commits > 0 || m.proxy == nil { // what changes nothing can lock a row there
				assert.InDelta(t, limit.commits, have.commits, 0.05, "%s: commits", limit.name)
			}
			assert.LessOrEqual(t, have.log, log, "%s: bytes of the log", limit.name)
		}
	})
}

// calls are what the limits are for.
func (m *meter) calls(in *sunco.Installation) map[string]func(n int) {
	ctx := m.Context()
	must := func(err error) { require.NoError(m, err) }
	return map[string]func(n int){
		"a row of 600 bytes": func(n int) {
			m.exec("INSERT INTO peer (id, body) VALUES ($1, $2)", fmt.Sprint("id ", n*7919%10007), strings.Repeat("x", 600))
		},
		"Get":                func(int) { _, err := m.Get(ctx, "app"); must(err) },
		"ByKey":              func(int) { _, err := m.ByKey(ctx, digest(in)); must(err) },
		"FirstUse":           func(n int) { _, err := m.FirstUse(ctx, fmt.Sprint("flow ", n)); must(err) },
		"Save of a token":    func(int) { must(m.Save(ctx, alone(installed("")))) },
		"Save":               func(n int) { must(m.Save(ctx, installed(fmt.Sprint("app", n)))) },
		"Save again":         func(int) { must(m.Save(ctx, in)) },
		"Enqueue":            func(n int) { must(m.Enqueue(ctx, in, sample(n, 50))) },
		"Enqueue, duplicate": func(int) { must(m.Enqueue(ctx, in, sample(1, 50))) },
		"ForRemoval, again":  func(int) { _, err := m.ForRemoval(ctx, "app"); must(err) },
		"Update":             func(int) { must(m.Update(ctx, in)) },
		"Delete, nothing":    func(int) { must(m.Delete(ctx, installed("none"))) },
		"New":                func(int) { _, err := newStore(m.desk, m.keys...); must(err) },
		"Work":               m.handleOne(),
	}
}

// handleOne returns a function that lets Work handle the next event. All of them are in
// conversations of their own.
func (m *meter) handleOne() func(int) {
	begun, goOn, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	onEvent := func(*sunco.Event) error {
		select {
		case begun <- struct{}{}:
			<-goOn
		case <-over:
		}
		return nil
	}
	started := false
	return func(int) {
		if !started {
			started = true
			m.exec("DELETE FROM sunco_lanes")
			m.exec("DELETE FROM sunco_events")
			for n := range 1000 {
				require.NoError(m, m.Enqueue(m.Context(), nil, sample(10_000+n, 2000)))
			}
			m.work(m.Store, 1, onEvent)
			m.Cleanup(func() {
				close(over)
				close(goOn)
			})
			<-begun
		}
		goOn <- struct{}{}
		<-begun
	}
}

// sample is a message in one of some conversations.
func sample(n, conversations int) *sunco.Event {
	return message("app", fmt.Sprint("talk ", n%conversations), fmt.Sprint("message ", n))
}
