package seal

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func keyOf(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) }

func ring(t *testing.T, keys ...string) Ring {
	t.Helper()
	r, err := NewRing(keys, "a", "b")
	require.NoError(t, err)
	return r
}

func TestOpen(t *testing.T) {
	r := ring(t, keyOf(1))
	keyID, sealed := r.Seal("a", []byte("plain"), "app", "row")
	plain, ok := r.Open("a", keyID, sealed, "app", "row")
	require.True(t, ok)
	assert.Equal(t, "plain", string(plain))
	_, again := r.Seal("a", []byte("plain"), "app", "row")
	assert.NotEqual(t, sealed, again, "a nonce is used once")
	assert.NotContains(t, string(sealed), "plain")

	for name, where := range map[string][]string{
		"another row":                       {"app", "row2"},
		"another app":                       {"app2", "row"},
		"values that look the same joined":  {"ap", "prow"},
		"fewer values":                      {"app"},
		"more values":                       {"app", "row", ""},
		"values in another order":           {"row", "app"},
		"a value that holds another's size": {"app\x03row"},
	} {
		t.Run(name, func(t *testing.T) {
			_, ok := r.Open("a", keyID, sealed, where...)
			assert.False(t, ok)
		})
	}
	t.Run("another purpose", func(t *testing.T) {
		_, ok := r.Open("b", keyID, sealed, "app", "row")
		assert.False(t, ok)
	})
	t.Run("another key id", func(t *testing.T) {
		_, ok := r.Open("a", "00000000", sealed, "app", "row")
		assert.False(t, ok)
	})
	t.Run("each flipped bit and each cut", func(t *testing.T) {
		for i := range sealed {
			flipped := bytes.Clone(sealed)
			flipped[i] ^= 1 << (i % 8)
			_, ok := r.Open("a", keyID, flipped, "app", "row")
			assert.False(t, ok, "byte %d", i)
			_, ok = r.Open("a", keyID, sealed[:i], "app", "row")
			assert.False(t, ok, "cut at %d", i)
		}
	})
}

func TestRotation(t *testing.T) {
	old, both, renewed := ring(t, keyOf(1)), ring(t, keyOf(2), keyOf(1)), ring(t, keyOf(2))
	oldID, oldSealed := old.Seal("a", []byte("plain"), "app")
	newID, newSealed := both.Seal("a", []byte("plain"), "app")
	assert.NotEqual(t, oldID, newID)
	assert.Equal(t, []string{newID, oldID}, both.IDs())

	for _, test := range []struct {
		name          string
		ring          Ring
		opensOld, new bool
	}{
		{"the old key", old, true, false},
		{"the new and the old key", both, true, true},
		{"the new key", renewed, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, ok := test.ring.Open("a", oldID, oldSealed, "app")
			assert.Equal(t, test.opensOld, ok)
			_, ok = test.ring.Open("a", newID, newSealed, "app")
			assert.Equal(t, test.new, ok)
			_, ok = test.ring.Open("a", newID, oldSealed, "app")
			assert.False(t, ok, "the wrong key id")
		})
	}
}

func TestNewRingRefuses(t *testing.T) {
	for name, encoded := range map[string]string{
		"empty":              "",
		"16 bytes":           base64.StdEncoding.EncodeToString(make([]byte, 16)),
		"33 bytes":           base64.StdEncoding.EncodeToString(make([]byte, 33)),
		"no padding":         base64.RawStdEncoding.EncodeToString(make([]byte, 32)),
		"another alphabet":   base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 32)),
		"bits that are lost": keyOf(0)[:42] + "B=",
		"hexadecimal":        strings.Repeat("00", 32),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewRing([]string{keyOf(1), encoded}, "a")
			assert.Error(t, err)
		})
	}
}

func TestTexts(t *testing.T) {
	for name, list := range map[string][]string{
		"usual":     {"token", "id", "https://example.com"},
		"empty":     {"", "", "x", ""},
		"any bytes": {"\x00\xff", "é", strings.Repeat("long", 1000)},
	} {
		t.Run(name, func(t *testing.T) {
			left := Texts(AppendTexts(nil, list...))
			var got []string
			for left != "" {
				got = append(got, left.Next())
			}
			assert.Equal(t, list, got)
			assert.Empty(t, left.Next())
		})
	}
	for name, damaged := range map[string]string{
		"cut":             "\x05abc",
		"cut in the size": "\x80",
		"a size too long": "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01abc",
	} {
		t.Run(name, func(t *testing.T) {
			left := Texts(damaged)
			assert.Empty(t, left.Next())
			assert.Empty(t, left, "nothing is left, so that reading ends")
		})
	}
}
