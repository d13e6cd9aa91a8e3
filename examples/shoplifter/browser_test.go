package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"io"
	"iter"
	"log"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/exampletest"
	"github.com/sunco-go/sunco/examples/internal/sandbox"
	"github.com/sunco-go/sunco/sqlstore"
	"github.com/sunco-go/sunco/suncotest"
)

// program is a running Shoplifter.
type program struct {
	t      *testing.T
	base   string // without a trailing slash
	stdout *bufio.Reader
	stderr *exampletest.Buffer
	stop   func() int // the exit code
}

// start runs the program on a free port, with these environment variables, and
// waits until it is ready.
func start(t *testing.T, env map[string]string, args ...string) *program {
	t.Helper()
	env = maps.Clone(env)
	if env["PORT"] == "" {
		env["PORT"] = "0"
	}
	ctx, cancel := context.WithCancel(context.Background())
	out, stdout := io.Pipe()
	p := &program{t: t, stdout: bufio.NewReader(out), stderr: &exampletest.Buffer{}}
	code := make(chan int, 1)
	go func() {
		defer stdout.Close()
		code <- run(ctx, args, func(name string) string { return env[name] }, stdout, p.stderr)
	}()
	p.stop = sync.OnceValue(func() int {
		cancel()
		return <-code
	})
	t.Cleanup(func() { p.stop() })
	line, err := p.stdout.ReadString('\n')
	require.NoError(t, err, "stderr: %s", p.stderr)
	base, found := strings.CutPrefix(strings.TrimSpace(line), "shoplifter: open ")
	require.True(t, found, line)
	p.base = strings.TrimSuffix(base, "/")
	return p
}

const storeKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// embeddedEnv is nothing but a place for the temporary database, and its key.
func embeddedEnv(t *testing.T) map[string]string {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	return map[string]string{"SUNCO_STORE_KEY": storeKey, "TMPDIR": dir}
}

// platform runs a sandbox of its own, which outlives the program, and returns the
// environment that leads to it.
func platform(t *testing.T) map[string]string {
	t.Helper()
	box, err := sandbox.Listen(t.Context(), sandbox.Config{
		Addr: "127.0.0.1:0",
		Platform: suncotest.Config{
			ClientID: "partner", ClientSecret: "canary-secret",
			Accounts: []suncotest.Account{{Subdomain: "acme"}, {Subdomain: "globex"}},
			Behavior: suncotest.Behavior{MarketplaceRequired: true},
		},
		Log: log.New(io.Discard, "", 0),
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- box.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return map[string]string{
		"OAUTH_CLIENT_ID": "partner", "OAUTH_CLIENT_SECRET": "canary-secret",
		"ZENDESK_MARKETPLACE_NAME": "Shoplifter", "ZENDESK_MARKETPLACE_ORG_ID": "7", "ZENDESK_MARKETPLACE_APP_ID": "42",
		"ZENDESK_DOMAIN":   box.Domain(),
		"SUNCO_STORE_FILE": filepath.Join(t.TempDir(), "store.db"), "SUNCO_STORE_KEY": storeKey,
	}
}

// browser follows redirects, takes Secure cookies on localhost as browsers do, and
// remembers everything the program sent.
type browser struct {
	t         *testing.T
	client    *http.Client
	transport *http.Transport
	cookies   map[string]map[string]*http.Cookie // by host
	seen      strings.Builder                    // headers and bodies that came from localhost
	codes     []string                           // that went through the address line
}

func newBrowser(t *testing.T) *browser {
	b := &browser{t: t, cookies: map[string]map[string]*http.Cookie{}}
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	}
	b.transport = &http.Transport{DisableKeepAlives: true, DialContext: dial}
	b.client = &http.Client{Transport: b, Jar: b, Timeout: 30 * time.Second}
	t.Cleanup(b.transport.CloseIdleConnections)
	return b
}

// SetCookies implements [http.CookieJar].
func (b *browser) SetCookies(u *url.URL, cookies []*http.Cookie) {
	jar := b.cookies[u.Hostname()]
	if jar == nil {
		jar = map[string]*http.Cookie{}
		b.cookies[u.Hostname()] = jar
	}
	for _, c := range cookies {
		if c.MaxAge < 0 {
			delete(jar, c.Name)
			continue
		}
		jar[c.Name] = c
	}
}

// Cookies implements [http.CookieJar].
func (b *browser) Cookies(u *url.URL) []*http.Cookie {
	var all []*http.Cookie
	for _, c := range b.cookies[u.Hostname()] {
		all = append(all, &http.Cookie{Name: c.Name, Value: c.Value})
	}
	return all
}

// RoundTrip implements [http.RoundTripper].
func (b *browser) RoundTrip(r *http.Request) (*http.Response, error) {
	if code := r.URL.Query().Get("code"); code != "" {
		b.codes = append(b.codes, code)
	}
	res, err := b.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(body))
	if r.URL.Hostname() == "localhost" && !strings.HasPrefix(r.URL.Path, "/sc/") {
		header := res.Header.Clone()
		header.Del("Set-Cookie")
		_ = header.Write(&b.seen)
		b.seen.Write(body)
	}
	return res, err
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	text string
}

