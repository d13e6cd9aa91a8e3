package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/doctor"
	"github.com/sunco-go/sunco/sqlstore"
	"github.com/sunco-go/sunco/suncotest"
)

const (
	acme = "385e5d938ef09fb9c71e3a79"
	key  = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
)

func from(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

// runs runs the program without credentials.
func runs(t *testing.T, args ...string) (status int, out string) {
	t.Helper()
	var report bytes.Buffer
	status, err := run(t.Context(), args, from(nil), &report, io.Discard)
	require.NoError(t, err)
	return status, report.String()
}

func TestDemo(t *testing.T) {
	t.Run("all", func(t *testing.T) {
		status, out := runs(t)
		assert.Equal(t, findings, status)
		for _, part := range []string{"webhook-missing", "subdomain-renamed", "token-dead"} {
			assert.Contains(t, out, ": "+part+"\n\n  "+part+"\n    seen:  ")
			assert.Regexp(t, `(?m)^`+part+` +1$`, out)
		}
		assert.Regexp(t, `(?m)^healthy +1$`, out)
		assert.NotContains(t, out, acme+": ", "who is well has no paragraph")
	})
	t.Run("one", func(t *testing.T) {
		status, out := runs(t, acme)
		assert.Equal(t, healthy, status)
		assert.Equal(t, acme+": healthy\n", out)
	})
	t.Run("a conversation", func(t *testing.T) {
		status, out := runs(t, acme, "5f0000000000000000000000")
		assert.Equal(t, findings, status)
		assert.Contains(t, out, "no-conversation")
	})
	t.Run("json", func(t *testing.T) {
		status, out := runs(t, "-json")
		assert.Equal(t, findings, status)
		var codes []string
		for line := range strings.Lines(out) {
			var one struct {
				Who      string
				Findings []struct{ Code, Seen, Means, Do, Error string }
				Error    string
			}
			require.NoError(t, json.Unmarshal([]byte(line), &one))
			assert.NotEmpty(t, one.Who)
			assert.NotNil(t, one.Findings)
			for _, f := range one.Findings {
				codes = append(codes, f.Code)
				assert.True(t, f.Seen != "" && f.Means != "" && f.Do != "")
			}
		}
		assert.ElementsMatch(t, []string{"webhook-missing", "subdomain-renamed", "token-dead"}, codes)
	})
	t.Run("anonymous", func(t *testing.T) {
		for _, flags := range [][]string{{"-anonymous"}, {"-anonymous", "-json"}} {
			_, out := runs(t, flags...)
			for _, name := range []string{"acme", "globex", "hooli", "initech", "initrode", "partner.example"} {
				assert.NotContains(t, out, name)
			}
			assert.Contains(t, out, "host-1")
		}
	})
}

func TestNames(t *testing.T) {
	for text, want := range map[string]string{
		"acme.zendesk.com answered 403.":                            "host-1 answered 403.",
		"No help desk at acme.zendesk.com: acme is suspended":       "No help desk at host-1: host-2 is suspended",
		"Acme and acme.example, then acme.example again":            "host-1 and host-2, then host-2 again",
		"dial tcp: lookup bot.example on 10.0.0.1:53: no such host": "dial tcp: lookup host-1 on host-2:53: no such host",
		"read tcp [2001:db8::1]:443->192.168.1.1:9: reset":          "read tcp [host-1]:443->host-2:9: reset",
		"certificate is valid for *.bot.example, www.bot.example":   "certificate is valid for *.host-1, host-2",
		"oauth-bridge.zendesk.com, api.smooch.io, Client.Locate":    "oauth-bridge.zendesk.com, api.smooch.io, Client.Locate",
		"expired at 2000-01-01T01:00:00Z, 2m0.5s ago":               "expired at 2000-01-01T01:00:00Z, 2m0.5s ago",
	} {
		n := newNames(true)
		n.know("acme")
		assert.Equal(t, want, n.hide(text))
	}
}

func TestCouldNotLook(t *testing.T) {
	credentials := map[string]string{"SUNCO_CLIENT_ID": "id", "SUNCO_CLIENT_SECRET": "canary"}
	with := func(name, value, name2, value2 string) map[string]string {
		env := map[string]string{name: value, name2: value2}
		for k, v := range credentials {
			env[k] = v
		}
		return env
	}
	missing := filepath.Join(t.TempDir(), "missing.db")
	for name, test := range map[string]struct {
		env  map[string]string
		args []string
		says string
	}{
		"flag":            {nil, []string{"-canary"}, "flag"},
		"arguments":       {nil, []string{"a", "b", "c"}, "at most"},
		"settings":        {map[string]string{"SUNCO_CLIENT_ID": "id"}, nil, "SUNCO_CLIENT_SECRET"},
		"no store":        {credentials, nil, "SUNCO_STORE_FILE"},
		"no key":          {with("SUNCO_STORE_FILE", missing, "", ""), nil, "SUNCO_STORE_KEY"},
		"two stores":      {with("SUNCO_STORE_FILE", missing, "DATABASE_URL", "x"), nil, "either"},
		"no file":         {with("SUNCO_STORE_FILE", missing, "SUNCO_STORE_KEY", key), nil, "unable to open"},
		"bad key":         {with("SUNCO_STORE_FILE", missing, "SUNCO_STORE_KEY", "canary"), nil, "store key"},
		"bad address":     {with("DATABASE_URL", "postgres://canary:canary@%", "SUNCO_STORE_KEY", key), nil, "DATABASE_URL"},
		"unknown app":     {nil, []string{"5f0000000000000000000000"}, "no installation"},
		"odd app":         {nil, []string{"../x"}, "no installation"},
		"no conversation": {nil, []string{acme, "../x"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			status, err := run(t.Context(), test.args, from(test.env), &out, io.Discard)
			assert.Equal(t, couldNotLook, status)
			if test.says != "" {
				require.ErrorContains(t, err, test.says)
				assert.NotContains(t, strings.ReplaceAll(err.Error(), "-canary", ""), "canary")
			} else {
				assert.Contains(t, out.String(), "could not look: doctor: ")
			}
		})
	}
	assert.NoFileExists(t, missing)
	status, out := runs(t, "-h")
	assert.Equal(t, healthy, status)
	assert.Contains(t, out, "SUNCO_STORE_KEY")
}

// stored is a store with the demo's customers, and the platform that they are on.
type stored struct {
	*testing.T
	*suncotest.Platform
	file    string
	checkup *doctor.Checkup // writes
}

func newStored(t *testing.T) *stored {
	t.Helper()
	s := &stored{T: t, file: filepath.Join(t.TempDir(), "a store?#.db")}
	s.Platform = suncotest.New(suncotest.Config{Accounts: []suncotest.Account{
		{Subdomain: "acme"}, {Subdomain: "globex"}, {Subdomain: "hooli"}, {Subdomain: "initech"}}})
	t.Cleanup(s.Close)
	var end func()
	var err error
	s.checkup, end, err = newCheckup(t.Context(), s.client(), sqlstore.SQLite, openSQLite(s.file, "rwc"),
		sunco.NewSecret(key))
	require.NoError(t, err)
	t.Cleanup(end)
	require.NoError(t, play(t.Context(), s.Platform, s.checkup))
	return s
}

func (s *stored) client() *sunco.Client {
	return &sunco.Client{ClientID: suncotest.DefaultClientID,
		ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret), HTTPClient: s.Client()}
}

