package sunco

import (
	"context"
	"log/slog"
)

// Installation is what a partner stores for one customer, and all that is
// needed to act for it. It is plain data: store its fields under AppID, which
// is the key that a removal names. The token, and the secret of each webhook,
// leave through [Secret.Reveal] and return through [NewSecret]; encoding an
// Installation as JSON fails on purpose.
//
// Every call checks the fields it uses again, so that a row which was damaged
// or tampered with in a store sends nothing anywhere. No call modifies an
// Installation; it may be used by several goroutines.
type Installation struct {
	AppID        string       // the customer's app
	Subdomain    string       // where the app lives; empty for legacy apps
	LegacyRegion LegacyRegion // where a legacy app lives; used only without a Subdomain
	Token        Token        // acts for the integration in that app
	Webhooks     []Webhook    // whose deliveries are expected, with their secrets; kept by the partner
}

// Generation is that of the installation's token; see [Token.Generation]. A
// nil Installation has generation "".
func (in *Installation) Generation() string {
	if in == nil {
		return ""
	}
	return in.Token.Generation()
}

// LogValue implements [slog.LogValuer]. The token is left out.
func (in *Installation) LogValue() slog.Value {
	if in == nil {
		return slog.Value{}
	}
	return slog.GroupValue(
		slog.String("app_id", in.AppID),
		slog.String("subdomain", in.Subdomain),
		slog.String("legacy_region", string(in.LegacyRegion)),
		slog.String("generation", in.Generation()),
	)
}

// Install turns the code of a callback into an installation: [Client.Exchange]
// and then [Client.Locate].
//
// Once a token exists it is returned, with an error too: a code works once,
// and without its token the customer's integration stays installed but unusable.
// So store what comes back whenever it is not nil, and finish later with
// Locate. Its AppID then comes from the token's unverified claims, which is good
// enough to find it again, and is empty when they cannot be read.
//
// A customer may install again. Then keep what is stored under the AppID and
// replace the Token; and the Subdomain when the new one is not empty. The
// webhooks of the first installation still deliver with their secrets.
func (c *Client) Install(ctx context.Context, code Secret) (*Installation, error) {
	token, err := c.Exchange(ctx, code)
	if err != nil {
		return nil, err
	}
	in := &Installation{Token: *token}
	if claims, err := token.UnverifiedClaims(); err == nil && validID(claims.AppID) {
		in.AppID = claims.AppID
	}
	return c.Locate(ctx, in)
}

var errNoInstallation = &InputError{Name: "installation", Reason: "nil"}
