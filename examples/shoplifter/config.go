package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/sandbox"
)

const (
	defaultPort   = "3000"
	zendeskDomain = "zendesk.com"
)

// config is the configuration, from the environment and the command line.
type config struct {
	embedded       bool // start a fake platform
	host, port     string
	clientID       string
	clientSecret   sunco.Secret
	domain         string
	marketplace    sunco.Marketplace
	publicURL      string // without a trailing slash; may be empty
	localURL       string // set when the program listens
	storeFile      string
	insecureCookie bool
}

// readConfig reads and checks the configuration. The error is flag.ErrHelp for -h,
// and repeats no value that may be secret.
func readConfig(args []string, getenv func(string) string) (*config, error) {
	cfg := &config{
		host:         cmp.Or(getenv("HOST"), "127.0.0.1"),
		port:         cmp.Or(getenv("PORT"), defaultPort),
		clientID:     getenv("OAUTH_CLIENT_ID"),
		clientSecret: sunco.NewSecret(getenv("OAUTH_CLIENT_SECRET")),
		domain:       strings.ToLower(getenv("ZENDESK_DOMAIN")),
		publicURL:    strings.TrimSuffix(getenv("PUBLIC_URL"), "/"),
		storeFile:    getenv("STORE_FILE"),
		marketplace: sunco.Marketplace{
			Name:           getenv("ZENDESK_MARKETPLACE_NAME"),
			OrganizationID: getenv("ZENDESK_MARKETPLACE_ORG_ID"),
			BotID:          getenv("ZENDESK_MARKETPLACE_APP_ID"),
		},
	}
	fs := flag.NewFlagSet("shoplifter", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.BoolVar(&cfg.insecureCookie, "insecure-cookie", false, "")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if fs.NArg() > 0 {
		return nil, errors.New("there must be no arguments; use environment variables")
	}
	if err := cfg.choosePlatform(); err != nil {
		return nil, err
	}
	if err := cfg.checkAddresses(); err != nil {
		return nil, err
	}
	return cfg, cfg.chooseStore()
}

// choosePlatform chooses between Zendesk and the fake platform.
func (c *config) choosePlatform() error {
	if c.clientID == "" && c.clientSecret.IsZero() {
		if c.domain != "" || c.publicURL != "" || c.marketplace != (sunco.Marketplace{}) {
			return errors.New("OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET are missing; " +
				"to use the fake platform, unset PUBLIC_URL and the ZENDESK_ variables too")
		}
		c.embedded = true
		c.marketplace = sunco.Marketplace{Name: "Shoplifter", OrganizationID: "1", BotID: "1"}
		return nil
	}
	c.domain = cmp.Or(c.domain, zendeskDomain)
	switch {
	case c.clientID == "":
		return errors.New("OAUTH_CLIENT_ID is missing")
	case c.clientSecret.IsZero():
		return errors.New("OAUTH_CLIENT_SECRET is missing")
	}
	probe := sunco.Client{ClientID: c.clientID, ClientSecret: c.clientSecret, Domain: c.domain, Marketplace: c.marketplace}
	if _, err := probe.AuthorizeURL("check"); err != nil {
		return fmt.Errorf("check OAUTH_CLIENT_ID, ZENDESK_DOMAIN and the ZENDESK_MARKETPLACE_ variables: %w", err)
	}
	return nil
}

// localPlatform reports whether the platform is a sandbox on this machine.
func (c *config) localPlatform() bool {
	name, _, _ := strings.Cut(c.domain, ":")
	return c.embedded || name == "localhost"
}

// baseURL is where browsers find the application.
func (c *config) baseURL() string { return cmp.Or(c.publicURL, c.localURL) }

// reachable reports whether the platform can call baseURL.
func (c *config) reachable() bool { return c.publicURL != "" || c.localPlatform() }

func (c *config) checkAddresses() error {
	if _, err := netip.ParseAddr(c.host); err != nil {
		return errors.New("HOST must be an IP address")
	}
	if n, err := strconv.ParseUint(c.port, 10, 16); err != nil {
		return errors.New("PORT must be a number up to 65535")
	} else if n == 0 && c.publicURL != "" {
		return errors.New("PORT must not be 0 when PUBLIC_URL is set")
	}
	if c.publicURL == "" {
		return nil
	}
	u, err := url.Parse(c.publicURL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return errors.New("PUBLIC_URL must be like https://bot.example.com, without a path")
	case u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80":
		return errors.New("PUBLIC_URL has its scheme's own port; leave out the port")
	case u.Scheme == "https" && c.insecureCookie:
		return errors.New("-insecure-cookie does not work with an https PUBLIC_URL; leave it out")
	case u.Scheme != "https" && (u.Scheme != "http" || !sandbox.IsLoopback(u.Hostname())):
		return errors.New("PUBLIC_URL must be https, except on this machine")
	}
	c.publicURL = u.Scheme + "://" + strings.ToLower(u.Host)
	return nil
}

// platform names the platform that issued the stored tokens.
func (c *config) platform() string {
	if c.embedded {
		return "sandbox"
	}
	return c.domain
}

func (c *config) chooseStore() error {
	if c.storeFile != "" {
		return nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return fmt.Errorf("set STORE_FILE, because there is no default: %w", err)
	}
	c.storeFile = filepath.Join(dir, "shoplifter", strings.ReplaceAll(c.platform(), ":", "-")+".json")
	return nil
}

// help is what -h prints.
const help = `Shoplifter is a complete partner application for Zendesk's Sunshine Conversations.
Customers connect it to their account and disconnect it. It sends a test message and
shows what the webhook delivers.

Usage: go run ./examples/shoplifter [-insecure-cookie]

Without configuration, Shoplifter starts a fake platform in the same process and
prints one address to open. It needs no account and no network. The fake platform
forgets everything when the program ends. Connections in the file from an earlier run
are then dead; the next start deletes them and says so on the front page.

To use Zendesk itself, set these environment variables:

  OAUTH_CLIENT_ID             the partner's client id; required
  OAUTH_CLIENT_SECRET         the partner's client secret; required
  PUBLIC_URL                  the address at which Zendesk and browsers reach this
                              program: https://bot.example.com, without a path.
                              Register PUBLIC_URL/zendesk/install as the redirect URL
                              and PUBLIC_URL/zendesk/removed as the remove URL.
  ZENDESK_MARKETPLACE_NAME    sent with every request
  ZENDESK_MARKETPLACE_ORG_ID  sent with every request
  ZENDESK_MARKETPLACE_APP_ID  sent with every request, as the bot id
  ZENDESK_DOMAIN              default zendesk.com. Use localhost:8484 for a sandbox
                              started with "go run ./examples/sandbox".

Without PUBLIC_URL, Shoplifter has no webhook and receives nothing, and its pages
answer on this machine only. Register the printed address with zendesk/install as the
first redirect URL then. A sandbox on localhost needs no PUBLIC_URL.

These variables are always read:

  PORT        the port to listen on; default 3000. 0 chooses a free port.
  HOST        the address to listen on; default 127.0.0.1
  STORE_FILE  the file for the connections and their tokens, which only you can read.
              The default is a file for each platform in the directory shoplifter
              in your configuration directory. One process at a time may use it.

Flags:

  -insecure-cookie  for browsers that accept no Secure cookies on http://localhost
                    (Safari); refused when PUBLIC_URL is https
  -h                print this text

A connection that was interrupted keeps its token in the file. The next start, or the
button on the front page, completes it.

Shoplifter has no login. Everyone who can open its pages can see and end every
connection and read the latest messages. Put a login in front of the pages before you
set PUBLIC_URL. This example was not tested against Zendesk itself.

When Shoplifter is ready, it prints "shoplifter: open " and the address. SIGINT and
SIGTERM end it after the requests in progress, which takes at most two minutes. A
second signal ends it at once.
`
