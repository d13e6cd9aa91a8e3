package sandbox

import (
	"bytes"
	"cmp"
	"context"
	stdjson "encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sunco-go/sunco/suncotest"
)

const (
	maxForm        = 512 << 10 // a payload of 100 kB, as a form
	maxFile        = 51 << 20
	anyValue       = "f."                   // before the names of a form's fields
	maxEmitted     = 20                     // events; even doubled and with whole users they stay below 100 kB
	usualTrigger   = "conversation:message" // what the page offers first
	deliveriesWait = 700 * time.Millisecond // how long a form waits for its deliveries
)

// person lets a person do something in the widget. refusal is the sentence for when it is
// not possible.
func (s *Sandbox) person(refusal string, do func(app, user, value string) error, names ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		fields, form, ok := s.readFields(w, r, append([]string{"appId", "user"}, names...), "conversation")
		if !ok {
			return
		}
		if s.turn(fields) != nil || do(fields["appId"], fields["user"], fields[names[0]]) != nil {
			s.refuse(w, r, http.StatusBadRequest, refusal)
			return
		}
		s.done(w, r, form, fields, path.Base(r.URL.Path))
	}
}

// turn plays a person who turns to the conversation that the page shows.
func (s *Sandbox) turn(fields map[string]string) error {
	if fields["conversation"] == "" {
		return nil
	}
	return s.platform.Open(fields["appId"], fields["user"], fields["conversation"])
}

// say plays a person who writes.
func (s *Sandbox) say(app, user, text string) error {
	if strings.TrimSpace(text) == "" || strings.TrimSpace(user) == "" {
		return errors.New("blank")
	}
	return s.platform.Say(app, user, text)
}

// signal plays a person who types, stops or reads.
func (s *Sandbox) signal(app, user, kind string) error {
	switch kind {
	case "read":
		return s.platform.Read(app, user)
	case "typing", "stopped":
		return s.platform.Type(app, user, kind == "typing")
	}
	return errors.New("unknown")
}

// submit plays a person who fills in a form. Its values are members with "f." before the
// name.
func (s *Sandbox) submit(w http.ResponseWriter, r *http.Request) {
	fields, form, ok := s.readFields(w, r, []string{"appId", "user"}, anyValue, "conversation")
	if !ok {
		return
	}
	values := map[string]string{}
	for name, value := range fields {
		if of, found := strings.CutPrefix(name, anyValue); found {
			values[of] = value
		}
	}
	err := s.turn(fields)
	if err == nil {
		err = s.platform.Submit(fields["appId"], fields["user"], values)
	}
	if err != nil {
		s.logLine(r.Method, r.Host, r.URL.EscapedPath(), http.StatusBadRequest, "The form was not filled in.")
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "Not sent: "+strings.TrimPrefix(err.Error(), "suncotest: ")+".", http.StatusBadRequest)
		return
	}
	s.done(w, r, form, fields, "submit")
}

// upload plays a person who sends a file.
func (s *Sandbox) upload(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFile)
	file, header, err := r.FormFile("file")
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, "Send a form with appId, user and a file of at most 50 MB.")
		return
	}
	defer file.Close()
	defer func() { _ = r.MultipartForm.RemoveAll() }() // temporary files
	whole, err := io.ReadAll(file)
	fields := map[string]string{}
	for _, name := range []string{"appId", "user", "conversation", "back"} {
		fields[name] = r.PostFormValue(name)
	}
	if err == nil {
		err = s.turn(fields)
	}
	if err == nil {
		err = s.platform.Upload(fields["appId"], fields["user"], header.Filename,
			header.Header.Get("Content-Type"), whole)
	}
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, "The file cannot be sent: the person must write something first.")
		return
	}
	s.done(w, r, true, fields, "upload")
}

// agent plays a human agent, or an administrator who moves control.
func (s *Sandbox) agent(w http.ResponseWriter, r *http.Request) {
	fields, form, ok := s.readFields(w, r, []string{"appId", "conversation", "do"}, "text", "user")
	if !ok {
		return
	}
	p, app, id, err := s.platform, fields["appId"], fields["conversation"], errors.New("unknown")
	switch fields["do"] {
	case "answer":
		if strings.TrimSpace(fields["text"]) != "" {
			err = p.Answer(app, id, fields["text"])
		}
	case "solve":
		err = p.Solve(app, id)
	case "email":
		err = p.TransferToEmail(app, id)
	case "agents":
		err = p.PassControl(app, id, suncotest.AgentWorkspace)
	case "bot":
		err = p.PassControl(app, id, s.cfg.Platform.ClientID)
	case "offer":
		err = p.OfferControl(app, id, suncotest.AgentWorkspace)
	case "accept":
		err = p.AcceptControl(app, id)
	case "release":
		err = p.ReleaseControl(app, id)
	}
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest,
			"This is not possible: there is no such conversation, the text is blank, or control is elsewhere.")
		return
	}
	s.done(w, r, form, fields, "agent")
}

