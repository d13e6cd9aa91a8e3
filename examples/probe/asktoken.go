package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/internal/lenient"
	"github.com/sunco-go/sunco/suncotest"
)

// askTokenInfo ends the run if another account than the test account was chosen.
func askTokenInfo(ctx context.Context, p *probe) error {
	r, err := p.api.send(ctx, request{method: http.MethodGet, url: p.api.bridge + "/v2/tokenInfo", token: p.token})
	switch {
	case err != nil:
		return stop("token info does not answer: %v", err)
	case !r.ok() || r.id("app", "id") == "":
		return stop("token info answered %s, which is not what Zendesk says about a new token: a proxy may answer in its "+
			"place", p.api.says(r))
	}
	subdomain := strings.ToLower(r.text("app", "subdomain"))
	if subdomain != "" && subdomain != p.subdomain {
		return stop("-subdomain is %q, but Allow was pressed for %q; nothing else was asked of that account",
			p.subdomain, subdomain)
	}
	p.app = r.id("app", "id")
	p.inbox.look(func() { p.inbox.app = p.app })
	p.set("NoSubdomain", is(subdomain == ""))
	if echoes, given := r.at("app", "settings", "echoPostback").(bool); given {
		p.set("EchoPostback", is(echoes))
	}
	p.set("TokenLifetime", lifetime(p.token))
	if subdomain == "" {
		return nil
	}
	if p.api.home, err = p.api.sdk.BaseURL(&sunco.Installation{Subdomain: subdomain}); err != nil {
		return stop("token info has a subdomain that is none: %v", err)
	}
	other, err := p.api.send(ctx, request{method: http.MethodGet, url: p.api.bridge + "/v2/tokeninfo", token: p.token})
	if err != nil {
		return err
	}
	p.note("spelled /v2/tokeninfo: %s", p.api.says(other))
	return nil
}

// askAccount ends the run unless this is the test account, and the integration has no
// webhooks there.
func askAccount(ctx context.Context, p *probe) error {
	if p.api.home == "" {
		return stop("token info has no subdomain, so that -subdomain cannot be compared with it; is this a legacy app?")
	}
	r, err := p.call(ctx, http.MethodGet, hooksPath, nil)
	switch {
	case err != nil:
		return stop("the account's host does not answer: %v", err)
	case !r.ok():
		return stop("the account's host answered %s: the account may be suspended, expired or renamed", p.api.says(r))
	case len(r.list("webhooks")) > 0:
		return stop("the integration has webhooks already: a bot of yours lives on this account, or another probe runs. " +
			"Nothing was changed; use an account without one")
	}
	return nil
}

// lifetime is what the token says of itself, if it is a JWT.
func lifetime(token string) answer {
	parts := strings.Split(token, ".")
	var claims struct{ Exp, Iat *int64 }
	if len(parts) == 3 {
		text, _ := base64.RawURLEncoding.DecodeString(parts[1])
		var raw map[string]any
		if lenient.Decode(text, &raw) == nil {
			claims.Exp, claims.Iat = number(raw["exp"]), number(raw["iat"])
		}
	}
	switch {
	case claims.Iat == nil:
		return unasked("the token is not a JWT with an iat claim")
	case claims.Exp == nil:
		return unseen("the token, which has no exp claim")
	}
	return is(time.Duration(*claims.Exp-*claims.Iat) * time.Second)
}

func number(value any) *int64 {
	if f, ok := value.(float64); ok {
		return new(int64(f))
	}
	return nil
}

// askReuse comes at once, because a code that has expired may be forgotten.
func askReuse(ctx context.Context, p *probe) error {
	r, err := p.exchange(ctx, p.spent, false)
	if err != nil {
		return err
	}
	p.note("the second use: %s", p.api.says(r))
	if second := r.text("access_token"); second != "" {
		p.api.secrets = append(p.api.secrets, second)
		p.note("the code worked a second time")
	}
	lives, dead, err := p.lives(ctx, p.token)
	if err != nil {
		return err
	}
	p.set("CodeReuseRevokes", is(!lives))
	if lives {
		return nil
	}
	p.note("the first token then: %s", p.api.says(dead))
	fresh, err := p.authorize(ctx, "Allow, because the token of the first time is dead")
	if err != nil {
		return stop("there is no token any more: %v", err)
	}
	return p.replaceToken(ctx, fresh.code, false)
}

// replaceToken exchanges a code for a token of the same app.
func (p *probe) replaceToken(ctx context.Context, code string, form bool) error {
	r, err := p.exchange(ctx, code, form)
	if err != nil {
		return err
	}
	token := r.text("access_token")
	if !r.ok() || token == "" {
		return noAnswer("the code was refused: " + p.api.says(r))
	}
	p.api.secrets = append(p.api.secrets, token)
	lives, info, err := p.lives(ctx, token)
	switch {
	case err != nil:
		return err
	case !lives:
		return stop("the new token is not good for the same app: %s", p.api.says(info))
	}
	p.token = token
	return nil
}

