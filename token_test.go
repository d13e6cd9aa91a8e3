package sunco_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

// jwt makes a compact token of two JSON texts.
func jwt(header, payload string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2lnbmF0dXJl"
}

func TestUnverifiedClaims(t *testing.T) {
	const header = `{"alg":"HS256","typ":"JWT","kid":"app_5963ba5b","azp":"shoplifter"}`
	for name, tc := range map[string]struct {
		token string
		want  sunco.Claims
	}{
		"as published": {jwt(header, `{"scope":"integration","appId":"5963ba5b","iat":1700000000}`),
			sunco.Claims{Scope: "integration", AppID: "5963ba5b", ClientID: "shoplifter", KeyID: "app_5963ba5b", IssuedAt: time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC)}},
		"expiry": {jwt(header, `{"exp":1700000000.9}`),
			sunco.Claims{ClientID: "shoplifter", KeyID: "app_5963ba5b", ExpiresAt: time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC)}},
		"empty objects":   {jwt(`{}`, `{}`), sunco.Claims{}},
		"other case":      {jwt(`{"KID":"x","Azp":"y"}`, `{"appid":"x","SCOPE":"y","Iat":1}`), sunco.Claims{}},
		"absurd times":    {jwt(`{}`, `{"iat":-1,"exp":1e300}`), sunco.Claims{}},
		"unknown":         {jwt(`{"x":[1]}`, `{"aud":["a"],"appId":"a"}`), sunco.Claims{AppID: "a"}},
		"empty signature": {strings.TrimSuffix(jwt(`{}`, `{"appId":"a"}`), "c2lnbmF0dXJl"), sunco.Claims{AppID: "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := sunco.Token{AccessToken: sunco.NewSecret(tc.token)}.UnverifiedClaims()
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestUnverifiedClaimsRefused(t *testing.T) {
	for name, token := range map[string]string{
		"empty": "", "opaque": "abc", "two parts": "e30.e30", "four parts": "e30.e30.x.y", "not base64": "!!.e30.x", "padded": "e30=.e30.x", "standard base64": jwt(`{}`, `{"appId":"???>>>"}`) + "+/.x",
		"not JSON": "YWJj.e30.x", "array": jwt(`[]`, `{}`), "number as id": jwt(`{}`, `{"appId":1}`), "text as time": jwt(`{}`, `{"iat":"1"}`), "overflow": jwt(`{}`, `{"iat":1e999}`),
		"twice": jwt(`{}`, `{"appId":"a","appId":"b"}`), "twice, escaped": jwt(`{}`, `{"appId":"a","app\u0049d":"b"}`), "twice, deep": jwt(`{}`, `{"x":{"a":1,"a":2}}`), "trailing": jwt(`{}`, `{} {}`), "dots": "...",
	} {
		t.Run(name, func(t *testing.T) {
			claims, err := sunco.Token{AccessToken: sunco.NewSecret(token)}.UnverifiedClaims()
			requireInput(t, "token", err)
			assert.Zero(t, claims)
			if token != "" && strings.Contains(err.Error(), token) {
				t.Error("the error carries the token")
			}
		})
	}
}

func TestGeneration(t *testing.T) {
	token := sunco.Token{AccessToken: sunco.NewSecret("abc")}
	assert.Equal(t, "ba7816bf8f01cfea414140de5dae2223", token.Generation(), "the first 128 bits of the SHA-256")
	assert.Equal(t, token.Generation(), (&sunco.Installation{Token: token}).Generation())
	assert.NotEqual(t, token.Generation(), sunco.Token{AccessToken: sunco.NewSecret("abd")}.Generation())
	assert.Empty(t, sunco.Token{}.Generation())
	assert.Empty(t, (&sunco.Installation{}).Generation())
}
