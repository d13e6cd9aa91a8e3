package spec_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sunco-go/sunco/e2e/spec"
	"github.com/sunco-go/sunco/suncotest"
)

// request is one of an integration, with its token where one belongs.
func request(t *testing.T, method, target, contentType, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	if !strings.Contains(target, "/oauth/token") && !strings.Contains(target, "/oauth/authorize") {
		r.Header.Set("Authorization", "Bearer e30.e30.x")
	}
	return r
}

func reply(status int, contentType string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {contentType}}}
}

// TestWrongRequests breaks right requests in one place each.
func TestWrongRequests(t *testing.T) {
	d := load(t)
	for _, right := range rightRequests() {

		r := request(t, right.method, right.target, right.contentType, right.body)
		if errs := d.CheckRequest(r, []byte(right.body)); len(errs) > 0 {
			t.Errorf("%s %s is right, and was said to be wrong: %v", right.method, right.target, errs)
		}
		for from, to := range right.breaks {
			target, body := right.target, strings.Replace(right.body, from, to, 1)
			if body == right.body {
				target = strings.Replace(right.target, from, to, 1)
			}
			if body == right.body && target == right.target {
				t.Fatalf("%q breaks nothing", from)
			}
			r := request(t, right.method, target, right.contentType, body)
			if errs := d.CheckRequest(r, []byte(body)); len(errs) == 0 {
				t.Errorf("%s %s with %q for %q passes", right.method, right.target, to, from)
			}
		}
	}
}

// TestWrongReplies breaks right replies in one place each.
func TestWrongReplies(t *testing.T) {
	d := load(t)
	for _, right := range rightReplies() {

		r := request(t, right.method, right.target, asJSON, "")
		if errs := d.CheckReply(r, reply(right.status, asJSON), []byte(right.body)); len(errs) > 0 {
			t.Errorf("%s %s %s is right, and was said to be wrong: %v", right.method, right.target, right.body, errs)
		}
		if errs := d.CheckReply(r, reply(right.status, "text/html"), []byte(right.body)); len(errs) == 0 {
			t.Errorf("%s %s passes with another type", right.method, right.target)
		}
		for from, to := range right.breaks {
			body := strings.Replace(right.body, from, to, 1)
			if body == right.body {
				t.Fatalf("%q breaks nothing", from)
			}
			if errs := d.CheckReply(r, reply(right.status, asJSON), []byte(body)); len(errs) == 0 {
				t.Errorf("%s %s %d with %q for %q passes", right.method, right.target, right.status, to, from)
			}
		}
	}
}

// TestWrongStatus gives right bodies with statuses that are not documented.
func TestWrongStatus(t *testing.T) {
	d := load(t)
	for _, with := range []struct {
		method, target string
		status         int
		body           string
	}{
		{"POST", hooks, 200, rightWebhook},
		{"GET", hooks + "/0123", 201, rightWebhook},
		{"DELETE", hooks + "/0123", 204, ""},
		{"POST", atBridge + "/oauth/token", 201, rightToken},
		{"GET", atBridge + "/v2/tokenInfo", 302, rightApp},
		{"GET", atTenant + "/v2/nothing", 200, "{}"},
		{"GET", atTenant + "/v2/apps/0123/integrations", 200, `{"integrations":[]}`}, // not for an integration
		{"GET", atBridge + "/oauth/authorize", 200, "{}"},
		{"GET", atBridge + "/oauth/authorize", 303, ""},
		{"GET", atBridge + "/oauth/authorize", 404, rightError},
	} {
		r := request(t, with.method, with.target, asJSON, "")
		if errs := d.CheckReply(r, reply(with.status, asJSON), []byte(with.body)); len(errs) == 0 {
			t.Errorf("%s %s %d passes", with.method, with.target, with.status)
		}
	}
}

// TestWrongRedirects breaks the way back from authorize.
func TestWrongRedirects(t *testing.T) {
	d := load(t)
	r := request(t, "GET", atBridge+"/oauth/authorize?client_id=i&response_type=code&state=s", asJSON, "")
	for location, right := range map[string]bool{
		"https://bot.example/?code=c&state=s":                     true,
		"https://bot.example/?error=access_denied&state=s":        true,
		"https://bot.example/?code=c":                             false,
		"https://bot.example/?code=c&state=t":                     false,
		"https://bot.example/?code=c&state=s&state=s":             false,
		"https://bot.example/?state=s":                            false,
		"https://bot.example/?code=c&error=access_denied&state=s": false,
		"/callback?code=c&state=s":                                false,
		"":                                                        false,
	} {
		res := &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {location}}}
		if errs := d.CheckReply(r, res, nil); (len(errs) == 0) != right {
			t.Errorf("redirect to %q: %v", location, errs)
		}
	}
}

