package suncotest_test

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

const removeURL = "https://partner.example/removed"

// removals is a partner's server that notes the calls to its remove URL.
type removals struct {
	mu     sync.Mutex
	status int
	bodies []string
	at     []time.Time
	during func()
}

func (s *removals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/removed" || r.Header.Get("Content-Type") != jsonType {
		return
	}
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bodies, s.at = append(s.bodies, string(body)), append(s.at, time.Now())
	if s.during != nil {
		s.during()
	}
	w.WriteHeader(s.status)
}

// seen returns what was noted so far.
func (s *removals) seen() (bodies []string, at []time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bodies), slices.Clone(s.at)
}

func removalWorld(t *testing.T, b suncotest.Behavior) (*world, *removals) {
	w := newWorld(t, suncotest.Config{RemoveURL: removeURL, Behavior: b})
	s := &removals{status: 200}
	w.p.Mount("partner.example", s)
	return w, s
}

func TestRevoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, calls := removalWorld(t, suncotest.Behavior{})
		token, hooks := w.install("acme"), w.hooksURL(acmeURL, "acme")
		require.Equal(t, 201, w.api(token, http.MethodPost, hooks, goodHook).Status)
		integration := w.p.Installations()[0].IntegrationID
		var deadFirst bool
		calls.during = func() { deadFirst = !w.alive(token) }

		a := w.api(token, http.MethodDelete, acmeURL+"/oauth/authorization", "")
		require.Equal(t, 200, a.Status)
		assert.JSONEq(t, `{}`, a.Body)
		assert.Empty(t, w.p.Installations())
		assert.Empty(t, w.p.Webhooks())
		synctest.Wait()
		bodies, _ := calls.seen()
		require.Len(t, bodies, 1)
		assert.JSONEq(t, `{"appId":"`+w.appID("acme")+`","integrationId":"`+integration+`"}`, bodies[0])
		assert.True(t, deadFirst)
		requireProblem(t, w.api(token, http.MethodGet, hooks, ""), 401)
		requireProblem(t, w.api(token, http.MethodDelete, acmeURL+"/oauth/authorization", ""), 401)
		require.Error(t, w.p.Uninstall(w.appID("acme")))
		require.Error(t, w.p.Uninstall("unknown"))

		again := w.install("acme")
		assert.NotEqual(t, integration, w.p.Installations()[0].IntegrationID)
		assert.JSONEq(t, `{"webhooks":[]}`, w.api(again, http.MethodGet, hooks, "").Body)
		assert.False(t, w.alive(token))
	})
}

func TestUninstallKillsEveryToken(t *testing.T) {
	w, _ := removalWorld(t, suncotest.Behavior{RevokedStatus: 403})
	one, two := w.install("acme"), w.install("acme")
	assert.Equal(t, 2, w.p.Installations()[0].Tokens)
	require.NoError(t, w.p.Uninstall(w.appID("acme")))
	requireProblem(t, w.api(one, http.MethodGet, tokenInfoURL, ""), 403)
	requireProblem(t, w.api(two, http.MethodGet, tokenInfoURL, ""), 403)
	requireProblem(t, w.api("never", http.MethodGet, tokenInfoURL, ""), 401)
}

func TestRemoveOrderAndRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, calls := removalWorld(t, suncotest.Behavior{RemoveFirst: true, RemoveDelay: time.Minute})
		token := w.install("acme")
		start := time.Now()
		require.Equal(t, 200, w.api(token, http.MethodDelete, acmeURL+"/oauth/authorization", "").Status)
		require.Equal(t, 200, w.api(token, http.MethodDelete, acmeURL+"/oauth/authorization", "").Status)
		synctest.Wait()
		_, at := calls.seen()
		require.Len(t, at, 1, "one removal, one call")
		assert.Equal(t, start, at[0])
		fresh := w.install("acme") // before the end has come
		time.Sleep(59 * time.Second)
		assert.True(t, w.alive(token))
		time.Sleep(2 * time.Second)
		assert.False(t, w.alive(token))
		assert.True(t, w.alive(fresh), "what was installed meanwhile stays")
	})
	synctest.Test(t, func(t *testing.T) {
		w, calls := removalWorld(t, suncotest.Behavior{RemoveDelay: time.Minute, RemoveRetries: 2,
			RemoveRetryInterval: time.Hour})
		calls.status = 503
		token := w.install("acme")
		start := time.Now()
		require.NoError(t, w.p.Uninstall(w.appID("acme")))
		assert.False(t, w.alive(token))
		time.Sleep(24 * time.Hour)
		_, at := calls.seen()
		require.Len(t, at, 3)
		assert.Equal(t, time.Minute, at[0].Sub(start))
		assert.Equal(t, time.Minute+2*time.Hour, at[2].Sub(start))
	})
}

