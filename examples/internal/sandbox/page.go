package sandbox

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sunco-go/sunco/suncotest"
)

const (
	maxRows     = 50 // of each list
	maxMessages = 12 // shown of each account
)

//go:embed page.html
var pageSource string

// pageData is what the page shows. It never has a credential.
type pageData struct {
	Notice                         string // what the form that was just sent did; often empty
	Domain, Base, Bridge           string
	Authorize, ClientID, HostsLine string
	RedirectURIs                   []string
	RemoveURL                      string
	Approve                        bool
	Home                           string // URL of the application; empty: unknown
	User                           string // who wrote last
	Triggers                       []string
	Trigger                        string // the one that is chosen
	MaxEvents                      int
	Accounts                       []accountRow
	Deliveries                     []deliveryRow
	Requests, Calls                []requestRow
}

type accountRow struct {
	Name, AppID, Base string
	Installation      *suncotest.Installation // nil: none
	Webhooks          []webhookRow
	Messages          []messageRow
}

type webhookRow struct {
	Target, Triggers string
}

// messageRow is a message of a conversation.
type messageRow struct {
	Time         time.Time
	Author, Text string
	Business     bool
}

// deliveryRow is a delivery to one webhook.
type deliveryRow struct {
	Time                    time.Time
	Account, Target, Events string
	Outcome                 string
	Good                    bool
	Attempts                string
}

// requestRow is a request to the platform, or of the platform to the application.
type requestRow struct {
	Time         time.Time
	Method, URL  string
	Status, Note string
	Good         bool
}

