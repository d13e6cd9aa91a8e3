package content

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// Action is a button of a content.
type Action struct {
	Type, Text, Payload string
	Members             map[string]json.RawMessage
}

// Actions returns the buttons of a content that has been checked, those of its items
// first.
func Actions(said map[string]json.RawMessage) []Action {
	var all []Action
	var items []struct{ Actions []map[string]json.RawMessage }
	var own []map[string]json.RawMessage
	_ = json.Unmarshal(said["items"], &items) // absent: none; so has own
	_ = json.Unmarshal(said["actions"], &own)
	for _, item := range append(items, struct{ Actions []map[string]json.RawMessage }{own}) {
		for _, members := range item.Actions {
			all = append(all, Action{
				Type: wire.Given(members, "type"), Text: wire.Given(members, "text"),
				Payload: wire.Given(members, "payload"), Members: members,
			})
		}
	}
	return all
}

// Media returns the mediaUrls of a content and its items.
func Media(said map[string]json.RawMessage) []string {
	var all []string
	if own := wire.Given(said, "mediaUrl"); own != "" {
		all = append(all, own)
	}
	var items []map[string]json.RawMessage
	_ = json.Unmarshal(said["items"], &items) // absent: none
	for _, item := range items {
		if its := wire.Given(item, "mediaUrl"); its != "" {
			all = append(all, its)
		}
	}
	return all
}

// field is a field of a form.
type field struct {
	Type, Name, Label, Format string
	MinSize, MaxSize          *int
	Options                   []option
}

type option struct {
	Label string `json:"label"`
	Name  string `json:"name"`
}

// FillIn answers a form with a value for each of its fields, by the field's name. The
// value of a select is the name or the label of an option. The error says what a person
// could not have filled in.
func FillIn(form map[string]json.RawMessage, id string, values map[string]string) (map[string]json.RawMessage, error) {
	var fields []field
	_ = json.Unmarshal(form["fields"], &fields) // it was checked
	var answers []map[string]any
	var fallback []string
	for _, f := range fields {
		value, given := values[f.Name]
		if !given {
			return nil, fmt.Errorf("suncotest: the form's field %q needs a value", f.Name)
		}
		filled, err := f.fill(value)
		if err != nil {
			return nil, err
		}
		answers = append(answers, map[string]any{
			"type": f.Type, "name": f.Name, "label": f.Label, f.Type: filled, "quotedMessageId": id,
		})
		fallback = append(fallback, f.Label+": "+value)
	}
	if len(values) > len(fields) {
		return nil, fmt.Errorf("suncotest: the form has %d fields, not %d", len(fields), len(values))
	}
	answer := map[string]json.RawMessage{"type": json.RawMessage(`"formResponse"`)}
	answer["fields"], _ = wire.Encode(answers) // strings cannot fail
	answer["textFallback"], _ = wire.Encode(strings.Join(fallback, "\n"))
	return answer, nil
}

// fill returns the value as the answer has it.
func (f field) fill(value string) (any, error) {
	refuse := func(what string) (any, error) {
		return nil, fmt.Errorf("suncotest: the form's field %q takes %s", f.Name, what)
	}
	switch f.Type {
	case "select":
		for _, o := range f.Options {
			if value == o.Name || value == o.Label {
				return []option{o}, nil
			}
		}
		return refuse("one of its options")
	case "email":
		if raw, err := json.Marshal(value); err != nil || wire.Email(nil, raw) != "" {
			return refuse("an e-mail address")
		}
		return value, nil
	}
	least, most := 1, 128
	if f.MinSize != nil {
		least = *f.MinSize
	}
	if f.MaxSize != nil {
		most = *f.MaxSize
	}
	if n := utf8.RuneCountInString(value); n < least || n > most {
		return refuse(fmt.Sprintf("a text of %d to %d characters", least, most))
	}
	if _, err := strconv.ParseInt(value, 10, 64); f.Format == "integer" && err != nil {
		return refuse("a whole number")
	}
	if _, err := strconv.ParseFloat(value, 64); f.Format == "decimal" && err != nil {
		return refuse("a number")
	}
	return value, nil
}
