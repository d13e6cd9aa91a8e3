package sandbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sunco-go/sunco/messaging"
	"github.com/sunco-go/sunco/suncotest"
)

const (
	maxBubbles = 100 // messages that the page shows of a conversation
	maxPeople  = 50
)

// chat is a person's conversation as the widget shows it.
type chat struct {
	ID, Control, Pending string
	Name                 string
	All                  []field // the ids and names of the person's conversations, if there are several
	Bubbles              []bubble
	Older                int // messages that are not shown
	Typing               bool
	Blocked              bool   // the last message disables the input
	Latest               string // id of the latest message of the business
}

// bubble is a message.
type bubble struct {
	ID, Author, Avatar, Mark, Side string
	Time                           time.Time
	Kind                           string // of the content: text, card and so on
	Text, HTML                     string
	Lines                          int // height of HTML
	Media, Alt, Size               string
	Cards                          []card
	Square                         bool
	Form                           string // id of the form that can be filled in; empty: none
	Fields                         []messaging.FormField
	Buttons                        []button
	JSON                           string // of what has no look of its own, and of metadata and payload
	State                          string // what became of the message; may be empty
}

type card struct {
	Title, Text, Media, Alt string
	Buttons                 []button
}

// button is an action. It is a link when it has a URL.
type button struct {
	Kind, Text, Value, URL, Note string

	Frame, Size, Fallback string // of a webview
	Open                  bool   // the webview opens when it arrives
}

// people returns the external ids of everybody who has a personal conversation.
func people(all []suncotest.Conversation) []string {
	var names []string
	for _, v := range slices.Backward(all) {
		for _, name := range v.Users {
			if v.Type == "personal" && name != "" && !slices.Contains(names, name) && len(names) < maxPeople {
				names = append(names, name)
			}
		}
	}
	return names
}

// chatOf returns the personal conversation of a person that the view names, or the latest.
func chatOf(all []suncotest.Conversation, look view, log []row) (c chat) {
	var v suncotest.Conversation
	for _, its := range all {
		if its.Type != "personal" || !slices.Contains(its.Users, look.User) {
			continue
		}
		name := cmp.Or(shorten(its.DisplayName, 60), "Conversation "+strconv.Itoa(len(c.All)+1))
		c.All = append(c.All, field{its.ID, name})
		if v.ID == "" || v.ID != look.Talk {
			v, c.Name = its, name
		}
	}
	if len(c.All) == 1 {
		c.All = nil
	}
	c.ID, c.Control, c.Pending, c.Typing = v.ID, v.Control, v.Pending, v.Typing
	c.Older = max(0, len(v.Messages)-maxBubbles)
	answered, formOpen := false, false
	for i, m := range slices.Backward(v.Messages) {
		if i < c.Older && c.Latest != "" {
			break
		}
		if m.AuthorType == "business" && c.Latest == "" {
			c.Latest = m.ID
		}
		b := bubbleOf(m)
		if b.Side == "user" {
			b.State = fate(m, v.ID, log)
		}
		if b.Kind == "form" && m.AuthorType == "business" && !formOpen && b.Form != "" {
			formOpen = true // only the latest one takes an answer
		} else {
			b.Form = ""
		}
		if answered {
			b.Buttons = slices.DeleteFunc(b.Buttons, func(b button) bool { return b.quick() })
		}
		answered = answered || m.AuthorType == "user"
		if i == len(v.Messages)-1 {
			c.Blocked = blocks(m.Content)
		}
		if i >= c.Older {
			c.Bubbles = append(c.Bubbles, b)
		}
	}
	slices.Reverse(c.Bubbles)
	return c
}

// fate says what became of a person's message, as far as the log still knows.
func fate(m suncotest.Message, conversation string, log []row) string {
	state := ""
	if len(log) < maxRows || m.Time.After(log[0].Time) {
		state = "no webhook"
	}
	for _, r := range log {
		switch {
		case r.About(m.ID) && r.Outcome == suncotest.Delivered:
			state = "delivered"
		case r.About(m.ID) && r.Outcome != "":
			state = string(r.Outcome)
		case r.reads == conversation && r.Time.After(m.Time):
			return "read"
		}
	}
	return state
}

func blocks(content json.RawMessage) bool {
	var said struct{ BlockChatInput bool }
	return json.Unmarshal(content, &said) == nil && said.BlockChatInput
}

// quick reports whether a button vanishes once the person has answered.
func (b button) quick() bool {
	return b.Kind == messaging.ActionReply || b.Kind == messaging.ActionLocationRequest
}

// bubbleOf makes a bubble of a message of any content.
func bubbleOf(m suncotest.Message) bubble {
	b := bubble{
		ID: m.ID, Author: m.AuthorName, Avatar: webURL(m.AvatarURL), Side: m.AuthorType, Mark: m.AuthorSubtype, Time: m.Time,
	}
	switch m.Receipt {
	case "user":
		b.State = "delivered"
	case "failure":
		b.State = "failed"
	}
	if m.Activity != "" {
		b.Side, b.Mark = "activity", m.Activity
	} else {
		b.Author = cmp.Or(m.AuthorName, m.AuthorType) // a bot without a name
	}
	if m.Metadata != nil {
		b.JSON = "metadata " + pretty(m.Metadata)
	}
	if m.Deleted || m.Content == nil {
		b.Kind, b.Text = "text", "This message was deleted."
		return b
	}
	var whole messaging.Message
	_ = whole.UnmarshalJSON(slices.Concat([]byte(`{"content":`), m.Content, []byte("}"))) // it never fails
	b.say(whole.Content, m)
	return b
}

