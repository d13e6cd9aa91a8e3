package sunco_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

// Canaries with characters that every encoding treats specially, and short
// enough that no limit on lengths hides them.
const (
	canaryToken  = `tk/9+=&"<~'7`
	canaryCode   = `cd %2F"+<&>x`
	canaryClient = `cs\é/?"<&+#z`
	canaryHook   = `wh"/+<&=>~0k`
)

func canaryClientFor(transport http.RoundTripper, logs io.Writer) *sunco.Client {
	return &sunco.Client{
		ClientID:     "shoplifter",
		ClientSecret: sunco.NewSecret(canaryClient),
		HTTPClient:   &http.Client{Transport: transport},
		Logger:       slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug - 4})),
	}
}

func canaryInstallation() *sunco.Installation {
	return &sunco.Installation{
		AppID: testAppID, Subdomain: "acme", Token: sunco.Token{AccessToken: sunco.NewSecret(canaryToken)},
	}
}

// canaryOperations send what the plain ones send, with canaries in it.
func canaryOperations() []operation {
	var all []operation
	for _, op := range operations() {
		if op.name == "exchange" {
			op.run = func(ctx context.Context, c *sunco.Client, _ *sunco.Installation) error {
				_, err := c.Exchange(ctx, sunco.NewSecret(canaryCode))
				return err
			}
		}
		all = append(all, op)
	}
	form := all[0]
	form.name, form.run = "form exchange", func(ctx context.Context, c *sunco.Client, _ *sunco.Installation) error {
		copied := &sunco.Client{
			ClientID: c.ClientID, ClientSecret: c.ClientSecret, FormExchange: true,
			HTTPClient: c.HTTPClient, Logger: c.Logger,
		}
		_, err := copied.Exchange(ctx, sunco.NewSecret(canaryCode))
		return err
	}
	return append(all, form)
}

// echoes are the ways in which a server repeats a text in its answer.
func echoes() map[string]func(w http.ResponseWriter, status int, text string) {
	write := func(kind, format string) func(http.ResponseWriter, int, string) {
		return func(w http.ResponseWriter, status int, text string) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			fmt.Fprintf(w, format, quoteJSON(text))
		}
	}
	header := func(name string) func(http.ResponseWriter, int, string) {
		return func(w http.ResponseWriter, status int, text string) {
			w.Header().Set(name, strings.NewReplacer("\n", "", "\r", "").Replace(text))
			w.WriteHeader(status)
		}
	}
	return map[string]func(http.ResponseWriter, int, string){
		"v2 title":        write(jsonType, `{"errors":[{"code":"x","title":%s}]}`),
		"v2 code":         write(jsonType, `{"errors":[{"code":%s,"title":"x"}]}`),
		"v2 second":       write(jsonType, `{"errors":[{"code":"x","title":"y"},{"code":"x","title":%s}]}`),
		"v1 description":  write(jsonType, `{"error":{"code":"x","description":%s}}`),
		"v1 code":         write(jsonType, `{"error":{"code":%s}}`),
		"RFC error":       write(jsonType, `{"error":%s}`),
		"RFC description": write(jsonType, `{"error":"x","error_description":%s}`),
		"HTML":            write("text/html", `<html><title>%s</title></html>`),
		"text":            write("text/plain", `%s`),
		"member name":     write(jsonType, `{%[1]s:1,%[1]s:2}`),
		"wrong type": write(jsonType,
			`{"app":{"id":[%[1]s]},"webhook":%[1]s,"webhooks":%[1]s,"access_token":[%[1]s]}`),
		"request id":  header("X-Request-Id"),
		"zendesk id":  header("X-Zendesk-Request-Id"),
		"retry after": header("Retry-After"),
		"location":    header("Location"),
		"cookie":      header("Set-Cookie"),
	}
}

const jsonType = "application/json"

func TestEchoedSecretsComeOutNowhere(t *testing.T) {
	t.Parallel()
	// The other calls do not differ from one of these.
	asked := map[int][]string{
		200: {"exchange", "form exchange", "token info", "create webhook", "revoke"},
		400: {"exchange", "form exchange", "token info"},
		401: {"revoke"},
		429: {"exchange", "token info"},
	}
	for how, echo := range echoes() {
		for status, names := range asked {
			inBubble(t, fmt.Sprint(how, "/", status), func(t *testing.T) {
				text := ""
				w := &wire{answer: func(int, sentRequest) (*http.Response, error) {
					rec := httptest.NewRecorder()
					echo(rec, status, text)
					return rec.Result(), nil
				}}
				var logs syncBuffer
				c := canaryClientFor(w, &logs)
				for _, op := range canaryOperations() {
					if !slices.Contains(names, op.name) {
						continue
					}
					secrets := op.carries()
					for i, leak := range leaks(secrets) {
						if status == 429 && i%5 != 0 {
							continue // each costs four attempts
						}
						text = leak
						err := op.run(t.Context(), c, canaryInstallation())
						assertPrintsNoSecret(t, op.name, err, secrets...)
					}
				}
				assertNoSecret(t, "logs", logs.String(), canaryToken, canaryCode, canaryClient)
			})
		}
	}
}

