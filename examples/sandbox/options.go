package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sunco-go/sunco/examples/internal/sandbox"
	"github.com/sunco-go/sunco/suncotest"
)

const defaultAddr = "127.0.0.1:8484"

// options is what the command line says.
type options struct {
	sandbox.Config
	help bool
}

// usualFlags are the flags that describe the server, the partner and its customers.
func (o *options) usualFlags() *flag.FlagSet {
	fs, p := flag.NewFlagSet("sandbox", flag.ContinueOnError), &o.Platform
	fs.StringVar(&o.Addr, "addr", defaultAddr,
		"`host:port` to listen on; port 0 takes a free one. With anything but a loopback\n"+
			"address, other machines can reach the sandbox")
	fs.Func("client-id", "the partner's client `id`; default "+suncotest.DefaultClientID, text(&p.ClientID))
	fs.Func("client-secret", "the partner's client `secret`; default "+suncotest.DefaultClientSecret,
		text(&p.ClientSecret))
	fs.Func("redirect-uri", "a registered redirect URI, compared byte for byte. May be repeated; the first\n"+
		"is used when authorize names none. Default: any `URL` on a loopback address or\n"+
		"under localhost, and "+suncotest.DefaultRedirectURI+" when authorize names none", o.redirectURI)
	fs.Func("remove-url", "`URL` that is called with POST {\"appId\",\"integrationId\"} when an integration is\n"+
		"removed; it must be on this machine. Default: none", text(&p.RemoveURL))
	fs.Func("subdomain", "the `name` of a customer. May be repeated; default "+suncotest.DefaultSubdomain,
		func(name string) error {
			if name == "" {
				return errors.New("must not be empty")
			}
			return o.account(suncotest.Account{Subdomain: name})
		})
	fs.Func("legacy", "adds a customer without a subdomain in this `region`, us or eu. May be repeated.\n"+
		"It is served at addresses, and with -tls at api.smooch.io and api.eu-1.smooch.io",
		func(region string) error {
			if region != suncotest.LegacyUS && region != suncotest.LegacyEU {
				return errors.New("must be us or eu")
			}
			return o.account(suncotest.Account{Legacy: region})
		})
	fs.BoolVar(&p.Approve, "approve", false,
		"authorize redirects at once, for the first customer, without the consent page")
	fs.BoolVar(&o.TLS, "tls", false, "speak HTTPS, with a certificate for each name that a client asks for")
	fs.Func("ca-file", "with -tls: the `file` for the certificate of the authority, a new one in every run",
		text(&o.CAFile))
	fs.BoolVar(&o.help, "h", false, "print this text, with the names of the given customers")
	return fs
}

// behaviorFlags are the flags for what no document says; see [suncotest.Behavior].
func behaviorFlags(b *suncotest.Behavior) *flag.FlagSet {
	fs := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	yes, number, duration := fs.BoolVar, fs.Func, fs.Func
	shape := func(s string) (err error) {
		b.TokenErrorShape, err = errorShape(s)
		b.RevokedShape = b.TokenErrorShape
		return err
	}

	yes(&b.Strict, "strict", false, "refuse unknown members and query parameters with 400")
	yes(&b.MarketplaceRequired, "require-marketplace", false, "refuse API requests without the marketplace headers")
	fs.Func("error-shape", "`format` of the errors about codes and tokens: "+strings.Join(shapes(), ", ")+";\n"+
		"default v2", shape)

	duration("code-lifetime", "`time` until a code expires; default 10m", positive(&b.CodeLifetime))
	yes(&b.CodeReuseRevokes, "code-reuse-revokes", false, "a code's second use revokes the token of the first")
	number("token-error-status", "`status` for a code, client id or secret that is refused; default 401",
		between(400, 599, &b.TokenErrorStatus))
	duration("token-lifetime", "`time` until a token expires; default: it does not", positive(&b.TokenLifetime))
	number("revoked-status", "`status` for a revoked token; default 401", between(400, 599, &b.RevokedStatus))
	yes(&b.NoSubdomain, "no-subdomain", false, "token info has no subdomain")
	yes(&b.OldTokenDies, "old-token-dies", false, "a second installation revokes the first token")
	yes(&b.WebhooksDie, "webhooks-die", false, "a second installation deletes the webhooks")

	number("webhook-limit", "`number` of webhooks an integration may have; default 3",
		between(1, 100, &b.WebhookLimit))
	yes(&b.NoProbe, "no-probe", false, "create webhooks without a HEAD request to the target")
	fs.BoolFunc("canonical-targets",
		"store a target with its host in lower case, without a default port, and with a path",
		func(string) error { b.TargetForm = suncotest.TargetCanonical; return nil })

	number("delivery-copies", "`number` of further deliveries with the same event ids; default 0",
		between(0, 100, &b.DeliveryCopies))
	yes(&b.DeliveryDoubled, "delivery-doubled", false, "each event is twice in its delivery, with one id")
	yes(&b.DeliveryReordered, "delivery-reordered", false, "events and deliveries arrive out of order")
	yes(&b.DeliverySerial, "delivery-serial", false, "one delivery at a time to a webhook; default: up to 64")
	yes(&b.DeliveryReceipts, "delivery-receipts", false,
		"each message of the partner causes conversation:message:delivery:channel and\n:user, or :failure")
	yes(&b.DeliveryWrongKey, "delivery-wrong-key", false, "deliveries have a key that is not the webhook's secret")
	duration("delivery-retry-interval", "`time` from the first attempt to the second; default 1m. It doubles each time;\n"+
		"there are five attempts, none later than 15 minutes after the first", positive(&b.DeliveryRetryInterval))

	yes(&b.RemoveFirst, "remove-first", false, "call the remove URL before the token is revoked")
	duration("remove-delay", "`time` between the two; default: none", positive(&b.RemoveDelay))
	number("remove-retries", "`number` of further calls to the remove URL until it answers 2xx; default 0",
		between(0, 100, &b.RemoveRetries))
	duration("remove-retry-interval", "`time` between these calls; default 1m", positive(&b.RemoveRetryInterval))
	return fs
}

