package messaging_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/messaging"
)

// others has a value of each JSON type.
var others = map[string]any{
	"null": nil, "text": "nothing", "number": 7.5, "bool": true, "list": []any{}, "object": map[string]any{},
}

// TestLenient gives each member of each thing that is received each other JSON
// type, in turn. All other members survive.
func TestLenient(t *testing.T) {
	contents := []messaging.Content{
		new(messaging.TextMessage), new(messaging.ImageMessage), new(messaging.FileMessage),
		new(messaging.CarouselMessage), new(messaging.ListMessage), new(messaging.FormMessage),
		new(messaging.FormResponseMessage), new(messaging.LocationMessage), new(messaging.TemplateMessage),
	}
	roots := map[string]any{}
	for _, trigger := range []string{
		sunco.TriggerConversationMessage, sunco.TriggerConversationPostback, sunco.TriggerConversationCreate,
		sunco.TriggerConversationJoin, sunco.TriggerConversationTyping, sunco.TriggerConversationReferral,
		sunco.TriggerConversationMessageDeliveryFailure, sunco.TriggerSwitchboardPassControl, sunco.TriggerClientAdd,
		sunco.TriggerUserUpdate, sunco.TriggerUserMerge,
	} {
		roots[trigger] = messaging.ParseEvent(&sunco.Event{Type: trigger})
	}
	for _, content := range contents {
		roots["message with "+content.ContentType()] = &messaging.Message{Content: content}
	}
	roots["conversation"], roots["user"] = new(messaging.Conversation), new(messaging.User)
	roots["reply"] = messaging.NewReply()
	members := 0
	for name, root := range roots {
		t.Run(name, func(t *testing.T) {
			if m, ok := root.(*messaging.Message); ok && m.Content.ContentType() != messaging.ContentText {
				fill(reflect.ValueOf(&m.Content).Elem(), 0) // the rest is the same in all of them
			} else {
				fill(reflect.ValueOf(root).Elem(), 0)
			}
			full := plain(t, encode(t, root))
			require.Equal(t, full, again(t, name, full), "all members are read")
			eachMember(full, func(path string, set func(any)) {
				for kind, value := range others {
					set(value)
					want := full
					got := again(t, name, full)
					diff := differences("", want, got)
					for _, at := range diff {
						assert.True(t, strings.HasPrefix(at, path), "%s as %s costs %s", path, kind, at)
					}
					members++
				}
			})
		})
	}
	assert.Greater(t, members, 4000)
}

// again reads a value as what name says and returns what was read as JSON.
func again(t *testing.T, name string, value any) any {
	t.Helper()
	encoded := encode(t, value)
	var into any
	switch {
	case name == "reply":
		into = messaging.NewReply()
	case name == "conversation":
		into = new(messaging.Conversation)
	case name == "user":
		into = new(messaging.User)
	case strings.HasPrefix(name, "message with"):
		into = new(messaging.Message)
	default:
		into = messaging.ParseEvent(&sunco.Event{Type: name, Payload: encoded})
		return plain(t, encode(t, into))
	}
	require.NoError(t, json.Unmarshal(encoded, into))
	return plain(t, encode(t, into))
}

// fill sets every field that is exported, behind one pointer, and a quoted
// message behind two.
func fill(v reflect.Value, depth int) {
	switch at := v.Addr().Interface().(type) {
	case *time.Time:
		*at = time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
		return
	case *json.RawMessage:
		*at = json.RawMessage(`{"a":[1,"x"]}`)
		return
	case *messaging.Content:
		if *at == nil {
			*at = new(messaging.TextMessage)
		}
		fill(reflect.ValueOf(*at).Elem(), depth)
		return
	case *messaging.Action:
		*at = new(messaging.WebviewAction)
		fill(reflect.ValueOf(*at).Elem(), depth)
		return
	case *messaging.Metadata:
		*at = messaging.Metadata{"a": "x", "b": 1.5, "c": true}
		return
	case *map[string]any:
		*at = map[string]any{"a": "x"}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Tag.Get("json") != "-" {
				fill(v.Field(i), depth)
			}
		}
	case reflect.Pointer:
		if depth == 0 || depth == 1 && v.Type() == reflect.TypeFor[*messaging.Message]() {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), depth+1)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth)
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(3)
	case reflect.Float64:
		v.SetFloat(1.5)
	default:
		panic(fmt.Sprint("no value for ", v.Type()))
	}
}

// eachMember visits all members of all objects in a value. Set changes the
// member; afterwards it is as it was.
func eachMember(value any, visit func(path string, set func(any))) {
	var walk func(path string, value any)
	walk = func(path string, value any) {
		switch v := value.(type) {
		case map[string]any:
			for name, member := range v {
				visit(path+"."+name, func(to any) { v[name] = to })
				v[name] = member
				walk(path+"."+name, member)
			}
		case []any:
			for i := range v {
				walk(fmt.Sprintf("%s[%d]", path, i), v[i])
			}
		}
	}
	walk("", value)
}

