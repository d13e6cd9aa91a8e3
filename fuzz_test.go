package sunco_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/internal/ident"
)

func FuzzParseCallback(f *testing.F) {
	for _, seed := range []string{
		"code=abc&state=s", "state=s&error=access_denied&error_description=no", "code=a&code=b&state=s",
		"code=a;state=s", "state=s&state=s&code=a", "%zz", "state=s&code=%0d", "&&=&state=s",
		"code=&state=s&error=",
	} {
		f.Add("GET", seed, "s")
	}
	f.Fuzz(func(t *testing.T, method, query, state string) {
		r := &http.Request{Method: method, URL: &url.URL{Path: "/cb", RawQuery: query}}
		code, err := sunco.ParseCallback(r, state)
		if err != nil {
			if !code.IsZero() {
				t.Fatal("a code beside an error")
			}
			if len(state) > 24 && len(state) < 200 { // longer than our own words
				assertPrintsNoSecret(t, "error", err, state)
			}
			return
		}
		values, _ := url.ParseQuery(query)
		said := func(name string) []string {
			return slices.DeleteFunc(values[name], func(value string) bool { return strings.TrimSpace(value) == "" })
		}
		states, codes := said("state"), said("code")
		if state == "" || (method != "GET" && method != "") || len(states) != 1 || states[0] != state ||
			len(codes) != 1 || len(said("error")) != 0 || !code.Equal(sunco.NewSecret(codes[0])) {
			t.Fatalf("accepted %q %q", method, query)
		}
	})
}

func FuzzTokenInfoReply(f *testing.F) {
	for _, seed := range []string{
		tokenInfoReply, `{"app":{"id":"a"}}`, `{"app":{"id":"a","id":"b"}}`,
		`{"app":{"id":"a","subdomain":"evil.example/"}}`, `{"error":"x","app":{"id":"a"}}`, `{"App":{"id":"a"}}`,
		`null`, `[]`, `<html>`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		w := always(200, string(body))
		in, err := newClient(w).Locate(t.Context(), &sunco.Installation{Token: acme().Token})
		if in == nil || !in.Token.AccessToken.Equal(acme().Token.AccessToken) {
			t.Fatal("the token is lost")
		}
		if w.count() != 1 {
			t.Fatalf("%d requests", w.count())
		}
		if err == nil {
			if !fuzzID(in.AppID) || !fuzzLabel(in.Subdomain) {
				t.Fatalf("accepted app %q at %q", in.AppID, in.Subdomain)
			}
			return
		}
		if !errors.Is(err, sunco.ErrBadReply) && !errors.Is(err, sunco.ErrNoRegion) &&
			!errors.As(err, new(*sunco.InputError)) {
			t.Fatalf("an error of another kind: %v", err)
		}
	})
}

func FuzzErrorReply(f *testing.F) {
	for _, seed := range []string{
		errorBody, `{"error":{"code":"x","description":"%s"}}`, `{"error":"%s","error_description":"%s"}`,
		`{"errors":[{"code":"%s","title":"a %s b"}]}`, `<html>%s</html>`, `%s`, `{"%s":1,"%s":2}`,
	} {
		f.Add(400, seed, "req-1")
		f.Add(401, seed, "%s")
	}
	f.Fuzz(func(t *testing.T, status int, body, requestID string) {
		if status < 300 || status > 499 || status == 408 || status == 425 || status == 429 {
			status = 403
		}
		for _, echoed := range []string{
			canaryToken, base64.StdEncoding.EncodeToString([]byte("x" + canaryToken)), url.QueryEscape(canaryToken),
			fmt.Sprintf("%x", canaryToken), quoteJSON(canaryToken),
		} {
			reply := strings.ReplaceAll(body, "%s", strings.Trim(quoteJSON(echoed), `"`))
			resp := response(status, reply)
			resp.Header["X-Request-Id"] = []string{strings.ReplaceAll(requestID, "%s", echoed)}
			w := &wire{answer: func(int, sentRequest) (*http.Response, error) { return resp, nil }}
			_, err := newClient(w).TokenInfo(t.Context(), canaryInstallation().Token)
			var failed *sunco.Error
			if !errors.As(err, &failed) || failed.Status != status {
				t.Fatalf("%v", err)
			}
			assertPrintsNoSecret(t, "error", err, canaryToken)
			if len(failed.Details) > 16 || len(failed.Title) > 300 ||
				len(failed.Code) > 64 || len(failed.RequestID) > 64 {
				t.Fatal("not bounded")
			}
			if strings.ContainsFunc(err.Error(), unicode.IsControl) {
				t.Fatalf("control characters: %q", err)
			}
		}
	})
}

