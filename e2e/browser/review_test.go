package browser_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestReview plays what a Marketplace review asks of a bot, with examples/bot and the
// sandbox that it opens. The pictures in the bot's README are from here, in 32 colors.
func TestReview(t *testing.T) {
	s := prepare(t)
	s.app = launch(t, "bot", storeIn(s.store, []string{"SUNCO_LISTEN=127.0.0.1:0"}))
	s.checkOutput(s.app)
	x := s.person().tab()
	x.use(screen{name: "window", width: 1120, height: 720})
	x.reviewInstall()
	x.reviewChat()
	x.reviewForm()
	size := x.reviewUpload()
	x.reviewHandOff()
	x.reviewResumed()
	x.transcript("hello", "Hello! I am the bot of this restaurant. What can I do for you?",
		"Show the menu", "Tacos|Ramen", "Ramen, is that right?", "Ramen will be with you in half an hour.",
		"book a table", "Your name|Your e-mail address|How many are you?", "Ada|ada@example.org|Up to four",
		"Thank you, Ada: a table for up to four. I will write to ada@example.org.",
		"picture", fmt.Sprintf("I have your file of %d bytes.", size),
		"I want to talk to a human", "A human will answer here. I am silent until then.",
		"I am Robin. How can I help?", "the menu has no soup",
		"The ticket is closed.", "I am back. What else can I do for you?", "menu", "Tacos|Ramen")
	x.reviewUninstall()
}

// reviewInstall has an administrator install the bot, and opens the sandbox.
func (x *tab) reviewInstall() {
	x.t.Helper()
	x.open(x.app.url)
	x.see(200, "bot")
	x.picture("review-01-front")
	x.click("Add to Zendesk")
	x.see(200, "Connect bot?")
	x.picture("review-02-consent")
	x.click("Allow")
	x.see(200, "bot")
	x.reads("Installed.")
	if len(x.secrets) < 2 {
		x.t.Fatal("the token and the webhook's secret are not known, so nothing can be searched for them")
	}
	x.picture("review-03-installed")
	x.click("Open the sandbox")
	x.see(200, "Sandbox")
	x.reads("The integration is installed.")
}

// reviewChat has a person greeted, and order from the carousel.
func (x *tab) reviewChat() {
	x.t.Helper()
	x.write("hello")
	x.hears("What can I do for you?")
	x.picture("review-04-chat")
	x.press("Show the menu")
	x.hears("Ramen")
	x.picture("review-05-carousel")
	x.must("ordering", x.run(`[...document.querySelectorAll(".carousel > li")]`+
		`.find((e) => e.innerText.includes("Ramen")).querySelector("button").click()`))
	x.hears("is that right?")
	x.press("Yes, order")
	x.hears("half an hour")
	x.picture("review-06-ordered")
}

func (x *tab) reviewForm() {
	x.t.Helper()
	x.write("book a table")
	x.hears("How many are you?")
	for _, field := range [][2]string{
		{"Your name", "Ada"}, {"Your e-mail address", "ada@example.org"}, {"How many are you?", "U"},
	} {
		x.press(field[0])
		x.must("filling in "+field[0], chromedp.Do(x.ctx, chromedp.KeyEvent(field[1])))
	}
	x.picture("review-07-form")
	x.press("Submit")
	x.hears("Thank you, Ada")
	x.picture("review-08-booked")
}

// reviewUpload sends a picture, and returns its size.
func (x *tab) reviewUpload() int {
	x.t.Helper()
	var raw bytes.Buffer
	x.must("painting", png.Encode(&raw, image.NewPaletted(image.Rect(0, 0, 160, 90),
		color.Palette{color.RGBA{R: 214, G: 106, B: 61, A: 255}})))
	path := filepath.Join(x.t.TempDir(), "table.png")
	x.must("keeping the picture", os.WriteFile(path, raw.Bytes(), 0o600))
	x.press("File")
	x.must("choosing the picture", chromedp.Do(x.ctx, chromedp.SetUploadFiles("#upload", []string{path})))
	x.press("Send the file")
	x.hears(fmt.Sprintf("I have your file of %d bytes.", raw.Len()))
	x.until("the picture", `document.querySelector(".talk .user img.picture")?.naturalWidth === 160`)
	x.must("closing the form for files", x.run(`document.getElementById("file").open = false`))
	x.picture("review-09-upload")
	return raw.Len()
}

// reviewHandOff has an agent take over, who sees what was said before. The bot is silent.
func (x *tab) reviewHandOff() {
	x.t.Helper()
	x.write("I want to talk to a human")
	x.hears("I am silent until then.")
	x.reads("agent in control")
	x.press("Agent (1)")
	x.reads("first_message_id")
	x.until("the history from its beginning", `document.querySelector(".history li").innerText.includes("hello")`)
	x.picture("review-10-hand-off")
	x.press("Answer of the agent")
	x.must("answering", chromedp.Do(x.ctx, chromedp.KeyEvent("I am Robin. How can I help?")))
	x.send()
	x.hears("I am Robin.")
	x.write("the menu has no soup")
	x.until("the delivery to the bot", `((last) => last.innerText.includes("soup") && `+
		`last.querySelector(".state")?.innerText === "delivered")([...document.querySelectorAll(".talk > li")].at(-1))`)
	x.picture("review-11-agent")
}

// reviewResumed has the agent solve the ticket, and the bot answer again.
func (x *tab) reviewResumed() {
	x.t.Helper()
	x.press("Solve")
	x.reads("Ticket 1, solved")
	x.hears("I am back.")
	x.picture("review-12-solved")
	x.write("menu")
	x.hears("Ramen")
	x.picture("review-13-resumed")
}

// reviewUninstall removes the integration in the sandbox. The bot keeps nothing.
func (x *tab) reviewUninstall() {
	x.t.Helper()
	x.press("Settings")
	x.reads("Settings for an application")
	x.click("Uninstall from Acme")
	x.see(200, "Sandbox")
	x.reads("The integration was removed from Acme.")
	x.reads("not installed")
	x.patiently("a store without credentials", func() bool { return len(stored(x.store)) == 0 })
	x.picture("review-14-uninstalled")
}

// hears waits until the last message is the business's and has this text.
func (x *tab) hears(text string) {
	x.t.Helper()
	x.until(fmt.Sprintf("the answer %q", text), fmt.Sprintf(
		`((last) => last.matches(".business") && last.innerText.includes(%q))`+
			`([...document.querySelectorAll(".talk > li")].at(-1))`, text))
}

// transcript checks what each message of the conversation shows.
func (x *tab) transcript(want ...string) {
	x.t.Helper()
	got, err := chromedp.Run(x.ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll(".talk > li")].map((li) =>
		[...li.querySelectorAll(".text, .carousel strong, label, dd, .picture")].map((e) => e.innerText || "picture")
			.join("|"))`))
	x.must("reading the conversation", err)
	if !slices.Equal(got, want) {
		x.t.Errorf("the conversation is\n%q, not\n%q", got, want)
	}
}
