package store_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/e2e/engine"
	"github.com/sunco-go/sunco/sqlstore"
	"github.com/sunco-go/sunco/suncotest"
)

// disguises are the forms in which a secret must not be found: as it is, and in hexadecimal,
// base64 at any alignment, percent encoding, JSON's escapes and UTF-16.
func disguises(secret string) [][]byte {
	percent, escapes, wide := "", "", ""
	for i := range len(secret) {
		percent += fmt.Sprintf("%%%02x", secret[i])
		escapes += fmt.Sprintf(`\u%04x`, secret[i])
		wide += secret[i:i+1] + "\x00"
	}
	all := []string{secret, hex.EncodeToString([]byte(secret)), percent, escapes, wide}
	for _, form := range []string{all[1], percent, escapes} {
		all = append(all, strings.ToUpper(form))
	}
	for shift := range 3 {
		padded := []byte(strings.Repeat("\x00", shift) + secret)
		encoded := base64.RawStdEncoding.EncodeToString(padded[:len(padded)/3*3])
		if shift > 0 {
			encoded = encoded[4:] // depends on what stands before
		}
		all = append(all, encoded, strings.NewReplacer("+", "-", "/", "_").Replace(encoded))
	}
	forms := make([][]byte, len(all))
	for i := range all {
		forms[i] = []byte(all[i])
	}
	return forms
}

// leaks returns where secrets are found, without them.
func leaks(t *testing.T, files map[string][]byte, secrets map[string]string) (found []string) {
	t.Helper()
	for what, secret := range secrets {
		require.GreaterOrEqual(t, len(secret), 8, what)
		for form, disguised := range disguises(secret) {
			for name, content := range files {
				if bytes.Contains(content, disguised) {
					found = append(found, fmt.Sprintf("%s in %s, form %d", what, name, form))
				}
			}
		}
	}
	return found
}

// files reads all files of a database, and its dump.
func (k *desk) files(dump func() ([]byte, error)) map[string][]byte {
	k.Helper()
	all := map[string][]byte{}
	require.NoError(k, filepath.WalkDir(k.d.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil // PostgreSQL has deleted it
		}
		if content, err := os.ReadFile(path); err == nil {
			all[path] = content
		}
		return nil
	}))
	text, err := dump()
	require.NoError(k, err)
	all["dump"] = text
	return all
}

// TestSecrets lets a partner's program do everything, and searches for what must not be
// found.
func TestSecrets(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		t.Parallel()
		d, dump := e.New(t), func() ([]byte, error) { return nil, nil }
		if e.Dialect == sqlstore.PostgreSQL {
			server := engine.NewServer(t, "log_statement=all", "log_min_duration_statement=0", "log_error_verbosity=verbose")
			d, dump = server.New(t), server.Dump
		}
		s := newScene(t, d)
		s.ordered.Fails = 2
		s.restart(0)
		k := &desk{T: t, d: d, db: d.Open(t)}
		if e.Dialect == sqlstore.SQLite {
			dump = func() ([]byte, error) { return []byte(k.rows()), nil }
		}
		secrets := s.lives()
		all := k.files(dump)
		s.restart(time.Hour)
		s.eventually("everything is handled", func() bool { return s.left().Lanes == 0 })
		s.process.kill()
		for name, content := range k.files(dump) {
			all[name+" at the end"] = content
		}
		logs := s.logs + s.process.log.String()
		all["log"] = []byte(logs)
		assert.Contains(t, logs, "tried again", "the program logs")
		assert.Empty(t, leaks(t, all, secrets))

		// What is there is found.
		const planted = "planted canary 7f3a"
		assert.NotEmpty(t, leaks(t, all, map[string]string{"app": s.appID}))
		k.exec("CREATE TABLE leak AS SELECT '" + planted + "' AS x")
		found := leaks(t, k.files(dump), map[string]string{"planted": planted})
		assert.GreaterOrEqual(t, len(found), 1)
		t.Logf("%s: %d secrets in %d files, not found; a planted one in %d", e.Name, len(secrets), len(all), len(found))
	})
}

// lives lets the program do everything that has a secret, and returns them all.
func (s *scene) lives() map[string]string {
	s.Helper()
	secrets := map[string]string{"client secret": suncotest.DefaultClientSecret, "key": s.keys[0]}
	for n := range 2 {
		callback, answer := s.install()
		require.Equal(s, http.StatusSeeOther, answer.StatusCode)
		code := codeOf(callback.URL)
		token, _ := s.platform.token(code)
		secrets[fmt.Sprint("code ", n)], secrets[fmt.Sprint("token ", n)] = code, token.AccessToken.Reveal()
	}
	secrets["webhook"] = s.platform.secret(s.appID)
	for n := range 6 {
		text := fmt.Sprintf("private%d of a person", n)
		require.Equal(s, http.StatusOK, s.write(fmt.Sprint("talk", n%2), text))
		secrets["message"] = "of a person"
	}
	s.killAt(http.MethodGet, tokenInfo, false)
	callback, _ := s.install()
	s.killed()
	token, _ := s.platform.token(codeOf(callback.URL))
	secrets["unfinished token"] = token.AccessToken.Reveal()
	return secrets
}
