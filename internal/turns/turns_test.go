package turns

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns Turns
		var order []int
		done, err := turns.Wait(t.Context(), "a")
		require.NoError(t, err)
		for n := range 5 {
			go func() {
				done, err := turns.Wait(t.Context(), "a")
				if assert.NoError(t, err) {
					order = append(order, n)
					done()
				}
			}()
			synctest.Wait() // in this order
		}
		other, err := turns.Wait(t.Context(), "b")
		require.NoError(t, err, "another key does not wait")
		other()

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = turns.Wait(ctx, "a")
		require.ErrorIs(t, err, context.DeadlineExceeded)

		assert.Empty(t, order)
		done()
		synctest.Wait()
		assert.Equal(t, []int{0, 1, 2, 3, 4}, order, "in the order they came")
		assert.Empty(t, turns.lines, "nothing is left")
	})
}
