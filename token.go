package sunco

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// Token is the credential of one installation: the integration-scoped bearer
// token that Zendesk issues for one customer. It has no expiry and there is
// no refresh token; it lives until the integration is removed.
//
// The zero Token is refused by every call. A stored token becomes a Token
// again with Token{AccessToken: NewSecret(stored)}.
type Token struct {
	AccessToken Secret
}

// Generation identifies the token without revealing it: the first 128 bits of
// its SHA-256 in hexadecimal. A customer that installs again gets another
// token and so another generation; deletion compares it, so that a removal
// which is about an older token never deletes a newer one. The zero Token has
// generation "".
func (t Token) Generation() string {
	if t.AccessToken.IsZero() {
		return ""
	}
	sum := sha256.Sum256([]byte(t.AccessToken.Reveal()))
	return hex.EncodeToString(sum[:16])
}

// LogValue implements [slog.LogValuer]: the generation, never the token.
func (t Token) LogValue() slog.Value {
	return slog.GroupValue(slog.String("generation", t.Generation()))
}

// Claims is what a token says about itself. The signature is Zendesk's and
// cannot be verified by a partner, so nothing here proves anything: it is
// fit for log lines and for finding a record, not for decisions.
// [Client.TokenInfo] asks Zendesk instead.
type Claims struct {
	Scope     string    // "integration" for a partner's token
	AppID     string    // the app the token is for
	ClientID  string    // the OAuth client it was issued to (azp)
	KeyID     string    // the key that signed it (kid)
	IssuedAt  time.Time // zero when absent
	ExpiresAt time.Time // zero when absent, which is the rule
}

// UnverifiedClaims decodes the token's claims without any request and without
// verifying them; see [Claims]. The error is an [*InputError] when the token
// is not a JSON Web Token. Tokens are opaque to every other call: one that
// cannot be decoded may still be good.
func (t Token) UnverifiedClaims() (Claims, error) {
	var header struct {
		KeyID    string `json:"kid"`
		ClientID string `json:"azp"`
	}
	var payload struct {
		Scope     string  `json:"scope"`
		AppID     string  `json:"appId"`
		IssuedAt  float64 `json:"iat"`
		ExpiresAt float64 `json:"exp"`
	}
	parts := strings.Split(t.AccessToken.Reveal(), ".")
	if len(parts) != 3 || !decodeSegment(parts[0], &header) || !decodeSegment(parts[1], &payload) {
		return Claims{}, &InputError{Name: "token", Reason: "not a JSON Web Token"}
	}
	return Claims{
		Scope:     payload.Scope,
		AppID:     payload.AppID,
		ClientID:  header.ClientID,
		KeyID:     header.KeyID,
		IssuedAt:  numericDate(payload.IssuedAt),
		ExpiresAt: numericDate(payload.ExpiresAt),
	}, nil
}

// decodeSegment decodes one base64url segment of a compact JWT (RFC 7515).
func decodeSegment(segment string, into any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(segment)
	return err == nil && json.Unmarshal(raw, into) == nil
}

// numericDate converts RFC 7519's NumericDate, seconds since the epoch.
func numericDate(seconds float64) time.Time {
	const year9999 = 253402300799
	if seconds <= 0 || seconds > year9999 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}

const maxToken = 8 << 10 // bytes; longer ones do not fit common header limits

// check refuses what must never reach an Authorization header.
func (t Token) check() error {
	switch value := t.AccessToken.Reveal(); {
	case value == "":
		return &InputError{Name: "token", Reason: "empty"}
	case len(value) > maxToken:
		return &InputError{Name: "token", Reason: "longer than 8 KiB"}
	case !visibleASCII(value):
		return &InputError{Name: "token", Reason: "contains characters that no header may carry"}
	}
	return nil
}
