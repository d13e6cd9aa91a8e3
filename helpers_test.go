package sunco_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

const (
	testAppID = "5963ba5b40e2610047cd2c51"
	testHook  = "5e6d7c8b9a0b1c2d3e4f5a6b"
	testCode  = "c0de-5f8a2b7c1d"
	testToken = "tok-3ntr0py.9f8e7d6c5b4a.sig_1234567890"

	tokenInfoReply = `{"app":{"id":"5963ba5b40e2610047cd2c51","displayName":"Acme","subdomain":"acme",` +
		`"settings":{"maskCreditCardNumbers":true},"metadata":{}}}`
	tokenReply  = `{"access_token":"tok-3ntr0py.9f8e7d6c5b4a.sig_1234567890","token_type":"Bearer"}`
	webhookJSON = `{"id":"5e6d7c8b9a0b1c2d3e4f5a6b","version":"v2","target":"https://bot.example/hook",` +
		`"triggers":["conversation:message"],"secret":"whsec-1","includeFullUser":false,"includeFullSource":false}`
	webhookReply  = `{"webhook":` + webhookJSON + `}`
	webhooksReply = `{"webhooks":[` + webhookJSON + `]}`
)

// sentRequest is one request as it arrived at a wire.
type sentRequest struct {
	Method, URL, Host string
	Header            http.Header
	Body              string
}

func (s sentRequest) line() string { return s.Method + " " + s.URL }

// wire is a RoundTripper that answers from a function and remembers what it
// was asked. It reports no httptrace, so that it proves nothing to be unsent.
type wire struct {
	answer func(n int, r sentRequest) (*http.Response, error)

	mu   sync.Mutex
	sent []sentRequest
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	got := sentRequest{Method: r.Method, URL: r.URL.String(), Host: r.Host, Header: r.Header.Clone()}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return nil, err
		}
		got.Body = string(body)
	}
	w.mu.Lock()
	w.sent = append(w.sent, got)
	n, answer := len(w.sent), w.answer
	w.mu.Unlock()
	return answer(n, got)
}

func (w *wire) setAnswer(answer func(n int, r sentRequest) (*http.Response, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = answer
}

func (w *wire) requests() []sentRequest {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]sentRequest(nil), w.sent...)
}

func (w *wire) count() int { return len(w.requests()) }

func (w *wire) lines() []string {
	var lines []string
	for _, r := range w.requests() {
		lines = append(lines, r.line())
	}
	return lines
}

