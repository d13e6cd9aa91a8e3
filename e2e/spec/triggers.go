package spec

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// Triggers returns the triggers of the description, sorted.
func (d *Description) Triggers() []string { return slices.Clone(d.triggers) }

// Delivery returns the published example of a delivery of one event of this type, or
// nil when there is none.
func (d *Description) Delivery(trigger string) any {
	for _, example := range d.doc.Components.Examples {
		events, _ := member(example.Value.Value, "events").([]any)
		if len(events) == 1 && member(events[0], "type") == trigger {
			return example.Value.Value
		}
	}
	return nil
}

func (d *Description) readTriggers() ([]string, error) {
	tag := d.doc.Tags.Get("Webhooks")
	if tag == nil {
		return nil, errors.New("spec: there is no tag Webhooks")
	}
	triggers := triggerTable(tag.Description)
	if len(triggers) == 0 {
		return nil, errors.New("spec: the tag Webhooks has no table of triggers")
	}
	return triggers, nil
}

// triggerTable reads the first column of the table that is headed Trigger.
func triggerTable(markdown string) []string {
	name := regexp.MustCompile(`^[a-z]+(:[a-zA-Z]+)+$`)
	var triggers []string
	inside := false
	for line := range strings.Lines(markdown) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		switch {
		case len(cells) < 3:
			inside = false
		case strings.TrimSpace(cells[1]) == "Trigger":
			inside = true
		case inside && name.MatchString(strings.TrimSpace(cells[1])):
			triggers = append(triggers, strings.TrimSpace(cells[1]))
		}
	}
	slices.Sort(triggers)
	return triggers
}