// reading returns a checkup that cannot write.
func (s *stored) reading() *doctor.Checkup {
	s.Helper()
	c, end, err := newCheckup(s.Context(), s.client(), sqlstore.SQLite, openSQLite(s.file, "ro"), sunco.NewSecret(key))
	require.NoError(s, err)
	s.Cleanup(end)
	return c
}

// exec changes the database behind the store's back.
func (s *stored) exec(statement string) {
	s.Helper()
	db := openSQLite(s.file, "rw")
	defer db.Close()
	_, err := db.ExecContext(s.Context(), statement)
	require.NoError(s, err)
}

func TestStoreFindings(t *testing.T) {
	event := func(s *stored) {
		require.NoError(s, s.Say(acme, "ada", "hello"))
		require.Eventually(s, func() bool {
			oldest, err := s.checkup.Store.OldestWaiting(s.Context())
			return err == nil && !oldest.IsZero()
		}, 5*time.Second, 10*time.Millisecond)
	}
	for name, test := range map[string]struct {
		arrange func(s *stored)
		want    string
		says    string
	}{
		"nothing":        {func(*stored) {}, "", ""},
		"an event waits": {event, "", ""},
		"an old event waits": {func(s *stored) {
			event(s)
			s.exec("UPDATE sunco_events SET received_at = received_at - 3600 * 1000000")
		}, "store-waiting", "waited for 1h0m"},
		"a dead event": {func(s *stored) {
			event(s)
			s.exec("UPDATE sunco_events SET dead = received_at")
		}, "store-dead", "Dead events: 1."},
		"unfinished": {func(s *stored) {
			require.NoError(s, s.checkup.Store.Save(s.Context(),
				&sunco.Installation{Token: sunco.Token{AccessToken: sunco.NewSecret("canary-token")}}))
		}, "store-unfinished", "Unfinished installations: 1."},
		"a changed row": {func(s *stored) {
			s.exec("UPDATE sunco_installations SET subdomain = 'evil' WHERE app_id = '" + acme + "'")
		}, "store-sealed", "Rows that do not open: 1."},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStored(t)
			test.arrange(s)
			found, err := s.reading().Check(t.Context(), nil)
			require.NoError(t, err)
			if test.want == "" {
				assert.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			assert.Equal(t, test.want, found[0].Code)
			assert.Contains(t, found[0].Seen, test.says)
			assert.NotContains(t, found[0].Seen, "canary")
		})
	}
}

