package spec_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/suncotest"
)

// lived are the operations that a whole life asks for.
var lived = []string{
	"Authorize", "GetToken", "GetTokenInfo", "CreateWebhook", "ListWebhooks", "GetWebhook",
	"UpdateWebhook", "DeleteWebhook", "RevokeAccess",
}

func TestWholeLife(t *testing.T) {
	d := load(t)
	for name, with := range map[string]struct {
		account suncotest.Account
		adjust  func(*sunco.Client)
	}{
		"JSON, bot":              {suncotest.Account{}, func(*sunco.Client) {}},
		"form":                   {suncotest.Account{}, func(c *sunco.Client) { c.FormExchange = true }},
		"without redirect URI":   {suncotest.Account{}, func(c *sunco.Client) { c.RedirectURI = "" }},
		"app that is no bot":     {suncotest.Account{}, func(c *sunco.Client) { c.Marketplace = otherApp() }},
		"no marketplace headers": {suncotest.Account{}, func(c *sunco.Client) { c.Marketplace = sunco.Marketplace{} }},
		"legacy, United States": {
			suncotest.Account{Legacy: suncotest.LegacyUS},
			func(c *sunco.Client) { c.LegacyRegion = sunco.LegacyUS },
		},
		"legacy, Europe": {
			suncotest.Account{Legacy: suncotest.LegacyEU, Metadata: map[string]any{"lang": "en", "n": 1, "b": true}},
			func(c *sunco.Client) { c.LegacyRegion = sunco.LegacyEU },
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, d, suncotest.Config{Accounts: []suncotest.Account{with.account}})
			with.adjust(s.client)
			in := s.install(t.Context(), "")
			s.webhooks(in)
			s.ensure(in)
			s.must(s.client.Revoke(t.Context(), in))
			s.checkRemoval(in)
			s.checkSeen()
		})
	}
}

func otherApp() sunco.Marketplace {
	return sunco.Marketplace{Name: "Shoplifter", OrganizationID: "12345", AppID: "7"}
}

// webhooks makes, reads, changes and deletes one with all triggers.
func (s *stage) webhooks(in *sunco.Installation) {
	s.Helper()
	ctx := s.Context()
	hook, err := s.client.CreateWebhook(ctx, in, &sunco.Webhook{
		Target: hookURL, Triggers: s.description.Triggers(), IncludeFullUser: true,
	})
	s.must(err)
	_, err = s.client.ListWebhooks(ctx, in)
	s.must(err)
	_, err = s.client.GetWebhook(ctx, in, hook.ID)
	s.must(err)
	for _, update := range []sunco.WebhookUpdate{
		{Target: hookURL + "/2"},
		{Triggers: []string{sunco.TriggerConversationMessage}},
		{IncludeFullUser: new(false), IncludeFullSource: new(true)},
	} {
		_, err = s.client.UpdateWebhook(ctx, in, hook.ID, update)
		s.must(err)
	}
	s.must(s.client.DeleteWebhook(ctx, in, hook.ID))
	_, err = s.client.ListWebhooks(ctx, in) // none is left
	s.must(err)
}

// ensure creates, adopts, repairs, and comes to the limit.
func (s *stage) ensure(in *sunco.Installation) {
	s.Helper()
	want := &sunco.Webhook{Target: hookURL, Triggers: []string{sunco.TriggerConversationMessage}}
	for range 2 {
		_, err := s.client.EnsureWebhook(s.Context(), in, want)
		s.must(err)
	}
	want.Triggers, want.IncludeFullSource = []string{sunco.TriggerUserMerge, sunco.TriggerClientAdd}, true
	_, err := s.client.EnsureWebhook(s.Context(), in, want)
	s.must(err)
	for _, path := range []string{"/2", "/3", "/4"} {
		_, err = s.client.EnsureWebhook(s.Context(), in, &sunco.Webhook{Target: hookURL + path, Triggers: want.Triggers})
	}
	var limit *sunco.WebhookLimitError
	if !errors.As(err, &limit) {
		s.Errorf("one webhook too many: %v", err)
	}
}

// checkRemoval checks that the remove URL is told exactly what is documented.
func (s *stage) checkRemoval(in *sunco.Installation) {
	s.Helper()
	var body []byte
	select {
	case body = <-s.removed:
	case <-s.Context().Done():
		s.Fatal("the remove URL was not called")
	}
	var got map[string]any
	s.must(json.Unmarshal(body, &got))
	integration, _ := got["integrationId"].(string)
	if len(got) != 2 || got["appId"] != in.AppID || integration == "" {
		s.Errorf("the remove URL was told %s", body)
	}
}

// checkSeen checks that every operation of the life passed the recorder.
func (s *stage) checkSeen() {
	s.Helper()
	var seen []string
	for _, exchange := range s.recorder.Exchanges() {
		seen = append(seen, exchange.Operation)
	}
	for _, operation := range lived {
		if !slices.Contains(seen, operation) {
			s.Errorf("%s was not checked", operation)
		}
	}
}

func TestApprovedAtOnce(t *testing.T) {
	s := newStage(t, load(t), suncotest.Config{Approve: true})
	for _, state := range []string{"", "state"} {
		authorize, err := s.client.AuthorizeURL(state)
		s.must(err)
		res := s.browse(s.recorder, authorize)
		if res.StatusCode != http.StatusFound {
			t.Fatalf("authorize answered %d", res.StatusCode)
		}
		if state == "" {
			continue
		}
		back, err := res.Location()
		s.must(err)
		_, err = s.client.Exchange(t.Context(), s.callback(back, state))
		s.must(err)
	}
}

func TestTokenInfoWithoutSubdomain(t *testing.T) {
	s := newStage(t, load(t), suncotest.Config{Behavior: suncotest.Behavior{NoSubdomain: true}})
	in, err := s.exchange(t.Context(), "")
	if !errors.Is(err, sunco.ErrNoRegion) || in == nil || in.AppID == "" {
		t.Errorf("install without a subdomain: %v", err)
	}
}

func TestUninstallTellsTheSame(t *testing.T) {
	s := newStage(t, load(t), suncotest.Config{})
	in := s.install(t.Context(), "")
	s.must(s.platform.Uninstall(in.AppID))
	s.checkRemoval(in)
}
