package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/suncotest"
)

const fakePublic = "https://probe.example"

// hasty returns the waits for the fake, which does everything at once.
func hasty() waits {
	return waits{
		pause: 10 * time.Millisecond, poll: 10 * time.Millisecond, settle: 200 * time.Millisecond,
		hold:  500 * time.Millisecond,
		click: time.Minute, code: time.Second, retries: 10 * time.Second,
		death: 10 * time.Second, quiet: time.Second, removed: 10 * time.Second,
	}
}

// onFake runs against a platform inside this process.
func onFake(ctx context.Context, o options, out io.Writer) error {
	fmt.Fprintln(out, "Nothing leaves this process: the platform is the fake of package suncotest.")
	fmt.Fprintln(out, "-h explains how to ask Zendesk.")
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	platform := suncotest.New(fakeConfig(o.subdomain, suncotest.Behavior{DeliveryRetryInterval: 100 * time.Millisecond}))
	defer platform.Close()
	p, err := newFakeProbe(ctx, stop, platform, o, hasty())
	if err != nil {
		return err
	}
	platform.Mount("probe.example", p.inbox)
	p.out = out
	return p.runAndReport(ctx)
}

func fakeConfig(subdomain string, b suncotest.Behavior) suncotest.Config {
	return suncotest.Config{
		RedirectURIs: []string{fakePublic + partner.InstallPath},
		RemoveURL:    fakePublic + partner.RemovedPath,
		Accounts:     []suncotest.Account{{Subdomain: subdomain}},
		Behavior:     b,
	}
}

// newFakeProbe returns a probe in the network of a platform, which plays the administrator.
func newFakeProbe(
	ctx context.Context, stop context.CancelCauseFunc, platform *suncotest.Platform, o options, w waits,
) (*probe, error) {
	a, err := newAPI(&sunco.Client{
		ClientID:     suncotest.DefaultClientID,
		ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
		RedirectURI:  fakePublic + partner.InstallPath,
		Marketplace:  sunco.Marketplace{Name: "Shoplifter", OrganizationID: "12345", BotID: "42"},
	}, platform.Client().Transport, w.pause)
	if err != nil {
		return nil, err
	}
	p := newProbe(ctx, stop, a, o, w, fakePublic)
	p.person = func(ctx context.Context, authorizeURL, press string) (url.Values, error) {
		answer := platform.Deny
		if strings.HasPrefix(press, "Allow") {
			answer = func(ctx context.Context, at string) (*url.URL, error) { return platform.Allow(ctx, at, o.subdomain) }
		}
		back, err := answer(ctx, authorizeURL)
		if err != nil {
			return nil, err
		}
		return back.Query(), nil
	}
	return p, nil
}
