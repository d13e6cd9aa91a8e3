package sunco_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

// What strangers, slow peers and odd hooks tried, each once with success.

// deadlines notes the read deadline, as a server's ResponseWriter would take it.
type deadlines struct {
	*httptest.ResponseRecorder
	set time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.set = at
	return nil
}

func TestBodiesThatNobodyReadsHaveADeadline(t *testing.T) {
	installer := newPartner(t).Installer
	removal := newRemovals(t).RemovalHandler
	removal.Keys = []sunco.Secret{sunco.NewSecret("the right key")}
	for name, tc := range map[string]struct {
		handler http.Handler
		request *http.Request
		status  int
	}{
		"removal without its key": {removal, removalRequest(removalBody), 403},
		"install by POST":         {installer, httptest.NewRequest("POST", installURL, strings.NewReader("x")), 405},
		"install with a body":     {installer, httptest.NewRequest("GET", installURL, strings.NewReader("x")), 303},
		"delivery without a key":  {&sunco.EventHandler{Lookup: nobody, OnEvent: nothing}, httptest.NewRequest("POST", "/", strings.NewReader("x")), 401},
	} {
		t.Run(name, func(t *testing.T) {
			w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
			tc.handler.ServeHTTP(w, tc.request)
			assert.Equal(t, tc.status, w.Code)
			assert.WithinDuration(t, time.Now().Add(15*time.Second), w.set, 6*time.Second)
		})
	}
}

func nobody(context.Context, *http.Request, [32]byte) (*sunco.Installation, error) { return nil, nil }
func nothing(context.Context, *sunco.Installation, *sunco.Event) error             { return nil }

// A code that somebody made up costs an exchange, and no customer's place.
func TestInstallMadeUpCodesTakeNoPlace(t *testing.T) {
	p := newPartner(t)
	p.Client.Logger = nil
	refusing := newPartner(t)
	refusing.Client.Logger, refusing.OnError = nil, nil
	refusing.Client.HTTPClient = &http.Client{Transport: always(400, `{"error":"invalid_grant"}`)}
	come := func() int {
		w := httptest.NewRecorder()
		refusing.ServeHTTP(w, httptest.NewRequest("GET", installURL, nil))
		target, err := url.Parse(w.Header().Get("Location"))
		require.NoError(t, err)
		r := httptest.NewRequest("GET", installURL+"?code=madeup&state="+target.Query().Get("state"), nil)
		for _, cookie := range w.Result().Cookies() {
			r.AddCookie(cookie)
		}
		w = httptest.NewRecorder()
		refusing.ServeHTTP(w, r)
		return w.Code
	}
	for range 10_001 {
		if status := come(); status != 502 {
			t.Fatalf("status %d: the table is full of flows that came to nothing", status)
		}
	}
}

// A removal is not lost to a bridge that takes its time.
func TestRemovalWithASlowBridge(t *testing.T) {
	for _, latency := range []time.Duration{19 * time.Second, 29 * time.Second} {
		inBubble(t, latency.String(), func(t *testing.T) {
			r := newRemovals(t)
			r.Client = newClient(&wire{answer: func(int, sentRequest) (*http.Response, error) {
				time.Sleep(latency)
				return response(401, ""), nil
			}})
			r.OnRemoved = func(ctx context.Context, _ *sunco.Installation) error {
				select {
				case <-time.After(5 * time.Second):
					r.removed = append(r.removed, "done")
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			r.call(removalBody)
			wait(time.Hour)
			assert.Equal(t, []string{"done"}, r.removed)
		})
	}
}

// A hook that ends its goroutine is one that failed.
func TestRemovalHookEndsItsGoroutine(t *testing.T) {
	inBubble(t, "goexit", func(t *testing.T) {
		r := newRemovals(t, step{status: 401})
		runs := 0
		r.OnRemoved = func(context.Context, *sunco.Installation) error {
			if runs++; runs < 20 { // more than there are places to look
				runtime.Goexit()
			}
			return nil
		}
		r.call(removalBody)
		wait(48 * time.Hour)
		assert.Equal(t, 20, runs)
	})
}

// A Lookup that hangs has a bounded number of requests hanging in it.
func TestEventLookupsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang, running := make(chan struct{}), make(chan struct{}, 10_000)
		h := &sunco.EventHandler{OnEvent: nothing, Lookup: func(context.Context, *http.Request, [32]byte) (*sunco.Installation, error) {
			running <- struct{}{}
			<-hang
			return nil, nil
		}}
		for range 1000 {
			go func() {
				r := httptest.NewRequest("POST", "/", strings.NewReader("{}"))
				r.Header.Set("X-API-Key", "stranger")
				h.ServeHTTP(httptest.NewRecorder(), r)
			}()
		}
		time.Sleep(time.Minute)
		assert.Len(t, running, 256)
		close(hang)
		require.NoError(t, h.Close(t.Context()))
	})
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
		"upper case":     {title("code " + strings.ToUpper(code)), "", []string{strings.ToUpper(code)}},
		"shortened":      {title("code " + code[:10] + "…"), "", []string{code[:10]}},
		"spaced":         {title(code[:8] + " " + code[8:]), "", []string{code[:8]}},
		"zero width":     {title(code[:5] + "\u200b" + code[5:]), "", []string{code[5:]}},
		"HTML":           {title("&#99;" + code[1:]), "", []string{code[1:]}},
		"percent twice":  {title(strings.ReplaceAll(code, "c", "%2563")), "", []string{"%2563"}},
		"hex in pairs":   {title(fmt.Sprintf("% x", code)), "", []string{fmt.Sprintf("% x", code)}},
		"code and title": {`{"errors":[{"code":` + quote(code[:8]) + `,"title":` + quote(code[8:]) + `}]}`, "", []string{code[:8], code[8:]}},
		"two errors":     {`{"errors":[{"code":"a","title":` + quote(code[:8]) + `},{"code":"b","title":` + quote(code[8:]) + `}]}`, "", []string{code[:8], code[8:]}},
		"request id":     {`{}`, code[:12], []string{code[:12]}},
		"id and title":   {title(code[8:]), code[:8], []string{code[:8], code[8:]}},
		"title and id":   {title(code[:8]), code[8:], []string{code[:8], code[8:]}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newClient(always(400, tc.body, "X-Request-Id", tc.requestID)).Exchange(t.Context(), sunco.NewSecret(code))
			require.Error(t, err)
			for _, piece := range tc.never {
				if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), piece) {
					t.Error("a piece of the code came out")
				}
			}
		})
	}
	_, err := newClient(always(400, title("Code is wrong"), "X-Request-Id", "abc")).Exchange(t.Context(), sunco.NewSecret(code))
	assert.EqualError(t, err, "sunco: exchange: 400 Bad Request: bad: Code is wrong (request abc)", "and nothing else is withheld")
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
	client := &sunco.Client{ClientID: "x", Domain: "localhost:" + port}
	_, err = client.TokenInfo(t.Context(), acme().Token)
	require.Error(t, err)
	var quoting textproto.ProtocolError
	assert.False(t, errors.As(err, &quoting))
}
