package store_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/e2e/engine"
	"github.com/sunco-go/sunco/sqlstore"
	"github.com/sunco-go/sunco/suncotest"
)

// desk is a Store on a database of its own.
type desk struct {
	*testing.T
	*sqlstore.Store
	d      *engine.Database
	db     *sql.DB
	client *sunco.Client
	keys   []sunco.Secret
	log    *lockedBuffer
}

// newDesk makes a Store. Its client reaches nothing unless client is given.
func newDesk(t *testing.T, d *engine.Database, client ...*sunco.Client) *desk {
	t.Helper()
	k := &desk{T: t, d: d, db: d.Open(t), keys: []sunco.Secret{sunco.NewSecret(newKey())}, log: new(lockedBuffer)}
	k.client = newClient("localhost:1", "")
	if len(client) > 0 {
		k.client = client[0]
	}
	k.Store = k.another()
	return k
}

// another is the Store of another process, with its own connections.
func (k *desk) another() *sqlstore.Store {
	k.Helper()
	store, err := sqlstore.New(k.Context(), k.d.Open(k), k.d.Dialect, k.client, k.keys...)
	require.NoError(k, err)
	store.Logger = slog.New(slog.NewTextHandler(k.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return store
}

// pass lets time pass.
func (k *desk) pass(passed time.Duration) {
	k.Helper()
	require.NoError(k, pass(k.Context(), k.db, passed))
}

// exec executes a statement, with $1 and so on.
func (k *desk) exec(statement string, args ...any) int64 {
	k.Helper()
	result, err := k.db.ExecContext(k.Context(), k.d.Param(statement), args...)
	require.NoError(k, err)
	n, err := result.RowsAffected()
	require.NoError(k, err)
	return n
}

// number returns the only value that a query finds.
func (k *desk) number(query string, args ...any) (n int64) {
	k.Helper()
	require.NoError(k, k.db.QueryRowContext(k.Context(), k.d.Param(query), args...).Scan(&n))
	return n
}

// rows returns all rows of the tables, one in a line, to see that nothing has changed.
func (k *desk) rows() string {
	k.Helper()
	var all strings.Builder
	for _, table := range tables() {
		all.WriteString(k.table("SELECT * FROM " + table + " ORDER BY 1"))
	}
	return all.String()
}

// tables are all that a Store has.
func tables() []string {
	return []string{
		"sunco_schema", "sunco_installations", "sunco_webhook_keys", "sunco_seen", "sunco_lanes", "sunco_events",
	}
}

func (k *desk) table(query string) string {
	k.Helper()
	var all strings.Builder
	rows, err := k.db.QueryContext(k.Context(), query)
	require.NoError(k, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(k, err)
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		require.NoError(k, rows.Scan(values...))
		for _, value := range values {
			switch value := (*value.(*any)).(type) {
			case []byte:
				all.WriteString(hex.EncodeToString(value) + " ")
			default:
				fmt.Fprint(&all, value, " ")
			}
		}
		all.WriteString("\n")
	}
	require.NoError(k, rows.Err())
	return all.String()
}

// installed returns an installation of an app with a new token and webhook.
func installed(appID string) *sunco.Installation {
	return &sunco.Installation{
		AppID:     appID,
		Subdomain: "acme",
		Token:     sunco.Token{AccessToken: sunco.NewSecret("token-" + rand.Text())},
		Webhooks: []sunco.Webhook{{
			ID: "hook-" + appID, Target: "https://shoplifter.example/events", Version: "v2",
			Triggers: []string{sunco.TriggerConversationMessage, sunco.TriggerUserMerge},
			Secret:   sunco.NewSecret("secret-" + rand.Text()), IncludeFullUser: true,
		}},
	}
}

// alone returns the token of an installation alone.
func alone(in *sunco.Installation) *sunco.Installation { return &sunco.Installation{Token: in.Token} }

// save installs an app, in both steps.
func (k *desk) save(in *sunco.Installation) *sunco.Installation {
	k.Helper()
	require.NoError(k, k.Save(k.Context(), alone(in)))
	require.NoError(k, k.Save(k.Context(), in))
	return in
}

// digest returns the digest by which the first webhook of an installation is found.
func digest(in *sunco.Installation) [32]byte {
	return sha256.Sum256([]byte(in.Webhooks[0].Secret.Reveal()))
}

// message returns an event of an app: one message.
func message(appID, conversation, text string) *sunco.Event {
	return eventOf(appID, suncotest.Event{Trigger: "conversation:message", ID: text, Payload: map[string]any{
		"conversation": map[string]string{"id": conversation},
		"message":      map[string]any{"content": map[string]string{"type": "text", "text": text}},
	}})
}

// eventOf returns an event as a delivery carries it.
func eventOf(appID string, e suncotest.Event) *sunco.Event {
	const secret = "any"
	in := &sunco.Installation{AppID: appID, Webhooks: []sunco.Webhook{{ID: "hook", Secret: sunco.NewSecret(secret)}}}
	delivery, err := sunco.ReadDelivery(suncotest.NewDelivery(suncotest.Webhook{AppID: appID, ID: "hook"}, secret, e), in)
	if err != nil {
		panic(err)
	}
	return &delivery.Events[0]
}

// work runs Work until the test ends or stop is called.
func (k *desk) work(store *sqlstore.Store, workers int, onEvent func(*sunco.Event) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = store.Work(ctx, workers, func(_ context.Context, _ *sunco.Installation, e *sunco.Event) error {
			return onEvent(e)
		})
	}()
	stop = func() {
		cancel()
		<-ended
	}
	k.Cleanup(stop)
	return stop
}

// maintain runs Maintain until it has looked at all rows that are due. It takes the one
// that has been due for the longest time first, so a row that is due from now on is last.
func (k *desk) maintain(webhook *sunco.Webhook) {
	k.Helper()
	now := time.Now().UnixMicro()
	k.exec("INSERT INTO sunco_installations (app_id, generation, subdomain, legacy_region, key_id, sealed, pending, "+
		"suspect, check_at, token_at, updated_at) VALUES ('last', 'last', '', '', '', $1, '', 0, $2, $2, $2)", []byte{}, now)
	ctx, cancel := context.WithCancel(k.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = k.Maintain(ctx, webhook)
	}()
	require.Eventually(k, func() bool {
		return k.number("SELECT check_at FROM sunco_installations WHERE app_id = 'last'") > now
	}, 30*time.Second, 5*time.Millisecond)
	cancel()
	<-ended
	k.exec("DELETE FROM sunco_installations WHERE app_id = 'last'")
}

// meanwhile calls f while another process changes something that it then commits.
func (k *desk) meanwhile(change string, f func() error) {
	k.Helper()
	conn, err := k.d.Open(k).Conn(k.Context())
	require.NoError(k, err)
	begin := "BEGIN IMMEDIATE; "
	if k.d.Dialect == sqlstore.PostgreSQL {
		begin = "BEGIN; "
	}
	_, err = conn.ExecContext(k.Context(), begin+change)
	require.NoError(k, err)
	ended := make(chan error)
	go func() { ended <- f() }()
	time.Sleep(200 * time.Millisecond)
	_, err = conn.ExecContext(k.Context(), "COMMIT")
	require.NoError(k, err)
	require.NoError(k, <-ended)
}

// newStore makes a Store with these keys.
func newStore(k *desk, keys ...sunco.Secret) (*sqlstore.Store, error) {
	return sqlstore.New(k.Context(), k.db, k.d.Dialect, k.client, keys...)
}
