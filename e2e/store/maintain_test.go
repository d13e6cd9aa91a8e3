package store_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/e2e/engine"
	"github.com/sunco-go/sunco/suncotest"
)

// kept is a desk with a platform, where acme has installed.
type kept struct {
	*desk
	platform *platform
	in       *sunco.Installation
	webhook  *sunco.Webhook
}

func newKept(t *testing.T, e engine.Engine) *kept {
	p := newPlatform(t, "http://127.0.0.1:1", "acme")
	p.Mount("shoplifter.example", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	k := &kept{platform: p, desk: newDesk(t, e.New(t), newClient(p.domain, "https://shoplifter.example/install"))}
	k.webhook = &sunco.Webhook{Target: "https://shoplifter.example/events", Triggers: []string{sunco.TriggerUserMerge}}
	token := p.install(t, k.client, "acme")
	require.NoError(t, k.Save(t.Context(), token))
	k.pass(3 * time.Minute)
	k.maintain(k.webhook)
	var err error
	k.in, err = k.Get(t.Context(), p.appOf("acme"))
	require.NoError(t, err)
	require.NotNil(t, k.in, "Maintain completes an installation")
	require.Len(t, k.in.Webhooks, 1)
	assert.Equal(t, token.Generation(), k.in.Generation())
	assert.Empty(t, k.unfinished())
	return k
}

// next returns in what time Maintain looks at the only row.
func (k *kept) next() time.Duration {
	k.Helper()
	return time.Duration(k.number("SELECT check_at FROM sunco_installations")-time.Now().UnixMicro()) * time.Microsecond
}

// asked counts the requests for a path.
func (k *kept) asked(path string) (n int) {
	for _, r := range k.platform.Requests() {
		if r.Path == path {
			n++
		}
	}
	return n
}

const tokenInfo = "/sc/v2/tokenInfo"

// answers lets token info answer with a status and a body, from now on.
func (k *kept) answers(status int, body string) {
	k.platform.ClearFaults()
	k.platform.Inject(suncotest.Fault{
		Path: tokenInfo, Times: -1, Handle: suncotest.Reply(status, "application/json", body),
	})
}

const (
	ofTheAPI = `{"errors":[{"code":"gone","title":"Gone"}]}`
	bare     = ``
	page     = `<html>`
)

var maintainSteps = []struct {
	name string
	test func(k *kept)
}{
	{"alive", func(k *kept) {
		for range 5 {
			assert.InDelta(k, 24, k.next().Hours(), 2.5)
			k.pass(27 * time.Hour)
			k.maintain(k.webhook)
		}
		k.stored(k.in.AppID, k.in)
	}},
	{"renamed", func(k *kept) {
		require.NoError(k, k.platform.Rename("acme", "renamed"))
		k.pass(27 * time.Hour)
		k.maintain(k.webhook)
		k.in.Subdomain = "renamed"
		k.stored(k.in.AppID, k.in)
		assert.InDelta(k, 24, k.next().Hours(), 2.5)
	}},
	{"removed, and nobody was told", func(k *kept) {
		require.NoError(k, k.platform.Uninstall(k.in.AppID))
		k.pass(27 * time.Hour)
		k.maintain(k.webhook)
		k.stored(k.in.AppID, nil)
	}},
	{"a bare 401", func(k *kept) {
		k.answers(http.StatusUnauthorized, bare)
		k.pass(27 * time.Hour)
		k.maintain(k.webhook)
		k.stored(k.in.AppID, k.in)
		assert.InDelta(k, 60, k.next().Seconds(), 5)
		k.pass(time.Minute)
		k.maintain(k.webhook)
		k.stored(k.in.AppID, nil)
	}},
	{"a bare 401 once", func(k *kept) {
		for range 3 {
			k.answers(http.StatusUnauthorized, bare)
			k.pass(27 * time.Hour)
			k.maintain(k.webhook)
			k.platform.ClearFaults()
			k.pass(time.Minute)
			k.maintain(k.webhook)
		}
		k.stored(k.in.AppID, k.in)
	}},
	{"a bare 401, and an update before the next", func(k *kept) {
		k.answers(http.StatusUnauthorized, bare)
		k.pass(27 * time.Hour)
		k.maintain(k.webhook)
		require.NoError(k, k.Update(k.Context(), k.in))
		k.maintain(k.webhook)
		k.stored(k.in.AppID, k.in)
	}},
	{"token info names another app", func(k *kept) {
		k.answers(http.StatusOK, `{"app":{"id":"other","subdomain":"acme"}}`)
		k.pass(27 * time.Hour)
		k.maintain(k.webhook)
		k.stored(k.in.AppID, k.in)
		assert.InDelta(k, 300, k.next().Seconds(), 10)
	}},
	{"404 without a reported removal", func(k *kept) { k.survives(http.StatusNotFound, ofTheAPI, false) }},
	{"403 without a reported removal", func(k *kept) { k.survives(http.StatusForbidden, ofTheAPI, false) }},
	{"a page with 401", func(k *kept) { k.survives(http.StatusUnauthorized, page, true) }},
	{"a bare 404", func(k *kept) { k.survives(http.StatusNotFound, bare, true) }},
	{"500", func(k *kept) { k.survives(http.StatusInternalServerError, ofTheAPI, true) }},
	{"404 after a reported removal", func(k *kept) {
		_, err := k.ForRemoval(k.Context(), k.in.AppID)
		require.NoError(k, err)
		assert.InDelta(k, 600, k.next().Seconds(), 5)
		k.answers(http.StatusNotFound, ofTheAPI)
		k.pass(10 * time.Minute)
		k.maintain(k.webhook)
		k.stored(k.in.AppID, k.in)
		k.answers(http.StatusForbidden, ofTheAPI)
		k.pass(time.Minute)
		k.maintain(k.webhook)
		k.stored(k.in.AppID, k.in)
		k.pass(time.Minute)
		k.maintain(k.webhook)
		k.stored(k.in.AppID, nil)
	}},
	{"a removal that is not true", func(k *kept) {
		_, err := k.ForRemoval(k.Context(), k.in.AppID)
		require.NoError(k, err)
		k.pass(10 * time.Minute)
		k.maintain(k.webhook)
		k.stored(k.in.AppID, k.in)
		assert.Zero(k, k.number("SELECT count(*) FROM sunco_installations WHERE pending <> ''"))
	}},
	{"a removal that is reported during a look", func(k *kept) {
		k.platform.Inject(suncotest.Fault{Path: tokenInfo, Handle: func(
			w http.ResponseWriter, r *http.Request, next http.Handler,
		) {
			_, err := k.ForRemoval(k.Context(), k.in.AppID)
			assert.NoError(k, err)
			next.ServeHTTP(w, r)
		}})
		k.pass(27 * time.Hour)
		k.maintain(k.webhook)
		assert.EqualValues(k, 1, k.number("SELECT count(*) FROM sunco_installations WHERE pending = 'removal'"))
		assert.InDelta(k, 600, k.next().Seconds(), 5)
	}},
	{"uninstall", func(k *kept) {
		require.NoError(k, k.Uninstall(k.Context(), k.in))
		k.stored(k.in.AppID, nil)
		assert.Empty(k, k.platform.Installations())
		require.NoError(k, k.Uninstall(k.Context(), k.in), "twice")
	}},
	{"uninstall of an older token", func(k *kept) {
		old := k.in
		k.in = k.save(&sunco.Installation{AppID: old.AppID, Subdomain: "acme",
			Token: k.platform.install(k, k.client, "acme").Token, Webhooks: old.Webhooks})
		require.NoError(k, k.Uninstall(k.Context(), old))
		k.stored(old.AppID, k.in)
		assert.Len(k, k.platform.Installations(), 1)
	}},
	{"uninstall that fails", func(k *kept) {
		k.platform.Inject(suncotest.Fault{Path: "/sc/oauth/authorization", Times: -1, Handle: suncotest.Reply(404, "", page)})
		require.NoError(k, k.platform.Rename("acme", "renamed"))
		require.Error(k, k.Uninstall(k.Context(), k.in))
		assert.InDelta(k, 300, k.next().Seconds(), 5)
		k.pass(5 * time.Minute)
		k.maintain(k.webhook)
		k.stored(k.in.AppID, k.in)
		require.NoError(k, k.Save(k.Context(), k.in), "late")
		k.platform.ClearFaults()
		k.pass(27 * time.Hour)
		k.maintain(k.webhook)
		k.stored(k.in.AppID, nil)
		assert.Empty(k, k.platform.Installations())
	}},
	{"a clock that was set back", func(k *kept) {
		k.enqueue([2]string{"a", "1"})
		k.pass(-48 * time.Hour)
		asked := k.asked(tokenInfo)
		for range 2 { // the first one pulls back what lies too far ahead
			k.maintain(k.webhook)
		}
		assert.Greater(k, k.asked(tokenInfo), asked)
		var h handled
		require.NoError(k, k.Enqueue(k.Context(), nil, message(k.in.AppID, "b", "2")))
		k.pass(-24 * time.Hour)
		k.work(k.Store, 1, h.onEvent)
		k.empty()
		assert.Equal(k, []string{"2"}, h.list(), "1 is of no app that is installed")
	}},
	{"what was remembered long enough", func(k *kept) {
		for n := range 1200 {
			k.exec("INSERT INTO sunco_seen (id, expires_at) VALUES ($1, $2)", []byte{1, byte(n >> 8), byte(n)}, 1)
		}
		_, err := k.FirstUse(k.Context(), "fresh")
		require.NoError(k, err)
		k.maintain(nil)
		assert.EqualValues(k, 1, k.number("SELECT count(*) FROM sunco_seen"))
	}},
}

// survives lets token info give an answer that proves nothing, several times.
func (k *kept) survives(status int, body string, reported bool) {
	k.Helper()
	if reported {
		_, err := k.ForRemoval(k.Context(), k.in.AppID)
		require.NoError(k, err)
	}
	k.answers(status, body)
	asked := k.asked(tokenInfo)
	for range 3 {
		k.pass(27 * time.Hour)
		k.maintain(k.webhook)
		assert.GreaterOrEqual(k, k.next(), 4*time.Minute)
	}
	assert.GreaterOrEqual(k, k.asked(tokenInfo), asked+3)
	k.stored(k.in.AppID, k.in)
}

func TestMaintain(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		for _, step := range maintainSteps {
			t.Run(step.name, func(t *testing.T) {
				t.Parallel()
				step.test(newKept(t, e))
			})
		}
	})
}

