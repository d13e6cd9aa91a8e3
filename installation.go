package sunco

import "log/slog"

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

var errNoInstallation = &InputError{Name: "installation", Reason: "nil"}
