package sandbox

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sunco-go/sunco/suncotest"
)

const maxRows = 50 // of each list of requests

// page is the sandbox's own page, ready to be filled.
type page struct {
	template *template.Template
	policy   string // its Content-Security-Policy
}

func newPage() *page {
	sum := sha256.Sum256([]byte(pageStyle))
	return &page{
		template: template.Must(template.New("page").Parse(pageSource)),
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	}
}

// pageData is what the page shows. No credential is ever put into it.
type pageData struct {
	Base, Bridge, ClientID, Authorize string
	RedirectURIs                      []string
	RemoveURL                         string
	Approve                           bool
	Removed                           string // the account that was just left
	Said                              string // the account to which something was just said
	User                              string // who said it
	Emit                              emitting
	Home                              string // address of the application; empty: unknown
	Accounts                          []accountRow
	Installed                         int
	Webhooks                          []webhookRow
	Deliveries                        []deliveryRow
	Requests, Calls                   []trafficRow
}

type accountRow struct {
	Name, AppID, Home string
	Installation      *suncotest.Installation // nil: none
	Messages          []messageRow
}

type webhookRow struct {
	Account, ID, Target string
	Triggers            []string
}

type trafficRow struct {
	Time               time.Time
	Method, Host, Path string
	Status             int // 0: no answer
	Good               bool
}

// showPage answers for /.
func (s *Sandbox) showPage(w http.ResponseWriter, r *http.Request) {
	var out bytes.Buffer
	if err := s.page.template.Execute(&out, s.pageData(r.URL.Query())); err != nil {
		s.refuse(w, http.StatusInternalServerError, "The page could not be made.")
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", s.page.policy)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // the form's POST keeps its Origin
	_, _ = w.Write(out.Bytes())             // the client may have left
}

// adminPath is where a customer's administrator finds bots of the Marketplace.
const adminPath = "/admin/ai/ai-agents/ai-agents/marketplace-bots"

// showAdmin leads an administrator to what the page has of that.
func (s *Sandbox) showAdmin(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/#installations", http.StatusSeeOther)
}

// pageData collects what there is to show. The app ids in the query are shown only
// as the accounts they stand for.
func (s *Sandbox) pageData(query url.Values) pageData {
	clientID := cmp.Or(s.cfg.Platform.ClientID, suncotest.DefaultClientID)
	data := pageData{
		Base:      s.url(apiPrefix),
		Bridge:    s.under("oauth-bridge"),
		ClientID:  clientID,
		Authorize: s.url(apiPrefix) + "/oauth/authorize?client_id=" + url.QueryEscape(clientID) + "&response_type=code",
		RemoveURL: s.shownURL(s.cfg.Platform.RemoveURL),
		Approve:   s.cfg.Platform.Approve,
		Home:      s.cfg.Home,
		User:      s.knownUser(query.Get("said"), query.Get("user")),
		Requests:  s.traffic(s.platform.Requests()),
		Calls:     s.traffic(s.platform.Calls()),
	}
	for _, uri := range s.cfg.Platform.RedirectURIs {
		data.RedirectURIs = append(data.RedirectURIs, s.shownURL(uri))
	}
	installed := map[string]suncotest.Installation{}
	for _, in := range s.platform.Installations() {
		installed[in.AppID] = in
	}
	names := map[string]string{}
	for _, a := range s.platform.Accounts() {
		row := accountRow{Name: a.DisplayName, AppID: a.AppID, Home: s.under(a.Subdomain), Messages: s.messages(a.AppID)}
		if in, ok := installed[a.AppID]; ok {
			row.Installation = &in
			data.Installed++
		} else if a.AppID == query.Get("removed") {
			data.Removed = a.DisplayName
		}
		if a.AppID == query.Get("said") {
			data.Said = a.DisplayName
		}
		names[a.AppID] = a.DisplayName
		data.Accounts = append(data.Accounts, row)
	}
	data.Emit = s.emitting(query, names)
	data.Deliveries = s.deliveries(names)
	for _, hook := range s.platform.Webhooks() {
		row := webhookRow{names[hook.AppID], hook.ID, s.shownURL(hook.Target), nil}
		for _, trigger := range hook.Triggers {
			row.Triggers = append(row.Triggers, shorten(trigger, 60))
		}
		data.Webhooks = append(data.Webhooks, row)
	}
	return data
}

// traffic makes rows of the latest requests, the newest first.
func (s *Sandbox) traffic(all []suncotest.Request) []trafficRow {
	var rows []trafficRow
	for _, r := range slices.Backward(all) {
		if len(rows) == maxRows {
			break
		}
		rows = append(rows, trafficRow{
			Time: r.Time, Method: s.shown(r.Method), Host: s.shown(r.Host), Path: s.shown(r.Path),
			Status: r.Status, Good: 200 <= r.Status && r.Status < 400,
		})
	}
	return rows
}

// under returns a base URL by host name.
func (s *Sandbox) under(label string) string {
	return s.scheme + "://" + label + ".localhost:" + s.port + apiPrefix
}

// shownURL returns a partner's URL without its query, which may hold a key.
func (s *Sandbox) shownURL(raw string) string {
	if raw == "" {
		return ""
	}
	u, err := url.Parse(raw)
	if err != nil {
		return "…"
	}
	text := s.shown(u.Scheme) + "://" + s.shown(u.Host) + s.shown(u.EscapedPath())
	if u.RawQuery != "" {
		text += "?…"
	}
	return text
}

func shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
