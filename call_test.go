package sunco_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

const appURL = acmeBase + "/v2/apps/" + testAppID

// hostilePaths could be read as another path than they look like, by a server
// or by something on the way.
var hostilePaths = []string{
	"", "/", "//", "x", "x/y", "https://evil.example/", "//evil.example/x", "/x//y", "/x/", "/..", "/.", "/../x", "/x/..", "/x/../../y", "/x/./y", "/...//", "/%2e", "/%2E%2e", "/x/%2e%2e/y", "/.%2e", "/%2e.", "/%252e%252e", "/%25252e%25252e", "/%252E.", "/x%2fy", "/x%2Fy", "/x%252fy", "/..%2f..%2f", "/%2f",
	"/x\\y", "/..\\x", "/x%5cy", "/x%5Cy", "/%255c", "/x#f", "/x#", "/x?a#b", "/x%", "/x%2", "/x%zz", "/x%00", "/x\x00", "/x y", "/x\ty", "/x\ny", "/x\r\nHost: evil.example", "/ü", "/\xff", "/x\x7f", "/\u2025", "/．．", "/x?a b", "/x?a\nb", "/x?%zz", "/x?%", "?", "?x", "/?x", "#",
	"/%c0%ae%c0%ae", "/%c0%ae.", "/x%c0%afy", "/%e0%80%ae", "/%ff", "/..;/x", "/..;a=b", "/.;x", "/%2e%2e;x", "/..%3bx", "/x%0d%0aHost:%20evil", "/x%0a", "/x%7f", "/%25%32%65%25%32%65", "/" + strings.Repeat("a", 2048), "/x?" + strings.Repeat("a", 2048), "/..%00", "/x%09", "/..%252f%25", "/x%252fy%25", "/x%255c%25zz",
}

func TestDoHostilePaths(t *testing.T) {
	for _, path := range hostilePaths {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			err := newClient(silent(t)).Do(t.Context(), acme(), &sunco.Call{Method: method, Path: path})
			assert.Error(t, err, "%q", path)
			requireInput(t, "path", err)
		}
	}
}

func TestDoPaths(t *testing.T) {
	for path, want := range map[string]string{
		"/things": "/things", "/things/1/parts": "/things/1/parts", "/things?page[size]=2&page[after]=x": "/things?page[size]=2&page[after]=x", "/x?": "/x", "/x?a=/../b": "/x?a=/../b", "/x?a=%2e%2e%2f": "/x?a=%2e%2e%2f", "/x?a=?": "/x?a=?", "/x?a;b": "/x?a;b",
		"/users/a%20b": "/users/a%20b", "/users/%C3%BC": "/users/%C3%BC", "/users/a%3Fb": "/users/a%3Fb", "/users/a%23b": "/users/a%23b", "/users/a%25b": "/users/a%25b", "/users/a+b@c.d:e,f;g=h": "/users/a+b@c.d:e,f;g=h", "/...": "/...", "/.well-known": "/.well-known", "/a..b": "/a..b", "/x%41": "/x%41",
		"/~a!$&'()*": "/~a!$&'()*",
	} {
		w := always(200, "{}")
		require.NoError(t, newClient(w).Do(t.Context(), acme(), &sunco.Call{Path: path}), path)
		assert.Equal(t, []string{"GET " + appURL + want}, w.lines())
	}
	w := always(200, "{}")
	require.NoError(t, newClient(w).Do(t.Context(), acme(), &sunco.Call{Path: "/" + strings.Repeat("a", 2047)}))
}

func TestDoMethods(t *testing.T) {
	for _, method := range []string{"", "get", "OPTIONS", "TRACE", "CONNECT", "GET ", "GET\r\nX: y", "POST /x HTTP/1.1\r\n", "PROPFIND"} {
		requireInput(t, "method", newClient(silent(t)).Do(t.Context(), acme(), &sunco.Call{Method: method, Path: "/x"}))
	}
}

