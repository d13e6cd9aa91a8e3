package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/doctor"
	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/sqlstore"
	"github.com/sunco-go/sunco/suncotest"
)

// openDemo returns a checkup of a fake partner, whose customers are on a fake platform.
func openDemo(ctx context.Context, _ partner.Settings, _ func(string) string) (*doctor.Checkup, func(), error) {
	dir, err := os.MkdirTemp("", "sunco-doctor-")
	if err != nil {
		return nil, nil, err
	}
	platform := suncotest.New(suncotest.Config{Accounts: []suncotest.Account{
		{Subdomain: "acme"}, {Subdomain: "globex"}, {Subdomain: "hooli"}, {Subdomain: "initech"},
	}})
	client := &sunco.Client{
		ClientID: suncotest.DefaultClientID, ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
		HTTPClient: platform.Client(),
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	secret := sunco.NewSecret(base64.StdEncoding.EncodeToString(key))
	file := filepath.Join(dir, "store.db")
	written, endWriting, err := newCheckup(ctx, client, sqlstore.SQLite, openSQLite(file, "rwc"), secret)
	end := func() {
		platform.Close()
		_ = os.RemoveAll(dir)
	}
	if err != nil {
		end()
		return nil, nil, err
	}
	if err = play(ctx, platform, written); err != nil {
		endWriting()
		end()
		return nil, nil, err
	}
	read, endReading, err := newCheckup(ctx, client, sqlstore.SQLite, openSQLite(file, "ro"), secret)
	return read, func() {
		endReading()
		endWriting()
		end()
	}, err
}

// play lets the customers install, and then lets something happen to all but the first.
func play(ctx context.Context, platform *suncotest.Platform, c *doctor.Checkup) error {
	platform.Mount("partner.example", &sunco.EventHandler{Lookup: c.Store.ByKey, OnEvent: c.Store.Enqueue})
	for _, account := range platform.Accounts() {
		if err := install(ctx, platform, c, account); err != nil {
			return err
		}
	}
	globex, err := c.Store.Get(ctx, platform.Accounts()[1].AppID)
	if err != nil {
		return err
	}
	return errors.Join(
		c.Client.DeleteWebhook(ctx, globex, globex.Webhooks[0].ID),
		platform.Uninstall(platform.Accounts()[2].AppID),
		platform.Rename("initech", "initrode"),
	)
}

// install does what a sunco.Installer does.
func install(ctx context.Context, platform *suncotest.Platform, c *doctor.Checkup, account suncotest.Account) error {
	consent, err := c.Client.AuthorizeURL("state")
	if err != nil {
		return err
	}
	back, err := platform.Allow(ctx, consent, account.Subdomain)
	if err != nil {
		return err
	}
	token, err := c.Client.Exchange(ctx, sunco.NewSecret(back.Query().Get("code")))
	if err != nil {
		return err
	}
	in, err := c.Client.Locate(ctx, &sunco.Installation{Token: token})
	if err != nil {
		return err
	}
	hook, err := c.Client.EnsureWebhook(ctx, in, &sunco.Webhook{
		Target: "https://partner.example/zendesk/events", Triggers: []string{sunco.TriggerConversationMessage},
	})
	if err != nil {
		return err
	}
	in.Webhooks = []sunco.Webhook{*hook}
	return c.Store.Save(ctx, in)
}
