package suncotest_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
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

func TestAuthorizeRefuses(t *testing.T) {
	w := newWorld(t, suncotest.Config{RedirectURIs: []string{"https://partner.example/back", "https://partner.example/two"}})
	base := bridgeURL + "/oauth/authorize?"
	good := "client_id=shoplifter&response_type=code"
	for name, tc := range map[string]struct {
		query  string
		status int
	}{
		"nothing":                {"", 400},
		"no client":              {"response_type=code", 400},
		"unknown client":         {"response_type=code&client_id=other", 404},
		"no response type":       {"client_id=shoplifter", 400},
		"implicit":               {"client_id=shoplifter&response_type=token", 400},
		"client twice":           {good + "&client_id=shoplifter", 400},
		"state twice":            {good + "&state=a&state=b", 400},
		"redirect twice":         {good + "&redirect_uri=https://partner.example/back&redirect_uri=x", 400},
		"long state":             {good + "&state=" + strings.Repeat("s", 4097), 400},
		"unregistered":           {good + "&redirect_uri=https://evil.example/back", 404},
		"longer than registered": {good + "&redirect_uri=https://partner.example/back/", 404},
		"other case":             {good + "&redirect_uri=https://partner.example/Back", 404},
		"broken escape":          {good + "&state=%zz", 400},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.do(http.MethodGet, base+tc.query, "")
			assert.Equal(t, tc.status, a.Status)
			assert.Empty(t, a.Header.Get("Location"))
			assert.Contains(t, a.Header.Get("Content-Type"), "text/html")
			assert.Equal(t, tc.status, w.do(http.MethodHead, base+tc.query, "").Status)
		})
	}
}

func TestAllowAndDeny(t *testing.T) {
	w := newWorld(t, suncotest.Config{
		RedirectURIs: []string{"https://partner.example/back?keep=1", "https://partner.example/two"},
		Behavior:     suncotest.Behavior{DenyDescription: "The customer said no"},
	})
	back, err := w.p.Allow(t.Context(), authorizeURL("state", "a b&c=d+é"), "acme")
	require.NoError(t, err)
	assert.Equal(t, "/back", back.Path)
	assert.Equal(t, "1", back.Query().Get("keep"))
	assert.Equal(t, "a b&c=d+é", back.Query().Get("state"))
	assert.Len(t, back.Query().Get("code"), 40)

	back, err = w.p.Allow(t.Context(), authorizeURL("redirect_uri", "https://partner.example/two"), "")
	require.NoError(t, err)
	assert.Equal(t, "/two", back.Path)
	assert.False(t, back.Query().Has("state"), "no state was sent")

	back, err = w.p.Deny(t.Context(), authorizeURL("state", "s"))
	require.NoError(t, err)
	assert.Equal(t, url.Values{
		"keep": {"1"}, "error": {"access_denied"}, "error_description": {"The customer said no"}, "state": {"s"},
	}, back.Query())

	_, err = w.p.Allow(t.Context(), authorizeURL("redirect_uri", "https://evil.example/"), "acme")
	require.EqualError(t, err, "suncotest: authorize answered 404")
	_, err = w.p.Allow(t.Context(), authorizeURL(), "nobody")
	require.EqualError(t, err, "suncotest: the consent page answered 400")
	_, err = w.p.Allow(t.Context(), authorizeURL("state", "canary-state")+"x\n", "acme")
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "canary-state")
	_, err = w.p.Allow(t.Context(), "https://nowhere.example/?state=canary-state", "acme")
	require.ErrorContains(t, err, "no such host")
	assert.NotContains(t, err.Error(), "canary-state")
}

func TestApproveSkipsThePage(t *testing.T) {
	w := newWorld(t, suncotest.Config{Approve: true, Accounts: []suncotest.Account{{Subdomain: "first"}, {Subdomain: "second"}}})
	back, err := w.p.Allow(t.Context(), authorizeURL("state", "s"), "")
	require.NoError(t, err)
	assert.Equal(t, "http://localhost/callback", back.Scheme+"://"+back.Host+back.Path)
	a := w.exchange(back.Query().Get("code"))
	require.Equal(t, http.StatusOK, a.Status)
	assert.Equal(t, "first", w.p.Installations()[0].Subdomain)
	_, err = w.p.Deny(t.Context(), authorizeURL())
	require.Error(t, err)
}

func TestRedirectURIWithoutRegistration(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	for uri, want := range map[string]int{
		"http://127.0.0.1:3000/cb":        200,
		"http://[::1]:3000/cb":            200,
		"http://localhost:1/":             200,
		"https://shop.localhost/cb":       200,
		"https://partner.example/cb":      200, // mounted
		"https://partner.example.evil/cb": 404,
		"https://zendesk.com/":            404,
		"ftp://127.0.0.1/":                404,
		"http://user@127.0.0.1/":          404,
		"http://127.0.0.1/#x":             404,
		"//127.0.0.1/":                    404,
	} {
		assert.Equal(t, want, w.do(http.MethodGet, authorizeURL("redirect_uri", uri), "").Status, uri)
	}
}

