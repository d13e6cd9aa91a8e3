package store_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/e2e/engine"
)

// TestSlow has a bot whose answers take longer than a lease. Zendesk gets its 200 at once.
// The process that begins the first answer dies, another one begins it again when the
// lease ends, and renews its lease as long as it takes.
func TestSlow(t *testing.T) {
	if testing.Short() {
		t.Skip("takes more than a minute")
	}
	t.Parallel()
	const answer = 65 * time.Second
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		t.Parallel()
		s := newScene(t, e.New(t))
		s.ordered.Answer = time.Hour
		s.restart(0)
		s.install()
		begun := time.Now()
		require.Equal(t, http.StatusOK, s.write("slow", "slow 1"))
		require.Equal(t, http.StatusOK, s.write("slow", "slow 2"))
		assert.Less(t, time.Since(begun), 10*time.Second, "Zendesk waits 20 s")
		s.eventually("the answer begins", func() bool { return s.count("begin slow 1") == 1 })
		s.process.kill()

		k := &desk{T: t, d: s.d, db: s.d.Open(t), client: newClient(s.platform.domain, ""), log: new(lockedBuffer),
			keys: []sunco.Secret{sunco.NewSecret(s.keys[0])}}
		k.pass(time.Minute)
		var first, second, others atomic.Int32
		onEvent := func(e *sunco.Event) error {
			switch e.ID {
			case "slow 1":
				first.Add(1)
				time.Sleep(answer)
			case "slow 2":
				second.Add(1)
			default:
				others.Add(1)
			}
			return nil
		}
		k.Store = k.another()
		k.work(k.Store, 2, onEvent)
		k.work(k.another(), 2, onEvent)
		for begun := time.Now(); time.Since(begun) < answer-2*time.Second; {
			require.NoError(t, k.Enqueue(t.Context(), nil, message(s.appID, "quick", time.Now().String())))
			time.Sleep(time.Second)
			assert.EqualValues(t, 1, first.Load())
			assert.Zero(t, second.Load(), "the conversation waits")
		}
		assert.Greater(t, others.Load(), int32(50), "other conversations do not")
		k.empty()
		assert.EqualValues(t, 1, first.Load(), "the lease was renewed")
		assert.EqualValues(t, 1, second.Load())
	})
}
