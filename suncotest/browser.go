package suncotest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Allow plays a customer's browser: it opens the authorize URL, chooses the
// account on the consent page and allows. It returns where the browser is sent
// next, with the code in the query, and does not go there. An empty subdomain
// chooses the first account. The error says which status the platform answered
// when that was not a redirect.
func (p *Platform) Allow(ctx context.Context, authorizeURL, subdomain string) (*url.URL, error) {
	return p.browse(ctx, authorizeURL, subdomain, "allow")
}

// Deny is like [Platform.Allow] for a customer who denies.
func (p *Platform) Deny(ctx context.Context, authorizeURL string) (*url.URL, error) {
	return p.browse(ctx, authorizeURL, "", "deny")
}

func (p *Platform) browse(ctx context.Context, authorizeURL, subdomain, decision string) (*url.URL, error) {
	start, err := url.Parse(authorizeURL)
	if err != nil {
		return nil, errors.New("suncotest: the authorize URL is not a URL")
	}
	if subdomain == "" {
		if accounts := p.Accounts(); len(accounts) > 0 {
			subdomain = accounts[0].Subdomain
		}
	}
	client := p.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	status, text, next, err := visit(ctx, client, http.MethodGet, start, nil)
	switch {
	case err != nil:
		return nil, err
	case next != nil && decision == "allow" && p.cfg.Approve:
		return next, nil
	case next != nil:
		return nil, errors.New("suncotest: authorize redirected without asking")
	case status != http.StatusOK:
		return nil, fmt.Errorf("suncotest: authorize answered %d", status)
	}
	nonce := regexp.MustCompile(`name="nonce" value="([0-9a-f]+)"`).FindStringSubmatch(text)
	action := regexp.MustCompile(`<form method="post" action="([^"]+)"`).FindStringSubmatch(text)
	if nonce == nil || action == nil {
		return nil, errors.New("suncotest: authorize answered no consent page")
	}
	target, err := start.Parse(action[1])
	if err != nil {
		return nil, errors.New("suncotest: the consent page's form leads nowhere")
	}
	form := url.Values{"nonce": {nonce[1]}, "account": {subdomain}, "decision": {decision}}
	status, _, next, err = visit(ctx, client, http.MethodPost, target, form)
	switch {
	case err != nil:
		return nil, err
	case next == nil:
		return nil, fmt.Errorf("suncotest: the consent page answered %d", status)
	}
	return next, nil
}

// visit loads one page and returns where it redirects, if it does.
func visit(ctx context.Context, client *http.Client, method string, u *url.URL, form url.Values) (status int, text string, next *url.URL, err error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", nil, errors.New("suncotest: the authorize URL cannot be requested")
	}
	req.Header.Set("Accept", "text/html")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := client.Do(req)
	if err != nil {
		var whole *url.Error // whose text has the state in it
		if errors.As(err, &whole) {
			err = whole.Err
		}
		return 0, "", nil, fmt.Errorf("suncotest: %s %s: %w", method, u.Host, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return 0, "", nil, fmt.Errorf("suncotest: %s %s: %w", method, u.Host, err)
	}
	if res.StatusCode/100 == 3 {
		if next, err = res.Location(); err != nil {
			return 0, "", nil, errors.New("suncotest: a redirect leads nowhere")
		}
	}
	return res.StatusCode, string(body), next, nil
}
