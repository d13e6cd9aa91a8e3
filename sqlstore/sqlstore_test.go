package sqlstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/sunco-go/sunco"
)

const testKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

func testStore(t *testing.T) *Store {
	t.Helper()
	ring, err := newRing([]sunco.Secret{sunco.NewSecret(testKey)})
	require.NoError(t, err)
	return &Store{keys: ring, client: &sunco.Client{ClientID: "partner"}}
}

func complete() *sunco.Installation {
	return &sunco.Installation{
		AppID: "app1", Subdomain: "acme", LegacyRegion: sunco.LegacyEU,
		Token: sunco.Token{AccessToken: sunco.NewSecret("canary-token")},
		Webhooks: []sunco.Webhook{
			{ID: "w1", Version: "v2", Target: "https://example.com/é", Secret: sunco.NewSecret("canary-secret"),
				Triggers: []string{"conversation:message", ""}, IncludeFullUser: true},
			{},
			{ID: "w2", IncludeFullSource: true},
		},
	}
}

func TestInstallationSurvivesItsRow(t *testing.T) {
	s := testStore(t)
	for name, change := range map[string]func(*sunco.Installation){
		"complete":    func(*sunco.Installation) {},
		"no webhook":  func(in *sunco.Installation) { in.Webhooks = nil },
		"token alone": func(in *sunco.Installation) { *in = sunco.Installation{Token: in.Token} },
	} {
		t.Run(name, func(t *testing.T) {
			in := complete()
			change(in)
			appID := in.AppID
			if appID == "" {
				appID = "~" + in.Generation()
			}
			row := s.newRow(appID, in)
			assert.NotContains(t, string(row.sealed), "canary")
			got, err := s.open(row)
			require.NoError(t, err)
			assert.Equal(t, in, got)
		})
	}
}

func TestRowOpensInItsPlaceOnly(t *testing.T) {
	s := testStore(t)
	for name, change := range map[string]func(*row){
		"app":           func(r *row) { r.appID = "app2" },
		"generation":    func(r *row) { r.generation = "00" },
		"subdomain":     func(r *row) { r.subdomain = "attacker" },
		"legacy region": func(r *row) { r.region = "us" },
		"sealed":        func(r *row) { r.sealed[len(r.sealed)-1] ^= 1 },
	} {
		t.Run(name, func(t *testing.T) {
			r := s.newRow("app1", complete())
			change(r)
			_, err := s.open(r)
			var bad *SealError
			require.ErrorAs(t, err, &bad)
			assert.Equal(t, r.appID, bad.AppID)
			assert.False(t, bad.NoKey)
		})
	}
	t.Run("key", func(t *testing.T) {
		r := s.newRow("app1", complete())
		r.keyID = "0badf00d"
		_, err := s.open(r)
		assert.EqualError(t, err, `sqlstore: a row of app "app1", sealed with key "0badf00d", does not open: `+
			"New was called without the key that sealed it; pass it too")
	})
}

func TestKeysAreChecked(t *testing.T) {
	client := &sunco.Client{ClientID: "partner"}
	for name, keys := range map[string][]sunco.Secret{
		"none":        nil,
		"zero":        {{}},
		"short":       {sunco.NewSecret("c2hvcnQ=")},
		"second only": {sunco.NewSecret(testKey), sunco.NewSecret("canary-not-base64")},
	} {
		t.Run(name, func(t *testing.T) {
			var input *sunco.InputError
			_, err := newRing(keys)
			require.ErrorAs(t, err, &input)
			assert.Equal(t, "store key", input.Name)
			assert.Contains(t, input.Reason, "openssl rand -base64 32")
			assert.NotContains(t, err.Error(), "canary")
		})
	}
	t.Run("before the database", func(t *testing.T) {
		_, err := New(t.Context(), nil, SQLite, client)
		assert.EqualError(t, err, "sunco: database: nil")
	})
}

