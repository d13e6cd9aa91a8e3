// Command quickstart walks once through a partner's whole life: install, token
// info, webhooks, revoke, removed callback. Without configuration it does so
// against a platform inside the same process; with credentials, against
// Zendesk itself.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
)

const usage = `quickstart walks once through a partner's life on Zendesk: install, token info,
webhooks, revoke, removed callback. It prints each step, the requests it made
and what they came to, and never a secret.

    go run ./examples/quickstart

Without configuration everything happens inside this process, on the fake
platform of package suncotest: no account, no network.

With these variables it does the same against Zendesk itself. It prints the
authorize URL for your browser, waits for the redirect, and asks before it
creates or revokes anything.

    SUNCO_CLIENT_ID, SUNCO_CLIENT_SECRET   what Zendesk issued; both or neither
    SUNCO_REDIRECT_URI     a registered redirect URI that leads to this machine,
                           http://localhost:8080/callback for example; required
    SUNCO_WEBHOOK_TARGET   a URL of yours that answers HEAD; without it the
                           webhook steps are left out. Each run adds a mark of
                           its own to the query, and they touch no webhooks but
                           those that the run made
    SUNCO_MARKETPLACE_NAME, SUNCO_MARKETPLACE_ORGANIZATION_ID and one of
    SUNCO_MARKETPLACE_BOT_ID, SUNCO_MARKETPLACE_APP_ID
                           the marketplace headers, if the app has them
    SUNCO_LEGACY_REGION    us or eu, for an app without a subdomain

Flags:
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {
		fmt.Fprint(out, usage)
		flags.PrintDefaults()
	}
	listen := flags.String("listen", "", "local `address` to wait for the redirect at (default: that of SUNCO_REDIRECT_URI)")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q; -h explains", flags.Arg(0))
	}
	id, secret := getenv("SUNCO_CLIENT_ID"), getenv("SUNCO_CLIENT_SECRET")
	switch {
	case id == "" && secret == "":
		return onFake(ctx, &transcript{out: out})
	case id == "" || secret == "":
		return errors.New("set both SUNCO_CLIENT_ID and SUNCO_CLIENT_SECRET, or neither")
	}
	return onZendesk(ctx, settings{getenv: getenv, listen: *listen, in: in, base: http.DefaultTransport}, &transcript{out: out})
}
