package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

// works sends the test message for acme, and receives a message.
func (b *browser) works(p *program, zendesk *suncotest.Platform, text string) {
	b.t.Helper()
	app := zendesk.Accounts()[0].AppID
	here := p.base + "/installations/" + app
	assert.Contains(b.t, b.press(b.visit(here), "Send the test message").text, "The test message was sent.")
	require.NoError(b.t, zendesk.Say(app, "ada", text))
	b.until(here, text, true)
}

// TestReinstallationFails connects an account again. Whatever fails then, the
// connection works as before, and the next start completes the new one.
func TestReinstallationFails(t *testing.T) {
	for name, at := range map[string]suncotest.Fault{
		"token info":  {Path: "/sc/v2/tokenInfo", Handle: refusal},
		"webhook":     {Method: http.MethodGet, Path: webhooks, Handle: refusal},
		"second Save": {Method: http.MethodGet, Path: webhooks},
	} {
		t.Run(name, func(t *testing.T) {
			env, zendesk := faulty(t)
			p, b := start(t, env), newBrowser(t)
			b.connect(p, "acme")
			old := secrets(t, env)
			if at.Handle == nil {
				at.Handle = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					change(t, env, broken)
					next.ServeHTTP(w, r)
				}
			}
			zendesk.Inject(at)
			assert.Contains(t, b.connect(p, "acme").text, unfinished)
			both := secrets(t, env)
			require.Len(t, both, 3)
			assert.Equal(t, old, both[:2], "the row is untouched")
			b.works(p, zendesk, "before")

			require.Equal(t, 0, p.stop())
			change(t, env, "DROP TRIGGER IF EXISTS broken")
			p = start(t, env)
			front := b.until(p.base+"/", "acme was connected.", true)
			assert.NotContains(t, front.text, "not complete")
			assert.Equal(t, []string{both[2], old[1]}, secrets(t, env), "the new token, and the webhook")
			assert.Len(t, zendesk.Webhooks(), 1)
			b.works(p, zendesk, "afterwards")
		})
	}
}

// TestKilled copies the database whenever Zendesk is asked for something after the
// exchange: a program that is killed then leaves this. A start with it completes the
// connection.
func TestKilled(t *testing.T) {
	for _, times := range []int{1, 2} {
		t.Run([]string{"", "installation", "re-installation"}[times], func(t *testing.T) {
			env, zendesk := faulty(t)
			p, b := start(t, env), newBrowser(t)
			if times == 2 {
				b.connect(p, "acme")
			}
			var mu sync.Mutex
			left := map[string]string{} // files, by what Zendesk was asked for
			zendesk.Inject(suncotest.Fault{Times: -1, Handle: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if r.Header.Get("Authorization") != "" {
					file := filepath.Join(t.TempDir(), "store.db")
					change(t, env, "VACUUM INTO '"+file+"'")
					mu.Lock()
					left[r.Method+" "+r.URL.Path] = file
					mu.Unlock()
				}
				next.ServeHTTP(w, r)
			}})
			b.connect(p, "acme")
			token := secrets(t, env)[0]
			require.Equal(t, 0, p.stop())
			zendesk.ClearFaults()
			env["PORT"] = p.base[strings.LastIndexByte(p.base, ':')+1:] // or each start makes a webhook of its own
			require.GreaterOrEqual(t, len(left), 2, "token info and the webhooks at least")
			for asked, file := range left {
				env["SUNCO_STORE_FILE"] = file
				require.Contains(t, secrets(t, env), token, asked)
				p := start(t, env)
				b.until(p.base+"/", "acme was connected.", true)
				assert.Equal(t, token, secrets(t, env)[0], asked)
				assert.Len(t, secrets(t, env), 2, asked)
				p.stop()
			}
		})
	}
}

const dead = `{"errors":[{"code":"unauthorized","title":"canary"}]}`

// TestProofOfDeath has token info give an answer about one of two tokens of an
// account: its row, and the unfinished one of a re-installation.
func TestProofOfDeath(t *testing.T) {
	const front = `{"error":{"title":"x","message":"y"}}`
	reply := suncotest.Reply
	for name, test := range map[string]struct {
		answer suncotest.Handle
		dead   bool
	}{
		"401 of the API":        {reply(http.StatusUnauthorized, "application/json", dead), true},
		"401 without a body":    {reply(http.StatusUnauthorized, "", ""), false},
		"401 with a page":       {reply(http.StatusUnauthorized, "text/html", "<h1>Airport</h1>"), false},
		"401 of a front server": {reply(http.StatusUnauthorized, "application/json", front), false},
		"403 of the API":        {reply(http.StatusForbidden, "application/json", dead), false},
		"404 of the API":        {reply(http.StatusNotFound, "application/json", dead), false},
		"501":                   {reply(http.StatusNotImplemented, "text/plain", "no"), false},
		"redirect":              {suncotest.Redirect(http.StatusFound, "https://airport.example/"), false},
	} {
		for i, which := range []string{"the row", "the unfinished one"} {
			t.Run(name+" about "+which, func(t *testing.T) {
				env, zendesk := faulty(t)
				p, b := start(t, env), newBrowser(t)
				b.connect(p, "acme")
				zendesk.Inject(suncotest.Fault{Path: "/sc/v2/tokenInfo", Handle: refusal})
				b.connect(p, "acme")
				require.Equal(t, 0, p.stop())
				kept := secrets(t, env) // the row's token and webhook, and the other token
				require.Len(t, kept, 3)
				about := kept[2*i]
				handle := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					if strings.HasSuffix(r.Header.Get("Authorization"), about) {
						test.answer(w, r, next)
						return
					}
					refusal(w, r, next)
				}
				zendesk.Inject(suncotest.Fault{Path: "/sc/v2/tokenInfo", Times: -1, Handle: handle})
				p = start(t, env)
				p.waitFor("could not be completed", 2)
				want := kept
				if test.dead && i == 0 {
					want = kept[2:]
				} else if test.dead {
					want = kept[:2]
				}
				assert.Equal(t, want, secrets(t, env))
			})
		}
	}
}

// TestRefused presses buttons while a token that lives is refused.
func TestRefused(t *testing.T) {
	const send, uninstall = "Send the test message", "Uninstall from acme"
	page := suncotest.Reply(http.StatusUnauthorized, "text/html", "<h1>canary</h1>")
	api := suncotest.Reply(http.StatusUnauthorized, "application/json", dead)
	for name, test := range map[string]struct {
		fault   suncotest.Fault
		buttons []string
	}{
		"by a foreign page":      {suncotest.Fault{Handle: page}, []string{send, uninstall}},
		"by the customer's host": {suncotest.Fault{Path: "/sc/v2/apps", Handle: api}, []string{send}},
		"by revoke":              {suncotest.Fault{Path: "/sc/oauth", Handle: api}, []string{uninstall}},
	} {
		t.Run(name, func(t *testing.T) {
			env, zendesk := faulty(t)
			p, b := start(t, env), newBrowser(t)
			page := b.connect(p, "acme")
			before := secrets(t, env)
			test.fault.Times = -1
			zendesk.Inject(test.fault)
			for _, button := range test.buttons {
				failed := b.press(page, button)
				assert.Equal(t, http.StatusBadGateway, failed.StatusCode, button)
				assert.NotContains(t, failed.text, "canary", button)
				assert.Equal(t, before, secrets(t, env), button)
			}
			zendesk.ClearFaults()
			b.works(p, zendesk, "afterwards")
		})
	}
}
