package sunco_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

// loopback is an HTTP client whose connections all lead to one TLS server.
func loopback(t *testing.T, h2 bool, handler http.HandlerFunc) *http.Client {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = h2
	server.StartTLS()
	t.Cleanup(server.Close)
	transport := &http.Transport{
		ForceAttemptHTTP2: h2,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
	}
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestErrorShapes(t *testing.T) {
	type details = []sunco.ErrorDetail
	for name, tc := range map[string]struct {
		body string
		want details
	}{
		"v2": {
			`{"errors":[{"code":"a","title":"A"},{"code":"b","title":"B"}]}`, details{{"a", "A"}, {"b", "B"}},
		},
		"v1":            {`{"error":{"code":"a","description":"A b"}}`, details{{"a", "A b"}}},
		"RFC 6749":      {`{"error":"invalid_grant","error_description":"No."}`, details{{"invalid_grant", "No."}}},
		"RFC, no text":  {`{"error":"invalid_grant"}`, details{{"invalid_grant", ""}}},
		"RFC, odd text": {`{"error":"invalid_grant","error_description":7}`, details{{"invalid_grant", ""}}},
		"unknown":       {`{"errors":[{"code":"a","title":"A","meta":{"x":1}}],"other":[]}`, details{{"a", "A"}}},
		"no title":      {`{"errors":[{"code":"a"}]}`, details{{"a", ""}}},
		"strange code":  {`{"errors":[{"code":"a b\n<c>","title":"A"}]}`, details{{"a b <c>", "A"}}},
		"control": {
			`{"errors":[{"code":"a","title":"A\u0000\r\nb\u001b[31m \u202ec"}]}`, details{{"a", "A b [31m c"}},
		},
		"long title": {
			`{"errors":[{"code":"a","title":"` + strings.Repeat("word ", 100) + `"}]}`,
			details{{"a", strings.TrimSpace(strings.Repeat("word ", 40)) + " …"}},
		},
		"long word": {
			`{"errors":[{"code":"a","title":"see ` + strings.Repeat("x", 49) + ` there"}]}`,
			details{{"a", "see … there"}},
		},
		"long code": {
			`{"errors":[{"code":"` + strings.Repeat("c", 65) + `","title":"A"}]}`, details{{"…", "A"}},
		},
		"other case":  {`{"Errors":[{"code":"a","title":"A"}]}`, nil},
		"empty list":  {`{"errors":[]}`, nil},
		"not a list":  {`{"errors":"x"}`, nil},
		"number code": {`{"errors":[{"code":403,"title":"Forbidden"}]}`, details{{"403", "Forbidden"}}},
		"wrong types": {
			`{"errors":[{"code":["a"],"title":"A"},7,"said"],"message":{}}`, details{{"", "A"}, {}, {"", "said"}},
		},
		"repeated": {`{"errors":[{"code":"a","code":"b"}]}`, details{{"b", ""}}},
		"sentence": {`{"error":"Couldn't authenticate you"}`, details{{"", "Couldn't authenticate you"}}},
		"front servers": {
			`{"error":{"title":"No help desk","message":"Nobody is here"}}`,
			details{{"", "No help desk: Nobody is here"}},
		},
		"word and more": {
			`{"error":"RecordInvalid","description":"It is invalid"}`,
			details{{"", "RecordInvalid: It is invalid"}},
		},
		"list, then word": {`{"errors":[{"code":"a"}],"error":"b"}`, details{{"a", ""}, {"b", ""}}},
		"list and word": {
			`{"errors":[{"title":"A"}],"error":"invalid_grant"}`, details{{"invalid_grant", ""}, {"", "A"}},
		},
		"numbers":          {`{"error":{"code":403,"message":"No","status":"DENIED"}}`, details{{"", "No"}}},
		"not UTF-8 itself": {"{\"error\":\"No \xff here\"}", details{{"", "No \ufffd here"}}},
		"beside":           {`{"errors":[{"code":"a"}],"message":"M"}`, details{{"a", "M"}}},
		"message only":     {`{"message":"M"}`, details{{"", "M"}}},
		"empty texts":      {`{"error":"","error_description":" ","errors":[]}`, nil},
		"half an emoji": {
			`{"errors":[{"code":"a","title":"Bakery \ud83e"}],"\ud83d":1,"\ude00":2}`,
			details{{"a", "Bakery \ufffd"}},
		},
		"array":      {`[{"code":"a"}]`, nil},
		"text":       {"too many\nrequests", details{{"", "too many requests"}}},
		"HTML":       {`<html><title>x</title></html>`, nil},
		"empty":      {``, nil},
		"null":       {`null`, nil},
		"null error": {`{"error":null}`, nil},
		"number":     {`{"error":5}`, nil},
		"truncated":  {`{"errors":[{"code":"a"`, nil},
		"trailing":   {`{"error":"a"} x`, nil},
		"not UTF-8":  {"{\"error\":\"a\",\"x\":\"\xff\"}", details{{"a", ""}}},
		"too long":   {`{"error":"a","x":"` + strings.Repeat("x", 64<<10) + `"}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newClient(always(400, tc.body)).ListWebhooks(t.Context(), acme())
			failed := requireError(t, err)
			assert.Equal(t, tc.want, failed.Details)
			assert.Equal(t, 400, failed.Status)
			if len(tc.want) > 0 {
				assert.Equal(t, tc.want[0], sunco.ErrorDetail{Code: failed.Code, Title: failed.Title})
			}
			assert.Less(t, len(err.Error()), 500)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
	var many strings.Builder
	for i := range 100 {
		fmt.Fprintf(&many, `,{"code":"c%d","title":"T"}`, i)
	}
	_, err := newClient(always(400, `{"errors":[`+many.String()[1:]+`]}`)).ListWebhooks(t.Context(), acme())
	assert.Len(t, requireError(t, err).Details, 16)
}

// The error says why a reply with a status of success cannot be used.
func TestBadReplyReasons(t *testing.T) {
	for name, tc := range map[string]struct{ body, want string }{
		"empty":                 {"", "it is empty"},
		"HTML":                  {"<html>", "HTML instead of JSON"},
		"HTML, marked":          {"\ufeff\r\n <html>", "HTML instead of JSON"},
		"text":                  {"ok", "not JSON"},
		"cut short":             {`{"id":"a"`, "not JSON"},
		"trailing":              {`{"id":"a"} {}`, "not JSON"},
		"error":                 {`{"id":"a","error":"server_error"}`, "it carries an error"},
		"errors":                {`{"id":"a","errors":[{"code":"x"}]}`, "it carries an error"},
		"error, a number":       {`{"id":"a","error":500}`, "it carries an error"},
		"error, true":           {`{"id":"a","error":true}`, "it carries an error"},
		"error, an object":      {`{"id":"a","error":{"code":"x"}}`, "it carries an error"},
		"error, escaped":        {`{"id":"a","\u0065rro\u0072":"server_error"}`, "it carries an error"},
		"errors, escaped":       {`{"id":"a","er\u0072ors":[{"code":"x"}]}`, "it carries an error"},
		"error beside a misfit": {`{"id":7,"error":"server_error"}`, "it carries an error"},
		"misfit":                {`{"id":7}`, "the member id does not fit the Go type string"},
		"array":                 {`[]`, "it does not fit the Go type"},
	} {
		t.Run(name, func(t *testing.T) {
			var out struct {
				ID string `json:"id"`
			}
			call := &sunco.Call{Method: "POST", Path: "/x", Out: &out}
			err := do(t, always(200, tc.body), call)
			require.ErrorIs(t, err, sunco.ErrBadReply)
			assert.ErrorContains(t, err, tc.want)
			assert.Equal(t, !strings.Contains(tc.want, "does not fit"), ambiguous(err))
		})
	}
	for name, body := range map[string]string{
		"empty": `{"error":""}`, "blank": `{"error":" \t"}`, "null": `{"error":null}`, "false": `{"error":false}`,
		"zero": `{"error":0}`, "empty list": `{"errors":[ ]}`, "empty object": `{"error":{ }}`,
		"list of an empty object": `{"errors":[{}]}`,
		"inside":                  `{"x":{"error":"x"}}`,
		"other case":              `{"Error":"x"}`,
	} {
		t.Run("no error/"+name, func(t *testing.T) {
			assert.NoError(t, do(t, always(200, body), &sunco.Call{Method: "POST", Path: "/x"}))
		})
	}
}

func TestRequestIDs(t *testing.T) {
	for _, tc := range []struct{ header, value, want string }{
		{"X-Request-Id", "req-1.a:b_C", "req-1.a:b_C"},
		{"X-Zendesk-Request-Id", "z-1", "z-1"},
		{"X-Request-Id", "a b", ""},
		{"X-Request-Id", "<x>", ""},
		{"X-Request-Id", strings.Repeat("a", 65), ""},
		{"X-Request-Id", "ü", ""},
		{"X-Request-Id", testToken, ""},
		{"X-Request-Id", "id-" + testToken + "-x", ""},
		{"X-Request-Id", strings.ToUpper(disguises(testToken)["hex"])[:64], ""},
	} {
		_, err := newClient(always(400, "", tc.header, tc.value)).ListWebhooks(t.Context(), acme())
		if strings.Contains(tc.want, " ") || tc.want != "" || len(tc.value) != 64 {
			assert.Equal(t, tc.want, requireError(t, err).RequestID, tc.header)
		}
		assertPrintsNoSecret(t, tc.header, err, testToken)
	}
}

func TestRepliesThatAreTooLong(t *testing.T) {
	t.Parallel()
	pad := strings.Repeat(" ", 16<<20)
	padded := func(op operation, size int) *wire {
		return &wire{answer: func(int, sentRequest) (*http.Response, error) {
			resp := response(op.good.status, "")
			rest := pad[:size-len(op.good.body)]
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(op.good.body), strings.NewReader(rest)))
			resp.ContentLength = -1
			return resp, nil
		}}
	}
	for _, op := range operations() {
		if op.method == "HEAD" || strings.HasPrefix(op.name, "do P") {
			continue // no body, or nothing that the others do not have
		}
		t.Run(op.name, func(t *testing.T) {
			limit := 16 << 20
			if !op.tenant() {
				limit = 64 << 10
			}
			if !op.tenant() || op.name == "do GET" {
				require.NoError(t, op.run(t.Context(), newClient(padded(op, limit)), acme()))
			}
			err := op.run(t.Context(), newClient(padded(op, limit+1)), acme())
			require.ErrorIs(t, err, sunco.ErrBadReply, "one byte more is an error, not a truncation")
			assert.ErrorContains(t, err, fmt.Sprint(limit))
		})
	}
}

func TestCompressedBombs(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	z, err := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	require.NoError(t, err)
	spaces := bytes.Repeat([]byte(" "), 1<<20)
	for range 17 {
		_, _ = z.Write(spaces)
	}
	require.NoError(t, z.Close())
	for _, status := range []int{200, 400} {
		client := newClient(nil)
		client.HTTPClient = loopback(t, false, func(w http.ResponseWriter, r *http.Request) {
			assert.Equal(t, "gzip", r.Header.Get("Accept-Encoding"))
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(status)
			_, _ = w.Write(bomb.Bytes())
		})
		for _, op := range operations() {
			if !slices.Contains([]string{"exchange", "token info", "list webhooks", "do POST"}, op.name) {
				continue // what reads a reply is the same for the others
			}
			t.Run(fmt.Sprint(op.name, "/", status), func(t *testing.T) {
				err := op.run(t.Context(), client, acme())
				require.Error(t, err)
				assert.Equal(t, status == 200, errors.Is(err, sunco.ErrBadReply))
				assert.Equal(t, status, requireError(t, err).Status)
				if status == 200 {
					assert.ErrorContains(t, err, "longer than")
				}
			})
		}
	}
}

func TestTruncatedReplies(t *testing.T) {
	for _, status := range []int{200, 400, 401, 403, 404} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			eachOperation(t, func(t *testing.T, op operation) {
				if op.method == "HEAD" {
					return
				}
				w := &wire{answer: func(int, sentRequest) (*http.Response, error) {
					resp := response(status, "")
					resp.Body = io.NopCloser(io.MultiReader(
						strings.NewReader("{"), failingReader{io.ErrUnexpectedEOF},
					))
					resp.ContentLength = 100
					return resp, nil
				}}
				err := op.run(t.Context(), newClient(w), acme())
				requests, unknown := tries(op.kind, 500)
				assert.Equal(t, requests, w.count())
				assert.Equal(t, status == 200 && unknown, ambiguous(err))
				assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
				assert.NotErrorIs(t, err, sunco.ErrUnauthorized, "half an answer proves nothing")
				assert.NotErrorIs(t, err, sunco.ErrNotFound)
				assert.NotErrorIs(t, err, sunco.ErrForbidden)
				assert.NotErrorIs(t, err, sunco.ErrMoved)
			})
		})
	}
}

// What a server sends back of a credential in pieces comes out no more than the
// whole does.
func TestPiecesOfCredentialsComeOutNowhere(t *testing.T) {
	const code = "c0de5f8a2b7c1d9e"
	quote := func(s string) string {
		quoted, err := json.Marshal(s)
		require.NoError(t, err)
		return string(quoted)
	}
	title := func(s string) string { return `{"errors":[{"code":"bad","title":` + quote(s) + `}]}` }
	for name, tc := range map[string]struct {
		body, requestID string
		never           []string
	}{
		"upper case":    {title("code " + strings.ToUpper(code)), "", []string{strings.ToUpper(code)}},
		"shortened":     {title("code " + code[:10] + "…"), "", []string{code[:10]}},
		"spaced":        {title(code[:8] + " " + code[8:]), "", []string{code[:8]}},
		"zero width":    {title(code[:5] + "\u200b" + code[5:]), "", []string{code[5:]}},
		"HTML":          {title("&#99;" + code[1:]), "", []string{code[1:]}},
		"percent twice": {title(strings.ReplaceAll(code, "c", "%2563")), "", []string{"%2563"}},
		"hex in pairs":  {title(fmt.Sprintf("% x", code)), "", []string{fmt.Sprintf("% x", code)}},
		"code and title": {
			`{"errors":[{"code":` + quote(code[:8]) + `,"title":` + quote(code[8:]) + `}]}`, "",
			[]string{code[:8], code[8:]},
		},
		"two errors": {
			`{"errors":[{"code":"a","title":` + quote(code[:8]) + `},{"code":"b","title":` + quote(code[8:]) + `}]}`,
			"", []string{code[:8], code[8:]},
		},
		"request id": {`{}`, code[:12], []string{code[:12]}},
		"short code and title": {
			`{"errors":[{"code":` + quote(code[:6]) + `,"title":` + quote(code[6:12]) + `}]}`, "",
			[]string{code[:6], code[6:12]},
		},
		"two short titles": {
			`{"errors":[{"code":"a","title":` + quote(code[:6]) + `},{"code":"b","title":` + quote(code[6:12]) + `}]}`,
			"", []string{code[:6], code[6:12]},
		},
		"short id and title": {title(code[6:12]), code[:6], []string{code[:6], code[6:12]}},
		"short title and id": {title(code[:6]), code[6:12], []string{code[:6], code[6:12]}},
		"short id and code":  {`{"error":"` + code[6:12] + `"}`, code[:6], []string{code[:6], code[6:12]}},
		"short code and id":  {`{"error":"` + code[:6] + `"}`, code[6:12], []string{code[:6], code[6:12]}},
		"id and title":       {title(code[8:]), code[:8], []string{code[:8], code[8:]}},
		"title and id":       {title(code[:8]), code[8:], []string{code[:8], code[8:]}},
	} {
		t.Run(name, func(t *testing.T) {
			w := always(400, tc.body, "X-Request-Id", tc.requestID)
			_, err := newClient(w).Exchange(t.Context(), sunco.NewSecret(code))
			require.Error(t, err)
			for _, piece := range tc.never {
				if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), piece) {
					t.Error("a piece of the code came out")
				}
			}
		})
	}
	w := always(400, title("Code is wrong"), "X-Request-Id", "abc")
	_, err := newClient(w).Exchange(t.Context(), sunco.NewSecret(code))
	const want = "sunco: exchange: 400 Bad Request: bad: Code is wrong (request abc)"
	assert.EqualError(t, err, want, "and nothing else is withheld")
}

// What was withheld says so, and only an error of the API's has a code.
func TestWithheldErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want sunco.ErrorDetail
	}{
		"title": {
			`{"errors":[{"code":"x","title":"got ` + testCode + `"}]}`,
			sunco.ErrorDetail{Code: "[redacted]", Title: "[redacted]"},
		},
		"code": {
			`{"error":"` + testCode + `","error_description":"x"}`, sunco.ErrorDetail{Title: "[redacted]"},
		},
		"sentence": {`{"error":"No ` + testCode + `"}`, sunco.ErrorDetail{Title: "[redacted]"}},
		"text":     {"no " + testCode, sunco.ErrorDetail{Title: "[redacted]"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := always(400, tc.body, "X-Request-Id", "req-1")
			_, err := newClient(w).Exchange(t.Context(), sunco.NewSecret(testCode))
			failed := requireError(t, err)
			assert.Equal(t, []sunco.ErrorDetail{tc.want}, failed.Details)
			assert.Equal(t, tc.want, sunco.ErrorDetail{Code: failed.Code, Title: failed.Title})
			assert.Empty(t, failed.RequestID, "a part of it may be there")
		})
	}
}

// A credential without a letter or a digit hides nothing but itself.
func TestOddCredentialHidesNothingElse(t *testing.T) {
	in := acme()
	in.Token = sunco.Token{AccessToken: sunco.NewSecret("~~~~~~~~~~")}
	_, err := newClient(always(400, errorBody)).ListWebhooks(t.Context(), in)
	assert.Equal(t, "bad_thing", requireError(t, err).Code)
}

// The error behind a malformed reply quotes it and is not to be had.
func TestMalformedReplyIsNotHandedOut(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nyou sent %s\r\n\r\n", r.Header.Get("Authorization"))
			}
			_ = conn.Close()
		}
	}()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	client := &sunco.Client{Domain: "localhost:" + port}
	_, err = client.CreateWebhook(t.Context(), acme(), wantedHook()) // which is not tried again
	require.Error(t, err)
	var quoting textproto.ProtocolError
	assert.False(t, errors.As(err, &quoting))
}
