package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/internal/redact"
	"github.com/sunco-go/sunco/suncotest"
)

// inBubble runs a test in virtual time, on a platform with the account acme and others.
func inBubble(
	t *testing.T, drawn behavior, test func(*testing.T, *suncotest.Platform, *probe, *strings.Builder),
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		platform, p, out := stage(t, drawn)
		test(t, platform, p, out)
	})
}

// asked returns the requests that the platform got, without those of the administrator.
func asked(platform *suncotest.Platform) (all []suncotest.Request) {
	for _, r := range platform.Requests() {
		if r.Header.Get("User-Agent") == "sunco-probe" {
			all = append(all, r)
		}
	}
	return all
}

// requireNoLie compares every answer that was given with the truth.
func requireNoLie(t *testing.T, drawn behavior, report string) (given int) {
	t.Helper()
	answers, literal := printed(t, report)
	for name, answer := range answers {
		if !strings.HasPrefix(answer, "not asked: ") {
			given++
			requireTrue(t, drawn, name, answer, reflect.ValueOf(literal).FieldByName(name).Interface())
		}
	}
	return given
}

// requireClean requires that webhooks and people of the probe's are gone.
func requireClean(t *testing.T, platform *suncotest.Platform) {
	t.Helper()
	require.Empty(t, platform.Webhooks())
	require.Empty(t, platform.Conversations(platform.Accounts()[0].AppID))
}

func TestManners(t *testing.T) {
	inBubble(t, behavior{}, func(t *testing.T, platform *suncotest.Platform, p *probe, out *strings.Builder) {
		require.NoError(t, p.runAndReport(p.inbox.ctx))
		requests := asked(platform)
		wrong := 0
		for i, r := range requests {
			if i > 0 {
				assert.GreaterOrEqual(t, r.Time.Sub(requests[i-1].Time), 200*time.Millisecond, "no bursts")
			}
			if r.Header.Get("Authorization") != "" {
				assert.Contains(t, []string{"oauth-bridge.zendesk.com", "acme.zendesk.com"}, r.Host)
			}
			assert.NotEqual(t, "/sc/v2/apps", r.Path)
			var body struct {
				ID     string `json:"client_id"`
				Secret string `json:"client_secret"`
			}
			_ = json.Unmarshal(r.Body, &body)
			if body.ID == suncotest.DefaultClientID && body.Secret != suncotest.DefaultClientSecret {
				wrong++
				assert.Equal(t, len(requests)-1, i, "the last one")
			}
		}
		assert.Equal(t, 1, wrong)
		assert.NotContains(t, out.String(), "DELETE http", "nothing stays")
	})
}

func TestBasicNeedsOneClickAndNoAddress(t *testing.T) {
	inBubble(t, behavior{}, func(t *testing.T, platform *suncotest.Platform, p *probe, out *strings.Builder) {
		p.long, p.removeURL = false, false
		platform.Mount("probe.example", nil)
		clicks, press := 0, p.person
		p.person = func(ctx context.Context, at, button string) (url.Values, error) {
			clicks++
			return press(ctx, at, button)
		}
		start := time.Now()
		require.NoError(t, p.runAndReport(p.inbox.ctx))
		assert.Equal(t, 1, clicks)
		assert.Less(t, time.Since(start), 10*time.Minute)
		assert.Greater(t, requireNoLie(t, behavior{}, out.String()), 20)
		assert.Empty(t, platform.Installations())
	})
}

func TestLongEndsInTime(t *testing.T) {
	drawn := behavior{
		CodeReuseRevokes: true, CodeLifetime: time.Minute, RemoveRetries: 5, RemoveRetryInterval: 4 * time.Minute,
		RemoveDelay: time.Minute, RemoveFirst: true, WebhookLimit: 20, DeliveryCopies: 2,
	}
	inBubble(t, drawn, func(t *testing.T, _ *suncotest.Platform, p *probe, out *strings.Builder) {
		start := time.Now()
		require.NoError(t, p.runAndReport(p.inbox.ctx))
		assert.Less(t, time.Since(start), 38*time.Minute, "two are for the administrator")
		assert.Contains(t, out.String(), "RemoveRetries: at least")
	})
}

