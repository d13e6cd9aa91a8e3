package suncotest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sunco-go/sunco/suncotest"
)

// Whatever is sent, the platform answers with a status of the client's fault or
// better, and errors of the API are the documented JSON.
func FuzzServeHTTP(f *testing.F) {
	f.Add("oauth-bridge.zendesk.com", "POST", "/sc/oauth/token", jsonType, tokenBody("x"))
	f.Add("oauth-bridge.zendesk.com", "GET", "/sc/oauth/authorize?client_id=shoplifter&response_type=code", "", "")
	f.Add("oauth-bridge.zendesk.com", "POST", "/sc/oauth/consent", formType, "nonce=1&decision=allow")
	f.Add("acme.zendesk.com", "POST", "/sc/v2/apps/a/integrations/me/webhooks", jsonType, goodHook)
	f.Add("[::1]:80", "PATCH", "/sc/v2/apps/a/integrations/me/webhooks/b", jsonType, `{"a":{"a":[1,{}]}}`)
	f.Add("nobody.zendesk.com", "GET", "/sc/v2/tokenInfo", "", "")
	f.Add("api.smooch.io", "DELETE", "/oauth/authorization", jsonType, "")
	p := suncotest.New(suncotest.Config{Behavior: suncotest.Behavior{NoProbe: true}})
	f.Cleanup(p.Close)
	f.Fuzz(func(t *testing.T, host, method, target, contentType, body string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Skip()
		}
		r := (&http.Request{
			Method: method, Host: host, URL: u, Header: http.Header{"Content-Type": {contentType}},
		}).WithContext(t.Context())
		r.Body = http.NoBody
		if body != "" {
			r.Body = httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)).Body
		}
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		if w.Code < 200 || w.Code > 499 {
			t.Fatalf("status %d", w.Code)
		}
		if w.Code >= 400 && strings.HasPrefix(w.Header().Get("Content-Type"), jsonType) {
			var reply struct {
				Errors []struct{ Code, Title string }
				Error  struct{ Title, Message string } // the front servers'
			}
			err := json.Unmarshal(w.Body.Bytes(), &reply)
			if err != nil || (len(reply.Errors) == 1) == (reply.Error.Title != "") {
				t.Fatalf("error body %q", w.Body)
			}
		}
	})
}
