package sunco_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

func TestEventQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h, events := eventHandler(func(context.Context, *sunco.Event) error { <-release; return nil })
		h.Queue, h.Workers = 2, 1
		assert.Equal(t, 200, deliver(h, deliveryBody(event("e1"))))
		assert.Equal(t, 503, deliver(h, deliveryBody(event("e1"))), "in flight")
		assert.Equal(t, 503, deliver(h, deliveryBody(event("e2"), event("e3"), event("e4"))), "room for two of three")
		synctest.Wait()
		assert.Equal(t, []string{"e1"}, events.handed())
		close(release)
		synctest.Wait()
		assert.Equal(t, []string{"e1", "e2", "e3"}, events.handed())
		assert.Equal(t, 200, deliver(h, deliveryBody(event("e2"), event("e3"), event("e4"))))
		synctest.Wait()
		assert.Equal(t, []string{"e1", "e2", "e3", "e4"}, events.handed())
		require.NoError(t, h.Close(t.Context()))
		assert.Equal(t, 503, deliver(h, deliveryBody(event("e5"))), "closed")
		require.NoError(t, h.Close(t.Context()))
	})
}

// An event that was handled is not lost because nobody could remember it.
func TestEventQueueForgetful(t *testing.T) {
	var log syncBuffer
	h, events := eventHandler(nil)
	h.Queue, h.Logger = 1, slog.New(slog.NewTextHandler(&log, nil))
	h.Claim = func(context.Context, *sunco.Event) (bool, func(context.Context, bool) error, error) {
		return false, func(context.Context, bool) error { return errors.New("down") }, nil
	}
	assert.Equal(t, 200, deliver(h, deliveryBody(event("e1"))))
	require.NoError(t, h.Close(t.Context()))
	assert.Equal(t, []string{"e1"}, events.handed())
	assert.Contains(t, log.String(), "the finish function of Claim failed")
	assert.NotContains(t, log.String(), "lost")
}

func TestEventQueueTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log syncBuffer
		h, events := eventHandler(func(_ context.Context, e *sunco.Event) error {
			if e.ID == "gone" {
				runtime.Goexit()
			}
			return errors.New("down")
		})
		h.Queue, h.Workers, h.Logger = 1, 1, slog.New(slog.NewTextHandler(&log, nil))
		assert.Equal(t, 200, deliver(h, deliveryBody(event("e1"))))
		assert.Equal(t, 200, deliver(h, deliveryBody(event("gone"))))
		time.Sleep(10 * time.Second)
		assert.Equal(t, []string{"e1", "e1"}, events.handed())
		time.Sleep(2 * time.Second)
		assert.Equal(t, []string{"e1", "e1", "e1", "gone"}, events.handed())
		assert.Equal(t, 200, deliver(h, deliveryBody(event("e1"))), "not seen")
		require.NoError(t, h.Close(t.Context()), "does not wait between attempts")
		assert.Len(t, events.handed(), 7)
		assert.Contains(t, log.String(), "an event that was acknowledged is lost")
	})
}

func TestEventCloseDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, events := eventHandler(func(context.Context, *sunco.Event) error { time.Sleep(time.Second); return nil })
		h.Queue, h.Workers = 100, 2
		var all []string
		for i := range 60 {
			all = append(all, fmt.Sprint(i))
			require.Equal(t, 200, deliver(h, deliveryBody(event(fmt.Sprint(i)))))
		}
		require.NoError(t, h.Close(t.Context()))
		assert.ElementsMatch(t, all, events.handed())
	})
}

// Close gives up when its context ends, and takes the functions along.
func TestEventCloseGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, events := eventHandler(func(ctx context.Context, _ *sunco.Event) error { <-ctx.Done(); return ctx.Err() })
		h.Queue, h.Workers = 5, 1
		for i := range 5 {
			require.Equal(t, 200, deliver(h, deliveryBody(event(fmt.Sprint(i)))))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, h.Close(ctx), context.DeadlineExceeded)
		assert.Equal(t, time.Minute, time.Since(start))
		synctest.Wait()
		assert.Equal(t, []string{"0"}, events.handed())
		require.NoError(t, h.Close(t.Context()), "nothing is left")
	})
}

// Close waits for deliveries too, also for a function that outlived its answer.
func TestEventCloseWithoutQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var finished atomic.Bool
		h, _ := eventHandler(func(context.Context, *sunco.Event) error { time.Sleep(time.Minute); finished.Store(true); return nil })
		assert.Equal(t, 503, deliver(h, deliveryBody(event("e1"))))
		require.NoError(t, h.Close(t.Context()))
		assert.True(t, finished.Load())
		assert.Equal(t, 503, deliver(h, deliveryBody(event("e2"))), "closed")
		var none context.Context
		requireInput(t, "context", h.Close(none))
	})
}