// What ends the run before it has begun: nothing is asked of the account, and nothing is
// revoked.
func TestStops(t *testing.T) {
	const front = `{"error":{"title":"Account suspended","message":"x"}}`
	for name, test := range map[string]struct {
		before func(*testing.T, *suncotest.Platform, *probe)
		says   string
	}{
		"another partner's secret": {func(_ *testing.T, _ *suncotest.Platform, p *probe) {
			p.api.sdk = &sunco.Client{ClientID: p.api.sdk.ClientID, ClientSecret: sunco.NewSecret("another-partners")}
		}, "SUNCO_CLIENT_SECRET, which may be another partner's"},
		"another partner's id": {func(_ *testing.T, _ *suncotest.Platform, p *probe) {
			p.api.sdk = &sunco.Client{ClientID: "another", ClientSecret: p.api.sdk.ClientSecret}
		}, "authorize answered 404"},
		"another account": {func(_ *testing.T, _ *suncotest.Platform, p *probe) { p.subdomain = "acme-test" },
			`Allow was pressed for "acme"`},
		"Deny": {func(_ *testing.T, platform *suncotest.Platform, p *probe) {
			p.person = func(ctx context.Context, at, _ string) (url.Values, error) {
				back, err := platform.Deny(ctx, at)
				return back.Query(), err
			}
		}, "without a code"},
		"the state of another flow": {func(_ *testing.T, _ *suncotest.Platform, p *probe) {
			p.person = func(context.Context, string, string) (url.Values, error) {
				return url.Values{"code": {"x"}, "state": {"y"}}, nil
			}
		}, "state of another flow"},
		"nobody clicks": {func(_ *testing.T, _ *suncotest.Platform, p *probe) {
			p.person = func(ctx context.Context, _, _ string) (url.Values, error) {
				<-ctx.Done()
				return nil, context.Cause(ctx)
			}
		}, "did not come back within 5m0s"},
		"a dead account": {func(_ *testing.T, platform *suncotest.Platform, _ *probe) {
			platform.Inject(suncotest.Fault{Host: "acme.zendesk.com", Times: -1,
				Handle: suncotest.Reply(http.StatusForbidden, "application/json", front)})
		}, "the account may be suspended"},
		"webhooks": {func(t *testing.T, platform *suncotest.Platform, p *probe) {
			install(t, platform, p)
		}, "has webhooks already"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, behavior{}, func(t *testing.T, platform *suncotest.Platform, p *probe, out *strings.Builder) {
				platform.Mount("bot.example", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				test.before(t, platform, p)
				hooks, before := platform.Webhooks(), len(asked(platform))
				require.ErrorContains(t, p.runAndReport(p.inbox.ctx), test.says)
				for _, r := range asked(platform)[before:] {
					if r.Host == "acme.zendesk.com" {
						assert.Equal(t, http.MethodGet, r.Method)
					}
				}
				assert.Equal(t, hooks, platform.Webhooks())
				if len(platform.Installations()) > 0 {
					assert.Contains(t, out.String(), "the integration: if it was not there before, remove it in Admin Center")
				}
				assert.NotContains(t, out.String(), "another-partners")
			})
		})
	}
}

// install installs the integration and creates a webhook, as a bot does.
func install(t *testing.T, platform *suncotest.Platform, p *probe) {
	t.Helper()
	fresh, err := p.authorize(t.Context(), "Allow")
	require.NoError(t, err)
	r, err := p.exchange(t.Context(), fresh.code, false)
	require.NoError(t, err)
	p.api.home = "https://acme.zendesk.com/sc"
	r, err = p.api.send(t.Context(), request{
		method: http.MethodPost, token: r.text("access_token"),
		url:  p.api.home + "/v2/apps/" + platform.Accounts()[0].AppID + hooksPath,
		json: json.RawMessage(`{"target":"https://bot.example/","triggers":["user:merge"]}`),
	})
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, r.status)
}

// requireTold requires that the report names everything that is left on the platform.
func requireTold(t *testing.T, platform *suncotest.Platform, p *probe, report string) {
	t.Helper()
	if len(platform.Installations()) > 0 {
		require.Contains(t, report, "the integration: if it was not there before, remove it in Admin Center")
	}
	if len(platform.Conversations(platform.Accounts()[0].AppID)) > 0 {
		require.Contains(t, report, "/users/"+p.mark)
	}
}

// proxies are what a proxy may answer in Zendesk's place.
func proxies() []suncotest.Handle {
	page := "<!DOCTYPE html><title>Blocked</title>"
	return []suncotest.Handle{
		suncotest.Reply(http.StatusForbidden, "text/html", page), suncotest.Reply(http.StatusOK, "text/html", page),
		suncotest.Reply(http.StatusNotFound, "text/html", page), suncotest.Reply(http.StatusBadGateway, "text/plain", "no"),
		suncotest.Reply(http.StatusProxyAuthRequired, "", ""), suncotest.Redirect(http.StatusFound, "https://proxy.example/"),
		suncotest.Reply(http.StatusUnauthorized, "application/json", `{"error":"log in"}`), suncotest.Reset,
	}
}

