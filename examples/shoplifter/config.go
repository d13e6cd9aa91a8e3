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

// config is what the environment and the command line say.
type config struct {
	embedded       bool // start a fake platform
	host, port     string
	clientID       string
	clientSecret   sunco.Secret
	domain         string
	marketplace    sunco.Marketplace
	publicURL      string // without a trailing slash; empty: none was given
	localURL       string // of the address it listens on; known when it does
	storeFile      string
	insecureCookie bool
}

// readConfig reads and checks it. The error is flag.ErrHelp when help was asked
// for, and never repeats a value that may be secret.
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
		return nil, errors.New("arguments are not understood; the configuration is in the environment")
	}
	if err := cfg.choosePlatform(); err != nil {
		return nil, err
	}
	if err := cfg.checkAddresses(); err != nil {
		return nil, err
	}
	return cfg, cfg.chooseStore()
}

// choosePlatform decides between Zendesk and a fake platform of our own.
func (c *config) choosePlatform() error {
	if c.clientID == "" && c.clientSecret.IsZero() {
		if c.domain != "" || c.publicURL != "" || c.marketplace != (sunco.Marketplace{}) {
			return errors.New("OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET are missing; for the fake platform, unset PUBLIC_URL and the ZENDESK_ variables too")
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
		return fmt.Errorf("OAUTH_CLIENT_ID, ZENDESK_DOMAIN or ZENDESK_MARKETPLACE: %w", err)
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
		return errors.New("HOST is not an IP address")
	}
	if n, err := strconv.ParseUint(c.port, 10, 16); err != nil {
		return errors.New("PORT is not a number up to 65535")
	} else if n == 0 && c.publicURL != "" {
		return errors.New("PORT must be a fixed one when there is a PUBLIC_URL")
	}
	if c.publicURL == "" {
		return nil
	}
	u, err := url.Parse(c.publicURL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return errors.New("PUBLIC_URL must be like https://bot.example.com, without a path")
	case u.Scheme == "https" && c.insecureCookie:
		return errors.New("-insecure-cookie is not for https")
	case u.Scheme != "https" && (u.Scheme != "http" || !sandbox.IsLoopback(u.Hostname())):
		return errors.New("PUBLIC_URL must be https, unless it is on this machine")
	}
	c.publicURL = u.Scheme + "://" + strings.ToLower(u.Host)
	return nil
}

// platform names what the stored tokens are good for.
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
		return fmt.Errorf("STORE_FILE is missing: %w", err)
	}
	c.storeFile = filepath.Join(dir, "shoplifter", strings.ReplaceAll(c.platform(), ":", "-")+".json")
	return nil
}
