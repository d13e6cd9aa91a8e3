package sunco

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Secret holds a credential: a client secret, an authorization code, an access
// token or a webhook secret. It prints as "[redacted]" with every verb of package
// fmt and in package slog. Encoding it as JSON, text or gob is an error, so that it
// is neither written by accident nor silently lost. Store [Secret.Reveal], and load
// it with [NewSecret].
//
// The zero Secret is empty and equal to nothing. A Secret may be copied and used
// by several goroutines. Compare with [Secret.Equal]; == does not compile.
type Secret struct {
	_ [0]func() // not comparable

	// A pointer, because fmt prints a nested pointer as an address wherever
	// it cannot call Format, in unexported fields for example.
	value *string
}

// NewSecret returns a Secret that holds value. An empty value gives the zero
// Secret.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{value: &value}
}

// Reveal returns the credential itself. It is the only way to get it out.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether s is empty.
func (s Secret) IsZero() bool { return s.value == nil }

// Equal reports whether s and t hold the same credential, in a time that says
// nothing about either. An empty Secret equals nothing, not even another
// empty one.
func (s Secret) Equal(t Secret) bool {
	a, b := sha256.Sum256([]byte(s.Reveal())), sha256.Sum256([]byte(t.Reveal()))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && !s.IsZero()
}

const redacted = "[redacted]"

// Format implements [fmt.Formatter]: every verb prints "[redacted]".
func (s Secret) Format(f fmt.State, verb rune) { _, _ = io.WriteString(f, redacted) }

// String returns "[redacted]".
func (s Secret) String() string { return redacted }

// LogValue implements [slog.LogValuer].
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

var errSecretEncoding = errors.New("sunco: a Secret cannot be encoded or decoded; " +
	"store Secret.Reveal() where it is safe, and load it with NewSecret")

// MarshalText always fails, and with it JSON, XML and every encoding that
// asks for text.
func (s Secret) MarshalText() ([]byte, error) { return nil, errSecretEncoding }

// UnmarshalText always fails; see [NewSecret].
func (s *Secret) UnmarshalText([]byte) error { return errSecretEncoding }

// GobEncode always fails.
func (s Secret) GobEncode() ([]byte, error) { return nil, errSecretEncoding }

// GobDecode always fails; see [NewSecret].
func (s *Secret) GobDecode([]byte) error { return errSecretEncoding }