// A proxy that begins to answer in Zendesk's place makes no answer false.
func TestAProxyAnswers(t *testing.T) {
	kinds := proxies()
	drawn := behavior{RemoveDelay: 2 * time.Second, RemoveRetries: 1, NullKept: true, WebhookLimit: 2, DeliveryCopies: 1}
	for i := 0; i < 80; i += *every {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			inBubble(t, drawn, func(t *testing.T, platform *suncotest.Platform, p *probe, out *strings.Builder) {
				platform.Inject(suncotest.Fault{Skip: 2 + 3*i, Times: -1, Handle: kinds[i%len(kinds)]})
				_ = p.runAndReport(p.inbox.ctx) // after its end, the proxy changes nothing
				requireNoLie(t, drawn, out.String())
				requireTold(t, platform, p, out.String())
			})
		})
	}
}

// takenOver is a Handle for which a proxy answers after the revoke.
func takenOver(proxy suncotest.Handle) suncotest.Handle {
	var over atomic.Bool
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if over.Load() {
			proxy(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
		if r.Method == http.MethodDelete && r.URL.Path == "/sc/oauth/authorization" {
			over.Store(true)
		}
	}
}

func TestAProxyAnswersAfterTheRevoke(t *testing.T) {
	for i, kind := range proxies() {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			inBubble(t, behavior{}, func(t *testing.T, platform *suncotest.Platform, p *probe, out *strings.Builder) {
				platform.Inject(suncotest.Fault{Times: -1, Handle: takenOver(kind)})
				require.NoError(t, p.runAndReport(p.inbox.ctx))
				assert.Greater(t, requireNoLie(t, behavior{}, out.String()), 40)
				assert.Contains(t, out.String(), "RevokedStatus: not asked")
			})
		})
	}
}

// A firewall blocks one request, whichever it is.
func TestOneRequestIsBlocked(t *testing.T) {
	drawn := behavior{RemoveDelay: 2 * time.Second, RemoveRetries: 1, NullKept: true, WebhookLimit: 2, DeliveryCopies: 1}
	for i := 0; i < 120; i += *every {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			inBubble(t, drawn, func(t *testing.T, platform *suncotest.Platform, p *probe, out *strings.Builder) {
				platform.Inject(suncotest.Fault{Skip: 2 + 2*i, Handle: proxies()[0]})
				_ = p.runAndReport(p.inbox.ctx) // the run may have ended
				requireNoLie(t, drawn, out.String())
				requireTold(t, platform, p, out.String())
			})
		})
	}
}

// interrupted loses the answer to a request, and interrupts the run.
type interrupted struct {
	http.RoundTripper
	after     int
	interrupt func()
}

func (i *interrupted) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := i.RoundTripper.RoundTrip(r)
	if i.after--; i.after == 0 && err == nil {
		_ = res.Body.Close()
		i.interrupt()
		return nil, context.Canceled
	}
	return res, err
}

func TestInterrupted(t *testing.T) {
	drawn := behavior{MetadataMerges: true, WebhooksDie: true}
	for i := 0; i < 80; i += *every {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			inBubble(t, drawn, func(t *testing.T, platform *suncotest.Platform, p *probe, out *strings.Builder) {
				ctx, interrupt := context.WithCancel(p.inbox.ctx)
				p.api.http.Transport = &interrupted{p.api.http.Transport, 1 + 3*i, interrupt}
				err := p.runAndReport(ctx)
				requireNoLie(t, drawn, out.String())
				requireTold(t, platform, p, out.String())
				if err != nil {
					require.ErrorIs(t, err, context.Canceled)
				}
				requireClean(t, platform)
			})
		})
	}
	t.Run("what cannot be deleted", func(t *testing.T) {
		inBubble(t, drawn, func(t *testing.T, platform *suncotest.Platform, p *probe, out *strings.Builder) {
			ctx, interrupt := context.WithCancel(p.inbox.ctx)
			p.during(interrupt)
			platform.Inject(suncotest.Fault{Method: http.MethodDelete, Times: -1, Handle: suncotest.Reset})
			require.ErrorIs(t, p.runAndReport(ctx), context.Canceled)
			hook := platform.Webhooks()[0]
			assert.Contains(t, out.String(), "a webhook: send DELETE https://acme.zendesk.com/sc/v2/apps/"+hook.AppID+
				"/integrations/me/webhooks/"+hook.ID)
			requireTold(t, platform, p, out.String())
			before, _, _ := strings.Cut(out.String(), "What was found out")
			assert.Contains(t, before, "The run ends early. It made:", "said before the clean-up, which may be interrupted")
		})
	})
}

