package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sunco-go/sunco"
)

const (
	storeVersion = 1
	maxStore     = 64 << 20
)

var errForeignChange = errors.New("the file changed since it was read; is another process using it?")

// connection is an installation and when its token was stored. Without an AppID
// it is unfinished: only the token is known.
type connection struct {
	sunco.Installation
	Since time.Time
}

// store keeps the connections in memory and in a file. A change counts only when
// it is on the disk. What the methods return is shared: do not modify it.
type store struct {
	path     string
	platform string // what the tokens are good for
	clientID string

	mu      sync.Mutex
	all     []connection
	byKey   map[[32]byte]int   // index in all, by SHA-256 of a webhook's secret
	written *[sha256.Size]byte // digest of the file as it was last seen; nil: there is no file
}

// save is [sunco.Installer]'s Save. A token without an app becomes a connection of
// its own. A complete installation takes the place of the connection with its
// token, and of an earlier one of the same app; it is dropped when its token is not
// stored any more, or when the app has a newer one.
func (s *store) save(_ context.Context, in *sunco.Installation) error {
	return s.change(func(all []connection) []connection {
		own := slices.IndexFunc(all, func(c connection) bool { return c.Generation() == in.Generation() })
		if in.AppID == "" && own < 0 {
			return append(all, connection{*in, time.Now().UTC()})
		}
		if in.AppID == "" || own < 0 {
			return all
		}
		fresh := connection{*in, all[own].Since}
		if all[own].AppID != in.AppID {
			all = slices.Delete(all, own, own+1)
		}
		row := slices.IndexFunc(all, func(c connection) bool { return c.AppID == in.AppID })
		if row < 0 {
			return append(all, fresh)
		}
		if all[row].Since.After(fresh.Since) {
			return all
		}
		if len(fresh.Webhooks) == 0 {
			fresh.Webhooks = all[row].Webhooks // they still deliver
		}
		all[row] = fresh
		return all
	})
}

// remove deletes the connection with a token, and reports whether there was one. A
// newer one of the same app stays.
func (s *store) remove(generation string) (found bool, err error) {
	err = s.change(func(all []connection) []connection {
		before := len(all)
		all = slices.DeleteFunc(all, func(c connection) bool { return c.Generation() == generation })
		found = len(all) < before
		return all
	})
	return found && err == nil, err
}

// change applies f to a copy, writes the copy, and makes it count.
func (s *store) change(f func([]connection) []connection) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := f(slices.Clone(s.all))
	if err := s.write(next); err != nil {
		return fmt.Errorf("writing the store %s: %w", s.path, err)
	}
	s.use(next)
	return nil
}

// use makes connections count that are in the file.
func (s *store) use(all []connection) {
	s.all, s.byKey = all, map[[32]byte]int{}
	for i, c := range all {
		for _, hook := range c.Webhooks {
			if !hook.Secret.IsZero() {
				s.byKey[sha256.Sum256([]byte(hook.Secret.Reveal()))] = i
			}
		}
	}
}

// get returns the connection of an app, or nil.
func (s *store) get(appID string) *connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.all {
		if appID != "" && c.AppID == appID {
			return &c
		}
	}
	return nil
}

// lookup is [sunco.EventHandler]'s Lookup.
func (s *store) lookup(_ context.Context, keyDigest [32]byte) (*sunco.Installation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, found := s.byKey[keyDigest]
	if !found {
		return nil, nil
	}
	in := s.all[i].Installation
	return &in, nil
}

// list returns all connections.
func (s *store) list() []connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// unfinished returns the connections of which only the token is known.
func (s *store) unfinished() []connection {
	return slices.DeleteFunc(s.list(), func(c connection) bool { return c.AppID != "" })
}

// storeJSON is the file. Platform and ClientID say what its tokens are good for,
// so that they are never sent anywhere else.
type storeJSON struct {
	Version       int              `json:"version"`
	Platform      string           `json:"platform"`
	ClientID      string           `json:"clientId"`
	Installations []connectionJSON `json:"installations"`
}

type connectionJSON struct {
	AppID     string        `json:"appId"`
	Subdomain string        `json:"subdomain,omitzero"`
	Token     string        `json:"token"`
	Since     time.Time     `json:"since"`
	Webhooks  []webhookJSON `json:"webhooks"`
}

type webhookJSON struct {
	ID       string   `json:"id"`
	Target   string   `json:"target"`
	Triggers []string `json:"triggers"`
	Secret   string   `json:"secret"`
}

