package main

import (
	"context"
	"net/http"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/suncotest"
)

// onFake tells the story inside this process.
func onFake(ctx context.Context, t *transcript) error {
	t.say("Nothing leaves this process: the platform is the fake of package suncotest.")
	t.say("-h explains how to do the same with Zendesk.")

	platform := suncotest.New(suncotest.Config{RemoveURL: "https://partner.example/zendesk/removed"})
	defer platform.Close()
	client := &sunco.Client{
		ClientID:     suncotest.DefaultClientID,
		ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
		RedirectURI:  "https://partner.example/callback",
		Marketplace:  sunco.Marketplace{Name: "Shoplifter", OrganizationID: "12345", BotID: "42"},
		HTTPClient:   &http.Client{Transport: sent{platform.Client().Transport, t}},
	}
	partner := newPartner(client)
	defer func() { _ = partner.removal.Close(ctx) }()
	platform.Mount("partner.example", received(t, partner.handler()))

	s := &story{
		transcript: t,
		partner:    partner,
		target:     "https://partner.example/zendesk/events",
		visit: func(ctx context.Context, authorizeURL string) (*http.Request, error) {
			back, err := platform.Allow(ctx, authorizeURL, suncotest.DefaultSubdomain)
			for _, r := range platform.Requests() {
				t.say("browser: %v", r)
			}
			if err != nil {
				return nil, err
			}
			t.say("The customer chose the account acme and pressed Allow.")
			return http.NewRequestWithContext(ctx, http.MethodGet, back.String(), nil)
		},
		confirm: func(string) bool { return true },
		patient: time.Minute,
	}
	return s.tell(ctx)
}
