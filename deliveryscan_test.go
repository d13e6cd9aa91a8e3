package sunco

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
)

// What the scanner steps over is JSON without repeated names, to the last byte.
func TestDeliveryScanner(t *testing.T) {
	taken := []string{
		`""`, `"a"`, `"12345678"`, `"1234567\""`, `"é\ud83d\/\b\f\n\r\t\\"`, `"` + strings.Repeat("x", 99) + `"`,
		`0`, `-0`, `10`, `-1.50`, `1e9`, `1E+9`, `1.5e-9`, `true`, `false`, `null`, `[]`, `{}`, ` [ ] `, "[1,\n2\t,\r3]",
		`{"a":1,"b":{"a":[{"a":1},{"a":2}]},"A":3}`, strings.Repeat("[", scanDepth) + strings.Repeat("]", scanDepth),
	}
	declined := []string{
		``, ` `, `"`, `"a`, `"\`, `"\"`, `"\x"`, `"\u12"`, `"\u12G4"`, `"\u123`, "\"\t\"", "\"1234567\x1f\"", "\"12345678\x00\"",
		`-`, `01`, `-01`, `+1`, `.5`, `1.`, `1e`, `1e+`, `0x1`, `1 2`, `tru`, `truex`, `nul`, `NaN`, `nulll`,
		`[`, `]`, `[1`, `[1,]`, `[,1]`, `[1 2]`, `{`, `}`, `{a:1}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":1 "b":2}`, `{1:2}`, `[}`, `{]`,
		`{"a":1,"a":2}`, `{"a":{"b":1,"c":2,"b":3}}`, `[[{"":1,"":2}]]`, "[1]\x00", "\v[]", "\ufeff[]",
		// Odd, and for the decoder to judge.
		`{"\u0061":1}`, `{"é":1}`, `{"1234567é":1}`, strings.Repeat("[", scanDepth+1) + strings.Repeat("]", scanDepth+1),
	}
	accepts := func(text string) bool {
		s := &scanner{text: []byte(text)}
		s.skip()
		ok := s.value(scanDepth)
		s.skip()
		return ok && s.at == len(text)
	}
	for _, text := range taken {
		assert.True(t, accepts(text), "%q", text)
		assert.True(t, jsontext.Value(text).IsValid(jsontext.AllowInvalidUTF8(true)), "%q", text)
		for end := range len(strings.TrimRight(text, " ")) {
			if accepts(text[:end]) {
				assert.True(t, jsontext.Value(text[:end]).IsValid(jsontext.AllowInvalidUTF8(true)), "%q", text[:end])
			}
		}
	}
	for _, text := range declined {
		assert.False(t, accepts(text), "%q", text)
	}
}
