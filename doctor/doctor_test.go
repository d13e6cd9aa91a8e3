package doctor_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/doctor"
	"github.com/sunco-go/sunco/messaging"
	"github.com/sunco-go/sunco/suncotest"
)

const target = "https://partner.example/zendesk/events?key=target-key-canary"

// patient is a customer on the fake platform, and the partner's server.
type patient struct {
	*testing.T
	*suncotest.Platform
	checkup *doctor.Checkup
	in      *sunco.Installation
	handler *sunco.EventHandler
	events  int // calls of OnEvent

	mu       sync.Mutex
	answer   http.HandlerFunc // instead of the EventHandler, if it is not nil
	received []string         // method and body
}

// newPatient installs for a customer who is well.
func newPatient(t *testing.T, behavior suncotest.Behavior) *patient {
	t.Helper()
	p := &patient{T: t, Platform: suncotest.New(suncotest.Config{Behavior: behavior})}
	t.Cleanup(p.Close)
	p.handler = &sunco.EventHandler{
		Lookup: func(context.Context, [32]byte) (*sunco.Installation, error) { return p.in, nil },
		OnEvent: func(context.Context, *sunco.Installation, *sunco.Event) error {
			p.events++
			return nil
		},
	}
	p.Mount("partner.example", p)
	p.checkup = &doctor.Checkup{
		Client:  newClient(p.Transport()),
		Webhook: &sunco.Webhook{Target: target, Triggers: []string{sunco.TriggerConversationMessage}},
	}
	p.in = p.install()
	p.received = nil
	return p
}

func newClient(transport *http.Transport) *sunco.Client {
	return &sunco.Client{
		ClientID:     suncotest.DefaultClientID,
		ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
		Marketplace:  sunco.Marketplace{Name: "Shoplifter", OrganizationID: "1", BotID: "2"},
		HTTPClient:   &http.Client{Transport: transport},
	}
}

// ServeHTTP is the partner's server.
func (p *patient) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.received = append(p.received, r.Method+" "+r.URL.Path)
	if p.answer != nil {
		p.answer(w, r)
		return
	}
	p.handler.ServeHTTP(w, r)
}

func (p *patient) client() *sunco.Client { return p.checkup.Client }

// install is what an Installer does.
func (p *patient) install() *sunco.Installation {
	p.Helper()
	ctx := p.Context()
	authorize, err := p.client().AuthorizeURL("state")
	require.NoError(p, err)
	back, err := p.Allow(ctx, authorize, "")
	require.NoError(p, err)
	token, err := p.client().Exchange(ctx, sunco.NewSecret(back.Query().Get("code")))
	require.NoError(p, err)
	in, err := p.client().Locate(ctx, &sunco.Installation{Token: token})
	require.NoError(p, err)
	p.in = in
	return p.ensure()
}

func (p *patient) ensure() *sunco.Installation {
	p.Helper()
	hook, err := p.client().EnsureWebhook(p.Context(), p.in, p.checkup.Webhook)
	require.NoError(p, err)
	p.in.Webhooks = []sunco.Webhook{*hook}
	return p.in
}

// app returns the customer's app.
func (p *patient) app() string { return p.Accounts()[0].AppID }

// writes lets a person write, and returns the conversation.
func (p *patient) writes() string {
	p.Helper()
	require.NoError(p, p.Say(p.app(), "ada", "hello"))
	synctest.Wait()
	p.received, p.events = nil, 0
	return p.Conversations(p.app())[0].ID
}

// fails makes every request to a host meet a fault.
func (p *patient) fails(f suncotest.Fault) {
	f.Times = -1
	p.Inject(f)
}

// disconnect makes the next request need a new connection.
func (p *patient) disconnect() {
	p.client().HTTPClient.Transport.(*http.Transport).CloseIdleConnections()
}

// token replaces the token by one with other claims.
func (p *patient) token(claims string) {
	parts := strings.Split(p.in.Token.AccessToken.Reveal(), ".")
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(claims))
	p.in.Token.AccessToken = sunco.NewSecret(strings.Join(parts, "."))
}

