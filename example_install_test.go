package sunco_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/suncotest"
)

// A partner's site with one handler at its redirect URL, and a browser that
// follows the link "Add to Zendesk".
func ExampleInstaller() {
	const redirectURI = "https://shoplifter.example/zendesk/install"
	platform := suncotest.New(suncotest.Config{
		RedirectURIs: []string{redirectURI},
		Approve:      true, // the customer presses Allow
	})
	defer platform.Close()

	mux := http.NewServeMux()
	mux.Handle("/zendesk/install", &sunco.Installer{
		Client: &sunco.Client{
			ClientID:     suncotest.DefaultClientID,
			ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
			RedirectURI:  redirectURI,
			HTTPClient:   platform.Client(), // leave it out in production
		},
		Save: func(ctx context.Context, in *sunco.Installation) error {
			if in.AppID == "" {
				fmt.Println("storing a token whose app is not known yet")
			} else {
				fmt.Println("storing the installation of", in.Subdomain)
			}
			return nil
		},
		OnError: func(w http.ResponseWriter, r *http.Request, in *sunco.Installation, err error) {
			fmt.Println("not installed:", err)
		},
	})
	mux.HandleFunc("/settings", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("back at", r.URL)
	})
	platform.Mount("shoplifter.example", mux)

	browser := platform.Client()
	browser.Jar, _ = cookiejar.New(nil)
	resp, err := browser.Get(redirectURI + "?return_to=/settings")
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	// Output:
	// storing a token whose app is not known yet
	// storing the installation of acme
	// back at /settings
}
