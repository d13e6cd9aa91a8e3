package spec_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/e2e/spec"
	"github.com/sunco-go/sunco/messaging"
)

// unequal are the members of published examples that are not the same once they were
// read and written again, and why.
var unequal = map[string]string{
	"PostConversionEvents 200 #1.datasetId": "a number, where the schema has a text",
	"conversation:referral.user.externalId": "a number, where the schema has a text",
	"PostMessage 201 #6.0.content.text\"":   "a misspelled name",
}

// untrue are the ends of what is wrong with published examples, and why.
var untrue = map[string]string{
	`property "hasPaymentInfo" is unsupported`:  "the schema forgets it; it is a field",
	`property "localeOrigin" is unsupported`:    "the schema forgets it; it is a field",
	`/actions/0: property "uri" is unsupported`: "empty, on a postback",
	`property "text\"" is unsupported`:          "a misspelled name",
	`/datasetId: value must be a string`:        "a number, where the schema has a text",
	`/user/externalId: value must be a string`:  "a number, where the schema has a text",
}

// TestMessagingExamples reads the published examples into the types of package
// messaging, writes them again from the fields, and compares.
func TestMessagingExamples(t *testing.T) {
	d := load(t)
	c := &comparison{T: t, used: map[string]bool{}}
	c.requests(d)
	c.replies(d)
	c.events(d)
	t.Logf("%d examples", c.count)
	if c.count < 60 {
		t.Errorf("only %d examples", c.count)
	}
	for _, list := range []map[string]string{unequal, untrue} {
		for at := range list {
			if !c.used[at] {
				t.Errorf("%s is on a list without need", at)
			}
		}
	}
}

// comparison compares examples with what became of them.
type comparison struct {
	*testing.T
	count int
	used  map[string]bool
}

// requests sends the examples of requests.
func (c *comparison) requests(d *spec.Description) {
	for _, id := range messagingOperations(d) {
		for i, example := range d.BodyExamples(id) {
			w := &answering{d: d, status: d.Statuses(id)[0], answer: []byte("{}")}
			if published := d.Examples(id, w.status); len(published) > 0 {
				w.answer = encode(c.T, published[0])
			}
			if _, err := reading(c.T, id, encode(c.T, example))(c.Context(), newApp(w)); err != nil {
				c.Errorf("%s: %v", id, err)
				continue
			}
			for _, wrong := range w.wrong {
				c.Errorf("%s: %v", id, wrong)
			}
			c.compare(fmt.Sprintf("%s #%d", id, i+1), example, decode(c.T, w.body))
		}
	}
}

// replies answers calls with the examples of replies.
func (c *comparison) replies(d *spec.Description) {
	all := calls()
	for _, id := range messagingOperations(d) {
		status := d.Statuses(id)[0]
		for i, example := range d.Examples(id, status) {
			w := &answering{d: d, status: status, answer: encode(c.T, example)}
			got, err := all[id][0](c.Context(), newApp(w))
			if err != nil {
				c.Errorf("%s: %v", id, err)
				continue
			}
			c.check(id, w.untrue)
			object, _ := example.(map[string]any)
			for name, want := range object {
				if name != "meta" && name != "links" {
					c.compare(fmt.Sprintf("%s %d #%d", id, status, i+1), want, decode(c.T, encode(c.T, got)))
				}
			}
		}
	}
}

// events reads the examples of events.
func (c *comparison) events(d *spec.Description) {
	for _, trigger := range d.Triggers() {
		delivery, _ := d.Delivery(trigger).(map[string]any)
		events, _ := delivery["events"].([]any)
		for _, event := range events {
			want := event.(map[string]any)["payload"]
			c.check(trigger, d.CheckPayload(trigger, decode(c.T, encode(c.T, want))))
			got := messaging.ParseEvent(&sunco.Event{Type: trigger, Payload: encode(c.T, want)})
			c.compare(trigger, want, decode(c.T, encode(c.T, got)))
		}
	}
}

// check reports what is wrong with an example itself.
func (c *comparison) check(at string, violations []error) {
	c.Helper()
	for _, violation := range violations {
		known := false
		for end := range untrue {
			if strings.HasSuffix(violation.Error(), end) {
				known, c.used[end] = true, true
			}
		}
		if !known {
			c.Errorf("the example of %s: %v", at, violation)
		}
	}
}

// compare reports in what two values differ.
func (c *comparison) compare(at string, want, got any) {
	c.count++
	for _, path := range differences("", plain(want), plain(got)) {
		if c.used[at+path] = true; unequal[at+path] == "" {
			c.Errorf("%s%s differs", at, path)
		}
	}
}

