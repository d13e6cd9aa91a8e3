package oauth

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

const pageStyle = `
:root{color-scheme:light dark;
--page:#f3f5f4;--card:#fff;--text:#1c2321;--soft:#56625e;--line:#cdd5d2;--main:#0b6b4f;--on:#fff}
@media (prefers-color-scheme:dark){
:root{--page:#131817;--card:#1d2422;--text:#e8eeec;--soft:#a7b4b0;--line:#3b4744;--main:#7fd6b6;--on:#0d1b16}
}
*{box-sizing:border-box}
body{font:1rem/1.5 system-ui,sans-serif;margin:0;padding:1rem;background:var(--page);color:var(--text);
overflow-wrap:anywhere}
main{max-width:30rem;margin:clamp(0rem,6vh,4rem) auto;padding:clamp(1rem,5vw,2rem);background:var(--card);
border:1px solid var(--line);border-radius:1rem}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .75rem}
p{margin:0 0 1rem}
fieldset{min-width:0;border:0;padding:0;margin:1.25rem 0}
legend{padding:0;margin-bottom:.5rem;font-weight:600}
label{display:flex;gap:.75rem;align-items:center;padding:.75rem 1rem;border:1px solid var(--line);
border-radius:.75rem;cursor:pointer}
label+label{margin-top:.5rem}
label:has(:checked){border-color:var(--main);box-shadow:inset 0 0 0 1px var(--main)}
label>span{min-width:0}
input[type=radio]{flex:none;width:1.25rem;height:1.25rem;margin:0;accent-color:var(--main)}
small{font-size:.875rem;color:var(--soft)}
.buttons{display:flex;flex-wrap:wrap;gap:.75rem;margin:1.5rem 0}
button{font:inherit;font-weight:600;flex:1 1 8rem;padding:.75rem 1.25rem;border-radius:.75rem;
border:1px solid var(--main);background:var(--main);color:var(--on);cursor:pointer}
button.no{background:transparent;color:inherit;border-color:var(--line)}
:focus-visible{outline:3px solid var(--main);outline-offset:2px}
footer{border-top:1px solid var(--line);padding-top:1rem}
footer p{margin:0}
footer p+p{margin-top:.5rem}
`

const pageSource = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>` + pageStyle + `</style>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
{{if not .Nonce}}<p>{{.Text}}</p>
{{else}}<p><strong>{{.Client}}</strong> asks to read and answer the conversations of one of your accounts.</p>
<form method="post" action="{{.Action}}">
<input type="hidden" name="nonce" value="{{.Nonce}}">
<fieldset>
<legend>Account</legend>
{{range $i, $a := .Accounts}}<label>
<input type="radio" name="account" value="{{$a.Subdomain}}"{{if eq $i 0}} checked{{end}}>
<span>{{$a.DisplayName}}<br><small>{{$a.Where}}</small></span></label>
{{end}}</fieldset>
<p class="buttons">
<button type="submit" name="decision" value="allow">Allow</button>
<button class="no" type="submit" name="decision" value="deny">Deny</button>
</p>
</form>
{{end}}<footer>
{{if .Redirect}}<p><small>Afterwards you return to <code>{{.Redirect}}</code></small></p>
{{end}}<p><small>This is a test platform, not Zendesk.</small></p>
</footer>
</main>
</body>
</html>
`

// pageData fills a page: the consent page when there is a nonce, a message otherwise.
type pageData struct {
	Title, Text                     string
	Client, Action, Nonce, Redirect string
	Accounts                        []choice
}

// choice is an account on the consent page.
type choice struct{ Subdomain, DisplayName, Where string }

// page is a message for a person.
func page(status int, title, text string) wire.Reply {
	r := render(status, pageData{Title: title, Text: text}, "'none'")
	if status >= http.StatusBadRequest {
		r.Note = text
	}
	return r
}

// render fills a page that loads nothing, runs nothing and sends forms to
// formAction only.
func render(status int, data pageData, formAction string) wire.Reply {
	var out bytes.Buffer
	if err := template.Must(template.New("page").Parse(pageSource)).Execute(&out, data); err != nil {
		return wire.Problem(http.StatusInternalServerError, "")
	}
	r := wire.Reply{Status: status, ContentType: "text/html; charset=utf-8", Body: out.Bytes()}
	style := sha256.Sum256([]byte(pageStyle))
	// Under no-referrer browsers send the form with "Origin: null", which decide
	// refuses where they do not send Sec-Fetch-Site: on http at other names than
	// localhost.
	return r.NoStore().With("Referrer-Policy", "same-origin").With("Content-Security-Policy",
		"default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(style[:])+"'; form-action "+formAction+
			"; base-uri 'none'; frame-ancestors 'none'")
}

// Admin is what a browser sees that follows an application's link to the account's
// Admin Center.
func (s *Service) Admin(c *wire.Call) wire.Reply {
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	text := "Administrators choose here which bot answers first on each channel. " +
		"There is nothing to set on this platform: "
	if a := s.bySubdomain(c.At.Label); a != nil && a.installed == nil {
		return page(http.StatusOK, "Admin Center", text+"no bot is installed in "+a.DisplayName+" yet.")
	}
	return page(http.StatusOK, "Admin Center", text+s.opts.ClientID+" answers first wherever it is installed.")
}
