package suncotest

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/url"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// token exchanges a code for an access token.
func (p *Platform) token(c *wire.Call) wire.Reply {
	fields, refusal, ok := p.tokenFields(c)
	if !ok {
		return refusal.NoStore()
	}
	if !p.isClient(fields["client_id"], fields["client_secret"]) {
		return p.tokenError(http.StatusUnauthorized, "invalid_client", "Client authentication failed").NoStore()
	}
	token, ok := p.exchange(fields["code"])
	if !ok {
		return p.tokenError(http.StatusUnauthorized, "invalid_grant", "The code cannot be used").NoStore()
	}
	return okToken(token).NoStore()
}

func okToken(token string) wire.Reply {
	return wire.OK(http.StatusOK, struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
	}{token, "Bearer"})
}

// tokenFields reads the four fields, each of which must be there exactly once.
// Others are ignored (RFC 6749, section 3.2): some clients send a redirect_uri.
func (p *Platform) tokenFields(c *wire.Call) (map[string]string, wire.Reply, bool) {
	if c.URL.RawQuery != "" || c.URL.ForceQuery {
		return nil, p.tokenError(http.StatusBadRequest, "invalid_request", "Parameters belong in the body"), false
	}
	fields, status, what := readFields(c)
	if status != 0 {
		return nil, p.tokenError(status, "invalid_request", what), false
	}
	for _, name := range []string{"grant_type", "code", "client_id", "client_secret"} {
		if fields[name] == "" {
			return nil, p.tokenError(http.StatusBadRequest, "invalid_request", "A required field is missing"), false
		}
	}
	if fields["grant_type"] != "authorization_code" {
		return nil, p.tokenError(http.StatusBadRequest, "unsupported_grant_type", "The grant type is not supported"), false
	}
	return fields, wire.Reply{}, true
}

// readFields reads a flat body of strings, JSON or a form. The status says what is
// wrong with it, and is 0 when nothing is.
func readFields(c *wire.Call) (fields map[string]string, status int, what string) {
	switch wire.MediaType(c.Header.Get("Content-Type")) {
	case "application/json":
		object, err := wire.ReadObject(c.Body)
		if err != nil {
			return nil, http.StatusBadRequest, "The body is not one JSON object with distinct keys"
		}
		fields = map[string]string{}
		for name, raw := range object {
			value, ok := wire.As[string](raw)
			if !ok {
				return nil, http.StatusBadRequest, "A field is not a string"
			}
			fields[name] = value
		}
	case "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(c.Body))
		if err != nil {
			return nil, http.StatusBadRequest, "The body is not a form"
		}
		var ok bool
		if fields, ok = wire.Singles(values); !ok {
			return nil, http.StatusBadRequest, "A field is given more than once"
		}
	default:
		return nil, http.StatusUnsupportedMediaType, "Neither JSON nor a form"
	}
	return fields, 0, ""
}

// tokenError is an error of the token endpoint in the shape and with the status
// that are configured.
func (p *Platform) tokenError(status int, code, title string) wire.Reply {
	b := p.cfg.Behavior
	return wire.Shaped(wire.Shape(b.TokenErrorShape), cmp.Or(b.TokenErrorStatus, status), code, title)
}

// isClient compares in constant time, and both halves always.
func (p *Platform) isClient(id, secret string) bool {
	same := func(a, b string) int {
		x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
		return subtle.ConstantTimeCompare(x[:], y[:])
	}
	return same(id, p.cfg.ClientID)&same(secret, p.cfg.ClientSecret) == 1
}

// exchange spends a code and returns a new token, or false.
func (p *Platform) exchange(presented string) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	found := p.state.codes[presented]
	switch {
	case found == nil:
		return "", false
	case found.grant != nil:
		if p.cfg.Behavior.CodeReuseRevokes {
			found.grant.Dead = true
		}
		return "", false
	case !now.Before(found.expires):
		delete(p.state.codes, presented)
		return "", false
	}
	a := found.account
	p.install(a)
	g := &grant{Holder: wire.Holder{AppID: a.AppID, IntegrationID: a.installed.id}}
	if life := p.cfg.Behavior.TokenLifetime; life > 0 {
		g.expires = now.Add(life)
	}
	token := newToken(p.cfg.ClientID, a.AppID, now, g.expires)
	p.state.tokens[tokenKey(token)] = g
	a.installed.grants = append(a.installed.grants, g)
	found.grant = g
	return token, true
}

// install gives the account the integration, or gives it again. The mutex is held.
func (p *Platform) install(a *account) {
	if a.installed == nil || a.installed.leaving {
		a.installed = &installation{id: p.mu.NextID("integration", a.AppID), since: time.Now()}
		p.state.installations[a.installed.id] = a.installed
		return
	}
	if p.cfg.Behavior.OldTokenDies {
		for _, g := range a.installed.grants {
			g.Dead = true
		}
		a.installed.grants = nil
	}
	if p.cfg.Behavior.WebhooksDie {
		p.hooks.End(a.installed.id)
	}
}
