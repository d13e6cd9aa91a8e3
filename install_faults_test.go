package sunco_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/suncotest"
)

const (
	tokenPath = "/sc/oauth/token"
	infoPath  = "/sc/v2/tokenInfo"
	hooksPath = "/sc/v2/apps/*/integrations/me/webhooks"
)

// trouble is one fault of the retry table, at one place of an installation.
type trouble struct {
	name   string
	fault  suncotest.Fault
	status int // of the browser's answer
	want   func(error) bool
	calls  int // that reached the token endpoint; -1: not looked at
	token  bool
}

func replyJSON(status int, body string) suncotest.Handle {
	return suncotest.Reply(status, "application/json", body)
}

// hit is a fault of every request for path.
func hit(path string, handle suncotest.Handle) suncotest.Fault {
	return suncotest.Fault{Path: path, Times: -1, Handle: handle}
}

func isRateLimit(err error) bool {
	for _, e := range chain(err) {
		if _, ok := e.(*sunco.RateLimitError); ok {
			return true
		}
	}
	return false
}

func refused(status int) func(error) bool {
	return func(err error) bool {
		for _, e := range chain(err) {
			if e, ok := e.(*sunco.Error); ok && e.Status == status {
				return !ambiguous(err)
			}
		}
		return false
	}
}

// exchangeTroubles happen while the code is being spent.
func exchangeTroubles() []trouble {
	bridge := "oauth-bridge.zendesk.com"
	bad := func(err error) bool { return err != nil && !ambiguous(err) }
	dial := func(name string, err error) trouble {
		return trouble{name, suncotest.Fault{Host: bridge, Dial: err, Times: -1}, 502, bad, 0, false}
	}
	conn := func(name string, c func(net.Conn)) trouble {
		return trouble{name, suncotest.Fault{Host: bridge, Conn: c, Times: -1}, 502, bad, 0, false}
	}
	list := []trouble{
		dial("refused", syscall.ECONNREFUSED), dial("dial timeout", os.ErrDeadlineExceeded),
		dial("temporary DNS", &net.DNSError{Err: "again", IsTemporary: true}),
		dial("NXDOMAIN", &net.DNSError{Err: "none", IsNotFound: true}),
		conn("TLS reset", suncotest.ResetHandshake),
		conn("http on the https port", suncotest.PlainHTTP),
		conn("bad certificate", suncotest.StrangerCertificate),
		{"reset", hit(tokenPath, suncotest.Reset), 502, ambiguous, 1, false},
		{"reset after", hit(tokenPath, suncotest.ResetAfter), 502, ambiguous, 1, false},
		{"hang", hit(tokenPath, suncotest.Hang), 502, ambiguous, 1, false},
		{"hang after", hit(tokenPath, suncotest.HangAfter), 502, ambiguous, 1, false},
		{"truncated", hit(tokenPath, suncotest.Truncate), 502, ambiguous, 1, false},
		{"429", hit(tokenPath, suncotest.RetryAfter(429, "1")), 503, isRateLimit, 3, false},
		{"429 for a day", hit(tokenPath, suncotest.RetryAfter(429, "86400")), 503, isRateLimit, 1, false},
		{"429 for ever", hit(tokenPath, suncotest.RetryAfter(429, strings.Repeat("9", 40))), 503, isRateLimit, 1, false},
		{"200 and HTML", hit(tokenPath, suncotest.Reply(200, "text/html", "<p>hi")), 502, ambiguous, 1, false},
		{"200 and an error", hit(tokenPath, replyJSON(200, `{"error":"x","access_token":"a"}`)), 502, ambiguous, 1, false},
		{"200 and no token", hit(tokenPath, suncotest.Reply(200, "application/json", `{}`)), 502, ambiguous, 1, false},
		{"200 of 1 MiB", hit(tokenPath, replyJSON(200, strings.Repeat(" ", 1<<20)+`{}`)), 502, ambiguous, 1, false},
		{"redirect", hit(tokenPath, suncotest.Redirect(307, "https://evil.example/")), 502, refused(307), 1, false},
	}
	for _, status := range []int{500, 502, 503, 504} {
		fault := hit(tokenPath, suncotest.Reply(status, "text/html", "<h1>oops"))
		list = append(list, trouble{fmt.Sprint(status), fault, 502, ambiguous, 1, false})
	}
	for _, status := range []int{400, 401, 403, 404, 408, 409, 423, 425, 501} {
		fault := hit(tokenPath, replyJSON(status, `{"error":"no"}`))
		list = append(list, trouble{fmt.Sprint(status), fault, 502, refused(status), 1, false})
	}
	return list
}

