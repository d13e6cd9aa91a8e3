package sunco_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sunco-go/sunco"
)

// discard is the cheapest ResponseWriter.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

func stored(context.Context, *sunco.Installation) error { return nil }

// BenchmarkInstallBegin compares with a handler that only sets a cookie and
// redirects.
func BenchmarkInstallBegin(b *testing.B) {
	run := func(b *testing.B, h http.Handler) {
		r := httptest.NewRequest(http.MethodGet, installURL, nil)
		b.ReportAllocs()
		for b.Loop() {
			h.ServeHTTP(&discard{http.Header{}}, r)
		}
	}
	b.Run("sunco", func(b *testing.B) {
		run(b, &sunco.Installer{Client: benchClient(newCanned(http.StatusOK, "")), Save: stored})
	})
	b.Run("bare", func(b *testing.B) {
		run(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.SetCookie(w, &http.Cookie{
				Name: "__Host-state", Value: "state", Path: "/", MaxAge: 600,
				HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
			})
			target := bridgeBase + "/oauth/authorize?response_type=code&client_id=shoplifter&state=state"
			http.Redirect(w, r, target, http.StatusFound)
		}))
	})
}

// BenchmarkInstallCallback compares with a handler that makes the same two
// calls, over loopback sockets. Most of the difference to "bare" is that a code
// never travels over a kept-alive connection, which may be dead; the last one
// pays for that too. "sunco" includes the begin of the flow.
func BenchmarkInstallCallback(b *testing.B) {
	answer := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(body))
		}
	}
	mux := http.NewServeMux()
	mux.Handle("POST /sc/oauth/token", answer(benchTokenReply))
	mux.Handle("GET /sc/v2/tokenInfo", answer(benchTokenInfoReply))
	server := httptest.NewServer(mux)
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())

	b.Run("sunco", func(b *testing.B) {
		client := benchClient(nil)
		client.HTTPClient, client.Domain = nil, "localhost:"+port
		benchInstall(b, client)
	})
	bare := func(b *testing.B, exchange, client *http.Client) {
		h := bareInstall(exchange, client, server.URL+"/sc")
		r := httptest.NewRequest(http.MethodGet, installURL+"?code=c0de&state=s", nil)
		b.ReportAllocs()
		for b.Loop() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusSeeOther {
				b.Fatal(w.Code)
			}
		}
		client.CloseIdleConnections()
	}
	keeping := func() *http.Client { return &http.Client{Transport: &http.Transport{}} }
	b.Run("bare", func(b *testing.B) {
		client := keeping()
		bare(b, client, client)
	})
	b.Run("bare, code on its own connection", func(b *testing.B) {
		bare(b, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, keeping())
	})
}

// benchInstall runs whole flows.
func benchInstall(b *testing.B, client *sunco.Client) {
	i, n := &sunco.Installer{Client: client, Save: stored}, 0
	begin := httptest.NewRequest(http.MethodGet, installURL, nil)
	b.ReportAllocs()
	for b.Loop() {
		begun := &discard{http.Header{}}
		i.ServeHTTP(begun, begin)
		_, state, _ := strings.Cut(begun.header.Get("Location"), "&state=")
		cookie, _, _ := strings.Cut(begun.header.Get("Set-Cookie"), ";")
		r := httptest.NewRequest(http.MethodGet, installURL+"?code=c0de&state="+state, nil)
		r.Header.Set("Cookie", cookie)
		w := httptest.NewRecorder()
		i.ServeHTTP(w, r)
		if w.Code != http.StatusSeeOther {
			b.Fatal(w.Code)
		}
		if n++; n%5000 == 0 { // which it remembers
			i = &sunco.Installer{Client: client, Save: stored}
		}
	}
	client.CloseIdleConnections()
}

// bareInstall makes the two calls and nothing else.
func bareInstall(exchange, client *http.Client, base string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := json.Marshal(map[string]string{
			"grant_type": "authorization_code", "client_id": "shoplifter", "client_secret": "s", "code": r.FormValue("code"),
		})
		var token struct {
			AccessToken string `json:"access_token"`
		}
		var info struct {
			App struct{ ID, Subdomain string }
		}
		resp, err := exchange.Post(base+"/oauth/token", "application/json", bytes.NewReader(body))
		if err == nil {
			err = json.NewDecoder(resp.Body).Decode(&token)
			_ = resp.Body.Close()
		}
		if err == nil {
			target, _ := url.Parse(base + "/v2/tokenInfo")
			header := http.Header{"Authorization": {"Bearer " + token.AccessToken}}
			req := &http.Request{Method: http.MethodGet, URL: target, Header: header}
			if resp, err = client.Do(req); err == nil {
				err = json.NewDecoder(resp.Body).Decode(&info)
				_ = resp.Body.Close()
			}
		}
		if err != nil || info.App.ID == "" {
			http.Error(w, "no", http.StatusBadGateway)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
}
