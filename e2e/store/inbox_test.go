package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/e2e/engine"
	"github.com/sunco-go/sunco/suncotest"
)

// enqueue stores messages of the app "app", each a conversation and a text.
func (k *desk) enqueue(messages ...[2]string) {
	k.Helper()
	for _, m := range messages {
		require.NoError(k, k.Enqueue(k.Context(), nil, message("app", m[0], m[1])))
	}
}

// handled collects what onEvent got.
type handled struct {
	mu  sync.Mutex
	ids []string
}

func (h *handled) onEvent(e *sunco.Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ids = append(h.ids, e.ID)
	return nil
}

func (h *handled) list() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.ids)
}

// empty waits until no conversation waits.
func (k *desk) empty() {
	k.Helper()
	require.Eventually(k, func() bool {
		return k.number("SELECT count(*) FROM sunco_lanes") == 0
	}, time.Minute, 5*time.Millisecond, "what waits is handled")
	n, err := left(k.Context(), k.db)
	require.NoError(k, err)
	assert.Zero(k, n.Wrong)
}

// inboxSteps are what can happen to events.
var inboxSteps = []struct {
	name string
	test func(k *desk)
}{
	{"in order, byte for byte, once", func(k *desk) {
		e := eventOf("app", suncotest.Event{Trigger: "conversation:message", Payload: json.RawMessage(
			`{"conversation":{"id":"talk"},"half":"\ud83d <an emoji>","twice":1,"twice":2}`)})
		require.NoError(k, k.Enqueue(k.Context(), nil, e))
		for range 2 { // two deliveries with the same events
			for n := range 20 {
				k.enqueue([2]string{"talk", fmt.Sprint("message ", n)})
			}
		}
		require.NoError(k, k.Enqueue(k.Context(), nil, e))
		events := make(chan *sunco.Event, 100)
		k.work(k.Store, 8, func(e *sunco.Event) error { events <- e; return nil })
		k.empty()
		close(events)
		n := 0
		for have := range events {
			if n == 0 {
				assert.Equal(k, e.Raw(), have.Raw())
				assert.Equal(k, e, have)
			} else {
				assert.Equal(k, fmt.Sprint("message ", n-1), have.ID)
			}
			n++
		}
		assert.Equal(k, 21, n)
	}},
	{"the same id in two apps", func(k *desk) {
		k.save(installed("other"))
		require.NoError(k, k.Enqueue(k.Context(), nil, message("app", "talk", "same")))
		require.NoError(k, k.Enqueue(k.Context(), nil, message("other", "talk", "same")))
		var h handled
		k.work(k.Store, 1, h.onEvent)
		k.empty()
		assert.Len(k, h.list(), 2)
	}},
	{"without an id", func(k *desk) {
		for range 2 {
			e := message("app", "talk", "any")
			e.ID = ""
			require.NoError(k, k.Enqueue(k.Context(), nil, e))
		}
		assert.EqualValues(k, 2, k.number("SELECT count(*) FROM sunco_events"))
	}},
	{"two hours later", func(k *desk) {
		k.enqueue([2]string{"talk", "a"})
		k.exec("UPDATE sunco_seen SET expires_at = expires_at - $1", (119 * time.Minute).Microseconds())
		k.enqueue([2]string{"talk", "a"})
		assert.EqualValues(k, 1, k.number("SELECT count(*) FROM sunco_events"))
		k.exec("UPDATE sunco_seen SET expires_at = expires_at - $1", (2 * time.Minute).Microseconds())
		k.enqueue([2]string{"talk", "a"})
		assert.EqualValues(k, 2, k.number("SELECT count(*) FROM sunco_events"))
	}},
	{"conversations at the same time", func(k *desk) {
		// A payload with members in another case says nothing about the conversation.
		decoy := suncotest.Event{Trigger: "conversation:message", Payload: json.RawMessage(
			`{"Conversation":{"id":"a"},"conversation":{"id":"b","ID":"a","Id":"a"}}`)}
		k.enqueue([2]string{"a", "first"}, [2]string{"a", "second"})
		require.NoError(k, k.Enqueue(k.Context(), nil, eventOf("app", decoy)))
		for _, user := range []string{"c", "d"} {
			require.NoError(k, k.Enqueue(k.Context(), nil, eventOf("app", suncotest.Event{
				Trigger: "user:update", Payload: map[string]any{"user": map[string]string{"id": user}}})))
		}
		require.NoError(k, k.Enqueue(k.Context(), nil, eventOf("app", suncotest.Event{Trigger: "any"})))
		running, goOn := make(chan string, 10), make(chan struct{})
		release := sync.OnceFunc(func() { close(goOn) })
		defer release()
		k.work(k.Store, 8, func(e *sunco.Event) error { running <- e.ID; <-goOn; return nil })
		for range 5 {
			select {
			case id := <-running:
				assert.NotEqual(k, "second", id)
			case <-time.After(10 * time.Second):
				k.Fatal("conversations wait for each other")
			}
		}
		time.Sleep(300 * time.Millisecond)
		assert.Empty(k, running)
		release()
		k.empty()
	}},
	{"fails, and later ones wait", func(k *desk) {
		k.enqueue([2]string{"a", "bad"}, [2]string{"a", "good"}, [2]string{"b", "other"})
		var h handled
		failures := 0
		k.work(k.Store, 1, func(e *sunco.Event) error {
			_ = h.onEvent(e)
			if e.ID == "bad" && failures < 2 {
				if failures++; failures == 2 {
					panic("at the disco")
				}
				return errors.New("not now")
			}
			return nil
		})
		require.Eventually(k, func() bool { return len(h.list()) == 3 }, 10*time.Second, 5*time.Millisecond)
		assert.Equal(k, []string{"bad", "other", "bad"}, h.list())
		k.pass(5 * time.Second)
		k.empty()
		assert.Equal(k, []string{"bad", "other", "bad", "bad", "good"}, h.list())
		assert.Contains(k, k.log.String(), "not now")
		assert.Contains(k, k.log.String(), "at the disco")
	}},
	{"waits", func(k *desk) {
		k.enqueue([2]string{"a", "bad"})
		wait := func() time.Duration {
			return time.Duration(k.number("SELECT run_at FROM sunco_lanes")-time.Now().UnixMicro()) * time.Microsecond
		}
		var h handled
		k.work(k.Store, 1, func(e *sunco.Event) error { _ = h.onEvent(e); return errors.New("never") })
		for n, want := range []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 5 * time.Minute,
			10 * time.Minute, 10 * time.Minute, 10 * time.Minute, 10 * time.Minute} {
			require.Eventually(k, func() bool {
				return k.number("SELECT attempts FROM sunco_lanes") == int64(n+1) &&
					k.number("SELECT count(*) FROM sunco_lanes WHERE lease = ''") == 1
			}, 10*time.Second, 5*time.Millisecond)
			assert.InDelta(k, want.Seconds(), wait().Seconds(), 1, "after attempt %d", n+1)
			k.pass(want)
		}
		k.empty()
		assert.Len(k, h.list(), 10)
	}},
	{"dead, retried, discarded", func(k *desk) {
		k.enqueue([2]string{"a", "bad"}, [2]string{"a", "good"})
		k.exec("UPDATE sunco_lanes SET attempts = 9")
		var h handled
		k.work(k.Store, 1, func(e *sunco.Event) error {
			_ = h.onEvent(e)
			if e.ID == "bad" && len(h.list()) < 3 {
				return errors.New("never")
			}
			return nil
		})
		k.empty()
		assert.Equal(k, []string{"bad", "good"}, h.list())
		dead := k.dead()
		require.Len(k, dead, 1)
		k.enqueue([2]string{"a", "bad"}) // a redelivery
		require.NoError(k, k.Retry(k.Context(), dead[0]))
		k.empty()
		assert.Equal(k, []string{"bad", "good", "bad"}, h.list())
		require.ErrorAs(k, k.Retry(k.Context(), dead[0]), new(*sunco.InputError))
		require.ErrorAs(k, k.Discard(k.Context(), dead[0]), new(*sunco.InputError))
		k.exec("UPDATE sunco_seen SET expires_at = 0")
		h.ids = nil
		k.enqueue([2]string{"a", "good"})
		k.empty()
		require.ErrorAs(k, k.Discard(k.Context(), dead[0]+1), new(*sunco.InputError), "it is handled, not dead")
	}},
	{"neither retried nor discarded while it waits", func(k *desk) {
		k.enqueue([2]string{"a", "1"})
		rows := k.rows()
		id := k.number("SELECT seq FROM sunco_events")
		require.ErrorAs(k, k.Retry(k.Context(), id), new(*sunco.InputError))
		require.ErrorAs(k, k.Discard(k.Context(), id), new(*sunco.InputError))
		assert.Equal(k, rows, k.rows())
	}},
	{"a process died in every attempt", func(k *desk) {
		k.enqueue([2]string{"a", "poison"}, [2]string{"a", "good"})
		k.exec("UPDATE sunco_lanes SET attempts = 10, lease = 'of the dead'")
		var h handled
		k.work(k.Store, 1, h.onEvent)
		k.empty()
		assert.Equal(k, []string{"good"}, h.list())
		dead := k.dead()
		require.Len(k, dead, 1)
		require.NoError(k, k.Discard(k.Context(), dead[0]))
		assert.Zero(k, k.number("SELECT count(*) FROM sunco_events"))
	}},
	{"the installation is gone", func(k *desk) {
		require.NoError(k, k.Enqueue(k.Context(), nil, message("gone", "a", "x")))
		var h handled
		k.work(k.Store, 1, h.onEvent)
		k.empty()
		assert.Empty(k, h.list())
		assert.Zero(k, k.number("SELECT count(*) FROM sunco_events"))
	}},
	{"a lease that was lost", func(k *desk) { k.losesLease(nil) }},
	{"a lease that was lost, and a failure", func(k *desk) { k.losesLease(errors.New("too late")) }},
	{"the end waits for what runs", func(k *desk) {
		k.enqueue([2]string{"a", "1"}, [2]string{"a", "2"})
		begun, goOn := make(chan struct{}, 10), make(chan struct{})
		ctx, cancel := context.WithCancel(k.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- k.Work(ctx, 2, func(ctx context.Context, _ *sunco.Installation, _ *sunco.Event) error {
				begun <- struct{}{}
				<-goOn
				return ctx.Err()
			})
		}()
		<-begun
		cancel()
		select {
		case <-ended:
			k.Error("Work ended while onEvent ran")
		case <-time.After(100 * time.Millisecond):
		}
		close(goOn)
		require.NoError(k, <-ended)
		assert.EqualValues(k, 1, k.number("SELECT count(*) FROM sunco_events"))
		assert.EqualValues(k, 1, k.number("SELECT waiting FROM sunco_lanes"))
		assert.Empty(k, begun)
	}},
	{"what another process stored", func(k *desk) {
		var h handled
		k.work(k.another(), 1, h.onEvent)
		time.Sleep(50 * time.Millisecond)
		begun := time.Now()
		k.enqueue([2]string{"a", "1"})
		k.empty()
		assert.Less(k, time.Since(begun), 2*time.Second)
	}},
}

