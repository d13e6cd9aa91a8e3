package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/e2e/engine"
)

// same compares installations without printing their secrets.
func same(t *testing.T, want, have *sunco.Installation) {
	t.Helper()
	if want == nil || have == nil {
		require.Equal(t, want == nil, have == nil, "one is stored and should not be, or is not and should")
		return
	}
	assert.Equal(t, want.Generation(), have.Generation())
	assert.True(t, want.Token.AccessToken.Equal(have.Token.AccessToken), "token")
	plain := func(in *sunco.Installation) (in2 sunco.Installation) {
		in2 = *in
		in2.Token, in2.Webhooks = sunco.Token{}, slices.Clone(in.Webhooks)
		for i := range in2.Webhooks {
			in2.Webhooks[i].Secret = sunco.Secret{}
		}
		return in2
	}
	assert.Equal(t, plain(want), plain(have))
	for i := range min(len(want.Webhooks), len(have.Webhooks)) {
		assert.True(t, want.Webhooks[i].Secret.Reveal() == have.Webhooks[i].Secret.Reveal(), "secret")
	}
}

// stored checks what is stored for an app, by Get and by the webhook's key.
func (k *desk) stored(appID string, want *sunco.Installation) {
	k.Helper()
	have, err := k.Get(k.Context(), appID)
	require.NoError(k, err)
	same(k.T, want, have)
	if want != nil && len(want.Webhooks) > 0 {
		have, err = k.ByKey(k.Context(), digest(want))
		require.NoError(k, err)
		same(k.T, want, have)
	}
	n, err := left(k.Context(), k.db)
	require.NoError(k, err)
	assert.Zero(k, n.Wrong)
}

func (k *desk) unfinished() (all []string) {
	k.Helper()
	for in, err := range k.Unfinished(k.Context()) {
		require.NoError(k, err)
		assert.Empty(k, in.AppID)
		all = append(all, in.Generation())
	}
	return all
}

func TestFirstUse(t *testing.T) {
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		k := newDesk(t, e.New(t))
		for _, flow := range []string{"a", "b", "", "event"} {
			for i, want := range []bool{true, false, false} {
				first, err := k.FirstUse(t.Context(), flow)
				require.NoError(t, err)
				assert.Equal(t, want, first, "%q, use %d", flow, i)
			}
		}
		forget := func(passed time.Duration) {
			k.exec("UPDATE sunco_seen SET expires_at = expires_at - $1", passed.Microseconds())
		}
		forget(23 * time.Hour)
		first, err := k.FirstUse(t.Context(), "a")
		require.NoError(t, err)
		assert.False(t, first)
		forget(90 * time.Minute)
		for _, want := range []bool{true, false} {
			first, err = k.FirstUse(t.Context(), "a")
			require.NoError(t, err)
			assert.Equal(t, want, first, "a day later")
		}
	})
}

