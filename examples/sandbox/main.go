// Sandbox is the fake platform of package suncotest as a program: Zendesk's side of the
// Sunshine Conversations partner OAuth on this machine, for curl, browsers and programs in
// any language. Flag -h lists what it can do and shows the flow.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/template"

	"github.com/sunco-go/sunco/examples/internal/sandbox"
	"github.com/sunco-go/sunco/suncotest"
)

//go:embed help.txt
var helpText string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program. It serves until ctx ends and returns the exit code: 0 after ctx
// ended, 1 if it could not serve, 2 for flags that cannot be used.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parseOptions(args)
	if err != nil {
		fmt.Fprintf(stderr, "sandbox: %v\nsandbox: -h explains the flags\n", err)
		return 2
	}
	if opts.help {
		err = opts.printHelp(stdout)
	} else {
		opts.Log = log.New(stderr, "sandbox: ", 0)
		err = serve(ctx, opts.Config, stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "sandbox: %v\n", err)
		return 1
	}
	return 0
}

// serve says on stdout where it listens, and answers until ctx ends.
func serve(ctx context.Context, cfg sandbox.Config, stdout io.Writer) error {
	s, err := sandbox.Listen(ctx, cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if _, err := fmt.Fprintf(stdout, "sandbox: ready at %s\n", s.BaseURL()); err != nil {
		cancel() // without this line, the address is unknown
		return errors.Join(err, s.Serve(ctx))
	}
	s.Introduce()
	return s.Serve(ctx)
}

// printHelp prints the help text for the customers that the options name.
func (o *options) printHelp(w io.Writer) error {
	defaults := func(fs *flag.FlagSet) string {
		var out strings.Builder
		fs.SetOutput(&out)
		fs.PrintDefaults()
		return out.String()
	}
	_, port, _ := net.SplitHostPort(o.Addr) // which parseOptions has checked
	return template.Must(template.New("help").Parse(helpText)).Execute(w, map[string]string{
		"Usual":        defaults(new(options).usualFlags()),
		"Behavior":     defaults(behaviorFlags(new(suncotest.Behavior))),
		"Addr":         o.Addr,
		"Domain":       "localhost:" + port,
		"HostsLine":    o.HostsLine("localhost"),
		"HostsLineTLS": o.HostsLine("sandbox.test"),
	})
}
