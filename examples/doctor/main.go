// Doctor prints what is wrong with one customer of a partner that uses package sqlstore,
// or with all of them. It changes nothing; see [doctor.Checkup] for what it looks at.
//
//	go run ./examples/doctor
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/sunco-go/sunco/examples/internal/partner"
)

// The exit statuses.
const (
	healthy = iota
	findings
	couldNotLook
)

const help = `Doctor prints what is wrong with one customer, or with all of them. It changes nothing.

Usage: go run ./examples/doctor [-json] [-anonymous] [app id [conversation id]]

  -json
        print one JSON object per customer, and one for the store
  -anonymous
        replace host names and addresses, so that the report can be posted; ids stay

Without an app id it looks at all customers, 10 a second at most. With a conversation id it
also says who is in control there. The exit status is 0 if all is well, 1 if there are
findings, and 2 if something could not be looked at; "go run" makes 1 of it, so build the
program for scripts.

Without credentials it shows a fake partner with four customers, three of whom are not
well. For your own, set these environment variables, as your program has them:

  SUNCO_CLIENT_ID, SUNCO_CLIENT_SECRET, SUNCO_DOMAIN, SUNCO_LEGACY_REGION,
  SUNCO_MARKETPLACE_NAME, SUNCO_MARKETPLACE_ORGANIZATION_ID,
  SUNCO_MARKETPLACE_BOT_ID, SUNCO_MARKETPLACE_APP_ID
        "go run ./examples/hello -h" explains them
  DATABASE_URL
        the PostgreSQL database of the store. It is opened read-only by a parameter of
        the connection, which some poolers refuse: then name the database itself.
  SUNCO_STORE_FILE
        or the SQLite file of the store, which is opened read-only. SQLite makes files
        beside it, so run the doctor as the user that runs your program.
  SUNCO_STORE_KEY
        the store's key; several, separated by spaces, while you change it
`

// options are what the command line says.
type options struct {
	json, anonymous       bool
	appID, conversationID string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	status, err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "doctor:", err)
	}
	os.Exit(status)
}

// run returns the exit status. The error is why nothing could be looked at.
func run(ctx context.Context, args []string, getenv func(string) string, out, progress io.Writer) (int, error) {
	o, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, help)
		return healthy, nil
	case err != nil:
		return couldNotLook, err
	}
	settings, err := partner.Read(getenv)
	if err != nil {
		return couldNotLook, err
	}
	open := openStore
	if settings.ClientID == "" {
		open = openDemo
		fmt.Fprintln(progress, "doctor: no SUNCO_CLIENT_ID, so this is a fake partner; -h explains")
	}
	names := newNames(o.anonymous)
	checkup, end, err := open(ctx, settings, getenv)
	if err != nil {
		return couldNotLook, errors.New(names.hide(err.Error()))
	}
	defer end()
	r := &report{options: o, names: names, progress: progress}
	if o.appID != "" {
		err = r.one(ctx, checkup)
	} else {
		err = r.all(ctx, checkup)
	}
	r.print(out)
	if err != nil {
		return couldNotLook, errors.New(names.hide(err.Error()))
	}
	return r.status(), nil
}

func parse(args []string) (options, error) {
	var o options
	fs := flag.NewFlagSet("doctor", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.BoolVar(&o.json, "json", false, "")
	fs.BoolVar(&o.anonymous, "anonymous", false, "")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	o.appID, o.conversationID = fs.Arg(0), fs.Arg(1)
	if fs.NArg() > 2 || strings.HasPrefix(o.conversationID, "-") {
		return o, errors.New("there must be at most an app id and a conversation id; flags come first")
	}
	return o, nil
}
