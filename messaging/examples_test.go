package messaging_test

import (
	"encoding/json"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/messaging"
)

// TestPosts builds each kind of message and compares what is sent.
func TestPosts(t *testing.T) {
	items := func(alt bool) []messaging.Item {
		item := func(title, description, payload, altText string) messaging.Item {
			if !alt {
				altText = ""
			}
			return messaging.Item{
				Title: title, Description: description, MediaURL: "https://media.example/cup.jpg", AltText: altText,
				Size: messaging.SizeCompact,
				Actions: messaging.Actions(
					messaging.Postback("Order", payload), messaging.Link("About it", "https://media.example/")),
			}
		}
		return []messaging.Item{
			item("Espresso", "Short and strong", "ORDER_ESPRESSO", "A small white cup"),
			item("Flat white", "With steamed milk", "ORDER_FLAT_WHITE", "A cup with a leaf of foam"),
		}
	}
	file := messaging.File("https://media.example/prices.pdf")
	file.Text, file.AltText = "The price list", "prices.pdf"
	image := messaging.Image("https://media.example/cup.jpg")
	image.Text, image.AltText = "Good morning", "The shop in the morning"
	form := messaging.Form(
		messaging.FormField{
			Type: messaging.FieldText, Name: "customer", Label: "Name", Placeholder: "First and last name",
			MinSize: 1, MaxSize: 40,
		},
		messaging.FormField{
			Type: messaging.FieldEmail, Name: "mail", Label: "E-mail", Placeholder: "you@shop.example",
		})
	form.BlockChatInput = true
	place := messaging.Location(51.5081, -0.1281)
	place.Location = messaging.Place{Address: "1 Market Square", Name: "The coffee shop"}
	var template struct {
		Content struct {
			Template json.RawMessage `json:"template"`
		} `json:"content"`
	}
	require.NoError(t, json.Unmarshal(readFile(t, "posts/template.json"), &template))

	for name, content := range map[string]messaging.Content{
		"text": messaging.Text("Good morning"), "carousel": messaging.Carousel(items(true)...), "file": file,
		"form": form, "image": image, "list": messaging.List(items(false)...), "location": place,
		"template": messaging.Template(template.Content.Template),
	} {
		t.Run(name, func(t *testing.T) {
			w := always(201, string(readFile(t, "replies/text.json")))
			_, err := newApp(w).PostMessage(t.Context(), chatID, messaging.MessagePost{Content: content})
			require.NoError(t, err)
			require.Len(t, w.requests(), 1)
			assert.Equal(t, "POST "+appURL+"/conversations/"+chatID+"/messages", w.requests()[0].Line)
			assert.JSONEq(t, string(readFile(t, "posts/"+name+".json")), w.requests()[0].Body)
		})
	}
}

// TestMessageReplies reads messages, and writes them again from their fields.
func TestMessageReplies(t *testing.T) {
	for _, name := range []string{
		"text", "carousel", "file", "form", "image", "list", "location", "list-messages",
	} {
		t.Run(name, func(t *testing.T) {
			body := readFile(t, "replies/"+name+".json")
			got, err := newApp(always(200, string(body))).ListMessages(t.Context(), chatID, messaging.Cursor{})
			require.NoError(t, err)
			require.Len(t, got.Items, 1)
			var want struct {
				Messages []json.RawMessage `json:"messages"`
			}
			require.NoError(t, json.Unmarshal(body, &want))
			assert.Equal(t, []byte(want.Messages[0]), got.Items[0].Raw())
			assertSame(t, want.Messages[0], encode(t, got.Items[0]))
			v2, err := jsonv2.Marshal(got.Items[0])
			require.NoError(t, err)
			assertSame(t, want.Messages[0], v2)
		})
	}
}

// TestEvents reads each kind of event, and writes the payload again from its
// fields.
func TestEvents(t *testing.T) {
	files, err := os.ReadDir("testdata/events")
	require.NoError(t, err)
	require.Len(t, files, 25)
	for _, file := range files {
		name := strings.TrimSuffix(file.Name(), ".json")
		t.Run(name, func(t *testing.T) {
			event := readEvent(t, name)
			got := messaging.ParseEvent(event)
			_, unknown := got.(*messaging.RawEvent)
			assert.False(t, unknown)
			assert.Equal(t, []byte(event.Payload), got.(interface{ Raw() []byte }).Raw())
			assertSame(t, event.Payload, encode(t, got))
		})
	}
}

// TestOperationsHaveExamples has a short example that runs for each method of
// App.
func TestOperationsHaveExamples(t *testing.T) {
	paths, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	set := token.NewFileSet()
	var files []*ast.File
	for _, path := range paths {
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		require.NoError(t, err)
		files = append(files, file)
	}
	lines := map[string]int{} // by the example's name
	for _, example := range doc.Examples(files...) {
		if example.Output != "" {
			lines[example.Name] = set.Position(example.Code.End()).Line - set.Position(example.Code.Pos()).Line - 1
		}
	}
	for method := range reflect.TypeFor[messaging.App]().Methods() {
		name := "App_" + method.Name
		assert.Contains(t, lines, name)
		assert.LessOrEqual(t, lines[name], 15, name)
	}
}
