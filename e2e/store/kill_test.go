package store_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/e2e/engine"
)

// TestKill kills a partner's program again and again while customers install, remove,
// install again and write, and compares what it acknowledged with what the next one has.
func TestKill(t *testing.T) {
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		k := newTrial(t, e.New(t))
		k.start(*cycles, func(p *process) { p.kill() })
		k.finish()
	})
}

// TestKillServer kills the PostgreSQL server instead. The program is killed only to let
// time pass.
func TestKillServer(t *testing.T) {
	server := engine.NewServer(t)
	k := newTrial(t, server.New(t))
	k.start(max(3, *cycles/100), func(p *process) {
		for range 2 {
			server.Kill()
			require.NoError(t, server.Start())
			time.Sleep(time.Second)
		}
		p.kill()
	})
	k.finish()
}

// trial is one run of TestKill on one engine.
type trial struct {
	t        *testing.T
	d        *engine.Database
	platform *platform
	socket   *os.File
	base     string
	keys     []string
	over     chan struct{}
	traffic  sync.WaitGroup
	next     *process // waits for its order
	handled  int      // processes
	fails    int      // one of so many events; 0: none

	mu        sync.Mutex
	customers []*customer
	streams   map[string]*stream
	flows     map[string]bool // that were first
	kept      map[string]bool // generations, acknowledged by the first Save
	complete  map[string]bool // and by the second
	count     struct{ lost, twice, deleted, disorder, events, again, flows, wrong int }
}

func newTrial(t *testing.T, d *engine.Database) *trial {
	k := &trial{t: t, d: d, keys: []string{newKey(), newKey()}, over: make(chan struct{}), fails: 100,
		streams: map[string]*stream{}, flows: map[string]bool{}, kept: map[string]bool{}, complete: map[string]bool{}}
	k.socket, k.base = newSocket(t)
	names := []string{"stable-a", "stable-b", "wild-a", "wild-b", "wild-c"}
	k.platform = newPlatform(t, k.base, names...)
	for _, name := range names {
		k.customers = append(k.customers, &customer{trial: k, name: name, appID: k.platform.appOf(name)})
	}
	k.next = spawn(t, k.socket, k.read)
	return k
}

// start begins the traffic, and strikes so many processes.
func (k *trial) start(cycles int, strike func(*process)) {
	begun := time.Now()
	for i, c := range k.customers {
		if i < 2 {
			for n := range 2 {
				s := &stream{customer: c, name: fmt.Sprintf("%s-%d", c.name, n)}
				k.streams[s.name] = s
				k.traffic.Go(s.run)
			}
		}
		k.traffic.Go(c.run)
	}
	k.traffic.Go(k.runFlows)
	for range cycles {
		p := k.proceed(time.Duration(rand.N(4)/3) * time.Hour)
		if rand.N(10) > 0 {
			k.await(p)
		}
		time.Sleep(5*time.Millisecond + rand.N(75*time.Millisecond))
		strike(p)
	}
	k.t.Logf("%s: %d cycles in %s", k.d.Name, cycles, time.Since(begun).Round(time.Millisecond))
}

// proceed lets the next process work, after a time in which none did.
func (k *trial) proceed(passed time.Duration) *process {
	p, keys := k.next, k.keys
	k.handled++
	if k.handled/5%2 == 1 {
		keys = []string{k.keys[1], k.keys[0]}
	}
	k.next = spawn(k.t, k.socket, k.read)
	p.do(k.t, order{
		Engine: k.d.Name, DSN: k.d.DSN, Keys: keys, Domain: k.platform.domain, URL: k.base,
		Passed: passed, Reseal: k.handled%5 == 0, Fails: k.fails, Answer: time.Millisecond,
	})
	return p
}

// await waits until a process serves.
func (k *trial) await(p *process) {
	k.t.Helper()
	select {
	case <-p.ready:
		return
	case <-p.ended:
	case <-time.After(30 * time.Second):
	}
	require.FailNow(k.t, "a process did not start", p.log.String())
}

// finish ends the traffic, lets a last process do what is left, and prints what was lost.
func (k *trial) finish() {
	close(k.over)
	k.fails = 0 // each costs its conversation a second, and thousands can be waiting
	p := k.proceed(48 * time.Hour)
	k.await(p)
	k.traffic.Wait()
	p.kill()
	p = k.proceed(48 * time.Hour)
	k.await(p)
	var n struct{ Lanes, Pending, Due, Wrong int }
	settled, least := false, math.MaxInt
	for progress := time.Now(); !settled && time.Since(progress) < time.Minute; time.Sleep(50 * time.Millisecond) {
		if !k.ask("left", "", &n) {
			continue
		}
		left := n.Lanes + n.Pending + n.Due
		settled = left == 0
		if left < least { // Maintain looks at ten a second, and a busy machine leaves hundreds
			least, progress = left, time.Now()
		}
	}
	assert.True(k.t, settled, "what is left is not handled")
	k.count.wrong = n.Wrong
	for _, c := range k.customers {
		c.check(k.kept)
	}
	for _, s := range k.streams {
		k.count.lost += max(0, s.acknowledged-s.ended) // the last one may have got no answer
	}
	p.kill()
	integrity := "ok"
	if err := k.d.Integrity(k.t.Context(), k.d.Open(k.t)); err != nil {
		integrity = err.Error()
	}
	c := k.count
	result := fmt.Sprintf("lost=%d twice-exchanged=%d newer-deleted=%d disorder=%d integrity=%s",
		c.lost, c.twice+k.platform.exchangedTwice(), c.deleted, c.disorder, integrity)
	k.t.Logf("%s: %d flows, %d tokens, %d events, of which %d began twice",
		k.d.Name, c.flows, len(k.kept), c.events, c.again)
	fmt.Printf("%s: %s\n", k.d.Name, result)
	assert.Equal(k.t, "lost=0 twice-exchanged=0 newer-deleted=0 disorder=0 integrity=ok", result)
	assert.Zero(k.t, c.wrong, "rows that contradict each other")
	if !settled {
		k.t.Log(n, p.log.String())
	}
}

// read reads a line that a process reported.
func (k *trial) read(line string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	words := strings.Fields(line)
	switch words[0] {
	case "first":
		if k.flows[words[1]] {
			k.count.twice++
		}
		k.flows[words[1]] = true
		k.count.flows++
	case "token":
		k.kept[words[1]] = true
	case "saved":
		k.kept[words[1]], k.complete[words[1]] = true, true
	case "begin", "end":
		var n int
		_, _ = fmt.Sscan(words[2], &n)
		k.streams[words[1]].handles(words[0] == "begin", n)
	case "failed":
		k.t.Error(line)
	}
}