func TestDoBodies(t *testing.T) {
	type thing struct {
		Name string `json:"name"`
		HTML string `json:"html"`
	}
	for name, tc := range map[string]struct {
		body any
		want string
		kind string
	}{
		"none":      {nil, "", "application/json"},
		"struct":    {thing{"ü", "<&>"}, `{"name":"ü","html":"<&>"}`, "application/json"},
		"map":       {map[string]int{"a": 1}, `{"a":1}`, "application/json"},
		"raw":       {&sunco.Upload{ContentType: "text/csv; charset=utf-8", Length: 3, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("a,b")), nil }}, "a,b", "text/csv; charset=utf-8"},
		"encoded":   {json.RawMessage(`{"a":1}`), `{"a":1}`, "application/json"},
		"no length": {&sunco.Upload{ContentType: "text/csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("a,b")), nil }}, "a,b", "text/csv"},
	} {
		t.Run(name, func(t *testing.T) {
			w := always(201, `{"name":"made","Name":"no","extra":1}`)
			var out thing
			require.NoError(t, newClient(w).Do(t.Context(), acme(), &sunco.Call{Method: "POST", Path: "/things", Body: tc.body, Out: &out}))
			assert.Equal(t, thing{Name: "made"}, out)
			assert.Equal(t, tc.want, w.requests()[0].Body)
			assert.Equal(t, []string{tc.kind}, w.requests()[0].Header["Content-Type"])
			assert.Equal(t, []string{"application/json"}, w.requests()[0].Header["Accept"])
		})
	}
}

func TestDoBodiesRefused(t *testing.T) {
	open := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("x")), nil }
	for name, body := range map[string]any{
		"nil Body": (*sunco.Upload)(nil), "no Open": &sunco.Upload{ContentType: "a/b"}, "no content type": &sunco.Upload{Open: open}, "content type CR LF": &sunco.Upload{Open: open, ContentType: "a/b\r\nX: y"}, "content type umlaut": &sunco.Upload{Open: open, ContentType: "ä/b"},
		"negative": &sunco.Upload{Open: open, ContentType: "a/b", Length: -1}, "too long": &sunco.Upload{Open: open, ContentType: "a/b", Length: 50_000_001},
		"bytes": []byte(`{"a":1}`), "text": `{"a":1}`, "reader": strings.NewReader(`{"a":1}`), "no pointer": sunco.Upload{ContentType: "a/b", Open: open},
		"channel": make(chan int), "function": func() {}, "NaN": math.NaN(), "not UTF-8": []string{"\xff"}, "a Secret": struct{ S sunco.Secret }{sunco.NewSecret("whsec-very-secret")}, "an Installation": acme(),
	} {
		t.Run(name, func(t *testing.T) {
			err := newClient(silent(t)).Do(t.Context(), acme(), &sunco.Call{Method: "POST", Path: "/x", Body: body})
			requireInput(t, "body", err)
			assertPrintsNoSecret(t, name, err, "whsec-very-secret", testToken)
		})
	}
	requireInput(t, "do POST", newClient(silent(t)).Do(t.Context(), acme(), &sunco.Call{Method: "POST", Path: "/x", Body: []string{strings.Repeat("a", 100_000-3)}}))
	require.NoError(t, newClient(always(200, "{}")).Do(t.Context(), acme(), &sunco.Call{Method: "POST", Path: "/x", Body: []string{strings.Repeat("a", 100_000-4)}}))
}