// TestWrongHeaders checks types, credentials and strangers among the headers.
func TestWrongHeaders(t *testing.T) {
	d := load(t)
	for name, with := range map[string]struct {
		target, header, value string
	}{
		"no type":           {hooks, "Content-Type", ""},
		"another type":      {hooks, "Content-Type", "text/plain"},
		"form for JSON":     {hooks, "Content-Type", asForm},
		"no token":          {hooks, "Authorization", ""},
		"no token, bridge":  {atBridge + "/v2/tokenInfo", "Authorization", ""},
		"basic":             {hooks, "Authorization", "Basic YTpi"},
		"two tokens in one": {hooks, "Authorization", "Bearer e30.e30.x, Bearer e30.e30.x"},
		"opaque token":      {hooks, "Authorization", "Bearer abc"},
		"token for exchange": {
			atBridge + "/oauth/authorize?client_id=i&response_type=code", "Authorization", "Bearer e30.e30.x",
		},
	} {
		r := request(t, "GET", with.target, asJSON, "")
		r.Header.Set(with.header, with.value)
		if with.value == "" {
			r.Header.Del(with.header)
		}
		if errs := d.CheckRequest(r, nil); len(errs) == 0 {
			t.Errorf("%s passes", name)
		}
	}
	if len(spec.CheckHeaders(http.Header{"X-Api-Key": {"x"}})) == 0 {
		t.Error("an unknown header passes")
	}
	r := request(t, "GET", hooks, asJSON, "")
	r.Host = "other.zendesk.com"
	if len(d.CheckRequest(r, nil)) == 0 || len(d.CheckRequest(request(t, "GET", hooks, asJSON, "{}"), []byte("{}"))) == 0 {
		t.Error("another Host, or a body on a GET, passes")
	}
}

// TestRecorderTells breaks a reply of the fake on its way through the recorder.
func TestRecorderTells(t *testing.T) {
	p := suncotest.New(suncotest.Config{})
	t.Cleanup(p.Close)
	rec := &spec.Recorder{Base: p.Transport(), Description: load(t)}
	p.Inject(suncotest.Fault{Handle: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		kept := httptest.NewRecorder()
		next.ServeHTTP(kept, r)
		suncotest.Reply(kept.Code, asJSON, strings.Replace(kept.Body.String(), "title", "text", 1))(w, r, nil)
	}})
	r := request(t, "GET", atBridge+"/v2/tokenInfo", asJSON, "")
	r.Header.Set("X-Unknown", "x")
	res, err := rec.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	const want = 3 // the header, and an error without title and with a text
	if got := rec.Violations(); len(got) != want {
		t.Errorf("%d violations, want %d: %v", len(got), want, got)
	}
}

// TestWrongPayloads breaks the payload of an event in one place each.
func TestWrongPayloads(t *testing.T) {
	d := load(t)
	const trigger = "conversation:message"
	right := `{"conversation":{"id":"0","type":"personal"},"message":{"id":"1","author":{"type":"user","userId":"2"},` +
		`"content":{"type":"text","text":"Tea?"},"source":{"type":"web"}}}`
	if errs := d.CheckPayload(trigger, decode(t, []byte(right))); len(errs) > 0 {
		t.Errorf("is right, and was said to be wrong: %v", errs)
	}
	for from, to := range map[string]string{
		`"personal"`: `"group"`, `"id":"1"`: `"id":1`, `"userId"`: `"user_id"`, `"type":"user",`: "",
		`"text":"Tea?"`: `"uri":"x"`,
		`"message"`:     `"messages"`, `"source":{"type":"web"}`: `"source":{}`, `"type":"text"`: `"type":"tea"`,
	} {
		if errs := d.CheckPayload(trigger, decode(t, []byte(strings.Replace(right, from, to, 1)))); len(errs) == 0 {
			t.Errorf("%q for %q passes", to, from)
		}
	}
}
