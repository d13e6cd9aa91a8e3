package sunco_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

const removalBody = `{"appId":"5963ba5b40e2610047cd2c51","integrationId":"5e6d7c8b"}`
const unknownBody = `{"appId":"unknown","integrationId":"b"}`

func removalRequest(body string) *http.Request {
	r := httptest.NewRequest("POST", "/removed", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func TestReadRemoval(t *testing.T) {
	id := strings.Repeat("a", 64)
	const plain, inside = `{"appId":"a-1","integrationId":"B_2"}`, `{"appId":"a-1","integrationId":"B_2","x":%s}`
	for name, body := range map[string]string{
		"as documented": plain,
		"other order":   `{"integrationId":"B_2","appId":"a-1"}`,
		"white space":   " {\r\n\t\"appId\" : \"a-1\" , \"integrationId\" : \"B_2\" } \n",
		"escaped":       `{"app\u0049d":"a\u002d1","integrationId":"B_2"}`,
		"unknown":       fmt.Sprintf(inside, `{"a":[1,null]},"AppID":"evil","appid":"evil"`),
		"other case":    `{"APPID":"evil","appId":"a-1","integrationId":"B_2","appID":"evil"}`,
		"Kelvin":        fmt.Sprintf(inside, `1,"`+"\u212A"+`":2,"k":3`),
		"half an emoji": fmt.Sprintf(inside, `"Bakery \ud83e"`),
		"half names":    fmt.Sprintf(inside, `1,"\ud83d":1,"\ude00":2`),
		"not UTF-8":     fmt.Sprintf(inside, "\"\xff\",\"\xfe\":1,\"\xff\":2"),
		"twice, inside": fmt.Sprintf(inside, `{"y":[{"k":1,"k":2}],"y":1,"appId":"evil"}`),
		"deep":          fmt.Sprintf(inside, strings.Repeat("[", 8000)+strings.Repeat("]", 8000)),
		"largest":       plain + strings.Repeat(" ", 16<<10-len(plain)),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := sunco.ReadRemoval(removalRequest(body))
			require.NoError(t, err)
			assert.Equal(t, &sunco.Removal{AppID: "a-1", IntegrationID: "B_2"}, got)
		})
	}
	got, err := sunco.ReadRemoval(removalRequest(`{"appId":"` + id + `","integrationId":"` + id + `"}`))
	require.NoError(t, err)
	assert.Equal(t, id, got.AppID)
	for _, contentType := range []string{
		"application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "application/json;charset=UTF-8 ",
	} {
		r := removalRequest(removalBody)
		r.Header.Set("Content-Type", contentType)
		_, err := sunco.ReadRemoval(r)
		assert.NoError(t, err, contentType)
	}
}

// badRemovals are bodies that are answered with status 400.
var badRemovals = map[string]string{
	"text": "removed", "null": "null", "array": `[{"appId":"a","integrationId":"b"}]`, "number": "1", "HTML": "<html>",
	"form":     "appId=a&integrationId=b",
	"no appId": `{"integrationId":"b"}`, "no integrationId": `{"appId":"a"}`, "empty object": `{}`,
	"empty ids": `{"appId":"","integrationId":""}`, "null id": `{"appId":null,"integrationId":"b"}`,
	"numeric id": `{"appId":1,"integrationId":"b"}`, "object id": `{"appId":{"a":1},"integrationId":"b"}`,
	"list id": `{"appId":["a"],"integrationId":"b"}`, "half an emoji": `{"appId":"a\ud83d","integrationId":"b"}`,
	"id not UTF-8": "{\"appId\":\"a\xff\",\"integrationId\":\"b\"}",
	"APPID":        `{"APPID":"a","INTEGRATIONID":"b"}`, "AppId": `{"AppId":"a","IntegrationId":"b"}`,
	"Kelvin":              "{\"appId\":\"a\",\"integrationId\":\"b\u212A\"}",
	"appId twice":         `{"appId":"a","appId":"b","integrationId":"c"}`,
	"same twice":          `{"appId":"a","appId":"a","integrationId":"c"}`,
	"integrationId twice": `{"appId":"a","integrationId":"b","integrationId":"c"}`,
	"twice, escaped":      `{"appId":"a","app\u0049d":"b","integrationId":"c"}`,
	"twice, null":         `{"appId":null,"appId":"a","integrationId":"c"}`,
	"unknown twice":       `{"appId":"a","integrationId":"b","x":1,"x":1}`,
	"trailing text":       removalBody + "x", "trailing object": removalBody + removalBody,
	"trailing bracket": removalBody + "]",
	"NUL":              removalBody + "\x00", "BOM": "\ufeff" + removalBody, "comment": removalBody + "//",
	"trailing comma": `{"appId":"a","integrationId":"b",}`, "single quotes": `{'appId':'a','integrationId':'b'}`,
	"unquoted": `{appId:"a",integrationId:"b"}`,
	"path":     `{"appId":"../x","integrationId":"b"}`, "slash": `{"appId":"a/b","integrationId":"b"}`,
	"dot": `{"appId":"a.b","integrationId":"b"}`, "percent": `{"appId":"a%2eb","integrationId":"b"}`,
	"newline": `{"appId":"a\nb","integrationId":"b"}`, "space": `{"appId":" a","integrationId":"b"}`,
	"umlaut": `{"appId":"ä","integrationId":"b"}`, "quote inside": `{"appId":"a\"","integrationId":"b"}`,
	"long":       `{"appId":"` + strings.Repeat("a", 65) + `","integrationId":"b"}`,
	"bad number": `{"appId":"a","integrationId":"b","x":01}`, "deep": strings.Repeat("[", 15_000),
}

