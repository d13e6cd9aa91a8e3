package messaging

import (
	"fmt"
	"net/url"
	"reflect"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/internal/ident"
	"github.com/sunco-go/sunco/internal/lenient"
)

const (
	maxText     = 4096 // characters, as runes here: what Zendesk may accept is sent
	maxLine     = 128
	maxName     = 100
	maxURL      = 2048
	maxMetadata = 4096    // bytes of JSON
	unlimited   = 100_000 // characters; the request as a whole has that many bytes
)

// limits checks a request before it is sent and keeps the first limit that the
// request breaks.
type limits struct {
	first  *sunco.InputError
	opened bool // an action opens when it is received
}

// err returns the first limit that was broken.
func (l *limits) err() error {
	if l.first == nil {
		return nil
	}
	return l.first
}

func (l *limits) refuse(name, reason string) {
	if l.first == nil {
		l.first = &sunco.InputError{Name: name, Reason: reason}
	}
}

// text checks a text that may have up to most characters, and must have least.
func (l *limits) text(name, text string, least, most int) {
	switch {
	case len(text) == 0 && least > 0:
		l.refuse(name, "empty")
	case len(text) > most && utf8.RuneCountInString(text) > most:
		l.refuse(name, fmt.Sprintf("longer than %d characters", most))
	}
}

// count checks the length of a list.
func (l *limits) count(name string, n, least, most int) {
	if n < least || n > most {
		l.refuse(name, fmt.Sprintf("has %d elements, and %d to %d are accepted", n, least, most))
	}
}

// id checks an id of Zendesk's.
func (l *limits) id(name, id string) {
	if reason := ident.Fault(id); reason != "" {
		l.refuse(name, reason)
	}
}

// user checks a user's id or external id and returns the path of the user.
func (l *limits) user(user string) string {
	segment := url.PathEscape(user)
	switch {
	case user == "":
		l.refuse("user", "empty")
	case !ident.OneSegment(segment):
		l.refuse("user", "an external id with slashes, dots alone or control characters cannot stand in a path; "+
			"use the user's id")
	}
	return "/users/" + segment
}

func (l *limits) metadata(name string, m Metadata) {
	if len(m) == 0 {
		return
	}
	encoded, err := lenient.Encode(m)
	switch {
	case err != nil:
		l.refuse(name, "holds a value that JSON cannot express")
		return
	case len(encoded) > maxMetadata:
		l.refuse(name, "longer than 4 kB")
	}
	var values map[string]jsontext.Value
	decode(encoded, &values)
	for _, value := range values {
		if kind := value.Kind(); kind == '{' || kind == '[' {
			l.refuse(name, "not flat: a value is a list or an object")
		}
	}
}

// object checks JSON that is sent unchanged.
func (l *limits) object(name string, value []byte) {
	v := jsontext.Value(value)
	if v.Kind() != '{' || !v.IsValid(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)) {
		l.refuse(name, "not a JSON object")
	}
}

// content checks a content that is sent.
func (l *limits) content(name string, c Content) {
	if c == nil || reflect.ValueOf(c).IsNil() {
		l.refuse(name, "nil")
		return
	}
	c.check(l, name)
}

// actions checks the actions of a content, which have all types.
func (l *limits) actions(name string, actions []Action) {
	for i, a := range actions {
		at := fmt.Sprintf("%s[%d]", name, i)
		if a == nil || reflect.ValueOf(a).IsNil() {
			l.refuse(at, "nil")
			continue
		}
		a.check(l, at)
	}
}

// itemActions checks the actions of an item and of a list.
func (l *limits) itemActions(name string, actions []Action) {
	l.actions(name, actions)
	for i, a := range actions {
		switch a.(type) {
		case *ReplyAction, *LocationRequestAction:
			l.refuse(fmt.Sprintf("%s[%d]", name, i), "only buy, link, postback and webview actions are accepted here")
		}
	}
}

// richText checks the texts of which only one may be formatted.
func (l *limits) richText(name, htmlText, markdownText string) {
	l.text(name+".htmlText", htmlText, 0, maxText)
	l.text(name+".markdownText", markdownText, 0, maxText)
	if htmlText != "" && markdownText != "" {
		l.refuse(name+".markdownText", "set beside htmlText; only one of them is accepted")
	}
}

func (l *limits) items(name string, items []Item) {
	l.count(name, len(items), 1, 10)
	for i := range items {
		item, at := &items[i], fmt.Sprintf("%s[%d]", name, i)
		l.text(at+".title", item.Title, 1, maxLine)
		l.text(at+".description", item.Description, 0, maxLine)
		l.text(at+".mediaUrl", item.MediaURL, 0, maxURL)
		l.text(at+".mediaType", item.MediaType, 0, maxLine)
		l.text(at+".altText", item.AltText, 0, maxLine)
		l.count(at+".actions", len(item.Actions), 1, 3)
		l.itemActions(at+".actions", item.Actions)
		l.metadata(at+".metadata", item.Metadata)
	}
}

