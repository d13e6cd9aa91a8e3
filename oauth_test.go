package sunco_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

func TestAuthorizeURL(t *testing.T) {
	const base = "https://oauth-bridge.zendesk.com/sc/oauth/authorize?response_type=code"
	for name, tc := range map[string]struct {
		client *sunco.Client
		state  string
		want   string
	}{
		"least": {&sunco.Client{ClientID: "shoplifter"}, "", base + "&client_id=shoplifter"},
		"state": {&sunco.Client{ClientID: "shoplifter"}, "s-1", base + "&client_id=shoplifter&state=s-1"},
		"all": {
			&sunco.Client{ClientID: "a b", RedirectURI: "https://p.example/cb?x=1&y=2"}, "s",
			base + "&client_id=a+b&redirect_uri=https%3A%2F%2Fp.example%2Fcb%3Fx%3D1%26y%3D2&state=s",
		},
		"special": {
			&sunco.Client{ClientID: "a&b=c%20+#"}, "&code=x#%+ ü\r\n",
			base + "&client_id=a%26b%3Dc%2520%2B%23&state=%26code%3Dx%23%25%2B+%C3%BC%0D%0A",
		},
		"sandbox": {
			&sunco.Client{ClientID: "s", Domain: "localhost:8484"}, "",
			"http://oauth-bridge.localhost:8484/sc/oauth/authorize?response_type=code&client_id=s",
		},
		"staging": {
			&sunco.Client{ClientID: "s", Domain: "Zendesk-Staging.com"}, "",
			"https://oauth-bridge.zendesk-staging.com/sc/oauth/authorize?response_type=code&client_id=s",
		},
		"longest": {
			&sunco.Client{ClientID: "s"}, strings.Repeat("s", 4096),
			base + "&client_id=s&state=" + strings.Repeat("s", 4096),
		},
		"no host": {
			&sunco.Client{ClientID: "s", RedirectURI: "myapp:/cb"}, "",
			base + "&client_id=s&redirect_uri=myapp%3A%2Fcb",
		},
		"own scheme": {
			&sunco.Client{ClientID: "s", RedirectURI: "myapp://cb/x"}, "",
			base + "&client_id=s&redirect_uri=myapp%3A%2F%2Fcb%2Fx",
		},
		"no secret in": {
			&sunco.Client{ClientID: "s", ClientSecret: sunco.NewSecret("x")}, "", base + "&client_id=s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tc.client.AuthorizeURL(tc.state)
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
			parsed, err := url.Parse(got)
			require.NoError(t, err)
			values, err := url.ParseQuery(parsed.RawQuery)
			require.NoError(t, err)
			for name, value := range values {
				assert.Len(t, value, 1, name)
			}
			assert.Equal(t, tc.client.ClientID, values.Get("client_id"))
			assert.Equal(t, tc.client.RedirectURI, values.Get("redirect_uri"))
			assert.Equal(t, tc.state, values.Get("state"))
		})
	}
}

func TestAuthorizeURLRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		client *sunco.Client
		state  string
		about  string
	}{
		"no client id":      {&sunco.Client{}, "s", "client id"},
		"long client id":    {&sunco.Client{ClientID: strings.Repeat("c", 513)}, "s", "client id"},
		"client id newline": {&sunco.Client{ClientID: "a\nb"}, "s", "client id"},
		"client id umlaut":  {&sunco.Client{ClientID: "ä"}, "s", "client id"},
		"long state":        {&sunco.Client{ClientID: "s"}, strings.Repeat("s", 4097), "state"},
		"relative redirect": {&sunco.Client{ClientID: "s", RedirectURI: "/cb"}, "s", "redirect URI"},
		"fragment": {
			&sunco.Client{ClientID: "s", RedirectURI: "https://p.example/cb#f"}, "s", "redirect URI",
		},
		"empty fragment": {
			&sunco.Client{ClientID: "s", RedirectURI: "https://p.example/cb#"}, "s", "redirect URI",
		},
		"scheme only":    {&sunco.Client{ClientID: "s", RedirectURI: "myapp:"}, "s", "redirect URI"},
		"no host":        {&sunco.Client{ClientID: "s", RedirectURI: "https:///cb"}, "s", "redirect URI"},
		"no host, plain": {&sunco.Client{ClientID: "s", RedirectURI: "http:///cb"}, "s", "redirect URI"},
		"port only":      {&sunco.Client{ClientID: "s", RedirectURI: "https://:443/cb"}, "s", "redirect URI"},
		"opaque": {
			&sunco.Client{ClientID: "s", RedirectURI: "javascript:alert(1)"}, "s", "redirect URI",
		},
		"control characters": {
			&sunco.Client{ClientID: "s", RedirectURI: "https://p.example/\n"}, "s", "redirect URI",
		},
		"domain": {&sunco.Client{ClientID: "s", Domain: "evil.example/"}, "s", "domain"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tc.client.AuthorizeURL(tc.state)
			assert.Empty(t, got)
			requireInput(t, tc.about, err)
		})
	}
}

