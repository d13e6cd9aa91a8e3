package sunco_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/suncotest"
)

// newExample starts the fake platform and a client for it. Against Zendesk the
// client has the partner's own credentials and no HTTPClient.
func newExample(cfg suncotest.Config) (*suncotest.Platform, *sunco.Client) {
	platform := suncotest.New(cfg)
	platform.Mount("partner.example", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return platform, &sunco.Client{
		ClientID:     suncotest.DefaultClientID,
		ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
		HTTPClient:   platform.Client(),
	}
}

// allow plays the customer: it returns the code that comes back.
func allow(platform *suncotest.Platform, client *sunco.Client, subdomain string) sunco.Secret {
	const state = "7Q2ZKX5VYB3M"
	authorizeURL, err := client.AuthorizeURL(state)
	if err != nil {
		log.Fatal(err)
	}
	back, err := platform.Allow(context.Background(), authorizeURL, subdomain)
	if err != nil {
		log.Fatal(err)
	}
	code, err := sunco.ParseCallback(httptest.NewRequest(http.MethodGet, back.String(), nil), state)
	if err != nil {
		log.Fatal(err)
	}
	return code
}

// installed returns an installation on a new fake platform.
func installed() (*suncotest.Platform, *sunco.Client, *sunco.Installation) {
	platform, client := newExample(suncotest.Config{})
	token, err := client.Exchange(context.Background(), allow(platform, client, "acme"))
	if err != nil {
		log.Fatal(err)
	}
	in, err := client.Locate(context.Background(), &sunco.Installation{Token: token})
	if err != nil {
		log.Fatal(err)
	}
	return platform, client, in
}

func ExampleClient() {
	client := &sunco.Client{
		ClientID:     "shoplifter",
		ClientSecret: sunco.NewSecret("the partner's secret"),
		RedirectURI:  "https://partner.example/zendesk/install",
		Marketplace:  sunco.Marketplace{Name: "Shoplifter", OrganizationID: "12345", BotID: "42"},
	}
	fmt.Printf("%s %v\n", client.ClientID, client.ClientSecret)
	// Output: shoplifter [redacted]
}

func ExampleClient_AuthorizeURL() {
	client := &sunco.Client{ClientID: "shoplifter", RedirectURI: "https://partner.example/zendesk/install"}
	authorizeURL, err := client.AuthorizeURL("7Q2ZKX5VYB3M") // crypto/rand.Text(), kept in a cookie
	fmt.Println(strings.ReplaceAll(authorizeURL, "&", "\n&"), err)
	// Output:
	// https://oauth-bridge.zendesk.com/sc/oauth/authorize?response_type=code
	// &client_id=shoplifter
	// &redirect_uri=https%3A%2F%2Fpartner.example%2Fzendesk%2Finstall
	// &state=7Q2ZKX5VYB3M <nil>
}

func ExampleParseCallback() {
	const state = "7Q2ZKX5VYB3M" // what the flow began with
	for _, target := range []string{
		"/zendesk/install?code=417203&state=7Q2ZKX5VYB3M",
		"/zendesk/install?error=access_denied&state=7Q2ZKX5VYB3M",
		"/zendesk/install?code=417203&state=guessed",
	} {
		_, err := sunco.ParseCallback(httptest.NewRequest(http.MethodGet, target, nil), state)
		switch {
		case err == nil:
			fmt.Println("install with the code")
		case errors.Is(err, sunco.ErrAccessDenied):
			fmt.Println("the customer said no")
		case errors.Is(err, sunco.ErrStateMismatch):
			fmt.Println("not the browser that began this flow")
		}
	}
	// Output:
	// install with the code
	// the customer said no
	// not the browser that began this flow
}

func ExampleClient_Exchange() {
	platform, client := newExample(suncotest.Config{})
	defer platform.Close()
	ctx := context.Background()
	code := allow(platform, client, "acme") // from ParseCallback

	token, err := client.Exchange(ctx, code)
	if err != nil {
		log.Fatal(err)
	}
	// Store the token here: the code is spent.
	in, err := client.Locate(ctx, &sunco.Installation{Token: token})
	fmt.Println(in.AppID, in.Subdomain, in.Token, err)

	_, err = client.Exchange(ctx, code)
	fmt.Println("a code works once:", errors.Is(err, sunco.ErrUnauthorized))
	// Output:
	// 385e5d938ef09fb9c71e3a79 acme {[redacted]} <nil>
	// a code works once: true
}

func ExampleClient_TokenInfo() {
	platform, client, in := installed()
	defer platform.Close()

	app, err := client.TokenInfo(context.Background(), in.Token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(app.ID, app.Subdomain)

	if err := platform.Uninstall(in.AppID); err != nil {
		log.Fatal(err)
	}
	_, err = client.TokenInfo(context.Background(), in.Token)
	fmt.Println("dead:", errors.Is(err, sunco.ErrUnauthorized))
	// Output:
	// 385e5d938ef09fb9c71e3a79 acme
	// dead: true
}

// A customer renamed its subdomain.
func ExampleClient_Locate() {
	platform, client, in := installed()
	defer platform.Close()
	if err := platform.Rename("acme", "acme-two"); err != nil {
		log.Fatal(err)
	}

	_, err := client.ListWebhooks(context.Background(), in)
	if errors.Is(err, sunco.ErrMoved) || errors.Is(err, sunco.ErrNotFound) {
		in, err = client.Locate(context.Background(), in)
	}
	fmt.Println(in.Subdomain, err)
	// Output: acme-two <nil>
}

// A legacy app has no subdomain: which region it lives in must be said.
func ExampleClient_Locate_legacy() {
	platform, client := newExample(suncotest.Config{Accounts: []suncotest.Account{{Legacy: suncotest.LegacyEU}}})
	defer platform.Close()

	token, err := client.Exchange(context.Background(), allow(platform, client, ""))
	if err != nil {
		log.Fatal(err)
	}
	in, err := client.Locate(context.Background(), &sunco.Installation{Token: token})
	fmt.Println(errors.Is(err, sunco.ErrNoRegion))

	in.LegacyRegion = sunco.LegacyEU // or Client.LegacyRegion, for all such apps
	base, err := client.BaseURL(in)
	fmt.Println(base, err)
	// Output:
	// true
	// https://api.eu-1.smooch.io <nil>
}

func ExampleClient_BaseURL() {
	client := &sunco.Client{ClientID: "shoplifter"}
	base, err := client.BaseURL(&sunco.Installation{Subdomain: "acme"})
	fmt.Println(base, err)
	_, err = client.BaseURL(&sunco.Installation{Subdomain: "evil.example/"})
	fmt.Println(err)
	// Output:
	// https://acme.zendesk.com/sc <nil>
	// sunco: subdomain: not one DNS label
}

func ExampleClient_EnsureWebhook() {
	platform, client, in := installed()
	defer platform.Close()
	want := &sunco.Webhook{
		Target:   "https://partner.example/zendesk/events",
		Triggers: []string{sunco.TriggerConversationMessage},
	}

	first, err := client.EnsureWebhook(context.Background(), in, want)
	if err != nil {
		log.Fatal(err)
	}
	again, err := client.EnsureWebhook(context.Background(), in, want)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(first.ID == again.ID, len(platform.Webhooks()))
	// Output: true 1
}

func ExampleClient_CreateWebhook() {
	platform, client, in := installed()
	defer platform.Close()

	hook, err := client.CreateWebhook(context.Background(), in, &sunco.Webhook{
		Target:   "https://partner.example/zendesk/events",
		Triggers: []string{sunco.TriggerConversationMessage},
	})
	if err != nil {
		log.Fatal(err)
	}
	in.Webhooks = append(in.Webhooks, *hook) // its secret authenticates deliveries
	fmt.Println(hook.Target, hook.Triggers, hook.Secret)
	// Output: https://partner.example/zendesk/events [conversation:message] [redacted]
}

func ExampleClient_GetWebhook() {
	platform, client, in := installed()
	defer platform.Close()
	hook, err := client.CreateWebhook(context.Background(), in, &sunco.Webhook{
		Target:   "https://partner.example/zendesk/events",
		Triggers: []string{sunco.TriggerConversationMessage},
	})
	if err != nil {
		log.Fatal(err)
	}

	again, err := client.GetWebhook(context.Background(), in, hook.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(again.Target, again.Secret.Equal(hook.Secret))
	// Output: https://partner.example/zendesk/events true
}

func ExampleClient_UpdateWebhook() {
	platform, client, in := installed()
	defer platform.Close()
	hook, err := client.CreateWebhook(context.Background(), in, &sunco.Webhook{
		Target:          "https://partner.example/zendesk/events",
		Triggers:        []string{sunco.TriggerConversationMessage},
		IncludeFullUser: true,
	})
	if err != nil {
		log.Fatal(err)
	}

	updated, err := client.UpdateWebhook(context.Background(), in, hook.ID, sunco.WebhookUpdate{
		IncludeFullUser: new(false), // everything else stays
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(updated.Triggers, updated.IncludeFullUser)
	// Output: [conversation:message] false
}

func ExampleClient_ListWebhooks() {
	platform, client, in := installed()
	defer platform.Close()
	for _, path := range []string{"/events", "/audit"} {
		if _, err := client.CreateWebhook(context.Background(), in, &sunco.Webhook{
			Target:   "https://partner.example" + path,
			Triggers: []string{sunco.TriggerConversationMessage},
		}); err != nil {
			log.Fatal(err)
		}
	}

	hooks, err := client.ListWebhooks(context.Background(), in)
	if err != nil {
		log.Fatal(err)
	}
	for _, hook := range hooks {
		fmt.Println(hook.Target)
	}
	// Output:
	// https://partner.example/events
	// https://partner.example/audit
}

func ExampleClient_DeleteWebhook() {
	platform, client, in := installed()
	defer platform.Close()
	hook, err := client.CreateWebhook(context.Background(), in, &sunco.Webhook{
		Target:   "https://partner.example/zendesk/events",
		Triggers: []string{sunco.TriggerConversationMessage},
	})
	if err != nil {
		log.Fatal(err)
	}

	fmt.Println(client.DeleteWebhook(context.Background(), in, hook.ID))
	_, err = client.GetWebhook(context.Background(), in, hook.ID)
	fmt.Println(errors.Is(err, sunco.ErrNotFound))
	// Output:
	// <nil>
	// true
}

func ExampleClient_Revoke() {
	platform, client, in := installed()
	defer platform.Close()

	fmt.Println(client.Revoke(context.Background(), in))
	fmt.Println(client.Revoke(context.Background(), in)) // again is safe
	fmt.Println(len(platform.Installations()))
	// Output:
	// <nil>
	// <nil>
	// 0
}

// A bot answers what a customer's user wrote.
func ExampleClient_Do() {
	platform, client, in := installed()
	defer platform.Close()
	if err := platform.Say(in.AppID, "steve", "Where is my order?"); err != nil {
		log.Fatal(err)
	}
	conversation := platform.Conversations(in.AppID)[0].ID // from the event's payload

	message := map[string]any{
		"author":  map[string]any{"type": "business"},
		"content": map[string]any{"type": "text", "text": "On its way."},
	}
	var reply struct {
		Messages []struct {
			Content struct {
				Text string `json:"text"`
			} `json:"content"`
		} `json:"messages"`
	}
	path := "/conversations/" + url.PathEscape(conversation) + "/messages"
	err := client.Do(
		context.Background(), in, &sunco.Call{Method: http.MethodPost, Path: path, Body: message, Out: &reply},
	)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(reply.Messages[0].Content.Text)
	// Output: On its way.
}

func ExampleRemovalHandler() {
	platform, client := newExample(suncotest.Config{RemoveURL: "https://partner.example/zendesk/removed"})
	defer platform.Close()
	token, err := client.Exchange(context.Background(), allow(platform, client, "acme"))
	if err != nil {
		log.Fatal(err)
	}
	in, err := client.Locate(context.Background(), &sunco.Installation{Token: token})
	if err != nil {
		log.Fatal(err)
	}

	removed := make(chan string)
	handler := &sunco.RemovalHandler{
		Client: client,
		Lookup: func(_ context.Context, appID string) (*sunco.Installation, error) {
			if appID != in.AppID {
				return nil, nil // SELECT … WHERE app_id = ?
			}
			return in, nil
		},
		OnRemoved: func(_ context.Context, in *sunco.Installation) error {
			removed <- in.AppID // DELETE … WHERE app_id = ? AND generation = ?
			return nil
		},
	}
	mux := http.NewServeMux()
	mux.Handle("/zendesk/removed", handler)
	platform.Mount("partner.example", mux)

	if err := platform.Uninstall(in.AppID); err != nil { // the customer does
		log.Fatal(err)
	}
	fmt.Println(<-removed, "is gone")

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(handler.Close(ctx))
	// Output:
	// 385e5d938ef09fb9c71e3a79 is gone
	// <nil>
}

func ExampleReadRemoval() {
	r := httptest.NewRequest(
		http.MethodPost, "/zendesk/removed",
		strings.NewReader(`{"appId":"385e5d938ef09fb9c71e3a79","integrationId":"9a47d20e6cb1853f7e5402d8"}`),
	)
	r.Header.Set("Content-Type", "application/json")

	removal, err := sunco.ReadRemoval(r)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("somebody says", removal.AppID, "is gone") // unproven
	// Output: somebody says 385e5d938ef09fb9c71e3a79 is gone
}

// An installation is stored field by field. The token leaves through Reveal and
// returns through NewSecret; sealing it in between is the store's business.
func ExampleSecret() {
	platform, client, in := installed()
	defer platform.Close()

	row := struct{ appID, subdomain, token string }{in.AppID, in.Subdomain, in.Token.AccessToken.Reveal()}

	loaded := &sunco.Installation{
		AppID:     row.appID,
		Subdomain: row.subdomain,
		Token:     sunco.Token{AccessToken: sunco.NewSecret(row.token)},
	}
	hooks, err := client.ListWebhooks(context.Background(), loaded)
	fmt.Println(len(hooks), err, loaded.Generation() == in.Generation())
	// Output: 0 <nil> true
}
