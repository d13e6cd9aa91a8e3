package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/suncotest"
)

const storeKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// open opens a store for Zendesk, or with other variables.
func open(t *testing.T, env map[string]string) (*partner.Store, error) {
	t.Helper()
	id := env["SUNCO_CLIENT_ID"]
	if id == "" && env["sandbox"] == "" {
		id = "bot"
	}
	client := &sunco.Client{ClientID: "bot", Domain: env["domain"]}
	s, err := partner.OpenStore(t.Context(), "bot", func(name string) string {
		if name == "SUNCO_CLIENT_ID" {
			return id
		}
		return env[name]
	}, client)
	if err == nil {
		t.Cleanup(func() { assert.NoError(t, s.Close()) })
	}
	return s, err
}

func TestStoreFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sub", "bot?#%41.db") // what a URL would read otherwise
	var wait sync.WaitGroup
	stores := make([]*partner.Store, 4)
	for i := range stores { // each as a process would
		wait.Go(func() {
			var err error
			stores[i], err = open(t, map[string]string{"SUNCO_STORE_FILE": file})
			assert.NoError(t, err)
		})
	}
	wait.Wait()
	token := sunco.Token{AccessToken: sunco.NewSecret("canary-token")}
	require.NoError(t, stores[0].Save(t.Context(), &sunco.Installation{Token: token}))
	for _, s := range stores {
		for in, err := range s.Unfinished(t.Context()) {
			require.NoError(t, err)
			assert.Equal(t, token.Generation(), in.Generation(), "all have the same key")
		}
	}
	for _, name := range []string{file, file + "-wal", file + ".key"} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode(), name)
		raw, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.NotContains(t, string(raw), "canary")
	}

	_, err := open(t, map[string]string{"SUNCO_STORE_FILE": file, "SUNCO_STORE_KEY": storeKey})
	require.ErrorContains(t, err, "none of the keys")
	_, err = open(t, map[string]string{"SUNCO_STORE_FILE": file, "domain": "localhost:1"})
	require.ErrorContains(t, err, "another Client.ClientID or Client.Domain")
	require.NoError(t, os.Remove(file+".key"))
	_, err = open(t, map[string]string{"SUNCO_STORE_FILE": file})
	require.ErrorContains(t, err, "set SUNCO_STORE_KEY")
	assert.NoFileExists(t, file+".key", "no other key is made for it")
}

func TestStoreIsChosen(t *testing.T) {
	home, temporary := t.TempDir(), t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("TMPDIR", temporary)
	_, err := open(t, map[string]string{"domain": "localhost:8484"})
	require.NoError(t, err)
	assert.FileExists(t, filepath.Join(home, "bot", "localhost-8484.db"))

	s, err := open(t, map[string]string{"sandbox": "yes"})
	require.NoError(t, err)
	made, err := filepath.Glob(filepath.Join(temporary, "bot-*", "store.db"))
	require.NoError(t, err)
	require.Len(t, made, 1)
	require.NoError(t, s.Close())
	assert.NoDirExists(t, filepath.Dir(made[0]), "a sandbox's store ends with the sandbox")

	for name, test := range map[string]struct {
		env  map[string]string
		says string
	}{
		"a file for a sandbox": {map[string]string{"sandbox": "yes", "SUNCO_STORE_FILE": "x.db"}, "unset"},
		"a URL for a sandbox":  {map[string]string{"sandbox": "yes", "DATABASE_URL": "postgres://canary"}, "unset"},
		"a URL without a key":  {map[string]string{"DATABASE_URL": "postgres://canary"}, "set SUNCO_STORE_KEY"},
		"a key that is none":   {map[string]string{"SUNCO_STORE_KEY": "canary"}, "store key"},
		"no server": {map[string]string{
			"DATABASE_URL": "postgres://bot:canary@127.0.0.1:1/bot", "SUNCO_STORE_KEY": storeKey,
		}, "failed to connect"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, test.env)
			require.ErrorContains(t, err, test.says)
			assert.NotContains(t, err.Error(), "canary")
		})
	}
}

// TestNextStart begins again after an installation that was interrupted, at other
// addresses, and after a removal while the bot did not run.
func TestNextStart(t *testing.T) {
	onStage(t, func(s *stage) {
		page := suncotest.Reply(http.StatusUnauthorized, "text/html", "<html>")
		s.Inject(suncotest.Fault{Path: "/sc/v2/tokenInfo", Handle: page})
		token := s.installations()[0].Token
		require.NoError(s, s.store.Delete(s.Context(), s.installations()[0]))
		require.NoError(s, s.store.Save(s.Context(), &sunco.Installation{Token: token}))
		s.later()
		require.Empty(s, s.installations(), "token info answered a page")
		s.later()
		require.Len(s, s.installations(), 1)
		require.NoError(s, s.Say(s.App, "ada", "hi"))
		assert.Equal(s, []string{hello}, s.Said())

		for _, name := range []string{"one", "two", "three", "four", "partner"} { // there is room for three webhooks
			if name != "partner" {
				s.Mount(name+".example", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			}
			s.startAgain("https://" + name + ".example")
			require.Len(s, s.Webhooks(), 1)
			assert.Equal(s, "https://"+name+".example"+partner.EventsPath, s.Webhooks()[0].Target)
		}
		require.NoError(s, s.Say(s.App, "ada", "hi"))
		assert.Equal(s, []string{hello}, s.Said(), "through the same webhook")

		s.Inject(suncotest.Fault{Path: "/sc/v2/tokenInfo", Times: -1, Handle: page})
		s.startAgain("https://partner.example")
		require.Len(s, s.installations(), 1, "a page proves nothing")
		s.ClearFaults()

		kept := s.installations()[0]
		require.NoError(s, s.Uninstall(s.App))
		synctest.Wait()
		require.NoError(s, s.store.Save(s.Context(), kept)) // as if the bot had not run
		s.startAgain("https://partner.example")
		assert.Empty(s, s.installations())
	})
}

// startAgain is what the next start does beside the handlers.
func (s *stage) startAgain(publicURL string) {
	s.Helper()
	client := &sunco.Client{
		ClientID: suncotest.DefaultClientID, ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
		HTTPClient: s.Client(),
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithCancel(s.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		newPartner(client, publicURL, s.store).Start(ctx)
	}()
	synctest.Wait()
	s.later()
	cancel()
	<-done
}
