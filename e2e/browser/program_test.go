package browser_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"io"
	"iter"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the programs' databases

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/sqlstore"
)

// program is a process under test.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string // that it printed
	output *output
	exited chan struct{} // closed when it has ended, and err is set
	err    error
}

// output collects what a process writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// launch starts one of the programs and waits for the first line of its standard
// output, which ends in an address. The environment has nothing but env.
func launch(t *testing.T, name string, env []string, args ...string) *program {
	t.Helper()
	cmd := exec.Command(filepath.Join(workDir, name), args...)
	p := &program{t: t, cmd: cmd, output: &output{}, exited: make(chan struct{})}
	p.cmd.Env, p.cmd.Dir, p.cmd.Stderr = append([]string{"HOME=" + t.TempDir()}, env...), workDir, p.output
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	go func() {
		defer close(p.exited)
		lines := bufio.NewReader(stdout)
		line, _ := lines.ReadString('\n') // "" when it ends before it is ready
		_, _ = p.output.Write([]byte(line))
		ready <- line
		_, _ = io.Copy(p.output, lines)
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(p.stop)
	select {
	case line := <-ready:
		p.url = regexp.MustCompile(`http://[^ /]+`).FindString(line)
	case <-time.After(30 * time.Second):
	}
	if p.url == "" {
		t.Fatalf("%s did not say where it is\n%s", name, p.output)
	}
	return p
}

// stop ends the process, which must take it well. It may be called twice.
func (p *program) stop() {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.exited:
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.exited
		p.t.Errorf("%s did not end", filepath.Base(p.cmd.Path))
	}
	if p.err != nil {
		p.t.Errorf("%s: %v\n%s", filepath.Base(p.cmd.Path), p.err, p.output)
	}
}

// port of the address that the program printed.
func (p *program) port() string { return p.url[strings.LastIndexByte(p.url, ':')+1:] }

const storeKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// storeIn makes a program keep its database below a directory. One with a platform of
// its own makes a temporary database.
func storeIn(dir string, env []string) []string {
	env = append(env, "SUNCO_STORE_KEY="+storeKey, "TMPDIR="+dir)
	if strings.Contains(strings.Join(env, " "), "CLIENT_ID=") {
		env = append(env, "SUNCO_STORE_FILE="+filepath.Join(dir, "store.db"))
	}
	return env
}

// startShoplifter starts the application. With env it runs against another
// platform than the one it brings along.
func startShoplifter(t *testing.T, store string, env ...string) *program {
	t.Helper()
	if !strings.Contains(strings.Join(env, " "), "PORT=") {
		env = append(env, "PORT=0")
	}
	return launch(t, "shoplifter", storeIn(store, env))
}

// freePort returns a port that nobody uses now.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return port
}

// stored returns the secrets that the application keeps below a directory at this moment.
func stored(dir string) (secrets []string) {
	files, _ := filepath.Glob(filepath.Join(dir, "store.db")) // its pattern is well-formed
	temporary, _ := filepath.Glob(filepath.Join(dir, "*", "store.db"))
	for _, file := range append(files, temporary...) {
		secrets = append(secrets, storedIn(file)...)
	}
	return secrets
}

// storedIn returns nothing for a database that is not ready yet, or is gone.
func storedIn(file string) (secrets []string) {
	ctx := context.Background()
	db, err := sql.Open("sqlite", "file:"+file+"?mode=rw&_pragma=busy_timeout(10000)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil
	}
	defer db.Close()
	client := &sunco.Client{}
	err = db.QueryRow("SELECT client_id, domain FROM sunco_schema").Scan(&client.ClientID, &client.Domain)
	if err != nil || client.ClientID == "" {
		return nil
	}
	store, err := sqlstore.New(ctx, db, sqlstore.SQLite, client, sunco.NewSecret(storeKey))
	if err != nil {
		return nil
	}
	for _, list := range []iter.Seq2[*sunco.Installation, error]{store.All(ctx), store.Unfinished(ctx)} {
		for in, err := range list {
			if err != nil {
				return secrets
			}
			secrets = append(secrets, in.Token.AccessToken.Reveal())
			for _, hook := range in.Webhooks {
				secrets = append(secrets, hook.Secret.Reveal())
			}
		}
	}
	return secrets
}
