package hooks

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// prune takes out of a payload what a webhook did not ask for: of users all but
// what identifies them, of sources the client and the device. Everything else
// stays as it was written.
func prune(payload json.RawMessage, trigger string, fullUser, fullSource bool) json.RawMessage {
	return pruner{fullUser && !alwaysShort(trigger), fullSource}.walk(payload, "")
}

// alwaysShort reports whether the users in an event are short ones whatever the
// webhook asked for.
func alwaysShort(trigger string) bool {
	return strings.HasPrefix(trigger, "client:") ||
		slices.Contains([]string{"conversation:join", "conversation:leave", "user:remove"}, trigger)
}

type pruner struct{ fullUser, fullSource bool }

// walk prunes the value of the member called name.
func (p pruner) walk(value json.RawMessage, name string) json.RawMessage {
	switch name {
	case "user", "surviving", "discarded":
		if p.fullUser {
			return value
		}
		return edit(value, func(name string, v json.RawMessage) json.RawMessage {
			if slices.Contains([]string{"signedUpAt", "toBeRetained", "profile", "metadata", "identities"}, name) {
				return nil
			}
			return v
		})
	case "source":
		if p.fullSource {
			return value
		}
		return edit(value, func(name string, v json.RawMessage) json.RawMessage {
			if name == "client" || name == "device" {
				return nil
			}
			return v
		})
	case "", "message", "activity", "author", "mergedUsers":
		return edit(value, func(name string, v json.RawMessage) json.RawMessage { return p.walk(v, name) })
	case "recentNotifications":
		var list []json.RawMessage
		if json.Unmarshal(value, &list) != nil || list == nil {
			return value
		}
		for i, v := range list {
			list[i] = p.walk(v, "message")
		}
		pruned, err := wire.Encode(list)
		if err != nil {
			return value
		}
		return pruned
	}
	return value
}

// edit returns an object with its members as f gives them back, without those for
// which that is nil, in the same order. What is not an object it returns unchanged.
func edit(object json.RawMessage, f func(name string, value json.RawMessage) json.RawMessage) json.RawMessage {
	dec := json.NewDecoder(bytes.NewReader(object))
	if token, err := dec.Token(); err != nil || token != json.Delim('{') {
		return object
	}
	out := []byte{'{'}
	for dec.More() {
		token, err := dec.Token()
		name, isString := token.(string)
		var value json.RawMessage
		if err != nil || !isString || dec.Decode(&value) != nil {
			return object
		}
		if value = f(name, value); value == nil {
			continue
		}
		quoted, err := wire.Encode(name)
		if err != nil {
			return object
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, quoted...), ':'), value...)
	}
	return append(out, '}')
}
