package bench

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sunco-go/sunco/e2e/engine"
	"github.com/sunco-go/sunco/sqlstore"
)

var rows = flag.Int("rows", 100_000, "rows in the large table")

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	engine.Close()
	os.Exit(code)
}

// BenchmarkStore prints ratios: the time of a call by that of its peer. Both make a batch
// of calls in each round, and the ratio is the median of all rounds. A goal is the most
// that the ratio should be. The other figures are those of one call.
func BenchmarkStore(b *testing.B) {
	for _, e := range engine.All() {
		b.Run(e.Name, func(b *testing.B) {
			for _, c := range contests(b, e, sizes{small: 1000, large: *rows, waiting: 30_000}) {
				b.Run(c.name, c.run)
			}
		})
	}
}

// TestStore runs each call twice, and each call fails the test if it does not do its work.
func TestStore(t *testing.T) {
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		for _, c := range contests(t, e, sizes{small: 10, large: 100, waiting: 100}) {
			t.Run(c.name, func(*testing.T) {
				c.ours()(2)
				c.peer()(2)
			})
		}
	})
}

// contest is a call and its peer.
type contest struct {
	name       string
	goal       float64 // 0: none
	ours, peer func() batch
}

// sizes are numbers of rows.
type sizes struct{ small, large, waiting int }

// contests are all contests on an engine. What they need is made when they run.
func contests(tb testing.TB, e engine.Engine, n sizes) []contest {
	empty := sync.OnceValue(func() *side { return newSide(tb, e) })
	small := sync.OnceValue(func() *side { return newSide(tb, e).fill(n.small, n.small) })
	ofRows := func(rows int) func() batch {
		return func() batch { return newSide(tb, e).fill(n.small, rows).get() }
	}
	largeGoal := 1.5
	if n.large > 100_000 {
		largeGoal = 2
	}
	on := func(s func() *side, f func(*side) batch) func() batch { return func() batch { return f(s()) } }
	get, insert := on(small, (*side).get), on(empty, (*side).insert)
	work := func(waiting int) func() batch {
		return func() batch { return newSide(tb, e).fill(1, 1).work(waiting) }
	}
	return []contest{
		{"Get per prepared query", 1.3, get, on(small, (*side).query)},
		{"ByKey per Get", 2, on(small, (*side).byKey), get},
		{fmt.Sprintf("Get of %d rows per of %d", n.large, n.small), largeGoal, ofRows(n.large), ofRows(n.small)},
		{"FirstUse per insert", 1.2, on(empty, (*side).firstUse), insert},
		{"Enqueue per insert", either(e, 2, 1.5), on(empty, (*side).enqueue), insert},
		{"Save per insert", either(e, 2.5, 3.5), on(empty, (*side).save), insert},
		{"River per insert", 0, on(empty, (*side).river), insert},
		{fmt.Sprintf("Work with %d waiting per with %d", n.waiting, n.small), 1.5, work(n.waiting), work(n.small)},
		{"Enqueue to handler per insert", 0, func() batch { return newSide(tb, e).handle() }, insert},
	}
}

// either chooses what is for an engine.
func either[T any](e engine.Engine, sqlite, postgresql T) T {
	if e.Dialect == sqlstore.SQLite {
		return sqlite
	}
	return postgresql
}

// batch makes n calls and returns what they cost.
type batch func(n int) cost

// cost is what some calls cost.
type cost struct{ ns, bytes, allocs float64 }

// run compares the two sides of a contest.
func (c *contest) run(b *testing.B) {
	const enough = float64(2 * time.Millisecond) // for a batch
	ours, peer, n := c.ours(), c.peer(), 1
	for ours(n).ns < enough || peer(n).ns < enough {
		n *= 2
	}
	var ratio, ns, bytes, allocs []float64
	for swap := false; b.Loop(); swap = !swap {
		var o, p cost
		if swap {
			p, o = peer(n), ours(n)
		} else {
			o, p = ours(n), peer(n)
		}
		ratio, ns = append(ratio, o.ns/p.ns), append(ns, o.ns)
		bytes, allocs = append(bytes, o.bytes), append(allocs, o.allocs)
	}
	b.ReportMetric(median(ratio), "ratio")
	if c.goal > 0 {
		b.ReportMetric(c.goal, "goal")
	}
	b.ReportMetric(median(ns)/float64(n), "ns/op")
	b.ReportMetric(median(bytes)/float64(n), "B/op")
	b.ReportMetric(median(allocs)/float64(n), "allocs/op")
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
