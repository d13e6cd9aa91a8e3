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

func pending(token string) *sunco.Installation { return installation("", token) }

// keep saves an installation twice, as [sunco.Installer] does.
func (s *store) keep(t *testing.T, in *sunco.Installation) {
	t.Helper()
	require.NoError(t, s.save(t.Context(), &sunco.Installation{Token: in.Token}))
	require.NoError(t, s.save(t.Context(), in))
}

// tokens are those of an app, or the unfinished ones.
func (s *store) tokens(app string) []string {
	var all []string
	for _, c := range s.list() {
		if c.AppID == app {
			all = append(all, c.Token.AccessToken.Reveal())
		}
	}
	return all
}

func TestStoreKeeps(t *testing.T) {
	s, path := storeIn(t)
	hook := sunco.Webhook{
		ID: "w", Target: "http://localhost/x", Triggers: []string{"a", "b"}, Secret: sunco.NewSecret("hook-secret"),
	}
	s.keep(t, installation("app1", "token1", hook))
	require.NoError(t, s.save(t.Context(), pending("token2")))
	s.keep(t, installation("app3", "token3"))

	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
	kept := s.list()
	s, err = openStore(path, "zendesk.com", "id")
	require.NoError(t, err)
	assert.Equal(t, kept, s.list())
	require.Len(t, kept, 3)
	assert.Len(t, s.unfinished(), 1)
	got := s.get("app1")
	require.NotNil(t, got)
	assert.Equal(t, "acme", got.Subdomain)
	assert.False(t, got.Since.IsZero())
	assert.Equal(t, []sunco.Webhook{hook}, got.Webhooks)
	in, err := s.lookup(t.Context(), sha256.Sum256([]byte("hook-secret")))
	require.NoError(t, err)
	assert.Equal(t, "app1", in.AppID)
	in, err = s.lookup(t.Context(), sha256.Sum256(nil))
	require.NoError(t, err)
	assert.Nil(t, in)
	assert.Nil(t, s.get(""))
}

func TestStoreSaves(t *testing.T) {
	hook := sunco.Webhook{ID: "w", Target: "http://localhost/x", Secret: sunco.NewSecret("hook-secret")}
	for name, test := range map[string]struct {
		saved           []*sunco.Installation
		row, unfinished []string
	}{
		"a token beside the row": {[]*sunco.Installation{pending("new")}, []string{"old"}, []string{"new"}},
		"a token twice":          {[]*sunco.Installation{pending("new"), pending("new")}, []string{"old"}, []string{"new"}},
		"a token that is stored": {[]*sunco.Installation{pending("old")}, []string{"old"}, nil},
		"a complete one":         {[]*sunco.Installation{pending("new"), installation("app", "new")}, []string{"new"}, nil},
		"a complete one twice": {
			[]*sunco.Installation{pending("new"), installation("app", "new"), installation("app", "new")},
			[]string{"new"}, nil,
		},
		"one whose token is gone": {[]*sunco.Installation{installation("app", "new")}, []string{"old"}, nil},
		"another app's":           {[]*sunco.Installation{pending("new"), installation("app2", "new")}, []string{"old"}, nil},
		"an older token, finished late": {
			[]*sunco.Installation{pending("new"), pending("newer"), installation("app", "newer"), installation("app", "new")},
			[]string{"newer"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, path := storeIn(t)
			s.keep(t, installation("app", "old", hook))
			for _, in := range test.saved {
				require.NoError(t, s.save(t.Context(), in))
			}
			for range 2 {
				assert.Equal(t, test.row, s.tokens("app"))
				assert.Equal(t, test.unfinished, s.tokens(""))
				assert.Len(t, s.get("app").Webhooks, 1, "no webhooks means that the stored ones still deliver")
				var err error
				s, err = openStore(path, "zendesk.com", "id")
				require.NoError(t, err)
			}
		})
	}
}

func TestStoreRemoves(t *testing.T) {
	s, path := storeIn(t)
	s.keep(t, installation("app", "old"))
	s.keep(t, installation("app", "new", sunco.Webhook{ID: "w", Secret: sunco.NewSecret("hook-secret")}))
	require.NoError(t, s.save(t.Context(), pending("newer")))
	for _, step := range []struct {
		token           string
		found           bool
		row, unfinished []string
	}{
		{"old", false, []string{"new"}, []string{"newer"}},
		{"new", true, nil, []string{"newer"}},
		{"new", false, nil, []string{"newer"}},
		{"newer", true, nil, nil},
	} {
		found, err := s.remove(pending(step.token).Generation())
		require.NoError(t, err)
		assert.Equal(t, step.found, found, step.token)
		assert.Equal(t, step.row, s.tokens("app"), step.token)
		assert.Equal(t, step.unfinished, s.tokens(""), step.token)
	}
	in, err := s.lookup(t.Context(), sha256.Sum256([]byte("hook-secret")))
	require.NoError(t, err)
	assert.Nil(t, in)
	s, err = openStore(path, "zendesk.com", "id")
	require.NoError(t, err)
	assert.Empty(t, s.list())
}

func TestStoreRefuses(t *testing.T) {
	good := `{"version":1,"platform":"zendesk.com","clientId":"id","installations":[` +
		`{"appId":"a","token":"canary","since":"2026-01-02T03:04:05Z","webhooks":[]}]}`
	and := func(app, token string) string {
		return strings.Replace(good, `]}]`,
			`]},{"appId":"`+app+`","token":"`+token+`","since":"2026-01-02T03:04:05Z","webhooks":[]}]`, 1)
	}
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
		"app twice":        {and("a", "x"), "there twice"},
		"token twice":      {and("", "canary"), "there twice"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.json")
			require.NoError(t, os.WriteFile(path, []byte(test.content), 0o600))
			_, err := openStore(path, "zendesk.com", "id")
			require.ErrorContains(t, err, test.says)
			assert.NotContains(t, err.Error(), "canary")
			kept, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, test.content, string(kept), "the file is left alone")

			var stderr exampletest.Buffer
			code := run(t.Context(), nil, func(name string) string {
				return map[string]string{"SUNCO_STORE_FILE": path, "PORT": "0"}[name]
			}, &stderr, &stderr)
			assert.Equal(t, 1, code)
			assert.NotContains(t, stderr.String(), "canary")
		})
	}
}

func TestStoreChangedByAnotherProcess(t *testing.T) {
	s, path := storeIn(t)
	s.keep(t, installation("app1", "token1"))
	other, err := openStore(path, "zendesk.com", "id")
	require.NoError(t, err)
	other.keep(t, installation("app2", "token2"))
	require.ErrorIs(t, s.save(t.Context(), pending("token3")), errForeignChange)
	assert.Empty(t, s.unfinished(), "what is not written does not count")
	require.NoError(t, os.Remove(path))
	require.ErrorIs(t, s.save(t.Context(), pending("token3")), os.ErrNotExist)
	assert.Empty(t, s.unfinished())
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
			assert.NoError(t, s.save(t.Context(), pending("token"+id)))
			assert.NoError(t, s.save(t.Context(), installation(id, "token"+id)))
			s.list()
			_, _ = s.lookup(t.Context(), [32]byte{})
		})
	}
	all.Wait()
	s, err := openStore(path, "zendesk.com", "id")
	require.NoError(t, err)
	assert.Len(t, s.list(), 20)
	assert.Empty(t, s.unfinished())
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".shoplifter-*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}
