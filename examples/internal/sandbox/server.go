// Package sandbox serves the fake platform of package suncotest on a socket, with
// a page on which a person plays the customer. The example programs share it.
package sandbox

import (
	"cmp"
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

// Config says what to serve, and where.
type Config struct {
	Addr     string           // host:port to listen on; port 0 takes a free one
	Platform suncotest.Config // the partner and its customers; the domain is not used
	TLS      bool             // speak https
	CAFile   string           // with TLS: where the authority's certificate is written; may be empty
	Home     string           // address of the partner's application, for a link; empty: none
	Log      *log.Logger      // gets one line per request, without queries, headers and bodies
}

// Sandbox is the fake platform on a socket, with a page for people.
type Sandbox struct {
	cfg      Config
	platform *suncotest.Platform
	listener net.Listener
	scheme   string
	host     string // of the address to tell people, with the port
	port     string
	page     *page
	mux      *http.ServeMux // everything but the API
	log      *log.Logger
}

// Listen opens the socket. From then on connections are taken, and Serve must be
// called, which answers them and closes everything.
func Listen(ctx context.Context, cfg Config) (*Sandbox, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return nil, err // which names the address
	}
	platform := suncotest.New(cfg.Platform)
	if cfg.CAFile != "" {
		if err := writeCA(cfg.CAFile, platform.CertPEM()); err != nil {
			platform.Close()
			return nil, errors.Join(err, listener.Close())
		}
	}
	return newSandbox(cfg, platform, listener), nil
}

// Serve answers until ctx ends, which is no error.
func (s *Sandbox) Serve(ctx context.Context) error {
	defer s.platform.Close()
	server := s.server()
	stopper := NewStopper(server)
	done := make(chan error, 1)
	go func() {
		if s.cfg.TLS {
			done <- server.ServeTLS(s.listener, "", "")
		} else {
			done <- server.Serve(s.listener)
		}
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	if stopper.Stop(grace) != nil {
		s.log.Printf("requests that took longer than %s were cut off", grace)
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// BaseURL returns the base URL of the API, with every route.
func (s *Sandbox) BaseURL() string { return s.url(apiPrefix) }

// PageURL returns the address of the page for people.
func (s *Sandbox) PageURL() string { return s.url("/") }

// Domain returns what a client on this machine takes for the platform's domain.
func (s *Sandbox) Domain() string { return "localhost:" + s.port }

func newSandbox(cfg Config, platform *suncotest.Platform, listener net.Listener) *Sandbox {
	s := &Sandbox{cfg: cfg, platform: platform, listener: listener, scheme: "http", page: newPage(), log: cfg.Log}
	if cfg.TLS {
		s.scheme = "https"
	}
	s.host = "127.0.0.1"
	if at, err := netip.ParseAddrPort(listener.Addr().String()); err == nil {
		if ip := at.Addr().Unmap(); !ip.IsUnspecified() {
			s.host = ip.String()
		}
		s.port = fmt.Sprint(at.Port())
	}
	s.host = net.JoinHostPort(s.host, s.port)
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("GET /{$}", s.showPage)
	s.mux.HandleFunc("POST /sandbox/uninstall", s.uninstall)
	s.mux.HandleFunc("POST /sandbox/say", s.say)
	s.mux.HandleFunc("POST /sandbox/emit", s.emit)
	s.mux.HandleFunc("GET "+adminPath, s.showAdmin)
	s.mux.HandleFunc("/sandbox/receiver", receive)
	return s
}

// receive is a webhook target for who has none yet: it takes every delivery.
func receive(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, 1<<20))
}

// server returns the HTTP server, not yet serving.
func (s *Sandbox) server() *http.Server {
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
	if s.cfg.TLS {
		server.TLSConfig = s.platform.TLSConfig()
	}
	return server
}

// route tells the platform's paths from the sandbox's own. No pattern comes in
// between: the platform sees paths as they were sent. With TLS it takes every name:
// a browser that was led here by a foreign one does not trust the certificate.
func (s *Sandbox) route(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	isAPI := path == apiPrefix || strings.HasPrefix(path, apiPrefix+"/")
	name, port := s.splitHost(r.Host)
	switch {
	case isAPI && !s.cfg.TLS && !isThisMachine(name):
		s.refuse(w, http.StatusForbidden, "Without -tls the API answers only to addresses and to names under localhost.")
	case isAPI:
		s.platform.ServeHTTP(w, r)
	case port != s.port || !isThisMachine(name):
		s.refuse(w, http.StatusForbidden, "This page answers only to addresses and to names under localhost, with its port.")
	default:
		s.mux.ServeHTTP(w, r)
	}
}

// splitHost takes a Host header apart. The port may be left out of it where it is
// the scheme's own.
func (s *Sandbox) splitHost(host string) (name, port string) {
	name, port, err := net.SplitHostPort(host)
	if err == nil {
		return name, port
	}
	port = "80"
	if s.cfg.TLS {
		port = "443"
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), port
}

// isThisMachine reports whether a name out of a Host header is one that no foreign
// site can bring about by pointing its own name here.
func isThisMachine(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil || IsLocalhost(strings.ToLower(name))
}

// refuse answers with one sentence, which never repeats what the caller sent.
func (s *Sandbox) refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, why, status)
}

// url returns an address of this server.
func (s *Sandbox) url(path string) string { return s.scheme + "://" + s.host + path }

// Introduce writes to the log what a person wants to know next.
func (s *Sandbox) Introduce() {
	s.log.Printf("the page is %s and the client id %s", s.PageURL(), cmp.Or(s.cfg.Platform.ClientID, suncotest.DefaultClientID))
	if tcp, ok := s.listener.Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		s.log.Print("others on the network can reach this; it is meant for tests only")
	}
	if s.cfg.TLS && s.cfg.CAFile == "" {
		s.log.Print("no -ca-file was given, so clients cannot check the certificates")
	}
}

// IsLocalhost reports whether a lower-case name is localhost or under it.
func IsLocalhost(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// IsLoopback reports whether a host name or address can only be this machine.
func IsLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return IsLocalhost(strings.ToLower(host)) || err == nil && ip.Unmap().IsLoopback()
}
