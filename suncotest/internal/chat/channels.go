package chat

import (
	"encoding/json"
	"net/http"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// downloadMessageRef checks a reference of Apple's and answers with an empty object,
// because this platform has no such channel.
func (s *Service) downloadMessageRef(c *wire.Call) wire.Reply {
	ref := wire.Object(wire.Members{
		"url": wire.FreeText, "bid": wire.FreeText, "key": wire.FreeText, "signature": wire.FreeText, "owner": wire.FreeText,
	}, "url", "bid", "key", "signature", "owner")
	body, refusal, fine := c.ReadMembers(wire.Members{
		"userId": wire.FreeText, "apple": wire.Object(wire.Members{"interactiveDataRef": ref}, "interactiveDataRef"),
	}, "userId")
	if !fine {
		return refusal
	}
	return s.within(c, func(a *app, _ *conversation) wire.Reply {
		if a.users[wire.Given(body, "userId")] == nil {
			return noUser()
		}
		return done()
	})
}

// postConversionEvents counts the events.
func (s *Service) postConversionEvents(c *wire.Call) wire.Reply {
	payload := wire.Object(wire.Members{"data": wire.ListOf(0, wire.MaxBody, wire.AnyObject)}, "data")
	event := wire.Object(wire.Members{"payload": payload}, "payload")
	body, refusal, fine := c.ReadMembers(wire.Members{"messenger": event, "instagram": event, "whatsapp": event})
	if !fine {
		return refusal
	}
	var given []json.RawMessage
	for _, channel := range []string{"messenger", "instagram", "whatsapp"} {
		if raw := body[channel]; raw != nil {
			given = append(given, raw)
		}
	}
	if len(given) != 1 {
		return wire.BadRequest("Conversion events need either messenger, instagram or whatsapp")
	}
	var sent struct {
		Payload struct{ Data []json.RawMessage }
	}
	_ = json.Unmarshal(given[0], &sent) // it was checked
	type result struct {
		DatasetID      string `json:"datasetId"`
		EventsReceived int    `json:"eventsReceived"`
	}
	return s.within(c, func(a *app, _ *conversation) wire.Reply {
		return wire.OK(http.StatusOK, map[string]result{
			"conversionEvents": {digits("data set", a.id), len(sent.Payload.Data)},
		})
	})
}