func askTokenErrors(ctx context.Context, p *probe) error {
	id, secret := p.api.sdk.ClientID, p.api.sdk.ClientSecret.Reveal()
	var seen []reply
	for _, try := range []struct {
		what, code, id, secret string
		form                   bool
	}{
		{"an invented code, JSON", random(), id, secret, false},
		{"an invented code, a form", random(), id, secret, true},
		{"an invented client", random(), "sunco-probe-" + random(), random(), false},
		{"no code", "", id, secret, false},
	} {
		r, err := p.tokenRequest(ctx, try.code, try.id, try.secret, try.form)
		if err != nil {
			return err
		}
		p.note("%s: %s", try.what, p.api.says(r))
		if r.status/100 == 2 {
			return noAnswer("the token endpoint answered " + fmt.Sprint(r.status))
		}
		seen = append(seen, r)
	}
	p.witness = p.api.says(seen[3])
	shape, known := seen[0].shape()
	for _, r := range seen {
		if other, _ := r.shape(); other != shape {
			return noAnswer("the formats of the errors differ")
		}
	}
	if seen[1].status != seen[0].status {
		return noAnswer("the same error as JSON and as a form has two statuses")
	}
	switch code, malformed := seen[0].status, seen[3].status; {
	case seen[2].status != code:
		p.note("the statuses differ; the field has that for a code")
		p.set("TokenErrorStatus", is(code))
	case code == http.StatusUnauthorized && malformed == http.StatusBadRequest:
		p.set("TokenErrorStatus", is(0)) // which stands for both
	default:
		p.set("TokenErrorStatus", is(code))
	}
	if !known {
		return noAnswer("the format of the errors is none of those that the fake knows")
	}
	p.set("TokenErrorShape", is(shape))
	return nil
}

// witnessed fails when the token endpoint does not say what it said before to a request
// without a code. Without a living token nothing else tells Zendesk from a proxy.
func (p *probe) witnessed(ctx context.Context) error {
	r, err := p.tokenRequest(ctx, "", p.api.sdk.ClientID, p.api.sdk.ClientSecret.Reveal(), false)
	switch {
	case err != nil:
		return err
	case p.witness != p.api.says(r):
		return noAnswer("the token endpoint answers otherwise than before; a proxy may answer in its place")
	}
	return nil
}

func askUnknownClient(ctx context.Context, p *probe) error {
	query := url.Values{"client_id": {"sunco-probe-" + random()}, "response_type": {"code"}}
	ask := request{method: http.MethodGet, url: p.api.bridge + "/oauth/authorize?" + query.Encode()}
	r, err := p.api.send(ctx, ask)
	switch {
	case err != nil:
		return err
	case r.status < 400:
		return noAnswer(fmt.Sprintf("authorize answered %d; a page that asks for the login may come first", r.status))
	}
	if r, err = p.again(ctx, ask, r); err != nil {
		return err
	}
	p.set("UnknownClientStatus", is(r.status))
	query.Set("client_id", p.api.sdk.ClientID)
	query.Set("redirect_uri", "https://sunco-probe.invalid/")
	ask.url = p.api.bridge + "/oauth/authorize?" + query.Encode()
	if r, err = p.api.send(ctx, ask); err == nil {
		p.note("the own client with a redirect URI that is not registered: %s", p.api.says(r))
	}
	return err
}

func askInventedToken(ctx context.Context, p *probe) error {
	for what, at := range map[string]string{"token info": p.api.bridge + "/v2/tokenInfo", "webhooks": p.at(hooksPath)} {
		r, err := p.api.send(ctx, request{method: http.MethodGet, url: at, token: "sunco-probe-" + random()})
		if err != nil {
			return err
		}
		p.note("%s: %s", what, p.api.says(r))
	}
	return nil
}

func askOtherApp(ctx context.Context, p *probe) error {
	r, err := p.ask(ctx, request{method: http.MethodGet, url: p.api.home + "/v2/apps/" + random() + hooksPath})
	switch {
	case err != nil:
		return err
	case r.status/100 == 2:
		return noAnswer(fmt.Sprintf("it answered %d", r.status))
	}
	p.note("the reply: %s", p.api.says(r))
	p.set("OtherAppStatus", is(r.status))
	return nil
}

func askUnknownHost(ctx context.Context, p *probe) error {
	base, err := p.api.sdk.BaseURL(&sunco.Installation{Subdomain: "sunco-probe-" + random()})
	if err != nil {
		return err
	}
	ask := request{method: http.MethodGet, url: base + "/v2/apps/" + random() + hooksPath, bare: true}
	r, err := p.api.send(ctx, ask)
	if err == nil {
		r, err = p.again(ctx, ask, r)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		p.set("UnknownHost", is(suncotest.HostUnresolvable))
		return nil
	} else if err != nil {
		return err
	}
	p.note("the reply: %s", p.api.says(r))
	shape, _ := r.shape()
	host, known := map[suncotest.ErrorShape]suncotest.UnknownHost{
		suncotest.ErrorFront: suncotest.HostFront, suncotest.ErrorHTML: suncotest.HostPage,
		suncotest.ErrorsArray: suncotest.HostAPIError,
	}[shape]
	if !known || r.status != http.StatusNotFound {
		return noAnswer("the reply is none of those that the fake knows")
	}
	p.set("UnknownHost", is(host))
	return nil
}

func askMarketplace(ctx context.Context, p *probe) error {
	r, err := p.ask(ctx, request{method: http.MethodGet, url: p.api.bridge + "/v2/tokenInfo", bare: true})
	if err != nil {
		return err
	}
	p.set("MarketplaceRequired", is(!r.ok()))
	if r.ok() {
		return noAnswer("the headers are not required")
	}
	p.note("the reply: %s", p.api.says(r))
	p.set("MarketplaceStatus", is(r.status))
	return nil
}

// askWrongSecret is the last question, because an account or a client may be locked after
// wrong secrets.
func askWrongSecret(ctx context.Context, p *probe) error {
	r, err := p.tokenRequest(ctx, random(), p.api.sdk.ClientID, random(), false)
	if err == nil {
		p.note("the reply: %s", p.api.says(r))
	}
	return err
}
