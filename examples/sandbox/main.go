// Sandbox is the fake platform of package suncotest as a program: the platform
// side of Zendesk's Sunshine Conversations partner OAuth on this machine, for
// curl, browsers and clients in any language. Start it with -h to see what it can
// do and how to walk through the flow.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/sunco-go/sunco/examples/internal/sandbox"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program. It serves until ctx ends and returns the exit code: 0 when
// it was asked to end, 1 when it could not serve, 2 when the flags make no sense.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parseOptions(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, help)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "sandbox: %v\nsandbox: -h explains the flags\n", err)
		return 2
	}
	if err := serve(ctx, opts, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "sandbox: %v\n", err)
		return 1
	}
	return 0
}

// serve says on stdout when it listens, and answers until ctx ends.
func serve(ctx context.Context, opts *options, stdout, stderr io.Writer) error {
	s, err := sandbox.Listen(ctx, sandbox.Config{
		Addr: opts.addr, Platform: opts.config(), TLS: opts.tls, CAFile: opts.caFile,
		Log: log.New(stderr, "sandbox: ", 0),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if _, err := fmt.Fprintf(stdout, "sandbox: ready at %s\n", s.BaseURL()); err != nil {
		cancel() // nobody will ever know where it is
		return errors.Join(err, s.Serve(ctx))
	}
	s.Introduce()
	return s.Serve(ctx)
}