const (
	jsonExchange = `{"grant_type":"authorization_code","code":"c0de-5f8a2b7c1d",` +
		`"client_id":"shoplifter","client_secret":"client-s3cret"}`
	formExchange = `client_id=shoplifter&client_secret=client-s3cret&code=c0de-5f8a2b7c1d&grant_type=authorization_code`
)

func TestExchangeBodies(t *testing.T) {
	for name, tc := range map[string]struct {
		set               func(*sunco.Client)
		code              string
		contentType, body string
	}{
		"json": {nil, testCode, "application/json", jsonExchange},
		"form": {
			func(c *sunco.Client) { c.FormExchange = true }, testCode, "application/x-www-form-urlencoded",
			formExchange,
		},
		"redirect": {
			func(c *sunco.Client) { c.RedirectURI = "https://p.example/cb" }, testCode, "application/json",
			jsonExchange,
		},
		"special": {
			func(c *sunco.Client) { c.ClientSecret = sunco.NewSecret("<&>\"\\ü") }, `"+/`, "application/json",
			`{"grant_type":"authorization_code","code":"\"+/","client_id":"shoplifter","client_secret":"<&>\"\\ü"}`,
		},
		"special form": {
			func(c *sunco.Client) { c.FormExchange, c.ClientSecret = true, sunco.NewSecret("<&>=ü") },
			`a+/`, "application/x-www-form-urlencoded",
			"client_id=shoplifter&client_secret=%3C%26%3E%3D%C3%BC&code=a%2B%2F&grant_type=authorization_code",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := always(http.StatusOK, tokenReply)
			c := newClient(w)
			if tc.set != nil {
				tc.set(c)
			}
			token, err := c.Exchange(t.Context(), sunco.NewSecret(tc.code))
			require.NoError(t, err)
			assertSecret(t, testToken, token.AccessToken)
			require.Equal(t, 1, w.count())
			sent := w.requests()[0]
			assert.Equal(t, "POST https://oauth-bridge.zendesk.com/sc/oauth/token", sent.line())
			assert.Equal(t, digest(tc.body), digest(sent.Body), "byte for byte, and without redirect_uri")
			assert.Equal(t, []string{tc.contentType}, sent.Header["Content-Type"])
			assert.Empty(t, sent.Header["Authorization"])
		})
	}
}

func TestExchangeRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		set   func(*sunco.Client)
		code  string
		about string
	}{
		"no client id": {func(c *sunco.Client) { c.ClientID = "" }, testCode, "client id"},
		"no client secret": {
			func(c *sunco.Client) { c.ClientSecret = sunco.Secret{} }, testCode, "client secret",
		},
		"empty client secret": {
			func(c *sunco.Client) { c.ClientSecret = sunco.NewSecret("") }, testCode, "client secret",
		},
		"secret not UTF-8": {
			func(c *sunco.Client) { c.ClientSecret = sunco.NewSecret("abc\xffdef") }, testCode, "client secret",
		},
		"huge secret": {
			func(c *sunco.Client) { c.ClientSecret = sunco.NewSecret(strings.Repeat("s", 100_000)) }, testCode,
			"body",
		},
		"no code":        {nil, "", "code"},
		"long code":      {nil, strings.Repeat("c", 4097), "code"},
		"code newline":   {nil, "a\nb", "code"},
		"code umlaut":    {nil, "ä", "code"},
		"code not UTF-8": {nil, "\xff", "code"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(silent(t))
			if tc.set != nil {
				tc.set(c)
			}
			token, err := c.Exchange(t.Context(), sunco.NewSecret(tc.code))
			assert.True(t, token.AccessToken.IsZero())
			requireInput(t, tc.about, err)
		})
	}
}

