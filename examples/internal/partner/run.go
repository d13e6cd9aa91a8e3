package partner

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed" // the front page
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/sandbox"
	"github.com/sunco-go/sunco/suncotest"
)

// Example is a program that Run runs.
type Example struct {
	Name  string // of its command, and on its front page
	About string // one sentence for -h and the front page
	Help  string // about more variables; may be empty

	// New makes the partner that Run serves.
	New func(client *sunco.Client, publicURL string) (Partner, error)
}

// Partner is what an example is made of.
type Partner struct {
	Handler http.Handler                    // gets what is below /zendesk/
	Start   func(ctx context.Context)       // runs beside the server, until ctx ends; may be nil
	Close   func(ctx context.Context) error // ends what runs without a request, after the server
}

// Main runs an example with the environment of the process until SIGINT or SIGTERM.
func (e Example) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := e.Run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", e.Name, err)
		os.Exit(1)
	}
}

// Run serves the example until ctx ends, which is no error.
func (e Example) Run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	if len(args) == 1 && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help") {
		fmt.Fprintf(out, "%s\n\nUsage: go run ./examples/%s\n\n%s%s", e.About, e.Name, Help, e.Help)
		return nil
	}
	if len(args) > 0 {
		return errors.New("there must be no arguments; -h explains the environment variables")
	}
	s, err := Read(getenv)
	if err != nil {
		return err
	}
	if s.PublicURL == "" && !s.Local() {
		return errors.New("set SUNCO_PUBLIC_URL to the address at which Zendesk reaches this program; -h explains it")
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Listen)
	if err != nil {
		return err // names the address
	}
	defer func() { _ = listener.Close() }() // the server may have closed it
	local, err := LocalURL(listener.Addr())
	if err != nil {
		return err
	}
	public, page := cmp.Or(s.PublicURL, local), ""
	if s.ClientID == "" {
		var end func()
		if page, end, err = s.openSandbox(ctx, e.Name, public); err != nil {
			return err
		}
		defer end()
	}
	partner, err := e.New(s.Client(public+InstallPath), public)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/zendesk/", partner.Handler)
	mux.Handle("GET /{$}", e.front(page))
	fmt.Fprintf(out, "%s: open %s/\n", e.Name, public)
	return serve(ctx, listener, mux, partner)
}

// openSandbox serves a sandbox and writes its credentials into s. The client id is what
// the consent page calls the partner.
func (s *Settings) openSandbox(ctx context.Context, clientID, public string) (page string, end func(), err error) {
	s.ClientID, s.ClientSecret = clientID, sunco.NewSecret(rand.Text())
	box, err := sandbox.Listen(ctx, sandbox.Config{
		Addr: "127.0.0.1:0",
		Home: public + "/",
		Platform: suncotest.Config{
			ClientID: s.ClientID, ClientSecret: s.ClientSecret.Reveal(),
			RedirectURIs: []string{public + InstallPath},
			RemoveURL:    public + RemovedPath,
		},
		Log: log.New(io.Discard, "", 0), // its page shows the requests
	})
	if err != nil {
		return "", nil, err
	}
	s.Domain = box.Domain()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // requests in progress need it
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = box.Serve(ctx) // the partner then gets errors, which it logs
	}()
	return box.PageURL(), func() {
		cancel()
		<-done
	}, nil
}

// serve answers until ctx ends, and then ends the requests in progress and the partner.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, partner Partner) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	stopper := sandbox.NewStopper(server)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	started := make(chan struct{})
	startCtx, stopStart := context.WithCancel(ctx)
	go func() {
		defer close(started)
		if partner.Start != nil {
			partner.Start(startCtx)
		}
	}()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		err = stopper.Stop(2 * time.Minute)
	}
	stopStart()
	<-started
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, partner.Close(closing))
}

//go:embed front.html
var frontPage string

// front is the page on which an administrator installs the example.
func (e Example) front(sandboxPage string) http.HandlerFunc {
	page := template.Must(template.New("front").Parse(frontPage))
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(frontPage)[1]
	hash := sha256.Sum256([]byte(style))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Referrer-Policy", "no-referrer")
		_ = page.Execute(w, map[string]any{
			"Name": e.Name, "About": e.About, "Sandbox": sandboxPage, "Installed": r.URL.Query().Has("installed"),
		})
	}
}
