package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sunco-go/sunco"
)

// settings are what a run with Zendesk needs from outside.
type settings struct {
	getenv func(string) string
	listen string // address; empty: that of the redirect URI
	in     io.Reader
	base   http.RoundTripper // for requests to Zendesk
}

func (s settings) client(t *transcript) (*sunco.Client, error) {
	region := sunco.LegacyRegion(s.getenv("SUNCO_LEGACY_REGION"))
	if region != "" && region != sunco.LegacyUS && region != sunco.LegacyEU {
		return nil, errors.New("set SUNCO_LEGACY_REGION to us or eu, or unset it")
	}
	return &sunco.Client{
		ClientID:     s.getenv("SUNCO_CLIENT_ID"),
		ClientSecret: sunco.NewSecret(s.getenv("SUNCO_CLIENT_SECRET")),
		RedirectURI:  s.getenv("SUNCO_REDIRECT_URI"),
		LegacyRegion: region,
		Marketplace: sunco.Marketplace{
			Name:           s.getenv("SUNCO_MARKETPLACE_NAME"),
			OrganizationID: s.getenv("SUNCO_MARKETPLACE_ORGANIZATION_ID"),
			BotID:          s.getenv("SUNCO_MARKETPLACE_BOT_ID"),
			AppID:          s.getenv("SUNCO_MARKETPLACE_APP_ID"),
		},
		HTTPClient: &http.Client{Transport: sent{s.base, t}},
	}, nil
}

// listener waits for the redirect.
func (s settings) listener() (net.Listener, error) {
	redirect, err := url.Parse(s.getenv("SUNCO_REDIRECT_URI"))
	if err != nil || redirect.Host == "" {
		return nil, errors.New("set SUNCO_REDIRECT_URI to a redirect URI that is registered with Zendesk " +
			"and leads to this machine")
	}
	switch host := redirect.Hostname(); {
	case s.listen != "":
		return net.Listen("tcp", s.listen)
	case host == "localhost":
		return net.Listen("tcp", net.JoinHostPort("127.0.0.1", cmp.Or(redirect.Port(), "80")))
	case net.ParseIP(host).IsLoopback():
		return net.Listen("tcp", net.JoinHostPort(host, cmp.Or(redirect.Port(), "80")))
	}
	return nil, errors.New("SUNCO_REDIRECT_URI does not name this machine: set -listen to the address it leads to")
}

// lines reads lines until ctx ends.
func (s settings) lines(ctx context.Context) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(s.in); scanner.Scan(); {
			select {
			case lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}

// callbackHandler sends the first request that looks like a callback to the channel.
func callbackHandler(callbacks chan<- *http.Request) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if query := r.URL.Query(); !query.Has("code") && !query.Has("error") {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintln(w, "You can close this window and return to the terminal.")
		select {
		case callbacks <- r:
		default:
		}
	}
}

// onZendesk tells the story with Zendesk itself.
func onZendesk(ctx context.Context, set settings, t *transcript) error {
	client, err := set.client(t)
	if err != nil {
		return err
	}
	listener, err := set.listener()
	if err != nil {
		return err
	}
	partner := newPartner(client)
	defer func() { _ = partner.removal.Close(ctx) }()
	callbacks := make(chan *http.Request, 1)
	mux := partner.handler()
	mux.HandleFunc("/", callbackHandler(callbacks))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()

	t.say("This talks to Zendesk itself. It asks before it creates or revokes anything.")
	lines := set.lines(ctx)
	s := &story{
		transcript: t,
		partner:    partner,
		target:     set.getenv("SUNCO_WEBHOOK_TARGET"),
		visit: func(ctx context.Context, authorizeURL string) (*http.Request, error) {
			t.say("Open this in a browser, as an administrator of the account:")
			t.say("%s", authorizeURL)
			t.say("Waiting for the redirect at http://%s.", listener.Addr())
			select {
			case r := <-callbacks:
				return r, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
		confirm: func(question string) bool {
			t.say("%s [y/N]", question)
			select {
			case line := <-lines:
				return strings.EqualFold(strings.TrimSpace(line), "y")
			case <-ctx.Done():
				return false
			}
		},
		patient: 30 * time.Second,
	}
	return s.tell(ctx)
}
