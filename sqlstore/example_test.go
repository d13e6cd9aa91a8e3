package sqlstore_test

import (
	"context"
	"database/sql"
	"log"
	"net/http"
	"os"
	"os/signal"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/messaging"
	"github.com/sunco-go/sunco/sqlstore"
)

// A partner's program, but for its bot. It can run in any number of processes. Import
// the driver: _ "github.com/jackc/pgx/v5/stdlib".
func ExampleStore() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	client := &sunco.Client{
		ClientID:     os.Getenv("SUNCO_CLIENT_ID"),
		ClientSecret: sunco.NewSecret(os.Getenv("SUNCO_CLIENT_SECRET")),
	}
	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	key := sunco.NewSecret(os.Getenv("SUNCO_STORE_KEY"))
	store, err := sqlstore.New(ctx, db, sqlstore.PostgreSQL, client, key)
	if err != nil {
		log.Fatal(err)
	}
	hook := &sunco.Webhook{
		Target:   os.Getenv("PUBLIC_URL") + "/zendesk/events",
		Triggers: []string{sunco.TriggerConversationMessage},
	}
	bot := &messaging.Bot{
		Client: client,
		OnMessage: func(ctx context.Context, c *messaging.Chat, m *messaging.Message) error {
			return c.SendText(ctx, "Hello!")
		},
	}
	http.Handle("/zendesk/install", &sunco.Installer{
		Client: client, Webhook: hook, FirstUse: store.FirstUse, Save: store.Save,
	})
	http.Handle("/zendesk/events", &sunco.EventHandler{Lookup: store.ByKey, OnEvent: store.Enqueue})
	http.Handle("/zendesk/removed", &sunco.RemovalHandler{
		Client: client, Lookup: store.ForRemoval, OnRemoved: store.Delete,
	})
	server := &http.Server{Addr: ":8080"}
	go func() { log.Print(server.ListenAndServe()) }()
	go func() { _ = store.Maintain(ctx, hook) }()
	err = store.Work(ctx, 8, bot.OnEvent) // until the program is interrupted
	log.Print(err, server.Shutdown(context.Background()))
}
