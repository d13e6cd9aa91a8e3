package suncotest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

func overBoth(t *testing.T, f func(t *testing.T, w *world)) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, suncotest.Config{})
				transport := w.p.Transport()
				if proto == "HTTP/1.1" {
					transport.ForceAttemptHTTP2 = false
					transport.TLSClientConfig.NextProtos = []string{"http/1.1"}
				}
				w.client.Transport = transport
				require.Equal(t, proto, w.do(http.MethodGet, tokenInfoURL, "").Proto)
				f(t, w)
			})
		})
	}
}

func TestHandleFaults(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		code := w.code("acme")
		exchange := func() (answer, error) {
			return w.try(http.MethodPost, bridgeURL+"/oauth/token", tokenBody(code), "Content-Type", jsonType)
		}
		inject := func(h suncotest.Handle) {
			w.p.Inject(suncotest.Fault{Method: http.MethodPost, Path: "/sc/OAuth/token", Handle: h})
		}
		inject(suncotest.Reply(418, "text/teapot", "short and stout"))
		a, err := exchange()
		require.NoError(t, err)
		assert.Equal(t, answer{418, a.Header, "short and stout", a.Proto}, a)
		assert.Equal(t, "text/teapot", a.Header.Get("Content-Type"))

		inject(suncotest.Reply(204, "", ""))
		a, err = exchange()
		require.NoError(t, err)
		assert.Equal(t, 204, a.Status)

		inject(suncotest.RetryAfter(429, "soon"))
		a, err = exchange()
		require.NoError(t, err)
		assert.Equal(t, "soon", a.Header.Get("Retry-After"))
		requireProblem(t, a, 429)

		inject(suncotest.Redirect(307, "https://evil.example/"))
		a, err = exchange()
		require.NoError(t, err)
		assert.Equal(t, 307, a.Status)
		assert.Equal(t, "https://evil.example/", a.Header.Get("Location"))

		inject(suncotest.Reset)
		_, err = exchange()
		require.ErrorIs(t, err, syscall.ECONNRESET)
		last := w.p.Requests()[len(w.p.Requests())-1]
		assert.Equal(t, "POST oauth-bridge.zendesk.com/sc/oauth/token no answer", last.String())
		assert.Empty(t, w.p.Installations(), "nothing was processed")
	})
}

func TestFaultsAfterProcessing(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		code := w.code("acme")
		exchange := func() (answer, error) {
			return w.try(http.MethodPost, bridgeURL+"/oauth/token", tokenBody(code), "Content-Type", jsonType)
		}
		inject := func(h suncotest.Handle) {
			w.p.Inject(suncotest.Fault{Method: http.MethodPost, Path: "/sc/oauth/token", Handle: h})
		}
		inject(suncotest.Truncate)
		a, err := exchange()
		require.Error(t, err)
		assert.Equal(t, 200, a.Status)
		assert.NotEmpty(t, a.Body)
		assert.Len(t, w.p.Installations(), 1, "it was processed")

		code = w.code("acme")
		inject(suncotest.ResetAfter)
		_, err = exchange()
		require.ErrorIs(t, err, syscall.ECONNRESET)
		assert.Equal(t, 2, w.p.Installations()[0].Tokens, "it was processed")
		requireProblem(t, w.exchange(code), 401)
	})
}

func TestHang(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		for _, h := range []suncotest.Handle{suncotest.Hang, suncotest.HangAfter} {
			w.p.Inject(suncotest.Fault{Handle: h})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			start := time.Now()
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, bridgeURL+"/oauth/token", strings.NewReader("{}"))
			require.NoError(t, err)
			_, err = w.client.Do(req)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, time.Minute, time.Since(start))
		}
	})
}

func TestFaultMatching(t *testing.T) {
	w := newWorld(t, threeCustomers())
	teapot := suncotest.Reply(418, "", "")
	status := func(method, at string) int { return w.do(method, at, "").Status }
	w.p.Inject(suncotest.Fault{Host: "*.zendesk.com", Path: "/sc/v2/apps/*/integrations/me/webhooks", Times: -1,
		Handle: teapot})
	hooks := w.hooksURL(acmeURL, "acme")
	assert.Equal(t, 418, status("GET", hooks))
	assert.Equal(t, 418, status("POST", hooks))
	assert.Equal(t, 401, status("GET", hooks+"/1"))
	assert.Equal(t, 401, status("GET", w.hooksURL("https://api.smooch.io", "legacy-us")))
	w.p.ClearFaults()
	assert.Equal(t, 401, status("GET", hooks))

	w.p.Inject(suncotest.Fault{Host: "ACME.zendesk.com", Method: "DELETE", Skip: 1, Times: 2, Handle: teapot})
	var got []int
	for range 4 {
		got = append(got, status("DELETE", hooks+"/1"))
	}
	assert.Equal(t, []int{401, 418, 418, 401}, got)

	w.p.Inject(suncotest.Fault{Handle: func(_ http.ResponseWriter, r *http.Request,
		next http.Handler) {
		panic(http.ErrAbortHandler)
	}})
	w.p.Inject(suncotest.Fault{Path: "/sc/oauth/token",
		Handle: func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			body, err := io.ReadAll(r.Body)
			assert.NoError(t, err)
			rw.Header().Set("X-Around", string(body))
			next.ServeHTTP(rw, r)
		}})
	_, err := w.try(http.MethodPost, tokenInfoURL, "x")
	require.Error(t, err)
	a := w.do(http.MethodPost, bridgeURL+"/oauth/token", tokenBody(w.code("acme")), "Content-Type", jsonType)
	assert.Equal(t, 200, a.Status, "the platform read the body again")
	assert.Contains(t, a.Header.Get("X-Around"), "authorization_code")

	for name, f := range map[string]suncotest.Fault{
		"nothing": {}, "two": {Dial: os.ErrDeadlineExceeded, Handle: teapot}, "pattern": {Path: "[", Handle: teapot},
	} {
		assert.Panics(t, func() { w.p.Inject(f) }, name)
	}
}

func TestConnectionFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, suncotest.Config{})
		try := func(f suncotest.Fault) (time.Duration, error) {
			synctest.Wait() // until the last connection is idle
			w.client.CloseIdleConnections()
			f.Host = "oauth-bridge.zendesk.com"
			w.p.Inject(f)
			start, before := time.Now(), len(w.p.Requests())
			_, err := w.try(http.MethodGet, tokenInfoURL, "")
			require.Error(t, err)
			assert.Len(t, w.p.Requests(), before, "no request arrived")
			requireProblem(t, w.do(http.MethodGet, tokenInfoURL, ""), 401)
			return time.Since(start), err
		}
		for _, cause := range []error{syscall.ECONNREFUSED, os.ErrDeadlineExceeded,
			&net.DNSError{Err: "temporary", IsTemporary: true}} {
			_, err := try(suncotest.Fault{Dial: cause})
			require.ErrorIs(t, err, cause)
			var op *net.OpError
			require.ErrorAs(t, err, &op)
			assert.Equal(t, "dial", op.Op)
		}
		_, err := try(suncotest.Fault{Conn: suncotest.ResetHandshake})
		require.ErrorIs(t, err, syscall.ECONNRESET)
		_, err = try(suncotest.Fault{Conn: suncotest.PlainHTTP})
		var record tls.RecordHeaderError
		if !errors.As(err, &record) {
			assert.ErrorContains(t, err, "server gave HTTP response to HTTPS client")
		}
		_, err = try(suncotest.Fault{Conn: suncotest.StrangerCertificate})
		var unknown x509.UnknownAuthorityError
		require.ErrorAs(t, err, &unknown)
		took, err := try(suncotest.Fault{Conn: suncotest.Silent})
		require.ErrorContains(t, err, "TLS handshake timeout")
		assert.Equal(t, 10*time.Second, took)
	})
}

func TestRecordShowsNoCredential(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	w.do(http.MethodPost, bridgeURL+"/oauth/token?q=canary", "canary", "Authorization", "Bearer canary",
		"Content-Type", jsonType)
	all := w.p.Requests()
	require.Len(t, all, 1)
	r := all[0]
	assert.Equal(t, "q=canary", r.RawQuery)
	assert.Equal(t, "canary", string(r.Body))
	assert.Equal(t, "Bearer canary", r.Header.Get("Authorization"))
	assert.Equal(t, 400, r.Status)
	var printed bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
		fmt.Fprintf(&printed, verb, r)
		fmt.Fprintf(&printed, verb, &r)
		fmt.Fprintf(&printed, verb, all)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&printed, nil), slog.NewJSONHandler(&printed, nil)} {
		slog.New(h).Info("seen", "one", r, "all", all)
	}
	encoded, err := json.Marshal(all)
	require.NoError(t, err)
	printed.Write(encoded)
	assert.NotContains(t, printed.String(), "canary")
	assert.NotContains(t, printed.String(), "63616e617279")
	assert.Contains(t, printed.String(), "POST oauth-bridge.zendesk.com/sc/oauth/token 400")

	r.Header.Set("Authorization", "changed")
	r.Body[0] = 'x'
	assert.Equal(t, "Bearer canary", w.p.Requests()[0].Header.Get("Authorization"), "a copy")
}

func TestRecordIsBounded(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	for i := range 1010 {
		w.do(http.MethodGet, fmt.Sprintf("%s/x%d", bridgeURL, i), "")
	}
	all := w.p.Requests()
	require.Len(t, all, 1000)
	assert.Equal(t, "/sc/x10", all[0].Path)
	assert.Equal(t, "/sc/x1009", all[999].Path)
}

func TestLog(t *testing.T) {
	lines := make(chan string, 10)
	w := newWorld(t, suncotest.Config{Log: func(r suncotest.Request) { lines <- r.String() }})
	w.p.Inject(suncotest.Fault{Path: "/sc/v2", Handle: suncotest.Reset})
	_, err := w.try(http.MethodGet, tokenInfoURL, "")
	require.Error(t, err)
	assert.Equal(t, "GET oauth-bridge.zendesk.com/sc/v2/tokenInfo no answer", <-lines)
	_, err = w.try(http.MethodGet, acmeURL+"/v2/nothing?key=canary", "")
	require.NoError(t, err)
	assert.Equal(t, "GET acme.zendesk.com/sc/v2/nothing 404 (The API has no such path)", <-lines)
	w.p.Close()
	assert.Empty(t, lines)
}
