package suncotest_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

func TestTokenReply(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	a := w.exchange(w.code("acme"))
	require.Equal(t, 200, a.Status)
	assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	token := field(t, a.Body, "access_token")
	assert.JSONEq(t, `{"access_token":"`+token+`","token_type":"Bearer"}`, a.Body)

	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	require.NoError(t, err)
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	assert.Regexp(t, `^\{"alg":"HS256","typ":"JWT","kid":"app_[0-9a-f]{24}","azp":"shoplifter"\}$`, string(header))
	assert.Regexp(t, `^\{"scope":"integration","appId":"`+w.appID("acme")+`","iat":\d+\}$`, string(payload))
	assert.NotEqual(t, token, w.install("acme"), "a second token of the same second differs")
}

func TestTokenRefuses(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	with := func(key, value string) string {
		return strings.Replace(tokenBody("CODE"), `"`+key+`":"`, `"`+key+`":"`+value, 1)
	}
	form := "grant_type=authorization_code&code=CODE&client_id=shoplifter&client_secret=sandbox-secret"
	for name, tc := range map[string]struct {
		media, body string
		status      int
	}{
		"unknown code":    {jsonType, tokenBody("canary"), 401},
		"wrong secret":    {jsonType, with("client_secret", "x"), 401},
		"wrong client":    {jsonType, with("client_id", "x"), 401},
		"grant type":      {jsonType, with("grant_type", "x"), 400},
		"empty code":      {jsonType, tokenBody(""), 400},
		"no body":         {jsonType, "", 400},
		"array":           {jsonType, "[]", 400},
		"null":            {jsonType, "null", 400},
		"number":          {jsonType, strings.Replace(tokenBody("CODE"), `"CODE"`, "1", 1), 400},
		"null member":     {jsonType, strings.Replace(tokenBody("CODE"), `"CODE"`, "null", 1), 400},
		"duplicate":       {jsonType, strings.Replace(tokenBody("CODE"), "{", `{"code":"x",`, 1), 400},
		"other case":      {jsonType, strings.Replace(tokenBody("CODE"), `"code"`, `"Code"`, 1), 400},
		"trailing":        {jsonType, tokenBody("CODE") + "{}", 400},
		"truncated":       {jsonType, tokenBody("CODE")[:20], 400},
		"not UTF-8":       {jsonType, with("code", "\xff"), 400},
		"form twice":      {formType, form + "&code=CODE", 400},
		"form broken":     {formType, "%zz", 400},
		"text":            {"text/plain", tokenBody("CODE"), 415},
		"no content type": {"", tokenBody("CODE"), 415},
		"latin1":          {jsonType + "; charset=latin1", tokenBody("CODE"), 415},
	} {
		t.Run(name, func(t *testing.T) {
			code := w.code("acme")
			send := func(body string) answer {
				return w.do(http.MethodPost, bridgeURL+"/oauth/token", body, "Content-Type", tc.media)
			}
			a := send(strings.ReplaceAll(tc.body, "CODE", code))
			requireProblem(t, a, tc.status)
			assert.NotContains(t, a.Body, "canary")
			assert.NotContains(t, a.Body, "sandbox-secret")
			assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
			assert.Equal(t, 200, w.exchange(code).Status, "the code was not spent")
		})
	}
}