func TestReadRemovalRefused(t *testing.T) {
	refused := func(name string, status int, r *http.Request) {
		t.Run(name, func(t *testing.T) {
			got, err := sunco.ReadRemoval(r)
			assert.Nil(t, got)
			var refused *sunco.RequestError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, "removal", refused.Name)
			assert.Equal(t, status, refused.Status, refused.Reason)
			assert.NotEmpty(t, refused.Reason)
		})
	}
	for name, body := range badRemovals {
		refused(name, 400, removalRequest(body))
	}
	refused("no request", 400, nil)
	refused("long", 413, removalRequest(removalBody+strings.Repeat(" ", 16<<10)))
	refused("very long", 413, removalRequest(strings.Repeat("x", 1<<20)))
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "post", ""} {
		r := removalRequest(removalBody)
		r.Method = method
		refused("method "+method, 405, r)
	}
	for _, contentType := range []string{
		"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/json-patch+json",
		"text/json", "application/ json", "multipart/form-data; boundary=application/json",
	} {
		r := removalRequest(removalBody)
		r.Header.Set("Content-Type", contentType)
		refused("type "+contentType, 415, r)
	}
	for name, body := range brokenBodies() {
		r := removalRequest(removalBody)
		r.Body = body
		refused(name, 503, r)
	}
}

// brokenBodies are what is left of removalBody when something on our side of the
// connection read it, cut it or failed.
func brokenBodies() map[string]io.ReadCloser {
	half := removalBody[:20]
	text := func(s string) io.Reader { return strings.NewReader(s) }
	return map[string]io.ReadCloser{
		"no body":          nil,
		"http.NoBody":      http.NoBody,
		"read already":     io.NopCloser(text("")),
		"begun already":    io.NopCloser(text(removalBody[20:])),
		"cut":              io.NopCloser(io.MultiReader(text(half), failingReader{io.ErrUnexpectedEOF})),
		"cut without word": io.NopCloser(text(half)),
		"failing":          io.NopCloser(failingReader{errors.New("cut")}),
		"failing at end":   io.NopCloser(io.MultiReader(text(removalBody), failingReader{errors.New("cut")})),
		"closed":           io.NopCloser(failingReader{http.ErrBodyReadAfterClose}),
		"our own limit":    http.MaxBytesReader(httptest.NewRecorder(), io.NopCloser(text(removalBody)), 5),
	}
}

// stalledCalls are removals whose body stops arriving, and the status for them.
func stalledCalls() map[string]struct {
	keys   []sunco.Secret
	stalls string
	status int
} {
	head := func(query, length string) string {
		return "POST /removed" + query + " HTTP/1.1\r\nHost: partner.example\r\n" +
			"Content-Type: application/json\r\n" + length + "\r\n\r\n"
	}
	const announced, chunked = "Content-Length: 60", "Transfer-Encoding: chunked"
	keys := []sunco.Secret{sunco.NewSecret("k")}
	return map[string]struct {
		keys   []sunco.Secret
		stalls string
		status int
	}{
		"at once":                {nil, head("", announced), 503},
		"within":                 {nil, head("", announced) + removalBody[:20], 503},
		"within, right key":      {keys, head("?key=k", announced) + removalBody[:20], 503},
		"within, wrong key":      {keys, head("?key=x", announced) + removalBody[:20], 403},
		"within, no key":         {keys, head("", announced), 403},
		"chunked":                {nil, head("", chunked) + "5\r\n{\"app\r\n", 503},
		"chunked, wrong key":     {keys, head("?key=x", chunked) + "5\r\n{\"app\r\n", 403},
		"at the end":             {nil, head("", chunked) + fmt.Sprintf("%x\r\n", len(removalBody)) + removalBody, 503},
		"another method":         {nil, strings.Replace(head("", announced), "POST", "PUT", 1), 405},
		"another type":           {nil, strings.Replace(head("", announced), "json", "xml", 1), 415},
		"long, and then no more": {nil, head("", "Content-Length: 20000") + strings.Repeat(" ", 17<<10), 413},
	}
}

// middlewares leave the connection's controller in reach, or do not.
func middlewares() map[string]func(http.Handler) http.Handler {
	return map[string]func(http.Handler) http.Handler{
		"direct": func(next http.Handler) http.Handler { return next },
		"hidden": func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
			})
		},
	}
}

