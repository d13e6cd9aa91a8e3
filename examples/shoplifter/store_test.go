package main

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/exampletest"
)

func installation(app, token string, hooks ...sunco.Webhook) *sunco.Installation {
	return &sunco.Installation{
		AppID: app, Subdomain: "acme", Webhooks: hooks,
		Token: sunco.Token{AccessToken: sunco.NewSecret(token)},
	}
}

func storeIn(t *testing.T) (*store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sub", "store.json")
	s, err := openStore(path, "zendesk.com", "id")
	require.NoError(t, err)
	return s, path
}

func TestStoreKeeps(t *testing.T) {
	s, path := storeIn(t)
	hook := sunco.Webhook{ID: "w", Target: "http://localhost/x", Triggers: []string{"a", "b"}, Secret: sunco.NewSecret("hook-secret")}
	require.NoError(t, s.put(installation("app1", "token1", hook)))
	require.NoError(t, s.put(installation("", "token2")))
	require.NoError(t, s.put(installation("app3", "token3")))

	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
	s, err = openStore(path, "zendesk.com", "id")
	require.NoError(t, err)
	require.Len(t, s.list(), 3)
	got := s.get("app1")
	require.NotNil(t, got)
	assert.Equal(t, installation("app1", "token1").Generation(), got.Generation())
	assert.Equal(t, "acme", got.Subdomain)
	assert.False(t, got.Since.IsZero())
	require.Len(t, got.Webhooks, 1)
	assert.True(t, sameWebhook(hook, got.Webhooks[0]))
	assert.Equal(t, "app1", s.byDigest(sha256.Sum256([]byte("hook-secret"))).AppID)
	assert.Nil(t, s.byDigest(sha256.Sum256(nil)))
	assert.Nil(t, s.get(""))

	require.NoError(t, s.put(installation("app1", "token1b")))
	assert.Len(t, s.get("app1").Webhooks, 1, "no webhooks known means that they are kept")
	require.NoError(t, s.replace(installation("app1", "token1")), "an older one")
	assert.Len(t, s.get("app1").Webhooks, 1)
	removed, err := s.remove("app1", installation("app1", "token1").Generation())
	require.NoError(t, err)
	assert.False(t, removed, "a newer one stays")
	removed, err = s.remove("app1", installation("app1", "token1b").Generation())
	require.NoError(t, err)
	assert.True(t, removed)
	assert.Nil(t, s.byDigest(sha256.Sum256([]byte("hook-secret"))))
	s, err = openStore(path, "zendesk.com", "id")
	require.NoError(t, err)
	assert.Len(t, s.list(), 2)
}

func TestStoreRefuses(t *testing.T) {
	good := `{"version":1,"platform":"zendesk.com","clientId":"id","installations":[{"appId":"a","token":"canary","since":"2026-01-02T03:04:05Z","webhooks":[]}]}`
	for name, test := range map[string]struct{ content, says string }{
		"empty":            {"", "damaged"},
		"half":             {good[:len(good)/2], "damaged"},
		"trailing":         {good + "{}", "damaged"},
		"not ours":         {`{"canary":1}`, "damaged"},
		"duplicate member": {strings.Replace(good, `"appId":"a"`, `"appId":"a","appId":"canary"`, 1), "damaged"},
		"version":          {strings.Replace(good, `:1,`, `:2,`, 1), "version 2"},
		"platform":         {strings.Replace(good, "zendesk.com", "sandbox", 1), "another platform"},
		"client":           {strings.Replace(good, `"id"`, `"other"`, 1), "another platform or client id"},
		"no token":         {strings.Replace(good, `"canary"`, `""`, 1), "no token"},
		"twice":            {strings.Replace(good, `]}]`, `]},{"appId":"a","token":"x","since":"2026-01-02T03:04:05Z","webhooks":[]}]`, 1), "there twice"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.json")
			require.NoError(t, os.WriteFile(path, []byte(test.content), 0o600))
			_, err := openStore(path, "zendesk.com", "id")
			require.ErrorContains(t, err, test.says)
			assert.NotContains(t, err.Error(), "canary")
			kept, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, test.content, string(kept), "it stays as it is")

			var stderr exampletest.Buffer
			code := run(t.Context(), nil, func(name string) string {
				return map[string]string{"STORE_FILE": path, "PORT": "0"}[name]
			}, &stderr, &stderr)
			assert.Equal(t, 1, code)
			assert.NotContains(t, stderr.String(), "canary")
		})
	}
}

func TestStoreThatSomebodyElseChanged(t *testing.T) {
	s, path := storeIn(t)
	require.NoError(t, s.put(installation("app1", "token1")))
	other, err := openStore(path, "zendesk.com", "id")
	require.NoError(t, err)
	require.NoError(t, other.put(installation("app2", "token2")))
	require.ErrorIs(t, s.put(installation("app3", "token3")), errForeignChange)
	assert.Nil(t, s.get("app3"), "what is not written does not count")
	require.NoError(t, os.Remove(path))
	assert.Error(t, s.put(installation("app3", "token3")))
}

func TestStoreThatCannotBeWritten(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	_, err := openStore(filepath.Join(blocked, "store.json"), "zendesk.com", "id")
	assert.Error(t, err, "found out before there is a token to keep")
}

func TestStoreAtOnce(t *testing.T) {
	s, path := storeIn(t)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			id := string(rune('a' + i))
			assert.NoError(t, s.put(installation(id, "token"+id)))
			s.list()
			s.byDigest([32]byte{})
		})
	}
	all.Wait()
	s, err := openStore(path, "zendesk.com", "id")
	require.NoError(t, err)
	assert.Len(t, s.list(), 20)
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".shoplifter-*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}
