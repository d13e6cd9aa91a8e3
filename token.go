package sunco

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
)

// Token is the access token of one installation: a bearer token with the scope
// "integration", which Zendesk issues for one customer. It has no expiry and no
// refresh token; it lives until the integration is removed.
//
// The zero Token is refused by every call. Load a stored token with
// Token{AccessToken: NewSecret(stored)}.
type Token struct {
	AccessToken Secret
}

// Generation identifies the token without revealing it: the first 128 bits of
// its SHA-256 in hexadecimal. A customer that installs again gets another token and
// so another generation. Compare it before you delete an installation, so that a
// removal of an older one does not delete its successor. The zero Token has
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
