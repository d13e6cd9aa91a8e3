// Package content knows what a message may say: contents, their actions, forms, and
// rich text.
package content

import (
	"cmp"
	"encoding/json"
	"html"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// maxText is how many characters a message may have.
const maxText = 4096

// Read checks what a message says, and returns it as it is kept. The text
// tells what is wrong with it.
func Read(c *wire.Call, raw json.RawMessage) (map[string]json.RawMessage, string) {
	var kind struct{ Type string }
	if json.Unmarshal(raw, &kind) != nil {
		return nil, "must be an object with a type"
	}
	m, needed := contentMembers(kind.Type)
	if m == nil {
		return nil, "must have a type that can be sent"
	}
	m["type"], m["blockChatInput"] = wire.FreeText, wire.Boolean
	object, wrong := m.Read(c, raw, append(needed, "type")...)
	if wrong != "" {
		return nil, wrong
	}
	if kind.Type == "form" {
		object["submitted"] = json.RawMessage("false")
	}
	switch {
	case object["htmlText"] != nil && object["markdownText"] != nil:
		return nil, "must not have both htmlText and markdownText"
	case kind.Type == "text" && says(object) == "" && object["actions"] == nil:
		return nil, "must have text, htmlText, markdownText or actions"
	case kind.Type == "form" && !distinctNames(object["fields"]):
		return nil, "must not have two fields of one name"
	}
	return richText(object)
}

// prose is a text that people read.
func prose(c *wire.Call, raw json.RawMessage) string {
	wrong := wire.Text(0, maxText)(c, raw)
	if s, _ := wire.As[string](raw); wrong == "" && c.UTF16 && len(utf16.Encode([]rune(s))) > maxText {
		return "must be a text of 0 to 4096 UTF-16 units"
	}
	return wrong
}

// contentMembers returns what a type of content may and must have, and nil when it
// cannot be sent.
func contentMembers(kind string) (m wire.Members, needed []string) {
	switch kind {
	case "text":
		return wire.Members{
			"text": prose, "htmlText": prose, "markdownText": prose, "payload": wire.FreeText,
			"actions": wire.ListOf(0, wire.MaxBody, action(true)),
		}, nil
	case "image", "file":
		m = wire.Members{
			"text": wire.FreeText, "htmlText": prose, "markdownText": prose, "mediaUrl": wire.URI,
			"altText": wire.Text(0, 128), "attachmentId": wire.FreeText,
		}
		if kind == "image" {
			m["actions"] = wire.ListOf(0, wire.MaxBody, action(true))
		}
		return m, []string{"mediaUrl"}
	case "carousel":
		layout := wire.Object(wire.Members{"imageAspectRatio": wire.OneOf("horizontal", "square")})
		return wire.Members{"items": wire.ListOf(1, 10, item()), "displaySettings": layout}, []string{"items"}
	case "list":
		return wire.Members{"items": wire.ListOf(1, 10, item()), "actions": wire.ListOf(1, 10, action(false))},
			[]string{"items"}
	case "form":
		return wire.Members{"fields": wire.ListOf(1, 20, formField()), "text": wire.FreeText}, []string{"fields"}
	case "location":
		return wire.Members{
			"coordinates": wire.Object(wire.Members{"lat": wire.Number, "long": wire.Number}, "lat", "long"),
			"location":    wire.Object(wire.Members{"address": wire.FreeText, "name": wire.FreeText}),
		}, []string{"coordinates"}
	case "template":
		return wire.Members{"template": wire.AnyObject}, []string{"template"}
	}
	return nil, nil
}

// action is a button. Not every place takes every kind of it.
func action(everyKind bool) wire.Check {
	return func(c *wire.Call, raw json.RawMessage) string {
		var kind struct{ Type string }
		if json.Unmarshal(raw, &kind) != nil {
			return "must be an action with a type"
		}
		m, needed := actionMembers(kind.Type)
		if m == nil || !everyKind && (kind.Type == "reply" || kind.Type == "locationRequest") {
			return "must be an action that is possible here"
		}
		m["type"], m["text"], m["metadata"] = wire.FreeText, wire.FreeText, wire.Metadata
		return wire.Object(m, append(needed, "type", "text")...)(c, raw)
	}
}

func actionMembers(kind string) (m wire.Members, needed []string) {
	messenger := wire.Object(wire.Members{"messenger_extensions": wire.Boolean,
		"webview_share_button": wire.OneOf("hide")})
	extra := wire.Object(wire.Members{"messenger": messenger})
	switch kind {
	case "buy":
		return wire.Members{"amount": wire.Integer(0, 1<<53), "currency": wire.FreeText}, []string{"amount"}
	case "link":
		return wire.Members{"uri": wire.FreeText, "default": wire.Boolean, "extraChannelOptions": extra}, []string{"uri"}
	case "locationRequest":
		return wire.Members{}, nil
	case "postback":
		return wire.Members{"payload": wire.FreeText}, []string{"payload"}
	case "reply":
		return wire.Members{"payload": wire.FreeText, "iconUrl": wire.FreeText}, []string{"payload"}
	case "webview":
		return wire.Members{
			"uri": wire.FreeText, "default": wire.Boolean, "extraChannelOptions": extra, "fallback": wire.FreeText,
			"size": wire.OneOf("compact", "tall", "full"), "openOnReceive": wire.Boolean,
		}, []string{"uri", "fallback"}
	}
	return nil, nil
}

// item is one card of a carousel or a list.
func item() wire.Check {
	return wire.Object(wire.Members{
		"title": wire.Text(1, 128), "description": wire.Text(0, 128), "mediaUrl": wire.URI, "mediaType": wire.Text(0, 128),
		"altText": wire.Text(0, 128), "size": wire.OneOf("compact", "large"), "actions": wire.ListOf(1, 3, action(false)),
		"metadata": wire.Metadata,
	}, "title", "actions")
}

func formField() wire.Check {
	option := wire.Object(wire.Members{"label": wire.Text(1, 128), "name": wire.Text(1, 128)})
	return wire.Object(wire.Members{
		"type": wire.OneOf("email", "select", "text"), "name": wire.Text(1, 128), "label": wire.Text(1, 128),
		"text": wire.Text(1, 256), "email": wire.Text(1, 128), "select": wire.ListOf(0, wire.MaxBody, wire.AnyObject),
		"format": wire.OneOf("integer", "decimal"), "placeholder": wire.Text(1, 128),
		"minSize": wire.Integer(1, 256), "maxSize": wire.Integer(1, 256), "options": wire.ListOf(0, 200, option),
	}, "type", "name", "label")
}

func distinctNames(raw json.RawMessage) bool {
	var fields []struct{ Name string }
	_ = json.Unmarshal(raw, &fields) // it was checked
	seen := map[string]bool{}
	for _, f := range fields {
		if seen[f.Name] {
			return false
		}
		seen[f.Name] = true
	}
	return true
}

// says returns the plainest text there is.
func says(object map[string]json.RawMessage) string {
	return cmp.Or(wire.Given(object, "text"), cmp.Or(wire.Given(object, "htmlText"), wire.Given(object, "markdownText")))
}

// richText turns rich text into what is kept: Markdown becomes HTML, and without a
// plain text the HTML becomes one. It does so in the simplest way.
func richText(object map[string]json.RawMessage) (map[string]json.RawMessage, string) {
	if md := wire.Given(object, "markdownText"); md != "" {
		rich := "<p>" + html.EscapeString(md) + "</p>"
		if utf8.RuneCountInString(rich) > maxText {
			return nil, "must not exceed 4096 characters as HTML"
		}
		object["htmlText"], _ = json.Marshal(rich) // a text cannot fail
	}
	delete(object, "markdownText")
	if rich := wire.Given(object, "htmlText"); rich != "" && wire.Given(object, "text") == "" {
		plain := html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(rich, ""))
		object["text"], _ = json.Marshal(strings.TrimSpace(plain)) // a text cannot fail
	}
	return object, ""
}