func TestMerge(t *testing.T) {
	s := testStore(t)
	stored := s.newRow("app1", complete())
	for _, test := range []struct {
		name     string
		in, want func(*sunco.Installation)
	}{
		{"nothing is missing", func(in *sunco.Installation) { in.Subdomain = "moved" },
			func(in *sunco.Installation) { in.Subdomain = "moved" }},
		{"webhooks are kept", func(in *sunco.Installation) { in.Webhooks = nil }, func(*sunco.Installation) {}},
		{"the place is kept", func(in *sunco.Installation) { in.Subdomain, in.LegacyRegion = "", "" },
			func(*sunco.Installation) {}},
		{"a legacy app stays one", func(in *sunco.Installation) { in.Subdomain = "" },
			func(in *sunco.Installation) { in.Subdomain = "" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			in, want := complete(), complete()
			test.in(in)
			test.want(want)
			before := *in
			got, err := s.merge(in, stored)
			require.NoError(t, err)
			assert.Equal(t, want, got)
			assert.Equal(t, &before, in, "the argument is not changed")
		})
	}
	in := &sunco.Installation{AppID: "app1", Token: complete().Token}
	t.Run("a damaged row has nothing to keep", func(t *testing.T) {
		damaged := *stored
		damaged.generation = "00"
		got, err := s.merge(in, &damaged)
		require.NoError(t, err)
		assert.Equal(t, in, got)
	})
	t.Run("a row whose key is missing is not replaced by less", func(t *testing.T) {
		foreign := *stored
		foreign.keyID = "0badf00d"
		_, err := s.merge(in, &foreign)
		assert.Error(t, err)
	})
}

func TestCheckRefusesWhatCannotBeStored(t *testing.T) {
	s := testStore(t)
	for name, change := range map[string]func(*sunco.Installation){
		"no token":          func(in *sunco.Installation) { in.Token = sunco.Token{} },
		"an unfinished id":  func(in *sunco.Installation) { in.AppID = "~app" },
		"a NUL":             func(in *sunco.Installation) { in.AppID = "app\x00" },
		"65 characters":     func(in *sunco.Installation) { in.AppID = strings.Repeat("a", 65) },
		"another host":      func(in *sunco.Installation) { in.Subdomain = "evil.example/" },
		"a region unknown":  func(in *sunco.Installation) { in.Subdomain, in.LegacyRegion = "", "mars" },
		"quotes in the app": func(in *sunco.Installation) { in.AppID = "a'b" },
	} {
		t.Run(name, func(t *testing.T) {
			in := complete()
			change(in)
			var input *sunco.InputError
			assert.ErrorAs(t, s.check(in), &input)
		})
	}
	assert.NoError(t, s.check(complete()))
	assert.NoError(t, s.check(&sunco.Installation{AppID: "app1", Token: complete().Token}), "no place yet")
	assert.Error(t, s.check(nil))
}

func eventOf(t *testing.T, app, payload string) *sunco.Event {
	t.Helper()
	e := new(sunco.Event)
	require.NoError(t, json.Unmarshal(fmt.Appendf(nil, `{"app":{"id":%q},"webhook":{"id":"w"},"events":[{"id":"e",`+
		`"payload":%s}]}`, app, payload), e))
	return e
}

func TestLanes(t *testing.T) {
	lanes := map[string][]string{
		"one conversation": {
			`{"conversation":{"id":"c1"},"user":{"id":"u1"}}`, `{"conversation":{"id":"c1"},"user":{"id":"u2"}}`,
			`{"user":7,"conversation":{"type":"personal","id":"c1"}}`,
		},
		"another conversation":    {`{"conversation":{"id":"c2"},"user":{"id":"u1"}}`},
		"a name in another case":  {`{"conversation":{"ID":"c1"}}`, `{}`, `null`, `{"conversation":"c1"}`},
		"a user":                  {`{"user":{"id":"u1"}}`, `{"conversation":{},"user":{"id":"u1"}}`},
		"a user with that name":   {`{"user":{"id":"c1"}}`},
		"an id with another case": {`{"conversation":{"id":"C1"}}`},
	}
	seen := map[string]string{}
	for name, payloads := range lanes {
		for _, payload := range payloads {
			lane := string(laneOf(eventOf(t, "app1", payload)))
			require.Len(t, lane, 16)
			if other, ok := seen[lane]; ok {
				assert.Equal(t, other, name, payload)
			}
			seen[lane] = name
			assert.NotEqual(t, lane, string(laneOf(eventOf(t, "app2", payload))), "apps share no lane")
		}
	}
	assert.Len(t, seen, len(lanes), "each of these is one lane")
}