func (m *TextMessage) check(l *limits, name string) {
	l.text(name+".text", m.Text, 0, maxText)
	l.richText(name, m.HTMLText, m.MarkdownText)
	if m.Text == "" && m.HTMLText == "" && m.MarkdownText == "" && len(m.Actions) == 0 {
		l.refuse(name+".text", "empty, and there is no htmlText, markdownText or action either")
	}
	l.actions(name+".actions", m.Actions)
}

func (m *ImageMessage) check(l *limits, name string) {
	l.text(name+".mediaUrl", m.MediaURL, 1, unlimited)
	l.text(name+".altText", m.AltText, 0, maxLine)
	l.richText(name, m.HTMLText, m.MarkdownText)
	l.actions(name+".actions", m.Actions)
}

func (m *FileMessage) check(l *limits, name string) {
	l.text(name+".mediaUrl", m.MediaURL, 1, unlimited)
	l.text(name+".altText", m.AltText, 0, maxLine)
	l.richText(name, m.HTMLText, m.MarkdownText)
}

func (m *CarouselMessage) check(l *limits, name string) { l.items(name+".items", m.Items) }

func (m *ListMessage) check(l *limits, name string) {
	l.items(name+".items", m.Items)
	l.count(name+".actions", len(m.Actions), 0, 10)
	l.itemActions(name+".actions", m.Actions)
}

func (m *FormMessage) check(l *limits, name string) {
	l.count(name+".fields", len(m.Fields), 1, 20)
	seen := make(map[string]bool, len(m.Fields))
	for i := range m.Fields {
		field, at := &m.Fields[i], fmt.Sprintf("%s.fields[%d]", name, i)
		field.check(l, at)
		if seen[field.Name] {
			l.refuse(at+".name", "the name of another field too")
		}
		seen[field.Name] = true
	}
}

func (f *FormField) check(l *limits, name string) {
	const maxAnswer = 256
	l.text(name+".type", f.Type, 1, unlimited)
	l.text(name+".name", f.Name, 1, maxLine)
	l.text(name+".label", f.Label, 1, maxLine)
	l.text(name+".placeholder", f.Placeholder, 0, maxLine)
	if f.MinSize < 0 || f.MinSize > maxAnswer {
		l.refuse(name+".minSize", "not 1 to 256")
	}
	if f.MaxSize < 0 || f.MaxSize > maxAnswer {
		l.refuse(name+".maxSize", "not 1 to 256")
	}
	if f.MaxSize != 0 && f.MinSize > f.MaxSize {
		l.refuse(name+".minSize", "above maxSize")
	}
	l.count(name+".options", len(f.Options), 0, 200)
	seen := make(map[string]bool, len(f.Options))
	for i, option := range f.Options {
		at := fmt.Sprintf("%s.options[%d]", name, i)
		l.text(at+".name", option.Name, 1, maxLine)
		l.text(at+".label", option.Label, 1, maxLine)
		if seen[option.Name] {
			l.refuse(at+".name", "the name of another option too")
		}
		seen[option.Name] = true
	}
}

func (m *FormResponseMessage) check(l *limits, name string) {
	l.refuse(name, "a form response cannot be sent")
}

func (m *LocationMessage) check(*limits, string) {}

func (m *TemplateMessage) check(l *limits, name string) { l.object(name+".template", m.Template) }

func (c *RawContent) check(l *limits, name string) { l.object(name, c.JSON) }

func (a *BuyAction) check(l *limits, name string) {
	l.text(name+".text", a.Text, 1, unlimited)
	l.metadata(name+".metadata", a.Metadata)
}

func (a *LinkAction) check(l *limits, name string) {
	l.text(name+".text", a.Text, 1, unlimited)
	l.text(name+".uri", a.URI, 1, unlimited)
	l.metadata(name+".metadata", a.Metadata)
}

func (a *LocationRequestAction) check(l *limits, name string) {
	l.text(name+".text", a.Text, 1, unlimited)
	l.metadata(name+".metadata", a.Metadata)
}

func (a *PostbackAction) check(l *limits, name string) {
	l.text(name+".text", a.Text, 1, unlimited)
	l.metadata(name+".metadata", a.Metadata)
}

func (a *ReplyAction) check(l *limits, name string) {
	l.metadata(name+".metadata", a.Metadata)
}

func (a *WebviewAction) check(l *limits, name string) {
	l.text(name+".text", a.Text, 1, unlimited)
	l.text(name+".uri", a.URI, 1, unlimited)
	l.text(name+".fallback", a.Fallback, 1, unlimited)
	l.metadata(name+".metadata", a.Metadata)
	if a.OpenOnReceive && l.opened {
		l.refuse(name+".openOnReceive", "set on another action too; one of a message may have it")
	}
	l.opened = l.opened || a.OpenOnReceive
}

func (a *RawAction) check(l *limits, name string) { l.object(name, a.JSON) }
