package spec_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/e2e/spec"
	"github.com/sunco-go/sunco/messaging"
)

// fieldless are the members that no field has, and why.
var fieldless = map[string]string{
	"messaging.ClientCreate.target": "its only member, conversationId, is a field",
	"[]json.RawMessage.payload":     "conversion events are a list, which PostConversionEvents wraps",
	"json.RawMessage.payload":       "an override is its payload",
}

// always are the members that are sent at the zero value without being required, or
// not sent though they are, and why.
var always = map[string]string{
	"ClientCreate.confirmation":  "encoded by CreateClient, which TestRequests sees",
	"ClientCreate.matchCriteria": "encoded by CreateClient, which TestRequests sees",
	"ClientCreate.target":        "encoded by CreateClient, which TestRequests sees",
	"FormOption.label":           "nothing could be chosen without it",
	"FormOption.name":            "nothing could be chosen without it",
	"MatchCriteria.address":      "required by one type only, and checked before it is sent",
	"MatchCriteria.phoneNumber":  "required by three types only, and checked before it is sent",
}

// arguments are the members of bodies that are arguments of a method.
var arguments = map[string][]string{
	"AcceptControl":    {"metadata"},
	"DeleteAttachment": {"mediaUrl"},
	"OfferControl":     {"metadata", "switchboardIntegration"},
	"PassControl":      {"metadata", "switchboardIntegration"},
	"ReleaseControl":   {"metadata"},
	"SyncUser":         {"survivingZendeskId"},
	"UploadAttachment": {"source"},
}

// bodies are what the methods send.
var bodies = map[string]reflect.Type{
	"CreateClient":         reflect.TypeFor[messaging.ClientCreate](),
	"CreateConversation":   reflect.TypeFor[messaging.ConversationCreate](),
	"CreateUser":           reflect.TypeFor[messaging.UserCreate](),
	"DownloadMessageRef":   reflect.TypeFor[messaging.MessageRef](),
	"JoinConversation":     reflect.TypeFor[messaging.Join](),
	"LeaveConversation":    reflect.TypeFor[messaging.Leaver](),
	"PostActivity":         reflect.TypeFor[messaging.Activity](),
	"PostConversionEvents": reflect.TypeFor[messaging.ConversionEvents](),
	"PostMessage":          reflect.TypeFor[messaging.MessagePost](),
	"UpdateConversation":   reflect.TypeFor[messaging.ConversationUpdate](),
	"UpdateUser":           reflect.TypeFor[messaging.UserUpdate](),
}

// carried are what replies carry, by the member. A page has meta, and links are not
// followed.
var carried = map[string]reflect.Type{
	"attachment":       reflect.TypeFor[messaging.Attachment](),
	"client":           reflect.TypeFor[messaging.Client](),
	"clients":          reflect.TypeFor[[]messaging.Client](),
	"conversation":     reflect.TypeFor[messaging.Conversation](),
	"conversations":    reflect.TypeFor[[]messaging.Conversation](),
	"conversionEvents": reflect.TypeFor[messaging.ConversionResult](),
	"device":           reflect.TypeFor[messaging.Device](),
	"devices":          reflect.TypeFor[[]messaging.Device](),
	"links":            nil,
	"messages":         reflect.TypeFor[[]messaging.Message](),
	"meta":             reflect.TypeFor[messaging.Page[any]](),
	"participant":      reflect.TypeFor[messaging.Participant](),
	"participants":     reflect.TypeFor[[]messaging.Participant](),
	"user":             reflect.TypeFor[messaging.User](),
	"users":            reflect.TypeFor[[]messaging.User](),
}

// TestMessagingMembers looks for the field of every member of every schema of the
// App's operations and of the events.
func TestMessagingMembers(t *testing.T) {
	p := walkAll(t, load(t))
	t.Logf("%d schemas, %d members", len(p.schemas), p.members)
	for at := range fieldless {
		if !p.fieldless[at] {
			t.Errorf("%s is on the list, and has a field", at)
		}
	}
	for _, at := range slices.Sorted(maps.Keys(p.fieldless)) {
		if fieldless[at] == "" {
			t.Errorf("%s has no field", at)
		}
	}
}

// TestMessagingRequired encodes the zero value of each type that is sent: it has the
// required members and no others.
func TestMessagingRequired(t *testing.T) {
	p := walkAll(t, load(t))
	used := map[string]bool{}
	for _, pair := range p.sent {
		got := read[map[string]any](t, encode(t, reflect.Zero(pair.in).Interface()))
		for name, property := range pair.schema.Properties {
			_, given := got[name]
			needed := slices.Contains(pair.schema.Required, name) && !property.Value.ReadOnly
			if at := pair.in.Name() + "." + name; given != needed {
				if used[at] = true; always[at] == "" {
					t.Errorf("%s is required: %t, sent at the zero value: %t", at, needed, given)
				}
			}
		}
	}
	if len(p.sent) < 30 {
		t.Errorf("only %d types", len(p.sent))
	}
	for at := range always {
		if !used[at] {
			t.Errorf("%s is on the list without need", at)
		}
	}
}

