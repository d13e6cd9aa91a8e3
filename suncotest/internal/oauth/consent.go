package oauth

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// ask shows the consent page.
func (s *Service) ask(c *wire.Call, asked consent) wire.Reply {
	target, err := url.Parse(asked.redirect)
	if err != nil {
		return wire.Problem(http.StatusBadRequest, "The redirect_uri is not a URL")
	}
	origin := target.Scheme + "://" + target.Host
	data := pageData{
		Title:    "Connect " + s.opts.ClientID + "?",
		Client:   s.opts.ClientID,
		Action:   c.At.Prefix + consentPath,
		Nonce:    s.remember(asked),
		Redirect: origin + target.EscapedPath(),
		Accounts: s.choices(c.Host),
	}
	return render(http.StatusOK, data, "'self' "+origin)
}

// choices are the accounts, where they live for a browser that came to host.
func (s *Service) choices(host string) []choice {
	domain, _, _ := wire.SplitDomain(s.opts.Domain)
	if rest, found := strings.CutPrefix(host, wire.BridgeLabel+"."); found {
		domain = rest
	}
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	var all []choice
	for _, a := range s.accounts {
		where := a.Subdomain + "." + domain
		switch a.Legacy {
		case wire.RegionUS:
			where = wire.HostUS
		case wire.RegionEU:
			where = wire.HostEU
		}
		all = append(all, choice{a.Subdomain, a.DisplayName, where})
	}
	return all
}

// decide takes the customer's answer. Each page can be answered once; a double
// click, the same answer again, gets the same redirect.
func (s *Service) decide(c *wire.Call) wire.Reply {
	var protection http.CrossOriginProtection
	if protection.Check(c.Request) != nil {
		return page(http.StatusForbidden, "Not accepted", "This answer came from another site.")
	}
	if wire.MediaType(c.Header.Get("Content-Type")) != "application/x-www-form-urlencoded" {
		return page(http.StatusUnsupportedMediaType, "Not accepted", "The answer is not a form.")
	}
	values, err := url.ParseQuery(string(c.Body))
	if err != nil {
		return page(http.StatusBadRequest, "Not accepted", "The form is malformed.")
	}
	form, doubled := wire.Singles(values)
	if doubled != "" || form["decision"] != "allow" && form["decision"] != "deny" {
		return page(http.StatusBadRequest, "Not accepted", "The form is not the one of the consent page.")
	}
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	asked, ok := s.question(form["nonce"])
	given := form["decision"] + " " + form["account"]
	if ok && asked.given == given {
		return asked.reply
	}
	if !ok || asked.given != "" {
		return page(http.StatusBadRequest, "This page is no longer valid",
			"It was answered before, or it is older than 10 minutes. Go back to the application and start again.")
	}
	a := s.bySubdomain(form["account"])
	switch {
	case form["decision"] == "deny":
		asked.reply = s.deny(*asked)
	case a == nil:
		return page(http.StatusBadRequest, "Not accepted", "There is no such account.")
	default:
		asked.reply = s.allow(*asked, a)
	}
	asked.given = given
	return asked.reply
}
