package spec_test

import (
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/sunco-go/sunco/e2e/spec"
	"github.com/sunco-go/sunco/suncotest"
)

// act is what a person or an agent does, and what webhooks hear of it.
type act struct {
	before   func(s *scene)
	do       func(s *scene) error
	behavior suncotest.Behavior
	events   []string
}

// checkPeople has people and agents do everything that they can.
func checkPeople(t *testing.T, d *spec.Description) {
	t.Helper()
	all := acts()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, d, all[name].behavior)
				s.prepare(all[name].before)
				s.must(all[name].do(s))
				s.hears(all[name].events)
			})
		})
	}
}

// acts are the deeds of people and agents, by their names in docs/operations.md.
func acts() map[string]act {
	says := func(who string) func(*scene) error {
		return func(s *scene) error { return s.platform.Say(s.in.AppID, who, "Hello") }
	}
	presses := func(button string) func(*scene) error {
		return func(s *scene) error { return s.platform.Press(s.in.AppID, "ada", button) }
	}
	message := []string{"conversation:message"}
	return map[string]act{
		"Say, for the first time": {
			do: says("carl"), events: []string{"conversation:create", "conversation:message"},
		},
		"Say":                      {do: says("ada"), events: message},
		"Press a quick reply":      {before: (*scene).asks, do: presses("YES"), events: message},
		"Press a location request": {before: (*scene).asks, do: presses("Where?"), events: message},
		"Press a postback":         {before: (*scene).asks, do: presses("TEA"), events: []string{"conversation:postback"}},
		"Press a postback, with EchoPostback": {
			before: (*scene).asks, do: presses("TEA"), behavior: suncotest.Behavior{EchoPostback: true},
			events: []string{"conversation:postback", "conversation:message"},
		},
		"Press a link": {before: (*scene).asks, do: presses("Read")},
		"Submit": {
			before: (*scene).asks, events: message,
			do: func(s *scene) error {
				return s.platform.Submit(s.in.AppID, "ada", map[string]string{"name": "Ada"})
			},
		},
		"Upload": {
			do: func(s *scene) error {
				return s.platform.Upload(s.in.AppID, "ada", "a.txt", "text/plain", []byte("a"))
			},
			events: message,
		},
		"Type": {
			do:     func(s *scene) error { return s.platform.Type(s.in.AppID, "ada", true) },
			events: []string{"conversation:typing"},
		},
		"Read": {
			do:     func(s *scene) error { return s.platform.Read(s.in.AppID, "ada") },
			events: []string{"conversation:read"},
		},
		"Open": {
			do: func(s *scene) error { return s.platform.Open(s.in.AppID, "ada", s.names["default"]) },
		},
		"Answer": {before: (*scene).passes, do: (*scene).answers, events: message},
		"Solve": {
			before: (*scene).passes, do: (*scene).solves,
			events: []string{"switchboard:releaseControl", "conversation:message"},
		},
		"Solve, with SolvePasses": {
			before: (*scene).passes, do: (*scene).solves, behavior: suncotest.Behavior{SolvePasses: true},
			events: []string{"switchboard:passControl", "conversation:message"},
		},
		"TransferToEmail": {
			before: (*scene).passes, do: (*scene).transfers,
			events: []string{"switchboard:releaseControl", "conversation:message"},
		},
	}
}

// asks has the bot send buttons and a form to ada.
func (s *scene) asks() {
	for _, content := range []string{
		`{"type":"form","fields":[{"type":"text","name":"name","label":"Name"}]}`,
		`{"type":"text","text":"Tea?","actions":[{"type":"postback","text":"Order","payload":"TEA"},` +
			`{"type":"link","text":"Read","uri":"https://bot.example/"},{"type":"reply","text":"Yes","payload":"YES"},` +
			`{"type":"locationRequest","text":"Where?"}]}`,
	} {
		s.made("POST", s.fillIn("/conversations/{default}/messages"),
			`{"author":{"type":"business"},"content":`+content+`}`)
	}
}

func (s *scene) answers() error {
	return s.platform.Answer(s.in.AppID, s.names["conversationId"], "Hello")
}

func (s *scene) solves() error { return s.platform.Solve(s.in.AppID, s.names["conversationId"]) }

func (s *scene) transfers() error {
	return s.platform.TransferToEmail(s.in.AppID, s.names["conversationId"])
}