// differences returns the paths of what is not equal.
func differences(path string, want, got any) (paths []string) {
	if w, ok := want.(map[string]any); ok {
		g, _ := got.(map[string]any)
		for name := range w {
			paths = append(paths, differences(path+"."+name, w[name], g[name])...)
		}
		return paths
	}
	if w, ok := want.([]any); ok {
		g, _ := got.([]any)
		for i := range w {
			var element any
			if i < len(g) {
				element = g[i]
			}
			paths = append(paths, differences(fmt.Sprintf("%s[%d]", path, i), w[i], element)...)
		}
		return paths
	}
	if !reflect.DeepEqual(want, got) {
		return []string{path}
	}
	return nil
}

func TestContentUnknown(t *testing.T) {
	for name, test := range map[string]struct {
		json, kind string
	}{
		"a new type":  {`{"type":"hologram","depth":3.0,"text":"\u003c"}`, "hologram"},
		"no type":     {`{"text":"x"}`, ""},
		"a number":    {`5`, ""},
		"a text":      {`"text"`, ""},
		"a list":      {`[{"type":"text"}]`, ""},
		"type's case": {`{"Type":"text"}`, ""},
		"type's text": {`{"type":"Text"}`, "Text"},
		"a flag":      {`{"type":true}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var m messaging.Message
			require.NoError(t, json.Unmarshal([]byte(`{"id":"x","content":`+test.json+`,"deleted":true}`), &m))
			require.NotNil(t, m.Content)
			assert.Equal(t, test.kind, m.Content.ContentType())
			assert.Equal(t, &messaging.RawContent{Type: test.kind, JSON: json.RawMessage(test.json)}, m.Content)
			assert.JSONEq(t, test.json, string(encode(t, m.Content)))
			assert.True(t, m.Deleted)

			var list messaging.Message
			content := `{"type":"text","actions":[` + test.json + `,null,{"type":"reply","text":"x"}]}`
			require.NoError(t, json.Unmarshal([]byte(`{"content":`+content+`}`), &list))
			actions := list.Content.(*messaging.TextMessage).Actions
			require.Len(t, actions, 3)
			assert.Equal(t, &messaging.RawAction{Type: test.kind, JSON: json.RawMessage(test.json)}, actions[0])
			assert.Equal(t, test.kind, actions[0].ActionType())
			assert.Equal(t, "", actions[1].ActionType())
			assert.Equal(t, messaging.Reply("x", ""), actions[2])
		})
	}
	for _, absent := range []string{`{}`, `{"content":null}`} {
		var m messaging.Message
		require.NoError(t, json.Unmarshal([]byte(absent), &m))
		assert.Nil(t, m.Content)
	}
}

// TestContentSentUnchanged sends what this package does not know, byte for
// byte.
func TestContentSentUnchanged(t *testing.T) {
	const content = `{"type":"hologram","depth":3.0,"size":1e2,"half":"\ud83d","text":"\u003ca","text":"b"}`
	w := always(201, string(readFile(t, "replies/text.json")))
	_, err := newApp(w).PostMessage(t.Context(), chatID, messaging.MessagePost{
		Content: &messaging.RawContent{JSON: json.RawMessage(content)},
	})
	require.NoError(t, err)
	assert.Equal(t, `{"author":{"type":"business"},"content":`+content+`}`, w.requests()[0].Body)
}

// TestTextsOfPeople has texts that are no valid Unicode, and repeated members.
func TestTextsOfPeople(t *testing.T) {
	var m messaging.Message
	require.NoError(t, m.UnmarshalJSON([]byte(`{"id":"a","author":{"displayName":"Ada \ud83d"},"id":"b",`+
		`"content":{"type":"image","type":"text","text":"caf\u00e9 `+"\xff"+`"},"metadata":{"\ud83d":1,"\ude00":2}}`)))
	assert.Equal(t, "b", m.ID)
	assert.Equal(t, "Ada \ufffd", m.Author.DisplayName)
	assert.Equal(t, messaging.Text("café \ufffd"), withoutActions(m.Content))
	assert.Len(t, m.Metadata, 1)
}

// TestTypeInOddForms has types that are no first member, have escapes, or are
// repeated.
func TestTypeInOddForms(t *testing.T) {
	for _, content := range []string{
		`{"type":"text"}`, ` { "type" : "text" }`, `{"type":"te\u0078t"}`, `{"\u0074ype":"text"}`,
		`{"payload":"\"type\":\"image\"","type":"text"}`, `{"type":"image","type":"text"}`,
		`{"type":"text","actions":[{"type":"link"}]}`,
	} {
		var m messaging.Message
		require.NoError(t, json.Unmarshal([]byte(`{"content":`+content+`}`), &m))
		assert.IsType(t, new(messaging.TextMessage), m.Content, content)
	}
}

func withoutActions(c messaging.Content) messaging.Content {
	if text, ok := c.(*messaging.TextMessage); ok && len(text.Actions) == 0 {
		text.Actions = nil
	}
	return c
}

func TestQuotesNest(t *testing.T) {
	quote := func(n int) string {
		const begin = `{"id":"q","content":{"type":"text","text":"x"},"quotedMessage":{"type":"message","message":`
		return strings.Repeat(begin, n) +
			`{"id":"last"}` + strings.Repeat(`}}`, n)
	}
	var m messaging.Message
	require.NoError(t, json.Unmarshal([]byte(quote(2)), &m))
	require.NotNil(t, m.QuotedMessage)
	require.NotNil(t, m.QuotedMessage.Message)
	assert.Equal(t, "q", m.QuotedMessage.Message.ID)
	assert.Equal(t, "text", m.QuotedMessage.Message.Content.ContentType())
	assert.Nil(t, m.QuotedMessage.Message.QuotedMessage, "one quote deep")
	assert.JSONEq(t, quote(1), string(m.QuotedMessage.Message.Raw()))

	deep := []byte(quote(4000)) // 340 kB, which costs as much as its length
	start := time.Now()
	require.NoError(t, m.UnmarshalJSON(deep))
	assert.Less(t, time.Since(start), 5*time.Second)
	require.NoError(t, m.UnmarshalJSON([]byte(quote(20_000))), "deeper than JSON may be")
}

func TestMetadataNumbers(t *testing.T) {
	for number, want := range map[string]any{
		"0": 0.0, "-0": math.Copysign(0, -1), "1": 1.0, "1.50": 1.5, "1e2": 100.0, "0.1": 0.1, "-12.5E-1": -1.25,
		"9007199254740992": 9007199254740992.0, "1e308": 1e308,
		"9007199254740993":       json.RawMessage("9007199254740993"),
		"12345678901234567890":   json.RawMessage("12345678901234567890"),
		"0.1000000000000000001":  json.RawMessage("0.1000000000000000001"),
		"1e999":                  json.RawMessage("1e999"),
		"1e-999":                 json.RawMessage("1e-999"),
		`"x"`:                    "x",
		"true":                   true,
		"null":                   json.RawMessage("null"),
		`[1]`:                    json.RawMessage("[1]"),
		`{"a":9007199254740993}`: json.RawMessage(`{"a":9007199254740993}`),
	} {
		var m messaging.Metadata
		require.NoError(t, json.Unmarshal([]byte(`{"n":`+number+`}`), &m))
		assert.Equal(t, messaging.Metadata{"n": want}, m, number)
	}
	for _, other := range []string{"null", "5", `"x"`, "[]"} {
		m := messaging.Metadata{"old": true}
		require.NoError(t, m.UnmarshalJSON([]byte(other)))
		assert.Nil(t, m, other)
	}
}

func TestNullable(t *testing.T) {
	for want, update := range map[string]messaging.ConversationUpdate{
		`{}`:                   {},
		`{"displayName":null}`: {DisplayName: messaging.Null[string]()},
		`{"displayName":"x"}`:  {DisplayName: messaging.Set("x")},
		`{"displayName":""}`:   {DisplayName: messaging.Set("")},
		`{"metadata":null}`:    {Metadata: messaging.Null[messaging.Metadata]()},
		`{"metadata":{}}`:      {Metadata: messaging.Set(messaging.Metadata{})},
	} {
		assert.Equal(t, want, string(encode(t, update)))
		v2, err := jsonv2.Marshal(update)
		require.NoError(t, err)
		assert.Equal(t, want, string(v2))
	}
}

// TestEncodersAgree encodes every kind of content with encoding/json and with
// json/v2, as pointers and as values.
func TestEncodersAgree(t *testing.T) {
	half := messaging.Text("\xff")
	v2, err := jsonv2.Marshal(half, jsontext.AllowInvalidUTF8(true))
	require.NoError(t, err)
	assert.JSONEq(t, `{"type":"text","text":"\ufffd"}`, string(v2))
	assert.JSONEq(t, string(encode(t, half)), string(encode(t, *half)))
	for _, content := range []messaging.Content{
		messaging.Text("x"), messaging.Image("x"), messaging.File("x"), messaging.Carousel(), messaging.List(),
		messaging.Form(), new(messaging.FormResponseMessage), messaging.Location(1, 2),
		messaging.Template(json.RawMessage(`{}`)), &messaging.RawContent{JSON: json.RawMessage(`{"type":"x"}`)},
	} {
		v2, err := jsonv2.Marshal(content)
		require.NoError(t, err)
		assert.JSONEq(t, string(encode(t, content)), string(v2))
		value := reflect.ValueOf(content).Elem().Interface()
		assert.JSONEq(t, string(encode(t, value)), string(v2), "a value has its type too")
	}
}