// text sets a text that must not be empty.
func text(to *string) func(string) error {
	return func(s string) error {
		if *to = s; s == "" {
			return errors.New("must not be empty")
		}
		return nil
	}
}

// between sets a whole number.
func between(least, most int, to *int) func(string) error {
	return func(s string) (err error) {
		if *to, err = strconv.Atoi(s); err != nil || *to < least || *to > most {
			return fmt.Errorf("must be a whole number from %d to %d", least, most)
		}
		return nil
	}
}

// positive sets a duration.
func positive(to *time.Duration) func(string) error {
	return func(s string) (err error) {
		if *to, err = time.ParseDuration(s); err != nil || *to <= 0 {
			return errors.New("must be more than 0, with a unit, like 10s or 5m")
		}
		return nil
	}
}

// shapes are the names of the formats of errors, in the order of [suncotest.ErrorShape].
func shapes() []string {
	return []string{"v2", "v1", "rfc6749", "html", "text", "empty", "sentence", "front"}
}

func errorShape(name string) (suncotest.ErrorShape, error) {
	n := slices.Index(shapes(), name)
	if n < 0 {
		return 0, errors.New("must be one of " + strings.Join(shapes(), ", "))
	}
	return suncotest.ErrorShape(n), nil
}

func (o *options) redirectURI(uri string) error {
	o.Platform.RedirectURIs = append(o.Platform.RedirectURIs, uri)
	return o.valid("RedirectURIs: ")
}

func (o *options) account(a suncotest.Account) error {
	o.Platform.Accounts = append(o.Platform.Accounts, a)
	return o.valid("")
}

// valid returns the platform's error without the name of a field, which a flag stands for.
func (o *options) valid(field string) error {
	if err := o.Platform.Validate(); err != nil {
		return errors.New(strings.TrimPrefix(strings.TrimPrefix(err.Error(), "suncotest: "), field))
	}
	return nil
}

// parseOptions reads the command line and checks it.
func parseOptions(args []string) (*options, error) {
	o := &options{}
	fs := o.usualFlags()
	fs.SetOutput(io.Discard)
	behaviorFlags(&o.Platform.Behavior).VisitAll(func(f *flag.Flag) { fs.Var(f.Value, f.Name, f.Usage) })
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		o.help = true // -help; -h is a flag, so that those behind it count too
		return o, nil
	} else if err != nil {
		return nil, err
	}
	switch _, port, err := net.SplitHostPort(o.Addr); {
	case fs.NArg() > 0:
		return nil, errors.New("unexpected argument: use flags only; write -approve=false, not -approve false")
	case err != nil:
		return nil, fmt.Errorf("-addr must be host:port, like %s", defaultAddr)
	case !isPort(port):
		return nil, errors.New("-addr must end in a port from 0 to 65535")
	case o.CAFile != "" && !o.TLS:
		return nil, errors.New("-ca-file needs -tls; without it there is no certificate to write")
	}
	return o, o.checkRemoveURL()
}

func isPort(port string) bool {
	_, err := net.LookupPort("tcp", port)
	return err == nil
}

// checkRemoveURL never repeats the URL, which may hold a key.
func (o *options) checkRemoveURL() error {
	if err := o.valid("RemoveURL: "); err != nil {
		return fmt.Errorf("-remove-url: %w", err)
	}
	u, err := url.Parse(o.Platform.RemoveURL)
	if err != nil || o.Platform.RemoveURL != "" && !sandbox.IsLoopback(u.Hostname()) {
		return errors.New("-remove-url must be on this machine: a loopback address, localhost or a name under it")
	}
	return nil
}
