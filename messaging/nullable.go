package messaging

import "github.com/sunco-go/sunco/internal/lenient"

// Nullable is a field of an update that can be cleared. The zero Nullable
// changes nothing, [Set] changes the value, and [Null] sends null. Zendesk's
// description accepts null there; it does not say that null clears the field.
type Nullable[T any] struct {
	value T
	state nullableState
}

type nullableState uint8

const (
	unchanged nullableState = iota
	changed
	cleared
)

// Set changes a field to value.
func Set[T any](value T) Nullable[T] { return Nullable[T]{value, changed} }

// Null clears a field.
func Null[T any]() Nullable[T] { return Nullable[T]{state: cleared} }

// IsZero reports whether n changes nothing. The option omitzero of JSON tags
// calls it.
func (n Nullable[T]) IsZero() bool { return n.state == unchanged }

// MarshalJSON implements [encoding/json.Marshaler]: the value, or null.
func (n Nullable[T]) MarshalJSON() ([]byte, error) {
	if n.state != changed {
		return []byte("null"), nil
	}
	return lenient.Encode(n.value)
}

// nullable checks a text of an update, which has at least one character unless
// it is cleared.
func (l *limits) nullable(name string, n Nullable[string], most int) {
	if n.state == changed && n.value == "" {
		l.refuse(name, "empty; use messaging.Null to clear it")
	}
	l.text(name, n.value, 0, most)
}