// TestFile is the program with a store of its own, and a row in it that does not open.
func TestFile(t *testing.T) {
	s := newStored(t)
	s.exec("UPDATE sunco_installations SET subdomain = 'evil' WHERE app_id = '" + acme + "'")
	var out bytes.Buffer
	status, err := run(t.Context(), []string{acme}, from(map[string]string{
		"SUNCO_CLIENT_ID": suncotest.DefaultClientID, "SUNCO_CLIENT_SECRET": suncotest.DefaultClientSecret,
		"SUNCO_STORE_FILE": s.file, "SUNCO_STORE_KEY": key,
	}), &out, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, findings, status)
	assert.Contains(t, out.String(), acme+": store-sealed\n")
}

// TestChangesNothing compares the files, and lets the reading store try to write.
func TestChangesNothing(t *testing.T) {
	s := newStored(t)
	c := s.reading()
	before, requests := s.content(), len(s.Requests())
	r := &report{progress: io.Discard}
	require.NoError(t, r.all(t.Context(), c))
	assert.Len(t, r.results, 5)
	assert.Equal(t, before, s.content())
	for _, made := range s.Requests()[requests:] {
		assert.Equal(t, http.MethodGet, made.Method)
	}
	in, err := c.Store.Get(t.Context(), acme)
	require.NoError(t, err)
	require.Error(t, c.Store.Delete(t.Context(), in))
}

func (s *stored) content() string {
	s.Helper()
	var all strings.Builder
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(s.file + suffix)
		require.NoError(s, err)
		all.Write(content)
	}
	return all.String()
}

// TestPace begins to look at three customers within a quarter of a second at most, and
// ends with its context.
func TestPace(t *testing.T) {
	s := newStored(t)
	c := s.reading()
	s.Inject(suncotest.Fault{Path: "/sc/v2/tokenInfo", Handle: suncotest.Hang, Times: -1})
	ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
	defer cancel()
	before := len(s.Requests())
	r := &report{progress: io.Discard}
	require.ErrorIs(t, r.all(ctx, c), context.DeadlineExceeded)
	assert.LessOrEqual(t, len(s.Requests()[before:]), 3)
	assert.NotEmpty(t, r.results)
	assert.Equal(t, couldNotLook, r.status())
}
