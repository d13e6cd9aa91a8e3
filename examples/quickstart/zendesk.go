package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/examples/internal/sandbox"
)

// zendesk is what a run with Zendesk needs from outside.
type zendesk struct {
	partner.Settings
	in   io.Reader
	base http.RoundTripper // for requests to Zendesk
}

// lines reads lines until ctx ends.
func (s zendesk) lines(ctx context.Context) <-chan string {
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
func onZendesk(ctx context.Context, z zendesk, t *transcript) error {
	client := z.Client(z.PublicURL + partner.InstallPath)
	client.HTTPClient = &http.Client{Transport: sent{z.base, t}}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", z.Listen)
	if err != nil {
		return err // names the address
	}
	server := newServer(client)
	defer func() { _ = server.removal.Close(ctx) }()
	callbacks := make(chan *http.Request, 1)
	mux := server.handler()
	mux.HandleFunc("/", callbackHandler(callbacks))
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = web.Serve(listener) }()
	defer web.Close()

	t.say("This talks to Zendesk itself. It asks before it creates or revokes anything.")
	lines := z.lines(ctx)
	s := &story{
		transcript: t,
		server:     server,
		target:     z.PublicURL + partner.EventsPath,
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
	if public, err := url.Parse(z.PublicURL); !z.Local() && err == nil && sandbox.IsLoopback(public.Hostname()) {
		s.target = ""
	}
	return s.tell(ctx)
}
