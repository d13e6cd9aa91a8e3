package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/sunco-go/sunco/examples/internal/partner"
)

// zendesk is what a run against Zendesk needs from outside.
type zendesk struct {
	partner.Settings
	in    io.Reader
	waits waits
}

// warning is what the operator has to know.
const warning = `This asks Zendesk itself, as the client %q, on the account %s.
Do it on a test account only, on which no bot of yours or of others lives:

  - An account may have one third-party bot. One that is installed becomes the first responder
    of its channels, and people get no answers while the probe is installed.
  - A second authorization may kill the token that your program has for this account, and may
    delete its webhooks. Nobody knows; it is one of the questions.
  - At the end the probe revokes, which removes the whole integration from the account.
  - It makes webhooks, one user and two conversations, and deletes them. With -long a ticket may
    stay in the Agent Workspace.
  - It does not begin when the integration has webhooks. It touches nothing that it did not make.
  - With -remove-url, every call for another app is answered 200 and ends the run: your own
    program will not hear of that removal.

To begin, type: %s
`

// onZendesk asks Zendesk.
func onZendesk(ctx context.Context, z zendesk, o options, out io.Writer) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", z.Listen)
	if err != nil {
		return err // names the address
	}
	defer func() { _ = listener.Close() }() // the server may have closed it
	local, err := partner.LocalURL(listener.Addr())
	if err != nil {
		return err
	}
	public := cmp.Or(z.PublicURL, local)
	a, err := newAPI(z.Client(public+partner.InstallPath), partner.Transport(), z.waits.pause)
	if err != nil {
		return err
	}
	lines := z.lines(ctx)
	sentence := "no bot lives on " + o.subdomain
	fmt.Fprintf(out, warning, z.ClientID, o.subdomain+"."+z.Domain, sentence)
	select {
	case line := <-lines:
		if strings.Join(strings.Fields(line), " ") != sentence {
			return fmt.Errorf("nothing was done; to begin, type: %s", sentence)
		}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	p := newProbe(ctx, stop, a, o, z.waits, public)
	p.out = out
	callbacks := make(chan url.Values, 1)
	p.person = p.browser(lines, callbacks)
	mux := http.NewServeMux()
	mux.Handle("/", p.inbox)
	mux.HandleFunc("GET "+partner.InstallPath, callback(callbacks))
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second}
	go func() { _ = web.Serve(listener) }()
	defer web.Close()
	return p.runAndReport(ctx)
}

// lines reads lines until ctx ends.
func (z zendesk) lines(ctx context.Context) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(z.in); scanner.Scan(); {
			select {
			case lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}

// callback takes the browser that comes back.
func callback(callbacks chan<- url.Values) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if query := r.URL.Query(); query.Has("code") || query.Has("error") {
			fmt.Fprintln(w, "You can close this window and return to the terminal.")
			select {
			case callbacks <- query:
			default:
			}
			return
		}
		http.NotFound(w, r)
	}
}

// browser asks the operator to open a page, and waits for the browser or for the address at
// which it ended.
func (p *probe) browser(lines <-chan string, callbacks <-chan url.Values) person {
	return func(ctx context.Context, authorizeURL, press string) (url.Values, error) {
		fmt.Fprintf(p.out, "\nOpen this as an administrator of %s, and press %s:\n\n%s\n\n"+
			"If the browser ends at an address that does not work, paste that address here.\n", p.subdomain, press, authorizeURL)
		for {
			select {
			case query := <-callbacks:
				return query, nil
			case line, open := <-lines:
				if !open {
					lines = nil
					continue
				}
				if query := pasted(line); query != nil {
					return query, nil
				}
				fmt.Fprintln(p.out, "That is not the address at which the browser ended; it has ?code= in it.")
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
	}
}

// pasted reads an address, which may have been broken by spaces.
func pasted(line string) url.Values {
	u, err := url.Parse(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, line))
	if err != nil {
		return nil
	}
	if query := u.Query(); query.Has("code") || query.Has("error") {
		return query
	}
	return nil
}

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