func codes(findings []doctor.Finding) []string {
	all := []string{}
	for _, f := range findings {
		all = append(all, f.Code)
	}
	return all
}

// assertFit checks what every report must be: complete sentences without credentials.
func (p *patient) assertFit(findings []doctor.Finding, err error) {
	p.Helper()
	report := fmt.Sprintf("%+v %#v %v", findings, findings, err)
	for _, f := range findings {
		for name, text := range map[string]string{"Seen": f.Seen, "Means": f.Means, "Do": f.Do} {
			assert.Regexp(p, `^\S.*\.$`, text, "%s of %s", name, f.Code)
		}
		report += fmt.Sprint(f.Err)
	}
	secrets := []string{p.in.Token.AccessToken.Reveal(), suncotest.DefaultClientSecret, "target-key-canary"}
	for _, w := range p.in.Webhooks {
		secrets = append(secrets, w.Secret.Reveal())
	}
	for i, secret := range secrets {
		if secret != "" && strings.Contains(report, secret) {
			p.Errorf("secret %d is in the report", i)
		}
	}
}

func TestHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(t, suncotest.Behavior{MarketplaceRequired: true})
		p.checkup.ConversationID = p.writes()
		before := len(p.Requests())
		for _, webhook := range []*sunco.Webhook{p.checkup.Webhook, nil} {
			p.checkup.Webhook = webhook
			findings, err := p.checkup.Check(t.Context(), p.in)
			require.NoError(t, err)
			assert.Empty(t, findings)
		}
		assert.Equal(t, strings.Repeat("HEAD /zendesk/events POST /zendesk/events ", 2), strings.Join(p.received, " ")+" ")
		assert.Zero(t, p.events, "calls of OnEvent")
		for _, r := range p.Requests()[before:] {
			assert.Equal(t, http.MethodGet, r.Method, "it changes nothing")
		}
	})
}

