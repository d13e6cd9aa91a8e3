package main

import (
	"context"
	"crypto/rand"
	"log"
	"log/slog"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/sandbox"
	"github.com/sunco-go/sunco/suncotest"
)

// openSandbox opens a fake platform on a loopback port, with two customers, and makes it
// the one of the configuration.
func openSandbox(ctx context.Context, cfg *config, logger *slog.Logger) (*sandbox.Sandbox, error) {
	cfg.clientID = suncotest.DefaultClientID
	secret := rand.Text()
	box, err := sandbox.Listen(ctx, sandbox.Config{
		Addr: "127.0.0.1:0",
		Home: cfg.baseURL() + "/",
		Platform: suncotest.Config{
			ClientID: cfg.clientID, ClientSecret: secret,
			RedirectURIs: []string{cfg.baseURL() + installPath},
			RemoveURL:    cfg.baseURL() + removedPath,
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
	cfg.clientSecret, cfg.domain = sunco.NewSecret(secret), box.Domain()
	return box, nil
}

// runSandbox serves the sandbox, and calls failed when it cannot. The function that
// it returns ends it, which comes last: requests under way need it.
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

// debugLines passes the sandbox's lines on, where somebody wants that many.
type debugLines struct{ log *slog.Logger }

func (d debugLines) Write(line []byte) (int, error) {
	d.log.Debug("sandbox", "line", string(line))
	return len(line), nil
}
