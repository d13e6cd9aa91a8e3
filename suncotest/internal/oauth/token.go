package oauth

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// token exchanges a code for an access token.
func (s *Service) token(c *wire.Call) wire.Reply {
	fields, refusal, ok := s.tokenFields(c)
	if !ok {
		return refusal.NoStore()
	}
	if !s.isClient(fields["client_id"], fields["client_secret"]) {
		return s.tokenError(http.StatusUnauthorized, "invalid_client",
			"The client_id or the client_secret is wrong").NoStore()
	}
	token, ok := s.exchange(fields["code"])
	if !ok {
		return s.tokenError(http.StatusUnauthorized, "invalid_grant", "The code is unknown, used or expired").NoStore()
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
func (s *Service) tokenFields(c *wire.Call) (map[string]string, wire.Reply, bool) {
	if c.URL.RawQuery != "" || c.URL.ForceQuery {
		return nil, s.tokenError(http.StatusBadRequest, "invalid_request", "The parameters must be in the body"), false
	}
	fields, status, what := readFields(c)
	if status != 0 {
		return nil, s.tokenError(status, "invalid_request", what), false
	}
	for _, name := range []string{"grant_type", "code", "client_id", "client_secret"} {
		if fields[name] == "" {
			return nil, s.tokenError(http.StatusBadRequest, "invalid_request", "The field "+name+" is missing"), false
		}
	}
	if fields["grant_type"] != "authorization_code" {
		return nil, s.tokenError(http.StatusBadRequest, "unsupported_grant_type",
			"The grant_type must be authorization_code"), false
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
			return nil, http.StatusBadRequest, "The body " + err.Error()
		}
		fields = map[string]string{}
		for name, raw := range object {
			fields[name], _ = wire.As[string](raw) // what is no text is missing, or ignored
		}
	case "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(c.Body))
		if err != nil {
			return nil, http.StatusBadRequest, "The body is not a form"
		}
		var doubled string
		if fields, doubled = wire.Singles(values); doubled != "" {
			return nil, http.StatusBadRequest, "A field is given more than once"
		}
	default:
		return nil, http.StatusUnsupportedMediaType, "The Content-Type must be application/json or " +
			"application/x-www-form-urlencoded"
	}
	return fields, 0, ""
}

// tokenError is an error of the token endpoint in the shape and with the status
// that are configured.
func (s *Service) tokenError(status int, code, title string) wire.Reply {
	return wire.Shaped(s.opts.TokenErrorShape, cmp.Or(s.opts.TokenErrorStatus, status), code, title)
}

// isClient compares in constant time, and both halves always.
func (s *Service) isClient(id, secret string) bool {
	same := func(a, b string) int {
		x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
		return subtle.ConstantTimeCompare(x[:], y[:])
	}
	return same(id, s.opts.ClientID)&same(secret, s.opts.ClientSecret) == 1
}

// exchange spends a code and returns a new token, or false.
func (s *Service) exchange(presented string) (string, bool) {
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	now := time.Now()
	found := s.codes[presented]
	switch {
	case found == nil:
		return "", false
	case found.grant != nil:
		if s.opts.CodeReuseRevokes {
			found.grant.Dead = true
		}
		return "", false
	case !now.Before(found.expires):
		delete(s.codes, presented)
		return "", false
	}
	a := found.account
	s.install(a)
	g := &grant{Holder: wire.Holder{AppID: a.AppID, IntegrationID: a.installed.id}}
	if life := s.opts.TokenLifetime; life > 0 {
		g.expires = now.Add(life)
	}
	token := newToken(s.opts.ClientID, a.AppID, now, g.expires)
	s.tokens[tokenKey(token)] = g
	a.installed.grants = append(a.installed.grants, g)
	found.grant = g
	return token, true
}

// install gives the account the integration, or gives it again. The lock is held.
func (s *Service) install(a *account) {
	if a.installed == nil || a.installed.leaving {
		a.installed = &installation{id: s.opts.Lock.NextID("integration", a.AppID), since: time.Now()}
		s.installations[a.installed.id] = a.installed
		return
	}
	if s.opts.OldTokenDies {
		for _, g := range a.installed.grants {
			g.Dead = true
		}
		a.installed.grants = nil
	}
	if s.opts.WebhooksDie {
		s.opts.Hooks.End(a.installed.id)
	}
}

// jwtHeader and jwtClaims are shaped like the published example of a token.
type jwtHeader struct {
	Alg string `json:"alg"`
	Typ string `json:"typ"`
	Kid string `json:"kid"`
	Azp string `json:"azp"`
}

type jwtClaims struct {
	Scope string `json:"scope"`
	AppID string `json:"appId"`
	Iat   int64  `json:"iat"`
	Exp   int64  `json:"exp,omitempty"`
}

// newToken returns a signed token for an app, never the same one twice. Nobody,
// the platform included, checks the signature: a token is known or it is not.
func newToken(clientID, appID string, issued, expires time.Time) string {
	claims := jwtClaims{Scope: "integration", AppID: appID, Iat: issued.Unix()}
	if !expires.IsZero() {
		claims.Exp = expires.Unix()
	}
	header := jwtHeader{Alg: "HS256", Typ: "JWT", Kid: "app_" + wire.RandomHex(12), Azp: clientID}
	signed := segment(header) + "." + segment(claims)
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func segment(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // strings and numbers cannot fail
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// expired reports whether the token's time is over. It never is without an expiry.
func (g *grant) expired() bool {
	return !g.expires.IsZero() && !time.Now().Before(g.expires)
}

// wireApp is the app in token info.
type wireApp struct {
	ID          string          `json:"id"`
	DisplayName wire.String     `json:"displayName"`
	Settings    map[string]bool `json:"settings"`
	Metadata    map[string]any  `json:"metadata"`
	Subdomain   string          `json:"subdomain,omitempty"`
}

// tokenInfo tells which app the token is good for.
func (s *Service) tokenInfo(c *wire.Call) wire.Reply {
	s.opts.Lock.Lock()
	a := s.byApp(c.AppID)
	app := wireApp{
		ID:          a.AppID,
		DisplayName: wire.String(a.DisplayName),
		Settings: map[string]bool{
			"appLocalizationEnabled": true,
			"echoPostback":           s.opts.EchoPostback,
			"maskCreditCardNumbers":  true,
			"multiConvoEnabled":      false,
			"useAnimalNames":         false,
		},
		Metadata: maps.Clone(a.Metadata),
	}
	if a.Legacy == "" && !s.opts.NoSubdomain {
		app.Subdomain = a.Subdomain
	}
	s.opts.Lock.Unlock()
	return wire.OK(http.StatusOK, map[string]wireApp{"app": app}).With("Cache-Control", "no-store")
}
