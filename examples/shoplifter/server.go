package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/examples/internal/sandbox"
	"github.com/sunco-go/sunco/suncotest"
)

const (
	stopGrace = 2 * time.Minute // for requests in progress when the program ends
	closing   = 5 * time.Second // for what runs without a request
	workers   = 8               // events that are handled at the same time
)

// serve listens, prints the address to stdout, and answers until ctx ends.
func serve(ctx context.Context, cfg *config, stdout io.Writer, log *slog.Logger) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return err // names the address
	}
	defer func() { _ = listener.Close() }() // the server may have closed it
	local, err := partner.LocalURL(listener.Addr())
	if err != nil {
		return err
	}
	cfg.localURL = local
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var page string
	if cfg.embedded {
		box, err := openSandbox(ctx, cfg, log)
		if err != nil {
			return err
		}
		page = box.PageURL()
		defer runSandbox(box, cancel, log)()
	}
	a, err := newApp(ctx, cfg, page, log)
	if err != nil {
		return err
	}
	if !cfg.reachable() {
		log.Warn("SUNCO_PUBLIC_URL is not set: connections get no webhook, " +
			"and Zendesk sends browsers to the redirect URL that was registered first")
	}
	return a.serve(ctx, listener, func() error {
		_, err := fmt.Fprintf(stdout, "shoplifter: open %s/\n", local)
		return err
	})
}

// serve answers until ctx ends. It calls ready once the front page can be opened.
func (a *app) serve(ctx context.Context, listener net.Listener, ready func() error) error {
	server := a.server(listener.Addr())
	stopper := sandbox.NewStopper(server)
	ctx, cancel := context.WithCancel(ctx)
	var beside sync.WaitGroup
	beside.Go(func() { _ = a.store.Maintain(ctx, a.webhook()) }) // this and Work return nil at the end
	beside.Go(func() { _ = a.store.Work(ctx, workers, a.receive) })
	beside.Go(func() { _ = a.finishAll(ctx, a.store.All(ctx), a.store.Unfinished(ctx)) }) // logs its errors
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	err := ready()
	if err == nil {
		select {
		case ended := <-done:
			done <- ended
		case <-ctx.Done():
		}
	}
	cancel()
	a.stop(stopper)
	if ended := <-done; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	beside.Wait()
	return errors.Join(err, a.close())
}

// stop ends the server after the requests in progress.
func (a *app) stop(stopper *sandbox.Stopper) {
	waiting := time.AfterFunc(time.Second, func() {
		a.log.Info("waiting for requests in progress; a second signal ends the program at once", "at_most", a.grace)
	})
	defer waiting.Stop()
	if err := stopper.Stop(a.grace); err != nil {
		a.log.Error("requests in progress were cut off", "after", a.grace, "error", err)
	}
}

// close ends the handlers and the client.
func (a *app) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	err := errors.Join(a.events.Close(ctx), a.removals.Close(ctx), a.store.Close())
	a.client.CloseIdleConnections()
	return err
}

// server returns the HTTP server, not yet serving.
func (a *app) server(addr net.Addr) *http.Server {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a.sorry(w, http.StatusForbidden, "Refused", "Another site sent this request.")
	}))
	return &http.Server{
		Handler:           a.onlyOwnHosts(addr, protection.Handler(a.routes())),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      stopGrace, // an installation may take long
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
}

// onlyOwnHosts refuses requests for other host names, which a foreign site could
// point here. It accepts the public name with every port, because a proxy may add
// its own.
func (a *app) onlyOwnHosts(addr net.Addr, next http.Handler) http.Handler {
	_, port, _ := net.SplitHostPort(addr.String())
	base := hostname(a.cfg.baseURL())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := &url.URL{Host: strings.ToLower(r.Host)}
		name, samePort := host.Hostname(), cmp.Or(host.Port(), "80") == port
		if name == base && (samePort || a.cfg.PublicURL != "") || samePort && sandbox.IsLoopback(name) {
			next.ServeHTTP(w, r)
			return
		}
		a.sorry(w, http.StatusMisdirectedRequest, "Wrong address", "Shoplifter does not answer at this address.")
	})
}

// hostname returns the host of a valid URL, without the port.
func hostname(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(partner.InstallPath, a.installer)
	mux.Handle(partner.EventsPath, a.events)
	mux.Handle(partner.RemovedPath, a.removals)
	mux.HandleFunc("GET /{$}", a.showFront)
	mux.HandleFunc("POST /finish", a.finishPending)
	mux.HandleFunc("GET /installations/{app}", a.withConnection(a.showConnection))
	mux.HandleFunc("POST /installations/{app}/message", a.withConnection(a.sendMessage))
	mux.HandleFunc("POST /installations/{app}/webhook", a.withConnection(a.setUpWebhook))
	mux.HandleFunc("POST /installations/{app}/uninstall", a.uninstall)
	mux.HandleFunc("GET /style.css", a.pages.serveStyle)
	mux.HandleFunc("GET /icon.svg", a.pages.serveIcon)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		a.sorry(w, http.StatusNotFound, "Not found", "There is no such page.")
	})
	return mux
}

// openSandbox opens a fake platform with two customers on a loopback port, and
// writes its domain and credentials into cfg.
func openSandbox(ctx context.Context, cfg *config, logger *slog.Logger) (*sandbox.Sandbox, error) {
	cfg.ClientID = suncotest.DefaultClientID
	secret := rand.Text()
	box, err := sandbox.Listen(ctx, sandbox.Config{
		Addr: "127.0.0.1:0",
		Home: cfg.baseURL() + "/",
		Platform: suncotest.Config{
			ClientID: cfg.ClientID, ClientSecret: secret,
			RedirectURIs: []string{cfg.baseURL() + partner.InstallPath},
			RemoveURL:    cfg.baseURL() + partner.RemovedPath,
			Accounts: []suncotest.Account{
				{Subdomain: "acme", DisplayName: "Acme Outdoor"},
				{Subdomain: "globex", DisplayName: "Globex Gardens"},
			},
			Behavior: suncotest.Behavior{MarketplaceRequired: true},
		},
		Log: log.New(debugLines{logger}, "", 0),
	})
	if err != nil {
		return nil, err
	}
	cfg.ClientSecret, cfg.Domain = sunco.NewSecret(secret), box.Domain()
	return box, nil
}

// runSandbox serves the sandbox, and calls failed if it cannot. The function
// returned ends the sandbox; call it last, because requests in progress need it.
func runSandbox(box *sandbox.Sandbox, failed func(), log *slog.Logger) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := box.Serve(ctx); err != nil {
			log.Error("the sandbox ended", "error", err)
			failed()
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// debugLines writes the sandbox's lines to a log at level Debug.
type debugLines struct{ log *slog.Logger }

func (d debugLines) Write(line []byte) (int, error) {
	d.log.Debug("sandbox", "line", string(line))
	return len(line), nil
}