// differences returns the paths of what is not the same in two values.
func differences(at string, want, got any) []string {
	from, isObject := want.(map[string]any)
	to, both := got.(map[string]any)
	if isObject && both {
		var all []string
		names := maps.Clone(from)
		maps.Copy(names, to)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			all = append(all, differences(at+"."+name, from[name], to[name])...)
		}
		return all
	}
	list, isList := want.([]any)
	other, both := got.([]any)
	if isList && both && len(list) == len(other) {
		var all []string
		for i := range list {
			all = append(all, differences(at+"."+strconv.Itoa(i), list[i], other[i])...)
		}
		return all
	}
	if reflect.DeepEqual(want, got) {
		return nil
	}
	return []string{at}
}

// plain returns a value without members that say nothing, such as false and empty
// texts, with times in one form and numbers as float64.
func plain(value any) any {
	switch v := value.(type) {
	case map[string]any:
		object := map[string]any{}
		for name, member := range v {
			if member = plain(member); member != nil && !reflect.ValueOf(member).IsZero() {
				object[name] = member
			}
		}
		if len(object) == 0 {
			return nil
		}
		return object
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plain(v[i])
		}
		if len(list) == 0 {
			return nil
		}
		return list
	case string:
		if at, err := time.Parse(time.RFC3339, v); err == nil {
			return at.UTC().Format(time.RFC3339Nano)
		}
	case int:
		return float64(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	}
	return value
}

// reading makes a call of an example of a request, read into the types of the package.
func reading(t *testing.T, id string, example []byte) call {
	t.Helper()
	switch id {
	case "CreateUser":
		user := read[messaging.UserCreate](t, example)
		return func(c ctx, app messaging.App) (any, error) { return app.CreateUser(c, user) }
	case "CreateConversation":
		conversation := read[messaging.ConversationCreate](t, example)
		return func(c ctx, app messaging.App) (any, error) { return app.CreateConversation(c, conversation) }
	case "CreateClient":
		client := readClient(t, example)
		return func(c ctx, app messaging.App) (any, error) { return app.CreateClient(c, userID, client) }
	case "JoinConversation":
		who := read[messaging.Join](t, example)
		return func(c ctx, app messaging.App) (any, error) { return app.JoinConversation(c, chatID, who) }
	case "LeaveConversation":
		who := read[messaging.Leaver](t, example)
		return none(func(c ctx, app messaging.App) error { return app.LeaveConversation(c, chatID, who) })
	case "PostActivity":
		activity := read[messaging.Activity](t, example)
		return none(func(c ctx, app messaging.App) error { return app.PostActivity(c, chatID, activity) })
	case "DownloadMessageRef":
		ref := read[messaging.MessageRef](t, example)
		return none(func(c ctx, app messaging.App) error { return app.DownloadMessageRef(c, chatID, ref, io.Discard) })
	case "PostMessage":
		post := readPost(t, example)
		return func(c ctx, app messaging.App) (any, error) { return app.PostMessage(c, chatID, post) }
	case "PostConversionEvents":
		events := readConversionEvents(t, example)
		return func(c ctx, app messaging.App) (any, error) { return app.PostConversionEvents(c, chatID, events) }
	}
	t.Fatalf("there is an example of %s, and nothing reads it", id)
	return nil
}

func readClient(t *testing.T, example []byte) messaging.ClientCreate {
	t.Helper()
	from := read[struct {
		messaging.ClientCreate
		Target struct{ ConversationID string }
	}](t, example)
	from.ClientCreate.ConversationID = from.Target.ConversationID
	return from.ClientCreate
}

func readConversionEvents(t *testing.T, example []byte) messaging.ConversionEvents {
	t.Helper()
	type channel struct {
		Payload struct{ Data []json.RawMessage }
	}
	from := read[struct{ Messenger, Instagram, WhatsApp channel }](t, example)
	return messaging.ConversionEvents{
		Messenger: from.Messenger.Payload.Data, Instagram: from.Instagram.Payload.Data,
		WhatsApp: from.WhatsApp.Payload.Data,
	}
}

func readPost(t *testing.T, example []byte) messaging.MessagePost {
	t.Helper()
	beside := read[struct {
		Author      messaging.Author
		Destination *messaging.Destination
		Metadata    messaging.Metadata
		Schema      string
	}](t, example)
	return messaging.MessagePost{
		Author: beside.Author, Content: read[messaging.Message](t, example).Content, Destination: beside.Destination,
		Metadata: beside.Metadata, Schema: beside.Schema,
	}
}

func read[T any](t *testing.T, example []byte) (value T) {
	t.Helper()
	if err := json.Unmarshal(example, &value); err != nil {
		t.Fatal(err)
	}
	return value
}
