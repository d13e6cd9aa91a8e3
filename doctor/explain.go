package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sunco-go/sunco"
)

// explain adds the finding that a failed call to Zendesk is, and ends the customer's
// checks. It returns an error that says nothing about the customer.
func (r *run) explain(ctx context.Context, err error, bridge bool) error {
	if ctx.Err() != nil {
		return err
	}
	who := "Zendesk's OAuth bridge"
	if !bridge {
		who = r.host(r.home)
	}
	failed, isReply := errors.AsType[*sunco.Error](err)
	limited, isLimited := errors.AsType[*sunco.RateLimitError](err)
	switch {
	case isLimited:
		r.addLimited(who, limited)
	case r.addTLS(who, err):
	case !isReply:
		return err
	case r.addMarketplace(who, failed):
	case bridge && r.addDeadToken(failed), !bridge && r.addTenant(who, failed):
	case foreign(failed):
		r.add("proxy", fmt.Sprintf("The answer in place of %s has status %d and is not one of its API.", who, failed.Status),
			"Most likely a proxy, a firewall or a login page between this machine and Zendesk answers.",
			"Let this machine reach Zendesk directly, or let the proxy pass Zendesk's answers through.", err)
	default:
		return err
	}
	r.home = nil
	return nil
}

func (r *run) addLimited(who string, limited *sunco.RateLimitError) {
	wait := "and did not say for how long"
	if limited.RetryAfter > 0 {
		wait = "for " + limited.RetryAfter.String()
	}
	r.add("rate-limited", fmt.Sprintf("%s asked to slow down, %s.", who, wait),
		"This partner makes too many calls. Zendesk publishes no number.",
		"Spread the calls, and wait as long as RateLimitError.RetryAfter says. Run the doctor again later.", limited)
}

// addTLS adds a finding when no connection could be trusted. Zendesk's own certificates
// are in order.
func (r *run) addTLS(who string, err error) bool {
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	_, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case isInvalid && invalid.Reason == x509.Expired:
		r.add("clock", fmt.Sprintf("The certificate of %s is valid from %s to %s. The clock of this machine says %s.", who,
			invalid.Cert.NotBefore.UTC().Format(time.DateOnly), invalid.Cert.NotAfter.UTC().Format(time.DateOnly),
			time.Now().UTC().Format(time.RFC3339)),
			"The clock is wrong, so that TLS fails. If it is right, a proxy presents an old certificate.",
			"Set the clock, and keep it right with NTP.", err)
	case isCertificate || errors.Is(err, http.ErrSchemeMismatch):
		r.add("proxy", "The connection to "+who+" ends at a server without a certificate for it that this machine trusts.",
			"A proxy or a firewall that reads TLS stands between this machine and Zendesk, or the machine's "+
				"certificate authorities are missing or old.",
			"Let this machine reach Zendesk directly. Otherwise install the authority of the proxy, or the system's "+
				"package of authorities.", err)
	default:
		return false
	}
	return true
}

// addMarketplace adds a finding when a refusal can be about the marketplace headers.
func (r *run) addMarketplace(who string, failed *sunco.Error) bool {
	m := r.Client.Marketplace
	switch failed.Status {
	case http.StatusUnauthorized, http.StatusNotFound:
		return false
	}
	if failed.Code == "" || failed.Status/100 != 4 ||
		m.Name != "" && m.OrganizationID != "" && (m.BotID != "" || m.AppID != "") {
		return false
	}
	r.add("marketplace-headers", fmt.Sprintf("%s answered %d, and Client.Marketplace is incomplete.", who, failed.Status),
		"Every request of a Marketplace app must carry its name, its organization id, and its bot id or app id. "+
			"If the app is not listed yet, the token may be dead instead.",
		"Set Client.Marketplace: Name, OrganizationID, and BotID for a bot or AppID for another app.", failed)
	return true
}

// addDeadToken adds a finding when token info refuses the token. Only the API's 401 proves
// at once that it is dead.
func (r *run) addDeadToken(failed *sunco.Error) bool {
	if !errors.Is(failed, sunco.ErrUnauthorized) &&
		(failed.Code == "" || !errors.Is(failed, sunco.ErrForbidden) && !errors.Is(failed, sunco.ErrNotFound)) {
		return false
	}
	seen := fmt.Sprintf("Token info answered %d.", failed.Status)
	if failed.Code == "" || failed.Status != http.StatusUnauthorized {
		r.add("token-refused", seen, "The token may be dead. One answer of this kind does not prove it.",
			"Run the doctor again in a minute or later. If the status is the same, the token is dead: delete the "+
				"installation; sqlstore's Maintain does it for a 401.", failed)
		return true
	}
	r.add("token-dead", seen,
		"The token is dead: the customer removed the integration, or the access was revoked.",
		"Delete the installation; sqlstore's Maintain does it. If the customer wants the bot, let it install again.", failed)
	return true
}

// addTenant adds a finding when the customer's host refuses a token that the bridge
// accepts.
func (r *run) addTenant(who string, failed *sunco.Error) bool {
	refused := errors.Is(failed, sunco.ErrUnauthorized) || failed.Code != "" &&
		(errors.Is(failed, sunco.ErrForbidden) || errors.Is(failed, sunco.ErrNotFound))
	front := failed.Err == nil && failed.Status == http.StatusForbidden && failed.Code == "" && failed.Title != ""
	seen := fmt.Sprintf("%s answered %d.", who, failed.Status)
	switch {
	case refused && r.home.Subdomain == "":
		r.add("no-region", seen, "The app has no subdomain, and it is not in this legacy region.",
			"Set Installation.LegacyRegion to the other one, and save the installation.", failed)
	case refused:
		r.add("token-refused", seen, "The customer's host refuses a token that the OAuth bridge accepts.",
			"Run the doctor again in a few minutes. If it stays so, ask Zendesk; the error can have a request id.", failed)
	case front, errors.Is(failed, sunco.ErrMoved):
		if failed.Status == 0 {
			seen = who + " does not exist."
		}
		r.add("account-suspended", seen, "The account is suspended or closed. A firewall can answer so, too.",
			"Ask the customer whether its administrators can sign in. There is nothing to repair on your side.", failed)
	default:
		return false
	}
	return true
}

// foreign reports whether a complete answer is not one that Zendesk's API gives.
func foreign(failed *sunco.Error) bool {
	switch failed.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return failed.Err == nil && failed.Code == ""
	case http.StatusProxyAuthRequired, http.StatusNetworkAuthenticationRequired:
		return true
	}
	return failed.Status/100 == 3 || errors.Is(failed, sunco.ErrBadReply) && failed.Status/100 == 2
}
