// Shoplifter is a small, complete partner application: customers connect it to
// their Zendesk account and disconnect it again, it sends a message, and it shows
// what the webhook brings. Without any configuration it runs against a fake
// platform of its own. Start it with -h to see what it reads.
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
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run is the program. It serves until ctx ends and returns the exit code: 0 when
// it was asked to end, 1 when it could not serve, 2 when the configuration makes
// no sense.
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