// Whatever may have spent the code is said to have, and is not repeated.
func TestExchangeSpendsACodeOnce(t *testing.T) {
	lost := step{err: errors.New("no answer")}
	for name, s := range map[string]step{
		"lost":                 lost,
		"500":                  {status: 500},
		"502 HTML":             {status: 502, body: "<html>"},
		"503 with Retry-After": {status: 503, header: []string{"Retry-After", "1"}},
		"504":                  {status: 504},
		"empty":                {status: 200},
		"HTML":                 {status: 200, body: "<html></html>"},
		"not JSON":             {status: 200, body: "ok"},
		"array":                {status: 200, body: "[]"},
		"null":                 {status: 200, body: "null"},
		"no token":             {status: 200, body: `{"token_type":"Bearer"}`},
		"empty token":          {status: 200, body: `{"access_token":""}`},
		"null token":           {status: 200, body: `{"access_token":null}`},
		"number":               {status: 200, body: `{"access_token":1}`},
		"other case":           {status: 200, body: `{"Access_Token":"abc"}`},
		"upper case":           {status: 200, body: `{"ACCESS_TOKEN":"abc"}`},
		"Kelvin sign":          {status: 200, body: "{\"access_to\u212Aen\":\"abc\"}"},
		"twice":                {status: 200, body: `{"access_token":"abc","access_token":"def"}`},
		"twice, escaped":       {status: 200, body: `{"access_token":"abc","access\u005ftoken":"def"}`},
		"trailing":             {status: 200, body: `{"access_token":"abc"} {}`},
		"trailing comma":       {status: 200, body: `{"access_token":"abc",}`},
		"truncated":            {status: 200, body: `{"access_token":"abc"`},
		"error inside":         {status: 200, body: `{"access_token":"abc","error":"server_error"}`},
		"errors inside":        {status: 200, body: `{"access_token":"abc","errors":[{"code":"x"}]}`},
		"escaped error":        {status: 200, body: `{"access_token":"abc","\u0065rror":"server_error"}`},
		"201 and error":        {status: 201, body: `{"error":{"code":"x"}}`},
		"newline in token":     {status: 200, body: `{"access_token":"abc\ndef"}`},
		"control":              {status: 200, body: `{"access_token":"abc\u0000"}`},
		"space":                {status: 200, body: `{"access_token":"ab cd"}`},
		"not ASCII":            {status: 200, body: `{"access_token":"abcü"}`},
		"long token":           {status: 200, body: `{"access_token":"` + strings.Repeat("a", 8<<10+1) + `"}`},
		"other type":           {status: 200, body: `{"access_token":"abc","token_type":"mac"}`},
		"too long":             {status: 200, body: `{"access_token":"abc","x":"` + strings.Repeat("a", 64<<10) + `"}`},
		"invalid UTF-8":        {status: 200, body: "{\"access_token\":\"abc\xff\"}"},
		"204":                  {status: 204},
		"202":                  {status: 202, body: "{}"},
	} {
		for kind, form := range map[string]bool{"json": false, "form": true} {
			inBubble(t, name+"/"+kind, func(t *testing.T) {
				w := script(t, s)
				c := newClient(w)
				c.FormExchange = form
				token, err := c.Exchange(t.Context(), sunco.NewSecret(testCode))
				assert.True(t, token.AccessToken.IsZero())
				var unknown *sunco.AmbiguousError
				require.ErrorAs(t, err, &unknown)
				assert.Equal(t, "exchange", unknown.Op)
				assert.ErrorContains(t, err, "connect again")
				assert.Equal(t, 1, w.count())
				assert.Equal(t, s.status, requireError(t, err).Status)
				assert.Equal(t, s.status/100 == 2, errors.Is(err, sunco.ErrBadReply))
			})
		}
	}
}

