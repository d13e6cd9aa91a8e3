package sunco

import "log/slog"

// Installation is what a partner stores for one customer, and all that a call
// for that customer needs. It is plain data: store its fields under AppID. The
// token and the webhooks' secrets leave through [Secret.Reveal] and return through
// [NewSecret]; encoding an Installation as JSON is an error.
//
// Every call checks the fields it uses, so that a damaged row sends nothing
// anywhere. No call modifies an Installation. It may be used by several
// goroutines.
type Installation struct {
	AppID        string       // the customer's app
	Subdomain    string       // where the app lives; empty for legacy apps
	LegacyRegion LegacyRegion // where a legacy app lives; used only without a Subdomain
	Token        Token        // authorizes calls for the integration in that app
	Webhooks     []Webhook    // whose deliveries are accepted, with their secrets
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
