package doctor_test

import (
	"context"
	"fmt"
	"log"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/doctor"
	"github.com/sunco-go/sunco/suncotest"
)

// A customer removed the integration, and nobody told the partner.
func ExampleCheckup_Check() {
	ctx := context.Background()
	platform := suncotest.New(suncotest.Config{})
	defer platform.Close()
	client := &sunco.Client{
		ClientID:     suncotest.DefaultClientID,
		ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
		HTTPClient:   platform.Client(),
	}
	in := installed(ctx, platform, client)
	if err := platform.Uninstall(in.AppID); err != nil {
		log.Fatal(err)
	}

	checkup := doctor.Checkup{Client: client}
	findings, err := checkup.Check(ctx, in)
	if err != nil {
		log.Fatal(err) // the doctor could not look
	}
	for _, f := range findings {
		fmt.Println(f.Code)
		fmt.Println(f.Seen)
		fmt.Println(f.Means)
	}
	// Output:
	// token-dead
	// Token info answered 401.
	// The token is dead: the customer removed the integration, or the access was revoked.
}

// installed returns an installation as a store keeps it.
func installed(ctx context.Context, platform *suncotest.Platform, client *sunco.Client) *sunco.Installation {
	consent, err := client.AuthorizeURL("state")
	if err != nil {
		log.Fatal(err)
	}
	back, err := platform.Allow(ctx, consent, "")
	if err != nil {
		log.Fatal(err)
	}
	token, err := client.Exchange(ctx, sunco.NewSecret(back.Query().Get("code")))
	if err != nil {
		log.Fatal(err)
	}
	in, err := client.Locate(ctx, &sunco.Installation{Token: token})
	if err != nil {
		log.Fatal(err)
	}
	return in
}
