package browser_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// screen is what somebody looks at the pages with.
type screen struct {
	name          string
	width, height int64
	dark          bool
	spaced        bool // text has the spacing of WCAG 1.4.12
}

var (
	desktop = screen{name: "desktop", width: 1280, height: 900} // of every tab that is told nothing else
	phone   = screen{name: "phone", width: 390, height: 844}
	screens = []screen{
		desktop,
		{name: "night", width: 1280, height: 900, dark: true},
		phone,
		{name: "small", width: 320, height: 640, dark: true},
		{name: "spaced", width: 256, height: 640, spaced: true},
	}
)

// moreSpace is a style sheet of the reader's own.
const moreSpace = `(() => {
	const sheet = new CSSStyleSheet();
	sheet.replaceSync("* {line-height: 1.5 !important; letter-spacing: .12em !important; " +
		"word-spacing: .16em !important} p {margin-bottom: 2em !important}");
	document.adoptedStyleSheets = [sheet];
})()`

// use makes the tab such a screen.
func (x *tab) use(s screen) {
	x.t.Helper()
	scheme := "light"
	if s.dark {
		scheme = "dark"
	}
	var opts []chromedp.EmulateViewportOption
	if s.width < 600 {
		opts = append(opts, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait)
	}
	x.must("resizing", chromedp.Do(x.ctx, chromedp.EmulateViewport(s.width, s.height, opts...)))
	_, err := chromedp.Call(x.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	x.must("choosing colours", err)
	if s.spaced {
		_, err = chromedp.Call(x.ctx, page.AddScriptToEvaluateOnNewDocument,
			page.AddScriptToEvaluateOnNewDocumentParams{Source: moreSpace})
		x.must("spacing text", err)
	}
	x.screen = s
}

// picture writes the page as it looks, where somebody wants to see it.
func (x *tab) picture(name string) {
	x.t.Helper()
	dir := os.Getenv("SUNCO_SCREENSHOTS")
	if dir == "" {
		return
	}
	raw, err := chromedp.Run(x.ctx, chromedp.FullScreenshot(100))
	x.must("taking a picture", err)
	x.must("keeping pictures", os.MkdirAll(dir, 0o700))
	x.must("keeping a picture", os.WriteFile(filepath.Join(dir, name+"-"+x.screen.name+".png"), raw, 0o600))
}

// TestPages looks at every page on every screen.
func TestPages(t *testing.T) {
	for _, s := range screens {
		if s.width == desktop.width && os.Getenv("SUNCO_SCREENSHOTS") == "" {
			continue // the other tests see all of it
		}
		t.Run(s.name, func(t *testing.T) {
			x := begin(t).person().tab()
			x.use(s)
			x.open(x.app.url)
			x.see(200, frontPage)
			x.picture("1-front")
			x.pagesOfConnecting()
			x.pagesAfterwards()
		})
	}
}

func (x *tab) pagesOfConnecting() {
	x.t.Helper()
	x.click("Add to Zendesk")
	x.see(200, consentPage)
	x.picture("2-consent")
	x.click("Deny")
	x.see(403, sorryPage)
	x.picture("3-denied")
	x.click("Add to Zendesk")
	x.see(200, consentPage)
	x.click("Allow")
	x.see(200, "acme")
	x.picture("4-connected")
}

func (x *tab) pagesAfterwards() {
	x.t.Helper()
	x.click("Send the test message")
	x.see(200, "acme")
	x.again("Shoplifter Visitor:", x.reload)
	x.press("Give up the access")
	x.until("the details", `document.querySelector("details").open`)
	x.see(200, "acme")
	x.picture("5-delivered")
	x.click("All accounts")
	x.see(200, frontPage)
	x.picture("6-front")
	x.click("Sandbox")
	x.see(200, "Sandbox")
	x.picture("7-sandbox")
	x.press("Settings")
	x.reads("Settings for an application")
	x.click("Uninstall from Acme Outdoor")
	x.see(200, "Sandbox")
	x.picture("8-removed")
	x.open(x.app.url)
	x.again("acme was disconnected.", x.reload)
	x.see(200, frontPage)
	x.picture("9-front")
}