func TestExchangeAccepts(t *testing.T) {
	for name, s := range map[string]step{
		"as documented":          {status: 200, body: tokenReply},
		"no type":                {status: 200, body: `{"access_token":"` + testToken + `"}`},
		"other case of the type": {status: 200, body: `{"access_token":"` + testToken + `","token_type":"bEARER"}`},
		"unknown members": {
			status: 200,
			body:   `{"access_token":"` + testToken + `","scope":"x","n":{"a":[1]},"Access_Token":"other"}`,
		},
		"201": {status: 201, body: tokenReply},
		"twice, deep": {
			status: 200, body: `{"access_token":"` + testToken + `","x":{"y":[{"a":1,"a":1}]}}`,
		},
		"half an emoji":  {status: 200, body: `{"access_token":"` + testToken + `","x\ud83e":"\ud83e"}`},
		"type no string": {status: 200, body: `{"access_token":"` + testToken + `","token_type":1}`},
		"null error":     {status: 200, body: `{"access_token":"` + testToken + `","error":null}`},
		"empty error": {
			status: 200, body: `{"access_token":"` + testToken + `","error":"","error_description":""}`,
		},
		"blank error": {status: 200, body: `{"access_token":"` + testToken + `","error":" "}`},
		"false error": {
			status: 200, body: `{"access_token":"` + testToken + `","error":false,"errors":0}`,
		},
		"empty errors": {
			status: 200, body: `{"access_token":"` + testToken + `","error":{},"errors":[]}`,
		},
		"white space":    {status: 200, body: " \r\n" + tokenReply + "\n"},
		"errors as text": {status: 200, body: `{"access_token":"` + testToken + `","note":"no \"error\" at all"}`},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := newClient(script(t, s)).Exchange(t.Context(), sunco.NewSecret(testCode))
			require.NoError(t, err)
			assertSecret(t, testToken, token.AccessToken)
		})
	}
}

func TestExchangeTriesAgainWhatWasNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
		w := script(
			t, step{err: refused}, step{status: 429, header: []string{"Retry-After", "3"}},
			step{status: 200, body: tokenReply},
		)
		began := time.Now()
		token, err := newClient(w).Exchange(t.Context(), sunco.NewSecret(testCode))
		require.NoError(t, err)
		assertSecret(t, testToken, token.AccessToken)
		assert.GreaterOrEqual(t, time.Since(began), 3*time.Second)
		for _, r := range w.requests() {
			assert.Equal(t, digest(jsonExchange), digest(r.Body), "every attempt carries the whole body")
		}
	})
}

func TestExchangeRefusedByZendesk(t *testing.T) {
	const spent = `{"error":"invalid_grant","error_description":"The code is spent."}`
	for status, body := range map[int]string{400: spent, 401: "", 403: "<html>", 301: "", 404: "no"} {
		w := script(t, step{status: status, body: body})
		_, err := newClient(w).Exchange(t.Context(), sunco.NewSecret(testCode))
		failed := requireError(t, err)
		assert.Equal(t, status, failed.Status)
		assert.False(t, ambiguous(err), "%d settles it", status)
		if status == 400 {
			assert.Equal(t, "invalid_grant", failed.Code)
			assert.Equal(t, "The code is spent.", failed.Title)
		}
	}
}

