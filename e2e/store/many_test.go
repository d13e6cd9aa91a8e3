package store_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/e2e/engine"
	"github.com/sunco-go/sunco/sqlstore"
)

// TestMany starts several processes at once on an empty database.
func TestMany(t *testing.T) {
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		counts := []int{8}
		if e.Dialect == sqlstore.PostgreSQL {
			counts = []int{3, 8}
		}
		for _, processes := range counts {
			t.Run(fmt.Sprint(processes), func(t *testing.T) { many(t, e.New(t), processes) })
		}
	})
}

// tally is what the processes of a race report.
type tally struct {
	mu    sync.Mutex
	lines map[string]int
}

// count returns how many lines begin with a word, and how many different ones do.
func (y *tally) count(word string) (all, different int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for line, n := range y.lines {
		if first, _, _ := strings.Cut(line, " "); first == word {
			all += n
			different++
		}
	}
	return all, different
}

func (y *tally) read(line string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.lines[line]++
}

func many(t *testing.T, d *engine.Database, processes int) {
	begun := time.Now()
	key, dir := newKey(), t.TempDir()
	socket, _ := newSocket(t)
	y := &tally{lines: map[string]int{}}
	var all []*process
	for range processes {
		all = append(all, spawn(t, socket, y.read))
	}
	for i, p := range all {
		p.do(t, order{Engine: d.Name, DSN: d.DSN, Keys: []string{key}, Race: &race{i + 1, processes, dir}})
	}
	for _, p := range all {
		select {
		case <-p.ready:
		case <-p.ended:
			require.FailNow(t, "a process ended", p.log.String())
		}
	}
	expected := raceConversations * raceMessages * (processes + 1)
	assert.Eventually(t, func() bool {
		_, ended := y.count("end")
		return ended == expected
	}, time.Minute, 10*time.Millisecond)
	took := time.Since(begun)
	k := &desk{T: t, d: d, db: d.Open(t)}
	k.tokens(key, processes)
	for _, p := range all {
		require.NoError(t, p.stdin.Close())
	}
	require.Eventually(t, func() bool {
		over, _ := y.count("over")
		return over == processes
	}, time.Minute, 10*time.Millisecond)
	logs := ""
	for _, p := range all {
		p.kill()
		logs += p.log.String()
	}
	for n := range raceApps {
		app := fmt.Sprint("race", n)
		k.stored(app, raceToken(app, processes))
	}
	assert.Empty(t, k.unfinished())
	firsts, flows := y.count("first")
	ends, ended := y.count("end")
	overlaps, _ := y.count("overlap")
	failures, _ := y.count("error")
	together, _ := y.count("together")
	winners := fmt.Sprintf("%d/%d", firsts, flows)
	if firsts == raceFlows && flows == raceFlows {
		winners = "1"
	}
	result := fmt.Sprintf("winners=%s overlap=%d lost=%d errors=%d", winners, overlaps, expected-ended,
		failures+strings.Count(logs, "level=WARN")+strings.Count(logs, "level=ERROR"))
	fmt.Printf("%s, %d processes: %s\n", d.Name, processes, result)
	t.Logf("%s, %d processes: %d flows and %d events in %s", d.Name, processes, flows, ended, took.Round(time.Millisecond))
	assert.Equal(t, "winners=1 overlap=0 lost=0 errors=0", result, "%s%v", logs, y.lines)
	assert.Equal(t, ended, ends, "no event is handled twice while no process ends")
	assert.Positive(t, together, "conversations are handled at the same time")
}

// tokens saves a token of each process for each app, one after the other.
func (k *desk) tokens(key string, processes int) {
	k.client = newClient("localhost:1", "")
	var err error
	k.Store, err = order{Keys: []string{key}}.open(k.d.Engine, k.db, k.client)
	require.NoError(k, err)
	for process := range processes {
		for n := range raceApps {
			require.NoError(k, k.Save(k.Context(), alone(raceToken(fmt.Sprint("race", n), process+1))))
		}
	}
}
