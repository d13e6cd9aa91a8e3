package sunco_test

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sunco-go/sunco"
)

// jwt makes a compact token of two JSON texts.
func jwt(header, payload string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2lnbmF0dXJl"
}

func TestGeneration(t *testing.T) {
	token := sunco.Token{AccessToken: sunco.NewSecret("abc")}
	assert.Equal(t, "ba7816bf8f01cfea414140de5dae2223", token.Generation(), "the first 128 bits of the SHA-256")
	assert.Equal(t, token.Generation(), (&sunco.Installation{Token: token}).Generation())
	assert.NotEqual(t, token.Generation(), sunco.Token{AccessToken: sunco.NewSecret("abd")}.Generation())
	assert.Empty(t, sunco.Token{}.Generation())
	assert.Empty(t, (&sunco.Installation{}).Generation())
}