// A body that stalls does not keep back the answer.
func TestRemovalBodyStalls(t *testing.T) {
	t.Parallel()
	for how, middleware := range middlewares() {
		for _, name := range []string{"within", "within, right key", "within, wrong key", "chunked"} {
			t.Run(fmt.Sprint("over TCP ", how, " ", name), func(t *testing.T) {
				tc := stalledCalls()[name]
				r := newRemovals(t, alive)
				r.Keys = tc.keys
				server := httptest.NewUnstartedServer(middleware(r))
				server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
					ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond) // the answer comes earlier
					t.Cleanup(cancel)
					return ctx
				}
				resp := answerOverTCP(t, server, tc.stalls)
				assert.Equal(t, tc.status, resp.StatusCode)
			})
		}
	}
	t.Run("over TCP behind a timeout", func(t *testing.T) {
		late := http.TimeoutHandler(newRemovals(t, alive), 200*time.Millisecond, "late")
		resp := answerOverTCP(t, httptest.NewUnstartedServer(late), stalledCalls()["within"].stalls)
		assert.Equal(t, 503, resp.StatusCode)
		assert.Empty(t, readAll(resp), "the handler's own answer")
	})
	if t.Failed() {
		return // in a bubble, time stands still when the server waits for the body with its mutex held
	}
	for how, middleware := range middlewares() {
		for name, tc := range stalledCalls() {
			inBubble(t, fmt.Sprint(how, " ", name), func(t *testing.T) {
				r := newRemovals(t, alive)
				r.Keys = tc.keys
				client := serveEvents(t, middleware(r))
				began := time.Now()
				resp := answerTo(t, client, tc.stalls, 30*time.Second)
				assert.Equal(t, tc.status, resp.StatusCode)
				assert.LessOrEqual(t, time.Since(began), 15*time.Second)
				assert.Zero(t, r.lookups)
			})
		}
	}
}

func answerOverTCP(t *testing.T, server *httptest.Server, request string) *http.Response {
	t.Helper()
	server.Start()
	t.Cleanup(server.Close)
	client, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return answerTo(t, client, request, 3*time.Second)
}

// answerTo sends the beginning of a request and reads what answers it in time.
func answerTo(t *testing.T, conn net.Conn, request string, limit time.Duration) *http.Response {
	t.Helper()
	require.NoError(t, conn.SetDeadline(time.Now().Add(limit)))
	go func() { _, _ = io.WriteString(conn, request) }()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err, "no answer")
	return resp
}

// A connection whose body arrived is kept, and watched without a deadline.
func TestRemovalKeepsTheConnection(t *testing.T) {
	all := middlewares()
	all["the body is read before"] = func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			assert.NoError(t, err)
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, r)
		})
	}
	for name, middleware := range all {
		inBubble(t, name, func(t *testing.T) {
			r := newRemovals(t, alive)
			find := r.Lookup
			r.Lookup = func(ctx context.Context, appID string) (*sunco.Installation, error) {
				select {
				case <-time.After(14 * time.Second):
					return find(ctx, appID)
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
			client := serveEvents(t, middleware(r))
			head, _, _ := strings.Cut(stalledCalls()["at once"].stalls, "Content-Length")
			for _, rest := range []string{
				fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(unknownBody), unknownBody),
				fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(unknownBody), unknownBody),
				fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(unknownBody), unknownBody),
			} {
				resp := answerTo(t, client, head+rest, time.Minute)
				assert.Equal(t, 200, resp.StatusCode)
				assert.False(t, resp.Close)
				wait(time.Minute)
			}
		})
	}
}

// What a middleware did to the body is no fault of the caller's.
func TestRemovalBodyBroken(t *testing.T) {
	bodies := brokenBodies()
	bodies["panicking"] = io.NopCloser(panickingReader{})
	for name, body := range bodies {
		for how, w := range map[string]http.ResponseWriter{
			"direct": &deadlines{ResponseRecorder: httptest.NewRecorder()}, "hidden": httptest.NewRecorder(),
		} {
			t.Run(how+" "+name, func(t *testing.T) {
				r := newRemovals(t, alive)
				request := removalRequest(removalBody)
				request.Body = body
				r.ServeHTTP(w, request)
				assert.Equal(t, 503, w.(interface{ Result() *http.Response }).Result().StatusCode)
				assert.Zero(t, r.lookups)
			})
		}
	}
}

type panickingReader struct{}

func (panickingReader) Read([]byte) (int, error) { panic("no body") }

// strictRemoval reads a removal with encoding/json alone, to compare. It counts
// how often each of the two members stands in the body, and repeated members of
// any name.
func strictRemoval(body []byte) (got sunco.Removal, once, repeated bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return got, false, false
	}
	if json.Unmarshal(members["appId"], &got.AppID) != nil ||
		json.Unmarshal(members["integrationId"], &got.IntegrationID) != nil {
		return got, false, false
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	_, _ = decoder.Token() // the opening brace
	seen := map[string]int{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil || decoder.Decode(new(json.RawMessage)) != nil {
			return got, false, false
		}
		seen[name.(string)]++
		repeated = repeated || seen[name.(string)] > 1
	}
	return got, seen["appId"] == 1 && seen["integrationId"] == 1, repeated
}