// laterTroubles happen when the token exists.
func laterTroubles() []trouble {
	failed := func(err error) bool { return err != nil }
	var list []trouble
	for _, path := range []string{infoPath, hooksPath} {
		for name, handle := range map[string]suncotest.Handle{
			"reset": suncotest.Reset, "hang": suncotest.Hang, "truncated": suncotest.Truncate,
			"500": suncotest.Reply(500, "text/html", "<h1>oops"), "401": suncotest.Reply(401, "application/json", `{}`),
			"404": suncotest.Reply(404, "text/html", ""), "302": suncotest.Redirect(302, "https://evil.example/"),
			"200 and HTML": suncotest.Reply(200, "text/html", "<p>hi"),
		} {
			list = append(list, trouble{path + " " + name, hit(path, handle), 502, failed, 1, true})
		}
		list = append(list, trouble{path + " 429", hit(path, suncotest.RetryAfter(429, "86400")), 503, isRateLimit, 1, true})
	}
	return append(list,
		trouble{"no subdomain", hit(infoPath, replyJSON(200, `{"app":{"id":"a1"}}`)), 500, failed, 1, true},
		trouble{"hostile subdomain",
			hit(infoPath, replyJSON(200, `{"app":{"id":"a1","subdomain":"evil.example/"}}`)), 502, failed, 1, true},
		trouble{"webhook limit",
			suncotest.Fault{Method: "POST", Path: hooksPath, Times: -1, Handle: replyJSON(400, `{}`)}, 502, failed, 1, true},
	)
}

func TestInstallMeetsEveryFault(t *testing.T) {
	t.Parallel()
	for _, c := range append(exchangeTroubles(), laterTroubles()...) {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPartner(t, suncotest.Behavior{NoProbe: true})
				defer p.platform.Close()
				p.Webhook = wantedHook()
				b := p.browser()
				callback := p.allow(b.begin())
				p.platform.Client().CloseIdleConnections()
				p.platform.Inject(c.fault)
				begin := time.Now()
				assertPage(t, b.get(callback), c.status)
				assert.LessOrEqual(t, time.Since(begin), 90*time.Second)
				assert.True(t, c.want(p.lastError()), "%v", p.lastError())
				assert.Empty(t, p.installed)
				assert.Equal(t, c.calls, p.exchanges())
				assert.Len(t, p.tokens, map[bool]int{true: 1}[c.token])
				assert.Len(t, p.failed, map[bool]int{true: 1}[c.token])
				for _, in := range p.failed {
					assert.False(t, in.Token.AccessToken.IsZero())
					assert.NotContains(t, in.Subdomain, "evil")
				}
				assertPage(t, b.get(callback), http.StatusBadRequest)
				p.platform.ClearFaults()
				assertRedirect(t, b.get(p.allow(b.begin())), "/") // starting again helps
			})
		})
	}
}

