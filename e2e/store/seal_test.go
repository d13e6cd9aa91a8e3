package store_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/e2e/engine"
	"github.com/sunco-go/sunco/sqlstore"
)

// refused checks that the row of an app does not open, however it is read.
func (k *desk) refused(appID, why string) {
	k.Helper()
	var sealed *sqlstore.SealError
	_, err := k.Get(k.Context(), appID)
	require.ErrorAs(k, err, &sealed, why)
	assert.Equal(k, appID, sealed.AppID)
	_, err = k.ForRemoval(k.Context(), appID)
	assert.ErrorAs(k, err, &sealed, why)
	failed := 0
	for in, err := range k.All(k.Context()) {
		if err != nil {
			assert.ErrorAs(k, err, &sealed)
			assert.Nil(k, in)
			failed++
		}
	}
	assert.Equal(k, 1, failed, why)
}

// TestSealInstallations changes rows of installations behind the Store's back.
func TestSealInstallations(t *testing.T) {
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		k := newDesk(t, e.New(t))
		in, other := k.save(installed("app")), k.save(installed("other"))
		sealed, foreign := k.sealed("app"), newDesk(t, e.New(t))
		restore := func() { k.exec("UPDATE sunco_installations SET sealed = $1 WHERE app_id = 'app'", sealed) }
		put := func(sealed []byte) {
			k.exec("UPDATE sunco_installations SET sealed = $1 WHERE app_id = 'app'", sealed)
		}
		for i := range sealed {
			flipped := bytes.Clone(sealed)
			flipped[i] ^= 1 << (i % 8)
			put(flipped)
			_, err := k.Get(t.Context(), "app")
			require.ErrorAs(t, err, new(*sqlstore.SealError), "byte %d is flipped", i)
		}
		k.refused("app", "a byte is flipped")
		for _, length := range []int{0, 1, 12, len(sealed) / 2, len(sealed) - 1} {
			put(sealed[:length])
			k.refused("app", fmt.Sprintf("cut to %d bytes", length))
		}
		put(append(bytes.Clone(sealed), 0))
		k.refused("app", "longer")
		put(k.sealed("other"))
		k.refused("app", "of another row")
		foreign.save(&sunco.Installation{AppID: "app", Subdomain: in.Subdomain, Token: in.Token, Webhooks: in.Webhooks})
		put(foreign.sealed("app"))
		k.refused("app", "of another database with another key")
		restore()
		k.stored("app", in)
		for _, change := range []string{
			"subdomain = 'evil'", "subdomain = ''", "legacy_region = 'eu'", "generation = 'other'", "key_id = 'other'",
			"subdomain = '', legacy_region = subdomain",
		} {
			before := k.table("SELECT * FROM sunco_installations WHERE app_id = 'app'")
			k.exec("UPDATE sunco_installations SET " + change + " WHERE app_id = 'app'")
			k.refused("app", change)
			k.exec("UPDATE sunco_installations SET subdomain = 'acme', legacy_region = '', generation = $1, "+
				"key_id = (SELECT key_id FROM sunco_installations WHERE app_id = 'other') WHERE app_id = 'app'", in.Generation())
			require.Equal(t, before, k.table("SELECT * FROM sunco_installations WHERE app_id = 'app'"))
		}
		k.exec("UPDATE sunco_installations SET app_id = 'moved' WHERE app_id = 'app'")
		k.exec("DELETE FROM sunco_webhook_keys WHERE app_id = 'app'")
		k.refused("moved", "a row of another app id")
		k.stored("other", other)
		again := k.save(installed("moved"))
		k.stored("moved", again)
	})
}

// sealed returns what is sealed of an app.
func (k *desk) sealed(appID string) (sealed []byte) {
	k.Helper()
	require.NoError(k, k.db.QueryRowContext(k.Context(),
		k.d.Param("SELECT sealed FROM sunco_installations WHERE app_id = $1"), appID).Scan(&sealed))
	return sealed
}

// TestSealEvents changes rows of events. A bad one is dead at once, and the others of its
// conversation go on.
func TestSealEvents(t *testing.T) {
	t.Parallel()
	changes := map[string]func(sealed, other []byte) []byte{
		"flipped": func(sealed, _ []byte) []byte {
			sealed[len(sealed)/2] ^= 4
			return sealed
		},
		"truncated": func(sealed, _ []byte) []byte { return sealed[:len(sealed)/2] },
		"empty":     func(_, _ []byte) []byte { return []byte{} },
		"swapped":   func(_, other []byte) []byte { return other },
		"moved":     func(sealed, _ []byte) []byte { return sealed },
	}
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		for name, change := range changes {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				k := newDesk(t, e.New(t))
				k.save(installed("app"))
				k.enqueue([2]string{"a", "bad"}, [2]string{"a", "good"}, [2]string{"b", "other"})
				var sealed [2][]byte
				for i, seq := range []int{1, 3} {
					require.NoError(t, k.db.QueryRowContext(t.Context(),
						k.d.Param("SELECT sealed FROM sunco_events WHERE seq = $1"), seq).Scan(&sealed[i]))
				}
				app := "app"
				if name == "moved" {
					app = k.save(installed("another")).AppID
				}
				k.exec("UPDATE sunco_events SET sealed = $1, app_id = $2 WHERE seq = 1", change(sealed[0], sealed[1]), app)
				var h handled
				k.work(k.Store, 1, h.onEvent)
				k.empty()
				assert.ElementsMatch(t, []string{"good", "other"}, h.list())
				for e, err := range k.Dead(t.Context()) {
					var sealed *sqlstore.SealError
					require.ErrorAs(t, err, &sealed)
					assert.Equal(t, app, sealed.AppID)
					assert.Nil(t, e.Event)
					assert.EqualValues(t, 1, e.ID)
				}
				assert.EqualValues(t, 1, k.number("SELECT count(*) FROM sunco_events WHERE dead <> 0"))
				assert.Contains(t, k.log.String(), "does not open")
			})
		}
	})
}

// TestSealEventsKey has an event that was sealed with a key which this process lacks and
// another one has. It waits for that one.
func TestSealEventsKey(t *testing.T) {
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		k := newDesk(t, e.New(t))
		k.save(installed("app"))
		k.enqueue([2]string{"a", "1"})
		newer, err := newStore(k, sunco.NewSecret(newKey()), k.keys[0])
		require.NoError(t, err)
		_, err = newer.Reseal(t.Context())
		require.NoError(t, err)
		late := message("app", "a", "2")
		require.NoError(t, k.Enqueue(t.Context(), nil, late)) // by a process that has the old key
		k.exec("UPDATE sunco_lanes SET attempts = 0")
		var h handled
		stop := k.work(k.Store, 1, h.onEvent) // this process has the old key alone
		k.waits()
		stop()
		assert.Empty(t, h.list())
		assert.Zero(t, k.number("SELECT count(*) FROM sunco_events WHERE dead <> 0"), "it opens elsewhere")
		k.pass(10 * time.Minute)
		k.work(newer, 1, h.onEvent)
		k.empty()
		assert.Equal(t, []string{"1", "2"}, h.list())
	})
}

// waits waits until the first attempt at the only conversation has failed.
func (k *desk) waits() {
	k.Helper()
	require.Eventually(k, func() bool {
		return k.number("SELECT count(*) FROM sunco_lanes WHERE attempts > 0 AND lease = ''") == 1
	}, 10*time.Second, 5*time.Millisecond)
}
