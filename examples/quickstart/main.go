// Quickstart goes once through a partner's life: install, token info, webhooks, revoke,
// removal. Without configuration it uses a fake platform inside the same process; with
// credentials, Zendesk itself.
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

const usage = `quickstart goes once through a partner's life: install, token info, webhooks, revoke,
removal. It prints each step, the requests and their statuses, and never a credential.

    go run ./examples/quickstart

Without configuration everything happens inside this process, on the fake platform of
package suncotest, without an account and without a network.

With these variables it does the same with Zendesk itself. It prints the authorize URL
for your browser, waits for the redirect, and asks before it creates or revokes anything.

    SUNCO_CLIENT_ID, SUNCO_CLIENT_SECRET
        the credentials that Zendesk issued; set both or neither
    SUNCO_REDIRECT_URI
        a registered redirect URI that leads to this machine, for example
        http://localhost:8080/callback; required
    SUNCO_WEBHOOK_TARGET
        a URL of yours that answers HEAD. Without it the webhook steps are skipped. Each
        run adds a mark of its own to the query, and changes only webhooks with this mark
    SUNCO_MARKETPLACE_NAME, SUNCO_MARKETPLACE_ORGANIZATION_ID, and one of
    SUNCO_MARKETPLACE_BOT_ID and SUNCO_MARKETPLACE_APP_ID
        the marketplace headers, if the app is listed
    SUNCO_LEGACY_REGION
        us or eu, for an app without a subdomain

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
	listen := flags.String("listen", "", "local `address` for the redirect; default: that of SUNCO_REDIRECT_URI")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q; -h explains the flags", flags.Arg(0))
	}
	id, secret := getenv("SUNCO_CLIENT_ID"), getenv("SUNCO_CLIENT_SECRET")
	switch {
	case id == "" && secret == "":
		return onFake(ctx, &transcript{out: out})
	case id == "" || secret == "":
		return errors.New("set both SUNCO_CLIENT_ID and SUNCO_CLIENT_SECRET, or neither")
	}
	set := settings{getenv: getenv, listen: *listen, in: in, base: http.DefaultTransport}
	return onZendesk(ctx, set, &transcript{out: out})
}
