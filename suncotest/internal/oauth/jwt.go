package oauth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

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
