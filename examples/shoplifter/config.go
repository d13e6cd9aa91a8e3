package main

import (
	"cmp"
	"errors"
	"flag"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/partner"
)

// config is the configuration, from the environment and the command line.
type config struct {
	partner.Settings
	embedded       bool   // start a fake platform
	localURL       string // set when the program listens
	getenv         func(string) string
	insecureCookie bool
	httpClient     *http.Client // of the client; nil outside of tests
}

// readConfig reads and checks the configuration. The error is flag.ErrHelp for -h,
// and repeats no value that may be secret.
func readConfig(args []string, getenv func(string) string) (*config, error) {
	cfg := &config{getenv: withOriginals(getenv)}
	fs := flag.NewFlagSet("shoplifter", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.BoolVar(&cfg.insecureCookie, "insecure-cookie", false, "")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if fs.NArg() > 0 {
		return nil, errors.New("there must be no arguments; use environment variables")
	}
	var err error
	if port := getenv("PORT"); port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return nil, errors.New("PORT must be a number up to 65535")
		}
	}
	if cfg.Settings, err = partner.Read(cfg.getenv); err != nil {
		return nil, err
	}
	cfg.LegacyRegion = "" // there are no pages for accounts without a subdomain
	if cfg.ClientID == "" {
		cfg.embedded = true
		cfg.Marketplace = sunco.Marketplace{Name: "Shoplifter", OrganizationID: "1", BotID: "1"}
	}
	if strings.HasPrefix(cfg.PublicURL, "https:") && cfg.insecureCookie {
		return nil, errors.New("-insecure-cookie does not work with an https SUNCO_PUBLIC_URL; leave it out")
	}
	return cfg, nil
}

// withOriginals adds the seven variables of Zendesk's own sample application, each of
// which stands for one of ours.
func withOriginals(getenv func(string) string) func(string) string {
	original := map[string]string{
		"SUNCO_CLIENT_ID":                   "OAUTH_CLIENT_ID",
		"SUNCO_CLIENT_SECRET":               "OAUTH_CLIENT_SECRET",
		"SUNCO_MARKETPLACE_NAME":            "ZENDESK_MARKETPLACE_NAME",
		"SUNCO_MARKETPLACE_ORGANIZATION_ID": "ZENDESK_MARKETPLACE_ORG_ID",
		"SUNCO_MARKETPLACE_BOT_ID":          "ZENDESK_MARKETPLACE_APP_ID",
		"SUNCO_DOMAIN":                      "ZENDESK_DOMAIN",
	}
	return func(name string) string {
		value := getenv(name)
		if other, found := original[name]; found {
			return cmp.Or(value, getenv(other))
		}
		if port := getenv("PORT"); name == "SUNCO_LISTEN" && value == "" && port != "" {
			return "127.0.0.1:" + port
		}
		return value
	}
}

// baseURL is where browsers find the application.
func (c *config) baseURL() string { return cmp.Or(c.PublicURL, c.localURL) }

// reachable reports whether the platform can call baseURL.
func (c *config) reachable() bool { return c.PublicURL != "" || c.Local() }

// help is what -h prints.
const help = `Shoplifter is a complete partner application for Zendesk's Sunshine Conversations.
Customers connect it to their account and disconnect it. It answers whoever writes, sends
a test message, and shows what the webhook delivers.

Usage: go run ./examples/shoplifter [-insecure-cookie]

` + partner.Help + partner.StoreHelp + `
Zendesk's own sample application has seven variables with other names. They are read too:

  OAUTH_CLIENT_ID             for SUNCO_CLIENT_ID
  OAUTH_CLIENT_SECRET         for SUNCO_CLIENT_SECRET
  ZENDESK_MARKETPLACE_NAME    for SUNCO_MARKETPLACE_NAME
  ZENDESK_MARKETPLACE_ORG_ID  for SUNCO_MARKETPLACE_ORGANIZATION_ID
  ZENDESK_MARKETPLACE_APP_ID  for SUNCO_MARKETPLACE_BOT_ID
  ZENDESK_DOMAIN              for SUNCO_DOMAIN
  PORT                        for the port of SUNCO_LISTEN

Without SUNCO_PUBLIC_URL, Shoplifter has no webhook and receives nothing, and its pages
answer on this machine only. Register the printed address with zendesk/install as the
first redirect URL then. A sandbox on localhost needs no SUNCO_PUBLIC_URL. Customers
without a subdomain are not supported, whatever SUNCO_LEGACY_REGION says.

Flags:

  -insecure-cookie  for browsers that accept no Secure cookies on http://localhost
                    (Safari); refused when SUNCO_PUBLIC_URL is https
  -h                print this text

A connection that was interrupted keeps its token in the database. Shoplifter completes
it after two minutes, at the next start, or when somebody presses the button on the front
page.

Shoplifter has no login. Everyone who can open its pages can see and end every
connection and read the latest messages. Put a login in front of the pages before you
set SUNCO_PUBLIC_URL. This example was not tested against Zendesk itself.

When Shoplifter is ready, it prints "shoplifter: open " and the address. SIGINT and
SIGTERM end it after the requests in progress, which takes at most two minutes. A
second signal ends it at once.
`