// response makes a reply; fields are header names and values.
func response(status int, body string, fields ...string) *http.Response {
	header := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i < len(fields); i += 2 {
		header.Set(fields[i], fields[i+1])
	}
	return &http.Response{
		StatusCode: status, Status: fmt.Sprint(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// always answers every request alike.
func always(status int, body string, fields ...string) *wire {
	return &wire{answer: func(int, sentRequest) (*http.Response, error) {
		return response(status, body, fields...), nil
	}}
}

// failing ends every request with err.
func failing(err error) *wire {
	return &wire{answer: func(int, sentRequest) (*http.Response, error) { return nil, err }}
}

// silent fails the test when anything is sent.
func silent(t *testing.T) *wire {
	t.Helper()
	return &wire{answer: func(_ int, r sentRequest) (*http.Response, error) {
		t.Errorf("a request was sent: %s", r.line())
		return response(http.StatusTeapot, ""), nil
	}}
}

// step is one answer of a script.
type step struct {
	status int
	body   string
	header []string
	err    error
}

// script answers with one step after the other, and fails the test when there
// are more requests than steps.
func script(t *testing.T, steps ...step) *wire {
	t.Helper()
	return &wire{answer: func(n int, r sentRequest) (*http.Response, error) {
		if n > len(steps) {
			t.Errorf("request %d was not expected: %s", n, r.line())
			return response(http.StatusTeapot, ""), nil
		}
		s := steps[n-1]
		if s.err != nil {
			return nil, s.err
		}
		return response(s.status, s.body, s.header...), nil
	}}
}

func newClient(w http.RoundTripper) *sunco.Client {
	return &sunco.Client{
		ClientID:     "shoplifter",
		ClientSecret: sunco.NewSecret("client-s3cret"),
		HTTPClient:   &http.Client{Transport: w},
	}
}

func acme() *sunco.Installation {
	return &sunco.Installation{
		AppID: testAppID, Subdomain: "acme", Token: sunco.Token{AccessToken: sunco.NewSecret(testToken)},
	}
}

func wantedHook() *sunco.Webhook {
	return &sunco.Webhook{Target: "https://bot.example/hook", Triggers: []string{sunco.TriggerConversationMessage}}
}

// operation is one of the client's calls, with a reply that it takes.
type operation struct {
	name   string
	kind   string // the retry class, as internal/transport names it
	method string
	url    string
	good   step
	run    func(ctx context.Context, c *sunco.Client, in *sunco.Installation) error
}

const (
	bridgeBase = "https://oauth-bridge.zendesk.com/sc"
	acmeBase   = "https://acme.zendesk.com/sc"
	hooksURL   = acmeBase + "/v2/apps/" + testAppID + "/integrations/me/webhooks"
)

// operations are all calls that make one request when it succeeds.
func operations() []operation {
	type (
		ctx    = context.Context
		client = *sunco.Client
		inst   = *sunco.Installation
	)
	ok := func(body string) step { return step{status: http.StatusOK, body: body} }
	const hookURL = hooksURL + "/" + testHook
	return []operation{
		{"exchange", "once", "POST", bridgeBase + "/oauth/token", ok(tokenReply),
			func(ctx ctx, c client, _ inst) error {
				_, err := c.Exchange(ctx, sunco.NewSecret(testCode))
				return err
			}},
		{"token info", "read", "GET", bridgeBase + "/v2/tokenInfo", ok(tokenInfoReply),
			func(ctx ctx, c client, in inst) error {
				_, err := c.TokenInfo(ctx, tokenOf(in))
				return err
			}},
		{"locate", "read", "GET", bridgeBase + "/v2/tokenInfo", ok(tokenInfoReply),
			func(ctx ctx, c client, in inst) error {
				_, err := c.Locate(ctx, in)
				return err
			}},
		{"list webhooks", "read", "GET", hooksURL, ok(webhooksReply),
			func(ctx ctx, c client, in inst) error {
				_, err := c.ListWebhooks(ctx, in)
				return err
			}},
		{"get webhook", "read", "GET", hookURL, ok(webhookReply),
			func(ctx ctx, c client, in inst) error {
				_, err := c.GetWebhook(ctx, in, testHook)
				return err
			}},
		{"create webhook", "create", "POST", hooksURL, step{status: http.StatusCreated, body: webhookReply},
			func(ctx ctx, c client, in inst) error {
				_, err := c.CreateWebhook(ctx, in, wantedHook())
				return err
			}},
		{"update webhook", "repeat", "PATCH", hookURL, ok(webhookReply),
			func(ctx ctx, c client, in inst) error {
				_, err := c.UpdateWebhook(ctx, in, testHook, sunco.WebhookUpdate{IncludeFullUser: new(false)})
				return err
			}},
		{"delete webhook", "repeat", "DELETE", hookURL, ok("{}"),
			func(ctx ctx, c client, in inst) error { return c.DeleteWebhook(ctx, in, testHook) }},
		{"ensure webhook", "read", "GET", hooksURL, ok(webhooksReply),
			func(ctx ctx, c client, in inst) error {
				_, err := c.EnsureWebhook(ctx, in, wantedHook())
				return err
			}},
		{"revoke", "repeat", "DELETE", acmeBase + "/oauth/authorization", ok("{}"),
			func(ctx ctx, c client, in inst) error { return c.Revoke(ctx, in) }},
		doOperation("GET", "read"), doOperation("HEAD", "read"), doOperation("POST", "create"),
		doOperation("PUT", "repeat"), doOperation("PATCH", "repeat"), doOperation("DELETE", "repeat"),
	}
}

// tenant tells whether the call goes to a customer's host, and not to the bridge.
func (op operation) tenant() bool { return !strings.HasPrefix(op.url, bridgeBase) }

// eachOperation runs a subtest for every operation, in virtual time.
func eachOperation(t *testing.T, run func(t *testing.T, op operation)) {
	t.Helper()
	for _, op := range operations() {
		inBubble(t, op.name, func(t *testing.T) { run(t, op) })
	}
}

// eachTenantOperation leaves out what goes to the bridge.
func eachTenantOperation(t *testing.T, run func(t *testing.T, op operation)) {
	t.Helper()
	eachOperation(t, func(t *testing.T, op operation) {
		if op.tenant() {
			run(t, op)
		}
	})
}

func doOperation(method, kind string) operation {
	good := step{status: http.StatusOK, body: "{}"}
	if method == "HEAD" {
		good.body = ""
	}
	return operation{"do " + method, kind, method, acmeBase + "/v2/apps/" + testAppID + "/things", good,
		func(ctx context.Context, c *sunco.Client, in *sunco.Installation) error {
			return c.Do(ctx, in, &sunco.Call{Method: method, Path: "/things"})
		}}
}

func tokenOf(in *sunco.Installation) sunco.Token {
	if in == nil {
		return sunco.Token{}
	}
	return in.Token
}

// digest stands for a secret in an assertion, because a failure prints both
// sides.
func digest(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}

func assertSecret(t *testing.T, want string, got sunco.Secret) {
	t.Helper()
	assert.Equal(t, digest(want), digest(got.Reveal()))
}

// requireInput requires an InputError about name.
func requireInput(t *testing.T, name string, err error, about ...any) {
	t.Helper()
	var input *sunco.InputError
	require.ErrorAs(t, err, &input, about...)
	assert.Equal(t, name, input.Name, about...)
	assert.NotEmpty(t, input.Reason, about...)
}

// requireRequestError requires a RequestError about name and returns it.
func requireRequestError(t *testing.T, name string, err error) *sunco.RequestError {
	t.Helper()
	refused := new(sunco.RequestError)
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, name, refused.Name)
	assert.NotEmpty(t, refused.Reason)
	assert.NotZero(t, refused.Status)
	assert.True(t, strings.HasPrefix(err.Error(), "sunco: "+name+": "), err)
	return refused
}

// requireError requires an *Error and returns it.
func requireError(t *testing.T, err error) *sunco.Error {
	t.Helper()
	var failed *sunco.Error
	require.ErrorAs(t, err, &failed)
	return failed
}

func ambiguous(err error) bool {
	for _, e := range chain(err) {
		if _, ok := e.(*sunco.AmbiguousError); ok {
			return true
		}
	}
	return false
}

// chain is err and everything it wraps, joined errors included.
func chain(err error) []error {
	if err == nil {
		return nil
	}
	all := []error{err}
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		all = append(all, chain(err.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, e := range err.Unwrap() {
			all = append(all, chain(e)...)
		}
	}
	return all
}

// syncBuffer is a writer for loggers.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// quoteJSON writes s as a JSON string, invalid UTF-8 included.
func quoteJSON(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\u%04x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// inBubble runs a subtest in virtual time.
func inBubble(t *testing.T, name string, run func(*testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, run) })
}

func readAll(resp *http.Response) string {
	body, _ := io.ReadAll(resp.Body)
	return string(body)
}

func noSuchHost() error {
	return &net.OpError{
		Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "x", IsNotFound: true},
	}
}

func badCertificate() error {
	return &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
}