// TestMessagingValues looks for the constant of every value of an enumeration.
func TestMessagingValues(t *testing.T) {
	p := walkAll(t, load(t))
	known := constants(t, "../../messaging", "")
	t.Logf("%d values", len(p.values))
	if len(p.values) < 60 {
		t.Errorf("only %d values", len(p.values))
	}
	for value, at := range p.values {
		if !slices.Contains(known, value) {
			t.Errorf("%q of %s has no constant", value, at)
		}
	}
}

// parallel is a walk through schemas and types at the same time.
type parallel struct {
	t         *testing.T
	seen      map[pair]bool
	schemas   map[*openapi3.Schema]bool
	members   int
	fieldless map[string]bool
	values    map[string]string // of enumerations, with where they are
	sending   bool
	sent      []pair
}

type pair struct {
	schema *openapi3.Schema
	in     reflect.Type
}

// walkAll walks through the bodies, the replies and the events.
func walkAll(t *testing.T, d *spec.Description) *parallel {
	t.Helper()
	p := &parallel{
		t: t, seen: map[pair]bool{}, schemas: map[*openapi3.Schema]bool{}, fieldless: map[string]bool{},
		values: map[string]string{}, sending: true,
	}
	for _, id := range messagingOperations(d) {
		body := d.Body(id)
		switch names := arguments[id]; {
		case body == nil:
		case names == nil:
			p.walk(id, body, bodies[id])
		case !slices.Equal(slices.Sorted(maps.Keys(body.Properties)), names):
			t.Errorf("%s has other members than %q", id, names)
		}
	}
	p.sending, p.seen = false, map[pair]bool{}
	for _, id := range messagingOperations(d) {
		for name, property := range d.Reply(id, d.Statuses(id)[0]).Properties {
			if in, known := carried[name]; !known {
				t.Errorf("%s: nothing carries %s", id, name)
			} else if in != nil {
				p.walk(id+"."+name, property.Value, in)
			}
		}
	}
	for _, trigger := range d.Triggers() {
		if payload := d.Payload(trigger); payload != nil {
			p.walk(trigger, payload, reflect.TypeOf(messaging.ParseEvent(&sunco.Event{Type: trigger})))
		}
	}
	return p
}

// walk compares a schema with the type that it is read into or sent from.
func (p *parallel) walk(at string, s *openapi3.Schema, in reflect.Type) {
	for in.Kind() == reflect.Pointer {
		in = in.Elem()
	}
	if p.seen[pair{s, in}] {
		return
	}
	p.seen[pair{s, in}], p.schemas[s] = true, true
	for _, value := range s.Enum {
		p.values[fmt.Sprint(value)] = at
	}
	if strings.HasPrefix(in.Name(), "Nullable[") {
		in = in.Field(0).Type
	}
	if s.Items != nil {
		if in.Kind() != reflect.Slice {
			p.t.Errorf("%s is a list, and %s is none", at, in)
			return
		}
		p.walk(at, s.Items.Value, in.Elem())
		return
	}
	if len(s.OneOf) > 0 {
		for name, alternative := range spec.Alternatives(s) {
			if s.Discriminator != nil {
				p.values[name] = at
			}
			p.walk(at+"."+name, alternative, p.alternative(name, in))
		}
		return
	}
	if len(s.Properties) > 0 {
		p.object(at, s, in)
	}
}

// alternative is the type of an interface that stands for the named alternative of a
// union. A union that is one struct has the same for all.
func (p *parallel) alternative(name string, in reflect.Type) reflect.Type {
	p.t.Helper()
	empty := `{"type":"` + name + `"}`
	var found any
	switch in {
	case reflect.TypeFor[messaging.Content]():
		found = read[messaging.Message](p.t, []byte(`{"content":`+empty+`}`)).Content
	case reflect.TypeFor[messaging.Action]():
		found = read[messaging.ActionList](p.t, []byte("["+empty+"]"))[0]
	default:
		return in
	}
	if reflect.TypeOf(found).Elem().Name() == "Raw"+in.Name() {
		p.t.Errorf("%s %q has no type", in.Name(), name)
	}
	return reflect.TypeOf(found)
}

// object compares the members of a schema with the fields of a struct.
func (p *parallel) object(at string, s *openapi3.Schema, in reflect.Type) {
	if p.sending && in.Kind() == reflect.Struct {
		p.sent = append(p.sent, pair{s, in})
	}
	for name, property := range s.Properties {
		p.members++
		if name == "type" && isUnion(in) {
			continue // MarshalJSON adds it
		}
		if field := fieldOf(in, name); field != nil {
			p.walk(at+"."+name, property.Value, field)
		} else {
			p.fieldless[in.String()+"."+name] = true
		}
	}
}

// fieldOf returns the type of the field that has a member, or nil.
func fieldOf(in reflect.Type, member string) reflect.Type {
	if in.Kind() != reflect.Struct {
		return nil
	}
	for _, field := range reflect.VisibleFields(in) {
		tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.IsExported() && (tag == member || tag == "" && strings.EqualFold(field.Name, member)) {
			return field.Type
		}
	}
	return nil
}

// isUnion reports whether a type is a kind of content or of action.
func isUnion(in reflect.Type) bool {
	to := reflect.PointerTo(in)
	return to.Implements(reflect.TypeFor[messaging.Content]()) || to.Implements(reflect.TypeFor[messaging.Action]())
}
