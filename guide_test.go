package sunco_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/messaging"
	"github.com/sunco-go/sunco/sqlstore"
	"github.com/sunco-go/sunco/suncotest"
)

// What README.md and docs/from-zero-to-installed.md show, as it stands there.

// table is the least store that the guide's handlers need. An installation is
// found by its app, and one that is not complete by its generation.
type table struct {
	mu   sync.Mutex
	rows map[string]*sunco.Installation
}

func (t *table) all() map[string]*sunco.Installation {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rows
}

func (t *table) save(_ context.Context, in *sunco.Installation) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if in.AppID == "" { // a token whose app is not known yet
		t.rows[in.Generation()] = in
		return nil
	}
	t.rows[in.AppID] = in
	delete(t.rows, in.Generation())
	return nil
}

func (t *table) byKey(_ context.Context, key [32]byte) (*sunco.Installation, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, in := range t.rows {
		for _, webhook := range in.Webhooks {
			if sha256.Sum256([]byte(webhook.Secret.Reveal())) == key {
				return in, nil
			}
		}
	}
	return nil, nil
}

func (t *table) byApp(_ context.Context, appID string) (*sunco.Installation, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rows[appID], nil
}

func (t *table) remove(_ context.Context, in *sunco.Installation) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if stored := t.rows[in.AppID]; stored != nil && stored.Generation() == in.Generation() {
		delete(t.rows, in.AppID)
	}
	return nil
}

func readmeClient() *sunco.Client {
	client := &sunco.Client{
		ClientID:     os.Getenv("SUNCO_CLIENT_ID"),
		ClientSecret: sunco.NewSecret(os.Getenv("SUNCO_CLIENT_SECRET")),
		Marketplace:  sunco.Marketplace{Name: "Shoplifter", OrganizationID: "12345", BotID: "42"}, // once listed
	}
	return client
}

func guideMux(client *sunco.Client, rows *table) http.Handler {
	const eventsURL = "https://partner.example/zendesk/events"
	save, byKey, byApp, remove := rows.save, rows.byKey, rows.byApp, rows.remove
	pages := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	mux := http.NewServeMux()
	bot := &messaging.Bot{
		Client: client,
		OnMessage: func(ctx context.Context, c *messaging.Chat, m *messaging.Message) error {
			if said, ok := m.Content.(*messaging.TextMessage); ok && said.Payload == "human" {
				return c.PassControl(ctx, messaging.AgentWorkspace, nil)
			}
			return c.Send(ctx, messaging.Text("Hello!", messaging.Reply("Talk to a human", "human")))
		},
	}
	mux.Handle("/zendesk/install", &sunco.Installer{ // "Add to Zendesk" links here, and the browser comes back here
		Client:  client,
		Webhook: &sunco.Webhook{Target: eventsURL, Triggers: []string{sunco.TriggerConversationMessage}},
		Save:    save, // called with the token, and again with the complete installation
	})
	mux.Handle("/zendesk/events", &sunco.EventHandler{Lookup: byKey, OnEvent: bot.OnEvent})
	mux.Handle("/zendesk/removed", &sunco.RemovalHandler{Client: client, Lookup: byApp, OnRemoved: remove})
	mux.Handle("/", pages) // where the browser ends; /zendesk/install?return_to=/settings chooses another page
	return mux
}

// Every line of Go in the documents stands in this file, which runs it.
func TestGuideIsWhatTheDocumentsShow(t *testing.T) {
	t.Setenv("SUNCO_CLIENT_ID", "shoplifter")
	_, err := readmeClient().AuthorizeURL("state")
	require.NoError(t, err)

	source, err := os.ReadFile("guide_test.go")
	require.NoError(t, err)
	runs := map[string]bool{}
	for line := range strings.Lines(string(source)) {
		runs[strings.TrimSpace(line)] = true
	}
	for _, name := range []string{"README.md", "docs/from-zero-to-installed.md"} {
		document, err := os.ReadFile(name)
		require.NoError(t, err)
		blocks := strings.Split(string(document), "```go\n")[1:]
		require.NotEmpty(t, blocks, name)
		for _, block := range blocks {
			code, _, _ := strings.Cut(block, "```")
			for line := range strings.Lines(code) {
				assert.True(t, runs[strings.TrimSpace(line)], "%s: %s", name, line)
			}
		}
	}
}

// guideStore is compiled and not run, because it needs a database; e2e/store has some.
func guideStore(ctx context.Context, mux *http.ServeMux, db *sql.DB,
	client *sunco.Client, webhook *sunco.Webhook, bot *messaging.Bot) error {
	store, err := sqlstore.New(ctx, db, sqlstore.PostgreSQL, client, sunco.NewSecret(os.Getenv("SUNCO_STORE_KEY")))
	if err != nil {
		return err
	}
	mux.Handle("/zendesk/install", &sunco.Installer{
		Client: client, Webhook: webhook, FirstUse: store.FirstUse, Save: store.Save,
	})
	mux.Handle("/zendesk/events", &sunco.EventHandler{Lookup: store.ByKey, OnEvent: store.Enqueue})
	mux.Handle("/zendesk/removed", &sunco.RemovalHandler{
		Client: client, Lookup: store.ForRemoval, OnRemoved: store.Delete,
	})
	go store.Maintain(ctx, webhook)    // completes what was interrupted, finds removals
	go store.Work(ctx, 8, bot.OnEvent) // each conversation in order, no event lost
	return nil
}

var _ = guideStore

func TestGuide(t *testing.T) {
	rows := &table{rows: map[string]*sunco.Installation{}}
	newMux := func(client *sunco.Client) http.Handler { return guideMux(client, rows) }
	synctest.Test(t, func(t *testing.T) { // minutes of waiting take no time in here
		platform := suncotest.New(suncotest.Config{
			RedirectURIs: []string{"https://partner.example/zendesk/install"},
			RemoveURL:    "https://partner.example/zendesk/removed",
			Approve:      true, // the customer presses Allow; Platform.Allow and Deny play it step by step
		})
		defer platform.Close()
		client := &sunco.Client{
			ClientID:     suncotest.DefaultClientID,
			ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
			HTTPClient:   platform.Client(),
		}
		platform.Mount("partner.example", newMux(client)) // your server, in the platform's network

		browser := platform.Client()
		browser.Jar, _ = cookiejar.New(nil) // the state is in a cookie
		resp, err := browser.Get("https://partner.example/zendesk/install")
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Len(t, platform.Installations(), 1)
		appID := platform.Installations()[0].AppID

		require.NoError(t, platform.Say(appID, "steve", "hello")) // a delivery follows
		synctest.Wait()
		messages := platform.Conversations(appID)[0].Messages // steve's, and the bot's answer
		require.Len(t, messages, 2)

		require.NoError(t, platform.Press(appID, "steve", "human")) // a button of the answer: a human agent takes over
		synctest.Wait()
		require.Equal(t, suncotest.AgentWorkspace, platform.Conversations(appID)[0].Control)
		require.NoError(t, platform.Say(appID, "steve", "are you still there?"))
		synctest.Wait()
		require.Len(t, platform.Conversations(appID)[0].Messages, 4) // the bot is silent

		require.NoError(t, platform.Uninstall(appID)) // a call to the remove URL follows
		synctest.Wait()
		// what was stored is gone
		assert.Empty(t, rows.all())
	})
}