// TestFindings produces the findings about Zendesk and about the target in memory.
func TestFindings(t *testing.T) {
	for name, test := range map[string]struct {
		behavior suncotest.Behavior
		arrange  func(p *patient)
		want     []string
		says     string // part of what was seen
	}{
		"pasted with a space": {arrange: func(p *patient) {
			p.in.Token.AccessToken = sunco.NewSecret(" " + p.in.Token.AccessToken.Reveal())
		}, want: []string{"token-malformed"}},
		"another client": {arrange: func(p *patient) { p.client().ClientID = "canary-client" },
			want: []string{"token-client"}, says: `another client than "canary-client"`},
		"another app": {arrange: func(p *patient) { p.in.AppID = "5f0000000000000000000000" },
			want: []string{"token-app"}, says: "5f0000000000000000000000"},
		"another app, which the token does not name": {arrange: func(p *patient) {
			p.in.AppID = "5f0000000000000000000000"
			p.fails(suncotest.Fault{Path: "/sc/v2/tokenInfo", Handle: suncotest.Reply(200, "application/json",
				`{"app":{"id":"5f1111111111111111111111","subdomain":"acme"}}`)})
			p.in.Token.AccessToken = sunco.NewSecret("opaque-token-canary")
		}, want: []string{"token-app"}, says: "5f1111111111111111111111"},
		"expired": {behavior: suncotest.Behavior{TokenLifetime: time.Hour},
			arrange: func(*patient) { time.Sleep(2 * time.Hour) },
			want:    []string{"token-expired", "token-dead"}, says: "2000-01-01T01:00:00Z"},
		"dead": {arrange: func(p *patient) { require.NoError(p, p.Uninstall(p.app())) },
			want: []string{"token-dead"}, says: "401"},
		"dead, bare": {behavior: suncotest.Behavior{RevokedShape: suncotest.ErrorEmpty},
			arrange: func(p *patient) { require.NoError(p, p.Uninstall(p.app())) }, want: []string{"token-refused"}},
		"dead, 403": {behavior: suncotest.Behavior{RevokedStatus: 403},
			arrange: func(p *patient) { require.NoError(p, p.Uninstall(p.app())) },
			want:    []string{"token-refused"}, says: "403"},
		"refused by the customer's host": {arrange: func(p *patient) {
			p.fails(suncotest.Fault{Host: "acme.zendesk.com", Handle: suncotest.Reply(401, "application/json",
				`{"errors":[{"code":"unauthorized","title":"no"}]}`)})
		}, want: []string{"token-refused"}, says: "acme.zendesk.com answered 401"},
		"another app, and a token that is made up": {arrange: func(p *patient) {
			p.token(`{"appId":"<b>","azp":"somebody","exp":1.5}`)
		}, want: []string{"token-client", "token-app", "token-expired", "token-dead"}},
		"unfinished": {arrange: func(p *patient) { p.in = &sunco.Installation{Token: p.in.Token} },
			want: []string{"unfinished", "webhook-secret"}},
		"no region": {arrange: func(p *patient) {
			p.fails(suncotest.Fault{Path: "/sc/v2/tokenInfo", Handle: suncotest.Reply(200, "application/json",
				`{"app":{"id":"`+p.app()+`"}}`)})
		}, want: []string{"no-region"}},
		"renamed": {arrange: func(p *patient) { require.NoError(p, p.Rename("acme", "roadrunner")) },
			want: []string{"subdomain-renamed"}, says: "at roadrunner.zendesk.com, and the installation has acme.zendesk.com"},
		"suspended": {arrange: func(p *patient) {
			p.fails(suncotest.Fault{Host: "acme.zendesk.com", Handle: suncotest.Reply(403, "application/json",
				`{"error":{"title":"Account suspended","message":"Talk to us"}}`)})
		}, want: []string{"account-suspended"}, says: "acme.zendesk.com answered 403"},
		"closed": {arrange: func(p *patient) {
			p.fails(suncotest.Fault{Host: "acme.zendesk.com", Handle: suncotest.Reply(404, "application/json",
				`{"error":{"title":"No help desk at acme.zendesk.com","message":"no"}}`)})
		}, want: []string{"account-suspended"}, says: "404"},
		"closed, and its name is gone": {arrange: func(p *patient) {
			p.disconnect()
			p.fails(suncotest.Fault{Host: "acme.zendesk.com", Dial: &net.DNSError{Err: "no such host", IsNotFound: true}})
		}, want: []string{"account-suspended"}, says: "acme.zendesk.com does not exist."},
		"a proxy that wants a password": {arrange: func(p *patient) {
			p.fails(suncotest.Fault{Host: "acme.zendesk.com", Handle: suncotest.Reply(407, "", "")})
		}, want: []string{"proxy"}, says: "407"},
		"headers missing": {behavior: suncotest.Behavior{MarketplaceRequired: true}, arrange: func(p *patient) {
			p.checkup.Client = &sunco.Client{ClientID: suncotest.DefaultClientID, HTTPClient: p.Client()}
		}, want: []string{"marketplace-headers"}, says: "403"},
		"slow down": {arrange: func(p *patient) {
			p.fails(suncotest.Fault{Path: "/sc/v2/tokenInfo", Handle: suncotest.RetryAfter(429, "120")})
		}, want: []string{"rate-limited"}, says: "for 2m0s"},
		"slow down, the customer's host": {arrange: func(p *patient) {
			p.fails(suncotest.Fault{Host: "acme.zendesk.com", Handle: suncotest.Reply(429, "text/plain", "slow down")})
		}, want: []string{"rate-limited"}, says: "acme.zendesk.com"},
		"a login page": {arrange: func(p *patient) {
			p.fails(suncotest.Fault{Host: "oauth-bridge.zendesk.com", Handle: suncotest.Reply(200, "text/html", "<html>Log in")})
		}, want: []string{"proxy"}, says: "status 200"},
		"a page that forbids": {arrange: func(p *patient) {
			p.fails(suncotest.Fault{Host: "acme.zendesk.com", Handle: suncotest.Reply(403, "text/html", "<html>No")})
		}, want: []string{"proxy"}, says: "acme.zendesk.com has status 403"},
		"a page that forbids, without the headers": {arrange: func(p *patient) {
			p.checkup.Client = &sunco.Client{ClientID: suncotest.DefaultClientID, HTTPClient: p.Client()}
			p.fails(suncotest.Fault{Host: "oauth-bridge.zendesk.com", Handle: suncotest.Reply(403, "text/html", "<html>No")})
		}, want: []string{"proxy"}, says: "403"},
		"a portal that redirects": {arrange: func(p *patient) {
			p.fails(suncotest.Fault{Host: "oauth-bridge.zendesk.com", Handle: suncotest.Redirect(302, "https://portal.example")})
		}, want: []string{"proxy"}, says: "302"},
		"a proxy that reads TLS": {arrange: func(p *patient) {
			p.disconnect()
			p.fails(suncotest.Fault{Host: "oauth-bridge.zendesk.com", Conn: suncotest.StrangerCertificate})
		}, want: []string{"proxy"}},
		"a proxy without TLS": {arrange: func(p *patient) {
			p.disconnect()
			p.fails(suncotest.Fault{Host: "oauth-bridge.zendesk.com", Conn: suncotest.PlainHTTP})
		}, want: []string{"proxy"}},
		"the clock": {arrange: func(p *patient) {
			transport := p.Transport()
			transport.TLSClientConfig.Time = func() time.Time { return time.Now().AddDate(-5, 0, 0) }
			p.Cleanup(transport.CloseIdleConnections)
			p.checkup.Client = newClient(transport)
		}, want: []string{"clock"}, says: "valid from 1999-12-31"},
	} {
		t.Run(name, func(t *testing.T) { findings(t, test.behavior, test.arrange, test.want, test.says) })
	}
}

