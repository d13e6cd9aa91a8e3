package main

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"net/http"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/partner"
)

//go:embed pages
var pageFiles embed.FS

const pagePolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'"

// pages are the templates, the style sheet and the icon.
type pages struct {
	front, connection, sorry *template.Template
	style, icon              []byte
}

func newPages() *pages {
	read := func(name string) []byte {
		raw, err := pageFiles.ReadFile("pages/" + name)
		if err != nil {
			panic(err) // the file is embedded
		}
		return raw
	}
	parse := func(name string) *template.Template {
		return template.Must(template.ParseFS(pageFiles, "pages/layout.html", "pages/"+name))
	}
	return &pages{parse("front.html"), parse("connection.html"), parse("sorry.html"), read("style.css"), read("icon.svg")}
}

// page is the data of every template. It holds no credentials.
type page struct {
	Title       string
	Said        string // what was just done
	Failed      string // what just failed
	Connect     string // address of the link "Add to Zendesk"
	SandboxPage string
	Embedded    bool
	Deliveries  bool // Zendesk can reach this program
	Body        any
}

// show writes a page.
func (a *app) show(w http.ResponseWriter, status int, t *template.Template, p page) {
	p.Connect = a.cfg.baseURL() + partner.InstallPath
	p.SandboxPage, p.Embedded, p.Deliveries = a.sandboxPage, a.cfg.embedded, a.cfg.reachable()
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, "layout", p); err != nil {
		a.log.Error("a page could not be rendered", "error", err)
		http.Error(w, "The page could not be rendered.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // a form's POST keeps its Origin
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the client may have left
}

// sorry writes a page with one explanation. It repeats nothing that the caller sent.
func (a *app) sorry(w http.ResponseWriter, status int, title, text string) {
	a.show(w, status, a.pages.sorry, page{Title: title, Body: text})
}

// said returns the sentence for a value of the query parameter said, or "".
func said(key string) string {
	switch key {
	case "connected":
		return "Connected. Shoplifter now receives this account's conversations."
	case "sent":
		return "The test message was sent."
	case "finished":
		return "The connection is complete."
	case "uninstalled":
		return "Uninstalled. Shoplifter has no access to that account now."
	}
	return ""
}

// frontBody fills the front page.
type frontBody struct {
	Connections []connectionRow
	Unfinished  int
	News        []news
}

// connectionRow is a connection as the pages show it.
type connectionRow struct {
	*sunco.Installation
	Path       string
	Incomplete bool // the webhook is missing
}

func (a *app) row(in *sunco.Installation) connectionRow {
	return connectionRow{in, connectionPath(in), a.cfg.reachable() && a.hook(in) == nil}
}

func (a *app) showFront(w http.ResponseWriter, r *http.Request) {
	a.describeFront(w, r, http.StatusOK, page{Said: said(r.URL.Query().Get("said"))})
}

func (a *app) describeFront(w http.ResponseWriter, r *http.Request, status int, p page) {
	body := frontBody{News: a.recent.latestNews()}
	var failed error
	for in, err := range a.store.All(r.Context()) {
		if failed = errors.Join(failed, err); err == nil {
			body.Connections = append(body.Connections, a.row(in))
		}
	}
	for _, err := range a.store.Unfinished(r.Context()) {
		failed = errors.Join(failed, err)
		body.Unfinished++
	}
	if failed != nil {
		a.storeFailed(w, failed)
		return
	}
	if r.URL.Query().Get("said") == "unfinished" && body.Unfinished > 0 {
		p.Failed = "Zendesk gave access, but the connection is not complete. Press “Finish connecting”."
	}
	p.Title, p.Body = "Shoplifter", body
	a.show(w, status, a.pages.front, p)
}

// connectionBody fills the page of a connection.
type connectionBody struct {
	connectionRow
	Admin     string // address of the admin settings
	Webhook   *sunco.Webhook
	Received  []received
	Remembers int
}

func (a *app) showConnection(w http.ResponseWriter, r *http.Request, in *sunco.Installation) {
	a.describeConnection(w, http.StatusOK, in, page{Said: said(r.URL.Query().Get("said"))})
}

func (a *app) describeConnection(w http.ResponseWriter, status int, in *sunco.Installation, p page) {
	body := connectionBody{
		connectionRow: a.row(in),
		Admin:         a.adminURL(in),
		Webhook:       a.hook(in),
		Received:      a.recent.received(in),
		Remembers:     maxDeliveries,
	}
	p.Title, p.Body = body.Subdomain, body
	a.show(w, status, a.pages.connection, p)
}

// adminURL returns the page on which the customer's administrator sees the bots.
func (a *app) adminURL(in *sunco.Installation) string {
	scheme := "https"
	if a.cfg.Local() {
		scheme = "http"
	}
	return scheme + "://" + in.Subdomain + "." + a.cfg.Domain + "/admin/ai/ai-agents/ai-agents/marketplace-bots"
}

func (p *pages) serveStyle(w http.ResponseWriter, _ *http.Request) {
	serveFile(w, "text/css; charset=utf-8", p.style)
}

func (p *pages) serveIcon(w http.ResponseWriter, _ *http.Request) {
	serveFile(w, "image/svg+xml", p.icon)
}

func serveFile(w http.ResponseWriter, contentType string, content []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'")
	_, _ = w.Write(content) // the client may have left
}