// TestMaintainUnfinished has an app whose region only a person knows.
func TestMaintainUnfinished(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		t.Parallel()
		k := newKept(t, e)
		require.NoError(t, k.platform.AddAccount(suncotest.Account{Subdomain: "other"}))
		k.platform.Inject(suncotest.Fault{Path: tokenInfo, Times: -1, Handle: suncotest.Reply(200, "application/json",
			`{"app":{"id":"legacy"}}`)})
		require.NoError(t, k.Save(t.Context(), k.platform.install(t, k.client, "other")))
		for _, failedFor := range []time.Duration{2 * time.Minute, time.Hour, 100 * time.Hour} {
			k.exec("UPDATE sunco_installations SET check_at = 1, updated_at = updated_at - $1 WHERE pending = 'install'",
				failedFor.Microseconds())
			k.maintain(k.webhook)
			assert.Len(t, k.unfinished(), 1)
			wait := time.Duration(k.number("SELECT check_at FROM sunco_installations WHERE pending = 'install'")-
				time.Now().UnixMicro()) * time.Microsecond
			want := min(max(failedFor, 5*time.Minute), 24*time.Hour)
			assert.InDelta(t, want.Minutes(), wait.Minutes(), 3, "after %s", failedFor)
		}
		k.platform.ClearFaults()
		for in, err := range k.Unfinished(t.Context()) {
			require.NoError(t, err)
			in.Subdomain = "other"
			require.NoError(t, k.Update(t.Context(), in))
		}
		k.maintain(k.webhook)
		assert.Empty(t, k.unfinished())
		in, err := k.Get(t.Context(), k.platform.appOf("other"))
		require.NoError(t, err)
		require.NotNil(t, in)
	})
}

// TestMaintainShares has several processes that look at many rows. Each is looked at once.
func TestMaintainShares(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		t.Parallel()
		k := newKept(t, e)
		for range 9 {
			require.NoError(t, k.Save(t.Context(), k.platform.install(t, k.client, "acme")))
		}
		k.exec("UPDATE sunco_installations SET check_at = 1")
		asked := k.asked(tokenInfo)
		begun := time.Now()
		for range 3 {
			store := k.another()
			go func() { _ = store.Maintain(t.Context(), nil) }()
		}
		require.Eventually(t, func() bool { return k.asked(tokenInfo) >= asked+10 }, 20*time.Second, time.Millisecond)
		assert.Greater(t, time.Since(begun), 150*time.Millisecond, "10 a second in each process")
		time.Sleep(300 * time.Millisecond)
		assert.Equal(t, asked+10, k.asked(tokenInfo))
	})
}