func TestAgain(t *testing.T) {
	w, _ := removalWorld(t, suncotest.Behavior{})
	hooks := w.hooksURL(acmeURL, "acme")
	old := w.install("acme")
	require.Equal(t, 201, w.api(old, http.MethodPost, hooks, goodHook).Status)
	fresh := w.install("acme")
	assert.True(t, w.alive(old))
	assert.Len(t, w.p.Webhooks(), 1)
	require.Equal(t, 200, w.api(old, http.MethodDelete, acmeURL+"/oauth/authorization", "").Status)
	assert.False(t, w.alive(fresh), "revoking the old token removes the integration")

	w, _ = removalWorld(t, suncotest.Behavior{OldTokenDies: true, WebhooksDie: true})
	old = w.install("acme")
	require.Equal(t, 201, w.api(old, http.MethodPost, hooks, goodHook).Status)
	fresh = w.install("acme")
	assert.False(t, w.alive(old))
	assert.True(t, w.alive(fresh))
	assert.Empty(t, w.p.Webhooks())
}

func TestRename(t *testing.T) {
	w := newWorld(t, threeCustomers())
	token, hooks := w.install("acme"), w.hooksURL(acmeURL, "acme")
	require.Equal(t, 200, w.api(token, http.MethodGet, hooks, "").Status)
	app := w.appID("acme")
	require.NoError(t, w.p.Rename("acme", "acme-2"))
	gone := w.api(token, http.MethodGet, hooks, "")
	assert.Equal(t, 404, gone.Status)
	assert.JSONEq(t, `{"error":{"title":"No help desk at acme.zendesk.com",`+
		`"message":"There is no help desk configured at this address."}}`, gone.Body, "not the API's")
	assert.Equal(t, "acme-2", field(t, w.api(token, http.MethodGet, tokenInfoURL, "").Body, "app.subdomain"))
	assert.Equal(t, app, w.appID("acme-2"))
	assert.Equal(t, 200, w.api(token, http.MethodGet, w.hooksURL("https://acme-2.zendesk.com/sc", "acme-2"), "").Status)
	for _, to := range []string{"globex", "acme-2", "Bad", "oauth-bridge", ""} {
		require.Error(t, w.p.Rename("acme-2", to), to)
	}
	require.Error(t, w.p.Rename("acme", "x"))
	require.Error(t, w.p.Rename("legacy-us", "x"))

	require.NoError(t, w.p.AddAccount(suncotest.Account{Subdomain: "acme", AppID: "new-app"}))
	requireProblem(t, w.api(token, http.MethodGet, acmeURL+"/v2/apps/"+app+"/integrations/me/webhooks", ""), 401)
	require.Error(t, w.p.AddAccount(suncotest.Account{Subdomain: "acme"}))
	require.Error(t, w.p.AddAccount(suncotest.Account{Subdomain: "other", AppID: "new-app"}))
	require.Error(t, w.p.AddAccount(suncotest.Account{Subdomain: "-"}))
	require.NoError(t, w.p.Rename("acme-2", "acme-3"))
	require.NoError(t, w.p.Rename("acme-3", "acme-2"), "back again")

	cfg := threeCustomers()
	cfg.Behavior.UnknownHost = suncotest.HostUnresolvable
	w = newWorld(t, cfg)
	token = w.install("acme")
	require.NoError(t, w.p.Rename("acme", "acme-2"))
	_, err := w.try(http.MethodGet, acmeURL, "", "Authorization", "Bearer "+token)
	assert.ErrorContains(t, err, "no such host")

	for answer, check := range map[suncotest.UnknownHost]func(answer){
		suncotest.HostAPIError: func(a answer) { requireProblem(t, a, 404) },
		suncotest.HostPage:     func(a answer) { assert.Contains(t, a.Body, "<h1>No help desk at acme.zendesk.com</h1>") },
	} {
		cfg.Behavior = suncotest.Behavior{UnknownHost: answer}
		w = newWorld(t, cfg)
		token = w.install("acme")
		require.NoError(t, w.p.Rename("acme", "acme-2"))
		a := w.api(token, http.MethodGet, hooks, "")
		assert.Equal(t, 404, a.Status)
		check(a)
	}
}

func TestManyCustomersAtOnce(t *testing.T) {
	var cfg suncotest.Config
	for i := range 20 {
		cfg.Accounts = append(cfg.Accounts, suncotest.Account{Subdomain: "shop-" + strconv.Itoa(i)})
	}
	w := newWorld(t, cfg)
	var wg sync.WaitGroup
	for _, a := range cfg.Accounts {
		wg.Go(func() {
			base := "https://" + a.Subdomain + ".zendesk.com/sc"
			token := w.install(a.Subdomain)
			assert.Equal(t, 201, w.api(token, http.MethodPost, w.hooksURL(base, a.Subdomain), goodHook).Status)
			assert.Equal(t, 200, w.api(token, http.MethodDelete, base+"/oauth/authorization", "").Status)
			_, _, _ = w.p.Installations(), w.p.Webhooks(), w.p.Requests()
		})
	}
	wg.Wait()
	assert.Empty(t, w.p.Installations())
}
