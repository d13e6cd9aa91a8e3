package sandbox

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/sunco-go/sunco/suncotest"
)

const (
	maxMessages   = 12                     // shown of each account
	deliveryShown = 700 * time.Millisecond // how long a form waits for its delivery
)

// say plays a person who writes to a customer. The page's form is answered when
// the deliveries had a moment to arrive.
func (s *Sandbox) say(w http.ResponseWriter, r *http.Request) {
	fields, form, ok := s.readFields(w, r, []string{"appId", "user", "text"})
	if !ok {
		return
	}
	if s.platform.Say(fields["appId"], fields["user"], fields["text"]) != nil {
		s.refuse(w, http.StatusBadRequest, "Nobody can say that: there is no such app, or the name or the text is empty or too long.")
		return
	}
	if form {
		s.waitForDeliveries(r.Context(), fields["appId"])
	}
	s.done(w, r, form, "/?"+url.Values{"said": {fields["appId"]}, "user": {fields["user"]}}.Encode()+"#deliveries")
}

// waitForDeliveries returns when no first attempt is under way any more, or soon.
func (s *Sandbox) waitForDeliveries(ctx context.Context, appID string) {
	ctx, cancel := context.WithTimeout(ctx, deliveryShown)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil && slices.ContainsFunc(s.platform.Deliveries(), func(d suncotest.Delivery) bool {
		return d.AppID == appID && d.Outcome == suncotest.Pending && (len(d.Attempts) == 0 || len(d.Attempts) == 1 && d.Attempts[0].Took == 0)
	}) {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// knownUser returns a name from a query if somebody of that name takes part in a
// conversation of the app.
func (s *Sandbox) knownUser(appID, user string) string {
	for _, c := range s.platform.Conversations(appID) {
		if slices.Contains(c.Users, user) {
			return user
		}
	}
	return "visitor"
}

// messageRow is a message of a conversation.
type messageRow struct {
	Time         time.Time
	Author, Text string
	Business     bool
}

// messages returns the latest messages of an app, the newest last.
func (s *Sandbox) messages(appID string) []messageRow {
	var rows []messageRow
	for _, c := range s.platform.Conversations(appID) {
		for _, m := range c.Messages {
			text := m.Text
			if text == "" {
				text = "(" + m.ContentType + ")"
			}
			rows = append(rows, messageRow{m.Time, shorten(m.AuthorName, 60), shorten(text, 400), m.AuthorType == "business"})
		}
	}
	slices.SortStableFunc(rows, func(x, y messageRow) int { return x.Time.Compare(y.Time) })
	return rows[max(0, len(rows)-maxMessages):]
}

// eventsRow is a number of events of the same type, one after the other.
type eventsRow struct {
	Type  string
	Count int
}

func kinds(events []suncotest.DeliveredEvent) []eventsRow {
	var rows []eventsRow
	for _, e := range events {
		kind := shorten(e.Type, 60)
		if last := len(rows) - 1; last >= 0 && rows[last].Type == kind {
			rows[last].Count++
			continue
		}
		rows = append(rows, eventsRow{kind, 1})
	}
	return rows
}

// deliveryRow is a delivery to one webhook.
type deliveryRow struct {
	Time     time.Time
	Account  string
	Target   string
	Events   []eventsRow
	Outcome  string
	Good     bool
	Attempts []string
	Next     string // how long until the next attempt; empty: there is none
}

// deliveries makes rows of the latest deliveries, the newest first.
func (s *Sandbox) deliveries(accounts map[string]string) []deliveryRow {
	var rows []deliveryRow
	for _, d := range slices.Backward(s.platform.Deliveries()) {
		if len(rows) == maxRows {
			break
		}
		row := deliveryRow{
			Time: d.Created, Account: accounts[d.AppID], Target: s.shownURL(d.Target),
			Events: kinds(d.Events), Outcome: string(d.Outcome), Good: d.Outcome == suncotest.Delivered || d.Outcome == suncotest.Pending,
		}
		for _, a := range d.Attempts {
			row.Attempts = append(row.Attempts, describeAttempt(a))
		}
		if !d.Next.IsZero() {
			row.Next = max(0, time.Until(d.Next)).Round(time.Second).String()
		}
		rows = append(rows, row)
	}
	return rows
}

// describeAttempt says in words what an attempt came to.
func describeAttempt(a suncotest.Attempt) string {
	switch {
	case a.Took == 0:
		return "under way"
	case a.Status == 0:
		return "no answer after " + a.Took.Round(time.Millisecond).String()
	}
	took := a.Took.Round(100 * time.Microsecond)
	if a.Took >= time.Second {
		took = a.Took.Round(10 * time.Millisecond)
	}
	return strconv.Itoa(a.Status) + " in " + took.String()
}
