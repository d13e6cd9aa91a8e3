package sandbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sunco-go/sunco/suncotest"
)

const (
	maxRows = 200 // of the log
	idSize  = 24
)

// row is a delivery, a request to the platform, or a call of the platform.
type row struct {
	ID, Kind     string // delivery, request or call
	Time         time.Time
	Title, Who   string
	Status, Note string
	Good, Hit    bool              // Hit: it is about the message that is selected
	Outcome      suncotest.Outcome // of a delivery
	reads        string            // the conversation that this request says was read
	delivery     *suncotest.Delivery
	request      *suncotest.Request
	ids          map[string]bool // that are in its bodies
}

// About reports whether a row is about the message with this id.
func (r row) About(messageID string) bool { return r.ids[messageID] }

// Receipt reports whether a row tells of the delivery of a message to a person.
func (r row) Receipt() bool { return strings.HasPrefix(r.Title, "conversation:message:delivery:") }

// read looks into the bodies of a row.
func (r *row) read() {
	if r.delivery != nil {
		r.ids, r.Who = idsIn(r.delivery.Body), teller(r.delivery.Body)
	} else {
		r.ids = idsIn(r.request.Body, r.request.ReplyBody)
	}
}

// idsIn returns the texts in JSON that can be ids of the platform.
func idsIn(bodies ...[]byte) map[string]bool {
	ids := map[string]bool{}
	for _, body := range bodies {
		for text := range bytes.SplitSeq(body, []byte(`"`)) {
			if len(text) == idSize {
				ids[string(text)] = true
			}
		}
	}
	return ids
}

// logOf returns the latest rows of an app, oldest first.
func (s *Sandbox) logOf(appID string) []row {
	var rows []row
	attempts := map[string]bool{} // calls that are shown with their delivery
	for _, d := range s.platform.Deliveries() {
		for _, a := range d.Attempts {
			attempts[a.CallID] = true
		}
		if d.AppID == appID {
			rows = append(rows, s.deliveryRow(d))
		}
	}
	for _, r := range s.platform.Requests() {
		if _, of, found := strings.Cut(r.Path, "/v2/apps/"); !found || strings.HasPrefix(of+"/", appID+"/") {
			rows = append(rows, s.requestRow("request", r))
		}
	}
	for _, r := range s.platform.Calls() {
		if !attempts[r.ID] && r.Header.Get("X-Api-Key") == "" {
			rows = append(rows, s.requestRow("call", r))
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return a.Time.Compare(b.Time) })
	rows = rows[max(0, len(rows)-maxRows):]
	for i := range rows {
		rows[i].read()
	}
	return rows
}

func (s *Sandbox) requestRow(kind string, r suncotest.Request) row {
	path := s.shown(r.Path)
	if _, of, found := strings.Cut(path, "/v2/apps/"); found {
		if _, rest, found := strings.Cut(of, "/"); found {
			path = conversationPath.ReplaceAllString("/"+rest, "…/")
		}
	}
	path = longID.ReplaceAllString(path, "$1…")
	if kind == "call" {
		path = s.shown(r.Host) + path
	}
	result := row{
		ID: kind[:1] + r.ID, Kind: kind, Time: r.Time, Title: s.shown(r.Method) + " " + path, Status: statusText(r.Status),
		Note: s.shownNote(r.Note), Good: 200 <= r.Status && r.Status < 400, request: &r,
	}
	conversation, found := strings.CutSuffix(r.Path, "/activity")
	if found && r.Status == http.StatusOK && bytes.Contains(r.Body, []byte(`"conversation:read"`)) {
		result.reads = conversation[strings.LastIndexByte(conversation, '/')+1:]
	}
	return result
}

func (s *Sandbox) deliveryRow(d suncotest.Delivery) row {
	r := row{
		ID: "d" + d.ID, Kind: "delivery", Time: d.Created, Title: eventTypes(d.Events), Outcome: d.Outcome,
		Good:     d.Outcome == suncotest.Delivered || d.Outcome == suncotest.Pending,
		delivery: &d, Status: string(d.Outcome),
	}
	var ended []string
	for _, a := range d.Attempts {
		if a.Took != 0 {
			ended = append(ended, statusText(a.Status))
			r.Good = r.Good && 200 <= a.Status && a.Status < 300
		}
	}
	if len(ended) > 0 {
		r.Status = strings.Join(ended, " ")
	}
	return r
}

// teller names the person whom the first event is about, and quotes a text, names another
// content, or quotes what a button stands for.
func teller(body []byte) string {
	var told struct {
		Events []struct {
			Payload struct {
				Message struct {
					Author  struct{ DisplayName, Type string }
					Content struct{ Type, Text string }
				}
				Postback struct{ Payload string }
				User     struct{ ExternalID string }
			}
		}
	}
	if json.Unmarshal(body, &told) != nil || len(told.Events) == 0 {
		return ""
	}
	first := told.Events[0].Payload
	text := cmp.Or(first.Message.Content.Text, first.Postback.Payload)
	if content := first.Message.Content.Type; text == "" && content != "" {
		text = "(" + content + ")"
	}
	for _, name := range []string{first.User.ExternalID, first.Message.Author.DisplayName, first.Message.Author.Type} {
		if name != "" && text != "" {
			return shorten(name, 40) + ": " + shorten(text, 40)
		} else if name != "" {
			return shorten(name, 40)
		}
	}
	return ""
}

// matches reports whether the filter finds a row, or something in its bodies but a
// credential.
func (r row) matches(filter string) bool {
	filter = strings.ToLower(strings.TrimSpace(filter))
	finds := func(text string) bool { return strings.Contains(strings.ToLower(text), filter) }
	switch {
	case finds(strings.Join([]string{r.Kind, r.Title, r.Who, r.Status, r.Note}, " ")):
		return true
	case r.delivery != nil:
		return finds(string(r.delivery.Body))
	}
	shown := r.request.Redacted()
	return finds(string(shown.Body)) || finds(string(shown.ReplyBody))
}

