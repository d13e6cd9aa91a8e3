package suncotest

import (
	"encoding/json"
	"net/http"
	"slices"
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

func (w webhook) reply(status int) reply {
	return ok(status, map[string]webhook{"webhook": w})
}

func (p *Platform) createWebhook(c *call) reply {
	created := webhook{Version: "v2", Secret: randomHex(16)}
	given, refusal, fine := readWebhook(c, &created)
	switch {
	case !fine:
		return refusal
	case !given["target"] || !given["triggers"]:
		return badRequest("A webhook needs target and triggers")
	}
	if refusal, full := p.webhooksFull(c.grant); full {
		return refusal
	}
	if !p.cfg.Behavior.NoProbe && !p.probe(c.Context(), created.Target) {
		return badRequest("Bad request")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	in := c.grant.in
	switch {
	case c.grant.dead || in.gone:
		return problem(p.cfg.Behavior.RevokedStatus)
	case len(in.webhooks) >= p.cfg.Behavior.WebhookLimit:
		return p.tooManyWebhooks()
	}
	created.ID = p.state.nextID("webhook", c.grant.account.AppID)
	created.line = p.newLine()
	in.webhooks = append(in.webhooks, &created)
	return created.reply(http.StatusCreated)
}

// webhooksFull looks at the limit before the target is bothered.
func (p *Platform) webhooksFull(g *grant) (reply, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(g.in.webhooks) < p.cfg.Behavior.WebhookLimit {
		return reply{}, false
	}
	return p.tooManyWebhooks(), true
}

func (p *Platform) tooManyWebhooks() reply {
	return failure(p.cfg.Behavior.WebhookLimitStatus, "bad_request", "The integration has as many webhooks as it may")
}

func (p *Platform) listWebhooks(c *call) reply {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := []webhook{}
	for _, w := range c.grant.in.webhooks {
		list = append(list, *w)
	}
	return ok(http.StatusOK, map[string][]webhook{"webhooks": list})
}

// webhook returns the one that the path names, or nil. The mutex is held.
func (c *call) webhook() *webhook {
	for _, w := range c.grant.in.webhooks {
		if w.ID == c.params["webhook"] {
			return w
		}
	}
	return nil
}

func noWebhook() reply { return failure(http.StatusNotFound, "not_found", "Resource not found") }

func (p *Platform) getWebhook(c *call) reply {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := c.webhook()
	if w == nil {
		return noWebhook()
	}
	return w.reply(http.StatusOK)
}

func (p *Platform) updateWebhook(c *call) reply {
	p.mu.Lock()
	found := c.webhook()
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
			return badRequest("Bad request")
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if found = c.webhook(); found == nil { // deleted meanwhile
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

func (p *Platform) deleteWebhook(c *call) reply {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := c.webhook()
	if w == nil {
		return noWebhook()
	}
	w.line.end()
	in := c.grant.in
	in.webhooks = slices.DeleteFunc(in.webhooks, func(other *webhook) bool { return other == w })
	return ok(http.StatusOK, struct{}{})
}

// readWebhook reads a body into w and tells which members it has.
func readWebhook(c *call, w *webhook) (given map[string]bool, refusal reply, fine bool) {
	if mediaType(c.Header.Get("Content-Type")) != "application/json" {
		return nil, problem(http.StatusUnsupportedMediaType), false
	}
	object, err := readObject(c.body)
	if err != nil {
		return nil, badRequest("The body is not one JSON object with distinct keys"), false
	}
	given = map[string]bool{}
	for name, raw := range object {
		if problem := w.set(name, raw); problem != "" {
			return nil, badRequest(problem), false
		}
		given[name] = true
	}
	return given, reply{}, true
}

// set reads one member, and returns what is wrong with it.
func (w *webhook) set(name string, raw json.RawMessage) string {
	var fine bool
	switch name {
	case "target":
		w.Target, fine = as[string](raw)
		if _, err := parseAbsolute(w.Target); !fine || err != nil {
			return "target must be an absolute http or https URL"
		}
	case "triggers":
		w.Triggers, fine = as[[]string](raw)
		if !fine || len(w.Triggers) == 0 || slices.Contains(w.Triggers, "") {
			return "triggers must be a list of names"
		}
	case "includeFullUser":
		if w.IncludeFullUser, fine = as[bool](raw); !fine {
			return "includeFullUser must be true or false"
		}
	case "includeFullSource":
		if w.IncludeFullSource, fine = as[bool](raw); !fine {
			return "includeFullSource must be true or false"
		}
	default:
		return "There is an unknown member"
	}
	return ""
}
