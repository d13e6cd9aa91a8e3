package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/sunco-go/sunco/examples/internal/sandbox"
)

// serve listens, says so on stdout, and answers until ctx ends.
func serve(ctx context.Context, cfg *config, stdout io.Writer, log *slog.Logger) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(cfg.host, cfg.port))
	if err != nil {
		return err // which names the address
	}
	defer func() { _ = listener.Close() }() // closed by the server, where there was one
	local, err := localURL(listener.Addr())
	if err != nil {
		return err
	}
	if cfg.publicURL == "" {
		cfg.publicURL = local
	}
	ctx, cancel := context.WithCancel(ctx)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer cancel()
	var page string
	if cfg.embedded {
		box, err := openSandbox(ctx, cfg, log)
		if err != nil {
			return err
		}
		page = box.PageURL()
		beside.Go(func() {
			if err := box.Serve(ctx); err != nil {
				log.Error("the sandbox ended", "error", err)
				cancel()
			}
		})
	}
	a, err := newApp(cfg, page, log)
	if err != nil {
		return err
	}
	return a.serve(ctx, listener, &beside, func() error {
		_, err := fmt.Fprintf(stdout, "shoplifter: open %s/\n", local)
		return err
	})
}

// localURL returns the address of a listener as a browser on this machine knows it.
func localURL(addr net.Addr) (string, error) {
	at, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return "", err
	}
	host := "localhost"
	if ip := at.Addr().Unmap(); !ip.IsUnspecified() && ip != netip.MustParseAddr("127.0.0.1") {
		host = ip.String()
	}
	return "http://" + net.JoinHostPort(host, fmt.Sprint(at.Port())), nil
}

// serve answers until ctx ends. ready runs when it does.
func (a *app) serve(ctx context.Context, listener net.Listener, beside *sync.WaitGroup, ready func() error) error {
	server, fresh := a.server(listener.Addr()), new(unused)
	server.ConnState = fresh.note
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	if a.cfg.embedded { // which answers at once: the front page then tells the truth
		a.resume(ctx)
	} else {
		beside.Go(func() { a.resume(ctx) })
	}
	err := ready()
	if err == nil {
		select {
		case err = <-done:
			return errors.Join(err, a.close())
		case <-ctx.Done():
		}
	}
	stop(server, fresh)
	if ended := <-done; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return errors.Join(err, a.close())
}

// close ends what may still run after the server.
func (a *app) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	err := errors.Join(a.events.Close(ctx), a.removals.Close(ctx))
	a.client.CloseIdleConnections()
	return err
}

// server returns the HTTP server, not yet serving.
func (a *app) server(addr net.Addr) *http.Server {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a.sorry(w, http.StatusForbidden, "Refused", "A browser sent this on behalf of another site.")
	}))
	return &http.Server{
		Handler:           a.onlyOwnHosts(addr, protection.Handler(a.routes())),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      2 * time.Minute, // connecting may take Zendesk a while
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
}

// onlyOwnHosts refuses names that a foreign site could point here. The public one
// is taken with any port that the proxy before us may add.
func (a *app) onlyOwnHosts(addr net.Addr, next http.Handler) http.Handler {
	_, port, _ := net.SplitHostPort(addr.String())
	_, public, _ := strings.Cut(a.cfg.publicURL, "://")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := strings.ToLower(r.Host)
		name, at, err := net.SplitHostPort(host)
		if host == public || err == nil && at == port && sandbox.IsLoopback(name) {
			next.ServeHTTP(w, r)
			return
		}
		a.sorry(w, http.StatusMisdirectedRequest, "Not here", "This address is not one of this program's own.")
	})
}

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(installPath, a.installer())
	mux.Handle(eventsPath, a.events)
	mux.Handle(removedPath, a.removals)
	mux.HandleFunc("GET /{$}", a.showFront)
	mux.HandleFunc("GET /installations/{app}", a.showConnection)
	mux.HandleFunc("POST /installations/{app}/message", a.withConnection(a.sendMessage))
	mux.HandleFunc("POST /installations/{app}/webhook", a.withConnection(a.repairWebhook))
	mux.HandleFunc("POST /installations/{app}/uninstall", a.withConnection(a.uninstall))
	mux.HandleFunc("GET /style.css", a.pages.serveStyle)
	mux.HandleFunc("GET /icon.svg", a.pages.serveIcon)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		a.sorry(w, http.StatusNotFound, "Not found", "There is no such page.")
	})
	return mux
}
