package browser_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/messaging"
	"github.com/sunco-go/sunco/suncotest"
)

// bot is a partner's program that talks through the API of a sandbox.
type bot struct {
	t            *testing.T
	app          messaging.App
	conversation string
	told         chan *messaging.MessageEvent
	signals      chan string // what the person does besides
}

const boxSecret = "the-secret-of-this-sandbox"

// startBox starts a sandbox that approves by itself.
func startBox(t *testing.T) *program {
	t.Helper()
	return launch(t, "sandbox", nil, "-addr", "127.0.0.1:0", "-approve", "-client-secret", boxSecret)
}

// installBot installs a bot in the sandbox of startBox.
func installBot(t *testing.T, box *program) *bot {
	t.Helper()
	b := &bot{t: t, told: make(chan *messaging.MessageEvent, 100), signals: make(chan string, 1000)}
	client := &sunco.Client{
		ClientID: suncotest.DefaultClientID, ClientSecret: sunco.NewSecret(boxSecret),
		Domain: "localhost:" + box.port(),
	}
	t.Cleanup(client.CloseIdleConnections)
	ctx := t.Context()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := browser.Get(box.url + "/sc/oauth/authorize?response_type=code&client_id=" + client.ClientID)
	b.must(err)
	_ = res.Body.Close()
	back, err := url.Parse(res.Header.Get("Location"))
	b.must(err)
	token, err := client.Exchange(ctx, sunco.NewSecret(back.Query().Get("code")))
	b.must(err)
	in, err := client.Locate(ctx, &sunco.Installation{Token: token})
	b.must(err)
	handler := &sunco.EventHandler{
		Lookup: func(context.Context, [32]byte) (*sunco.Installation, error) { return in, nil },
		OnEvent: func(_ context.Context, _ *sunco.Installation, e *sunco.Event) error {
			switch told := messaging.ParseEvent(e).(type) {
			case *messaging.MessageEvent:
				b.told <- told
			case *messaging.ActivityEvent:
				b.signals <- told.Activity.Type
			}
			return nil
		},
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	hook, err := client.EnsureWebhook(ctx, in, &sunco.Webhook{
		Target: server.URL + "/events", Triggers: []string{
			sunco.TriggerConversationMessage, sunco.TriggerConversationTyping, sunco.TriggerConversationRead,
		},
	})
	b.must(err)
	in.Webhooks = []sunco.Webhook{*hook}
	b.app = messaging.App{Client: client, Installation: in}
	return b
}

func (b *bot) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bot) post(content messaging.Content) {
	b.t.Helper()
	_, err := b.app.PostMessage(b.t.Context(), b.conversation, messaging.MessagePost{
		Author: messaging.Author{DisplayName: "Bot"}, Content: content,
	})
	b.must(err)
}

// signal waits until the person does this.
func (b *bot) signal(want string) {
	b.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case got := <-b.signals:
			if got == want {
				return
			}
		case <-timeout:
			b.t.Fatalf("no %s arrived", want)
		}
	}
}

// write types a text into the message of the widget, and sends it with Enter.
func (x *tab) write(text string) {
	x.t.Helper()
	x.draft(text)
	x.send()
}

// send presses Enter in a field whose script sends then. The character that follows in
// kb.Enter is none of that event's, and could begin the next message.
func (x *tab) send() {
	x.t.Helper()
	for _, kind := range []input.DispatchKeyEventType{
		input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeKeyUp,
	} {
		_, err := chromedp.Call(x.ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{
			Type: kind, Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13,
		})
		x.must("sending", err)
	}
}

func (x *tab) draft(text string) {
	x.t.Helper()
	x.press("Message to Acme")
	x.must("writing", chromedp.Do(x.ctx, chromedp.KeyEvent(text)))
}

// run does something in JavaScript.
func (x *tab) run(script string) error {
	_, err := chromedp.Run(x.ctx, chromedp.Evaluate[bool](`(`+script+`, true)`))
	return err
}

// aFile returns the path of a file that a person may send.
func (x *tab) aFile() string {
	x.t.Helper()
	path := filepath.Join(x.t.TempDir(), "notes <1>.txt")
	x.must("writing a file", os.WriteFile(path, []byte("notes"), 0o600))
	return path
}

