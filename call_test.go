package sunco_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

const appURL = acmeBase + "/v2/apps/" + testAppID

func do(t *testing.T, w http.RoundTripper, call *sunco.Call) error {
	return newClient(w).Do(t.Context(), acme(), call)
}

// hostilePaths could be read as another path than they look like, by a server
// or by something on the way.
var hostilePaths = []string{
	"", "/", "//", "x", "x/y", "https://evil.example/", "//evil.example/x", "/x//y", "/x/", "/..", "/.", "/../x",
	"/x/..", "/x/../../y", "/x/./y", "/...//", "/%2e", "/%2E%2e", "/x/%2e%2e/y", "/.%2e", "/%2e.", "/%252e%252e",
	"/%25252e%25252e", "/%252E.", "/x%2fy", "/x%2Fy", "/x%252fy", "/..%2f..%2f", "/%2f",
	"/x\\y", "/..\\x", "/x%5cy", "/x%5Cy", "/%255c", "/x#f", "/x#", "/x?a#b", "/x%", "/x%2", "/x%zz", "/x%00",
	"/x\x00", "/x y", "/x\ty", "/x\ny", "/x\r\nHost: evil.example", "/ü", "/\xff", "/x\x7f", "/\u2025", "/．．",
	"/x?a b", "/x?a\nb", "/x?%zz", "/x?%", "?", "?x", "/?x", "#",
	"/%c0%ae%c0%ae", "/%c0%ae.", "/x%c0%afy", "/%e0%80%ae", "/%ff", "/..;/x", "/..;a=b", "/.;x", "/%2e%2e;x",
	"/..%3bx", "/x%0d%0aHost:%20evil", "/x%0a", "/x%7f", "/%25%32%65%25%32%65", "/" + strings.Repeat("a", 2048),
	"/x?" + strings.Repeat("a", 2048), "/..%00", "/x%09", "/..%252f%25", "/x%252fy%25", "/x%255c%25zz",
}

func TestDoHostilePaths(t *testing.T) {
	for _, path := range hostilePaths {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			err := do(t, silent(t), &sunco.Call{Method: method, Path: path})
			assert.Error(t, err, "%q", path)
			requireInput(t, "path", err)
		}
	}
}

func TestDoPaths(t *testing.T) {
	for path, want := range map[string]string{
		"/things": "/things", "/things/1/parts": "/things/1/parts",
		"/users/a%20b":           "/users/a%20b",
		"/users/%C3%BC":          "/users/%C3%BC",
		"/users/a%3Fb":           "/users/a%3Fb",
		"/users/a%23b":           "/users/a%23b",
		"/users/a%25b":           "/users/a%25b",
		"/users/a+b@c.d:e,f;g=h": "/users/a+b@c.d:e,f;g=h",
		"/...":                   "/...",
		"/.well-known":           "/.well-known",
		"/a..b":                  "/a..b",
		"/x%41":                  "/x%41",
		"/~a!$&'()*":             "/~a!$&'()*",
	} {
		w := always(200, "{}")
		require.NoError(t, do(t, w, &sunco.Call{Path: path}), path)
		assert.Equal(t, []string{"GET " + appURL + want}, w.lines())
	}
	w := always(200, "{}")
	require.NoError(t, do(t, w, &sunco.Call{Path: "/" + strings.Repeat("a", 2047)}))
}

// JSON that is encoded already keeps its texts as they are written.
func TestDoRawBody(t *testing.T) {
	const body = `{"half":"\ud83d","less":"\u003c","n":1.0,"n":2}`
	w := always(200, "{}")
	require.NoError(t, newClient(w).Do(t.Context(), acme(), &sunco.Call{
		Method: "POST", Path: "/things", Body: json.RawMessage(body),
	}))
	assert.Equal(t, body, w.requests()[0].Body)
}

