package store_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// process is a child as its parent sees it.
type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	log   lockedBuffer
	ended chan struct{} // closed when it has ended and all it reported was read
	ready chan struct{} // closed when it reported that it is ready
}

// lockedBuffer is a buffer that several goroutines use.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// spawn starts a child, which then waits for its order. It serves on socket, and read
// gets the lines that it reports.
func spawn(t testing.TB, socket *os.File, read func(line string)) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0]), ended: make(chan struct{}), ready: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), childVariable+"=1")
	p.cmd.Stderr, p.cmd.ExtraFiles = &p.log, []*os.File{socket}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var err error
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if lines.Text() == "ready" {
				close(p.ready)
			}
			read(lines.Text())
		}
		_ = p.cmd.Wait() // it was killed
	}()
	t.Cleanup(p.kill)
	return p
}

// do gives a child its order.
func (p *process) do(t testing.TB, o order) {
	t.Helper()
	line, err := json.Marshal(o)
	require.NoError(t, err)
	_, err = p.stdin.Write(append(line, '\n'))
	require.NoError(t, err)
}

// kill kills a child, and waits until all it reported was read.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// newSocket opens the socket on which children serve. Connections wait in it while none
// does.
func newSocket(t testing.TB) (socket *os.File, base string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	socket, err = listener.(*net.TCPListener).File()
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = socket.Close()
		_ = listener.Close()
	})
	return socket, "http://" + listener.Addr().String()
}
