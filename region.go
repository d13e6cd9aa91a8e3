package sunco

import (
	"cmp"
	"context"
	"net/url"
	"strconv"
	"strings"
)

// LegacyRegion is where a legacy app lives, which is an app that has no
// subdomain. Zendesk does not say which region it is. The wrong one answers 401,
// so [Client.ListWebhooks] in each of them finds out.
type LegacyRegion string

// The regions of legacy apps. The zero LegacyRegion is none.
const (
	LegacyUS LegacyRegion = "us" // api.smooch.io
	LegacyEU LegacyRegion = "eu" // api.eu-1.smooch.io
)

const (
	defaultDomain = "zendesk.com"
	bridgeLabel   = "oauth-bridge"
	legacyUSHost  = "api.smooch.io"
	legacyEUHost  = "api.eu-1.smooch.io"
)

// realm is the domain whose hosts a Client talks to. Every host name is built
// here, and none that is not of the realm gets a credential.
type realm struct {
	scheme string // https, or http under localhost
	domain string // lower case, with the port where there is one
}

// newRealm checks Client.Domain.
func newRealm(domain string) (realm, error) {
	if domain == "" {
		domain = defaultDomain
	}
	if !visibleASCII(domain) { // before lower-casing, which makes ASCII of other scripts
		return realm{}, &InputError{Name: "domain", Reason: "contains characters that no host name has"}
	}
	if strings.Contains(domain, "/") {
		return realm{}, &InputError{Name: "domain", Reason: "not a name like zendesk.com; leave out https:// and the path"}
	}
	domain = strings.ToLower(domain)
	name, port, hasPort := strings.Cut(domain, ":")
	if hasPort && !validPort(port) {
		return realm{}, &InputError{Name: "domain", Reason: "the port is not a number from 1 to 65535"}
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if !validLabel(label) {
			return realm{}, &InputError{Name: "domain", Reason: "not a DNS name like zendesk.com or localhost:8080"}
		}
	}
	if top := labels[len(labels)-1]; strings.Trim(top, "0123456789") == "" {
		return realm{}, &InputError{Name: "domain", Reason: "an address; host names are built from it, so it must be a name"}
	}
	if name == "localhost" {
		return realm{"http", domain}, nil
	}
	return realm{"https", domain}, nil
}

func validPort(port string) bool {
	number, err := strconv.ParseUint(port, 10, 16)
	return err == nil && number > 0
}

// validLabel reports whether label is one DNS label in lower-case ASCII. A
// label with "--" in third place encodes another script (punycode, RFC 5891)
// and is refused.
func validLabel(label string) bool {
	if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		c := label[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return len(label) < 4 || label[2:4] != "--"
}

// bridge is where authorize, token and token info live.
func (r realm) bridge(path string) url.URL {
	return url.URL{Scheme: r.scheme, Host: bridgeLabel + "." + r.domain, Path: "/sc" + path}
}

// home is where everything else of one customer's app lives. The checks are
// here, and not where an installation is made, because installations are
// loaded from stores.
func (r realm) home(in *Installation) (url.URL, error) {
	if in.Subdomain != "" {
		subdomain, err := cleanSubdomain(in.Subdomain)
		if err != nil {
			return url.URL{}, err
		}
		return url.URL{Scheme: r.scheme, Host: subdomain + "." + r.domain, Path: "/sc"}, nil
	}
	if in.LegacyRegion != "" && r.domain != defaultDomain {
		return url.URL{}, &InputError{Name: "legacy region", Reason: "set, but Client.Domain is not " + defaultDomain}
	}
	switch in.LegacyRegion {
	case LegacyUS:
		return url.URL{Scheme: r.scheme, Host: legacyUSHost}, nil
	case LegacyEU:
		return url.URL{Scheme: r.scheme, Host: legacyEUHost}, nil
	case "":
		return url.URL{}, ErrNoRegion
	}
	return url.URL{}, &InputError{Name: "legacy region", Reason: "neither LegacyUS nor LegacyEU"}
}

// cleanSubdomain checks a subdomain, whoever it came from, and returns it in
// lower case.
func cleanSubdomain(subdomain string) (string, error) {
	if !visibleASCII(subdomain) {
		return "", &InputError{Name: "subdomain", Reason: "contains characters that no host name has"}
	}
	label := strings.ToLower(subdomain)
	if !validLabel(label) {
		return "", &InputError{Name: "subdomain", Reason: "not one DNS label"}
	}
	if label == bridgeLabel {
		return "", &InputError{Name: "subdomain", Reason: "names the OAuth bridge, which is not a customer"}
	}
	return label, nil
}

// trusts is the last line of defence, asked where the credential is attached:
// only the bridge, one label under the domain, or a legacy host may see one.
func (r realm) trusts(u *url.URL) bool {
	if u.Scheme != r.scheme || u.User != nil {
		return false
	}
	if label, found := strings.CutSuffix(u.Host, "."+r.domain); found {
		return validLabel(label)
	}
	return r.domain == defaultDomain && (u.Host == legacyUSHost || u.Host == legacyEUHost)
}

// BaseURL returns the base URL of an installation's API, without a trailing
// slash: "https://acme.zendesk.com/sc". It makes no request. The errors are
// [ErrNoRegion] and [*InputError].
func (c *Client) BaseURL(in *Installation) (string, error) {
	core, err := c.core()
	if err != nil {
		return "", err
	}
	if in == nil {
		return "", errNoInstallation
	}
	home, err := core.realm.home(in)
	if err != nil {
		return "", err
	}
	return home.String(), nil
}

// Locate asks token info which app the installation's token is for and where
// that app lives. It returns a copy of the installation with AppID and Subdomain
// as they are now. Call it after [Client.Exchange], and when a call fails with
// [ErrMoved], because a customer can rename its subdomain.
//
// An app without a subdomain is a legacy app. It keeps its LegacyRegion, or gets
// [Client.LegacyRegion]; if neither is set, the error is [ErrNoRegion]. The copy
// is also returned with an error, with what is known. The other errors are those
// of [Client.TokenInfo].
func (c *Client) Locate(ctx context.Context, in *Installation) (*Installation, error) {
	if in == nil {
		return nil, errNoInstallation
	}
	found := *in
	app, err := c.TokenInfo(ctx, in.Token)
	if err != nil {
		return &found, err
	}
	found.AppID, found.Subdomain = app.ID, ""
	if app.Subdomain == "" {
		found.LegacyRegion = cmp.Or(in.LegacyRegion, c.LegacyRegion)
	} else if found.Subdomain, err = cleanSubdomain(app.Subdomain); err != nil {
		return &found, err
	}
	_, err = c.BaseURL(&found)
	return &found, err
}