func TestTokenRequestForms(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	form := "grant_type=authorization_code&code=CODE&client_id=shoplifter&client_secret=sandbox-secret"
	a := w.do(http.MethodPost, bridgeURL+"/oauth/token?client_id=shoplifter", tokenBody("x"), "Content-Type", jsonType)
	requireProblem(t, a, 400)
	a = w.do(http.MethodPost, bridgeURL+"/oauth/token", strings.ReplaceAll(form, "CODE", w.code("acme")),
		"Content-Type", formType)
	assert.Equal(t, 200, a.Status)
	a = w.do(http.MethodPost, bridgeURL+"/oauth/token", strings.ReplaceAll(form, "CODE", w.code("acme"))+
		"&redirect_uri=x", "Content-Type", formType)
	assert.Equal(t, 200, a.Status, "an unknown field is ignored")
	odd := strings.Replace(tokenBody(w.code("acme")), "{", `{"scope":["x"],"redirect_uri":null,`, 1)
	a = w.do(http.MethodPost, bridgeURL+"/oauth/token", odd, "Content-Type", jsonType)
	assert.Equal(t, 200, a.Status, "whatever it is")
	a = w.do(http.MethodPost, bridgeURL+"/oauth/token", tokenBody("x"), "Content-Type", jsonType, "Content-Encoding",
		"gzip")
	requireProblem(t, a, 415)
}

func TestCodeIsSpentOnce(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	code := w.code("acme")
	var good atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if w.exchange(code).Status == 200 {
				good.Add(1)
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, 1, good.Load())
	assert.Len(t, w.p.Installations(), 1)
	assert.Equal(t, 1, w.p.Installations()[0].Tokens, "the token of the first use lives")
}

func TestCodeReuseRevokes(t *testing.T) {
	w := newWorld(t, suncotest.Config{Behavior: suncotest.Behavior{CodeReuseRevokes: true}})
	code := w.code("acme")
	token := field(t, w.exchange(code).Body, "access_token")
	assert.True(t, w.alive(token))
	requireProblem(t, w.exchange(code), 401)
	assert.False(t, w.alive(token))
}

func TestLifetimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, suncotest.Config{Behavior: suncotest.Behavior{TokenLifetime: time.Hour}})
		late, early := w.code("acme"), w.code("acme")
		time.Sleep(10*time.Minute - time.Second)
		token := field(t, w.exchange(early).Body, "access_token")
		time.Sleep(time.Second)
		requireProblem(t, w.exchange(late), 401)
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
		require.NoError(t, err)
		assert.Contains(t, string(payload), `"exp":`)
		assert.True(t, w.alive(token))
		time.Sleep(time.Hour)
		assert.False(t, w.alive(token))
	})
}

func TestTokenErrorShapes(t *testing.T) {
	for shape, want := range map[suncotest.ErrorShape]string{
		suncotest.ErrorsArray:   `{"errors":[{"code":"invalid_grant","title":"The code is unknown, used or expired"}]}`,
		suncotest.ErrorObject:   `{"error":{"code":"invalid_grant","description":"The code is unknown, used or expired"}}`,
		suncotest.ErrorRFC6749:  `{"error":"invalid_grant","error_description":"The code is unknown, used or expired"}`,
		suncotest.ErrorHTML:     "<!DOCTYPE html><title>403</title><h1>The code is unknown, used or expired</h1>\n",
		suncotest.ErrorText:     "The code is unknown, used or expired\n",
		suncotest.ErrorEmpty:    "",
		suncotest.ErrorSentence: `{"error":"The code is unknown, used or expired"}`,
		suncotest.ErrorFront:    `{"error":{"title":"The code is unknown, used or expired","message":"403 Forbidden"}}`,
	} {
		w := newWorld(t, suncotest.Config{Behavior: suncotest.Behavior{TokenErrorShape: shape, TokenErrorStatus: 403}})
		a := w.exchange("unknown")
		assert.Equal(t, 403, a.Status)
		assert.Equal(t, want, a.Body)
	}
}

