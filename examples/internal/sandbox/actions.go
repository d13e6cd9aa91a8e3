package sandbox

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sunco-go/sunco/suncotest"
)

const (
	maxForm        = 32 << 10
	maxEmitted     = 20                     // events; even doubled and with whole users they stay below 100 kB
	usualTrigger   = "conversation:message" // what the page offers first
	deliveriesWait = 700 * time.Millisecond // how long a form waits for its deliveries
)

// say plays a person who writes to a customer.
func (s *Sandbox) say(w http.ResponseWriter, r *http.Request) {
	fields, form, ok := s.readFields(w, r, []string{"appId", "user", "text"})
	if !ok {
		return
	}
	if s.platform.Say(fields["appId"], fields["user"], fields["text"]) != nil {
		s.refuse(w, r, http.StatusBadRequest,
			"The message cannot be sent: there is no such app, or the user or the text is empty or too long.")
		return
	}
	s.done(w, r, form, fields["appId"], url.Values{"said": {fields["appId"]}, "user": {fields["user"]}})
}

// emit makes events happen in an app, each with another user in another conversation, and
// all of them in one delivery to each webhook.
func (s *Sandbox) emit(w http.ResponseWriter, r *http.Request) {
	fields, form, ok := s.readFields(w, r, []string{"appId", "trigger"}, "count")
	if !ok {
		return
	}
	app, trigger, count := fields["appId"], fields["trigger"], 1
	if text, given := fields["count"]; given {
		count, _ = strconv.Atoi(text) // 0 when it is no number
	}
	switch triggers := suncotest.SampleTriggers(); {
	case !slices.Contains(triggers, trigger):
		s.refuse(w, r, http.StatusBadRequest, "There is no such trigger. Use one of "+strings.Join(triggers, ", ")+".")
		return
	case count < 1 || count > maxEmitted:
		s.refuse(w, r, http.StatusBadRequest,
			"The count must be a whole number from 1 to "+strconv.Itoa(maxEmitted)+".")
		return
	}
	var events []suncotest.Event
	for n := range count {
		events = append(events, suncotest.SampleEvent(trigger, n+1))
	}
	if s.platform.Emit(app, events...) != nil {
		s.refuse(w, r, http.StatusBadRequest, "There is no such app, or the integration is not installed in it.")
		return
	}
	s.done(w, r, form, app, url.Values{"emitted": {app}, "trigger": {trigger}})
}

// uninstall plays the customer who removes the integration.
func (s *Sandbox) uninstall(w http.ResponseWriter, r *http.Request) {
	fields, form, ok := s.readFields(w, r, []string{"appId"})
	if !ok {
		return
	}
	if s.platform.Uninstall(fields["appId"]) != nil {
		s.refuse(w, r, http.StatusNotFound, "There is no such app, or the integration is not installed in it.")
		return
	}
	s.done(w, r, form, fields["appId"], url.Values{"removed": {fields["appId"]}})
}

// receive is a webhook target for users who have none yet: it accepts every delivery.
func receive(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, 1<<20))
}

// done answers an action. JSON is answered with JSON. The page's form is answered with the
// page, once the deliveries had a moment to arrive.
func (s *Sandbox) done(w http.ResponseWriter, r *http.Request, form bool, app string, query url.Values) {
	w.Header().Set("Cache-Control", "no-store")
	if form {
		s.waitForDeliveries(r.Context(), app)
		http.Redirect(w, r, "/?"+query.Encode(), http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "{}\n") // the client may have left
}

// waitForDeliveries returns when no first attempt is in progress, or soon.
func (s *Sandbox) waitForDeliveries(ctx context.Context, appID string) {
	ctx, cancel := context.WithTimeout(ctx, deliveriesWait)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	first := func(d suncotest.Delivery) bool {
		return d.AppID == appID && d.Outcome == suncotest.Pending &&
			(len(d.Attempts) == 0 || len(d.Attempts) == 1 && d.Attempts[0].Took == 0)
	}
	for ctx.Err() == nil && slices.ContainsFunc(s.platform.Deliveries(), first) {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// readFields reads a POST whose small body gives each of the required names once, each of
// the optional ones at most once and nothing else, as JSON or as the page's form. When it
// cannot, it has answered.
func (s *Sandbox) readFields(
	w http.ResponseWriter, r *http.Request, required []string, optional ...string,
) (fields map[string]string, form, ok bool) {
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form = mediaType == "application/x-www-form-urlencoded"
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	parse := parseJSON
	if form {
		parse = parseForm
	}
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		s.refuse(w, r, http.StatusMethodNotAllowed, "Use POST.")
	case !form && mediaType != "application/json":
		s.refuse(w, r, http.StatusUnsupportedMediaType,
			"Send a JSON object with the content type application/json.")
	case errors.As(err, new(*http.MaxBytesError)):
		s.refuse(w, r, http.StatusRequestEntityTooLarge, "The body has more than 32 KiB.")
	case err != nil:
		s.refuse(w, r, http.StatusBadRequest, "The body could not be read.")
	default:
		if fields, ok = parse(body); ok && named(fields, required, optional) {
			return fields, form, true
		}
		s.refuse(w, r, http.StatusBadRequest,
			"The body must have "+strings.Join(required, ", ")+" and no unknown member; -h shows an example.")
	}
	return nil, false, false
}

func parseForm(body []byte) (map[string]string, bool) {
	values, err := url.ParseQuery(string(body))
	fields := map[string]string{}
	for name, list := range values {
		if len(list) != 1 {
			return nil, false
		}
		fields[name] = list[0]
	}
	return fields, err == nil
}

func parseJSON(body []byte) (map[string]string, bool) {
	var object map[string]jsontext.Value
	if json.Unmarshal(body, &object) != nil {
		return nil, false
	}
	fields := map[string]string{}
	for name, value := range object {
		var text string
		switch {
		case value.Kind() == jsontext.KindNumber:
			text = value.String()
		case value.Kind() != jsontext.KindString || json.Unmarshal(value, &text) != nil:
			return nil, false
		}
		fields[name] = text
	}
	return fields, true
}

// named reports whether fields has every required name, and none but those and the
// optional ones.
func named(fields map[string]string, required, optional []string) bool {
	for _, name := range required {
		if _, given := fields[name]; !given {
			return false
		}
	}
	for name := range fields {
		if !slices.Contains(required, name) && !slices.Contains(optional, name) {
			return false
		}
	}
	return true
}
