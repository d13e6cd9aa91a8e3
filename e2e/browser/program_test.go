package browser_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
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

// startShoplifter starts the application. With env it runs against another
// platform than the one it brings along.
func startShoplifter(t *testing.T, store string, env ...string) *program {
	t.Helper()
	if !strings.Contains(strings.Join(env, " "), "PORT=") {
		env = append(env, "PORT=0")
	}
	return launch(t, "shoplifter", append(env, "SUNCO_STORE_FILE="+store))
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

// stored returns the secrets that the application keeps at this moment.
func stored(path string) []string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil // there is none yet
	}
	var secrets []string
	for _, match := range regexp.MustCompile(`"(?:token|secret)": *"([^"]+)"`).FindAllSubmatch(raw, -1) {
		secrets = append(secrets, string(match[1]))
	}
	return secrets
}