// Faults that pass: the browser notices nothing.
func TestInstallSurvivesPassingFaults(t *testing.T) {
	for name, fault := range map[string]suncotest.Fault{
		"refused":           {Dial: syscall.ECONNREFUSED},
		"429":               {Path: tokenPath, Handle: suncotest.RetryAfter(429, "2")},
		"token info reset":  {Path: infoPath, Handle: suncotest.Reset},
		"token info 503":    {Path: infoPath, Handle: suncotest.RetryAfter(503, "5")},
		"webhook lost":      {Method: "POST", Path: hooksPath, Handle: suncotest.ResetAfter},
		"webhook list 500s": {Method: "GET", Path: hooksPath, Times: 2, Handle: suncotest.Reply(500, "", "")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPartner(t, suncotest.Behavior{NoProbe: true})
				defer p.platform.Close()
				p.Webhook = wantedHook()
				b := p.browser()
				callback := p.allow(b.begin())
				p.platform.Inject(fault)
				assertRedirect(t, b.get(callback), "/")
				assert.Len(t, p.installed, 1)
				assert.Len(t, p.platform.Webhooks(), 1)
			})
		})
	}
}

// No secret is in anything that leaves the handler, but the state in the cookie
// and in Zendesk's URL, where it belongs.
func TestInstallLeaksNoSecret(t *testing.T) {
	const canary = "c4nary/t0ken+with=odd~characters"
	echo := func(status int) suncotest.Handle {
		return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			var body strings.Builder
			_ = r.Header.Write(&body)
			content := make([]byte, 4096)
			n, _ := r.Body.Read(content)
			text := strings.NewReplacer("\r", " ", "\n", " ", `"`, `\"`, `\`, `\\`).Replace(body.String() + string(content[:n]))
			w.Header().Set("X-Request-Id", r.Header.Get("Authorization"))
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"errors":[{"code":%q,"title":"%s"}]}`, r.Header.Get("Authorization"), text)
		}
	}
	token := suncotest.Reply(200, "application/json", `{"access_token":"`+canary+`"}`)
	for _, path := range []string{tokenPath, infoPath, hooksPath, "none"} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPartner(t, suncotest.Behavior{NoProbe: true})
				defer p.platform.Close()
				p.Webhook = wantedHook()
				p.platform.Inject(hit(path, echo(400)))
				p.platform.Inject(hit(tokenPath, token))
				p.platform.Inject(hit(infoPath, suncotest.Reply(200, "application/json", tokenInfoReply)))
				p.platform.Inject(hit(hooksPath, suncotest.Reply(200, "application/json", webhooksReply)))
				b := p.browser()
				zendesk := b.begin("?return_to=/x")
				b.got.Reset()
				back := p.allow(zendesk)
				answer := b.get(back)
				b.get(back)
				b.get(with(t, back, "state", flipped(parameter(t, back, "state"))))
				assert.NotEmpty(t, answer.Header.Get("Referrer-Policy"))
				secrets := []string{canary, installSecret, parameter(t, back, "code"), parameter(t, back, "state"), "whsec-1"}
				assertNoSecret(t, "answers", b.got.String(), secrets...)
				assertNoSecret(t, "log", p.log.String(), secrets...)
				assertNoSecret(t, "hooks' requests", p.seen.String(), secrets...)
				for _, err := range p.errs {
					for _, e := range chain(err) {
						assertNoSecret(t, "error", fmt.Sprintf("%v %+v %#v %q", e, e, e, e), secrets...)
					}
				}
				for _, in := range append(p.failed, p.installed...) {
					assertNoSecret(t, "installation", fmt.Sprintf("%v %+v %#v", in, in, in), secrets...)
				}
				require.NotEmpty(t, p.log.String())
			})
		})
	}
}

// The stack of a panicking hook, which is logged, names no secret.
func TestInstallPanicLeaksNoSecret(t *testing.T) {
	p := newPartner(t)
	p.OnInstall = func(http.ResponseWriter, *http.Request, *sunco.Installation) { panic("boom") }
	b := p.browser()
	callback := p.allow(b.begin())
	assertRedirect(t, b.get(callback), "/")
	require.Contains(t, p.log.String(), "boom")
	token := p.installed[0].Token.AccessToken.Reveal()
	code, state := parameter(t, callback, "code"), parameter(t, callback, "state")
	assertNoSecret(t, "panic", p.log.String(), code, state, installSecret, token)
}
