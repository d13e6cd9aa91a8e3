// Package hooks is what the platform sends to the partner: webhooks and the probes of
// their targets, deliveries with their retries, and calls to the remove URL.
package hooks

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/journal"
	"github.com/sunco-go/sunco/suncotest/internal/netsim"
	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// Options are what hooks need to know, without defaults. The fields that choose among
// readings of the documents are those of the fake's public Behavior.
type Options struct {
	Lock    *wire.Lock
	Network *netsim.Network
	Sent    *journal.Log
	Dead    wire.Reply // to a token that died meanwhile

	Limit           int
	LimitStatus     int
	NoProbe         bool
	NoRetargetProbe bool
	ProbeCounts     func(status int) bool // 0: no answer
	TriggerStatus   int                   // for an unknown one; 0: it is accepted

	LowerHost, NoPort, Slash bool // what changes in targets

	RetryInterval time.Duration
	Copies        int
	Doubled       bool
	Reordered     bool
	Serial        bool
	WrongKey      bool

	RemoveURL           string
	RemoveRetries       int
	RemoveRetryInterval time.Duration
}

// Service keeps the webhooks and makes the calls.
type Service struct {
	opts     Options
	caller   *http.Client
	outbox   outbox
	webhooks map[string][]*webhook // by integration, oldest first; the lock guards them
}

// New returns a service without webhooks.
func New(opts Options) *Service {
	return &Service{opts: opts, caller: newCaller(opts.Network), webhooks: map[string][]*webhook{}}
}

// Close ends what the calls have left open. The network is closed before.
func (s *Service) Close() { s.caller.CloseIdleConnections() }

