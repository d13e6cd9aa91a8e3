package chat

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/sunco-go/sunco/suncotest/internal/content"
	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// client is a channel through which a user can be reached, as the wire has it.
type client struct {
	ID            string         `json:"id"`
	Type          string         `json:"type"`
	Status        string         `json:"status"`
	IntegrationID string         `json:"integrationId,omitempty"`
	ExternalID    string         `json:"externalId,omitempty"`
	DisplayName   string         `json:"displayName,omitempty"`
	LastSeen      string         `json:"lastSeen,omitempty"`
	LinkedAt      string         `json:"linkedAt,omitempty"`
	Info          map[string]any `json:"info,omitempty"`

	conversation *conversation // nil: every one of the user's
	size         int
}

// device is a browser in which a user has the widget open.
type device struct {
	ID            string         `json:"id"`
	Type          string         `json:"type"`
	GUID          string         `json:"guid"`
	ClientID      string         `json:"clientId"`
	Status        string         `json:"status"`
	IntegrationID string         `json:"integrationId"`
	LastSeen      string         `json:"lastSeen"`
	Info          map[string]any `json:"info,omitempty"`
}

// sdk is the type of the widget's clients.
const sdk = "sdk"

// opens gives a user the widget in a browser.
func (a *app) opens(u *user) {
	now, integration := wire.Now(), a.widget().IntegrationID
	c := &client{
		ID: wire.StableID("client", u.ID), Type: sdk, Status: "active", IntegrationID: integration, DisplayName: u.name(),
		LastSeen: now, LinkedAt: now, Info: map[string]any{"browser": "suncotest"},
	}
	u.clients = append(u.clients, c)
	u.devices = append(u.devices, &device{
		ID: wire.StableID("device", u.ID), Type: throughWidget, GUID: wire.StableID("guid", u.ID), ClientID: c.ID,
		Status: "active", IntegrationID: integration, LastSeen: now, Info: map[string]any{"browser": "suncotest"},
	})
}

// seen notes that a user is there.
func (u *user) seen() {
	for _, c := range u.clients {
		if c.Type == sdk {
			c.LastSeen = wire.Now()
		}
	}
	for _, d := range u.devices {
		d.LastSeen = wire.Now()
	}
}

// reachable reports whether a user has an active client of an integration or a type.
func (u *user) reachable(v *conversation, integrationID, kind string) bool {
	return slices.ContainsFunc(u.clients, func(c *client) bool {
		return c.Status == "active" && (c.conversation == nil || c.conversation == v) &&
			(c.IntegrationID == integrationID || c.Type == kind || c.Type == sdk && kind == throughWidget)
	})
}

// matchCriteria checks how a user is to be found on a channel.
func matchCriteria(c *wire.Call, raw json.RawMessage) string {
	var kind struct{ Type string }
	if json.Unmarshal(raw, &kind) != nil {
		return "must be an object with a type"
	}
	m := wire.Members{"type": wire.FreeText, "integrationId": wire.Text(1, 64), "primary": wire.Boolean}
	needed := "phoneNumber"
	switch kind.Type {
	case "mailgun":
		m["subject"] = wire.FreeText
		needed = "address"
	case "messagebird", "twilio", "whatsapp":
	default:
		return ".type must be one of mailgun, messagebird, twilio, whatsapp"
	}
	m[needed] = wire.Text(1, 128)
	return wire.Object(m, "type", "integrationId", needed)(c, raw)
}

// confirmation checks how a user agrees to be reached on a channel. A message that asks
// is a text or an image, whose actions are links.
func confirmation(c *wire.Call, raw json.RawMessage) string {
	return wire.Object(wire.Members{
		"type": wire.OneOf("immediate", "userActivity", "prompt"),
		"message": func(c *wire.Call, raw json.RawMessage) string {
			object, wrong := messageMembers().Read(c, raw, "author", "content")
			if wrong != "" {
				return wrong
			}
			said, wrong := content.Read(c, object["content"])
			if wrong != "" {
				return wire.At(".content", wrong)
			}
			if kind := wire.Given(said, "type"); kind != "text" && kind != "image" {
				return ".content must be a text or an image"
			}
			if slices.ContainsFunc(content.Actions(said), func(a content.Action) bool { return a.Type != "link" }) {
				return ".content may have no actions but links"
			}
			return ""
		},
	}, "type")(c, raw)
}