// losesLease has an onEvent that returns slow when another process has handled its event.
func (k *desk) losesLease(slow error) {
	k.Helper()
	k.enqueue([2]string{"a", "1"}, [2]string{"a", "2"})
	begun, goOn, goOn2 := make(chan string, 10), make(chan struct{}), make(chan struct{})
	release, release2 := sync.OnceFunc(func() { close(goOn) }), sync.OnceFunc(func() { close(goOn2) })
	defer release2()
	defer release()
	k.work(k.Store, 1, func(e *sunco.Event) error { begun <- "slow " + e.ID; <-goOn; return slow })
	k.begins("slow 1", begun)
	k.pass(time.Minute)
	k.work(k.another(), 1, func(e *sunco.Event) error {
		begun <- "other " + e.ID
		if e.ID == "2" {
			<-goOn2
		}
		return nil
	})
	k.begins("other 1", begun)
	k.begins("other 2", begun)
	rows := k.table("SELECT * FROM sunco_events") + k.table("SELECT lane, waiting, lease FROM sunco_lanes")
	release()
	time.Sleep(300 * time.Millisecond)
	assert.Equal(k, rows, k.table("SELECT * FROM sunco_events")+k.table("SELECT lane, waiting, lease FROM sunco_lanes"),
		"who lost the lease changes nothing")
	release2()
	k.empty()
}

// begins waits until an event begins, which must be this one.
func (k *desk) begins(event string, begun <-chan string) {
	k.Helper()
	select {
	case have := <-begun:
		require.Equal(k, event, have)
	case <-time.After(20 * time.Second):
		k.Fatal(event, " does not begin")
	}
}

// dead returns the ids of the dead events.
func (k *desk) dead() (ids []int64) {
	k.Helper()
	for e, err := range k.Dead(k.Context()) {
		require.NoError(k, err)
		assert.Equal(k, "app", e.AppID)
		assert.NotEmpty(k, e.Event.ID)
		assert.WithinDuration(k, time.Now(), e.ReceivedAt, time.Minute)
		assert.WithinDuration(k, time.Now(), e.DiedAt, time.Minute)
		ids = append(ids, e.ID)
	}
	return ids
}

func TestInbox(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		for _, step := range inboxSteps {
			t.Run(step.name, func(t *testing.T) {
				t.Parallel()
				k := newDesk(t, e.New(t))
				k.save(installed("app"))
				step.test(k)
			})
		}
	})
}
