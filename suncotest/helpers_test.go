package suncotest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

const (
	bridgeURL    = "https://oauth-bridge.zendesk.com/sc"
	acmeURL      = "https://acme.zendesk.com/sc"
	tokenInfoURL = bridgeURL + "/v2/tokenInfo"
	jsonType     = "application/json"
	formType     = "application/x-www-form-urlencoded"
	hookTarget   = "https://partner.example/hooks"
	goodHook     = `{"target":"` + hookTarget + `","triggers":["conversation:message"]}`
)

// answer is a response that was read to its end.
type answer struct {
	Status int
	Header http.Header
	Body   string
	Proto  string
}

// world is a platform with a partner in it.
type world struct {
	*testing.T
	p      *suncotest.Platform
	client *http.Client
}

func newWorld(t *testing.T, cfg suncotest.Config) *world {
	t.Helper()
	p := suncotest.New(cfg)
	t.Cleanup(p.Close)
	client := p.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	p.Mount("partner.example", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return &world{T: t, p: p, client: client}
}

// try makes a request; header is name, value, name, value…
func (w *world) try(method, rawURL, body string, header ...string) (answer, error) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, rawURL, strings.NewReader(body))
	require.NoError(w, err)
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Add(header[i], header[i+1])
	}
	res, err := w.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(text), res.Proto}, err
}

func (w *world) do(method, rawURL, body string, header ...string) answer {
	w.Helper()
	a, err := w.try(method, rawURL, body, header...)
	require.NoError(w, err)
	return a
}

// api calls with a token and JSON.
func (w *world) api(token, method, rawURL, body string) answer {
	w.Helper()
	return w.do(method, rawURL, body, "Authorization", "Bearer "+token, "Content-Type", jsonType)
}

func authorizeURL(pairs ...string) string {
	q := url.Values{"client_id": {suncotest.DefaultClientID}, "response_type": {"code"}}
	for i := 0; i < len(pairs); i += 2 {
		q.Add(pairs[i], pairs[i+1])
	}
	return bridgeURL + "/oauth/authorize?" + q.Encode()
}

func (w *world) code(subdomain string) string {
	w.Helper()
	back, err := w.p.Allow(w.Context(), authorizeURL("state", "s"), subdomain)
	require.NoError(w, err)
	return back.Query().Get("code")
}

func tokenBody(code string) string {
	body, _ := json.Marshal(map[string]string{
		"grant_type": "authorization_code", "code": code,
		"client_id": suncotest.DefaultClientID, "client_secret": suncotest.DefaultClientSecret,
	})
	return string(body)
}

func (w *world) exchange(code string) answer {
	w.Helper()
	return w.do(http.MethodPost, bridgeURL+"/oauth/token", tokenBody(code), "Content-Type", jsonType)
}

// install returns a token for the customer.
func (w *world) install(subdomain string) string {
	w.Helper()
	a := w.exchange(w.code(subdomain))
	require.Equal(w, http.StatusOK, a.Status)
	return field(w.T, a.Body, "access_token")
}

// alive reports whether the bridge knows the token.
func (w *world) alive(token string) bool {
	w.Helper()
	return w.api(token, http.MethodGet, tokenInfoURL, "").Status == http.StatusOK
}

func (w *world) appID(subdomain string) string {
	w.Helper()
	for _, a := range w.p.Accounts() {
		if a.Subdomain == subdomain {
			return a.AppID
		}
	}
	require.Fail(w, "no such account")
	return ""
}

func (w *world) hooksURL(base, subdomain string) string {
	return base + "/v2/apps/" + w.appID(subdomain) + "/integrations/me/webhooks"
}

// field reads a member, or a member of a member with a dot, as a string.
func field(t *testing.T, body, path string) string {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal([]byte(body), &value))
	for name := range strings.SplitSeq(path, ".") {
		object, ok := value.(map[string]any)
		require.True(t, ok, "no object around the member")
		value = object[name]
	}
	s, _ := value.(string)
	return s
}

// requireProblem checks the shape of an error.
func requireProblem(t *testing.T, a answer, status int) {
	t.Helper()
	require.Equal(t, status, a.Status, a.Body)
	var body struct {
		Errors []struct{ Code, Title string }
	}
	require.NoError(t, json.Unmarshal([]byte(a.Body), &body))
	require.NotEmpty(t, body.Errors)
	require.NotEmpty(t, body.Errors[0].Code)
	require.NotEmpty(t, body.Errors[0].Title)
	require.NotEmpty(t, a.Header.Get("X-Request-Id"))
}

func get(t *testing.T, at string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
	require.NoError(t, err)
	return req
}