// installationSteps are what can happen to the row of an app, and what is stored then.
var installationSteps = []struct {
	name string
	test func(k *desk)
}{
	{"token alone changes no other row", func(k *desk) {
		in, other := k.save(installed("app")), k.save(installed("other"))
		newer := installed("app")
		require.NoError(k, k.Save(k.Context(), alone(newer)))
		require.NoError(k, k.Save(k.Context(), alone(newer)), "saving it again changes nothing")
		k.stored("app", in)
		k.stored("other", other)
		assert.Equal(k, []string{newer.Generation()}, k.unfinished())
		k.stored("~"+newer.Generation(), nil)
	}},
	{"a saved token again", func(k *desk) {
		in := k.save(installed("app"))
		rows := k.rows()
		require.NoError(k, k.Save(k.Context(), alone(in)))
		assert.Equal(k, rows, k.rows())
	}},
	{"complete replaces", func(k *desk) {
		old := k.save(installed("app"))
		in := k.save(installed("app"))
		k.stored("app", in)
		assert.Empty(k, k.unfinished())
		gone, err := k.ByKey(k.Context(), digest(old))
		require.NoError(k, err)
		assert.Nil(k, gone, "the old webhook's secret")
	}},
	{"complete without a token before is as old as its row", func(k *desk) {
		k.save(installed("app"))
		in, older, newer := installed("app"), installed("app"), installed("app")
		for _, in := range []*sunco.Installation{alone(older), in, alone(newer)} {
			require.NoError(k, k.Save(k.Context(), in))
			time.Sleep(2 * time.Millisecond)
		}
		k.stored("app", in)
		require.NoError(k, k.Save(k.Context(), older))
		k.stored("app", in)
		require.NoError(k, k.Save(k.Context(), newer))
		k.stored("app", newer)
	}},
	{"the newest token stays", func(k *desk) {
		first, second := installed("app"), installed("app")
		require.NoError(k, k.Save(k.Context(), alone(first)))
		time.Sleep(2 * time.Millisecond) // SQLite's clock counts milliseconds
		require.NoError(k, k.Save(k.Context(), alone(second)))
		require.NoError(k, k.Save(k.Context(), second))
		require.NoError(k, k.Save(k.Context(), first))
		k.stored("app", second)
		assert.Empty(k, k.unfinished())
	}},
	{"a token gets no younger", func(k *desk) {
		first, second := installed("app"), installed("app")
		for _, in := range []*sunco.Installation{alone(first), alone(second), first, first, second} {
			require.NoError(k, k.Save(k.Context(), in))
			time.Sleep(2 * time.Millisecond)
		}
		k.stored("app", second)
	}},
	{"installed again after the clock was set back", func(k *desk) {
		k.save(installed("app"))
		k.exec("UPDATE sunco_installations SET token_at = token_at + $1", (24 * time.Hour).Microseconds())
		in := k.save(installed("app"))
		k.stored("app", in)
		k.stored("app", k.save(installed("app")))
	}},
	{"webhooks and region stay", func(k *desk) {
		old := k.save(installed("app"))
		in := installed("app")
		in.Webhooks, in.Subdomain = nil, ""
		k.save(in)
		in.Webhooks, in.Subdomain = old.Webhooks, old.Subdomain
		k.stored("app", in)
	}},
	{"a token that turns out to be of another app", func(k *desk) {
		in := k.save(installed("app"))
		moved := *in
		moved.AppID = "moved"
		require.NoError(k, k.Save(k.Context(), &moved))
		k.stored("app", nil)
		k.stored("moved", &moved)
	}},
	{"delete", func(k *desk) {
		in, other := k.save(installed("app")), k.save(installed("other"))
		require.NoError(k, k.Delete(k.Context(), in))
		require.NoError(k, k.Delete(k.Context(), in))
		k.stored("app", nil)
		k.stored("other", other)
	}},
	{"delete of an older generation", func(k *desk) {
		old := k.save(installed("app"))
		in := k.save(installed("app"))
		require.NoError(k, k.Delete(k.Context(), old))
		k.stored("app", in)
	}},
	{"delete of an unfinished one", func(k *desk) {
		in, newer := k.save(installed("app")), installed("app")
		require.NoError(k, k.Save(k.Context(), alone(newer)))
		require.NoError(k, k.Delete(k.Context(), alone(newer)))
		k.stored("app", in)
		assert.Empty(k, k.unfinished())
	}},
	{"update", func(k *desk) {
		in := k.save(installed("app"))
		moved := *in
		moved.Subdomain, moved.Webhooks = "renamed", installed("app").Webhooks
		require.NoError(k, k.Update(k.Context(), &moved))
		k.stored("app", &moved)
		gone, err := k.ByKey(k.Context(), digest(in))
		require.NoError(k, err)
		assert.Nil(k, gone)
		moved.Webhooks = append(moved.Webhooks, in.Webhooks...)
		require.NoError(k, k.Update(k.Context(), &moved))
		k.stored("app", &moved)
	}},
	{"update brings nothing back", func(k *desk) {
		old := k.save(installed("app"))
		require.NoError(k, k.Update(k.Context(), installed("never")))
		k.stored("never", nil)
		require.NoError(k, k.Delete(k.Context(), old))
		require.NoError(k, k.Update(k.Context(), old))
		k.stored("app", nil)
		in := k.save(installed("app"))
		require.NoError(k, k.Update(k.Context(), old))
		k.stored("app", in)
	}},
	{"update of an unfinished one", func(k *desk) {
		in := installed("")
		require.NoError(k, k.Save(k.Context(), alone(in)))
		in.Webhooks = nil
		require.NoError(k, k.Update(k.Context(), in))
		for found, err := range k.Unfinished(k.Context()) {
			require.NoError(k, err)
			same(k.T, in, found)
		}
		assert.Len(k, k.unfinished(), 1)
	}},
	{"two webhooks and none", func(k *desk) {
		in := installed("app")
		in.Webhooks = append(in.Webhooks, installed("app").Webhooks[0], sunco.Webhook{ID: "without-a-secret"})
		k.save(in)
		k.stored("app", in)
		second, err := k.ByKey(k.Context(), digest(&sunco.Installation{Webhooks: in.Webhooks[1:]}))
		require.NoError(k, err)
		same(k.T, in, second)
		bare := &sunco.Installation{AppID: "bare", Subdomain: "acme", Token: installed("").Token}
		k.save(bare)
		k.stored("bare", bare)
	}},
	{"for removal", func(k *desk) {
		in := k.save(installed("app"))
		found, err := k.ForRemoval(k.Context(), "app")
		require.NoError(k, err)
		same(k.T, in, found)
		rows := k.rows()
		for range 3 {
			_, err = k.ForRemoval(k.Context(), "app")
			require.NoError(k, err)
		}
		assert.Equal(k, rows, k.rows(), "further calls write nothing")
		require.NoError(k, k.Update(k.Context(), in))
		assert.EqualValues(k, 1, k.number("SELECT count(*) FROM sunco_installations WHERE pending = 'removal'"))
		for _, again := range []*sunco.Installation{in, installed("app")} {
			require.NoError(k, k.Save(k.Context(), again))
			assert.Zero(k, k.number("SELECT count(*) FROM sunco_installations WHERE pending <> ''"), "Save clears the mark")
			_, err = k.ForRemoval(k.Context(), "app")
			require.NoError(k, err)
			assert.EqualValues(k, 1, k.number("SELECT count(*) FROM sunco_installations WHERE pending = 'removal'"))
		}
		none, err := k.ForRemoval(k.Context(), "unknown")
		require.NoError(k, err)
		assert.Nil(k, none)
	}},
	{"all or nothing", func(k *desk) {
		in, newer := k.save(installed("app")), installed("app")
		require.NoError(k, k.Save(k.Context(), alone(newer)))
		rows := k.rows()
		for table, methods := range map[string][]func() error{
			"sunco_webhook_keys": {
				func() error { return k.Save(k.Context(), newer) },
				func() error { return k.Update(k.Context(), in) },
				func() error { return k.Delete(k.Context(), in) },
			},
			"sunco_events": {func() error { return k.Enqueue(k.Context(), in, message("app", "talk", "hello")) }},
		} {
			k.exec("ALTER TABLE " + table + " RENAME TO away")
			for _, method := range methods {
				require.Error(k, method())
			}
			k.exec("ALTER TABLE away RENAME TO " + table)
		}
		assert.Equal(k, rows, k.rows())
	}},
	{"saved while Uninstall begins", func(k *desk) {
		in := k.save(installed("app"))
		k.meanwhile("UPDATE sunco_installations SET pending = 'revoke'", func() error { return k.Save(k.Context(), in) })
		assert.EqualValues(k, 1, k.number("SELECT count(*) FROM sunco_installations WHERE pending = 'revoke'"))
	}},
	{"sealed again while a newer token is saved", func(k *desk) {
		k.save(installed("app"))
		k.exec("CREATE TABLE older AS SELECT * FROM sunco_installations")
		in := k.save(installed("app"))
		k.exec("CREATE TABLE newer AS SELECT * FROM sunco_installations")
		const set = "UPDATE sunco_installations SET generation = x.generation, sealed = x.sealed FROM "
		k.exec(set + "older x")
		both, err := newStore(k, sunco.NewSecret(newKey()), k.keys[0])
		require.NoError(k, err)
		k.meanwhile(set+"newer x", func() error {
			_, err := both.Reseal(k.Context())
			return err
		})
		k.stored("app", in)
	}},
	{"legacy", func(k *desk) {
		client := &sunco.Client{ClientID: "legacy", ClientSecret: sunco.NewSecret("any")}
		k = newDesk(k.T, k.d.Engine.New(k), client)
		in := installed("app")
		in.Subdomain, in.LegacyRegion = "", sunco.LegacyEU
		k.save(in)
		k.stored("app", in)
	}},
}

