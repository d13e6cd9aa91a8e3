package sunco_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

func TestGeneration(t *testing.T) {
	token := sunco.Token{AccessToken: sunco.NewSecret("abc")}
	assert.Equal(t, "ba7816bf8f01cfea414140de5dae2223", token.Generation(), "the first 128 bits of the SHA-256")
	assert.Equal(t, token.Generation(), (&sunco.Installation{Token: token}).Generation())
	assert.NotEqual(t, token.Generation(), sunco.Token{AccessToken: sunco.NewSecret("abd")}.Generation())
	assert.Empty(t, sunco.Token{}.Generation())
	assert.Empty(t, (&sunco.Installation{}).Generation())
}

func TestTokenThatNoHeaderMayCarry(t *testing.T) {
	for name, token := range map[string]string{
		"empty":              "",
		"CR LF":              "abcd\r\nX-Evil: 1",
		"newline at the end": "abcd\n",
		"NUL":                "abcd\x00",
		"tab":                "ab\tcd",
		"space":              "ab cd",
		"DEL":                "abcd\x7f",
		"not ASCII":          "tökén",
		"invalid UTF-8":      "\xff\xfe",
		"too long":           strings.Repeat("a", 8<<10+1),
	} {
		t.Run(name, func(t *testing.T) {
			eachOperation(t, func(t *testing.T, op operation) {
				if op.kind == "once" {
					return
				}
				in := acme()
				in.Token = sunco.Token{AccessToken: sunco.NewSecret(token)}
				err := op.run(t.Context(), newClient(silent(t)), in)
				requireInput(t, "token", err)
				if token != "" && strings.Contains(err.Error(), token) {
					t.Error("the error carries the token")
				}
			})
		})
	}
	in := acme()
	in.Token = sunco.Token{AccessToken: sunco.NewSecret(strings.Repeat("a", 8<<10))}
	w := always(http.StatusOK, tokenInfoReply)
	_, err := newClient(w).TokenInfo(t.Context(), in.Token)
	require.NoError(t, err, "8 KiB is the longest")
	assert.Len(t, w.requests()[0].Header.Get("Authorization"), len("Bearer ")+8<<10)
}