// detail is everything about a row.
type detail struct {
	row
	Target        string
	Request, Call *side // of a delivery, Call is its answer
	Attempts      []string
	Again         bool // it can be sent again
	Curl, GoTest  string
	Events        []suncotest.DeliveredEvent
}

// side is a request or an answer.
type side struct{ Head, Body, Cut string }

func (s *Sandbox) detailOf(r row) *detail {
	d := &detail{row: r}
	if r.delivery != nil {
		s.describeDelivery(d, *r.delivery)
		return d
	}
	d.Request, d.Call = s.sides(*r.request, r.Kind == "call")
	if r.Kind == "request" && d.Request.Cut == "" {
		d.Curl = s.curlOfRequest(r.request.Redacted())
	}
	return d
}

func (s *Sandbox) describeDelivery(d *detail, from suncotest.Delivery) {
	d.Target, d.Events = s.shownURL(from.Target), from.Events
	calls := s.platform.Calls()
	for _, a := range from.Attempts {
		d.Attempts = append(d.Attempts, describeAttempt(a))
		for _, call := range calls {
			if call.ID == a.CallID && a.CallID != "" {
				d.Request, d.Call = s.sides(call, true)
			}
		}
	}
	if !from.Next.IsZero() {
		d.Attempts = append(d.Attempts, "next at "+from.Next.Format(time.TimeOnly))
	}
	if d.Request == nil {
		d.Request = &side{Body: s.clean(from.Body)}
	}
	if from.Body == nil {
		d.Request.Cut = "The body is not kept any more."
		return
	}
	d.Again = slices.ContainsFunc(s.platform.Webhooks(), func(w suncotest.Webhook) bool { return w.ID == from.WebhookID })
	d.Request.Body, d.Request.Cut = s.clean(from.Body), ""
	d.Curl = s.curlOfDelivery(from)
	d.GoTest = goTest(from)
}

// sides returns a request and its answer without credentials.
func (s *Sandbox) sides(whole suncotest.Request, outgoing bool) (asked, answered *side) {
	r, query := whole.Redacted(), ""
	if r.RawQuery != "" && outgoing {
		query = "?…" // the partner's own, which may hold a key
	} else if r.RawQuery != "" {
		query = "?" + s.clean([]byte(r.RawQuery))
	}
	asked = &side{
		Head: s.shown(r.Method) + " " + s.shown(r.Path) + query + "\nHost: " + s.shown(r.Host) + s.head(r.Header),
		Body: s.clean(r.Body), Cut: cut(len(whole.Body), r.Size),
	}
	if r.Status == http.StatusRequestEntityTooLarge && !outgoing {
		asked.Cut = "The platform read only the beginning."
	}
	if r.Status == 0 {
		return asked, nil
	}
	status := fmt.Sprintf("%d %s after %s", r.Status, http.StatusText(r.Status), r.Took.Round(time.Microsecond))
	if r.Note != "" {
		status += "\n" + s.shownNote(r.Note)
	}
	return asked, &side{
		Head: status + s.head(r.ReplyHeader), Body: s.clean(r.ReplyBody), Cut: cut(len(whole.ReplyBody), r.ReplySize),
	}
}

func cut(kept, size int) string {
	if kept >= size {
		return ""
	}
	return fmt.Sprintf("The first %d of %d bytes.", kept, size)
}

func (s *Sandbox) head(h http.Header) string {
	var lines []string
	for name, values := range h {
		for _, value := range values {
			lines = append(lines, "\n"+name+": "+s.hide(value))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// clean returns a body for people: indented, and without the partner's own credentials.
func (s *Sandbox) clean(body []byte) string {
	if bytes.ContainsRune(body, 0) {
		return fmt.Sprintf("(%d bytes that are no text)", len(body))
	}
	return s.hide(pretty(body))
}

// hide hides what the platform's own redaction does not know: the client secret wherever
// it stands, and keys in the targets of webhooks.
func (s *Sandbox) hide(text string) string {
	if secret := s.cfg.Platform.ClientSecret; len(secret) > 3 {
		text = strings.ReplaceAll(text, secret, "REDACTED")
	}
	return targetMember.ReplaceAllStringFunc(text, func(member string) string {
		name, value, _ := strings.Cut(member, ":")
		target := ""
		if json.Unmarshal([]byte(strings.TrimSpace(value)), &target) != nil || !strings.Contains(target, "://") {
			return member
		}
		shown, _ := json.Marshal(s.shownURL(target)) // a text cannot fail
		return name + ": " + string(shown)
	})
}

// eventTypes lists the types of events, those that follow each other as one.
func eventTypes(events []suncotest.DeliveredEvent) string {
	var list []string
	for i := 0; i < len(events); {
		same := i + 1
		for same < len(events) && events[same].Type == events[i].Type {
			same++
		}
		text := shorten(events[i].Type, 60)
		if same > i+1 {
			text += " ×" + strconv.Itoa(same-i)
		}
		list = append(list, text)
		i = same
	}
	return strings.Join(list, ", ")
}

// describeAttempt says in words how an attempt ended.
func describeAttempt(a suncotest.Attempt) string {
	switch {
	case a.Took == 0:
		return "in progress"
	case a.Status == 0:
		return "no answer after " + a.Took.Round(time.Millisecond).String()
	}
	took := a.Took.Round(100 * time.Microsecond)
	if a.Took >= time.Second {
		took = a.Took.Round(10 * time.Millisecond)
	}
	return strconv.Itoa(a.Status) + " in " + took.String()
}

func shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