// carries are the canaries that an operation's request carries: what else a
// server says cannot be known to be a secret.
func (op operation) carries() []string {
	if op.kind == "once" {
		return []string{canaryCode, canaryClient}
	}
	return []string{canaryToken}
}

// leaks are texts with one of the secrets in one disguise.
func leaks(secrets []string) []string {
	var texts []string
	for _, secret := range secrets {
		for how, disguised := range disguises(secret) {
			if how == "bytes" || how == "spaced hex" {
				continue // nobody answers so
			}
			texts = append(texts, "got "+disguised+" ?")
		}
		texts = append(texts, url.QueryEscape(secret)+"x", "=="+secret)
	}
	slices.Sort(texts)
	return texts
}

// And what a real server repeats of the whole request, over a real transport.
func TestEchoedRequestsComeOutNowhere(t *testing.T) {
	secrets := []string{canaryToken, canaryCode, canaryClient}
	for how, echo := range echoes() {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			transport := loopback(t, false, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				echo(w, http.StatusForbidden, r.Header.Get("Authorization")+" "+string(body))
			}).Transport
			var logs syncBuffer
			c := canaryClientFor(transport, &logs)
			for _, op := range canaryOperations() {
				assertPrintsNoSecret(t, op.name, op.run(t.Context(), c, canaryInstallation()), secrets...)
			}
			assertNoSecret(t, "logs", logs.String(), secrets...)
		})
	}
}

// Malformed HTTP that quotes the request: net/http's errors quote it too.
func TestMalformedRepliesLeakNothing(t *testing.T) {
	secrets := []string{canaryToken, canaryCode, canaryClient}
	for name, reply := range map[string]string{
		"status line": "%s\r\n\r\n",
		"status code": "HTTP/1.1 %s x\r\n\r\n",
		"version":     "HTTP/%s 200 OK\r\n\r\n",
		"reason":      "HTTP/1.1 403 %s\r\nContent-Length: 0\r\n\r\n",
		"header":      "HTTP/1.1 200 OK\r\n%s\r\n\r\n",
		"header name": "HTTP/1.1 200 OK\r\n%s : x\r\n\r\n",
		"length":      "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n",
		"coding":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n",
		"chunk":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n",
		"encoding":    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n%s",
		"upgrade":     "HTTP/1.1 101 Switching\r\nUpgrade: %s\r\nConnection: Upgrade\r\n\r\n",
		"trailer":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: %s\r\n\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			t.Cleanup(func() { listener.Close() })
			go serveRaw(listener, reply)
			transport := &http.Transport{DisableKeepAlives: true}
			transport.DialTLSContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, listener.Addr().String())
			}
			var logs syncBuffer
			c := canaryClientFor(transport, &logs)
			// An odd number of operations, twice, so that each meets both texts.
			for _, op := range append(canaryOperations(), canaryOperations()...) {
				if op.kind != "once" && op.kind != "create" {
					continue // the others are tried again, with real waits
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				err := op.run(ctx, c, canaryInstallation())
				cancel()
				if err != nil && strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), saidByServer) {
					t.Errorf("%s: the server is quoted", op.name)
				}
				if name != "trailer" && name != "header name" { // which may be no fault
					require.Error(t, err, op.name)
				}
				assertPrintsNoSecret(t, op.name, err, secrets...)
			}
			assertNoSecret(t, "logs", logs.String(), secrets...)
		})
	}
}

// serveRaw answers each connection with reply, and in it, by turns, the
// request's secrets and a text of the server's own.
func serveRaw(listener net.Listener, reply string) {
	for n := 0; ; n++ {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			r, err := http.ReadRequest(bufio.NewReader(conn))
			if err != nil {
				return
			}
			body, _ := io.ReadAll(r.Body)
			said := []string{r.Header.Get("Authorization") + " " + string(body), saidByServer}
			fmt.Fprintf(conn, reply, said[n%2])
		}()
	}
}

// saidByServer is no secret that anyone could know, and is not quoted either.
const saidByServer = "s3rver-said"

// Errors of a RoundTripper that quote the request, however they are wrapped.
type quotingError struct{ Text string }

func (e *quotingError) Error() string { return e.Text }

