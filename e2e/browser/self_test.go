package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestWatch shows pages with something wrong, to see that it is noticed.
func TestWatch(t *testing.T) {
	const strict = "default-src 'none'"
	p := prepare(t).person()
	for name, c := range map[string]struct{ policy, cookie, html, want string }{
		"nothing": {strict, "", "<h1>Fine</h1>", ""},
		"script":  {strict, "", "<h1>Bad</h1><script>1</script>", "ContentSecurityPolicy"},
		"style":   {strict, "", `<h1 style="color:red">Bad</h1>`, "console: error"},
		"form": {
			strict + "; form-action 'none'", "", `<h1>Bad</h1><form action="/x"><button>Go</button></form>`, "form-action",
		},
		"console":   {"", "", `<h1>Bad</h1><script>console.error("no")</script>`, "console: error"},
		"exception": {"", "", `<h1>Bad</h1><script>throw 1</script>`, "exception: Uncaught"},
		"image":     {"", "", `<h1>Bad</h1><img src="/missing" alt="">`, "/missing was answered 404"},
		"elsewhere": {"", "", `<h1>Bad</h1><img src="http://cdn.example/x" alt="">`, "something else was asked for"},
		"cookie":    {"", "__Host-x=1", "<h1>Bad</h1>", "a cookie was refused"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/missing":
				http.NotFound(w, r)
				return
			case "/favicon.ico":
				w.WriteHeader(http.StatusNoContent)
				return
			}
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Security-Policy", c.policy)
			if c.cookie != "" {
				w.Header().Set("Set-Cookie", c.cookie)
			}
			fmt.Fprint(w, `<!DOCTYPE html><html lang="en"><title>Page</title>`+c.html)
		}))
		x := p.tab()
		x.open(server.URL)
		if strings.Contains(c.html, "<form") {
			x.press("Go")
		}
		x.expectProblem(name, c.want)
		server.Close()
	}
}

// TestLeaks shows a page with the code and the state of its own address, to see that
// it is noticed.
func TestLeaks(t *testing.T) {
	code, state := strings.Repeat("c", 30), strings.Repeat("s", 30)
	p := prepare(t).person()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/favicon.ico" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `<!DOCTYPE html><html lang="en"><title>Page</title><h1>Bad</h1><!-- `+r.URL.Query().Get("echo")+` -->`)
	}))
	t.Cleanup(server.Close)
	x := p.tab()
	for _, echo := range []string{"nothing", code, state} {
		x.open(server.URL + "/?code=" + code + "&state=" + state + "&echo=" + echo)
		x.see(400, "Bad")
		found := leaks(x.watch.pages, p.secrets, x.watch.passing)
		if (len(found) > 0) != (echo != "nothing") {
			t.Errorf("with %s on the page: %q", echo, found)
		}
		x.watch.pages = nil // so that the test does not fail for it
	}
}

// expectProblem waits for a problem and forgives it. When none is wanted, the end of
// the test sees to that.
func (x *tab) expectProblem(name, want string) {
	x.t.Helper()
	if want == "" {
		return
	}
	x.patiently(fmt.Sprintf("%q, the problem of %s", want, name), func() bool {
		x.watch.mu.Lock()
		defer x.watch.mu.Unlock()
		return slices.ContainsFunc(x.watch.problems, func(p string) bool { return strings.Contains(p, want) })
	})
	x.watch.mu.Lock()
	defer x.watch.mu.Unlock()
	x.watch.muted = true
}

func TestFindSecret(t *testing.T) {
	secrets := map[string]bool{"s3cret/": true}
	for text, want := range map[string]string{
		"nothing here":       "",
		"Bearer s3cret/ x":   "Bearer SECRET x",
		"?t=s3cret%2F":       "?t=SECRET",
		"Basic czNjcmV0Lw==": "Basic SECRET",
		"x.czNjcmV0Lw.y":     "x.SECRET.y",
	} {
		if got := findSecret(text, secrets); got != want {
			t.Errorf("%q became %q, not %q", text, got, want)
		}
	}
}
