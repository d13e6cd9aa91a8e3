// Shoplifter is a complete partner application. Customers connect it to their
// Zendesk account and disconnect it. It answers whoever writes, sends a test message,
// and shows what the webhook delivers. Without configuration it runs against a fake platform in the
// same process. The flag -h explains the configuration.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	_ "github.com/jackc/pgx/v5/stdlib" // for DATABASE_URL
	_ "modernc.org/sqlite"             // for SUNCO_STORE_FILE
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run is the program. It serves until ctx ends and returns the exit code: 0 after
// ctx ended, 1 if it could not serve, 2 if the configuration cannot be used.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	cfg, err := readConfig(args, getenv)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, help)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "shoplifter: %v\nshoplifter: -h explains the configuration\n", err)
		return 2
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	if err := serve(ctx, cfg, stdout, log); err != nil {
		fmt.Fprintf(stderr, "shoplifter: %v\n", err)
		return 1
	}
	return 0
}