func TestInstallations(t *testing.T) {
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		for _, step := range installationSteps {
			t.Run(step.name, func(t *testing.T) { step.test(newDesk(t, e.New(t))) })
		}
	})
}

// TestAll has more rows than a page, and app ids whose order depends on the collation.
func TestAll(t *testing.T) {
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		k := newDesk(t, e.New(t))
		var want []string
		for i := range 250 {
			in := installed(fmt.Sprintf("%c-%03d", "aBcD_-9"[i%7], i))
			require.NoError(t, k.Save(t.Context(), in))
			want = append(want, in.AppID)
			if i%50 == 0 {
				require.NoError(t, k.Save(t.Context(), alone(installed(""))))
			}
		}
		slices.Sort(want)
		var have []string
		for in, err := range k.All(t.Context()) {
			require.NoError(t, err)
			have = append(have, in.AppID)
			if len(have) == 120 { // changes meanwhile hurt nobody
				require.NoError(t, k.Delete(t.Context(), in))
			}
		}
		assert.Equal(t, want, have)
		assert.Len(t, k.unfinished(), 5)
		for range k.All(t.Context()) {
			break
		}
	})
}

// TestReseal changes the key, with Stores that have both and then the new one.
func TestReseal(t *testing.T) {
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		k := newDesk(t, e.New(t))
		var all []*sunco.Installation
		for i := range 220 {
			all = append(all, installed(fmt.Sprint("app", i)))
			require.NoError(t, k.Save(t.Context(), all[i]))
		}
		require.NoError(t, k.Save(t.Context(), alone(installed(""))))
		require.NoError(t, k.Enqueue(t.Context(), nil, message("app0", "talk", "hello")))
		second := sunco.NewSecret(newKey())
		both, err := newStore(k, second, k.keys[0])
		require.NoError(t, err)
		_, err = newStore(k, second)
		require.ErrorContains(t, err, "none of the keys")
		n, err := both.Reseal(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 222, n)
		n, err = both.Reseal(t.Context())
		require.NoError(t, err)
		assert.Zero(t, n)
		k.Store, err = newStore(k, second)
		require.NoError(t, err)
		_, err = newStore(k, k.keys[0])
		require.ErrorContains(t, err, "none of the keys", "the old key is retired")
		for _, in := range all {
			k.stored(in.AppID, in)
		}
		assert.Len(t, k.unfinished(), 1)
		handled := make(chan string, 1)
		k.work(k.Store, 1, func(e *sunco.Event) error { handled <- e.ID; return nil })
		assert.Equal(t, "hello", <-handled)
	})
}
