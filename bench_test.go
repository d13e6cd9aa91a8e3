package sunco_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/sunco-go/sunco"
)

// The benchmarks come in pairs: "sunco" is this package, "bare" the least
// code that does the same call with net/http and encoding/json, with neither
// retries nor bounds nor checks. Compare them within one run.

const (
	benchTokenReply = `{"access_token":"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImFwcF82YjFmMGM5ZDRlMmE3MzU4MTB` +
		`jNGQ5ZTIiLCJhenAiOiJzaG9wbGlmdGVyIn0.eyJzY29wZSI6ImludGVncmF0aW9uIiwiYXBwSWQiOiI2YjFmMGM5ZDR` +
		`lMmE3MzU4MTBjNGQ5ZTMiLCJpYXQiOjE3NTAwMDAwMDB9.ZmFrZS1zaWduYXR1cmUtb2YtdGhlLXJpZ2h0LWxlbmd0aA` +
		`","token_type":"Bearer"}`

	benchTokenInfoReply = `{"app":{"id":"6b1f0c9d4e2a735810c4d9e3","displayName":"Acme Support","subdomain":"acme",` +
		`"settings":{"conversationRetentionSeconds":7776000,"maskCreditCardNumbers":true,"useAnimalNames":false,` +
		`"echoPostback":false,"ignoreAutoConversationStart":false,"multiConvoEnabled":true,` +
		`"appLocalizationEnabled":true},` +
		`"metadata":{"plan":"suite","seats":12}}}`
)

func benchWebhookListReply() string {
	var list []string
	for i := range 3 {
		list = append(list, fmt.Sprintf(`{"id":"6b1f0c9d4e2a735810c4d9e%d","version":"v2",`+
			`"target":"https://partner.example/zendesk/events/%d",`+
			`"triggers":["conversation:message","conversation:read"],"secret":"0f1e2d3c4b5a69788796a5b4c3d2e1f%d",`+
			`"includeFullUser":false,"includeFullSource":false}`, i, i, i))
	}
	return `{"webhooks":[` + strings.Join(list, ",") + `]}`
}

// canned answers every request with the same reply, in process.
type canned struct {
	status int
	body   string
	header http.Header
}

func newCanned(status int, body string) *canned {
	return &canned{status, body, http.Header{"Content-Type": {"application/json; charset=utf-8"}}}
}

func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	return &http.Response{
		StatusCode: c.status, ProtoMajor: 1, ProtoMinor: 1, Header: c.header,
		Body: io.NopCloser(strings.NewReader(c.body)), ContentLength: int64(len(c.body)), Request: r,
	}, nil
}

func benchClient(transport http.RoundTripper) *sunco.Client {
	return &sunco.Client{
		ClientID:     "shoplifter",
		ClientSecret: sunco.NewSecret("5b1f0c9d4e2a735810c4d9e2"),
		Marketplace:  sunco.Marketplace{Name: "Shoplifter", OrganizationID: "12345", BotID: "42"},
		HTTPClient:   &http.Client{Transport: transport},
	}
}

