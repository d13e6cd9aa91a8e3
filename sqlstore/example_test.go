package sqlstore_test

import (
	"context"
	"database/sql"
	"log"
	"net/http"
	"os"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/messaging"
	"github.com/sunco-go/sunco/sqlstore"
)

// A partner's main. It needs a driver: import _ "github.com/jackc/pgx/v5/stdlib".
func Example() {
	ctx := context.Background()
	client := &sunco.Client{
		ClientID:     os.Getenv("SUNCO_CLIENT_ID"),
		ClientSecret: sunco.NewSecret(os.Getenv("SUNCO_CLIENT_SECRET")),
	}
	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	store, err := sqlstore.New(ctx, db, sqlstore.PostgreSQL, client, sunco.NewSecret(os.Getenv("SUNCO_STORE_KEY")))
	if err != nil {
		log.Fatal(err)
	}
	webhook := &sunco.Webhook{
		Target:   os.Getenv("SUNCO_PUBLIC_URL") + "/zendesk/events",
		Triggers: []string{sunco.TriggerConversationMessage},
	}
	bot := &messaging.Bot{
		Client: client,
		OnMessage: func(ctx context.Context, c *messaging.Chat, _ *messaging.Message) error {
			return c.SendText(ctx, "Hello!")
		},
	}
	http.Handle("/zendesk/install", &sunco.Installer{
		Client: client, Webhook: webhook, FirstUse: store.FirstUse, Save: store.Save,
	})
	http.Handle("/zendesk/events", &sunco.EventHandler{Lookup: store.ByKey, OnEvent: store.Enqueue})
	http.Handle("/zendesk/removed", &sunco.RemovalHandler{
		Client: client, Lookup: store.ForRemoval, OnRemoved: store.Delete,
	})
	go func() { log.Fatal(store.Maintain(ctx, webhook)) }()
	go func() { log.Fatal(store.Work(ctx, 8, bot.OnEvent)) }()
	log.Fatal(http.ListenAndServe(":8080", nil))
}
