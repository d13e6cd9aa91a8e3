package suncotest

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
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
	Tokens        int    // how many work
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

// Accounts returns the customers in the order in which they were added. Metadata is
// shared with the platform and must not be changed.
func (p *Platform) Accounts() []Account {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Account
	for _, a := range p.state.accounts {
		all = append(all, a.Account)
	}
	return all
}

// Installations returns the apps that have the integration, in the order of
// [Platform.Accounts].
func (p *Platform) Installations() []Installation {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Installation
	for _, a := range p.state.accounts {
		if in := a.installed; in != nil {
			s := Installation{
				AppID: a.AppID, IntegrationID: in.id, Subdomain: a.Subdomain, Legacy: a.Legacy,
				Webhooks: len(in.webhooks), Since: in.since,
			}
			for _, g := range in.grants {
				if !g.dead && !g.expired() {
					s.Tokens++
				}
			}
			all = append(all, s)
		}
	}
	return all
}

// Webhooks returns every webhook of every installation, in the order of
// [Platform.Accounts] and of creation.
func (p *Platform) Webhooks() []Webhook {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Webhook
	for _, a := range p.state.accounts {
		if a.installed == nil {
			continue
		}
		for _, w := range a.installed.webhooks {
			all = append(all, Webhook{
				ID: w.ID, AppID: a.AppID, Target: w.Target, Triggers: slices.Clone(w.Triggers),
				IncludeFullUser: w.IncludeFullUser, IncludeFullSource: w.IncludeFullSource,
			})
		}
	}
	return all
}

// Request is a request as it was recorded. Its fields hold what was sent,
// credentials included; printing it, logging it or encoding it as JSON shows only
// method, host, path and status.
type Request struct {
	Method   string
	Host     string
	Path     string // escaped, as it was sent
	RawQuery string
	Header   http.Header
	Body     []byte // its first 32 KiB
	Status   int    // 0: not answered, or not yet
	Time     time.Time
}

// String returns one line without query, header and body.
func (r Request) String() string {
	status := "no answer"
	if r.Status != 0 {
		status = strconv.Itoa(r.Status)
	}
	return fmt.Sprintf("%s %s%s %s", printable(r.Method), printable(r.Host), printable(r.Path), status)
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

// Requests returns the latest 1,000 requests the platform received, oldest first.
// Requests to mounted servers are not among them.
func (p *Platform) Requests() []Request { return records(&p.received) }

// Calls returns the latest 1,000 requests the platform sent to the partner, oldest
// first: probes, deliveries and calls to the remove URL.
func (p *Platform) Calls() []Request { return records(&p.sent) }

func records(log *journal.Log) []Request {
	list := log.List()
	all := make([]Request, len(list))
	for i, r := range list {
		all[i] = Request(r)
	}
	return all
}
