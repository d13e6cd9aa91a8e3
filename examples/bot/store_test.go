package main

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/exampletest"
	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/suncotest"
)

var zendesk = &sunco.Client{ClientID: "bot", Domain: "zendesk.com"}

func installation(app, token string) *sunco.Installation {
	return &sunco.Installation{AppID: app, Subdomain: "acme", Token: sunco.Token{AccessToken: sunco.NewSecret(token)}}
}

func TestStoreFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.json")
	s, err := openStore(path, zendesk)
	require.NoError(t, err)
	whole := installation("a", "first")
	whole.LegacyRegion = sunco.LegacyEU
	whole.Webhooks = []sunco.Webhook{{ID: "w", Secret: sunco.NewSecret("key")}}
	require.NoError(t, s.save(t.Context(), installation("", "first")))
	require.NoError(t, s.save(t.Context(), whole))
	require.NoError(t, s.save(t.Context(), installation("", "second")))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())

	again, err := openStore(path, zendesk)
	require.NoError(t, err)
	require.Len(t, again.rows, 2)
	assert.Equal(t, "key", again.rows[0].Webhooks[0].Secret.Reveal())
	assert.Equal(t, sunco.LegacyEU, again.rows[0].LegacyRegion)
	assert.Equal(t, whole.Generation(), again.rows[0].Generation())
	assert.Empty(t, again.rows[1].AppID)

	_, err = openStore(path, &sunco.Client{ClientID: "bot", Domain: "localhost:1"})
	require.ErrorContains(t, err, "another platform")
	require.NoError(t, os.WriteFile(path, []byte(`{"canary`), 0o600))
	_, err = openStore(path, zendesk)
	require.ErrorContains(t, err, "damaged")
	assert.NotContains(t, err.Error(), "canary")
	_, err = openStore(filepath.Join(path, "x"), zendesk)
	require.ErrorContains(t, err, "SUNCO_STORE_FILE")
	_, err = openStore("", zendesk)
	require.ErrorContains(t, err, "set SUNCO_STORE_FILE")
}

func TestStoreKeepsTheNewest(t *testing.T) {
	s := &store{}
	save := func(app, token string) {
		require.NoError(t, s.save(t.Context(), installation(app, token)))
	}
	save("", "one")
	save("", "two")
	save("a", "two")
	save("a", "one") // finished later, saved earlier
	require.Len(t, s.rows, 1)
	assert.Equal(t, "two", s.rows[0].Token.AccessToken.Reveal())

	save("", "three")
	save("a", "three")
	require.Len(t, s.rows, 1)
	assert.Equal(t, "three", s.rows[0].Token.AccessToken.Reveal())
	require.NoError(t, s.remove(t.Context(), installation("a", "two")))
	require.Len(t, s.rows, 1, "a newer one stays")
	require.NoError(t, s.remove(t.Context(), installation("a", "three")))
	save("a", "three")
	assert.Empty(t, s.rows, "it was removed meanwhile")
}

// TestStoreNeverWritten has a change count for nothing when it is not on the disk.
func TestStoreNeverWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	s := &store{path: filepath.Join(dir, "bot.json")}
	require.ErrorContains(t, s.save(t.Context(), installation("", "one")), "SUNCO_STORE_FILE")
	assert.Empty(t, s.rows)
}

// TestFinish begins again after an installation that was interrupted, and after one that
// the customer removed while the bot did not run.
func TestFinish(t *testing.T) {
	onStage(t, func(s *exampletest.Stage, rows *store) {
		client := &sunco.Client{
			ClientID: suncotest.DefaultClientID, ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
			HTTPClient: s.Client(),
		}
		at := "https://partner.example"
		start := func() { newPartner(client, at, rows).Start(s.Context()) }
		token := rows.rows[0].Token
		rows.rows = []*sunco.Installation{{Token: token}}
		start()
		require.Len(s, rows.rows, 1)
		assert.Equal(s, s.App, rows.rows[0].AppID)
		require.NoError(s, s.Say(s.App, "ada", "hi"))
		assert.Equal(s, []string{hello}, s.Said())

		for _, name := range []string{"one", "two", "three", "four", "partner"} { // there is room for three webhooks
			if at = "https://" + name + ".example"; name != "partner" {
				s.Mount(name+".example", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			}
			start()
			require.Len(s, s.Webhooks(), 1)
			assert.Equal(s, at+partner.EventsPath, s.Webhooks()[0].Target)
		}
		require.NoError(s, s.Say(s.App, "ada", "hi"))
		assert.Equal(s, []string{hello}, s.Said(), "through the same webhook")

		page := suncotest.Reply(http.StatusUnauthorized, "text/html", "<html>")
		s.Inject(suncotest.Fault{Path: "/sc/v2/tokenInfo", Handle: page})
		start()
		require.Len(s, rows.rows, 1, "a page proves nothing")

		kept := rows.rows
		require.NoError(s, s.Uninstall(s.App))
		synctest.Wait()
		rows.rows = kept // as if the bot had not run
		start()
		assert.Empty(s, rows.rows)
		client.CloseIdleConnections()
	})
}
