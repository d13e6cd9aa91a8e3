// Package sandbox serves the fake platform of package suncotest on a socket, with a page
// on which a person plays the customer. The example programs share it.
package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/sunco-go/sunco/suncotest"
)

const (
	apiPrefix = "/sc"
	bridge    = "oauth-bridge"
	grace     = 5 * time.Second // for requests in progress when the program ends
)

// Config says what to serve, and where.
type Config struct {
	Addr     string           // host:port to listen on; port 0 takes a free one
	Platform suncotest.Config // the partner and its customers; Listen sets Domain and Log
	TLS      bool             // speak https
	CAFile   string           // with TLS: the file for the authority's certificate; empty: none
	Home     string           // URL of the partner's application, for a link; empty: none
	Log      *log.Logger      // gets a line for each API request, without query, header and body
}

// HostsLine returns the line for the hosts file of this machine that makes the names of
// the bridge and the customers under domain resolve. Many programs need it even for
// localhost: Node, Python and Ruby do not resolve names under localhost by themselves.
func (c Config) HostsLine(domain string) string {
	names := []string{"127.0.0.1", bridge + "." + domain}
	if at, err := netip.ParseAddrPort(c.Addr); err == nil && !at.Addr().IsUnspecified() {
		names[0] = at.Addr().String()
	}
	for _, a := range c.Platform.Accounts {
		if a.Legacy == "" {
			names = append(names, cmp.Or(a.Subdomain, suncotest.DefaultSubdomain)+"."+domain)
		}
	}
	if len(c.Platform.Accounts) == 0 {
		names = append(names, suncotest.DefaultSubdomain+"."+domain)
	}
	return strings.Join(names, " ")
}

// Sandbox is the fake platform on a socket, with a page for people.
type Sandbox struct {
	cfg      Config
	platform *suncotest.Platform
	listener net.Listener
	scheme   string
	host     string // of the address to tell people, with the port
	port     string
	mux      *http.ServeMux // everything but the API
	log      *log.Logger
	streams  chan struct{} // one for each open stream
	ending   chan struct{} // closed when the streams must end
}

// Listen opens the socket. The caller must then call Serve, which answers the
// connections and closes everything.
func Listen(ctx context.Context, cfg Config) (*Sandbox, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return nil, err // which names the address
	}
	s := &Sandbox{cfg: cfg, listener: listener, scheme: "http", host: "127.0.0.1", log: cfg.Log,
		streams: make(chan struct{}, maxStreams), ending: make(chan struct{})}
	if cfg.TLS {
		s.scheme = "https"
	}
	if at, err := netip.ParseAddrPort(listener.Addr().String()); err == nil {
		if ip := at.Addr().Unmap(); !ip.IsUnspecified() {
			s.host = ip.String()
		}
		s.port = fmt.Sprint(at.Port())
	}
	s.host = net.JoinHostPort(s.host, s.port)
	s.cfg.Platform.ClientID = cmp.Or(cfg.Platform.ClientID, suncotest.DefaultClientID)
	s.cfg.Platform.ClientSecret = cmp.Or(cfg.Platform.ClientSecret, suncotest.DefaultClientSecret)
	s.cfg.Platform.Domain = s.Domain()
	s.cfg.Platform.Log = func(r suncotest.Request) { s.logLine(r.Method, r.Host, r.Path, r.Status, r.Note) }
	s.platform = suncotest.New(s.cfg.Platform)
	if cfg.CAFile != "" {
		if err := writeCA(cfg.CAFile, s.platform.CertPEM()); err != nil {
			s.platform.Close()
			return nil, errors.Join(err, listener.Close())
		}
	}
	s.routes()
	return s, nil
}

// routes fills the mux.
func (s *Sandbox) routes() {
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("GET /{$}", s.showPage)
	s.mux.HandleFunc("/sandbox/uninstall", s.uninstall)
	s.mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent) // browsers ask for it
	})
	s.mux.HandleFunc("GET /sandbox/stream", s.stream)
	s.mux.HandleFunc("GET /sandbox/webview", s.webview)
	s.mux.HandleFunc("GET /sandbox/style.css", own("style.css", "text/css"))
	s.mux.HandleFunc("GET /sandbox/script.js", own("script.js", "text/javascript"))
	s.mux.HandleFunc("/sandbox/say", s.person("The message cannot be sent: there is no such app "+
		"or conversation, or the user or the text is blank or too long.", s.say, "text"))
	s.mux.HandleFunc("/sandbox/press", s.person("There is no such button.", s.platform.Press, "button"))
	s.mux.HandleFunc("/sandbox/signal", s.person("The person must write something first.", s.signal, "kind"))
	s.mux.HandleFunc("/sandbox/submit", s.submit)
	s.mux.HandleFunc("/sandbox/upload", s.upload)
	s.mux.HandleFunc("/sandbox/agent", s.agent)
	s.mux.HandleFunc("/sandbox/redeliver", s.redeliver)
	s.mux.HandleFunc("/sandbox/emit", s.emit)
	s.mux.HandleFunc("/sandbox/receiver", receive)
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, http.StatusNotFound, "There is no such page. The API is under "+apiPrefix+".")
	})
}

