package store_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/e2e/engine"
	"github.com/sunco-go/sunco/sqlstore"
	"github.com/sunco-go/sunco/suncotest"
)

// TestExample runs the example of package sqlstore as a program of its own, on each
// engine. Its requests reach the fake platform through a proxy.
func TestExample(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		t.Parallel()
		d := e.New(t)
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		address := listener.Addr().String()
		require.NoError(t, listener.Close())
		base := "http://" + address
		p := suncotest.New(suncotest.Config{
			RedirectURIs: []string{base + "/zendesk/install"}, RemoveURL: base + "/zendesk/removed",
		})
		t.Cleanup(p.Close)
		x := &example{T: t, platform: p, base: base, path: buildExample(t, e, address)}
		ca := filepath.Join(t.TempDir(), "ca.pem")
		require.NoError(t, os.WriteFile(ca, p.CertPEM(), 0o600))
		x.env = []string{
			"HTTPS_PROXY=" + proxyTo(t, p), "SSL_CERT_FILE=" + ca, "DATABASE_URL=" + d.DSN, "PUBLIC_URL=" + base,
			"SUNCO_CLIENT_ID=" + suncotest.DefaultClientID, "SUNCO_CLIENT_SECRET=" + suncotest.DefaultClientSecret,
			"SUNCO_STORE_KEY=" + newKey(),
		}
		x.start()
		x.lives(d)
	})
}

// buildExample makes a program of the example: its lines, with the driver, the database and
// the address of this test.
func buildExample(t *testing.T, e engine.Engine, address string) (path string) {
	t.Helper()
	text, err := os.ReadFile("../../sqlstore/example_test.go")
	require.NoError(t, err)
	driver, dialect := "github.com/jackc/pgx/v5/stdlib", "PostgreSQL"
	if e.Dialect == sqlstore.SQLite {
		driver, dialect = "modernc.org/sqlite", "SQLite"
		if e.Name == "mattn" {
			driver = "github.com/mattn/go-sqlite3"
		}
	}
	program := string(text)
	for example, here := range map[string]string{
		"package sqlstore_test": "package main",
		"func ExampleStore()":   "func main()",
		"import (":              "import (\n\t_ \"" + driver + "\"",
		`sql.Open("pgx"`:        `sql.Open("` + e.Driver + `"`,
		"sqlstore.PostgreSQL":   "sqlstore." + dialect,
		`":8080"`:               `"` + address + `"`,
	} {
		require.Equal(t, 1, strings.Count(program, example), example)
		program = strings.Replace(program, example, here, 1)
	}
	path = filepath.Join(t.TempDir(), "example")
	require.NoError(t, os.WriteFile(path+".go", []byte(program), 0o600))
	build := exec.Command("go", "build", "-o", path, path+".go")
	build.Env = append(os.Environ(), "GOWORK=off")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

// proxyTo starts a proxy that connects every host with the platform.
func proxyTo(t *testing.T, p *suncotest.Platform) (address string) {
	t.Helper()
	platform := &http.Server{Handler: p, TLSConfig: p.TLSConfig()}
	tunnels := make(tunnels)
	go func() { _ = platform.ServeTLS(tunnels, "", "") }()
	proxy := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = fmt.Fprint(conn, "HTTP/1.1 200 OK\r\n\r\n")
		tunnels <- conn
	})}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = proxy.Serve(listener) }()
	t.Cleanup(func() {
		_ = proxy.Close()
		_ = platform.Close()
	})
	return "http://" + listener.Addr().String()
}

// tunnels is a listener for connections that come through a proxy.
type tunnels chan net.Conn

// Accept implements net.Listener.
func (l tunnels) Accept() (net.Conn, error) {
	conn, open := <-l
	if !open {
		return nil, net.ErrClosed
	}
	return conn, nil
}

// Close implements net.Listener.
func (l tunnels) Close() error {
	close(l)
	return nil
}

// Addr implements net.Listener.
func (l tunnels) Addr() net.Addr { return &net.TCPAddr{} }

// example is the running program.
type example struct {
	*testing.T
	platform   *suncotest.Platform
	base, path string
	env        []string
	cmd        *exec.Cmd
	log        lockedBuffer
}

// start starts the program, after a kill too, and waits until it serves.
func (x *example) start() {
	x.Helper()
	if x.cmd != nil {
		require.NoError(x, x.cmd.Process.Kill())
		_ = x.cmd.Wait()
	}
	x.cmd = exec.Command(x.path)
	x.cmd.Env, x.cmd.Stderr = x.env, &x.log
	x.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(x, x.cmd.Start())
	cmd := x.cmd
	x.Cleanup(func() { _ = cmd.Process.Kill() })
	require.Eventually(x, func() bool { return send(get(x.base+"/zendesk/events", nil)) != nil },
		20*time.Second, 20*time.Millisecond, "it serves")
}

// lives installs, writes, kills the program, writes again, and removes the integration.
func (x *example) lives(d *engine.Database) {
	x.Helper()
	begun := send(get(x.base+"/zendesk/install", nil))
	require.Equal(x, http.StatusSeeOther, begun.StatusCode)
	callback, err := x.platform.Allow(x.Context(), begun.Header.Get("Location"), "")
	require.NoError(x, err)
	finished := send(get(callback.String(), begun))
	require.Equal(x, http.StatusSeeOther, finished.StatusCode, x.log.String())
	require.Equal(x, "/", finished.Header.Get("Location"))
	appID := x.platform.Installations()[0].AppID
	for n, person := range []string{"ada", "bilal"} { // the kill may leave a lease of ada's conversation
		require.NoError(x, x.platform.Say(appID, person, "Good morning"))
		if !assert.Eventually(x, func() bool { return x.answers(appID) == n+1 }, 20*time.Second, 20*time.Millisecond) {
			x.Fatal(x.log.String())
		}
		x.start()
	}
	require.NoError(x, x.platform.Uninstall(appID))
	db := d.Open(x)
	assert.Eventually(x, func() bool {
		var n int
		return db.QueryRowContext(x.Context(), "SELECT count(*) FROM sunco_installations").Scan(&n) == nil && n == 0
	}, 20*time.Second, 20*time.Millisecond, "it forgets the customer")
}

// answers counts what the bot wrote.
func (x *example) answers(appID string) (n int) {
	for _, conversation := range x.platform.Conversations(appID) {
		for _, message := range conversation.Messages {
			if message.Text == "Hello!" {
				n++
			}
		}
	}
	return n
}