func TestRevokedShape(t *testing.T) {
	for shape, want := range map[suncotest.ErrorShape]string{
		suncotest.ErrorsArray:   `{"errors":[{"code":"unauthorized","title":"Couldn't authenticate you"}]}`,
		suncotest.ErrorObject:   `{"error":{"code":"unauthorized","description":"Couldn't authenticate you"}}`,
		suncotest.ErrorRFC6749:  `{"error":"unauthorized","error_description":"Couldn't authenticate you"}`,
		suncotest.ErrorSentence: `{"error":"Couldn't authenticate you"}`,
		suncotest.ErrorText:     "Couldn't authenticate you\n",
		suncotest.ErrorEmpty:    "",
	} {
		w := newWorld(t, suncotest.Config{Behavior: suncotest.Behavior{RevokedShape: shape}})
		token := w.install("acme")
		dead := w.install("acme")
		require.NoError(t, w.p.Uninstall(w.appID("acme")))
		for _, presented := range []string{token, dead, "never"} {
			for _, at := range []string{tokenInfoURL, w.hooksURL(acmeURL, "acme")} {
				a := w.api(presented, http.MethodGet, at, "")
				assert.Equal(t, 401, a.Status)
				assert.Equal(t, "Bearer", a.Header.Get("WWW-Authenticate"))
				assert.Equal(t, want, a.Body)
			}
		}
	}
	w := newWorld(t, suncotest.Config{Behavior: suncotest.Behavior{RevokedStatus: 403, RevokedShape: suncotest.ErrorHTML}})
	token := w.install("acme")
	require.NoError(t, w.p.Uninstall(w.appID("acme")))
	a := w.api(token, http.MethodGet, tokenInfoURL, "")
	assert.Equal(t, 403, a.Status)
	assert.Contains(t, a.Body, "<h1>")
}

func TestTokenInfo(t *testing.T) {
	w := newWorld(t, suncotest.Config{Accounts: []suncotest.Account{
		{Subdomain: "acme", DisplayName: "Acme Shop", Metadata: map[string]any{"lang": "en"}}, {Legacy: suncotest.LegacyUS},
	}})
	token := w.install("acme")
	for _, path := range []string{"/v2/tokenInfo", "/v2/tokeninfo", "/V2/TOKENINFO"} {
		a := w.api(token, http.MethodGet, bridgeURL+path, "")
		require.Equal(t, 200, a.Status, path)
		assert.JSONEq(t, `{"app":{"id":"`+w.appID("acme")+`","displayName":"Acme Shop","subdomain":"acme",
			"metadata":{"lang":"en"},"settings":{"appLocalizationEnabled":true,"echoPostback":false,
			"maskCreditCardNumbers":true,"multiConvoEnabled":false,"useAnimalNames":false}}}`, a.Body)
	}
	// The long s folds to an s; nobody's server takes it for one.
	requireProblem(t, w.api(token, http.MethodGet, bridgeURL+"/v2/to%E2%84%AAenInfo", ""), 404)
	legacy := w.api(w.install("legacy-us"), http.MethodGet, tokenInfoURL, "")
	assert.NotContains(t, legacy.Body, "subdomain")

	w = newWorld(t, suncotest.Config{Behavior: suncotest.Behavior{NoSubdomain: true}})
	assert.NotContains(t, w.api(w.install("acme"), http.MethodGet, tokenInfoURL, "").Body, "subdomain")
}

func TestAuthorization(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	token := w.install("acme")
	for name, header := range map[string][]string{
		"none":      {},
		"empty":     {"Authorization", ""},
		"basic":     {"Authorization", "Basic " + token},
		"bare":      {"Authorization", token},
		"unknown":   {"Authorization", "Bearer x"},
		"longer":    {"Authorization", "Bearer " + token + "x"},
		"shorter":   {"Authorization", "Bearer " + token[:len(token)-1]},
		"two":       {"Authorization", "Bearer " + token, "Authorization", "Bearer " + token},
		"two words": {"Authorization", "Bearer  " + token},
	} {
		a := w.do(http.MethodGet, tokenInfoURL, "", header...)
		requireProblem(t, a, 401)
		assert.Equal(t, "Bearer", a.Header.Get("WWW-Authenticate"), name)
		assert.NotContains(t, a.Body, token)
	}
	assert.Equal(t, 200, w.do(http.MethodGet, tokenInfoURL, "", "Authorization", "bearer "+token).Status)
}
