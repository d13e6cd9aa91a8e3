package suncotest

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

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

func (p *Platform) createWebhook(c *wire.Call) wire.Reply {
	created := webhook{Version: "v2", Secret: wire.RandomHex(16)}
	given, refusal, fine := readWebhook(c, &created)
	switch {
	case !fine:
		return refusal
	case !given["target"] || !given["triggers"]:
		return wire.BadRequest("A webhook needs target and triggers")
	}
	if refusal, full := p.webhooksFull(c.Grant.(*grant)); full {
		return refusal
	}
	if !p.cfg.Behavior.NoProbe && !p.probe(c.Context(), created.Target) {
		return wire.BadRequest("Bad request")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	in := c.Grant.(*grant).in
	switch {
	case c.Grant.(*grant).dead || in.gone:
		return wire.Problem(p.cfg.Behavior.RevokedStatus)
	case len(in.webhooks) >= p.cfg.Behavior.WebhookLimit:
		return p.tooManyWebhooks()
	}
	created.ID = p.mu.NextID("webhook", c.Grant.(*grant).account.AppID)
	created.line = p.newLine()
	in.webhooks = append(in.webhooks, &created)
	return created.reply(http.StatusCreated)
}

// webhooksFull looks at the limit before the target is bothered.
func (p *Platform) webhooksFull(g *grant) (wire.Reply, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(g.in.webhooks) < p.cfg.Behavior.WebhookLimit {
		return wire.Reply{}, false
	}
	return p.tooManyWebhooks(), true
}

func (p *Platform) tooManyWebhooks() wire.Reply {
	return wire.Failure(p.cfg.Behavior.WebhookLimitStatus, "bad_request", "The integration has as many webhooks as it may")
}

func (p *Platform) listWebhooks(c *wire.Call) wire.Reply {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := []webhook{}
	for _, w := range c.Grant.(*grant).in.webhooks {
		list = append(list, *w)
	}
	return wire.OK(http.StatusOK, map[string][]webhook{"webhooks": list})
}

// webhook returns the one that the path names, or nil. The mutex is held.
func webhookOf(c *wire.Call) *webhook {
	for _, w := range c.Grant.(*grant).in.webhooks {
		if w.ID == c.Params["webhook"] {
			return w
		}
	}
	return nil
}

func noWebhook() wire.Reply {
	return wire.Failure(http.StatusNotFound, "not_found", "Resource not found")
}

func (p *Platform) getWebhook(c *wire.Call) wire.Reply {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := webhookOf(c)
	if w == nil {
		return noWebhook()
	}
	return w.reply(http.StatusOK)
}

func (p *Platform) updateWebhook(c *wire.Call) wire.Reply {
	p.mu.Lock()
	found := webhookOf(c)
	if found == nil {
		p.mu.Unlock()
		return noWebhook()
	}
	before := *found
	p.mu.Unlock()

	var asked webhook
	given, refusal, fine := readWebhook(c, &asked)
	if !fine {
		return refusal
	}
	b := p.cfg.Behavior
	if given["target"] && asked.Target != before.Target && !b.NoProbe && !b.NoRetargetProbe {
		if !p.probe(c.Context(), asked.Target) {
			return wire.BadRequest("Bad request")
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if found = webhookOf(c); found == nil { // deleted meanwhile
		return noWebhook()
	}
	found.merge(asked, given)
	return found.reply(http.StatusOK)
}

// merge takes over the members that were given, and leaves the others alone.
func (w *webhook) merge(asked webhook, given map[string]bool) {
	if given["target"] {
		w.Target = asked.Target
	}
	if given["triggers"] {
		w.Triggers = asked.Triggers
	}
	if given["includeFullUser"] {
		w.IncludeFullUser = asked.IncludeFullUser
	}
	if given["includeFullSource"] {
		w.IncludeFullSource = asked.IncludeFullSource
	}
}

func (p *Platform) deleteWebhook(c *wire.Call) wire.Reply {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := webhookOf(c)
	if w == nil {
		return noWebhook()
	}
	w.line.end()
	in := c.Grant.(*grant).in
	in.webhooks = slices.DeleteFunc(in.webhooks, func(other *webhook) bool { return other == w })
	return wire.OK(http.StatusOK, struct{}{})
}

// readWebhook reads a body into w and tells which members it has.
func readWebhook(c *wire.Call, w *webhook) (given map[string]bool, refusal wire.Reply, fine bool) {
	if wire.MediaType(c.Header.Get("Content-Type")) != "application/json" {
		return nil, wire.Problem(http.StatusUnsupportedMediaType), false
	}
	object, err := wire.ReadObject(c.Body)
	if err != nil {
		return nil, wire.BadRequest("The body is not one JSON object with distinct keys"), false
	}
	given = map[string]bool{}
	for name, raw := range object {
		if problem := w.set(name, raw); problem != "" {
			return nil, wire.BadRequest(problem), false
		}
		given[name] = true
	}
	return given, wire.Reply{}, true
}

// set reads one member, and returns what is wrong with it.
func (w *webhook) set(name string, raw json.RawMessage) string {
	var fine bool
	switch name {
	case "target":
		w.Target, fine = wire.As[string](raw)
		if _, err := wire.ParseAbsolute(w.Target); !fine || err != nil {
			return "target must be an absolute http or https URL"
		}
	case "triggers":
		w.Triggers, fine = wire.As[[]string](raw)
		if !fine || len(w.Triggers) == 0 || slices.Contains(w.Triggers, "") {
			return "triggers must be a list of names"
		}
	case "includeFullUser":
		if w.IncludeFullUser, fine = wire.As[bool](raw); !fine {
			return "includeFullUser must be true or false"
		}
	case "includeFullSource":
		if w.IncludeFullSource, fine = wire.As[bool](raw); !fine {
			return "includeFullSource must be true or false"
		}
	default:
		return "There is an unknown member"
	}
	return ""
}
