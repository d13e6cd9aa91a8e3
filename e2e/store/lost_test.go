package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/e2e/engine"
)

// states are what the tables say, but for times and what is sealed with random numbers.
var states = []string{
	"SELECT app_id, generation, subdomain, pending FROM sunco_installations ORDER BY 1",
	"SELECT app_id, digest FROM sunco_webhook_keys ORDER BY 2",
	"SELECT id FROM sunco_seen ORDER BY 1",
	"SELECT lane, waiting FROM sunco_lanes ORDER BY 1",
	"SELECT lane, dead FROM sunco_events ORDER BY 1, 2",
}

func (k *desk) state() string {
	k.Helper()
	all := ""
	for _, query := range states {
		all += k.table(query) + "\n"
	}
	return all
}

// keep copies all tables, and restore puts the copies back.
func (k *desk) keep() (restore func()) {
	k.Helper()
	for _, table := range tables() {
		k.exec("CREATE TABLE kept_" + table + " AS SELECT * FROM " + table)
	}
	return func() {
		for _, table := range tables() {
			k.exec("DELETE FROM " + table)
			k.exec("INSERT INTO " + table + " OVERRIDING SYSTEM VALUE SELECT * FROM kept_" + table)
		}
	}
}

// TestLost loses the connection to PostgreSQL at each round trip of each method: before
// the statement arrives, and after the server has executed it. What the method does has
// then been done or not, and can be done again.
func TestLost(t *testing.T) {
	direct := postgresql().New(t)
	p, behind := newProxy(t, direct)
	k := newDesk(t, direct)
	in := prepared(k)
	restore := k.keep()
	k.client = newClient("localhost:1", "")
	far := &desk{T: t, d: behind, db: behind.Open(t), client: k.client, keys: k.keys}
	far.db.SetMaxOpenConns(1)
	var err error
	far.Store, err = newStore(far, k.keys...)
	require.NoError(t, err)
	for _, method := range methods {
		restore()
		before := k.state()
		require.NoError(t, method.call(t.Context(), far, in), method.name)
		after := k.state()
		lost := 0
		for _, done := range []bool{false, true} {
			for n := 1; ; n++ {
				where := fmt.Sprintf("%s: trip %d, done: %t", method.name, n, done)
				restore()
				p.next(n, done)
				err := method.call(t.Context(), far, in)
				if !p.lost() {
					require.NoError(t, err, where)
					break
				}
				lost++
				state := k.state()
				require.Contains(t, []string{before, after}, state, where)
				if err == nil { // tried again by database/sql, which knew that it was not sent
					require.Equal(t, after, state, where)
				}
				require.NoError(t, method.call(t.Context(), far, in), where)
				require.Equal(t, after, k.state(), where)
			}
		}
		t.Logf("%s: %d connections lost", method.name, lost)
		assert.Positive(t, lost)
	}
}

// postgresql is the engine of that name.
func postgresql() engine.Engine {
	all := engine.All()
	return all[len(all)-1]
}

// TestLostWork loses the connection at each round trip of Work.
func TestLostWork(t *testing.T) {
	t.Parallel()
	postgresql().New(t) // or the test is skipped
	for n := 1; n <= 10; n++ {
		for _, done := range []bool{false, true} {
			t.Run(fmt.Sprintf("trip %d, done %t", n, done), func(t *testing.T) {
				t.Parallel()
				direct := postgresql().New(t)
				p, behind := newProxy(t, direct)
				k := newDesk(t, direct)
				k.save(installed("app"))
				k.enqueue([2]string{"a", "1"}, [2]string{"a", "2"}, [2]string{"b", "3"})
				far := &desk{T: t, d: behind, db: behind.Open(t), client: k.client, keys: k.keys, log: k.log}
				far.Store = far.another()
				p.next(n, done)
				var h handled
				k.work(far.Store, 1, h.onEvent)
				require.Eventually(t, func() bool {
					k.pass(time.Minute) // the lease ends
					return k.number("SELECT count(*) FROM sunco_lanes") == 0
				}, 30*time.Second, 500*time.Millisecond)
				assert.True(t, p.lost())
				assert.Subset(t, h.list(), []string{"1", "2", "3"})
				assert.Zero(t, k.number("SELECT count(*) FROM sunco_events"))
				order := strings.ReplaceAll(strings.Join(h.list(), ""), "3", "")
				assert.Regexp(t, "^1+2+$", order)
			})
		}
	}
}

// TestLostMaintain loses the connection at each round trip of Maintain, which completes an
// installation. Another process goes on.
func TestLostMaintain(t *testing.T) {
	t.Parallel()
	postgresql().New(t) // or the test is skipped
	for _, done := range []bool{false, true} {
		t.Run(fmt.Sprintf("done %t", done), func(t *testing.T) {
			t.Parallel()
			k := newKept(t, postgresql())
			p, behind := newProxy(t, k.d)
			far := &desk{T: t, d: behind, client: k.client, keys: k.keys, log: k.log}
			n := 1
			for ; k.completes(far, p, n, done); n++ {
			}
			t.Logf("%d connections lost", n-1)
			assert.Greater(t, n, 12)
		})
	}
}

// completes saves a token, whose installation far completes until trip n is lost. It
// reports whether that was lost.
func (k *kept) completes(far *desk, p *proxy, n int, done bool) (lost bool) {
	k.Helper()
	token := k.platform.install(k, k.client, "acme")
	require.NoError(k, k.Save(k.Context(), token))
	const due = "UPDATE sunco_installations SET check_at = 1 WHERE pending = 'install'"
	k.exec(due)
	store := far.another()
	ctx, cancel := context.WithCancel(k.Context())
	ended, begun := make(chan error), p.count()
	p.next(n, done)
	go func() { ended <- store.Maintain(ctx, k.webhook) }()
	require.Eventually(k, func() bool { return p.count() >= begun+n || len(k.unfinished()) == 0 },
		20*time.Second, time.Millisecond)
	time.Sleep(50 * time.Millisecond) // it may put off what it lost
	cancel()
	require.NoError(k, <-ended)
	k.exec(due)
	k.maintain(k.webhook)
	have, err := k.Get(k.Context(), k.in.AppID)
	require.NoError(k, err)
	require.Equal(k, token.Generation(), have.Generation(), "trip %d", n)
	k.stored(k.in.AppID, have)
	require.Empty(k, k.unfinished())
	return p.lost()
}

// TestLostLease holds up the renewal of a lease. Its onEvent is told.
func TestLostLease(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	t.Parallel()
	direct := postgresql().New(t)
	p, behind := newProxy(t, direct)
	k := newDesk(t, direct)
	k.save(installed("app"))
	k.enqueue([2]string{"a", "1"})
	far := &desk{T: t, d: behind, db: behind.Open(t), client: k.client, keys: k.keys, log: k.log}
	far.Store = far.another()
	begun, told := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go func() {
		_ = far.Work(ctx, 1, func(ctx context.Context, _ *sunco.Installation, _ *sunco.Event) error {
			close(begun)
			<-ctx.Done()
			close(told)
			return nil
		})
	}()
	<-begun
	p.close()
	select {
	case <-told:
	case <-time.After(time.Minute):
		t.Error("the lease is over, and its onEvent was not told")
	}
}