func TestParseCallback(t *testing.T) {
	const state, denied = "st4te-0123456789", "error=access_denied"
	longest := strings.Repeat("c", 4096)
	var outside *sunco.RequestError
	var refused *sunco.AuthorizationError
	for name, tc := range map[string]struct {
		query string
		code  string // success
		want  any    // or a sentinel, or a kind of error
	}{
		"code":                      {"code=abc&state=" + state, "abc", nil},
		"unknown parameters":        {"x=1&x=2&code=abc&state=" + state + "&iss=y", "abc", nil},
		"escaped":                   {"state=" + state + "&code=a%2Bb%2Fc%3D", "a+b/c=", nil},
		"longest":                   {"state=" + state + "&code=" + longest, longest, nil},
		"description without error": {"state=" + state + "&code=abc&error_description=x", "abc", nil},

		// What says nothing, or cannot be read, is not there.
		"empty error, code":        {"error=&code=abc&state=" + state, "abc", nil},
		"blank error, code":        {"error=+%09&code=abc&state=" + state, "abc", nil},
		"error without =, code":    {"error&code=abc&state=" + state, "abc", nil},
		"unreadable error, code":   {"error=%zz&code=abc&state=" + state, "abc", nil},
		"empty description, code":  {"error_description=&code=abc&state=" + state, "abc", nil},
		"empty code beside a code": {"code=&code=abc&state=" + state, "abc", nil},
		"empty state beside one":   {"state=&code=abc&state=" + state, "abc", nil},
		"cut escape behind":        {"code=abc&state=" + state + "&x=%2", "abc", nil},
		"semicolon behind":         {"code=abc&state=" + state + "&x=a;b", "abc", nil},
		"error, empty code":        {"error=access_denied&code=&state=" + state, "", sunco.ErrAccessDenied},
		"half emoji":               {denied + "&error_description=%ED%A0%BD&state=" + state, "", sunco.ErrAccessDenied},
		"half emoji of JavaScript": {denied + "&error_description=%uD83D&state=" + state, "", sunco.ErrAccessDenied},
		"description twice": {denied + "&error_description=&error_description=x&state=" + state, "",
			sunco.ErrAccessDenied},
		"two empty codes":        {"code=&code=&state=" + state, "", &outside},
		"blank code":             {"code=+&state=" + state, "", &outside},
		"empty error":            {"error=&state=" + state, "", &outside},
		"semicolon":              {"code=abc;x&state=" + state, "", &outside},
		"semicolon before state": {"code=abc;state=" + state, "", sunco.ErrStateMismatch},

		"no state":             {"code=abc", "", sunco.ErrStateMismatch},
		"empty state":          {"code=abc&state=", "", sunco.ErrStateMismatch},
		"wrong state":          {"code=abc&state=st4te-0123456780", "", sunco.ErrStateMismatch},
		"prefix":               {"code=abc&state=st4te", "", sunco.ErrStateMismatch},
		"longer":               {"code=abc&state=" + state + "x", "", sunco.ErrStateMismatch},
		"other case":           {"code=abc&state=ST4TE-0123456789", "", sunco.ErrStateMismatch},
		"name in another case": {"code=abc&State=" + state, "", sunco.ErrStateMismatch},
		"state twice":          {"code=abc&state=" + state + "&state=" + state, "", sunco.ErrStateMismatch},
		"state before error":   {"error=access_denied&state=no", "", sunco.ErrStateMismatch},
		"state before both":    {"error=access_denied&code=abc&state=no", "", sunco.ErrStateMismatch},
		"state before nothing": {"", "", sunco.ErrStateMismatch},
		"state before repeats": {"code=a&code=b&state=no", "", sunco.ErrStateMismatch},

		"denied":         {"error=access_denied&state=" + state, "", sunco.ErrAccessDenied},
		"another error":  {"error=server_error&state=" + state, "", &refused},
		"strange error":  {"error=%3Cscript%3E&state=" + state, "", &refused},
		"error and code": {"error=access_denied&code=abc&state=" + state, "", &outside},
		"error twice":    {"error=access_denied&error=x&state=" + state, "", &outside},
		"code twice":     {"code=abc&code=abc&state=" + state, "", &outside},
		"no code":        {"state=" + state, "", &outside},
		"empty code":     {"code=&state=" + state, "", &outside},
		"Code":           {"Code=abc&state=" + state, "", &outside},
		"long code":      {"code=" + strings.Repeat("c", 4097) + "&state=" + state, "", &outside},
		"code newline":   {"code=a%0d%0ab&state=" + state, "", &outside},
		"code umlaut":    {"code=%C3%BC&state=" + state, "", &outside},
		"bad escape":     {"code=%zz&state=" + state, "", &outside},
		"oversize":       {"code=abc&state=" + state + "&x=" + strings.Repeat("x", 16<<10), "", &outside},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "https://partner.example/cb", nil)
			r.URL.RawQuery = tc.query
			r.Host = "evil.example"
			code, err := sunco.ParseCallback(r, state)
			assertSecret(t, tc.code, code)
			switch want := tc.want.(type) {
			case nil:
				require.NoError(t, err)
			case error:
				require.ErrorIs(t, err, want)
			default:
				require.ErrorAs(t, err, want)
			}
			if errors.As(err, &outside) {
				assert.Equal(t, http.StatusBadRequest, outside.Status)
			}
			if err != nil {
				assertNoSecret(t, "error", err.Error(), state)
				assert.NotContains(t, err.Error(), "script")
			}
		})
	}
}