// Routes are the operations on webhooks.
func (s *Service) Routes() []wire.Route {
	const (
		all = "/v2/apps/{app}/integrations/{integration}/webhooks"
		one = all + "/{webhook}"
	)
	route := func(method, path string, do wire.Endpoint) wire.Route {
		return wire.Route{On: wire.Tenant, Method: method, Path: path, Access: wire.OfTheApp, Do: do}
	}
	return []wire.Route{
		route(http.MethodPost, all, s.createWebhook),
		route(http.MethodGet, all, s.listWebhooks),
		route(http.MethodGet, one, s.getWebhook),
		route(http.MethodPatch, one, s.updateWebhook),
		route(http.MethodDelete, one, s.deleteWebhook),
	}
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

// Webhooks returns the webhooks of an integration, oldest first. The lock is held.
func (s *Service) Webhooks(appID, integrationID string) []Webhook {
	var all []Webhook
	for _, w := range s.webhooks[integrationID] {
		all = append(all, Webhook{
			ID: w.ID, AppID: appID, Target: w.Target, Triggers: slices.Clone(w.Triggers),
			IncludeFullUser: w.IncludeFullUser, IncludeFullSource: w.IncludeFullSource,
		})
	}
	return all
}

// End deletes every webhook of an integration. The lock is held.
func (s *Service) End(integrationID string) {
	for _, w := range s.webhooks[integrationID] {
		w.line.end()
	}
	delete(s.webhooks, integrationID)
}

// webhook is one webhook, and how it is written on the wire.
type webhook struct {
	ID                string   `json:"id"`
	Version           string   `json:"version"`
	Target            string   `json:"target"`
	Triggers          []string `json:"triggers"`
	Secret            string   `json:"secret"`
	IncludeFullUser   bool     `json:"includeFullUser"`
	IncludeFullSource bool     `json:"includeFullSource"`

	line *line
}

func (w webhook) reply(status int) wire.Reply {
	return wire.OK(status, map[string]webhook{"webhook": w})
}

func members() wire.Members {
	return wire.Members{
		"target": func(_ *wire.Call, raw json.RawMessage) string {
			target, ok := wire.As[string](raw)
			if _, err := wire.ParseAbsolute(target); !ok || err != nil {
				return "must be an absolute http or https URL"
			}
			return ""
		},
		"triggers": func(_ *wire.Call, raw json.RawMessage) string {
			triggers, ok := wire.As[[]string](raw)
			if !ok || len(triggers) == 0 || slices.Contains(triggers, "") {
				return "must be a list of names"
			}
			return ""
		},
		"includeFullUser":   wire.Boolean,
		"includeFullSource": wire.Boolean,
	}
}

// set takes over the members that are given, and leaves the others alone.
func (s *Service) set(w *webhook, given map[string]json.RawMessage) {
	if raw := given["target"]; raw != nil {
		w.Target, _ = wire.As[string](raw)
		w.Target = s.written(w.Target)
	}
	if raw := given["triggers"]; raw != nil {
		w.Triggers, _ = wire.As[[]string](raw)
	}
	if raw := given["includeFullUser"]; raw != nil {
		w.IncludeFullUser, _ = wire.As[bool](raw)
	}
	if raw := given["includeFullSource"]; raw != nil {
		w.IncludeFullSource, _ = wire.As[bool](raw)
	}
}

// written is a target as it is stored.
func (s *Service) written(target string) string {
	u, err := url.Parse(target) // which writes the scheme in lower case
	if err != nil || !s.opts.LowerHost && !s.opts.NoPort && !s.opts.Slash {
		return target
	}
	if s.opts.LowerHost {
		u.Host = strings.ToLower(u.Host)
	}
	port := u.Port()
	if s.opts.NoPort && (u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80") {
		u.Host = strings.TrimSuffix(u.Host, ":"+port)
	}
	if s.opts.Slash && u.Path == "" {
		u.Path = "/"
	}
	return u.String()
}

// readWebhook reads the members of a webhook, of which some are needed.
func (s *Service) readWebhook(c *wire.Call, needed ...string) (map[string]json.RawMessage, wire.Reply, bool) {
	given, refusal, fine := c.ReadMembers(members(), needed...)
	if !fine || s.opts.TriggerStatus == 0 {
		return given, refusal, fine
	}
	triggers, _ := wire.As[[]string](given["triggers"]) // they were checked
	known := append(SampleTriggers(), "passthrough:messaging")
	if slices.ContainsFunc(triggers, func(name string) bool { return !slices.Contains(known, name) }) {
		return nil, wire.Failure(s.opts.TriggerStatus, "bad_request", "The triggers must be those of the API"), false
	}
	return given, refusal, true
}

func (s *Service) createWebhook(c *wire.Call) wire.Reply {
	given, refusal, fine := s.readWebhook(c, "target", "triggers")
	if !fine {
		return refusal
	}
	created := &webhook{Version: "v2", Secret: wire.RandomHex(16)}
	s.set(created, given)
	if refusal, full := s.full(c.IntegrationID); full {
		return refusal
	}
	if !s.opts.NoProbe {
		if refusal := s.probe(c.Context(), created.Target); refusal != "" {
			return wire.BadRequest(refusal)
		}
	}
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	switch {
	case c.Dead:
		return s.opts.Dead
	case len(s.webhooks[c.IntegrationID]) >= s.opts.Limit:
		return s.tooMany()
	}
	created.ID = s.opts.Lock.NextID("webhook", c.AppID)
	created.line = s.newLine()
	s.webhooks[c.IntegrationID] = append(s.webhooks[c.IntegrationID], created)
	return created.reply(http.StatusCreated)
}

// full looks at the limit before the target is bothered.
func (s *Service) full(integrationID string) (wire.Reply, bool) {
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	if len(s.webhooks[integrationID]) < s.opts.Limit {
		return wire.Reply{}, false
	}
	return s.tooMany(), true
}

func (s *Service) tooMany() wire.Reply {
	return wire.Failure(s.opts.LimitStatus, "bad_request",
		fmt.Sprintf("The integration has %d webhooks, which is the limit", s.opts.Limit))
}

func (s *Service) listWebhooks(c *wire.Call) wire.Reply {
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	list := []webhook{}
	for _, w := range s.webhooks[c.IntegrationID] {
		list = append(list, *w)
	}
	return wire.OK(http.StatusOK, map[string][]webhook{"webhooks": list})
}

// find returns the one that the path names, or nil. The lock is held.
func (s *Service) find(c *wire.Call) *webhook {
	for _, w := range s.webhooks[c.IntegrationID] {
		if w.ID == c.Params["webhook"] {
			return w
		}
	}
	return nil
}

func noWebhook() wire.Reply {
	return wire.Failure(http.StatusNotFound, "not_found", "Resource not found")
}

func (s *Service) getWebhook(c *wire.Call) wire.Reply {
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	w := s.find(c)
	if w == nil {
		return noWebhook()
	}
	return w.reply(http.StatusOK)
}

func (s *Service) updateWebhook(c *wire.Call) wire.Reply {
	s.opts.Lock.Lock()
	found := s.find(c)
	if found == nil {
		s.opts.Lock.Unlock()
		return noWebhook()
	}
	before := *found
	s.opts.Lock.Unlock()

	given, refusal, fine := s.readWebhook(c)
	if !fine {
		return refusal
	}
	asked := before
	s.set(&asked, given)
	if asked.Target != before.Target && !s.opts.NoProbe && !s.opts.NoRetargetProbe {
		if refusal := s.probe(c.Context(), asked.Target); refusal != "" {
			return wire.BadRequest(refusal)
		}
	}
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	if found = s.find(c); found == nil { // deleted meanwhile
		return noWebhook()
	}
	s.set(found, given)
	return found.reply(http.StatusOK)
}

func (s *Service) deleteWebhook(c *wire.Call) wire.Reply {
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	w := s.find(c)
	if w == nil {
		return noWebhook()
	}
	w.line.end()
	s.webhooks[c.IntegrationID] = slices.DeleteFunc(s.webhooks[c.IntegrationID], func(other *webhook) bool {
		return other == w
	})
	return wire.OK(http.StatusOK, struct{}{})
}