func findings(t *testing.T, behavior suncotest.Behavior, arrange func(*patient), want []string, says string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(t, suncotest.Behavior{})
		if behavior != (suncotest.Behavior{}) {
			p = newPatient(t, behavior)
		}
		arrange(p)
		began := time.Now()
		got, err := p.checkup.Check(t.Context(), p.in)
		require.NoError(t, err)
		assert.Less(t, time.Since(began), time.Minute)
		assert.Equal(t, want, codes(got), "%+v", got)
		if len(got) > 0 {
			assert.Contains(t, got[0].Seen, says)
		}
		assert.Zero(t, p.events, "calls of OnEvent")
		p.assertFit(got, err)
	})
}

// TestWebhookFindings compares what Zendesk has with what is wanted and stored.
func TestWebhookFindings(t *testing.T) {
	create := func(p *patient, target string) {
		_, err := p.client().CreateWebhook(p.Context(), p.in,
			&sunco.Webhook{Target: target, Triggers: []string{sunco.TriggerConversationMessage}})
		require.NoError(p, err)
		p.received = nil
	}
	for name, test := range map[string]struct {
		arrange func(p *patient)
		want    []string
		says    string
	}{
		"missing": {func(p *patient) {
			require.NoError(p, p.client().DeleteWebhook(p.Context(), p.in, p.in.Webhooks[0].ID))
		}, []string{"webhook-missing"}, "Webhooks at Zendesk: 0, none of them with the target at partner.example."},
		"limit": {func(p *patient) {
			p.checkup.Webhook.Target = "https://partner.example/new"
			create(p, "https://partner.example/2")
			create(p, "https://partner.example/3")
		}, []string{"webhook-missing", "webhook-limit"}, "at Zendesk: 3"},
		"drifted": {func(p *patient) {
			_, err := p.client().UpdateWebhook(p.Context(), p.in, p.in.Webhooks[0].ID,
				sunco.WebhookUpdate{Triggers: []string{sunco.TriggerUserMerge}, IncludeFullUser: new(true)})
			require.NoError(p, err)
		}, []string{"webhook-drifted"}, "triggers, includeFullUser"},
		"drifted target": {func(p *patient) {
			p.checkup.Webhook = nil
			_, err := p.client().UpdateWebhook(p.Context(), p.in, p.in.Webhooks[0].ID,
				sunco.WebhookUpdate{Target: "https://partner.example/elsewhere"})
			require.NoError(p, err)
		}, []string{"webhook-drifted"}, "target"},
		"doubled": {func(p *patient) { create(p, target) }, []string{"webhook-doubled", "webhook-secret"}, "2 webhooks"},
		"both are stored": {func(p *patient) {
			p.checkup.Webhook = nil
			create(p, target)
			var err error
			p.in.Webhooks, err = p.client().ListWebhooks(p.Context(), p.in)
			require.NoError(p, err)
		}, []string{"webhook-doubled"}, "2 webhooks"},
		"a list without secrets": {func(p *patient) {
			p.fails(suncotest.Fault{Host: "acme.zendesk.com", Handle: suncotest.Reply(200, "application/json",
				`{"webhooks":[{"id":"`+p.in.Webhooks[0].ID+`","target":"`+target+`","triggers":["conversation:message"]}]}`)})
		}, []string{}, ""},
		"another secret": {func(p *patient) {
			p.in.Webhooks[0].Secret = sunco.NewSecret("0123456789-canary")
		}, []string{"webhook-secret"}, "another secret at Zendesk"},
		"no secret": {func(p *patient) {
			p.in.Webhooks[0].Secret = sunco.Secret{}
		}, []string{"webhook-secret"}, "without its secret"},
		"not stored": {func(p *patient) { p.in.Webhooks = nil }, []string{"webhook-secret"}, "not stored"},
		"a store that keeps only the secret": {func(p *patient) {
			p.in.Webhooks = []sunco.Webhook{{ID: p.in.Webhooks[0].ID, Secret: p.in.Webhooks[0].Secret}}
			p.checkup.Webhook = nil
		}, []string{}, ""},
	} {
		t.Run(name, func(t *testing.T) { findings(t, suncotest.Behavior{}, test.arrange, test.want, test.says) })
	}
}