func TestEventOpensInItsLaneOnly(t *testing.T) {
	s := testStore(t)
	event := eventOf(t, "app1", `{"text":"canary `+"\xff"+`"}`)
	plain, err := event.MarshalJSON()
	require.NoError(t, err)
	stored := storedEvent{appID: "app1", lane: laneOf(event)}
	stored.keyID, stored.sealed = s.keys.Seal(forEvent, plain, stored.appID, string(stored.lane))
	assert.NotContains(t, string(stored.sealed), "canary")

	got, err := s.openEvent(&stored)
	require.NoError(t, err)
	assert.Equal(t, event.Raw(), got.Raw(), "byte for byte")

	moved := stored
	moved.lane = hash("another")
	_, err = s.openEvent(&moved)
	assert.ErrorAs(t, err, new(*SealError))
}

func TestRetryWaits(t *testing.T) {
	var total time.Duration
	for attempt, want := range map[int]time.Duration{
		1: time.Second, 2: 5 * time.Second, 3: 30 * time.Second, 4: 2 * time.Minute, 5: 5 * time.Minute,
		6: 10 * time.Minute, 7: 10 * time.Minute, 9: 10 * time.Minute, maxAttempts + 90: 10 * time.Minute,
	} {
		assert.Equal(t, want, retryWait(attempt), "attempt %d", attempt)
	}
	for attempt := 1; attempt < maxAttempts; attempt++ {
		total += retryWait(attempt)
	}
	assert.Less(t, total, time.Hour, "a conversation waits for its first event for less than an hour")
}

func TestNextCheckIsSpread(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 100 {
		wait := nextCheck()
		assert.InDelta(t, 24*time.Hour, wait, float64(24*time.Hour/10))
		seen[wait] = true
	}
	assert.Greater(t, len(seen), 90)
}

func TestRefusal(t *testing.T) {
	for _, test := range []struct {
		name   string
		err    error
		status int
		sure   bool
	}{
		{"alive", nil, 0, false},
		{"the API's 401", &sunco.Error{Status: http.StatusUnauthorized, Code: "unauthorized"}, 401, true},
		{"a bare 401", &sunco.Error{Status: http.StatusUnauthorized}, 401, false},
		{"the API's 403", &sunco.Error{Status: http.StatusForbidden, Code: "forbidden"}, 403, false},
		{"the API's 404", &sunco.Error{Status: http.StatusNotFound, Code: "not_found"}, 404, false},
		{"a bare 403", &sunco.Error{Status: http.StatusForbidden}, 0, false},
		{"the API's 500", &sunco.Error{Status: http.StatusInternalServerError, Code: "oops"}, 0, false},
		{"no answer", &sunco.Error{Err: errors.New("refused")}, 0, false},
		{"another error", errors.New("other"), 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, sure := refusal(test.err)
			assert.Equal(t, test.status, status)
			assert.Equal(t, test.sure, sure)
		})
	}
}

func TestSchema(t *testing.T) {
	for _, d := range []Dialect{SQLite, PostgreSQL} {
		assert.Contains(t, Schema(d), "CREATE TABLE sunco_installations")
		assert.Empty(t, schemaFile(d, newestSchema+1), "the last file has the number newestSchema")
		for version := 1; version <= newestSchema; version++ {
			assert.NotEmpty(t, schemaFile(d, version))
		}
	}
	assert.Empty(t, Schema(0))
}
