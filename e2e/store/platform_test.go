package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/suncotest"
)

// platform is the fake platform on a socket, for several processes.
type platform struct {
	*suncotest.Platform
	domain string // for sunco.Client

	mu        sync.Mutex
	exchanges map[string]int    // by code: the requests for a token
	tokens    map[string]string // by code
	secrets   map[string]string // of webhooks, by app
}

// newPlatform starts a platform with customers whose partner is at base.
func newPlatform(t testing.TB, base string, customers ...string) *platform {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &platform{
		domain:    fmt.Sprintf("localhost:%d", listener.Addr().(*net.TCPAddr).Port),
		exchanges: map[string]int{}, tokens: map[string]string{}, secrets: map[string]string{},
	}
	cfg := suncotest.Config{Domain: p.domain, Log: p.note, RemoveURL: base + "/zendesk/removed"}
	for _, customer := range customers {
		cfg.Accounts = append(cfg.Accounts, suncotest.Account{Subdomain: customer})
	}
	p.Platform = suncotest.New(cfg)
	server := &http.Server{Handler: p.Platform}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() {
		p.Close()
		_ = server.Close()
	})
	return p
}

// note keeps what a request has made known.
func (p *platform) note(r suncotest.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var reply struct {
		Token   string `json:"access_token"`
		Webhook struct{ Secret string }
	}
	_ = json.Unmarshal(r.ReplyBody, &reply) // not every reply has one of them
	switch {
	case strings.HasSuffix(r.Path, "/oauth/token"):
		var request struct{ Code string }
		_ = json.Unmarshal(r.Body, &request)
		p.exchanges[request.Code]++
		if reply.Token != "" {
			p.tokens[request.Code] = reply.Token
		}
	case reply.Webhook.Secret != "":
		app, _, _ := strings.Cut(strings.TrimPrefix(r.Path, "/sc/v2/apps/"), "/")
		p.secrets[app] = reply.Webhook.Secret
	}
}

// token returns the token that a code was exchanged for.
func (p *platform) token(code string) (token sunco.Token, issued bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text, issued := p.tokens[code]
	return sunco.Token{AccessToken: sunco.NewSecret(text)}, issued
}

// secret returns the secret of an app's webhook.
func (p *platform) secret(appID string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.secrets[appID]
}

// exchangedTwice counts the codes that were.
func (p *platform) exchangedTwice() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, requests := range p.exchanges {
		if requests > 1 {
			n++
		}
	}
	return n
}

// install lets a customer press Allow for a client, and returns the token alone.
func (p *platform) install(t testing.TB, client *sunco.Client, customer string) *sunco.Installation {
	t.Helper()
	authorize, err := client.AuthorizeURL("state")
	require.NoError(t, err)
	callback, err := p.Allow(t.Context(), authorize, customer)
	require.NoError(t, err)
	token, err := client.Exchange(t.Context(), sunco.NewSecret(codeOf(callback)))
	require.NoError(t, err)
	return &sunco.Installation{Token: token}
}

// appOf returns the app id of a customer.
func (p *platform) appOf(customer string) string {
	for _, account := range p.Accounts() {
		if account.Subdomain == customer {
			return account.AppID
		}
	}
	return ""
}

// newClient returns a client for the platform at domain.
func newClient(domain, redirectURI string) *sunco.Client {
	_, port, _ := net.SplitHostPort(domain)
	return &sunco.Client{
		ClientID:     suncotest.DefaultClientID,
		ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
		RedirectURI:  redirectURI,
		Domain:       domain,
		HTTPClient: &http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
			},
		}},
	}
}

// codeOf returns the code in a callback.
func codeOf(callback *url.URL) string { return callback.Query().Get("code") }
