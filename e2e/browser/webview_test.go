package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/sunco-go/sunco/messaging"
)

// TestWebview opens webviews on the page of the sandbox.
func TestWebview(t *testing.T) {
	s := prepare(t)
	box := startBox(t)
	b := installBot(t, box)
	var framed, elsewhere atomic.Int32
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/favicon.ico":
			w.WriteHeader(http.StatusNoContent)
		case r.Header.Get("Sec-Fetch-Dest") == "iframe":
			framed.Add(1)
			_, _ = fmt.Fprint(w, "<!DOCTYPE html><h1>Tables</h1><script>document.querySelector('h1').append(' free')</script>"+
				"<p><a href=/ target=_top>Leave</a></p>")
		default:
			elsewhere.Add(1)
			_, _ = fmt.Fprint(w, "<!DOCTYPE html><h1>Fallback</h1>")
		}
	}))
	t.Cleanup(site.Close)
	x := s.person().tab()
	x.open(box.url)
	x.see(200, "Sandbox")
	x.write("hello")
	b.conversation = (<-b.told).Conversation.ID

	frames := func(want int32) {
		t.Helper()
		x.until("a frame", `document.querySelector("#webview iframe")?.contentDocument?.readyState === "complete"`)
		x.patiently("the site in it", func() bool { return framed.Load() >= want })
		if got := framed.Load(); got != want {
			t.Errorf("the site was framed %d times, not %d", got, want)
		}
	}

	view := messaging.Webview("Book", site.URL+"/book", site.URL+"/fallback")
	view.Size = messaging.SizeTall
	b.post(messaging.Text("A table?", view))
	x.reads("Book ↗")
	x.holds("no open webview", `!document.getElementById("webview").open`)
	x.press("Book ↗")
	frames(1)
	x.holds("a webview that is three quarters as high as the conversation, with the focus on its button", `(() => {
		const box = (e) => e.getBoundingClientRect();
		const ratio = box(webview).height / box(document.getElementById("chat")).height;
		return Math.abs(ratio - .75) < .01 && document.activeElement.matches("#webview > button");
	})()`)
	x.must("pressing Escape", chromedp.Do(x.ctx, chromedp.KeyEvent(kb.Escape)))
	x.until("no frame, and the focus where it was",
		`!webview.open && !document.querySelector("#webview iframe") && document.activeElement.matches("a[data-size]")`)

	x.draft("half a thou")
	view.Text, view.OpenOnReceive, view.Size = "Sit outside", true, messaging.SizeCompact
	b.post(messaging.Text("Another table?", view))
	x.until("a webview that opens when it arrives", `webview.open && webview.dataset.size === "compact"`)
	frames(2)
	x.holds("the focus where it was", `document.activeElement.id === "text"`)
	x.picture("webview")
	b.post(messaging.Text("meanwhile"))
	x.reads("meanwhile")
	x.press("✕")
	x.until("no webview", `!webview.open`)
	b.post(messaging.Text("still there?"))
	x.reads("still there?")
	x.holds("a webview that stays closed", `!webview.open`)
	x.reload()
	x.see(200, "Sandbox")
	x.until("the conversation", `document.querySelectorAll("a[data-open]").length === 1`)
	x.holds("a webview that opened before the page was loaded, and not again", `!webview.open`)
	x.use(phone)
	x.press("Book ↗")
	frames(3)
	x.picture("webview")
	if elsewhere.Load() != 0 {
		t.Error("the site was opened outside of a frame")
	}
}

// TestFramesOfTexts has the bot send HTML with a frame in it.
func TestFramesOfTexts(t *testing.T) {
	s := prepare(t)
	box := startBox(t)
	b := installBot(t, box)
	asked := make(chan string, 10)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(site.Close)
	x := s.person().tab()
	x.open(box.url)
	x.see(200, "Sandbox")
	x.write("hello")
	b.conversation = (<-b.told).Conversation.ID
	for range 3 { // images are allowed, and the later ones come when the frame would have come
		b.post(&messaging.TextMessage{
			HTMLText: `<iframe src="` + site.URL + `/frame"></iframe><img src="` + site.URL + `/image">`,
		})
		if got := <-asked; got != "/image" {
			t.Errorf("%s was loaded", got)
		}
	}
}