func TestDoQuery(t *testing.T) {
	w := always(200, "{}")
	query := url.Values{"page[size]": {"2"}, "page[after]": {"a&b=c d/../é"}}
	require.NoError(t, do(t, w, &sunco.Call{Path: "/things", Query: query}))
	const want = "GET " + appURL + "/things?page%5Bafter%5D=a%26b%3Dc+d%2F..%2F%C3%A9&page%5Bsize%5D=2"
	assert.Equal(t, []string{want}, w.lines())
	query.Set("long", strings.Repeat("a", 4096))
	requireInput(t, "query", do(t, silent(t), &sunco.Call{Path: "/things", Query: query}))
	requireInput(t, "call", do(t, silent(t), nil))
}

// The error says what to change.
func TestDoPathsOfTheWholeURL(t *testing.T) {
	for _, path := range []string{"/v2/apps/" + testAppID + "/conversations", "/v2/apps", "/sc/v2/apps/x", "/v2"} {
		err := do(t, silent(t), &sunco.Call{Path: path})
		requireInput(t, "path", err)
		assert.ErrorContains(t, err, "relative to /v2/apps/{appId}")
	}
}

// Errors name the call, up to the first id that the partner may have chosen.
func TestDoErrorsNameTheCall(t *testing.T) {
	for _, tc := range []struct{ op, method, path, want string }{
		{"", "", "/conversations", "sunco: GET /conversations: 400 Bad Request"},
		{
			"post message", "POST", "/conversations/5f/messages",
			"sunco: post message: POST /conversations/5f/messages: 400 Bad Request",
		},
		{"", "PATCH", "/users/ada@example.org", "sunco: PATCH /users/…: 400 Bad Request"},
		{"", "", "/users/ada/clients/7", "sunco: GET /users/…: 400 Bad Request"},
		{"", "", "/users", "sunco: GET /users: 400 Bad Request"},
		{"", "", "/things/ada%40example.org/x", "sunco: GET /things/…: 400 Bad Request"},
	} {
		call := &sunco.Call{Op: tc.op, Method: tc.method, Path: tc.path, Query: url.Values{"q": {"secret"}}}
		err := do(t, always(400, ""), call)
		assert.EqualError(t, err, tc.want)
	}
}

// A credential that was put into the path by mistake is not shown.
func TestDoErrorsHideCredentialsInPaths(t *testing.T) {
	const token = "c4n4ry-t0k3n-1234567890"
	in := acme()
	in.Token = sunco.Token{AccessToken: sunco.NewSecret(token)}
	for _, path := range []string{"/things/" + token, "/things/" + token + "/x", "/things/" + token[:12], "/" + token} {
		for kind, w := range map[string]*wire{"400": always(400, ""), "lost": failing(io.EOF)} {
			t.Run(kind+path, func(t *testing.T) {
				err := newClient(w).Do(t.Context(), in, &sunco.Call{Method: "POST", Path: path})
				require.Error(t, err)
				assertPrintsNoSecret(t, "error", err, token, token[:12])
				assert.ErrorContains(t, err, "sunco: POST:")
			})
		}
	}
}

// A POST that comes to the same however often it is sent.
func TestDoRepeat(t *testing.T) {
	inBubble(t, "repeat", func(t *testing.T) {
		w := script(t, step{err: io.EOF}, step{status: 502}, step{status: 200, body: "{}"})
		call := &sunco.Call{Method: "POST", Path: "/x", Repeat: true, Body: map[string]int{"a": 1}}
		require.NoError(t, do(t, w, call))
		for _, r := range w.requests() {
			assert.Equal(t, `{"a":1}`, r.Body)
		}
	})
}