// redeliver sends a delivery again, with the same ids or new ones.
func (s *Sandbox) redeliver(w http.ResponseWriter, r *http.Request) {
	fields, form, ok := s.readFields(w, r, []string{"delivery", "ids"})
	if !ok {
		return
	}
	if s.platform.Redeliver(fields["delivery"], fields["ids"] == "new") != nil {
		s.refuse(w, r, http.StatusBadRequest,
			"The delivery cannot be sent again: its body is not kept any more, or its webhook is gone.")
		return
	}
	s.done(w, r, form, fields, "redeliver")
}

// emit makes events happen in an app: one with a payload of one's own, or samples, each
// with another user in another conversation, in one delivery to each webhook.
func (s *Sandbox) emit(w http.ResponseWriter, r *http.Request) {
	fields, form, ok := s.readFields(w, r, []string{"appId", "trigger"}, "count", "payload")
	if !ok {
		return
	}
	events, wrong := s.eventsOf(fields)
	if wrong != "" {
		s.refuse(w, r, http.StatusBadRequest, wrong)
		return
	}
	app, did := fields["appId"], "emit"
	if s.platform.Emit(app, events...) != nil {
		s.refuse(w, r, http.StatusBadRequest, "There is no such app, or the integration is not installed in it.")
		return
	}
	if !slices.ContainsFunc(s.platform.Webhooks(), func(hook suncotest.Webhook) bool {
		return hook.AppID == app && slices.Contains(hook.Triggers, fields["trigger"])
	}) {
		did = "unheard"
	}
	s.done(w, r, form, fields, did)
}

// eventsOf makes the events that the fields ask for, or says what is wrong with them.
func (s *Sandbox) eventsOf(fields map[string]string) (events []suncotest.Event, wrong string) {
	trigger, count := fields["trigger"], 1
	if payload, given := fields["payload"]; given {
		if value := jsontext.Value(payload); !value.IsValid() || value.Kind() != jsontext.KindBeginObject {
			return nil, "The payload must be a JSON object."
		}
		if trigger = strings.TrimSpace(trigger); trigger == "" {
			return nil, "The event must have a type."
		}
		return []suncotest.Event{{Trigger: trigger, Payload: stdjson.RawMessage(payload)}}, ""
	}
	if text, given := fields["count"]; given {
		count, _ = strconv.Atoi(text) // 0 when it is no number
	}
	switch triggers := suncotest.SampleTriggers(); {
	case !slices.Contains(triggers, trigger):
		return nil, "There is no such trigger. Use one of " + strings.Join(triggers, ", ") + "."
	case count < 1 || count > maxEmitted:
		return nil, "The count must be a whole number from 1 to " + strconv.Itoa(maxEmitted) + "."
	}
	for n := range count {
		events = append(events, s.sample(trigger, n+1))
	}
	return events, ""
}

// sample returns a sample event. Where a bot is in control, it is this partner's.
func (s *Sandbox) sample(trigger string, n int) suncotest.Event {
	e := suncotest.SampleEvent(trigger, n)
	whole, _ := e.Payload.(stdjson.RawMessage)         // which it is
	bot, _ := stdjson.Marshal(s.cfg.Platform.ClientID) // a text cannot fail
	e.Payload = stdjson.RawMessage(bytes.ReplaceAll(whole, []byte(strconv.Quote(suncotest.DefaultClientID)), bot))
	return e
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
	s.done(w, r, form, fields, "uninstall")
}

// receive is a webhook target for users who have none yet: it accepts every delivery.
func receive(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, 1<<20))
}

// done answers an action. JSON, and the page's script, are answered with JSON. The page's
// form is answered with the page it came from, once the deliveries had a moment to arrive.
func (s *Sandbox) done(w http.ResponseWriter, r *http.Request, form bool, fields map[string]string, did string) {
	w.Header().Set("Cache-Control", "no-store")
	if form && r.Header.Get("Accept") != "application/json" {
		s.waitForDeliveries(r.Context(), fields["appId"])
		query, _ := url.ParseQuery(fields["back"]) // what can be read of it
		back := viewOf(query)
		back.App = cmp.Or(back.App, fields["appId"])
		http.Redirect(w, r, "/?"+back.Query()+"&did="+did, http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	answer := "{}\n"
	if form {
		answer = `{"did":"` + did + `"}` + "\n"
	}
	_, _ = io.WriteString(w, answer) // the client may have left
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
		s.refuse(w, r, http.StatusRequestEntityTooLarge, "The body has more than 512 KiB.")
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
// optional ones; the page's forms also say where they stand.
func named(fields map[string]string, required, optional []string) bool {
	for _, name := range required {
		if _, given := fields[name]; !given {
			return false
		}
	}
	for name := range fields {
		value := strings.HasPrefix(name, anyValue) && slices.Contains(optional, anyValue)
		if !value && name != "back" && !slices.Contains(required, name) && !slices.Contains(optional, name) {
			return false
		}
	}
	return true
}