// say fills in what a content shows.
func (b *bubble) say(content messaging.Content, m suncotest.Message) {
	b.Kind = "json"
	switch c := content.(type) {
	case *messaging.TextMessage:
		b.Kind, b.Text, b.Buttons = "text", c.Text, buttons(m, c.Actions)
		b.rich(c.HTMLText)
		if c.Payload != "" {
			b.JSON = strings.TrimSpace("payload " + c.Payload + "\n" + b.JSON)
		}
	case *messaging.ImageMessage:
		b.Kind, b.Text, b.Media, b.Buttons = "image", c.Text, webURL(c.MediaURL), buttons(m, c.Actions)
		b.Alt = cmp.Or(c.AltText, fileName(c.MediaURL))
		b.rich(c.HTMLText)
	case *messaging.FileMessage:
		b.Kind, b.Text, b.Media = "file", c.Text, webURL(c.MediaURL)
		b.Alt, b.Size = cmp.Or(c.AltText, fileName(c.MediaURL)), size(c.MediaSize)
		b.rich(c.HTMLText)
	case *messaging.CarouselMessage:
		b.Kind, b.Cards = "carousel", cards(m, c.Items)
		b.Square = c.DisplaySettings.ImageAspectRatio == messaging.AspectSquare
	case *messaging.ListMessage:
		b.Kind, b.Cards, b.Buttons = "list", cards(m, c.Items), buttons(m, c.Actions)
	case *messaging.FormMessage:
		b.Kind, b.Text, b.Fields = "form", c.Text, c.Fields
		if !c.Submitted {
			b.Form = m.ID
		}
	case *messaging.FormResponseMessage:
		b.Kind, b.Fields = "answer", c.Fields
	case *messaging.LocationMessage:
		lat, long := strconv.FormatFloat(c.Coordinates.Lat, 'f', -1, 64), strconv.FormatFloat(c.Coordinates.Long, 'f', -1, 64)
		b.Kind, b.Text, b.Alt = "location", c.Location.Name, c.Location.Address
		b.Size = lat + ", " + long
		b.Media = "https://www.openstreetmap.org/?" + url.Values{"mlat": {lat}, "mlon": {long}}.Encode()
	default: // a template, and what is not known
		b.Text, b.JSON = m.ContentType, strings.TrimSpace(pretty(m.Content)+"\n"+b.JSON)
	}
}

// rich keeps a text in HTML, with an estimate of its height: its frame runs no script that
// could measure it.
func (b *bubble) rich(html string) {
	b.HTML = html
	b.Lines = min(14, 2+len(html)/45+strings.Count(html, "<p")+strings.Count(html, "<br")+strings.Count(html, "<li"))
}

func cards(m suncotest.Message, items []messaging.Item) []card {
	var all []card
	for _, i := range items {
		all = append(all, card{i.Title, i.Description, webURL(i.MediaURL), i.AltText, buttons(m, i.Actions)})
	}
	return all
}

func buttons(m suncotest.Message, actions messaging.ActionList) []button {
	var all []button
	for _, action := range actions {
		b := button{Kind: action.ActionType()}
		switch a := action.(type) {
		case *messaging.ReplyAction:
			b.Text, b.Value, b.Note = a.Text, cmp.Or(a.Payload, a.Text), "payload "+a.Payload
		case *messaging.PostbackAction:
			b.Text, b.Value, b.Note = a.Text, cmp.Or(a.Payload, a.Text), "payload "+a.Payload
		case *messaging.LocationRequestAction:
			b.Text, b.Value, b.Note = a.Text, a.Text, "sends a location"
		case *messaging.LinkAction:
			b.Text, b.URL, b.Note = a.Text, webURL(a.URI), a.URI
		case *messaging.WebviewAction:
			b.frame(m, a)
		case *messaging.BuyAction:
			b.Text, b.Value = a.Text, a.Text
			b.Note = strconv.FormatInt(a.Amount, 10) + " " + a.Currency + ", in the smallest unit; nobody pays here"
		default:
			b.Text, b.Note = b.Kind, "a button of an unknown type"
		}
		all = append(all, b)
	}
	return all
}

// webURL returns an http or https URL, and nothing for any other.
func webURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return u.String()
}

func fileName(mediaURL string) string {
	u, err := url.Parse(mediaURL)
	if err != nil {
		return "file"
	}
	return cmp.Or(u.Path[strings.LastIndexByte(u.Path, '/')+1:], "file")
}

func size(n int64) string {
	switch {
	case n <= 0:
		return ""
	case n < 1000:
		return strconv.FormatInt(n, 10) + " bytes"
	case n < 1000_000:
		return strconv.FormatInt(n/1000, 10) + " kB"
	}
	return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) + " MB"
}

// pretty indents JSON, and leaves anything else.
func pretty(raw []byte) string {
	var out bytes.Buffer
	if json.Indent(&out, raw, "", "  ") != nil {
		return strings.ToValidUTF8(string(raw), "�")
	}
	return strings.ToValidUTF8(out.String(), "�")
}
