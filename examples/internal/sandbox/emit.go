package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sunco-go/sunco/suncotest"
)

const (
	maxEmitted   = 20 // events; even doubled and with whole users they stay below 100 kB
	usualTrigger = "conversation:message"
)

// emit makes events happen in an app, each with another user in another
// conversation, and all in one delivery to each webhook. The page's form is
// answered when the deliveries had a moment to arrive.
func (s *Sandbox) emit(w http.ResponseWriter, r *http.Request) {
	fields, form, ok := s.readFields(w, r, []string{"appId", "trigger"}, "count")
	if !ok {
		return
	}
	app, trigger, count := fields["appId"], fields["trigger"], 1
	if text, given := fields["count"]; given {
		count, _ = strconv.Atoi(text) // 0 when it is no number
	}
	switch {
	case !slices.Contains(suncotest.SampleTriggers(), trigger):
		s.refuse(w, http.StatusBadRequest, "There is no such trigger. There are "+strings.Join(suncotest.SampleTriggers(), ", ")+".")
		return
	case count < 1 || count > maxEmitted:
		s.refuse(w, http.StatusBadRequest, "The count must be a whole number from 1 to "+strconv.Itoa(maxEmitted)+".")
		return
	}
	var events []suncotest.Event
	for n := range count {
		events = append(events, suncotest.SampleEvent(trigger, n+1))
	}
	if s.platform.Emit(app, events...) != nil {
		s.refuse(w, http.StatusBadRequest, "There is no such app, or the integration is not installed in it.")
		return
	}
	if form {
		s.waitForDeliveries(r.Context(), app)
	}
	page := "/?" + url.Values{"emitted": {app}, "trigger": {trigger}}.Encode()
	if s.heard(app, trigger) {
		page += "#deliveries"
	}
	s.done(w, r, form, page)
}

// heard reports whether a webhook of the app asked for the trigger.
func (s *Sandbox) heard(app, trigger string) bool {
	return slices.ContainsFunc(s.platform.Webhooks(), func(hook suncotest.Webhook) bool {
		return hook.AppID == app && slices.Contains(hook.Triggers, trigger)
	})
}

// emitting is what the page's form for events offers, and what it did last.
type emitting struct {
	Triggers []string
	Chosen   string // one of them
	Max      int    // events at once
	Account  string // where Chosen happened; empty: nowhere
	Heard    bool   // a webhook there asked for it
}

// emitting reads a query. accounts has the names by app id.
func (s *Sandbox) emitting(query url.Values, accounts map[string]string) emitting {
	e := emitting{Triggers: suncotest.SampleTriggers(), Chosen: usualTrigger, Max: maxEmitted}
	app, trigger := query.Get("emitted"), query.Get("trigger")
	if accounts[app] == "" || !slices.Contains(e.Triggers, trigger) {
		return e
	}
	e.Account, e.Chosen, e.Heard = accounts[app], trigger, s.heard(app, trigger)
	return e
}