func TestTwoProbesAtOnce(t *testing.T) {
	for _, test := range []struct {
		long  bool
		later time.Duration
	}{{true, 0}, {true, 7 * time.Second}, {true, 8 * time.Second}, {true, 9 * time.Second}, {true, time.Minute},
		{false, 0}, {false, 5 * time.Second}, {false, time.Minute}} {
		for _, drawn := range []behavior{{}, {OldTokenDies: true, WebhooksDie: true}} {
			inBubble(t, drawn, func(t *testing.T, platform *suncotest.Platform, p *probe, out *strings.Builder) {
				o := options{subdomain: "acme", long: test.long}
				other, err := newFakeProbe(p.inbox.ctx, p.inbox.stop, platform, o, patient())
				require.NoError(t, err)
				reports := []*strings.Builder{out, new(strings.Builder)}
				other.out, other.public = reports[1], "https://other.example"
				platform.Mount("other.example", other.inbox)
				var ends sync.WaitGroup
				errs := make([]error, 2)
				ends.Go(func() { errs[0] = p.runAndReport(p.inbox.ctx) })
				ends.Go(func() {
					time.Sleep(test.later)
					errs[1] = other.runAndReport(p.inbox.ctx)
				})
				ends.Wait()
				assert.Error(t, errors.Join(errs...), "one has noticed the other")
				for i, one := range []*probe{p, other} {
					requireNoLie(t, drawn, reports[i].String())
					for _, conversation := range platform.Conversations(platform.Accounts()[0].AppID) {
						if conversation.Users[0] == one.mark { // its token was revoked by the other one
							require.Contains(t, reports[i].String(), "/users/"+one.mark)
						}
					}
				}
				assert.Empty(t, platform.Webhooks())
			})
		}
	}
}

// during calls do when the administrator is asked to press Deny, in the middle of the run.
func (p *probe) during(do func()) {
	press := p.person
	p.person = func(ctx context.Context, at, button string) (url.Values, error) {
		if button == "Deny" {
			do()
		}
		return press(ctx, at, button)
	}
}

func TestARemovalOfAnotherApp(t *testing.T) {
	for name, test := range map[string]struct{ app, says string }{
		"another app": {"a-customer", `another app, "a-customer"`},
		"the same":    {"", "somebody removed the integration"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, behavior{}, func(t *testing.T, platform *suncotest.Platform, p *probe, out *strings.Builder) {
				app := cmp.Or(test.app, platform.Accounts()[0].AppID)
				p.during(func() {
					res, err := platform.Client().Post("https://probe.example/zendesk/removed", "application/json",
						strings.NewReader(`{"appId":"`+app+`","integrationId":"x"}`))
					require.NoError(t, err)
					require.NoError(t, res.Body.Close())
					assert.Equal(t, http.StatusOK, res.StatusCode)
				})
				require.ErrorContains(t, p.runAndReport(p.inbox.ctx), test.says)
				assert.Len(t, platform.Installations(), 1, "nothing was revoked")
				requireClean(t, platform)
				requireTold(t, platform, p, out.String())
			})
		})
	}
}

// People talk to the account while the probe runs.
func TestForeignEventsAreNotKept(t *testing.T) {
	inBubble(t, behavior{}, func(t *testing.T, platform *suncotest.Platform, p *probe, out *strings.Builder) {
		app := platform.Accounts()[0].AppID
		p.during(func() {
			require.NoError(t, platform.Say(app, "ada", "canary"))
			require.NoError(t, platform.Emit(app, suncotest.Event{Trigger: "conversation:message", Payload: struct{}{}}))
			synctest.Wait()
		})
		require.NoError(t, p.runAndReport(p.inbox.ctx))
		var foreign int
		for _, d := range platform.Deliveries() {
			assert.NotEqual(t, suncotest.Refused, d.Outcome)
			if strings.Contains(string(d.Body), "canary") {
				foreign++
				assert.Equal(t, suncotest.Delivered, d.Outcome)
			}
		}
		assert.Equal(t, 1, foreign)
		for _, d := range p.inbox.deliveries {
			assert.NotContains(t, fmt.Sprint(d), "canary")
		}
		assert.NotContains(t, out.String(), "canary")
		require.Len(t, platform.Conversations(app), 1, "ada's stays")
	})
}

