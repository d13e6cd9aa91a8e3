package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sunco-go/sunco"
)

// checkTargets calls the targets of the webhooks as Zendesk does, from this machine.
func (r *run) checkTargets(ctx context.Context) error {
	if r.home == nil {
		return nil
	}
	for _, want := range r.wanted() {
		if want.Target == "" {
			continue // a store may keep no more than the secret
		}
		if err := r.checkTarget(ctx, want.Target); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) checkTarget(ctx context.Context, raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return &sunco.InputError{Name: "webhook target", Reason: "not an absolute URL"}
	}
	host := targetHost(raw)
	if u.Scheme == "http" && !r.sandbox() {
		r.add("target-plain-http", "The target at "+host+" is plain HTTP.",
			"Everybody on the way can read the messages, and the secret that authenticates deliveries. "+
				"The doctor therefore sent no delivery.", "Serve the target over HTTPS and change the webhook's target.", nil)
	}
	head, err := r.call(ctx, http.MethodHead, u, nil, sunco.Secret{})
	if err != nil {
		return err
	}
	if !r.sandbox() && (head.private || privateName(u.Hostname())) {
		r.add("target-private", "The target's host "+host+" leads to this machine or into a private network.",
			"Zendesk cannot reach it, unless the name leads elsewhere outside.",
			"Use a public address. For development, use a tunnel or a sandbox.", nil)
	}
	switch {
	case head.err != nil && !head.connected:
		r.addUnreachable(host, head.err)
		return nil
	case head.status/100 == 3:
		r.addRedirect(host, http.MethodHead, head.status)
		return nil
	case head.status/100 != 2:
		origin := &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"}
		root, err := r.call(ctx, http.MethodHead, origin, nil, sunco.Secret{})
		if err != nil {
			return err
		}
		if root.status/100 != 2 {
			r.add("target-head",
				fmt.Sprintf("HEAD to the target at %s was answered %s, and to / %s.", host, head.said(), root.said()),
				"Zendesk sends both before it accepts a webhook, and refuses one where neither answers 2xx.",
				"Mount the EventHandler without a method, and let middlewares pass HEAD.", head.err)
		}
	}
	if u.Scheme == "http" && !r.sandbox() {
		return nil
	}
	return r.deliver(ctx, u)
}

// deliver sends a delivery without events, under the stored key of a webhook that has
// this target.
func (r *run) deliver(ctx context.Context, u *url.URL) error {
	i := slices.IndexFunc(r.stored.Webhooks, func(w sunco.Webhook) bool {
		return !w.Secret.IsZero() && (w.Target == "" || sameTarget(w.Target, u.String()))
	})
	if i < 0 || r.stored.AppID == "" {
		return nil // which is a finding already
	}
	hook := &r.stored.Webhooks[i]
	body := fmt.Appendf(nil, `{"app":{"id":%q},"webhook":{"id":%q,"version":"v2"},"events":[]}`, r.stored.AppID, hook.ID)
	answer, err := r.call(ctx, http.MethodPost, u, body, hook.Secret)
	switch {
	case err != nil:
		return err
	case answer.status/100 == 3:
		r.addRedirect(targetHost(u.String()), http.MethodPost, answer.status)
	case answer.status/100 != 2:
		means, known := refusals[answer.status]
		if !known {
			means = "An EventHandler does not answer so: another program, a middleware or a proxy does."
		}
		r.add("target-refuses", fmt.Sprintf("A delivery without events under the stored key of webhook %s was answered %s.",
			hook.ID, answer.said()), means,
			"Look at the EventHandler's log, at level Debug: it has a line for each delivery that is not acknowledged.",
			answer.err)
	}
	return nil
}

// refusals is what the statuses of a [sunco.EventHandler] mean here.
var refusals = map[int]string{
	0: "Zendesk waits 20 seconds for an answer, tries five times in 15 minutes, and then drops the events.",
	http.StatusBadRequest: "The target could not read the delivery: a middleware may have changed or read the body. " +
		"Zendesk never delivers an event again after 400.",
	http.StatusUnauthorized: "The target's Lookup finds an installation that does not have this secret. " +
		"Zendesk never delivers an event again after 401.",
	http.StatusForbidden: "The target's Lookup finds an installation of another app, or with another webhook id. " +
		"Zendesk never delivers an event again after 403.",
	http.StatusNotFound: "The path of the target leads to no handler. Zendesk never delivers an event again after 404.",
	http.StatusServiceUnavailable: "The target's Lookup finds no installation with this secret, or fails: " +
		"it may look into another database.",
}

func (r *run) addRedirect(host, method string, status int) {
	r.add("target-redirects",
		fmt.Sprintf("%s to the target at %s was answered %d, which redirects.", method, host, status),
		"Zendesk does not promise to follow redirects, and a redirected delivery can lose its body.",
		"Use the URL at the end of the redirect as the webhook's target.", nil)
}

// addUnreachable adds the finding that a failed connection is.
func (r *run) addUnreachable(host string, err error) {
	bad, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, isUnknown := errors.AsType[x509.UnknownAuthorityError](err)
	switch {
	case isUnknown && isCertificate && issuerMissing(bad.UnverifiedCertificates):
		r.add("target-chain", fmt.Sprintf("%s did not send the certificate of %q, which issued its own.", host,
			bad.UnverifiedCertificates[0].Issuer.CommonName),
			"The certificate chain is incomplete. Browsers fetch what is missing, other programs refuse the connection.",
			"Let the server send the whole chain; authorities deliver it in a file of its own.", err)
	case isCertificate:
		r.add("target-certificate", "The certificate of "+host+" cannot be verified.",
			"It is expired, for another name, or of an authority that this machine does not know. Zendesk refuses it, too.",
			"Install a certificate of a public authority for the target's host.", err)
	default:
		r.add("target-unreachable", "This machine cannot connect to "+host+".",
			"The server is down, the name does not exist, or a firewall is between. Zendesk may see something else.",
			"Start the program that serves the target, and check the webhook's target.", err)
	}
}

// issuerMissing reports whether the first certificate is signed by one that was not sent.
func issuerMissing(sent []*x509.Certificate) bool {
	return len(sent) > 0 && !slices.ContainsFunc(sent, func(c *x509.Certificate) bool {
		return bytes.Equal(c.RawSubject, sent[0].RawIssuer)
	})
}

// targetHost is what of a target may be shown: its path and query can be secret.
func targetHost(target string) string {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return "no host"
	}
	return strings.ToLower(u.Host)
}
