package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/sunco-go/sunco/suncotest"
)

const (
	apiPrefix = "/sc"
	grace     = 5 * time.Second // for requests under way when the program ends
)

// sandbox is the fake platform and what is around it.
type sandbox struct {
	opts     *options
	platform *suncotest.Platform
	scheme   string
	host     string // of the address to tell people, with the port
	port     string
	page     *page
	mux      *http.ServeMux // everything but the API
	log      *log.Logger
}

// serve listens, says so on stdout, and answers until ctx ends.
func serve(ctx context.Context, opts *options, stdout, stderr io.Writer) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", opts.addr)
	if err != nil {
		return err // which names the address
	}
	defer func() { _ = listener.Close() }() // closed by the server, where there was one
	platform := suncotest.New(opts.config())
	defer platform.Close()
	if opts.caFile != "" {
		if err := writeCA(opts.caFile, platform.CertPEM()); err != nil {
			return err
		}
	}
	s := newSandbox(opts, platform, listener.Addr(), log.New(stderr, "sandbox: ", 0))
	server := s.server()
	done := make(chan error, 1)
	go func() {
		if opts.tls {
			done <- server.ServeTLS(listener, "", "")
		} else {
			done <- server.Serve(listener)
		}
	}()
	if _, err := fmt.Fprintf(stdout, "sandbox: ready at %s\n", s.url(apiPrefix)); err != nil {
		return errors.Join(err, server.Close(), <-done)
	}
	s.introduce(listener.Addr())
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	stop(server)
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// stop ends a server: politely, then not.
func stop(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		_ = server.Close()
	}
}

func newSandbox(opts *options, platform *suncotest.Platform, addr net.Addr, logger *log.Logger) *sandbox {
	s := &sandbox{opts: opts, platform: platform, scheme: "http", page: newPage(), log: logger}
	if opts.tls {
		s.scheme = "https"
	}
	s.host = "127.0.0.1"
	if at, err := netip.ParseAddrPort(addr.String()); err == nil {
		if ip := at.Addr().Unmap(); !ip.IsUnspecified() {
			s.host = ip.String()
		}
		s.port = fmt.Sprint(at.Port())
	}
	s.host = net.JoinHostPort(s.host, s.port)
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("GET /{$}", s.showPage)
	s.mux.HandleFunc("POST /sandbox/uninstall", s.uninstall)
	return s
}

// server returns the HTTP server, not yet serving.
func (s *sandbox) server() *http.Server {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, http.StatusForbidden, "A browser sent this on behalf of another site.")
	}))
	server := &http.Server{
		Handler:           s.logged(protection.Handler(http.HandlerFunc(s.route))),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second, // creating a webhook asks its target first
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          s.log,
	}
	if s.opts.tls {
		server.TLSConfig = s.platform.TLSConfig()
	}
	return server
}

// route tells the platform's paths from the sandbox's own. No pattern comes in
// between: the platform sees paths as they were sent.
func (s *sandbox) route(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	switch {
	case path == apiPrefix || strings.HasPrefix(path, apiPrefix+"/"):
		s.platform.ServeHTTP(w, r)
	case !s.isOwn(r.Host):
		s.refuse(w, http.StatusForbidden, "This page answers only to addresses and to names under localhost, with its port.")
	default:
		s.mux.ServeHTTP(w, r)
	}
}

// isOwn reports whether a Host header names this machine in a way that no foreign
// site can bring about by pointing its own name here.
func (s *sandbox) isOwn(host string) bool {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = host, "80"
		if s.opts.tls {
			port = "443"
		}
		name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	}
	if port != s.port {
		return false
	}
	_, err = netip.ParseAddr(name)
	return err == nil || isLocalhost(strings.ToLower(name))
}

// refuse answers with one sentence, which never repeats what the caller sent.
func (s *sandbox) refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, why, status)
}

// url returns an address of this server.
func (s *sandbox) url(path string) string { return s.scheme + "://" + s.host + path }

// introduce says on stderr what a person wants to know next.
func (s *sandbox) introduce(addr net.Addr) {
	s.log.Printf("the page is %s and the client id %s", s.url("/"), s.opts.clientID)
	if tcp, ok := addr.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		s.log.Print("others on the network can reach this; it is meant for tests only")
	}
	if s.opts.tls && s.opts.caFile == "" {
		s.log.Print("no -ca-file was given, so clients cannot check the certificates")
	}
}
