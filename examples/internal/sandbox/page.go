package sandbox

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sunco-go/sunco/suncotest"
)

//go:embed page.html panes.html style.css script.js
var files embed.FS

// pages has the whole page and its parts, which change by themselves.
var pages = template.Must(template.New("").Funcs(template.FuncMap{"at": at}).ParseFS(files, "*.html"))

// parts are the ids of the elements that a stream keeps up to date, and their templates.
var parts = []string{"top", "chat", "log", "side"}

// view is what a tab looks at. It is the query of the page's address.
type view struct{ App, User, Talk, Pane, Row, Msg, Filter, Errors, Ticket, Trigger string }

// field is a name and a value in a form.
type field struct{ Name, Value string }

func (v *view) fields() []struct {
	name  string
	value *string
} {
	return []struct {
		name  string
		value *string
	}{
		{"app", &v.App}, {"user", &v.User}, {"talk", &v.Talk}, {"pane", &v.Pane}, {"row", &v.Row}, {"msg", &v.Msg},
		{"q", &v.Filter}, {"errors", &v.Errors}, {"ticket", &v.Ticket}, {"trigger", &v.Trigger},
	}
}

func viewOf(query url.Values) view {
	var v view
	for _, f := range v.fields() {
		*f.value = shorten(query.Get(f.name), 1024)
	}
	return v
}

// Others are the fields of a form that changes members of the view.
func (v view) Others(names ...string) []field {
	var all []field
	for _, f := range v.fields() {
		if *f.value != "" && !slices.Contains(names, f.name) {
			all = append(all, field{f.name, *f.value})
		}
	}
	return all
}

// Query is the view as a query.
func (v view) Query() string {
	query := url.Values{}
	for _, f := range v.Others() {
		query.Set(f.Name, f.Value)
	}
	return query.Encode()
}

// Link is the address of the view with some members changed, given as names and values.
func (v view) Link(changes ...string) string {
	for _, f := range v.fields() {
		for i := 0; i+1 < len(changes); i += 2 {
			if changes[i] == f.name {
				*f.value = changes[i+1]
			}
		}
	}
	return "/?" + v.Query()
}

// page is what the templates show. It never has a credential.
type page struct {
	View                           view
	Notice                         string // what the form that was just sent did; often empty
	Since                          string // the state of the parts; see stream
	Domain, Base, Bridge           string
	Authorize, ClientID, HostsLine string
	RedirectURIs                   []string
	RemoveURL                      string
	Approve                        bool
	Home                           string // URL of the application; empty: unknown
	Command                        string // that starts an example here; empty: none can be

	Accounts []suncotest.Account
	Account  account // the one of the view
	People   []string
	Chat     chat
	Wrote    bool // somebody has written to the account

	Rows      []row
	Errors    int
	Delivered string // the id of the latest delivery's row
	Detail    *detail

	Tickets []ticket
	Ticket  *ticket

	Triggers         []string
	Trigger, Payload string
	MaxEvents        int

	messageRows map[string]string // the row of each message
}

type account struct {
	Name, AppID, Base string
	Installation      *suncotest.Installation // nil: none
	Webhooks          []webhook
}

type webhook struct{ Target, Triggers string }

// ticket is what an agent sees.
type ticket struct {
	suncotest.Ticket
	Key, Meta, User string // User: whose conversation it is
	Answers         bool   // agents are in control, so that they can answer and solve
	Bubbles         []bubble
}

// End says how a ticket ended in its conversation, and nothing while it is open.
func (t ticket) End() string {
	switch {
	case t.Solved:
		return "solved"
	case t.ByEmail:
		return "by e-mail"
	}
	return ""
}

// pair is a value for a template that also needs the page.
type pair struct{ Page, It any }

func at(page, it any) pair { return pair{page, it} }

// Pixels is the height of the frame of a text in HTML.
func (b bubble) Pixels() int { return 22*b.Lines + 16 }

// Quick tells templates what quick does.
func (b button) Quick() bool { return b.quick() }

// DeliveryID is the id without the kind.
func (r row) DeliveryID() string { return r.ID[1:] }

// RowOf returns the latest row that is about a message, other than receipts.
func (p *page) RowOf(messageID string) string { return p.messageRows[messageID] }

// NotErrors is the other choice of the filter.
func (p *page) NotErrors() string {
	if p.View.Errors != "" {
		return ""
	}
	return "1"
}

// Tab is the pane that a small screen shows.
func (p *page) Tab() string {
	if p.View.Pane == "chat" || p.View.Pane == "log" {
		return p.View.Pane
	}
	return "side"
}

// Picked is the pane after a message was picked: on a small screen the conversation stays.
func (p *page) Picked() string {
	if p.Tab() == "side" {
		return "row"
	}
	return p.View.Pane
}