// Whatever is answered, and with whatever status: an error has a code exactly
// when the answer is in one of the API's forms.
func FuzzRefusal(f *testing.F) {
	for _, body := range []string{
		"",
		"no",
		"\ufeff",
		"<html>",
		`"x"`,
		`[{"code":"x"}]`,
		`null`,
		errorBody,
		"\ufeff" + errorBody,
		`{"errors":["x"]}`,
		`{"errors":[{"code":404,"title":"x"}]}`, `{"errors":[{"title":"x"}],"error":"not_found"}`,
		`{"error":"No entry"}`,
		`{"error":{"code":404,"message":"x"}}`, `{"error":{"code":"x\ud83d"}}`,
		`{"error":" ","errors":[{"code":" "}]}`,
		`{"error":{"title":"No help desk","message":"x"}}`, `{"errors":[{"code":"a","code":null}]}`, `{"error":"a`,
	} {
		f.Add(404, []byte(body))
	}
	f.Add(200, []byte(`{"error":""}`))
	f.Add(101, []byte("{}"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status == http.StatusTooManyRequests {
			return // which is tried again, with real waits
		}
		err := do(t, always(status, string(body)), &sunco.Call{Method: "POST", Path: "/x"})
		if err == nil {
			if status/100 != 2 {
				t.Fatalf("%d is no success", status)
			}
			return
		}
		var failed *sunco.Error
		if !errors.As(err, &failed) {
			t.Fatalf("%T", err)
		}
		refused := status >= 300 && len(body) <= 64<<10
		if (failed.Code != "") != (refused && fuzzRefusal(body)) {
			t.Fatalf("code %q of %d %q", failed.Code, status, body)
		}
		if len(err.Error()) > 1200 || strings.ContainsFunc(err.Error(), unicode.IsControl) {
			t.Fatalf("%q", err)
		}
	})
}

// fuzzRefusal tells with encoding/json whether a body is an error of the API's.
func fuzzRefusal(body []byte) bool {
	body = bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\ufeff")))
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var top map[string]any
	if decoder.Decode(&top) != nil || len(bytes.TrimSpace(body[decoder.InputOffset():])) > 0 {
		return false
	}
	printable := func(value any) bool {
		said, _ := value.(string)
		return strings.ContainsFunc(said, func(r rune) bool { return unicode.IsPrint(r) && !unicode.IsSpace(r) })
	}
	if list, _ := top["errors"].([]any); len(list) > 0 {
		if first, _ := list[0].(map[string]any); first != nil {
			if _, number := first["code"].(json.Number); number || printable(first["code"]) {
				return true
			}
		}
	}
	switch single := top["error"].(type) {
	case map[string]any:
		return printable(single["code"])
	case string:
		return single != "" && strings.Trim(single, "abcdefghijklmnopqrstuvwxyz0123456789_.") == ""
	}
	return false
}

// A webhook is found by its target, in whatever form the platform writes it.
func FuzzTarget(f *testing.F) {
	for _, target := range []string{
		"https://h", "https://H/", "HTTPS://h:443/x?y", "http://h:80", "http://[2001:DB8::1%25en0]:8080/%2F",
		"https://h:/",
		"https://h?", "https://h/%zz", "https://h//x/../y", "https://%C3%9C/", "https://h:0443/",
	} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		canonical := ident.CanonicalURL(target)
		if again := ident.CanonicalURL(canonical); again != canonical {
			t.Fatalf("%q becomes %q and then %q", target, canonical, again)
		}
		want := wantedHook()
		want.Target = target
		if strings.ContainsFunc(canonical, unicode.IsControl) || !utf8.ValidString(canonical) {
			return // no platform writes it
		}
		s := newHookStore(hookJSON("w1", canonical, false, false, want.Triggers...))
		got, err := newClient(s).EnsureWebhook(t.Context(), acme(), want)
		if errors.As(err, new(*sunco.InputError)) {
			return
		}
		if err != nil || got.ID != "w1" || len(s.writes) > 0 {
			t.Fatalf("%q is not found as %q: %v", target, canonical, err)
		}
	})
}

// fuzzLabel and fuzzID are written anew, not to repeat a mistake.
func fuzzLabel(s string) bool {
	return s != "" && len(s) <= 63 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" &&
		s[0] != '-' && s[len(s)-1] != '-' && (len(s) < 4 || s[2:4] != "--") && s != "oauth-bridge"
}

func fuzzID(s string) bool {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return s != "" && len(s) <= 64 && strings.Trim(s, allowed) == ""
}