// TestTargetFindings calls targets in the platform's network.
func TestTargetFindings(t *testing.T) {
	post := func(status int) func(*patient) {
		return func(p *patient) {
			p.answer = func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					w.WriteHeader(status)
				}
			}
		}
	}
	for name, test := range map[string]struct {
		arrange func(p *patient)
		want    []string
		says    string
	}{
		"no HEAD": {func(p *patient) {
			p.answer = func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodHead {
					w.WriteHeader(http.StatusMethodNotAllowed)
				}
			}
		}, []string{"target-head"}, "answered 405, and to / 405"},
		"no answer to HEAD": {func(p *patient) {
			p.answer = func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodHead {
					panic(http.ErrAbortHandler)
				}
			}
		}, []string{"target-head"}, "answered nothing"},
		"HEAD of / only": {func(p *patient) {
			p.answer = func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodHead && r.URL.Path != "/" {
					w.WriteHeader(http.StatusNotFound)
				}
			}
		}, []string{}, ""},
		"redirects": {func(p *patient) {
			p.answer = func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://www.partner.example/", http.StatusMovedPermanently)
			}
		}, []string{"target-redirects"}, "HEAD to the target at partner.example was answered 301"},
		"redirects deliveries": {post(http.StatusTemporaryRedirect), []string{"target-redirects"}, "POST"},
		"401":                  {post(http.StatusUnauthorized), []string{"target-refuses"}, "answered 401"},
		"404":                  {post(http.StatusNotFound), []string{"target-refuses"}, "answered 404"},
		"418":                  {post(http.StatusTeapot), []string{"target-refuses"}, "answered 418"},
		"another installation": {func(p *patient) {
			p.answer = func(w http.ResponseWriter, r *http.Request) {
				other := &sunco.Installation{AppID: p.in.AppID, Webhooks: []sunco.Webhook{{ID: "x", Secret: sunco.NewSecret("x")}}}
				(&sunco.EventHandler{
					Lookup:  func(context.Context, [32]byte) (*sunco.Installation, error) { return other, nil },
					OnEvent: func(context.Context, *sunco.Installation, *sunco.Event) error { return nil },
				}).ServeHTTP(w, r)
			}
		}, []string{"target-refuses"}, "answered 401"},
		"never answers": {func(p *patient) {
			p.answer = func(_ http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					<-r.Context().Done()
				}
			}
		}, []string{"target-refuses"}, "answered nothing"},
		"plain HTTP": {func(p *patient) {
			p.checkup.Webhook.Target = "http://partner.example/zendesk/events"
			p.ensure()
		}, []string{"target-plain-http"}, "partner.example is plain HTTP"},
		"not there": {func(p *patient) {
			p.disconnect()
			p.Mount("partner.example", nil)
		}, []string{"target-unreachable"}, "cannot connect to partner.example"},
		"a private name": {func(p *patient) {
			p.Mount("bot.internal", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			p.checkup.Webhook.Target = "https://bot.internal/events"
			p.ensure()
		}, []string{"target-private"}, "bot.internal"},
		"a private address": {func(p *patient) {
			p.Mount("127.0.0.1:8443", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			p.checkup.Webhook.Target = "https://127.0.0.1:8443/events"
			p.ensure()
		}, []string{"target-private"}, "127.0.0.1:8443"},
	} {
		t.Run(name, func(t *testing.T) {
			findings(t, suncotest.Behavior{DeliverySerial: true}, test.arrange, test.want, test.says)
		})
	}
}