// Side is what the third pane shows.
func (p *page) Side() string {
	switch {
	case p.View.Pane == "agent" || p.View.Pane == "event" || p.View.Pane == "settings" || p.View.Pane == "start":
		return p.View.Pane
	case p.View.Row != "":
		return "row"
	}
	return "start"
}

// Controller names who is in control of the conversation.
func (p *page) Controller() string {
	switch p.Chat.Control {
	case "":
		return "nobody"
	case suncotest.AgentWorkspace:
		return "agent"
	case p.ClientID:
		return "bot"
	}
	return p.Chat.Control
}

// Controls are what somebody can do about the control of the conversation.
func (p *page) Controls() []field {
	var all []field
	if p.Chat.Control != suncotest.AgentWorkspace {
		all = append(all, field{"agents", "Pass to agents"}, field{"offer", "Offer to agents"})
	}
	if p.Chat.Pending == suncotest.AgentWorkspace {
		all = append(all, field{"accept", "Accept"})
	}
	if p.Chat.Control != p.ClientID && p.Account.Installation != nil {
		all = append(all, field{"bot", "Pass to the bot"})
	}
	if p.Chat.Control != "" {
		all = append(all, field{"release", "Release"})
	}
	return all
}

// AgentActions are what an agent can do with a ticket.
func (p *page) AgentActions() []field {
	return []field{{"solve", "Solve"}, {"email", "Transfer to e-mail"}, {"bot", "Pass back"}}
}

// TicketKey is the key of the ticket that is shown.
func (p *page) TicketKey() string {
	if p.Ticket == nil {
		return ""
	}
	return p.Ticket.Key
}

// Open is how many tickets are open.
func (p *page) Open() (n int) {
	for _, t := range p.Tickets {
		if t.End() == "" {
			n++
		}
	}
	return n
}

// showPage answers for /.
func (s *Sandbox) showPage(w http.ResponseWriter, r *http.Request) {
	p := s.pageOf(viewOf(r.URL.Query()))
	p.Notice = s.notice(r.URL.Query())
	_, states := p.render()
	p.Since = strings.Join(states, ".")
	s.show(w, r, "page", p, "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "+
		"frame-src 'self'; img-src http: https:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
}

// show answers with a document.
func (s *Sandbox) show(w http.ResponseWriter, r *http.Request, name string, data any, policy string) {
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, name, data); err != nil {
		s.log.Printf("the page could not be made: %v", err)
		s.refuse(w, r, http.StatusInternalServerError, "The page could not be made.")
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // the form's POST keeps its Origin
	_, _ = w.Write(out.Bytes())             // the client may have left
}

// own serves the page's style sheet or script.
func own(name, contentType string) http.HandlerFunc {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType+"; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(text) // the client may have left
	}
}

// render returns the parts of the page, and a short state of each.
func (p *page) render() (html map[string]string, states []string) {
	html = map[string]string{}
	for _, name := range parts {
		var out bytes.Buffer
		if err := pages.ExecuteTemplate(&out, name, p); err != nil {
			fmt.Fprintf(&out, "%s cannot be shown", name)
		}
		html[name] = out.String()
		sum := fnv.New64a()
		_, _ = sum.Write(out.Bytes()) // a hash cannot fail
		states = append(states, strconv.FormatUint(sum.Sum64(), 36))
	}
	return html, states
}

// pageOf collects what there is to show.
func (s *Sandbox) pageOf(v view) *page {
	c := s.cfg.Platform
	p := &page{
		View: v, Domain: s.Domain(), Base: s.BaseURL(), Bridge: s.under(bridge), ClientID: c.ClientID,
		Authorize: s.under(bridge) + "/oauth/authorize?client_id=" + url.QueryEscape(c.ClientID) + "&response_type=code",
		HostsLine: s.cfg.HostsLine("localhost"), Approve: c.Approve, Home: s.cfg.Home,
		Triggers: suncotest.SampleTriggers(), MaxEvents: maxEmitted, Accounts: s.platform.Accounts(),
		messageRows: map[string]string{},
	}
	if c.RemoveURL != "" {
		p.RemoveURL = s.shownURL(c.RemoveURL)
	}
	for _, uri := range c.RedirectURIs {
		p.RedirectURIs = append(p.RedirectURIs, s.shownURL(uri))
	}
	at := max(0, slices.IndexFunc(p.Accounts, func(a suncotest.Account) bool { return a.AppID == v.App }))
	p.Account = s.account(p.Accounts[at])
	if !s.cfg.TLS && len(c.RedirectURIs) == 0 && p.Accounts[at].Legacy == "" {
		p.Command = s.command()
	}
	p.View.App = p.Account.AppID
	p.View.Pane = cmp.Or(v.Pane, "chat")
	conversations := s.platform.Conversations(p.View.App)
	p.People = people(conversations)
	if p.View.User == "" {
		p.View.User = append(p.People, "ada")[0]
	}
	log := s.logOf(p.View.App)
	p.Chat = chatOf(conversations, p.View, log)
	if p.Account.Installation == nil && p.Chat.Control == c.ClientID {
		p.Chat.Control = "" // the bot is not there
	}
	for _, v := range conversations {
		p.Wrote = p.Wrote || slices.ContainsFunc(v.Messages, func(m suncotest.Message) bool { return m.AuthorType == "user" })
	}
	p.showLog(s, log)
	p.showTickets(s.platform.Tickets(p.View.App), conversations)
	p.compose(s)
	return p
}