func TestDoOuts(t *testing.T) {
	var nilStruct *struct{}
	var nilBuffer *bytes.Buffer
	for name, out := range map[string]any{"value": struct{}{}, "map": map[string]any{}, "nil pointer": nilStruct, "text": "x", "nil writer": nilBuffer} {
		t.Run(name, func(t *testing.T) {
			requireInput(t, "out", newClient(silent(t)).Do(t.Context(), acme(), &sunco.Call{Path: "/x", Out: out}))
		})
	}
	var buffer bytes.Buffer
	require.NoError(t, newClient(always(200, "<html>\x00")).Do(t.Context(), acme(), &sunco.Call{Path: "/x", Out: &buffer}))
	assert.Equal(t, "<html>\x00", buffer.String())
	require.NoError(t, newClient(always(200, "x")).Do(t.Context(), acme(), &sunco.Call{Path: "/x", Out: io.Discard}))
	var anything map[string]any
	require.NoError(t, newClient(always(200, `{"a":[1]}`)).Do(t.Context(), acme(), &sunco.Call{Path: "/x", Out: &anything}))
	assert.Equal(t, map[string]any{"a": []any{1.0}}, anything)
	require.ErrorIs(t, newClient(always(200, "<html>")).Do(t.Context(), acme(), &sunco.Call{Path: "/x"}), sunco.ErrBadReply)
}

// What went out of a writer is not taken back: no second attempt.
func TestDoWithoutAReplyBody(t *testing.T) {
	out := map[string]any{"left": "alone"}
	require.NoError(t, newClient(always(204, "")).Do(t.Context(), acme(), &sunco.Call{Method: "POST", Path: "/x", Out: &out}))
	require.NoError(t, newClient(always(200, "")).Do(t.Context(), acme(), &sunco.Call{Method: "HEAD", Path: "/x", Out: &out}))
	assert.Equal(t, map[string]any{"left": "alone"}, out)
	require.ErrorIs(t, newClient(always(200, "")).Do(t.Context(), acme(), &sunco.Call{Path: "/x", Out: &out}), sunco.ErrBadReply)
	_, err := newClient(always(204, "")).Exchange(t.Context(), sunco.NewSecret("code"))
	assert.True(t, ambiguous(err), "a typed call needs its reply")
}

func TestDoDoesNotWriteTwice(t *testing.T) {
	cut := errors.New("cut")
	w := &wire{answer: func(int, sentRequest) (*http.Response, error) {
		resp := response(200, "")
		resp.Body, resp.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader("begin"), failingReader{cut})), -1
		return resp, nil
	}}
	var buffer bytes.Buffer
	require.Error(t, newClient(w).Do(t.Context(), acme(), &sunco.Call{Path: "/x", Out: &buffer}))
	assert.Equal(t, "begin", buffer.String())
	assert.Equal(t, 1, w.count())
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

func TestDoUploadIsSentAgain(t *testing.T) {
	inBubble(t, "put", func(t *testing.T) {
		opened := 0
		body := &sunco.Upload{ContentType: "a/b", Length: 5, Open: func() (io.ReadCloser, error) {
			opened++
			return io.NopCloser(strings.NewReader("whole")), nil
		}}
		w := script(t, step{status: 500}, step{err: io.EOF}, step{status: 200, body: "{}"})
		require.NoError(t, newClient(w).Do(t.Context(), acme(), &sunco.Call{Method: "PUT", Path: "/x", Body: body}))
		assert.Equal(t, 3, opened)
		for _, r := range w.requests() {
			assert.Equal(t, "whole", r.Body)
		}
	})
	broken := errors.New("disk")
	body := &sunco.Upload{ContentType: "a/b", Open: func() (io.ReadCloser, error) { return nil, broken }}
	err := newClient(silent(t)).Do(t.Context(), acme(), &sunco.Call{Method: "POST", Path: "/x", Body: body})
	require.ErrorIs(t, err, broken)
	assert.False(t, ambiguous(err))
}

func TestDoDeleteGone(t *testing.T) {
	inBubble(t, "lost, then gone", func(t *testing.T) {
		w := script(t, step{err: io.EOF}, step{status: 404})
		require.NoError(t, newClient(w).Do(t.Context(), acme(), &sunco.Call{Method: "DELETE", Path: "/x/1"}))
	})
	require.ErrorIs(t, newClient(always(404, "")).Do(t.Context(), acme(), &sunco.Call{Method: "DELETE", Path: "/x/1"}), sunco.ErrNotFound)
}
