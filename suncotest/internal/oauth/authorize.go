package oauth

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/netsim"
	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

const (
	authorizePath = "/oauth/authorize"
	consentPath   = "/oauth/consent"

	maxState    = 4096
	maxConsents = 1000
	consentLife = 10 * time.Minute
)

// consent is a question that was put to a customer.
type consent struct {
	redirect string
	state    string
	hasState bool
	expires  time.Time
	given    string     // the customer's answer: decision and account
	reply    wire.Reply // to it
}

// authorize begins the flow: it shows the consent page, or approves at once.
func (s *Service) authorize(c *wire.Call) wire.Reply {
	asked, refusal, ok := s.readAuthorize(c)
	if !ok {
		return refusal
	}
	if s.opts.Approve {
		s.opts.Lock.Lock()
		defer s.opts.Lock.Unlock()
		if len(s.accounts) == 0 {
			return page(http.StatusNotFound, "No account", "This platform has no account.")
		}
		return s.allow(asked, s.accounts[0])
	}
	return s.ask(c, asked)
}

// authorizeHead says what a GET would, without a code and without a question:
// a prefetcher costs nothing.
func (s *Service) authorizeHead(c *wire.Call) wire.Reply {
	if _, refusal, ok := s.readAuthorize(c); !ok {
		return refusal
	}
	return wire.Reply{Status: http.StatusOK, ContentType: "text/html; charset=utf-8"}.NoStore()
}

// readAuthorize checks the parameters. Nothing is ever redirected before the
// client and its redirect URI are known to be good.
func (s *Service) readAuthorize(c *wire.Call) (consent, wire.Reply, bool) {
	refuse := func(status int, what string) (consent, wire.Reply, bool) {
		return consent{}, page(status, "This link does not work", what), false
	}
	values, err := url.ParseQuery(c.URL.RawQuery)
	if err != nil {
		return refuse(http.StatusBadRequest, "The query is malformed.")
	}
	for _, name := range []string{"client_id", "response_type", "state", "redirect_uri"} {
		if len(values[name]) > 1 {
			return refuse(http.StatusBadRequest, "The "+name+" is given more than once.")
		}
	}
	switch {
	case values.Get("client_id") == "":
		return refuse(http.StatusBadRequest, "The client_id is missing.")
	case values.Get("client_id") != s.opts.ClientID:
		return refuse(s.opts.UnknownClientStatus, "The client_id is not registered.")
	case values.Get("response_type") != "code":
		return refuse(http.StatusBadRequest, "The response_type must be code.")
	case len(values.Get("state")) > maxState:
		return refuse(http.StatusBadRequest, "The state has more than 4,096 bytes.")
	}
	redirect, ok := s.redirectURI(values.Get("redirect_uri"))
	if !ok {
		return refuse(http.StatusNotFound, "The redirect_uri is not one of the registered redirect URIs.")
	}
	return consent{
		redirect: redirect,
		state:    values.Get("state"),
		hasState: values.Has("state"),
		expires:  time.Now().Add(consentLife),
	}, wire.Reply{}, true
}

// redirectURI returns where the browser goes, and whether it may go there.
func (s *Service) redirectURI(asked string) (string, bool) {
	registered := s.opts.RedirectURIs
	switch {
	case asked == "" && len(registered) > 0:
		return registered[0], true
	case asked == "":
		return s.opts.DefaultRedirectURI, true
	case len(registered) > 0:
		return asked, slices.Contains(registered, asked)
	}
	u, err := wire.ParseAbsolute(asked)
	return asked, err == nil && s.reachable(u.Hostname())
}

// allow issues a code for the account. The lock is held.
func (s *Service) allow(asked consent, a *account) wire.Reply {
	now := time.Now()
	for key, old := range s.codes {
		if !now.Before(old.expires) {
			delete(s.codes, key)
		}
	}
	fresh := wire.RandomHex(20)
	s.codes[fresh] = &code{account: a, expires: now.Add(s.opts.CodeLifetime)}
	return asked.back("code", fresh)
}

// deny sends the customer's no.
func (s *Service) deny(asked consent) wire.Reply {
	pairs := []string{"error", "access_denied"}
	if text := s.opts.DenyDescription; text != "" {
		pairs = append(pairs, "error_description", text)
	}
	return asked.back(pairs...)
}

// back redirects to the partner with the pairs, and with the state if there was
// one. A query that the redirect URI already has stays.
func (asked consent) back(pairs ...string) wire.Reply {
	if asked.hasState {
		pairs = append(pairs, "state", asked.state)
	}
	var query strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			query.WriteByte('&')
		}
		query.WriteString(url.QueryEscape(pairs[i]) + "=" + url.QueryEscape(pairs[i+1]))
	}
	separator := "?"
	if strings.Contains(asked.redirect, "?") {
		separator = "&"
	}
	return wire.Reply{Status: http.StatusFound}.NoStore().
		With("Location", asked.redirect+separator+query.String()).
		With("Referrer-Policy", "no-referrer")
}

// remember keeps a question and returns its nonce. The oldest questions are
// forgotten when there are too many.
func (s *Service) remember(asked consent) string {
	nonce := wire.RandomHex(16)
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	s.consents[nonce] = &asked
	s.order = append(s.order, nonce)
	for len(s.order) > maxConsents {
		delete(s.consents, s.order[0])
		s.order = slices.Delete(s.order, 0, 1)
	}
	return nonce
}

// question returns what was asked under a nonce. The lock is held.
func (s *Service) question(nonce string) (*consent, bool) {
	asked := s.consents[nonce]
	return asked, asked != nil && time.Now().Before(asked.expires)
}

// reachable reports whether the platform may call the host of a redirect URI that
// is registered nowhere.
func (s *Service) reachable(host string) bool {
	host = strings.ToLower(host)
	return netsim.IsLoopback(host) || s.opts.Network.Knows(host)
}