// Whatever a store or a reply says, what is sent goes to a host of the realm.
func FuzzHosts(f *testing.F) {
	for _, subdomain := range hostileSubdomains {
		f.Add(subdomain, "", "", testAppID)
	}
	f.Add("acme", "", "", testAppID)
	f.Add("acme", "localhost:80", "us", "../x")
	f.Add("", "", "eu", "a")
	f.Add("ACME", "Zendesk.com", "", "a")
	f.Fuzz(func(t *testing.T, subdomain, domain, region, id string) {
		in := &sunco.Installation{
			AppID: id, Subdomain: subdomain, LegacyRegion: sunco.LegacyRegion(region), Token: acme().Token,
		}
		realm := strings.ToLower(domain)
		if realm == "" {
			realm = "zendesk.com"
		}
		for _, op := range operations() {
			w := always(200, "{}")
			c := newClient(w)
			c.Domain = domain
			_ = op.run(t.Context(), c, in)
			for _, r := range w.requests() {
				u, err := url.Parse(r.URL)
				if err != nil {
					t.Fatal(err)
				}
				label, inRealm := strings.CutSuffix(u.Host, "."+realm)
				inRealm = inRealm && (fuzzLabel(label) || label == "oauth-bridge")
				legacy := realm == "zendesk.com" && (u.Host == "api.smooch.io" || u.Host == "api.eu-1.smooch.io")
				if !inRealm && !legacy || u.Host != r.Host || u.User != nil {
					t.Fatalf("sent to %q", r.URL)
				}
				if label == "oauth-bridge" && u.Path != "/sc/v2/tokenInfo" && u.Path != "/sc/oauth/token" {
					t.Fatalf("a customer's call at the bridge: %q", r.URL)
				}
				base := "/sc"
				if legacy {
					base = ""
				}
				if strings.HasPrefix(op.name, "do ") && u.EscapedPath() != base+"/v2/apps/"+id+"/things" {
					t.Fatalf("another path: %q", r.URL)
				}
			}
		}
	})
}

func FuzzDoPath(f *testing.F) {
	for _, path := range hostilePaths {
		f.Add(path)
	}
	for _, path := range []string{
		"/things?page[size]=2", "/users/a%20b", "/users/a%25b", "/a;b", "/..;", "/%252f%25",
	} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		w := always(200, "{}")
		if newClient(w).Do(t.Context(), acme(), &sunco.Call{Path: path}) != nil {
			if w.count() != 0 {
				t.Fatal("refused and sent")
			}
			return
		}
		sent := w.requests()[0]
		u, err := url.Parse(sent.URL)
		if err != nil || u.Host != "acme.zendesk.com" || sent.Host != u.Host || u.Fragment != "" {
			t.Fatalf("sent to %q", sent.URL)
		}
		below, found := strings.CutPrefix(u.EscapedPath(), "/sc/v2/apps/"+testAppID+"/")
		if !found {
			t.Fatalf("not below the app: %q", sent.URL)
		}
		given, _, _ := strings.Cut(path, "?")
		if strings.Count(below, "/")+1 != strings.Count(given, "/") {
			t.Fatalf("another number of segments: %q", sent.URL)
		}
		for decodings := range 4 {
			for _, segment := range strings.FieldsFunc(below, func(r rune) bool { return r == '/' || r == '\\' }) {
				if segment, _, _ = strings.Cut(segment, ";"); segment == "." || segment == ".." {
					t.Fatalf("a dot segment after %d decodings: %q", decodings, sent.URL)
				}
			}
			if strings.Count(below, "/")+1 != strings.Count(given, "/") || strings.ContainsAny(below, "\\\x00\r\n") {
				t.Fatalf("leads elsewhere after %d decodings: %q", decodings, sent.URL)
			}
			decoded, err := url.PathUnescape(below)
			if err != nil {
				break
			}
			below = decoded
		}
	})
}

func FuzzReadRemoval(f *testing.F) {
	for _, body := range badRemovals {
		f.Add([]byte(body))
	}
	f.Add([]byte(removalBody))
	f.Add([]byte(`{"integrationId":"B_2","x":[{}],"appId":"a-1"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest("POST", "/removed", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", "application/json")
		got, err := sunco.ReadRemoval(r)
		if (got == nil) == (err == nil) {
			t.Fatal("both or neither")
		}
		strict, once, repeated := strictRemoval(body)
		good := once && fuzzID(strict.AppID) && fuzzID(strict.IntegrationID)
		if err != nil {
			if !errors.As(err, new(*sunco.RequestError)) {
				t.Fatalf("%T", err)
			}
			if good && !repeated && len(body) <= 16<<10 {
				t.Fatalf("refused %q: %v", body, err)
			}
			return
		}
		if !good || *got != strict {
			t.Fatalf("accepted %q", body)
		}
	})
}