// showPage answers for /.
func (s *Sandbox) showPage(w http.ResponseWriter, r *http.Request) {
	_, style, _ := strings.Cut(pageSource, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	var out bytes.Buffer
	page := template.Must(template.New("page").Parse(pageSource))
	if err := page.Execute(&out, s.pageData(r.URL.Query())); err != nil {
		s.refuse(w, r, http.StatusInternalServerError, "The page could not be made.")
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+
		base64.StdEncoding.EncodeToString(sum[:])+"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // the form's POST keeps its Origin
	_, _ = w.Write(out.Bytes())             // the client may have left
}

// pageData collects what there is to show.
func (s *Sandbox) pageData(query url.Values) pageData {
	p := s.cfg.Platform
	data := pageData{
		Domain:    s.Domain(),
		Base:      s.BaseURL(),
		Bridge:    s.under(bridge),
		ClientID:  p.ClientID,
		Authorize: s.under(bridge) + "/oauth/authorize?client_id=" + url.QueryEscape(p.ClientID) + "&response_type=code",
		HostsLine: s.cfg.HostsLine("localhost"),
		Approve:   p.Approve,
		Home:      s.cfg.Home,
		User:      "visitor",
		Triggers:  suncotest.SampleTriggers(),
		Trigger:   usualTrigger,
		MaxEvents: maxEmitted,
		Requests:  s.requests(s.platform.Requests()),
		Calls:     s.requests(s.platform.Calls()),
	}
	if p.RemoveURL != "" {
		data.RemoveURL = s.shownURL(p.RemoveURL)
	}
	for _, uri := range p.RedirectURIs {
		data.RedirectURIs = append(data.RedirectURIs, s.shownURL(uri))
	}
	installed, names := map[string]suncotest.Installation{}, map[string]string{}
	for _, in := range s.platform.Installations() {
		installed[in.AppID] = in
	}
	for _, a := range s.platform.Accounts() {
		row := s.account(a)
		if in, ok := installed[a.AppID]; ok {
			row.Installation = &in
		}
		names[a.AppID] = a.DisplayName
		data.Accounts = append(data.Accounts, row)
	}
	data.Deliveries = s.deliveries(names)
	s.notice(&data, query, names)
	return data
}

// notice fills in what a form just did, and what it offers next. Of the query it shows
// only what is known.
func (s *Sandbox) notice(data *pageData, query url.Values, names map[string]string) {
	removed, said, emitted := query.Get("removed"), query.Get("said"), query.Get("emitted")
	switch trigger := query.Get("trigger"); {
	case names[removed] != "":
		data.Notice = "The integration was removed from " + names[removed] + "."
	case names[said] != "":
		data.Notice = "The message to " + names[said] + " was sent."
		for _, c := range s.platform.Conversations(said) {
			if user := query.Get("user"); slices.Contains(c.Users, user) {
				data.User = user
			}
		}
	case names[emitted] != "" && slices.Contains(data.Triggers, trigger):
		data.Trigger = trigger
		data.Notice = trigger + " happened in " + names[emitted]
		if !slices.ContainsFunc(s.platform.Webhooks(), func(hook suncotest.Webhook) bool {
			return hook.AppID == emitted && slices.Contains(hook.Triggers, trigger)
		}) {
			data.Notice += ", but no webhook there has this trigger"
		}
		data.Notice += "."
	}
}

// account makes the row of a customer, without its installation.
func (s *Sandbox) account(a suncotest.Account) accountRow {
	row := accountRow{Name: a.DisplayName, AppID: a.AppID, Base: s.under(a.Subdomain)}
	if a.Legacy != "" { // it has no host of its own here
		row.Base = s.BaseURL()
	}
	for _, hook := range s.platform.Webhooks() {
		if hook.AppID == a.AppID {
			triggers := shorten(strings.Join(hook.Triggers, ", "), 800)
			row.Webhooks = append(row.Webhooks, webhookRow{s.shownURL(hook.Target), triggers})
		}
	}
	for _, c := range s.platform.Conversations(a.AppID) {
		for _, m := range c.Messages {
			text := m.Text
			if text == "" {
				text = "(" + m.ContentType + ")"
			}
			row.Messages = append(row.Messages,
				messageRow{m.Time, shorten(m.AuthorName, 60), shorten(text, 400), m.AuthorType == "business"})
		}
	}
	slices.SortStableFunc(row.Messages, func(x, y messageRow) int { return x.Time.Compare(y.Time) })
	row.Messages = row.Messages[max(0, len(row.Messages)-maxMessages):]
	return row
}

// requests makes rows of the latest requests, newest first.
func (s *Sandbox) requests(all []suncotest.Request) []requestRow {
	var rows []requestRow
	for _, r := range slices.Backward(all[max(0, len(all)-maxRows):]) {
		rows = append(rows, requestRow{
			Time: r.Time, Method: s.shown(r.Method), URL: s.shown(r.Host) + s.shown(r.Path),
			Status: statusText(r.Status), Note: s.shownNote(r.Note), Good: 200 <= r.Status && r.Status < 400,
		})
	}
	return rows
}

// deliveries makes rows of the latest deliveries, newest first. names has the accounts by
// app id.
func (s *Sandbox) deliveries(names map[string]string) []deliveryRow {
	var rows []deliveryRow
	all := s.platform.Deliveries()
	for _, d := range slices.Backward(all[max(0, len(all)-maxRows):]) {
		row := deliveryRow{
			Time: d.Created, Account: names[d.AppID], Target: s.shownURL(d.Target), Events: eventTypes(d.Events),
			Outcome: string(d.Outcome), Good: d.Outcome == suncotest.Delivered || d.Outcome == suncotest.Pending,
		}
		var attempts []string
		for _, a := range d.Attempts {
			attempts = append(attempts, describeAttempt(a))
		}
		if !d.Next.IsZero() {
			attempts = append(attempts, "next in "+max(0, time.Until(d.Next)).Round(time.Second).String())
		}
		row.Attempts = strings.Join(attempts, ", ")
		rows = append(rows, row)
	}
	return rows
}

// eventTypes lists the types of events, those that follow each other as one.
func eventTypes(events []suncotest.DeliveredEvent) string {
	var list []string
	for i := 0; i < len(events); {
		same := i + 1
		for same < len(events) && events[same].Type == events[i].Type {
			same++
		}
		text := shorten(events[i].Type, 60)
		if same > i+1 {
			text += " ×" + strconv.Itoa(same-i)
		}
		list = append(list, text)
		i = same
	}
	return strings.Join(list, ", ")
}

// describeAttempt says in words how an attempt ended.
func describeAttempt(a suncotest.Attempt) string {
	switch {
	case a.Took == 0:
		return "in progress"
	case a.Status == 0:
		return "no answer after " + a.Took.Round(time.Millisecond).String()
	}
	took := a.Took.Round(100 * time.Microsecond)
	if a.Took >= time.Second {
		took = a.Took.Round(10 * time.Millisecond)
	}
	return strconv.Itoa(a.Status) + " in " + took.String()
}

// under returns a base URL by host name.
func (s *Sandbox) under(label string) string {
	return s.scheme + "://" + label + "." + s.Domain() + apiPrefix
}

func shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