// writeCA writes the authority's certificate, without its key.
func writeCA(path string, certificate []byte) error {
	if err := os.WriteFile(path, certificate, 0o644); err != nil {
		return fmt.Errorf("writing -ca-file: %w", err)
	}
	if err := os.Chmod(path, 0o644); err != nil { // the file may have been there, and there is the umask
		return fmt.Errorf("writing -ca-file: %w", err)
	}
	return nil
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

// Domain returns the platform's domain for a client on this machine.
func (s *Sandbox) Domain() string { return "localhost:" + s.port }

// url returns an address of this server.
func (s *Sandbox) url(path string) string { return s.scheme + "://" + s.host + path }

// Introduce logs what a person wants to know next.
func (s *Sandbox) Introduce() {
	s.log.Printf("the page is %s and the client id %s", s.PageURL(), s.cfg.Platform.ClientID)
	if tcp, ok := s.listener.Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		s.log.Print("warning: other machines can reach this sandbox; use a loopback address for -addr")
	}
	if s.cfg.TLS && s.cfg.CAFile == "" {
		s.log.Print("warning: clients cannot check the certificates without -ca-file")
	}
}

// server returns the HTTP server, not yet serving.
func (s *Sandbox) server() *http.Server {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, http.StatusForbidden, "A browser sent this from another site.")
	}))
	server := &http.Server{
		Handler:           protection.Handler(http.HandlerFunc(s.route)),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second, // creating a webhook asks its target first
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          s.log,
	}
	server.RegisterOnShutdown(func() { close(s.ending) })
	if s.cfg.TLS {
		server.TLSConfig = s.platform.TLSConfig()
	}
	return server
}

// route separates the platform's paths from the sandbox's own. The platform sees paths as
// they were sent, because no pattern comes before it. With TLS it answers to every name: a
// browser that another site sends here does not trust the certificate.
func (s *Sandbox) route(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	name, port := s.splitHost(r.Host)
	legacy := name == "api.smooch.io" || name == "api.eu-1.smooch.io"
	isAPI := legacy || path == apiPrefix || strings.HasPrefix(path, apiPrefix+"/")
	isAdmin := r.Method == http.MethodGet && strings.HasPrefix(path, "/admin/")
	switch {
	case (isAPI || isAdmin) && !s.cfg.TLS && !isThisMachine(name):
		s.refuse(w, r, http.StatusForbidden, "Without -tls the API answers only to addresses and to names under localhost.")
	case isAPI:
		s.platform.ServeHTTP(w, r)
	case isAdmin && isThisMachine(name): // an application links to a customer's Admin Center
		http.Redirect(w, r, s.admin(name), http.StatusSeeOther)
	case isAdmin:
		http.Redirect(w, r, s.url(s.admin(name)), http.StatusSeeOther)
	case port != s.port || !isThisMachine(name):
		s.refuse(w, r, http.StatusForbidden,
			"This page answers only to addresses and to names under localhost, with its port.")
	default:
		s.mux.ServeHTTP(w, r)
	}
}

// admin is where on the page a person can uninstall from the customer of a host.
func (s *Sandbox) admin(host string) string {
	look := view{Pane: "settings"}
	label, _, _ := strings.Cut(host, ".")
	for _, a := range s.platform.Accounts() {
		if strings.EqualFold(a.Subdomain, label) {
			look.App = a.AppID
		}
	}
	return look.Link()
}

// splitHost splits a Host header. The scheme's own port may be absent from it.
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

// isThisMachine reports whether a name from a Host header is one that no other site can
// point here.
func isThisMachine(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil || isLocalhost(name)
}

// IsLoopback reports whether a host name or address can only be this machine.
func IsLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return isLocalhost(host) || err == nil && ip.Unmap().IsLoopback()
}

func isLocalhost(name string) bool {
	name = strings.ToLower(name)
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// refuse answers and logs one sentence, which never repeats what the caller sent.
func (s *Sandbox) refuse(w http.ResponseWriter, r *http.Request, status int, why string) {
	s.logLine(r.Method, r.Host, r.URL.EscapedPath(), status, why)
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, why, status)
}

// logLine writes one line about a request, with the note of the platform if it has one.
func (s *Sandbox) logLine(method, host, path string, status int, note string) {
	line := fmt.Sprintf("%s %s%s %s", s.shown(method), s.shown(host), s.shown(path), statusText(status))
	if note != "" {
		line += " (" + s.shownNote(note) + ")"
	}
	s.log.Print(line)
}

func statusText(status int) string {
	if status == 0 {
		return "no answer"
	}
	return fmt.Sprint(status)
}

// maxShown is longer than the platform's words and ids in paths, and shorter than its
// codes, tokens and webhook secrets.
const maxShown = 24

// shown returns a method, host or path in a form that is safe to print. It is never called
// with a query. A part that may be a credential, put into a path by mistake, is left out,
// and so is what is not plain text.
func (s *Sandbox) shown(text string) string {
	plain, err := url.PathUnescape(text)
	secret := s.cfg.Platform.ClientSecret
	if err != nil || len(text) > 400 || len(secret) > 3 && strings.Contains(plain, secret) {
		return "…"
	}
	var out strings.Builder
	for text != "" {
		end := strings.IndexAny(text, "/.:")
		if end < 0 {
			end = len(text)
		}
		name := text[:end]
		if len(name) > maxShown || strings.ContainsFunc(name, unprintable) {
			name = "…"
		}
		out.WriteString(name)
		next := min(end+1, len(text))
		out.WriteString(text[end:next])
		text = text[next:]
	}
	return out.String()
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' }

// shownNote returns a note of the platform, with the URLs in it as shown writes them.
func (s *Sandbox) shownNote(note string) string {
	words := strings.Split(note, " ")
	for i, word := range words {
		if strings.Contains(word, "://") {
			words[i] = s.shown(word)
		}
	}
	return strings.Join(words, " ")
}

// shownURL returns a partner's URL without its query, which may hold a key.
func (s *Sandbox) shownURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "…"
	}
	text := s.shown(u.Scheme) + "://" + s.shown(u.Host) + s.shown(u.EscapedPath())
	if u.RawQuery != "" {
		text += "?…"
	}
	return text
}