// What does not fit is skipped, the rest is filled in, and the error says so.
func TestDoOutThatDoesNotFit(t *testing.T) {
	type message struct {
		ID   string `json:"id"`
		Text string `json:"text"`
	}
	const body = `{"messages":[{"id":"a","text":7},{"id":"b","text":"B"}],"more":true}`
	for _, method := range []string{"GET", "POST", "PATCH"} {
		w := always(201, body)
		var out struct {
			Messages []message `json:"messages"`
			More     bool      `json:"more"`
		}
		err := do(t, w, &sunco.Call{Method: method, Path: "/x", Out: &out})
		require.ErrorIs(t, err, sunco.ErrBadReply)
		assert.False(t, ambiguous(err), "it was answered 201")
		assert.ErrorContains(t, err, "text does not fit the Go type string")
		assert.Equal(t, []message{{"a", ""}, {"b", "B"}}, out.Messages)
		assert.True(t, out.More)
		assert.Equal(t, 1, w.count())
	}
	t.Run("a type that decodes itself", func(t *testing.T) {
		var out struct {
			At   time.Time `json:"at"`
			Text string    `json:"text"`
		}
		w := always(201, `{"at":"c4n4ry","text":"x"}`)
		err := do(t, w, &sunco.Call{Method: "POST", Path: "/x", Out: &out})
		require.ErrorIs(t, err, sunco.ErrBadReply)
		assert.False(t, ambiguous(err))
		assert.NotContains(t, err.Error(), "c4n4ry", "the reply is not quoted")
		assert.Equal(t, "x", out.Text)
	})
	inBubble(t, "after a lost attempt", func(t *testing.T) {
		w := script(t, step{err: io.EOF}, step{status: 200, body: body})
		err := do(t, w, &sunco.Call{Method: "PUT", Path: "/x", Out: new(struct {
			Text string `json:"messages"`
		})})
		require.ErrorIs(t, err, sunco.ErrBadReply)
		assert.False(t, ambiguous(err), "the second attempt did it")
	})
}

// What people write is no reason to refuse a reply.
func TestDoReadsWhatPeopleWrite(t *testing.T) {
	for name, body := range map[string]string{
		"half an emoji":   `{"text":"x","name":"\ud83e","metadata":{"\ud83d":1,"\ude00":2}}`,
		"invalid UTF-8":   "{\"text\":\"x\",\"name\":\"\xff\"}",
		"repeated":        `{"text":"y","text":"x"}`,
		"empty error":     `{"text":"x","error":"","errors":[]}`,
		"an error inside": `{"text":"x","more":{"error":"said"}}`,
	} {
		for _, method := range []string{"GET", "POST"} {
			var out struct {
				Text string `json:"text"`
			}
			err := do(t, always(201, body), &sunco.Call{Method: method, Path: "/x", Out: &out})
			require.NoError(t, err, name)
			assert.Equal(t, "x", out.Text, name)
		}
	}
}

// A page of the platform's own size: 100 messages of 4,096 Thai letters.
func TestDoReadsAWholePage(t *testing.T) {
	text := strings.Repeat("\u0e01", 4096)
	body := `{"messages":[` + strings.Repeat(`{"text":"`+text+`"},`, 99) + `{"text":"` + text + `"}]}`
	var out struct {
		Messages []struct {
			Text string `json:"text"`
		} `json:"messages"`
	}
	require.NoError(t, do(t, always(200, body), &sunco.Call{Path: "/x", Out: &out}))
	require.Len(t, out.Messages, 100)
	assert.Len(t, out.Messages[99].Text, 3*4096)
}

// Text that is not valid UTF-8 is sent with the replacement character.
func TestDoSendsWhatPeopleWrote(t *testing.T) {
	w := always(201, "{}")
	body := map[string]any{"a": "\xff", "b": json.RawMessage(`{"x":"\ud83e","x":1}`)}
	require.NoError(t, do(t, w, &sunco.Call{Method: "POST", Path: "/x", Body: body}))
	assert.True(t, json.Valid([]byte(w.requests()[0].Body)))
	assert.Contains(t, w.requests()[0].Body, "\ufffd")
}

func TestDoMethods(t *testing.T) {
	for _, method := range []string{
		"get", "OPTIONS", "TRACE", "CONNECT", "GET ", "GET\r\nX: y", "POST /x HTTP/1.1\r\n", "PROPFIND",
	} {
		requireInput(t, "method", do(t, silent(t), &sunco.Call{Method: method, Path: "/x"}))
	}
}

