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

// many lets processes race, and prints what went wrong.
func many(t *testing.T, d *engine.Database, processes int) {
	begun := time.Now()
	key, y := newKey(), &tally{lines: map[string]int{}}
	all := race(t, d, key, processes, y)
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
	ends, ended := y.count("end")
	overlaps, _ := y.count("overlap")
	failures, _ := y.count("error")
	failures += strings.Count(logs, "level=WARN") + strings.Count(logs, "level=ERROR")
	result := fmt.Sprintf("winners=%s overlap=%d lost=%d errors=%d", y.winners(), overlaps, expected-ended, failures)
	fmt.Printf("%s, %d processes: %s\n", d.Name, processes, result)
	t.Logf("%s, %d processes: %d events in %s", d.Name, processes, ended, took.Round(time.Millisecond))
	assert.Equal(t, "winners=1 overlap=0 lost=0 errors=0", result, "%s%v", logs, y.lines)
	assert.Equal(t, ended, ends, "no event is handled twice while no process ends")
	together, _ := y.count("together")
	assert.Positive(t, together, "conversations are handled at the same time")
}

// race starts all processes, and waits until they have done what they do at once.
func race(t *testing.T, d *engine.Database, key string, processes int, y *tally) (all []*process) {
	t.Helper()
	dir := t.TempDir()
	socket, _ := newSocket(t)
	for range processes {
		all = append(all, spawn(t, socket, y.read))
	}
	for i, p := range all {
		p.do(t, order{Engine: d.Name, DSN: d.DSN, Keys: []string{key}, Race: &racer{i + 1, processes, dir}})
	}
	for _, p := range all {
		select {
		case <-p.ready:
		case <-p.ended:
			require.FailNow(t, "a process ended", p.log.String())
		}
	}
	return all
}

// winners tells how many processes were the first to use a flow: 1 of each.
func (y *tally) winners() string {
	firsts, flows := y.count("first")
	if firsts == raceFlows && flows == raceFlows {
		return "1"
	}
	return fmt.Sprintf("%d/%d", firsts, flows)
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