// hide tells the page that its tab is hidden, or is not any more.
func (x *tab) hide(hidden bool) {
	x.t.Helper()
	x.must("hiding the tab", x.run(fmt.Sprintf(
		`Object.defineProperty(document, "hidden", {configurable: true, value: %t}),`+
			`document.dispatchEvent(new Event("visibilitychange"))`, hidden)))
}

// newestInView tells whether one sees the newest message.
const newestInView = `(() => {
	const at = [...document.querySelectorAll(".talk > li")].at(-1).getBoundingClientRect();
	const box = document.querySelector("#chat .scroll").getBoundingClientRect();
	return at.bottom <= box.bottom + 1 && at.top >= box.top;
})()`

// TestSandboxPage is a conversation on the page of the sandbox, which is never loaded
// again.
func TestSandboxPage(t *testing.T) {
	s := prepare(t)
	box := startBox(t)
	s.secrets[boxSecret] = true
	s.checkOutput(box)
	x := s.person().tab()
	x.open(box.url + "/?pane=start")
	x.see(200, "Sandbox")
	b := installBot(t, box)
	x.reads("The integration is installed.")
	loaded := x.watch.arrived()

	x.draft("   ")
	x.send()
	x.reads("Write something first.")
	x.write("hello")
	b.conversation = (<-b.told).Conversation.ID
	x.until("the delivery of the message",
		`document.querySelector(".talk .user").innerText.includes("hello") && `+
			`document.querySelector(".state").innerText === "delivered"`)
	x.holds("an empty message", `document.getElementById("text").value.trim() === ""`)

	x.draft("half a thou")
	b.must(b.app.PostActivity(t.Context(), b.conversation, messaging.Activity{Type: messaging.ActivityTypingStart}))
	x.reads("The bot is typing…")
	b.post(messaging.Text("<b>Which</b> one?", messaging.Reply("Menu", "MENU"), messaging.Reply("Human", "HUMAN")))
	x.reads("<b>Which</b> one?")
	b.signal(messaging.ActivityTypingStart)
	b.signal(messaging.ActivityRead)
	x.holds("what was written before", `document.getElementById("text").value.includes("half a thou")`)
	x.holds("the focus where it was", `document.activeElement.id === "text"`)
	x.press("Menu")
	x.until("no quick replies", `![...document.querySelectorAll(".talk button")].some((e) => e.innerText === "Human")`)

	b.post(messaging.Carousel(messaging.Item{Title: "Tacos", Actions: messaging.Actions(messaging.Postback("Order", "T"))},
		messaging.Item{Title: "Ramen", Actions: messaging.Actions(messaging.Postback("Take", "R"))}))
	b.post(&messaging.TextMessage{HTMLText: "<p>Some <b>bold</b> text</p>"})
	b.post(messaging.Form(
		messaging.FormField{Type: messaging.FieldText, Name: "name", Label: "Your name", MinSize: 2},
		messaging.FormField{Type: messaging.FieldEmail, Name: "mail", Label: "Address"}))
	x.reads("Your name")
	for range 20 { // the newest message is in view
		b.post(messaging.Text("a line"))
	}
	b.post(messaging.Text("the end"))
	x.reads("the end")
	x.until("the newest message in view", newestInView)
	x.press("Your name")
	x.must("writing", chromedp.Do(x.ctx, chromedp.KeyEvent("Ada")))
	b.post(messaging.Text("while the form is filled in"))
	x.reads("while the form")
	x.press("Address")
	x.must("writing", chromedp.Do(x.ctx, chromedp.KeyEvent("ada@example.org")))
	x.press("Submit")
	x.until("the answer",
		`[...document.querySelectorAll(".talk .user dd")].map((e) => e.innerText).join() === "Ada,ada@example.org"`)
	x.until("the answer in view", newestInView)

	x.must("choosing a message", x.run(`document.querySelector(".talk .user .text").click()`))
	x.until("its row", `document.querySelector(".rows .hit") !== null && `+
		`document.querySelector("#side h2").innerText.includes("conversation:message")`)
	x.press("Send again")
	x.reads("The delivery was sent again.")
	x.until("a second delivery", `document.querySelectorAll(".rows .hit").length >= 2`)

	x.press("File")
	x.must("choosing a file", chromedp.Do(x.ctx, chromedp.SetUploadFiles("#upload", []string{x.aFile()})))
	x.press("Send the file")
	x.reads("notes <1>.txt")

	x.hide(true)
	b.post(messaging.Text("while nobody looks"))
	x.hide(false)
	x.reads("while nobody looks")

	b.must(b.app.PassControl(t.Context(), b.conversation, messaging.AgentWorkspace, messaging.Metadata{"topic": "refund"}))
	x.reads("agent in control")
	x.press("Agent (1)")
	x.reads("Metadata of the hand-off")
	x.press("Answer of the agent")
	x.must("answering", chromedp.Do(x.ctx, chromedp.KeyEvent("I am Robin.")))
	x.send()
	x.until("the answer", `[...document.querySelectorAll(".talk .text")].some((e) => e.innerText === "I am Robin.")`)
	x.press("Solve")
	x.reads("Ticket 1, solved")
	if x.watch.arrived() != loaded {
		t.Error("the page was loaded again")
	}
	x.must("going back", x.run(`history.back()`))
	x.until("the row that was open before",
		`document.querySelector("#side h2").innerText.includes("conversation:message")`)

	for _, s := range []screen{desktop, screens[1], phone, screens[3]} {
		if s.width == desktop.width && os.Getenv("SUNCO_SCREENSHOTS") == "" {
			continue // the conversation was on it
		}
		x.use(s)
		for _, pane := range []string{"chat", "log", "agent", "event", "settings", "start"} {
			x.open(box.url + "/?pane=" + pane)
			x.see(200, "Sandbox")
			x.picture("sandbox-" + pane)
		}
		row, err := chromedp.Run(x.ctx, chromedp.Evaluate[string](`document.querySelector(".rows .delivery a").href`))
		x.must("looking for a row", err)
		x.open(row)
		x.see(200, "Sandbox")
		x.picture("sandbox-row")
	}
}