// showLog fills in the rows that the view asks for, and the one that is open.
func (p *page) showLog(s *Sandbox, log []row) {
	for _, r := range log {
		if r.Kind == "delivery" {
			p.Delivered = r.ID
		}
		for _, b := range p.Chat.Bubbles {
			if (p.messageRows[b.ID] == "" || r.Kind == "delivery") && r.About(b.ID) && !r.Receipt() {
				p.messageRows[b.ID] = r.ID
			}
		}
		if r.ID == p.View.Row {
			p.Detail = s.detailOf(r)
		}
		if !r.Good {
			p.Errors++
		}
		r.Hit = r.About(p.View.Msg)
		if r.matches(p.View.Filter) && (p.View.Errors == "" || !r.Good) {
			p.Rows = append(p.Rows, r)
		}
	}
}

// showTickets fills in the tickets, and the one of the view: the latest of the
// conversation when it names none.
func (p *page) showTickets(all []suncotest.Ticket, conversations []suncotest.Conversation) {
	for _, t := range all {
		made := ticket{Ticket: t, Key: strconv.Itoa(t.Number)}
		for _, v := range conversations {
			if v.ID == t.ConversationID {
				made.User = append(v.Users, "")[0]
				made.Answers = made.End() == "" && v.Control == suncotest.AgentWorkspace
			}
		}
		if t.Metadata != nil {
			made.Meta = pretty(t.Metadata)
		}
		if made.Key == p.View.Ticket || p.View.Ticket == "" && t.ConversationID == p.Chat.ID {
			for _, m := range t.Messages {
				made.Bubbles = append(made.Bubbles, bubbleOf(m))
			}
			p.Ticket = &made
		}
		p.Tickets = append(p.Tickets, made)
	}
	p.Tickets = p.Tickets[max(0, len(p.Tickets)-maxPeople):]
}

// compose fills in the event that the form of events starts with: that of the open
// delivery, or a sample.
func (p *page) compose(s *Sandbox) {
	p.Trigger = usualTrigger
	if slices.Contains(p.Triggers, p.View.Trigger) {
		p.Trigger = p.View.Trigger
	}
	if p.Detail != nil && p.Detail.delivery != nil && p.View.Trigger == "" {
		var body struct {
			Events []struct {
				Type    string
				Payload json.RawMessage
			}
		}
		if json.Unmarshal(p.Detail.delivery.Body, &body) == nil && len(body.Events) > 0 {
			p.Trigger, p.Payload = body.Events[0].Type, pretty(body.Events[0].Payload)
			return
		}
	}
	sample, _ := json.Marshal(s.sample(p.Trigger, 1).Payload) // JSON cannot fail
	p.Payload = pretty(sample)
}

// account describes a customer.
func (s *Sandbox) account(a suncotest.Account) account {
	shown := account{Name: a.DisplayName, AppID: a.AppID, Base: s.under(a.Subdomain)}
	if a.Legacy != "" { // it has no host of its own here
		shown.Base = s.BaseURL()
	}
	for _, in := range s.platform.Installations() {
		if in.AppID == a.AppID {
			shown.Installation = &in
		}
	}
	for _, hook := range s.platform.Webhooks() {
		if hook.AppID == a.AppID {
			triggers := shorten(strings.Join(hook.Triggers, ", "), 800)
			shown.Webhooks = append(shown.Webhooks, webhook{s.shownURL(hook.Target), triggers})
		}
	}
	return shown
}

// notice says what a form just did. Of the query it shows only what is known.
func (s *Sandbox) notice(query url.Values) string {
	name := ""
	for _, a := range s.platform.Accounts() {
		if a.AppID == query.Get("app") {
			name = a.DisplayName
		}
	}
	switch did := query.Get("did"); {
	case name == "":
		return ""
	case did == "say":
		return "The message to " + name + " was sent."
	case did == "uninstall":
		return "The integration was removed from " + name + "."
	case did == "redeliver":
		return "The delivery was sent again."
	case did == "emit":
		return "The event happened in " + name + "."
	case did == "unheard":
		return "The event happened in " + name + ", but no webhook there has this trigger."
	}
	return ""
}

// under returns a base URL by host name.
func (s *Sandbox) under(label string) string {
	return s.scheme + "://" + label + "." + s.Domain() + apiPrefix
}
