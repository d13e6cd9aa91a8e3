package spec_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/suncotest"
)

// refusal is an error that the SDK can run into, and how.
type refusal struct {
	status int
	call   func(s *stage, in *sunco.Installation) error
}

// TestErrorsOfTheSDK meets the refusals. Requests and replies are checked by the
// recorder. A renamed customer's host answers as the API here; the page that it
// answers with otherwise is nothing the description speaks of.
func TestErrorsOfTheSDK(t *testing.T) {
	d := load(t)
	for name, with := range refusals() {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, d, suncotest.Config{Behavior: suncotest.Behavior{UnknownHost: suncotest.HostAPIError}})
			err := with.call(s, s.install(t.Context(), ""))
			var refused *sunco.Error
			if !errors.As(err, &refused) || refused.Status != with.status || refused.Code == "" {
				t.Errorf("got %v, want status %d with a code", err, with.status)
			}
		})
	}
}

func refusals() map[string]refusal {
	return map[string]refusal{
		"webhook without a target that answers": {400, func(s *stage, in *sunco.Installation) error {
			_, err := s.client.CreateWebhook(s.Context(), in, &sunco.Webhook{
				Target: "https://nobody.example/", Triggers: []string{sunco.TriggerUserMerge},
			})
			return err
		}},
		"spent code": {401, func(s *stage, _ *sunco.Installation) error {
			_, err := s.client.Exchange(s.Context(), sunco.NewSecret("spent"))
			return err
		}},
		"token info with a token that is none": {401, func(s *stage, _ *sunco.Installation) error {
			_, err := s.client.TokenInfo(s.Context(), sunco.Token{AccessToken: sunco.NewSecret("e30.e30.x")})
			return err
		}},
		"revoked token": {401, func(s *stage, in *sunco.Installation) error {
			s.must(s.client.Revoke(s.Context(), in))
			_, err := s.client.ListWebhooks(s.Context(), in)
			return err
		}},
		"another customer's app": {403, func(s *stage, in *sunco.Installation) error {
			other := *in
			other.AppID = strings.Repeat("0", 24)
			_, err := s.client.ListWebhooks(s.Context(), &other)
			return err
		}},
		"what an integration may not do": {403, func(s *stage, in *sunco.Installation) error {
			return s.client.Do(s.Context(), in, &sunco.Call{
				Path: "/integrations", Query: url.Values{"page[size]": {"10"}},
			})
		}},
		"no such webhook": {404, func(s *stage, in *sunco.Installation) error {
			_, err := s.client.GetWebhook(s.Context(), in, strings.Repeat("0", 24))
			return err
		}},
		"renamed customer": {404, func(s *stage, in *sunco.Installation) error {
			s.must(s.platform.Rename(in.Subdomain, "moved"))
			_, err := s.client.ListWebhooks(s.Context(), in)
			return err
		}},
	}
}

// TestRateLimit checks the body of a 429, which is documented without one.
func TestRateLimit(t *testing.T) {
	s := newStage(t, load(t), suncotest.Config{})
	in := s.install(t.Context(), "")
	s.platform.Inject(suncotest.Fault{Handle: suncotest.RetryAfter(http.StatusTooManyRequests, "3600")})
	_, err := s.client.ListWebhooks(t.Context(), in)
	var limited *sunco.RateLimitError
	if !errors.As(err, &limited) || limited.Err.Code == "" {
		t.Errorf("got %v", err)
	}
}

// TestMissingMarketplaceHeaders checks the refusal that is only assumed.
func TestMissingMarketplaceHeaders(t *testing.T) {
	s := newStage(t, load(t), suncotest.Config{Behavior: suncotest.Behavior{MarketplaceRequired: true}})
	s.client.Marketplace = sunco.Marketplace{}
	_, err := s.client.Exchange(t.Context(), s.code(""))
	if !errors.Is(err, sunco.ErrForbidden) {
		t.Errorf("got %v", err)
	}
}

// TestErrorsOfStrangers checks the replies to requests that the SDK never sends.
func TestErrorsOfStrangers(t *testing.T) {
	s := newStage(t, load(t), suncotest.Config{})
	in := s.install(t.Context(), "")
	const bridge, tenant = "https://oauth-bridge.zendesk.com/sc", "https://acme.zendesk.com/sc"
	hooks := tenant + "/v2/apps/" + in.AppID + "/integrations/me/webhooks"
	named := strings.Replace(hooks, "/me/", "/abc/", 1)
	const hook = `{"target":"` + hookURL + `","triggers":["user:merge"]}`
	rec := s.record(true)
	for _, with := range []struct {
		status                            int
		method, target, contentType, body string
		in                                *sunco.Installation
	}{
		{400, "GET", bridge + "/oauth/authorize?client_id=shoplifter", "", "", nil},
		{404, "GET", bridge + "/oauth/authorize?response_type=code&client_id=nobody", "", "", nil},
		{404, "GET", bridge + "/oauth/authorize?response_type=code&client_id=shoplifter&redirect_uri=x%3A", "", "", nil},
		{405, "PUT", bridge + "/oauth/token", "application/json", "{}", nil},
		{400, "POST", bridge + "/oauth/token", "application/json", "{}", nil},
		{400, "POST", bridge + "/oauth/token", "application/json", "[", nil},
		{415, "POST", bridge + "/oauth/token", "text/plain", "{}", nil},
		{401, "GET", bridge + "/v2/tokenInfo", "", "", nil},
		{405, "POST", bridge + "/v2/tokenInfo", "application/json", "{}", in},
		{404, "GET", tenant + "/v2/tokenInfo", "", "", in},
		{404, "GET", tenant + "/v2/nothing", "", "", in},
		{404, "GET", "https://acme.zendesk.com/v2/nothing", "", "", in},
		{405, "PATCH", hooks, "application/json", hook, in},
		{404, "GET", named, "", "", in},
		{401, "GET", hooks, "", "", nil},
		{400, "POST", hooks, "application/json", "{}", in},
		{400, "POST", hooks, "application/json", `{"target":"x","triggers":["user:merge"]}`, in},
		{400, "POST", hooks, "application/json", hook + hook, in},
		{415, "POST", hooks, "text/plain", hook, in},
		{415, "POST", hooks, "", hook, in},
		{413, "POST", hooks, "application/json", strings.Repeat(" ", 100_001), in},
		{404, "PATCH", hooks + "/abc", "application/json", "{}", in},
		{404, "DELETE", hooks + "/abc", "", "", in},
		{401, "DELETE", tenant + "/oauth/authorization", "", "", nil},
		{405, "GET", tenant + "/oauth/authorization", "", "", in},
	} {
		res := s.send(rec, with.method, with.target, with.contentType, with.body, with.in)
		if res.StatusCode != with.status {
			t.Errorf("%s %s: status %d, want %d", with.method, with.target, res.StatusCode, with.status)
		}
	}
}

// TestNulls gives the SDK the nulls that the description allows in token info.
func TestNulls(t *testing.T) {
	s := newStage(t, load(t), suncotest.Config{})
	s.platform.Inject(suncotest.Fault{Path: "/sc/v2/tokenInfo", Handle: suncotest.Reply(http.StatusOK, "application/json",
		`{"app":{"id":"0123456789abcdef01234567","displayName":null,"settings":{},"metadata":null}}`)})
	app, err := s.client.TokenInfo(t.Context(), sunco.Token{AccessToken: sunco.NewSecret("e30.e30.x")})
	s.must(err)
	if app.Metadata() != nil || app.DisplayName != "" || app.Subdomain != "" {
		t.Errorf("got %q, %v", app.DisplayName, app.Metadata())
	}
}
