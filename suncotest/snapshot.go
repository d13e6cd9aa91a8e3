package suncotest

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/journal"
)

// Installation is a snapshot of the partner's integration in one app.
type Installation struct {
	AppID         string
	IntegrationID string
	Subdomain     string
	Legacy        string // as in [Account]
	Tokens        int    // how many are valid
	Webhooks      int
	Since         time.Time
}

// Webhook is a snapshot of one webhook, without its secret.
type Webhook struct {
	ID                string
	AppID             string
	Target            string
	Triggers          []string
	IncludeFullUser   bool
	IncludeFullSource bool
}

// Accounts returns the customers in the order in which they were added. Do not change
// their Metadata, which the platform uses.
func (p *Platform) Accounts() []Account {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Account
	for _, a := range p.oauth.Accounts() {
		all = append(all, Account(a))
	}
	return all
}

// Installations returns the apps in which the integration is installed, in the order of
// [Platform.Accounts].
func (p *Platform) Installations() []Installation {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Installation
	for _, in := range p.oauth.Installations() {
		all = append(all, Installation{
			AppID: in.AppID, IntegrationID: in.IntegrationID, Subdomain: in.Subdomain, Legacy: in.Legacy,
			Tokens: in.Tokens, Webhooks: len(p.hooks.Webhooks(in.AppID, in.IntegrationID)), Since: in.Since,
		})
	}
	return all
}

// Webhooks returns every webhook of every installation, in the order of
// [Platform.Accounts], the oldest first.
func (p *Platform) Webhooks() []Webhook {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Webhook
	for _, in := range p.oauth.Installations() {
		for _, w := range p.hooks.Webhooks(in.AppID, in.IntegrationID) {
			all = append(all, Webhook(w))
		}
	}
	return all
}

// Delivery is a snapshot of one delivery to one webhook.
type Delivery struct {
	ID        string
	AppID     string
	WebhookID string
	Target    string // of the latest attempt
	Events    []DeliveredEvent
	Body      []byte // nil: it is not kept any more. Do not change it
	Created   time.Time
	Attempts  []Attempt
	Next      time.Time // of the next attempt; zero: none is planned, or it is due
	Outcome   Outcome
}

// DeliveredEvent is an event in a [Delivery].
type DeliveredEvent struct {
	ID   string
	Type string
}

// Attempt is one attempt at a delivery.
type Attempt struct {
	CallID string // of the request in [Platform.Calls]; empty while it is under way
	Status int    // 0: no answer, or none yet
	Start  time.Time
	Took   time.Duration // 0 until the attempt has ended
}

// Outcome is the state of a delivery.
type Outcome string

// The states of a delivery.
const (
	Pending   Outcome = "pending"   // an attempt is under way or planned
	Delivered Outcome = "delivered" // answered 2xx
	Refused   Outcome = "refused"   // answered 400, 401, 403, 404 or 406
	Dropped   Outcome = "dropped"   // out of attempts, or the webhook or the platform ended first
)

// Deliveries returns the latest 1,000 deliveries, oldest first, with at most 8 MiB of
// bodies.
func (p *Platform) Deliveries() []Delivery {
	list := p.hooks.Deliveries()
	all := make([]Delivery, len(list))
	for i, d := range list {
		all[i] = Delivery{
			ID: d.ID, AppID: d.AppID, WebhookID: d.WebhookID, Target: d.Target, Body: d.Body, Created: d.Created,
			Next: d.Next, Outcome: Outcome(d.Outcome),
		}
		for _, e := range d.Events {
			all[i].Events = append(all[i].Events, DeliveredEvent(e))
		}
		for _, a := range d.Attempts {
			all[i].Attempts = append(all[i].Attempts, Attempt(a))
		}
	}
	return all
}

// Redeliver sends a delivery again to its webhook: a new delivery with the same events.
// With their own ids they are duplicates, which a receiver drops; newIDs makes them new
// events. Redeliver returns an error when there is no such delivery, its webhook has been
// deleted, or its body is not kept any more.
func (p *Platform) Redeliver(deliveryID string, newIDs bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hooks.Redeliver(deliveryID, newIDs)
}

// Request is a recorded request and its answer. Its fields contain credentials;
// [Request.Redacted] returns a copy without them. Printing, logging or encoding a Request
// shows only method, host, path, status and note.
type Request struct {
	ID          string // of a request to the platform: the X-Request-Id of its answer
	Method      string
	Host        string
	Path        string // escaped, as it was sent
	RawQuery    string
	Header      http.Header
	Body        []byte // its first 100 kB
	Size        int    // of the whole body, in bytes
	Status      int    // 0: no answer, or none yet
	ReplyHeader http.Header
	ReplyBody   []byte // its first 100 kB; of an answer of the partner 64 KiB
	ReplySize   int    // of the whole body, in bytes
	Note        string // the reason of a refusal, or unknown names in the request; often empty
	Time        time.Time
	Took        time.Duration // 0 until it is answered
}

// Redacted returns a copy in which REDACTED stands for access tokens, codes, states, client
// secrets, webhook secrets, nonces and cookies, in headers, query and bodies. It does not
// know credentials of your own, such as a key in a webhook's target.
func (r Request) Redacted() Request { return Request(journal.Request(r).Redacted()) }

// String returns one line, without query, header and body.
func (r Request) String() string {
	status := "no answer"
	if r.Status != 0 {
		status = strconv.Itoa(r.Status)
	}
	line := fmt.Sprintf("%s %s%s %s", printable(r.Method), printable(r.Host), printable(r.Path), status)
	if r.Note != "" {
		line += " (" + r.Note + ")"
	}
	return line
}

// printable keeps a line of the record one line of moderate length.
func printable(s string) string {
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	quoted := strconv.QuoteToASCII(s)
	if plain := quoted[1 : len(quoted)-1]; plain == s {
		return s
	}
	return quoted
}

// Format makes every verb of package fmt print [Request.String].
func (r Request) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue makes package slog write [Request.String].
func (r Request) LogValue() slog.Value { return slog.StringValue(r.String()) }

// MarshalText makes encoders write [Request.String].
func (r Request) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Requests returns the latest 1,000 requests that the platform received, oldest first, and
// fewer when they take more than 12 MiB. Requests to mounted servers are not included.
func (p *Platform) Requests() []Request { return records(&p.received) }

// Calls returns the latest 1,000 requests that the platform sent to the partner, oldest
// first, and fewer when they take more than 12 MiB: probes, deliveries and calls to the
// remove URL.
func (p *Platform) Calls() []Request { return records(&p.sent) }

func records(log *journal.Log) []Request {
	list := log.List()
	all := make([]Request, len(list))
	for i, r := range list {
		all[i] = Request(r)
	}
	return all
}