func TestDoBodies(t *testing.T) {
	type thing struct {
		Name string `json:"name"`
		HTML string `json:"html"`
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("a,b")), nil }
	for name, tc := range map[string]struct {
		body any
		want string
		kind string
	}{
		"none":   {nil, "", "application/json"},
		"struct": {thing{"ü", "<&>"}, `{"name":"ü","html":"<&>"}`, "application/json"},
		"map":    {map[string]int{"a": 1}, `{"a":1}`, "application/json"},
		"raw": {
			&sunco.Upload{ContentType: "text/csv; charset=utf-8", Length: 3, Open: open},
			"a,b", "text/csv; charset=utf-8",
		},
		"encoded": {json.RawMessage(`{"a":1}`), `{"a":1}`, "application/json"},
		"no length": {
			&sunco.Upload{ContentType: "text/csv", Open: open},
			"a,b", "text/csv",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := always(201, `{"name":"made","Name":"no","extra":1}`)
			var out thing
			require.NoError(t, do(t, w, &sunco.Call{Method: "POST", Path: "/things", Body: tc.body, Out: &out}))
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
		"nil Body":            (*sunco.Upload)(nil),
		"no Open":             &sunco.Upload{ContentType: "a/b"},
		"no content type":     &sunco.Upload{Open: open},
		"content type CR LF":  &sunco.Upload{Open: open, ContentType: "a/b\r\nX: y"},
		"content type umlaut": &sunco.Upload{Open: open, ContentType: "ä/b"},
		"negative":            &sunco.Upload{Open: open, ContentType: "a/b", Length: -1},
		"too long":            &sunco.Upload{Open: open, ContentType: "a/b", Length: 50_100_001},
		"bytes":               []byte(`{"a":1}`),
		"text":                `{"a":1}`,
		"reader":              strings.NewReader(`{"a":1}`),
		"no pointer":          sunco.Upload{ContentType: "a/b", Open: open},
		"channel":             make(chan int),
		"function":            func() {},
		"NaN":                 math.NaN(),
		"a Secret":            struct{ S sunco.Secret }{sunco.NewSecret("whsec-very-secret")},
		"an Installation":     acme(),
	} {
		t.Run(name, func(t *testing.T) {
			err := do(t, silent(t), &sunco.Call{Method: "POST", Path: "/x", Body: body})
			requireInput(t, "body", err)
			assertPrintsNoSecret(t, name, err, "whsec-very-secret", testToken)
		})
	}
	err := do(t, silent(t), &sunco.Call{Method: "POST", Path: "/x", Body: map[string]any{"rate": math.NaN()}})
	assert.ErrorContains(t, err, "/rate", "the error says what cannot be encoded")
	call := &sunco.Call{Method: "POST", Path: "/x", Body: []string{strings.Repeat("a", 100_000-3)}}
	requireInput(t, "body", do(t, silent(t), call))
	call.Body = []string{strings.Repeat("a", 100_000-4)}
	require.NoError(t, do(t, always(200, "{}"), call))
}

func TestDoOuts(t *testing.T) {
	var nilStruct *struct{}
	var nilBuffer *bytes.Buffer
	for name, out := range map[string]any{
		"value": struct{}{}, "map": map[string]any{}, "nil pointer": nilStruct, "text": "x",
		"nil writer": nilBuffer,
	} {
		t.Run(name, func(t *testing.T) {
			requireInput(t, "out", do(t, silent(t), &sunco.Call{Path: "/x", Out: out}))
		})
	}
	var buffer bytes.Buffer
	require.NoError(t, do(t, always(200, "<html>\x00"), &sunco.Call{Path: "/x", Out: &buffer}))
	assert.Equal(t, "<html>\x00", buffer.String())
	require.NoError(t, do(t, always(200, "x"), &sunco.Call{Path: "/x", Out: io.Discard}))
	var anything map[string]any
	require.NoError(t, do(t, always(200, `{"a":[1]}`), &sunco.Call{Path: "/x", Out: &anything}))
	assert.Equal(t, map[string]any{"a": []any{1.0}}, anything)
	require.ErrorIs(t, do(t, always(200, "<html>"), &sunco.Call{Path: "/x"}), sunco.ErrBadReply)
}