func (b *browser) do(method, target string, form url.Values, header ...string) answer {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, target, strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	res, err := b.client.Do(req)
	require.NoError(b.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(b.t, err)
	return answer{res, string(text)}
}

func (b *browser) visit(target string) answer {
	b.t.Helper()
	return b.do(http.MethodGet, target, nil)
}

// link returns where the link with this text leads.
func (b *browser) link(page answer, text string) string {
	b.t.Helper()
	return b.find(page, `<a [^>]*href="([^"]+)"[^>]*>`+regexp.QuoteMeta(text)+`</a>`)
}

// press submits the form whose button has this text, as a browser does.
func (b *browser) press(page answer, button string, more ...string) answer {
	b.t.Helper()
	forms := regexp.MustCompile(`(?s)<form method="post" action="([^"]+)">(.*?)</form>`)
	text := regexp.QuoteMeta(button)
	buttons := regexp.MustCompile(`<button[^>]*?(?: name="(\w+)" value="(\w+)")?>` + text + `</button>`)
	inputs := regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`)
	for _, form := range forms.FindAllStringSubmatch(page.text, -1) {
		press := buttons.FindStringSubmatch(form[2])
		if press == nil {
			continue
		}
		values := url.Values{}
		for _, input := range inputs.FindAllStringSubmatch(form[2], -1) {
			values.Set(input[1], input[2])
		}
		if press[1] != "" {
			values.Set(press[1], press[2])
		}
		for i := 0; i < len(more); i += 2 {
			values.Set(more[i], more[i+1])
		}
		target, err := page.Request.URL.Parse(form[1])
		require.NoError(b.t, err)
		return b.do(http.MethodPost, target.String(), values,
			"Origin", page.Request.URL.Scheme+"://"+page.Request.URL.Host, "Sec-Fetch-Site", "same-origin")
	}
	require.Fail(b.t, "no button "+button, page.text)
	return answer{}
}

// removeAt plays the customer who removes a connection at a sandbox, and returns the status.
func removeAt(t *testing.T, box, connection string) int {
	t.Helper()
	body := `{"appId":"` + strings.TrimPrefix(connection, "/installations/") + `"}`
	res, err := http.Post(box+"sandbox/uninstall", "application/json", strings.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res.StatusCode
}

func (b *browser) find(page answer, pattern string) string {
	b.t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(page.text)
	require.NotNil(b.t, found, "%s in %s", pattern, page.text)
	target, err := page.Request.URL.Parse(found[1])
	require.NoError(b.t, err)
	return target.String()
}

// connect goes from the front page to the page of the connection.
func (b *browser) connect(p *program, account string) answer {
	b.t.Helper()
	consent := b.visit(b.link(b.visit(p.base+"/"), "Add to Zendesk"))
	require.Equal(b.t, http.StatusOK, consent.StatusCode, consent.text)
	done := b.press(consent, "Allow", "account", account)
	require.Equal(b.t, http.StatusOK, done.StatusCode, done.text)
	return done
}

// until loads a page again until it contains a text, or does not.
func (b *browser) until(target, text string, there bool) answer {
	b.t.Helper()
	for range 500 {
		if page := b.visit(target); strings.Contains(page.text, text) == there {
			return page
		}
		time.Sleep(10 * time.Millisecond)
	}
	require.Fail(b.t, "never came", "%q on %s", text, target)
	return answer{}
}

// database opens the database of a program, or returns nil when there is none.
func database(t *testing.T, env map[string]string) *sql.DB {
	t.Helper()
	file := env["SUNCO_STORE_FILE"]
	if file == "" { // that of a sandbox
		found, err := filepath.Glob(filepath.Join(env["TMPDIR"], "shoplifter-*", "store.db"))
		require.NoError(t, err)
		if len(found) == 0 {
			return nil
		}
		file = found[0]
	}
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)&_pragma=synchronous(FULL)")
	require.NoError(t, err)
	return db
}

// change changes the database of a program as another process could.
func change(t *testing.T, env map[string]string, statement string) {
	t.Helper()
	db := database(t, env)
	defer db.Close()
	_, err := db.Exec(statement)
	require.NoError(t, err)
}

// secrets are all credentials in the database: of the connections, and then of the
// unfinished ones.
func secrets(t *testing.T, env map[string]string) (all []string) {
	t.Helper()
	db := database(t, env)
	if db == nil {
		return nil
	}
	defer db.Close()
	client := &sunco.Client{}
	require.NoError(t, db.QueryRow("SELECT client_id, domain FROM sunco_schema").Scan(&client.ClientID, &client.Domain))
	store, err := sqlstore.New(context.Background(), db, sqlstore.SQLite, client, sunco.NewSecret(storeKey))
	require.NoError(t, err)
	for _, list := range []iter.Seq2[*sunco.Installation, error]{
		store.All(context.Background()), store.Unfinished(context.Background()),
	} {
		for in, err := range list {
			require.NoError(t, err)
			all = append(all, in.Token.AccessToken.Reveal())
			for _, hook := range in.Webhooks {
				all = append(all, hook.Secret.Reveal())
			}
		}
	}
	return all
}

// handled waits until every event that was stored is handled.
func handled(t *testing.T, env map[string]string) {
	t.Helper()
	db := database(t, env)
	defer db.Close()
	require.Eventually(t, func() bool {
		var waiting int
		return db.QueryRow("SELECT count(*) FROM sunco_lanes").Scan(&waiting) == nil && waiting == 0
	}, 10*time.Second, 10*time.Millisecond)
}
