// Quickstart goes once through a partner's life: install, token info, webhooks, a
// conversation, revoke, removal. Without configuration it uses a fake platform inside the same process; with
// credentials, Zendesk itself.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/sunco-go/sunco/examples/internal/partner"
)

const usage = `quickstart goes once through a partner's life: install, token info, webhooks, a
conversation, revoke, removal. It prints each step, the requests and their statuses, and
never a credential. With Zendesk itself it prints the authorize URL for your browser,
waits for the redirect, asks before it creates or revokes anything, and leaves out the
conversation.

Usage: go run ./examples/quickstart

` + partner.Help + `
With a SUNCO_PUBLIC_URL on this machine the webhook steps are skipped, because Zendesk
cannot call it. Each run adds a mark of its own to the webhooks' target, and changes only
webhooks with this mark.
`

const next = `
What to run next:
   go run ./examples/hello        a partner in one file, in a browser, with a sandbox beside it
   go run ./examples/bot          a bot with cards, forms, files and a hand-off to a human
   go run ./examples/shoplifter   a partner application with pages and a store
   go run ./examples/sandbox      the fake platform as a program, for any language
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, in io.Reader, out io.Writer) error {
	switch {
	case len(args) == 1 && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help"):
		fmt.Fprint(out, usage)
		return nil
	case len(args) > 0:
		return fmt.Errorf("unexpected argument %q; -h explains the environment variables", args[0])
	}
	set, err := partner.Read(getenv)
	if err != nil {
		return err
	}
	t := newTranscript(out)
	defer t.end()
	switch {
	case set.ClientID == "":
		if err = onFake(ctx, t); err == nil {
			t.print(next)
		}
		return err
	case set.PublicURL == "":
		return errors.New("set SUNCO_PUBLIC_URL to the address at which a browser reaches this program, " +
			"for example http://localhost:3000")
	}
	return onZendesk(ctx, zendesk{Settings: set, in: in, base: partner.Transport()}, t)
}