// TestWhatTheTargetGets has a target that refuses, and one over plain HTTP, which gets no
// delivery.
func TestWhatTheTargetGets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(t, suncotest.Behavior{})
		var got *http.Request
		var body map[string]any
		p.answer = func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				got = r
				assert.NoError(t, json.NewDecoder(r.Body).Decode(&body))
				w.WriteHeader(http.StatusInternalServerError)
			}
		}
		_, err := p.checkup.Check(t.Context(), p.in)
		require.NoError(t, err)
		assert.Equal(t, []string{"HEAD /zendesk/events", "POST /zendesk/events"}, p.received)
		hook := p.in.Webhooks[0]
		assert.Equal(t, map[string]any{
			"app": map[string]any{"id": p.app()}, "webhook": map[string]any{"id": hook.ID, "version": "v2"}, "events": []any{},
		}, body)
		assert.True(t, hook.Secret.Equal(sunco.NewSecret(got.Header.Get("X-API-Key"))), "the stored key")
		assert.Empty(t, got.Header.Get("Authorization"))

		p.checkup.Webhook.Target = "http://partner.example/zendesk/events"
		p.answer = nil
		p.ensure()
		p.received = nil
		_, err = p.checkup.Check(t.Context(), p.in)
		require.NoError(t, err)
		assert.Equal(t, []string{"HEAD /zendesk/events"}, p.received)
	})
}

func TestConversation(t *testing.T) {
	pass := func(p *patient, to string) {
		require.NoError(p, messaging.App{Client: p.client(), Installation: p.in}.
			PassControl(p.Context(), p.checkup.ConversationID, to, nil))
	}
	for name, test := range map[string]struct {
		behavior suncotest.Behavior
		arrange  func(p *patient)
		want     []string
		says     string
	}{
		"nobody": {suncotest.Behavior{NoSwitchboard: true}, func(*patient) {}, []string{}, ""},
		"a human": {suncotest.Behavior{}, func(p *patient) {
			pass(p, messaging.AgentWorkspace)
		}, []string{"not-in-control"}, "zd-agentWorkspace"},
		"another conversation": {suncotest.Behavior{}, func(p *patient) {
			p.checkup.ConversationID = "5f0000000000000000000000"
		}, []string{"no-conversation"}, "5f0000000000000000000000"},
	} {
		t.Run(name, func(t *testing.T) {
			findings(t, test.behavior, func(p *patient) {
				p.checkup.ConversationID = p.writes()
				test.arrange(p)
				synctest.Wait()
				p.events = 0 // what the hand-off caused
			}, test.want, test.says)
		})
	}
}

