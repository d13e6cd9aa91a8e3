package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/sunco-go/sunco"
)

const storeHelp = `  SUNCO_STORE_FILE
        the file for the installations and their tokens, which only you can read; one
        process at a time may use it. Required with Zendesk. Without it the
        installations are kept in memory.
`

// store keeps the installations in memory and, unless path is empty, in a file. A change
// counts only when it is on the disk. A row without an AppID is a token whose app is not
// known yet. The rows are in the order in which their tokens were saved; do not modify
// them.
type store struct {
	path string
	good string // what the tokens are good for; they are never sent anywhere else

	mu   sync.Mutex
	rows []*sunco.Installation
}

// save is the Save of a [sunco.Installer]. It drops a complete installation whose token is
// not stored, because the customer removed it meanwhile, and one whose app has a newer row.
func (s *store) save(_ context.Context, in *sunco.Installation) error {
	return s.change(func(rows []*sunco.Installation) []*sunco.Installation {
		own := slices.IndexFunc(rows, func(row *sunco.Installation) bool { return row.Generation() == in.Generation() })
		switch {
		case own < 0 && in.AppID == "":
			return append(rows, in)
		case own < 0 || in.AppID == "":
			return rows
		}
		newest := true
		for i, row := range rows {
			if i != own && row.AppID == in.AppID {
				newest = newest && i < own
			}
		}
		if !newest {
			return slices.Delete(rows, own, own+1)
		}
		rows[own] = in
		return slices.DeleteFunc(rows, func(row *sunco.Installation) bool { return row != in && row.AppID == in.AppID })
	})
}

// remove leaves a newer installation of the same app alone.
func (s *store) remove(_ context.Context, in *sunco.Installation) error {
	return s.change(func(rows []*sunco.Installation) []*sunco.Installation {
		return slices.DeleteFunc(rows, func(row *sunco.Installation) bool { return row.Generation() == in.Generation() })
	})
}

// find returns the first row for which is reports true, or nil.
func (s *store) find(is func(*sunco.Installation) bool) (*sunco.Installation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.rows, is); i >= 0 {
		return s.rows[i], nil
	}
	return nil, nil
}

func (s *store) byApp(_ context.Context, appID string) (*sunco.Installation, error) {
	return s.find(func(row *sunco.Installation) bool { return row.AppID == appID && appID != "" })
}

func (s *store) byKey(_ context.Context, digest [32]byte) (*sunco.Installation, error) {
	return s.find(func(row *sunco.Installation) bool {
		return slices.ContainsFunc(row.Webhooks, func(hook sunco.Webhook) bool {
			return sha256.Sum256([]byte(hook.Secret.Reveal())) == digest
		})
	})
}

// finish runs at every start, for all installations. It completes those that were
// interrupted, and deletes those that were removed while the bot did not run.
func (s *store) finish(ctx context.Context, client *sunco.Client, webhook *sunco.Webhook) {
	s.mu.Lock()
	rows := slices.Clone(s.rows)
	s.mu.Unlock()
	for _, in := range rows {
		if err := s.finishOne(ctx, client, webhook, in); err != nil {
			slog.WarnContext(ctx, "an installation was not checked", "installation", in, "error", err)
		}
	}
}

func (s *store) finishOne(ctx context.Context, client *sunco.Client, webhook *sunco.Webhook,
	in *sunco.Installation) error {
	found, err := client.Locate(ctx, in)
	refused, answered := errors.AsType[*sunco.Error](err)
	if errors.Is(err, sunco.ErrUnauthorized) && answered && refused.Code != "" { // by the API itself
		return s.remove(ctx, in)
	}
	if err != nil {
		return err
	}
	for _, hook := range in.Webhooks { // of an earlier address, perhaps; a customer has room for three
		_, err = client.UpdateWebhook(ctx, found, hook.ID, sunco.WebhookUpdate{Target: webhook.Target})
		if err != nil && !errors.Is(err, sunco.ErrNotFound) {
			return err
		}
	}
	hook, err := client.EnsureWebhook(ctx, found, webhook)
	if err != nil {
		return err
	}
	found.Webhooks = []sunco.Webhook{*hook}
	return s.save(ctx, found)
}

// change applies f to a copy, writes the copy, and makes it count.
func (s *store) change(f func([]*sunco.Installation) []*sunco.Installation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := f(slices.Clone(s.rows))
	if s.path != "" {
		if err := s.write(rows); err != nil {
			return fmt.Errorf("writing SUNCO_STORE_FILE: %w", err)
		}
	}
	s.rows = rows
	return nil
}

type fileJSON struct {
	Good string    `json:"goodFor"`
	Rows []rowJSON `json:"installations"`
}

type rowJSON struct {
	AppID     string             `json:"appId"`
	Subdomain string             `json:"subdomain"`
	Region    sunco.LegacyRegion `json:"legacyRegion"`
	Token     string             `json:"token"`
	Webhooks  []webhookJSON      `json:"webhooks"`
}

type webhookJSON struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

// openStore reads the file, or creates it.
func openStore(path string, client *sunco.Client) (*store, error) {
	s := &store{path: path, good: client.Domain + " " + client.ClientID}
	if path == "" {
		if !strings.HasPrefix(client.Domain, "localhost") {
			return nil, errors.New("set SUNCO_STORE_FILE to a file for the installations")
		}
		return s, nil
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) { // create it before there is a token to lose
		return s, s.change(slices.Clone)
	}
	if err != nil {
		return nil, fmt.Errorf("reading SUNCO_STORE_FILE: %w", err)
	}
	var file fileJSON
	if json.Unmarshal(raw, &file) != nil { // its text could repeat a token
		return nil, errors.New("SUNCO_STORE_FILE is damaged, or another program's file; choose another")
	}
	if file.Good != s.good {
		return nil, errors.New("SUNCO_STORE_FILE belongs to another platform or client id; choose another")
	}
	for _, row := range file.Rows {
		in := &sunco.Installation{
			AppID: row.AppID, Subdomain: row.Subdomain, LegacyRegion: row.Region,
			Token: sunco.Token{AccessToken: sunco.NewSecret(row.Token)},
		}
		for _, hook := range row.Webhooks {
			in.Webhooks = append(in.Webhooks, sunco.Webhook{ID: hook.ID, Secret: sunco.NewSecret(hook.Secret)})
		}
		s.rows = append(s.rows, in)
	}
	return s, nil
}

// write replaces the file. A crash leaves the old file or the new one.
func (s *store) write(rows []*sunco.Installation) error {
	file := fileJSON{Good: s.good}
	for _, in := range rows {
		row := rowJSON{
			AppID: in.AppID, Subdomain: in.Subdomain, Region: in.LegacyRegion, Token: in.Token.AccessToken.Reveal(),
		}
		for _, hook := range in.Webhooks {
			row.Webhooks = append(row.Webhooks, webhookJSON{hook.ID, hook.Secret.Reveal()})
		}
		file.Rows = append(file.Rows, row)
	}
	raw, err := json.MarshalIndent(file, "", "\t")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(s.path), ".bot-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // there is none after the renaming
	_, err = f.Write(raw)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), s.path)
}
