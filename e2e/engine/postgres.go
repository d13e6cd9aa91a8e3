package engine

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sunco-go/sunco/sqlstore"
)

// Server is a PostgreSQL server of this process, on a free port of loopback.
type Server struct {
	Dir  string // its data
	Port int
	Log  string // the file with its log

	bin      string
	as       *syscall.Credential // nil: this process's own
	settings []string
	cmd      *exec.Cmd
	ended    chan struct{}
}

// shared is the server for all tests of this process.
var shared = sync.OnceValues(func() (*Server, error) {
	s, err := startServer()
	if err == nil {
		endShared = s.Close
	}
	return s, err
})

var endShared = func() {}

// Close ends the server that all tests of the process share. TestMain calls it.
func Close() { endShared() }

// NewServer starts a server for one test, with settings such as "autovacuum=off".
func NewServer(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	Engine{Dialect: sqlstore.PostgreSQL}.need(tb)
	s, err := startServer(settings...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

func startServer(settings ...string) (*Server, error) {
	s := &Server{settings: settings}
	var err error
	if s.bin, err = binaries(); err != nil {
		return nil, err
	}
	if s.as, err = unprivileged(); err != nil {
		return nil, err
	}
	if s.Dir, err = os.MkdirTemp("", "sunco-postgres-"); err != nil {
		return nil, err
	}
	s.Log = filepath.Join(s.Dir, "log")
	if s.as != nil {
		if err := os.Chown(s.Dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
			return nil, err
		}
	}
	// A collation of a language, because that of C hides what depends on it. initdb need
	// not wait for the disk: the server does.
	initdb := s.command("initdb", "--pgdata", filepath.Join(s.Dir, "data"), "--username", "sunco", "--auth", "trust",
		"--encoding", "UTF8", "--locale", "C", "--locale-provider", "icu", "--icu-locale", "en",
		"--no-sync", "--data-checksums")
	if out, err := initdb.CombinedOutput(); err != nil {
		s.Close()
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if s.Port, err = freePort(); err == nil {
		err = s.Start()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// binaries finds PostgreSQL where Debian's packages put it, or in the PATH.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		path, err := exec.LookPath("initdb")
		if err != nil {
			return "", errors.New("not run: PostgreSQL is not installed")
		}
		found = []string{path}
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// unprivileged returns whom the server runs as, because it refuses root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		if account, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

// command runs in a session of its own, so that ^C reaches the test alone, and ends
// with this process.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir, cmd.Env = s.Dir, []string{"PATH=" + s.bin + ":/usr/bin:/bin", "TZ=UTC", "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Setsid: true, Pdeathsig: syscall.SIGQUIT}
	return cmd
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// Start starts the server, after Kill too, and waits until it answers. After a kill the
// first attempts can meet what is left of the killed processes.
func (s *Server) Start() error {
	log, err := os.OpenFile(s.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{"-D", filepath.Join(s.Dir, "data")}
	for _, setting := range append([]string{"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(s.Port),
		"unix_socket_directories=", "max_connections=300", "shared_buffers=32MB", "fsync=on", "wal_level=minimal",
		"max_wal_senders=0"}, s.settings...) {
		args = append(args, "-c", setting)
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		s.cmd, s.ended = s.command("postgres", args...), make(chan struct{})
		s.cmd.Stdout, s.cmd.Stderr = log, log
		if err := s.cmd.Start(); err != nil {
			return err
		}
		go func() {
			_ = s.cmd.Wait() // how it ends is in the log
			close(s.ended)
		}()
		if s.answers(deadline) {
			return nil
		}
	}
	text, _ := os.ReadFile(s.Log)
	return fmt.Errorf("PostgreSQL did not start:\n%s", text[max(0, len(text)-4000):])
}

// answers waits until the server answers, has ended, or time is up.
func (s *Server) answers(deadline time.Time) bool {
	db, err := sql.Open("pgx", s.DSN("public"))
	if err != nil {
		return false
	}
	defer db.Close()
	for time.Now().Before(deadline) {
		_, err := db.ExecContext(context.Background(), "CREATE EXTENSION IF NOT EXISTS amcheck") // for Integrity
		if err == nil {
			return true
		}
		select {
		case <-s.ended:
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
	return false
}

// DSN returns the data source name of one of the server's schemas.
func (s *Server) DSN(schema string) string {
	return fmt.Sprintf("postgres://sunco@127.0.0.1:%d/postgres?sslmode=disable&search_path=%s", s.Port, schema)
}

// New makes a schema in the server's database, because a database takes a second.
func (s *Server) New(tb testing.TB) *Database {
	tb.Helper()
	db, err := sql.Open("pgx", s.DSN("public"))
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	name := "test" + strconv.FormatInt(schemas.Add(1), 10)
	if _, err := db.ExecContext(tb.Context(), "CREATE SCHEMA "+name); err != nil {
		tb.Fatal(err)
	}
	all := All()
	return &Database{all[len(all)-1], s.Dir, s.DSN(name)}
}

var schemas atomic.Int64

// Kill kills all processes of the server at once, without a warning.
func (s *Server) Kill() {
	for _, pid := range append(childrenOf(s.cmd.Process.Pid), s.cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
	}
	<-s.ended
}

// childrenOf lists the processes whose parent is pid. It stops the parent first, so that
// it makes no others.
func childrenOf(pid int) (children []int) {
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	found, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range found {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) > 1 && string(fields[1]) == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(strings.Split(path, "/")[2])
			children = append(children, child)
		}
	}
	return children
}

// Close ends the server and deletes its data.
func (s *Server) Close() {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(syscall.SIGQUIT) // at once
		select {
		case <-s.ended:
		case <-time.After(10 * time.Second):
			s.Kill()
		}
	}
	_ = os.RemoveAll(s.Dir)
}

// Dump returns the server's database as pg_dump writes it.
func (s *Server) Dump() ([]byte, error) {
	port := strconv.Itoa(s.Port)
	return s.command("pg_dump", "--host", "127.0.0.1", "--port", port, "--username", "sunco", "postgres").Output()
}
