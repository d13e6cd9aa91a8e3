package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sunco-go/sunco"
)

const (
	storeVersion = 1
	maxStore     = 64 << 20
)

// storeJSON is the file. Platform and ClientID say what its tokens are good for,
// so that they are never sent anywhere else.
type storeJSON struct {
	Version       int              `json:"version"`
	Platform      string           `json:"platform"`
	ClientID      string           `json:"clientId"`
	Installations []connectionJSON `json:"installations"`
}

type connectionJSON struct {
	AppID        string        `json:"appId"`
	Subdomain    string        `json:"subdomain,omitzero"`
	LegacyRegion string        `json:"legacyRegion,omitzero"`
	Token        string        `json:"token"`
	Since        time.Time     `json:"since"`
	Webhooks     []webhookJSON `json:"webhooks"`
}

type webhookJSON struct {
	ID       string   `json:"id"`
	Target   string   `json:"target"`
	Triggers []string `json:"triggers"`
	Secret   string   `json:"secret"`
}

// openStore reads the file, if there is one. One that cannot be used is an error
// and stays as it is.
func openStore(path, platform, clientID string) (*store, error) {
	s := &store{path: path, platform: platform, clientID: clientID}
	raw, err := readStore(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.create = true
		s.use(nil)
		return s, s.write(nil) // better now than when there is a token to keep
	case err != nil:
		return nil, fmt.Errorf("reading the store: %w", err)
	}
	var file storeJSON
	switch err := json.Unmarshal(raw, &file, json.RejectUnknownMembers(true)); {
	case err != nil: // whose text could repeat a token
		return nil, fmt.Errorf("the store %s is damaged or not ours: it is not the JSON that was written there; repair it, or move it away and have the customers connect again", path)
	case file.Version != storeVersion:
		return nil, fmt.Errorf("the store %s has version %d, this program knows %d", path, file.Version, storeVersion)
	case file.Platform != platform || file.ClientID != clientID:
		return nil, fmt.Errorf("the store %s is for another platform or client id; choose another STORE_FILE", path)
	}
	all, err := decodeConnections(file.Installations)
	if err != nil {
		return nil, fmt.Errorf("the store %s is damaged: %w", path, err)
	}
	s.written = sha256.Sum256(raw)
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
		if c.Token == "" || c.AppID != "" && seen[c.AppID] {
			return nil, fmt.Errorf("installation %d has no token, or is there twice", i+1)
		}
		seen[c.AppID] = true
		in := sunco.Installation{
			AppID: c.AppID, Subdomain: c.Subdomain, LegacyRegion: sunco.LegacyRegion(c.LegacyRegion),
			Token: sunco.Token{AccessToken: sunco.NewSecret(c.Token)},
		}
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
		entry := connectionJSON{
			AppID: c.AppID, Subdomain: c.Subdomain, LegacyRegion: string(c.LegacyRegion),
			Token: c.Token.AccessToken.Reveal(), Since: c.Since, Webhooks: []webhookJSON{},
		}
		for _, w := range c.Webhooks {
			entry.Webhooks = append(entry.Webhooks, webhookJSON{w.ID, w.Target, w.Triggers, w.Secret.Reveal()})
		}
		stored = append(stored, entry)
	}
	return stored
}

// write replaces the file: a crash leaves the old one or the new one. The mutex is
// held, or nobody else knows s.
func (s *store) write(all []connection) error {
	raw, err := json.Marshal(storeJSON{storeVersion, s.platform, s.clientID, encodeConnections(all)}, jsontext.WithIndent("\t"))
	if err != nil {
		return errors.New("writing the store: the connections cannot be encoded")
	}
	if err := s.unchanged(); err != nil {
		return fmt.Errorf("writing the store %s: %w", s.path, err)
	}
	if err := replaceFile(s.path, raw); err != nil {
		return fmt.Errorf("writing the store: %w", err)
	}
	s.written, s.create = sha256.Sum256(raw), false
	return nil
}

// unchanged looks whether the file is still the one that was read or written.
func (s *store) unchanged() error {
	raw, err := readStore(s.path)
	switch {
	case s.create && errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case s.create || sha256.Sum256(raw) != s.written:
		return errForeignChange
	}
	return nil
}

// replaceFile writes a file that only its owner can read, and has it on the disk
// when it returns.
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
	return syncDir(dir)
}

// syncDir makes a rename last. Systems that cannot do that to a directory do
// without.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}