// TestCouldNotLook has what is no finding about the customer.
func TestCouldNotLook(t *testing.T) {
	for name, arrange := range map[string]func(p *patient){
		"no client":    func(p *patient) { p.checkup.Client = nil },
		"no client id": func(p *patient) { p.checkup.Client = &sunco.Client{} },
		"bridge is down": func(p *patient) {
			p.fails(suncotest.Fault{Host: "oauth-bridge.zendesk.com", Handle: suncotest.Reply(503, "", "")})
		},
		"account is down": func(p *patient) { p.fails(suncotest.Fault{Host: "acme.zendesk.com", Handle: suncotest.Reset}) },
		"no network": func(p *patient) {
			p.disconnect()
			p.fails(suncotest.Fault{Dial: errors.New("network is unreachable")})
		},
		"bad conversation": func(p *patient) { p.checkup.ConversationID = "../x" },
		"bad target":       func(p *patient) { p.checkup.Webhook.Target = "partner.example" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPatient(t, suncotest.Behavior{})
				arrange(p)
				got, err := p.checkup.Check(t.Context(), p.in)
				require.ErrorContains(t, err, "doctor: ")
				p.assertFit(got, err)
			})
		})
	}
	t.Run("context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := newPatient(t, suncotest.Behavior{})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			p.answer = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
			_, err := p.checkup.Check(ctx, p.in)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
	})
}

// TestWithheld has a platform that repeats credentials.
func TestWithheld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(t, suncotest.Behavior{})
		p.checkup.ConversationID = "5f0000000000000000000000"
		secret := p.in.Webhooks[0].Secret.Reveal()
		p.fails(suncotest.Fault{Path: "/sc/v2/apps/*/conversations/*", Handle: suncotest.Reply(200, "application/json",
			`{"conversation":{"id":"x","activeSwitchboardIntegration":{"integrationType":"`+secret+`"}}}`)})
		got, err := p.checkup.Check(t.Context(), p.in)
		require.NoError(t, err)
		require.Equal(t, []string{"not-in-control"}, codes(got))
		assert.Contains(t, got[0].Seen, "withheld")
		p.assertFit(got, err)
	})
}

// TestLegacyRegion has an app in the other region, which answers 401.
func TestLegacyRegion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		platform := suncotest.New(suncotest.Config{Accounts: []suncotest.Account{{Legacy: suncotest.LegacyEU}}})
		defer platform.Close()
		client := &sunco.Client{
			ClientID: suncotest.DefaultClientID, ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
			HTTPClient: platform.Client(), LegacyRegion: sunco.LegacyUS,
		}
		authorize, err := client.AuthorizeURL("state")
		require.NoError(t, err)
		back, err := platform.Allow(t.Context(), authorize, "")
		require.NoError(t, err)
		token, err := client.Exchange(t.Context(), sunco.NewSecret(back.Query().Get("code")))
		require.NoError(t, err)
		in := &sunco.Installation{AppID: platform.Accounts()[0].AppID, Token: token, LegacyRegion: sunco.LegacyUS}
		got, err := (&doctor.Checkup{Client: client}).Check(t.Context(), in)
		require.NoError(t, err)
		require.Equal(t, []string{"no-region"}, codes(got))
		assert.Equal(t, "api.smooch.io answered 401.", got[0].Seen)
		in.LegacyRegion = sunco.LegacyEU
		got, err = (&doctor.Checkup{Client: client}).Check(t.Context(), in)
		require.NoError(t, err)
		assert.Empty(t, got)
	})
}