// A platform that repeats what it was sent puts no credential into the report.
func TestNoCredentialIsPrinted(t *testing.T) {
	inBubble(t, behavior{}, func(t *testing.T, platform *suncotest.Platform, p *probe, out *strings.Builder) {
		platform.Inject(suncotest.Fault{Times: -1, Handle: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			body, _ := io.ReadAll(r.Body)
			answer := httptest.NewRecorder()
			if next.ServeHTTP(answer, r); answer.Code/100 == 4 && r.Header.Get("User-Agent") == "sunco-probe" {
				words := strings.NewReplacer(`"`, " ", "&", " ", "=", " ", ":", " ").Replace(string(body))
				text, _ := json.Marshal(map[string]string{"error": words, "error_description": fmt.Sprint(r.Header)})
				answer.Body.Reset()
				answer.Body.Write(text)
				answer.Header().Set("Content-Length", strconv.Itoa(len(text)))
				answer.Header().Set("Retry-After", words+fmt.Sprint(r.Header))
			}
			maps.Copy(w.Header(), answer.Header())
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
		}})
		require.NoError(t, p.runAndReport(p.inbox.ctx))
		assert.Greater(t, len(p.api.secrets), 5)
		assert.False(t, redact.Contains(out.String(), p.api.secrets...))
	})
}

// An id that leads to another path is none.
func TestIDsLeadNowhereElse(t *testing.T) {
	for id, want := range map[string]string{
		"5f7f2e1d2c3b4a5968778695": "5f7f2e1d2c3b4a5968778695", "../users/canary": "", "a?b": "", "": "",
	} {
		body, err := json.Marshal(map[string]any{"user": map[string]any{"id": id}})
		require.NoError(t, err)
		assert.Equal(t, want, reply{body: body}.id("user", "id"))
	}
	inBubble(t, behavior{}, func(t *testing.T, platform *suncotest.Platform, p *probe, out *strings.Builder) {
		platform.Inject(suncotest.Fault{Path: "/sc/v2/tokenInfo", Handle: suncotest.Reply(200, "application/json",
			`{"app":{"id":"../../../oauth/authorization","subdomain":"acme"}}`)})
		require.ErrorContains(t, p.runAndReport(p.inbox.ctx), "not what Zendesk says")
		for _, r := range platform.Requests() {
			assert.NotContains(t, r.Path, "..")
			assert.NotEqual(t, http.MethodDelete, r.Method)
		}
	})
}

// Errors of net/http quote what a server sent that is not HTTP.
func TestNoCredentialIsInAnError(t *testing.T) {
	inBubble(t, behavior{}, func(t *testing.T, _ *suncotest.Platform, p *probe, _ *strings.Builder) {
		p.api.secrets = append(p.api.secrets, "canary-token")
		p.api.http.Transport = brokenReply{}
		_, err := p.api.once(t.Context(), request{method: "GET", url: p.api.bridge + "/v2/tokenInfo", token: "canary-token"})
		require.ErrorContains(t, err, "no answer")
		assert.NotContains(t, err.Error(), "canary")
	})
}

// brokenReply is a server that repeats the request where its status should be.
type brokenReply struct{}

func (brokenReply) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("malformed HTTP response %q", r.Header.Get("Authorization"))
}

func TestLimits(t *testing.T) {
	inBubble(t, behavior{}, func(t *testing.T, platform *suncotest.Platform, p *probe, out *strings.Builder) {
		platform.Inject(suncotest.Fault{Path: "/sc/oauth/token", Skip: 1, Handle: suncotest.RetryAfter(429, "7")})
		start := time.Now()
		require.NoError(t, p.runAndReport(p.inbox.ctx))
		assert.Contains(t, out.String(), "429 with Retry-After 7")
		times := asked(platform)
		assert.GreaterOrEqual(t, times[len(times)-1].Time.Sub(start), 7*time.Second)
		assert.Greater(t, requireNoLie(t, behavior{}, out.String()), 40)
	})
	inBubble(t, behavior{}, func(t *testing.T, platform *suncotest.Platform, p *probe, out *strings.Builder) {
		platform.Inject(suncotest.Fault{
			Path: "/sc/v2/apps/*/users", Times: -1, Handle: suncotest.Reply(429, "text/plain", "slow"),
		})
		require.NoError(t, p.runAndReport(p.inbox.ctx))
		assert.Contains(t, out.String(), "not asked: no answer to the question: status 429")
		requireNoLie(t, behavior{}, out.String())
		assert.Empty(t, platform.Installations())
	})
}
