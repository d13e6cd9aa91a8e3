package suncotest

import (
	"cmp"
	"encoding/json"
	"html"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxText is how many characters a message may have.
const maxText = 4096

// readContent checks what a message says, and returns it as it is kept. The text
// tells what is wrong with it.
func readContent(raw json.RawMessage) (map[string]json.RawMessage, string) {
	var kind struct{ Type string }
	if json.Unmarshal(raw, &kind) != nil {
		return nil, "must be an object with a type"
	}
	m, needed := contentMembers(kind.Type)
	if m == nil {
		return nil, "must have a type that can be sent"
	}
	m["type"], m["blockChatInput"] = freeText, boolean
	object, wrong := m.read(raw, append(needed, "type")...)
	if wrong != "" {
		return nil, wrong
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

// contentMembers returns what a type of content may and must have, and nil when it
// cannot be sent.
func contentMembers(kind string) (m members, needed []string) {
	prose := text(0, maxText)
	switch kind {
	case "text":
		return members{
			"text": prose, "htmlText": prose, "markdownText": prose, "payload": freeText,
			"actions": listOf(0, maxBody, action(true)),
		}, nil
	case "image", "file":
		m = members{
			"text": freeText, "htmlText": prose, "markdownText": prose, "mediaUrl": uri,
			"altText": text(0, 128), "attachmentId": freeText,
		}
		if kind == "image" {
			m["actions"] = listOf(0, maxBody, action(true))
		}
		return m, []string{"mediaUrl"}
	case "carousel":
		layout := object(members{"imageAspectRatio": oneOf("horizontal", "square")})
		return members{"items": listOf(1, 10, item()), "displaySettings": layout}, []string{"items"}
	case "list":
		return members{"items": listOf(1, 10, item()), "actions": listOf(1, 10, action(false))}, []string{"items"}
	case "form":
		return members{"fields": listOf(1, 20, formField()), "text": freeText}, []string{"fields"}
	case "location":
		return members{
			"coordinates": object(members{"lat": number, "long": number}, "lat", "long"),
			"location":    object(members{"address": freeText, "name": freeText}),
		}, []string{"coordinates"}
	case "template":
		return members{"template": anyObject}, []string{"template"}
	}
	return nil, nil
}

// action is a button. Not every place takes every kind of it.
func action(everyKind bool) check {
	return func(raw json.RawMessage) string {
		var kind struct{ Type string }
		if json.Unmarshal(raw, &kind) != nil {
			return "must be an action with a type"
		}
		m, needed := actionMembers(kind.Type)
		if m == nil || !everyKind && (kind.Type == "reply" || kind.Type == "locationRequest") {
			return "must be an action that is possible here"
		}
		m["type"], m["text"], m["metadata"] = freeText, freeText, metadata
		return object(m, append(needed, "type", "text")...)(raw)
	}
}

func actionMembers(kind string) (m members, needed []string) {
	messenger := object(members{"messenger_extensions": boolean, "webview_share_button": oneOf("hide")})
	extra := object(members{"messenger": messenger})
	switch kind {
	case "buy":
		return members{"amount": integer(0, 1<<53), "currency": freeText}, []string{"amount"}
	case "link":
		return members{"uri": freeText, "default": boolean, "extraChannelOptions": extra}, []string{"uri"}
	case "locationRequest":
		return members{}, nil
	case "postback":
		return members{"payload": freeText}, []string{"payload"}
	case "reply":
		return members{"payload": freeText, "iconUrl": freeText}, []string{"payload"}
	case "webview":
		return members{
			"uri": freeText, "default": boolean, "extraChannelOptions": extra, "fallback": freeText,
			"size": oneOf("compact", "tall", "full"), "openOnReceive": boolean,
		}, []string{"uri", "fallback"}
	}
	return nil, nil
}

// item is one card of a carousel or a list.
func item() check {
	return object(members{
		"title": text(1, 128), "description": text(0, 128), "mediaUrl": uri, "mediaType": text(0, 128),
		"altText": text(0, 128), "size": oneOf("compact", "large"), "actions": listOf(1, 3, action(false)),
		"metadata": metadata,
	}, "title", "actions")
}

func formField() check {
	option := object(members{"label": text(1, 128), "name": text(1, 128)})
	return object(members{
		"type": oneOf("email", "select", "text"), "name": text(1, 128), "label": text(1, 128),
		"text": text(1, 256), "email": text(1, 128), "select": listOf(0, maxBody, anyObject),
		"format": oneOf("integer", "decimal"), "placeholder": text(1, 128),
		"minSize": integer(1, 256), "maxSize": integer(1, 256), "options": listOf(0, 200, option),
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
	return cmp.Or(given(object, "text"), cmp.Or(given(object, "htmlText"), given(object, "markdownText")))
}

// richText turns rich text into what is kept: Markdown becomes HTML, and without a
// plain text the HTML becomes one. It does so in the simplest way.
func richText(object map[string]json.RawMessage) (map[string]json.RawMessage, string) {
	if md := given(object, "markdownText"); md != "" {
		rich := "<p>" + html.EscapeString(md) + "</p>"
		if utf8.RuneCountInString(rich) > maxText {
			return nil, "must not exceed 4096 characters as HTML"
		}
		object["htmlText"], _ = json.Marshal(rich) // a text cannot fail
	}
	delete(object, "markdownText")
	if rich := given(object, "htmlText"); rich != "" && given(object, "text") == "" {
		plain := html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(rich, ""))
		object["text"], _ = json.Marshal(strings.TrimSpace(plain)) // a text cannot fail
	}
	return object, ""
}