func TestDoWithoutAReplyBody(t *testing.T) {
	out := map[string]any{"left": "alone"}
	require.NoError(t, do(t, always(204, ""), &sunco.Call{Method: "POST", Path: "/x", Out: &out}))
	require.NoError(t, do(t, always(200, ""), &sunco.Call{Method: "HEAD", Path: "/x", Out: &out}))
	assert.Equal(t, map[string]any{"left": "alone"}, out)
	require.ErrorIs(t, do(t, always(200, ""), &sunco.Call{Path: "/x", Out: &out}), sunco.ErrBadReply)
	_, err := newClient(always(204, "")).Exchange(t.Context(), sunco.NewSecret("code"))
	assert.True(t, ambiguous(err), "a typed call needs its reply")
}

// An io.Writer takes 64 MiB of anything, and one byte more is an error.
func TestDoDownloads(t *testing.T) {
	const most = 64 << 20
	for name, size := range map[string]int64{"whole": most, "too long": most + 1} {
		t.Run(name, func(t *testing.T) {
			w := &wire{answer: func(int, sentRequest) (*http.Response, error) {
				resp := response(200, "")
				resp.Body, resp.ContentLength = io.NopCloser(io.LimitReader(zeros{}, size)), -1
				return resp, nil
			}}
			var out counter
			err := do(t, w, &sunco.Call{Path: "/x", Out: &out})
			assert.EqualValues(t, most, out)
			if size == most {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, sunco.ErrBadReply)
			assert.ErrorContains(t, err, "longer than 67108864 bytes")
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// counter is a writer that counts.
type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

// What went out of a writer is not taken back: no second attempt.
func TestDoDoesNotWriteTwice(t *testing.T) {
	cut := errors.New("cut")
	w := &wire{answer: func(int, sentRequest) (*http.Response, error) {
		resp := response(200, "")
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader("begin"), failingReader{cut}))
		resp.ContentLength = -1
		return resp, nil
	}}
	var buffer bytes.Buffer
	require.Error(t, do(t, w, &sunco.Call{Path: "/x", Out: &buffer}))
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
		require.NoError(t, do(t, w, &sunco.Call{Method: "PUT", Path: "/x", Body: body}))
		assert.Equal(t, 3, opened)
		for _, r := range w.requests() {
			assert.Equal(t, "whole", r.Body)
		}
	})
	broken := errors.New("disk")
	body := &sunco.Upload{ContentType: "a/b", Open: func() (io.ReadCloser, error) { return nil, broken }}
	err := do(t, silent(t), &sunco.Call{Method: "POST", Path: "/x", Body: body})
	require.ErrorIs(t, err, broken)
	assert.False(t, ambiguous(err))
}

func TestDoDeleteGone(t *testing.T) {
	inBubble(t, "lost, then gone", func(t *testing.T) {
		w := script(t, step{err: io.EOF}, step{status: 404, body: errorBody})
		require.NoError(t, do(t, w, &sunco.Call{Method: "DELETE", Path: "/x/1"}))
	})
	for name, body := range map[string]string{
		"page": "<html>", "bare": "", "front servers": `{"error":{"title":"x"}}`,
	} {
		inBubble(t, "lost, then a "+name, func(t *testing.T) {
			w := script(t, step{err: io.EOF}, step{status: 404, body: body})
			err := do(t, w, &sunco.Call{Method: "DELETE", Path: "/x/1"})
			assert.ErrorIs(t, err, sunco.ErrMoved, "only the API knows that it is gone")
		})
	}
	for _, method := range []string{"PUT", "PATCH"} {
		inBubble(t, method, func(t *testing.T) {
			w := script(t, step{err: io.EOF}, step{status: 404, body: errorBody})
			err := do(t, w, &sunco.Call{Method: method, Path: "/x/1"})
			assert.ErrorIs(t, err, sunco.ErrNotFound, "it was to be there")
		})
	}
	err := do(t, always(404, errorBody), &sunco.Call{Method: "DELETE", Path: "/x/1"})
	require.ErrorIs(t, err, sunco.ErrNotFound)
}