// openStore reads the file, or creates it. A file that cannot be used is an error
// and is left alone.
func openStore(path, platform, clientID string) (*store, error) {
	s := &store{path: path, platform: platform, clientID: clientID}
	raw, err := readStore(path)
	if errors.Is(err, fs.ErrNotExist) { // create it before there is a token to lose
		return s, s.change(func([]connection) []connection { return nil })
	}
	if err != nil {
		return nil, fmt.Errorf("reading the store: %w", err)
	}
	var file storeJSON
	switch err := json.Unmarshal(raw, &file, json.RejectUnknownMembers(true)); {
	case err != nil: // its text could repeat a token
		return nil, fmt.Errorf("the store %s is damaged, or another program's; "+
			"repair it, or move it away and have the customers connect again", path)
	case file.Version != storeVersion:
		return nil, fmt.Errorf("the store %s has version %d; this program reads version %d", path, file.Version, storeVersion)
	case file.Platform != platform || file.ClientID != clientID:
		return nil, fmt.Errorf("the store %s belongs to another platform or client id; choose another SUNCO_STORE_FILE", path)
	}
	all, err := decodeConnections(file.Installations)
	if err != nil {
		return nil, fmt.Errorf("the store %s is damaged: %w", path, err)
	}
	sum := sha256.Sum256(raw)
	s.written = &sum
	s.use(all)
	return s, nil
}

func readStore(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	raw, err := io.ReadAll(io.LimitReader(f, maxStore+1))
	if err == nil && len(raw) > maxStore {
		err = fmt.Errorf("%s is longer than %d MiB", path, maxStore>>20)
	}
	return raw, err
}

func decodeConnections(stored []connectionJSON) ([]connection, error) {
	var all []connection
	seen := map[string]bool{}
	for i, c := range stored {
		in := sunco.Installation{
			AppID: c.AppID, Subdomain: c.Subdomain, Token: sunco.Token{AccessToken: sunco.NewSecret(c.Token)},
		}
		if c.Token == "" || seen[c.AppID] || seen[in.Generation()] {
			return nil, fmt.Errorf("installation %d has no token, or is there twice", i+1)
		}
		seen[c.AppID], seen[in.Generation()] = c.AppID != "", true
		for _, w := range c.Webhooks {
			in.Webhooks = append(in.Webhooks, sunco.Webhook{
				ID: w.ID, Target: w.Target, Triggers: w.Triggers, Secret: sunco.NewSecret(w.Secret),
			})
		}
		all = append(all, connection{in, c.Since})
	}
	return all, nil
}

func encodeConnections(all []connection) []connectionJSON {
	stored := []connectionJSON{}
	for _, c := range all {
		entry := connectionJSON{c.AppID, c.Subdomain, c.Token.AccessToken.Reveal(), c.Since, []webhookJSON{}}
		for _, w := range c.Webhooks {
			entry.Webhooks = append(entry.Webhooks, webhookJSON{w.ID, w.Target, w.Triggers, w.Secret.Reveal()})
		}
		stored = append(stored, entry)
	}
	return stored
}

// write replaces the file, unless it holds the same already or another process
// changed it. A crash leaves the old file or the new one.
func (s *store) write(all []connection) error {
	file := storeJSON{storeVersion, s.platform, s.clientID, encodeConnections(all)}
	raw, err := json.Marshal(file, jsontext.WithIndent("\t"))
	if err != nil { // its text could repeat a token
		return errors.New("the connections cannot be encoded")
	}
	sum := sha256.Sum256(raw)
	if s.written != nil && *s.written == sum {
		return nil
	}
	switch found, err := readStore(s.path); {
	case errors.Is(err, fs.ErrNotExist) && s.written == nil:
	case err != nil:
		return err
	case s.written == nil || *s.written != sha256.Sum256(found):
		return errForeignChange
	}
	if err := replaceFile(s.path, raw); err != nil {
		return err
	}
	s.written = &sum
	return nil
}

// replaceFile writes a file that only its owner can read. When it returns, the
// content is on the disk.
func replaceFile(path string, content []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".shoplifter-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // nothing more can be done
		}
	}()
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	if d, err := os.Open(dir); err == nil { // the file is replaced, whatever follows
		_, _ = d.Sync(), d.Close() // makes the rename last, on systems that can do that
	}
	return nil
}