// bare makes one call the way it is usually written by hand.
func bare(client *http.Client, method, target, token string, in, out any) error {
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, target, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("X-Zendesk-Marketplace-Name", "Shoplifter")
	req.Header.Set("X-Zendesk-Marketplace-Organization-Id", "12345")
	req.Header.Set("X-Zendesk-Marketplace-Bot-Id", "42")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

func BenchmarkExchange(b *testing.B) {
	transport := newCanned(http.StatusOK, benchTokenReply)
	b.Run("sunco", func(b *testing.B) {
		client, code := benchClient(transport), sunco.NewSecret("417203")
		b.ReportAllocs()
		for b.Loop() {
			if _, err := client.Exchange(context.Background(), code); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		client := &http.Client{Transport: transport}
		type request struct {
			GrantType    string `json:"grant_type"`
			Code         string `json:"code"`
			ClientID     string `json:"client_id"`
			ClientSecret string `json:"client_secret"`
		}
		b.ReportAllocs()
		for b.Loop() {
			var out struct {
				AccessToken string `json:"access_token"`
				TokenType   string `json:"token_type"`
			}
			in := request{"authorization_code", "417203", "shoplifter", "5b1f0c9d4e2a735810c4d9e2"}
			if err := bare(
				client, "POST", "https://oauth-bridge.zendesk.com/sc/oauth/token", "", in, &out,
			); err != nil {
				b.Fatal(err)
			}
		}
	})
	// The way golang.org/x/oauth2 asks: the credentials as a form, the whole
	// reply read, then decoded.
	b.Run("x-oauth2-style", func(b *testing.B) {
		client := &http.Client{Transport: transport}
		b.ReportAllocs()
		for b.Loop() {
			form := url.Values{
				"grant_type": {"authorization_code"}, "code": {"417203"},
				"client_id": {"shoplifter"}, "client_secret": {"5b1f0c9d4e2a735810c4d9e2"},
			}
			req, err := http.NewRequestWithContext(
				context.Background(), "POST", "https://oauth-bridge.zendesk.com/sc/oauth/token",
				strings.NewReader(form.Encode()),
			)
			if err != nil {
				b.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			resp, err := client.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
			_ = resp.Body.Close()
			if err != nil {
				b.Fatal(err)
			}
			var token struct {
				AccessToken string `json:"access_token"`
				TokenType   string `json:"token_type"`
			}
			raw := map[string]any{}
			if json.Unmarshal(body, &token) != nil || json.Unmarshal(body, &raw) != nil || token.AccessToken == "" {
				b.Fatal("no token")
			}
		}
	})
}

// BenchmarkTokenInfo compares with code that decodes all members. TokenInfo
// leaves the settings and the metadata to those who ask for them, as "sunco, all
// members" does.
func BenchmarkTokenInfo(b *testing.B) {
	transport := newCanned(http.StatusOK, benchTokenInfoReply)
	const token = "eyJhbGciOiJIUzI1NiJ9.eyJzY29wZSI6ImludGVncmF0aW9uIn0.c2lnbmF0dXJl"
	b.Run("sunco", func(b *testing.B) {
		client := benchClient(transport)
		credential := sunco.Token{AccessToken: sunco.NewSecret(token)}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := client.TokenInfo(context.Background(), credential); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sunco, all members", func(b *testing.B) {
		client := benchClient(transport)
		credential := sunco.Token{AccessToken: sunco.NewSecret(token)}
		b.ReportAllocs()
		for b.Loop() {
			app, err := client.TokenInfo(context.Background(), credential)
			if err != nil {
				b.Fatal(err)
			}
			if app.Settings() == (sunco.AppSettings{}) || app.Metadata() == nil {
				b.Fatal("something is missing")
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		client := &http.Client{Transport: transport}
		b.ReportAllocs()
		for b.Loop() {
			var out struct {
				App struct {
					ID          string            `json:"id"`
					DisplayName string            `json:"displayName"`
					Subdomain   string            `json:"subdomain"`
					Settings    sunco.AppSettings `json:"settings"`
					Metadata    map[string]any    `json:"metadata"`
				} `json:"app"`
			}
			if err := bare(
				client, "GET", "https://oauth-bridge.zendesk.com/sc/v2/tokenInfo", token, nil, &out,
			); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkListWebhooks(b *testing.B) {
	transport := newCanned(http.StatusOK, benchWebhookListReply())
	const token = "eyJhbGciOiJIUzI1NiJ9.eyJzY29wZSI6ImludGVncmF0aW9uIn0.c2lnbmF0dXJl"
	b.Run("sunco", func(b *testing.B) {
		client := benchClient(transport)
		in := &sunco.Installation{
			AppID: "6b1f0c9d4e2a735810c4d9e3", Subdomain: "acme",
			Token: sunco.Token{AccessToken: sunco.NewSecret(token)},
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := client.ListWebhooks(context.Background(), in); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		client := &http.Client{Transport: transport}
		b.ReportAllocs()
		for b.Loop() {
			var out struct {
				Webhooks []struct {
					ID                string   `json:"id"`
					Version           string   `json:"version"`
					Target            string   `json:"target"`
					Triggers          []string `json:"triggers"`
					Secret            string   `json:"secret"`
					IncludeFullUser   bool     `json:"includeFullUser"`
					IncludeFullSource bool     `json:"includeFullSource"`
				} `json:"webhooks"`
			}
			target := "https://" + "acme" + ".zendesk.com/sc/v2/apps/" +
				"6b1f0c9d4e2a735810c4d9e3" + "/integrations/me/webhooks"
			if err := bare(client, "GET", target, token, nil, &out); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAuthorizeURL(b *testing.B) {
	const state = "Q7vJm0c3PzX9sYkT2hWbLr5nDf8gAe1uIoKxVtRqMwE"
	b.Run("sunco", func(b *testing.B) {
		client := benchClient(nil)
		client.RedirectURI = "https://partner.example/zendesk/install"
		b.ReportAllocs()
		for b.Loop() {
			if _, err := client.AuthorizeURL(state); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			values := url.Values{}
			values.Set("response_type", "code")
			values.Set("client_id", "shoplifter")
			values.Set("redirect_uri", "https://partner.example/zendesk/install")
			values.Set("state", state)
			if target := "https://oauth-bridge.zendesk.com/sc/oauth/authorize?" + values.Encode(); target == "" {
				b.Fatal("empty")
			}
		}
	})
}

func BenchmarkReadRemoval(b *testing.B) {
	var bodies [1024]string // of different apps, so that no decoder profits from repetition
	for i := range bodies {
		bodies[i] = fmt.Sprintf(
			`{"appId":"6b1f0c9d4e2a735810c4%04x","integrationId":"7c2f0c9d4e2a735810c4%04x"}`, i, i,
		)
	}
	reader := strings.NewReader("")
	request := httptest.NewRequest(http.MethodPost, "/zendesk/removed", io.NopCloser(reader))
	request.Header.Set("Content-Type", "application/json")
	b.Run("sunco", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			reader.Reset(bodies[i%len(bodies)])
			if _, err := sunco.ReadRemoval(request); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			reader.Reset(bodies[i%len(bodies)])
			var removal struct {
				AppID         string `json:"appId"`
				IntegrationID string `json:"integrationId"`
			}
			if err := json.NewDecoder(request.Body).Decode(&removal); err != nil || removal.AppID == "" {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkCustomers reports what one more customer of a Client costs: an
// installation with a 256-byte token, used once.
func BenchmarkCustomers(b *testing.B) {
	const customers = 100_000
	client := benchClient(newCanned(http.StatusOK, `{"webhooks":[]}`))
	first := &sunco.Installation{AppID: "a", Subdomain: "a", Token: sunco.Token{AccessToken: sunco.NewSecret("t")}}
	if _, err := client.ListWebhooks(context.Background(), first); err != nil { // makes what all calls share
		b.Fatal(err)
	}
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		goroutines := runtime.NumGoroutine()
		installations := make([]*sunco.Installation, customers)
		for i := range installations {
			token := strings.Repeat("t", 240) + fmt.Sprintf("%016d", i)
			installations[i] = &sunco.Installation{
				AppID:     fmt.Sprintf("%024x", i),
				Subdomain: fmt.Sprintf("customer-%d", i),
				Token:     sunco.Token{AccessToken: sunco.NewSecret(token)},
			}
			if _, err := client.ListWebhooks(context.Background(), installations[i]); err != nil {
				b.Fatal(err)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/customers, "B/customer")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines), "goroutines")
		runtime.KeepAlive(installations)
	}
}