// TestSandboxEnds looks at the page when the program has ended.
func TestSandboxEnds(t *testing.T) {
	s := prepare(t)
	box := launch(t, "sandbox", nil, "-addr", "127.0.0.1:0")
	x := s.person().tab()
	x.open(box.url)
	x.see(200, "Sandbox")
	box.stop()
	x.reads("The sandbox does not answer. Is it still running?")
	again := launch(t, "sandbox", nil, "-addr", strings.TrimPrefix(box.url, "http://"))
	x.until("no notice", `document.getElementById("notice").innerText === ""`)
	again.stop()
	x.expectProblem("a program that ended", "net::ERR")
}

// TestSandboxKeyboard goes through the page without a mouse.
func TestSandboxKeyboard(t *testing.T) {
	s := prepare(t)
	box := startBox(t)
	b := installBot(t, box)
	x := s.person().tab()
	x.open(box.url)
	x.see(200, "Sandbox")
	key := func(key string) { x.must("a key", chromedp.Do(x.ctx, chromedp.KeyEvent(key))) }

	x.tabTo("ada")
	key(kb.Enter)
	x.reads("New person")
	key(kb.Tab)
	key(kb.Escape)
	x.holds("a closed menu with the focus", `!document.querySelector("#people").open && `+
		`document.activeElement === document.querySelector("#people > summary")`)
	x.press("ada")
	x.press("Message to Acme")
	x.holds("a menu that closes when one clicks elsewhere", `!document.querySelector("#people").open`)
	x.write("hello")
	b.conversation = (<-b.told).Conversation.ID
	for range 5 {
		b.post(messaging.Text("a line"))
	}
	x.until("many rows", `document.querySelectorAll(".rows a").length > 10`)

	x.must("focusing", x.run(`document.querySelector("#filter").focus()`))
	for range 4 { // the buttons, the log, a row
		key(kb.Tab)
	}
	x.holds("the latest row next to the log",
		`document.activeElement === [...document.querySelectorAll(".rows a")].at(-1)`)
	key(kb.ArrowUp)
	key(kb.Enter)
	x.until("the detail of the row", `document.activeElement.matches(".rows a[aria-current]") && `+
		`document.querySelector("#side h2 code") !== null`)
	key(kb.Tab)
	x.holds("the detail next to the row", `document.activeElement.closest("#side") !== null`)
}