func TestTransportErrorsLeakNothing(t *testing.T) {
	secrets := []string{canaryToken, canaryCode, canaryClient}
	for name, wrap := range map[string]func(text string) error{
		"plain":  func(text string) error { return errors.New(text) },
		"struct": func(text string) error { return &quotingError{text} },
		"url.Error": func(text string) error {
			return &url.Error{Op: "Post", URL: "https://x/?t=" + text, Err: io.EOF}
		},
		"nested": func(text string) error {
			inner := &url.Error{Op: "x", URL: text, Err: errors.New(text)}
			return fmt.Errorf("a %w", &url.Error{Op: "Post", URL: text, Err: inner})
		},
		"around EOF": func(text string) error { return fmt.Errorf("%s: %w", text, io.EOF) },
		"around ctx": func(text string) error { return fmt.Errorf("%s: %w", text, context.Canceled) },
		"joined":     func(text string) error { return errors.Join(io.EOF, errors.New(text)) },
		"dial":       func(text string) error { return &net.OpError{Op: "dial", Net: text, Err: errors.New(text)} },
		"dns": func(text string) error {
			return &net.DNSError{Err: text, Name: text, Server: text, IsNotFound: true}
		},
		"address":     func(text string) error { return &net.AddrError{Err: text, Addr: text} },
		"certificate": func(text string) error { return &tls.CertificateVerificationError{Err: errors.New(text)} },
		"record":      func(text string) error { return tls.RecordHeaderError{Msg: text} },
		"unknown net": func(text string) error { return net.UnknownNetworkError(text) },
	} {
		inBubble(t, name, func(t *testing.T) {
			w := &wire{answer: func(_ int, r sentRequest) (*http.Response, error) {
				return nil, wrap(r.Header.Get("Authorization") + " " + r.Body)
			}}
			raw := &wire{answer: func(_ int, r sentRequest) (*http.Response, error) {
				if r.Header.Get("Authorization") != "" {
					return nil, wrap(canaryToken)
				}
				return nil, wrap(canaryClient)
			}}
			for _, transport := range []*wire{w, raw} {
				var logs syncBuffer
				c := canaryClientFor(transport, &logs)
				for _, op := range canaryOperations() {
					err := op.run(t.Context(), c, canaryInstallation())
					assertPrintsNoSecret(t, op.name, err, op.carries()...)
					assert.Equal(t, name == "around ctx", errors.Is(err, context.Canceled))
				}
				assertNoSecret(t, "logs", logs.String(), secrets...)
			}
		})
	}
}

// What is returned beside an error, and with success, prints nothing either.
func TestReturnedValuesLeakNothing(t *testing.T) {
	hook := `{"id":"a1","target":"https://bot.example/hook","triggers":["a:b"],"secret":` + quoteJSON(canaryHook) + `}`
	w := &wire{answer: func(_ int, r sentRequest) (*http.Response, error) {
		switch {
		case strings.HasSuffix(r.URL, "/token"):
			return response(200, `{"access_token":`+quoteJSON(canaryToken)+`}`), nil
		case strings.HasSuffix(r.URL, "/tokenInfo"):
			return response(200, tokenInfoReply), nil
		case strings.HasSuffix(r.URL, "/webhooks") && r.Method == "GET":
			return response(200, `{"webhooks":[`+hook+`,`+hook+`,`+hook+`]}`), nil
		case r.Method == "POST":
			return response(400, errorBody), nil
		}
		return response(200, `{"webhook":`+hook+`}`), nil
	}}
	var logs syncBuffer
	c := canaryClientFor(w, &logs)
	token, err := c.Exchange(t.Context(), sunco.NewSecret(canaryCode))
	require.NoError(t, err)
	in, err := c.Locate(t.Context(), &sunco.Installation{Token: token})
	require.NoError(t, err)
	list, err := c.ListWebhooks(t.Context(), in)
	require.NoError(t, err)
	got, err := c.GetWebhook(t.Context(), in, "a1")
	require.NoError(t, err)
	in.Webhooks = list
	other := wantedHook()
	other.Target += "2"
	_, limit := c.EnsureWebhook(t.Context(), in, other)
	require.ErrorAs(t, limit, new(*sunco.WebhookLimitError))
	app, err := c.TokenInfo(t.Context(), token)
	require.NoError(t, err)
	secrets := []string{canaryToken, canaryCode, canaryClient, canaryHook}
	for _, value := range []any{token, in, *in, list, got, limit, app, c, []any{in, c, limit}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			assertNoSecret(t, fmt.Sprintf("%T %s", value, verb), fmt.Sprintf(verb, value), secrets...)
		}
	}
	assertPrintsNoSecret(t, "limit", limit, secrets...)
	assertNoSecret(t, "logs", logs.String(), secrets...)
}