func (s *Service) createClient(c *wire.Call) wire.Reply {
	query, refusal, fine := c.Query("brandId")
	if !fine {
		return refusal
	}
	body, refusal, fine := c.ReadMembers(wire.Members{
		"matchCriteria": matchCriteria, "confirmation": confirmation,
		"target": wire.Object(wire.Members{"conversationId": wire.FreeText}, "conversationId"),
	}, "matchCriteria", "confirmation", "target")
	if !fine {
		return refusal
	}
	var by struct{ Type, IntegrationID, PhoneNumber, Address string }
	var agreed struct{ Type string }
	var target struct{ ConversationID string }
	_ = json.Unmarshal(body["matchCriteria"], &by) // like the others, it was checked
	_ = json.Unmarshal(body["confirmation"], &agreed)
	_ = json.Unmarshal(body["target"], &target)
	return s.of(c, query, func(a *app, u *user) wire.Reply {
		v := a.byID[target.ConversationID]
		if v == nil || v.participant(u) == nil {
			return noConversation()
		}
		fresh := &client{
			ID: s.opts.Lock.NextID("client", a.id), Type: by.Type, Status: "pending", IntegrationID: by.IntegrationID,
			conversation: v,
		}
		if !s.history.fits(&fresh.size, 0) {
			return full()
		}
		u.clients = append(u.clients, fresh)
		s.linked(a, u, fresh, "client:add", "channelLinking")
		reply := wire.OK(http.StatusCreated, map[string]*client{"client": fresh})
		if agreed.Type == "immediate" {
			fresh.Status, fresh.LinkedAt, fresh.LastSeen = "active", wire.Now(), wire.Now()
			fresh.ExternalID = strings.TrimSpace(by.PhoneNumber + by.Address)
			fresh.DisplayName = fresh.ExternalID
			s.linked(a, u, fresh, "client:update", "confirmed")
		}
		return reply
	})
}

// linked tells what became of a client. The lock is held.
func (s *Service) linked(a *app, u *user, c *client, trigger, reason string) {
	s.opts.Emit(a.id, trigger, func(bool, bool) any {
		payload := map[string]any{"user": u.userReference, "client": c, "reason": reason}
		if c.conversation != nil {
			payload["conversation"] = c.conversation.conversationReference
		}
		if trigger != "client:update" {
			payload["source"] = source{Type: throughAPI}
		}
		return payload
	})
}

func (s *Service) listClients(c *wire.Call) wire.Reply {
	query, refusal, fine := c.Query("brandId", "page[after]", "page[before]", "page[size]")
	if !fine {
		return refusal
	}
	page, wrong := wire.ReadPaging(query)
	if wrong != "" {
		return wire.BadRequest(wrong)
	}
	return s.of(c, query, func(_ *app, u *user) wire.Reply {
		return wire.List(c, page, "clients", u.clients, func(c *client) string { return c.ID })
	})
}

func (s *Service) removeClient(c *wire.Call) wire.Reply {
	query, refusal, fine := c.Query("brandId")
	if !fine {
		return refusal
	}
	return s.of(c, query, func(a *app, u *user) wire.Reply {
		at := slices.IndexFunc(u.clients, func(other *client) bool { return other.ID == c.Params["client"] })
		switch {
		case at < 0:
			return wire.Failure(http.StatusNotFound, "client_not_found", "Client not found")
		case u.clients[at].Type == sdk:
			return wire.BadRequest("A client of type sdk cannot be removed")
		}
		gone := u.clients[at]
		u.clients = slices.Delete(u.clients, at, at+1)
		s.history.frees(&gone.size)
		s.linked(a, u, gone, "client:remove", "api")
		return done()
	})
}

// listDevices lists the latest first.
func (s *Service) listDevices(c *wire.Call) wire.Reply {
	query, refusal, fine := c.Query("brandId")
	if !fine {
		return refusal
	}
	return s.of(c, query, func(_ *app, u *user) wire.Reply {
		all := append([]*device{}, u.devices...)
		slices.SortStableFunc(all, func(x, y *device) int { return strings.Compare(y.LastSeen, x.LastSeen) })
		return wire.OK(http.StatusOK, map[string][]*device{"devices": all})
	})
}

func (s *Service) getDevice(c *wire.Call) wire.Reply {
	query, refusal, fine := c.Query("brandId")
	if !fine {
		return refusal
	}
	return s.of(c, query, func(_ *app, u *user) wire.Reply {
		at := slices.IndexFunc(u.devices, func(d *device) bool { return d.ID == c.Params["device"] })
		if at < 0 {
			return wire.Failure(http.StatusNotFound, "device_not_found", "Device not found")
		}
		return wire.OK(http.StatusOK, map[string]*device{"device": u.devices[at]})
	})
}
