package oauth

import (
	"bytes"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

const pageStyle = `:root{color-scheme:light dark}
body{font:1rem/1.5 system-ui,sans-serif;margin:0;padding:1rem;overflow-wrap:anywhere}
main{max-width:32rem;margin:2rem auto}
h1{font-size:1.4rem;line-height:1.25}
fieldset{min-width:0;border:1px solid #8888;border-radius:.5rem;padding:.5rem 1rem;margin:1rem 0}
label{display:flex;gap:.75rem;align-items:center;padding:.6rem 0;min-height:1.5rem}
input[type=radio]{width:1.25rem;height:1.25rem}
small{opacity:.75}
p.buttons{display:flex;flex-wrap:wrap;gap:.75rem}
button{font:inherit;padding:.7rem 1.4rem;border-radius:.5rem;border:1px solid #0b6b4f;cursor:pointer}
button.yes{background:#0b6b4f;color:#fff}
button.no{background:transparent;color:inherit;border-color:#888}
`

const pageHead = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style nonce="{{.Style}}">` + pageStyle + `</style>
</head>
<body>
<main>
`

const consentPage = pageHead + `<h1>Connect {{.Client}}?</h1>
<p><strong>{{.Client}}</strong> asks to read and answer the conversations of one of your accounts.</p>
<form method="post" action="{{.Action}}">
<input type="hidden" name="nonce" value="{{.Nonce}}">
<fieldset>
<legend>Account</legend>
{{range $i, $a := .Accounts}}<label><input type="radio" name="account" value="{{$a.Subdomain}}"{{if eq $i 0}} checked{{end}}>
<span>{{$a.DisplayName}}<br><small>{{$a.Where}}</small></span></label>
{{end}}</fieldset>
<p class="buttons">
<button class="yes" type="submit" name="decision" value="allow">Allow</button>
<button class="no" type="submit" name="decision" value="deny">Deny</button>
</p>
</form>
<p><small>You will go back to <code>{{.Redirect}}</code>. This is a test platform, not Zendesk.</small></p>
</main>
</body>
</html>
`

const messagePage = pageHead + `<h1>{{.Title}}</h1>
<p>{{.Text}}</p>
<p><small>This is a test platform, not Zendesk.</small></p>
</main>
</body>
</html>
`

// pageData fills both pages.
type pageData struct {
	Title, Text, Style              string
	Client, Action, Nonce, Redirect string
	Accounts                        []choice
}

// choice is an account on the consent page.
type choice struct{ Subdomain, DisplayName, Where string }

// ask shows the consent page.
func (s *Service) ask(c *wire.Call, asked consent) wire.Reply {
	target, err := url.Parse(asked.redirect)
	if err != nil {
		return wire.Problem(http.StatusBadRequest)
	}
	origin := target.Scheme + "://" + target.Host
	data := pageData{
		Title:    "Connect " + s.opts.ClientID,
		Client:   s.opts.ClientID,
		Action:   c.At.Prefix + consentPath,
		Nonce:    s.remember(asked),
		Redirect: origin + target.EscapedPath(),
		Accounts: s.choices(c.Host),
	}
	return render(http.StatusOK, consentPage, data, "'self' "+origin)
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
		return page(http.StatusForbidden, "Refused", "This answer came from another site.")
	}
	if wire.MediaType(c.Header.Get("Content-Type")) != "application/x-www-form-urlencoded" {
		return page(http.StatusUnsupportedMediaType, "Refused", "This is not a form.")
	}
	values, err := url.ParseQuery(string(c.Body))
	if err != nil {
		return page(http.StatusBadRequest, "Refused", "The form is malformed.")
	}
	form, ok := wire.Singles(values)
	if !ok || form["decision"] != "allow" && form["decision"] != "deny" {
		return page(http.StatusBadRequest, "Refused", "The form is not one of this page.")
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
			"It was answered before, or it is too old. Go back to the application and start again.")
	}
	a := s.bySubdomain(form["account"])
	switch {
	case form["decision"] == "deny":
		asked.reply = s.deny(*asked)
	case a == nil:
		return page(http.StatusBadRequest, "Refused", "There is no such account.")
	default:
		asked.reply = s.allow(*asked, a)
	}
	asked.given = given
	return asked.reply
}

// page is a message for a person.
func page(status int, title, text string) wire.Reply {
	return render(status, messagePage, pageData{Title: title, Text: text}, "'none'")
}

// render fills a page that loads nothing, runs nothing and sends forms to
// formAction only.
func render(status int, source string, data pageData, formAction string) wire.Reply {
	data.Style = wire.RandomHex(8)
	var out bytes.Buffer
	if err := template.Must(template.New("page").Parse(source)).Execute(&out, data); err != nil {
		return wire.Problem(http.StatusInternalServerError)
	}
	r := wire.Reply{Status: status, ContentType: "text/html; charset=utf-8", Body: out.Bytes()}
	// Under no-referrer browsers send the form with "Origin: null", which decide
	// refuses where they do not send Sec-Fetch-Site: on http at other names than
	// localhost.
	return r.NoStore().With("Referrer-Policy", "same-origin").With("Content-Security-Policy",
		"default-src 'none'; style-src 'nonce-"+data.Style+"'; form-action "+formAction+
			"; base-uri 'none'; frame-ancestors 'none'")
}
