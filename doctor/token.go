package doctor

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/internal/ident"
	"github.com/sunco-go/sunco/internal/lenient"
)

// checkToken asks whether the token lives, for which app, and where that app is.
func (r *run) checkToken(ctx context.Context) error {
	if r.stored == nil {
		return nil
	}
	r.checkClaims()
	found, err := r.Client.Locate(ctx, r.stored)
	input, _ := errors.AsType[*sunco.InputError](err)
	switch {
	case input != nil && input.Name == "token":
		r.add("token-malformed", "The stored token cannot be sent: "+input.Reason+".",
			"It was cut, or stored or pasted with a space or a line break.",
			"Store exactly what Secret.Reveal returned. If that is lost, let the customer install again.", err)
		return nil
	case errors.Is(err, sunco.ErrNoRegion):
		r.add("no-region", "Token info names no subdomain, and there is no legacy region.",
			"This is a legacy app. Zendesk does not say in which of its two regions such an app is.",
			"Ask the customer, and set Installation.LegacyRegion. sqlstore's Update stores it.", err)
	case err != nil:
		return r.explain(ctx, err, true)
	}
	r.checkApp(found.AppID)
	if len(r.findings) == 0 {
		r.home = found
	}
	switch {
	case r.stored.AppID == "":
		r.add("unfinished", "The installation has a token and no AppID.",
			"Installing was interrupted after the token was saved, or is in progress.",
			"Run sqlstore's Maintain. Without sqlstore: call Client.Locate and Client.EnsureWebhook, and save the result.", nil)
	case r.home != nil && !strings.EqualFold(found.Subdomain, r.stored.Subdomain):
		r.add("subdomain-renamed", fmt.Sprintf("The app is at %s, and the installation has %s.",
			r.host(found), r.host(r.stored)),
			"The customer renamed its subdomain. Calls to the old host fail with ErrMoved.",
			"Call Client.Locate and save the Subdomain; sqlstore's Maintain does it once a day.", nil)
	}
	return nil
}

// checkApp compares the app of the token with that of the installation.
func (r *run) checkApp(id string) {
	if r.stored.AppID == "" || id == r.stored.AppID ||
		slices.ContainsFunc(r.findings, func(f Finding) bool { return f.Code == "token-app" }) {
		return
	}
	if !ident.Valid(id) {
		id = "another app"
	}
	r.add("token-app", fmt.Sprintf("The token is for app %s, and the installation's AppID is %q.", id, r.stored.AppID),
		"The row holds the token of another customer.",
		"Find out how that could be stored; the AppID of a row is the one that Client.Locate returned. "+
			"Let the customer install again.", nil)
}

// checkClaims reads what a token says about itself. Nobody but Zendesk can verify it, and
// a token may be something else than a JWT: then it says nothing.
func (r *run) checkClaims() {
	var claims struct {
		Client  string  `json:"azp"`
		AppID   string  `json:"appId"`
		Expires float64 `json:"exp"`
	}
	parts := strings.Split(r.stored.Token.AccessToken.Reveal(), ".")
	if len(parts) != 3 {
		return
	}
	for _, part := range parts[:2] { // azp is in the header of the published example
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err == nil {
			_ = lenient.Decode(text, &claims)
		}
	}
	if claims.Client != "" && claims.Client != r.Client.ClientID {
		r.add("token-client", fmt.Sprintf("The token was issued to another client than %q.", r.Client.ClientID),
			"The store and the credentials belong to different partners, or to production and to a test.",
			"Use the ClientID with which the customer installed. If it has changed, let the customer install again.", nil)
	}
	if claims.AppID != "" {
		r.checkApp(claims.AppID)
	}
	if at := time.Unix(int64(claims.Expires), 0).UTC(); claims.Expires > 0 && !time.Now().Before(at) {
		r.add("token-expired", "The token says that it expired at "+at.Format(time.RFC3339)+".",
			"Zendesk refuses it. A token cannot be refreshed.", "Let the customer install again.", nil)
	}
}
