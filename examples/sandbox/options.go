package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"

	"github.com/sunco-go/sunco/examples/internal/sandbox"
	"github.com/sunco-go/sunco/suncotest"
)

const (
	defaultAddr = "127.0.0.1:8484"
	maxCopies   = 100
)

// options is what the command line says.
type options struct {
	addr                   string
	clientID, clientSecret string
	redirectURIs           list
	removeURL              string
	subdomains             list
	approve                bool
	tls                    bool
	caFile                 string
	behavior               suncotest.Behavior
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string { return strings.Join(*l, " ") }

func (l *list) Set(value string) error {
	if value == "" {
		return errors.New("must not be empty")
	}
	*l = append(*l, value)
	return nil
}

// flagSet binds the flags to o. What they mean is in the help text.
func (o *options) flagSet() *flag.FlagSet {
	fs := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&o.addr, "addr", defaultAddr, "")
	fs.StringVar(&o.clientID, "client-id", suncotest.DefaultClientID, "")
	fs.StringVar(&o.clientSecret, "client-secret", suncotest.DefaultClientSecret, "")
	fs.Var(&o.redirectURIs, "redirect-uri", "")
	fs.StringVar(&o.removeURL, "remove-url", "", "")
	fs.Var(&o.subdomains, "subdomain", "")
	fs.BoolVar(&o.approve, "approve", false, "")
	fs.BoolVar(&o.tls, "tls", false, "")
	fs.StringVar(&o.caFile, "ca-file", "", "")
	b := &o.behavior
	fs.IntVar(&b.DeliveryCopies, "delivery-copies", 0, "")
	fs.BoolVar(&b.DeliveryDoubled, "delivery-doubled", false, "")
	fs.BoolVar(&b.DeliveryReordered, "delivery-reordered", false, "")
	fs.BoolVar(&b.DeliverySerial, "delivery-serial", false, "")
	fs.BoolVar(&b.DeliveryWrongKey, "delivery-wrong-key", false, "")
	fs.DurationVar(&b.DeliveryRetryInterval, "delivery-retry-interval", 0, "")
	return fs
}

// parseOptions reads the command line and checks it. The error is flag.ErrHelp
// when help was asked for.
func parseOptions(args []string) (*options, error) {
	o := &options{}
	fs := o.flagSet()
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	switch {
	case fs.NArg() > 0:
		return nil, errors.New("arguments that are not flags are not understood; write -approve=false, not -approve false")
	case o.clientID == "":
		return nil, errors.New("-client-id must not be empty")
	case o.clientSecret == "":
		return nil, errors.New("-client-secret must not be empty")
	case given["remove-url"] && o.removeURL == "":
		return nil, errors.New("-remove-url must not be empty")
	case given["ca-file"] && o.caFile == "":
		return nil, errors.New("-ca-file must not be empty")
	case o.caFile != "" && !o.tls:
		return nil, errors.New("-ca-file needs -tls: without it there is no certificate to write")
	case o.behavior.DeliveryCopies < 0 || o.behavior.DeliveryCopies > maxCopies:
		return nil, fmt.Errorf("-delivery-copies must be from 0 to %d", maxCopies)
	case given["delivery-retry-interval"] && o.behavior.DeliveryRetryInterval <= 0:
		return nil, errors.New("-delivery-retry-interval must be more than 0, like 10s")
	}
	if err := checkAddr(o.addr); err != nil {
		return nil, err
	}
	if err := o.config().Validate(); err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "suncotest: "))
	}
	if o.removeURL != "" && !loopbackURL(o.removeURL) {
		return nil, errors.New("-remove-url must be on this machine: the sandbox calls only loopback addresses and localhost")
	}
	return o, nil
}

func checkAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("-addr %q is not host:port, like %s", addr, defaultAddr)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return fmt.Errorf("-addr %q has no usable port", addr)
	}
	return nil
}

// config is what the options ask of the fake platform.
func (o *options) config() suncotest.Config {
	cfg := suncotest.Config{
		ClientID:     o.clientID,
		ClientSecret: o.clientSecret,
		RedirectURIs: o.redirectURIs,
		RemoveURL:    o.removeURL,
		Approve:      o.approve,
		Behavior:     o.behavior,
	}
	for _, name := range o.subdomains {
		cfg.Accounts = append(cfg.Accounts, suncotest.Account{Subdomain: name})
	}
	return cfg
}

// loopbackURL reports whether the host of an absolute URL can only be this machine.
func loopbackURL(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return false
	}
	return sandbox.IsLoopback(u.Hostname())
}
