// Probe asks Zendesk what no document says: the statuses and formats of errors, what
// happens to tokens and webhooks, when deliveries come again. It prints a report and a
// suncotest.Behavior for the tests of a bot. Without credentials it asks the fake of
// package suncotest.
//
//	go run ./examples/probe
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/examples/internal/sandbox"
)

const usage = `Probe asks Zendesk what no document says, and prints a report and a suncotest.Behavior for
the tests of a bot. Without credentials it asks a fake inside this process.

Usage: go run ./examples/probe [-basic | -long] [-subdomain NAME] [-remove-url]

  -subdomain NAME
        the test account, NAME.zendesk.com; needed for Zendesk. Token info must say the same.
  -basic
        the questions that need one click and no public address; ten minutes at most. This is
        the default for Zendesk.
  -long
        all questions: three to five clicks, SUNCO_PUBLIC_URL at which Zendesk reaches this
        program, and forty minutes at most. This is the default for the fake.
  -remove-url
        the remove URL registered with Zendesk is SUNCO_PUBLIC_URL/zendesk/removed. It is
        the remove URL of all your customers: use a client that has none.

` + partner.Help + `
With -basic SUNCO_PUBLIC_URL may be left out: register http://localhost:3000/zendesk/install
as a redirect URL, or paste the address at which the browser ends.
`

// options are what the command line says.
type options struct {
	subdomain       string
	long, removeURL bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, in io.Reader, out io.Writer) error {
	o, basic := options{}, false
	flags := flag.NewFlagSet("probe", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.subdomain, "subdomain", "", "")
	flags.BoolVar(&basic, "basic", false, "")
	flags.BoolVar(&o.long, "long", false, "")
	flags.BoolVar(&o.removeURL, "remove-url", false, "")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, err := fmt.Fprint(out, usage)
		return err
	case err != nil:
		return err
	case flags.NArg() > 0:
		return errors.New("there must be no arguments but the flags; -h explains them")
	case basic && o.long:
		return errors.New("choose -basic or -long")
	}
	for _, name := range []string{"SUNCO_CLIENT_ID", "SUNCO_CLIENT_SECRET"} {
		if value := getenv(name); value != strings.TrimSpace(value) {
			return fmt.Errorf("%s begins or ends with a space or a new line; remove it", name)
		}
	}
	s, err := partner.Read(getenv)
	if err != nil {
		return err
	}
	if s.ClientID == "" {
		o.long = !basic
		o.removeURL = o.long
		o.subdomain = strings.ToLower(cmp.Or(o.subdomain, "acme"))
		if err := o.checkSubdomain(s); err != nil {
			return err
		}
		return onFake(ctx, o, out)
	}
	if err := o.check(s); err != nil {
		return err
	}
	return onZendesk(ctx, zendesk{s, in, patient()}, o, out)
}

// check checks the command line for a run against Zendesk.
func (o *options) check(s partner.Settings) error {
	o.subdomain = strings.ToLower(o.subdomain)
	if o.subdomain == "" {
		return errors.New("set -subdomain to the name of the test account, for example -subdomain acme-test")
	}
	if err := o.checkSubdomain(s); err != nil {
		return err
	}
	reachable := s.PublicURL != "" && (s.Local() || !sandbox.IsLoopback(hostOf(s.PublicURL)))
	switch {
	case o.long && !reachable:
		return errors.New("-long needs SUNCO_PUBLIC_URL, the address at which Zendesk reaches this program, " +
			"which none of this machine is; -basic does not")
	case o.removeURL && !o.long:
		return errors.New("-remove-url needs -long")
	}
	return nil
}

func (o *options) checkSubdomain(s partner.Settings) error {
	if _, err := s.Client("").BaseURL(&sunco.Installation{Subdomain: o.subdomain}); err != nil {
		return errors.New("-subdomain must be the name alone, like acme-test of acme-test.zendesk.com")
	}
	return nil
}

// newProbe returns a probe without a person.
func newProbe(
	ctx context.Context, stop context.CancelCauseFunc, a *api, o options, w waits, public string,
) *probe {
	mark := "sunco-probe-" + random()[:8]
	return &probe{
		api: a, inbox: newInbox(ctx, stop, mark, w.hold), waits: w, out: io.Discard,
		long: o.long, removeURL: o.removeURL, subdomain: o.subdomain, public: public, mark: mark,
	}
}

// runAndReport runs within the time that was promised.
func (p *probe) runAndReport(ctx context.Context) error {
	limit := 10 * time.Minute
	if p.long {
		limit = 40 * time.Minute
	}
	timed, cancel := context.WithTimeoutCause(ctx, limit, &stopError{fmt.Sprintf("%v are over", limit)})
	defer cancel()
	err := p.run(timed)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = fmt.Errorf("interrupted: %w", err)
	}
	return errors.Join(p.report(), err)
}