func TestConsentPage(t *testing.T) {
	w := newWorld(t, suncotest.Config{
		ClientID: "a<script>", RedirectURIs: []string{"https://partner.example:8443/back?x=1"},
		Accounts: []suncotest.Account{{Subdomain: "one", DisplayName: `<b>"One"`}, {Subdomain: "two"}, {Legacy: suncotest.LegacyEU}},
	})
	a := w.do(http.MethodGet, bridgeURL+"/oauth/authorize?response_type=code&client_id="+url.QueryEscape("a<script>")+"&state=canary-state", "")
	require.Equal(t, 200, a.Status)
	csp := a.Header.Get("Content-Security-Policy")
	assert.Contains(t, csp, "default-src 'none'")
	assert.Contains(t, csp, "form-action 'self' https://partner.example:8443;")
	assert.Contains(t, csp, "frame-ancestors 'none'")
	assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	for _, want := range []string{`value="one" checked`, `value="two"`, "api.eu-1.smooch.io", "two.zendesk.com", `value="allow"`, `value="deny"`, "width=device-width"} {
		assert.Contains(t, a.Body, want)
	}
	for _, never := range []string{"<script", "<b>", "canary-state", "src=", "href=", "sandbox-secret"} {
		assert.NotContains(t, a.Body, never)
	}
}

func TestConsentIsAnsweredOnce(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	open := func() string {
		_, rest, ok := strings.Cut(w.do(http.MethodGet, authorizeURL("state", "s"), "").Body, `name="nonce" value="`)
		require.True(t, ok)
		nonce, _, _ := strings.Cut(rest, `"`)
		return nonce
	}
	post := func(form string, header ...string) answer {
		return w.do(http.MethodPost, bridgeURL+"/oauth/consent", form, append(header, "Content-Type", formType)...)
	}
	nonce := open()
	assert.Equal(t, 302, post("decision=allow&account=acme&nonce="+nonce).Status)
	assert.Equal(t, 400, post("decision=allow&account=acme&nonce="+nonce).Status)
	assert.Equal(t, 400, post("decision=allow&account=acme").Status)
	assert.Equal(t, 400, post("decision=allow&account=acme&nonce=").Status)
	assert.Equal(t, 400, post("decision=maybe&account=acme&nonce="+open()).Status)
	assert.Equal(t, 400, post("decision=allow&decision=deny&account=acme&nonce="+open()).Status)
	assert.Equal(t, 400, post("%zz").Status)
	assert.Equal(t, 403, post("decision=allow&account=acme&nonce="+open(), "Sec-Fetch-Site", "cross-site").Status)
	assert.Equal(t, 415, w.do(http.MethodPost, bridgeURL+"/oauth/consent", "{}", "Content-Type", jsonType).Status)
	assert.Equal(t, 405, w.do(http.MethodGet, bridgeURL+"/oauth/consent", "").Status)
}

func TestConsentExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, suncotest.Config{})
		page := w.do(http.MethodGet, authorizeURL(), "").Body
		_, rest, _ := strings.Cut(page, `name="nonce" value="`)
		nonce, _, _ := strings.Cut(rest, `"`)
		time.Sleep(10 * time.Minute)
		a := w.do(http.MethodPost, bridgeURL+"/oauth/consent", "decision=deny&nonce="+nonce, "Content-Type", formType)
		assert.Equal(t, 400, a.Status)
	})
}

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
		"unknown member":  {jsonType, strings.Replace(tokenBody("CODE"), "{", `{"redirect_uri":"x",`, 1), 400},
		"trailing":        {jsonType, tokenBody("CODE") + "{}", 400},
		"truncated":       {jsonType, tokenBody("CODE")[:20], 400},
		"not UTF-8":       {jsonType, with("code", "\xff"), 400},
		"form twice":      {formType, form + "&code=CODE", 400},
		"form unknown":    {formType, form + "&scope=x", 400},
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
	a := w.do(http.MethodPost, bridgeURL+"/oauth/token?client_id=shoplifter", tokenBody("x"), "Content-Type", jsonType)
	requireProblem(t, a, 400)
	a = w.do(http.MethodPost, bridgeURL+"/oauth/token", strings.ReplaceAll(form, "CODE", w.code("acme")), "Content-Type", formType)
	assert.Equal(t, 200, a.Status)
	a = w.do(http.MethodPost, bridgeURL+"/oauth/token", tokenBody("x"), "Content-Type", jsonType, "Content-Encoding", "gzip")
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
		suncotest.ErrorsArray:  `{"errors":[{"code":"invalid_grant","title":"The code cannot be used"}]}`,
		suncotest.ErrorObject:  `{"error":{"code":"invalid_grant","description":"The code cannot be used"}}`,
		suncotest.ErrorRFC6749: `{"error":"invalid_grant","error_description":"The code cannot be used"}`,
		suncotest.ErrorHTML:    "<!DOCTYPE html><title>403</title><h1>The code cannot be used</h1>\n",
		suncotest.ErrorText:    "The code cannot be used\n",
		suncotest.ErrorEmpty:   "",
	} {
		w := newWorld(t, suncotest.Config{Behavior: suncotest.Behavior{TokenErrorShape: shape, TokenErrorStatus: 403}})
		a := w.exchange("unknown")
		assert.Equal(t, 403, a.Status)
		assert.Equal(t, want, a.Body)
	}
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