// What is wrong with a callback, in words.
func TestParseCallbackReasons(t *testing.T) {
	for query, reason := range map[string]string{
		"error=a&error=b":                  "a parameter is repeated",
		"code=a&code=b":                    "a parameter is repeated",
		"code=a&error=b":                   "both a code and an error",
		"code=":                            "neither a code nor an error",
		"x=" + strings.Repeat("x", 16<<10): "the query is longer than 16 KiB",
	} {
		_, err := sunco.ParseCallback(httptest.NewRequest("GET", "/cb?state=s&"+query, nil), "s")
		assert.EqualError(t, err, "sunco: callback: "+reason)
	}
}

func TestParseCallbackMethods(t *testing.T) {
	for _, method := range []string{"HEAD", "POST", "PUT", "OPTIONS", "get", "DELETE", "PATCH"} {
		r := httptest.NewRequest(http.MethodGet, "/cb?code=abc&state=state", nil)
		r.Method = method
		code, err := sunco.ParseCallback(r, "state")
		requireRequestError(t, "callback", err)
		assert.True(t, code.IsZero(), "a prefetcher must not get a code")
	}
}

func TestParseCallbackEmptyState(t *testing.T) {
	for _, query := range []string{"code=abc", "code=abc&state=", "code=abc&state=x"} {
		code, err := sunco.ParseCallback(httptest.NewRequest("GET", "/cb?"+query, nil), "")
		require.ErrorIs(t, err, sunco.ErrStateMismatch, "an empty state matches nothing")
		assert.True(t, code.IsZero())
	}
	long := strings.Repeat("s", 4097)
	_, err := sunco.ParseCallback(httptest.NewRequest("GET", "/cb?code=abc&state="+long, nil), long)
	require.ErrorIs(t, err, sunco.ErrStateMismatch)
}

func TestAuthorizationError(t *testing.T) {
	description := url.QueryEscape("Try\x00 again\nlater " + strings.Repeat("x", 300) + " ü")
	r := httptest.NewRequest("GET", "/cb?state=state-secret&error=server_error&error_description="+description, nil)
	_, err := sunco.ParseCallback(r, "state-secret")
	var refused *sunco.AuthorizationError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "server_error", refused.Code)
	assert.Equal(t, "Try again later … ü", refused.Description)
	assert.Equal(t, "sunco: authorize: server_error", err.Error(), "a browser delivered the description")
	assert.NotErrorIs(t, err, sunco.ErrAccessDenied)

	const halves = "/cb?state=s&error=access_denied&error_description=&error_description=no%ED%A0%BD%ff"
	r = httptest.NewRequest("GET", halves, nil)
	_, err = sunco.ParseCallback(r, "s")
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "no\uFFFD", refused.Description)

	for _, query := range []string{
		"error=x&error_description=about+state-secret", "error=state-secret",
		"error=x&error_description=c3RhdGUtc2VjcmV0",
	} {
		_, err = sunco.ParseCallback(httptest.NewRequest("GET", "/cb?state=state-secret&"+query, nil), "state-secret")
		require.ErrorAs(t, err, &refused)
		assertPrintsNoSecret(t, query, err, "state-secret")
	}
}
