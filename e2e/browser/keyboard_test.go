package browser_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const maxTabs = 40 // key presses, to whatever there is on a page

// tabTo presses Tab until something with this text has the focus, and looks whether
// one can see that.
func (x *tab) tabTo(text string) {
	x.t.Helper()
	for range maxTabs {
		x.must("pressing Tab", chromedp.Do(x.ctx, chromedp.KeyEvent(kb.Tab)))
		there, err := chromedp.Run(x.ctx, chromedp.Evaluate[bool](fmt.Sprintf(
			`(document.activeElement.closest("label") ?? document.activeElement).innerText.trim().startsWith(%q)`+
				` && document.activeElement !== document.body`, text)))
		x.must("asking for the focus", err)
		if !there {
			continue
		}
		seen, err := chromedp.Run(x.ctx, chromedp.Evaluate[bool](
			`getComputedStyle(document.activeElement).outlineStyle !== "none"`))
		x.must("asking for the outline", err)
		if !seen {
			x.t.Errorf("nobody can see that %q has the focus", text)
		}
		return
	}
	x.t.Fatalf("Tab does not lead to %q on %s", text, x.address())
}

// enter presses Enter, which loads another page.
func (x *tab) enter() {
	x.t.Helper()
	x.leave("pressing Enter", func(ctx context.Context) error {
		return chromedp.Do(ctx, chromedp.KeyEvent(kb.Enter))
	})
}

// TestKeyboard connects and disconnects without a mouse.
func TestKeyboard(t *testing.T) {
	x := begin(t).person().visit("/")
	x.see(200, frontPage)
	x.tabTo("Skip to the content")
	x.tabTo("Add to Zendesk")
	x.enter()
	x.see(200, consentPage)
	x.tabTo("Acme Outdoor")
	x.must("choosing the other account", chromedp.Do(x.ctx, chromedp.KeyEvent(kb.ArrowDown)))
	x.tabTo("Allow")
	x.enter()
	x.see(200, "globex")
	x.tabTo("Give up the access")
	x.must("opening the details", chromedp.Do(x.ctx, chromedp.KeyEvent(kb.Enter)))
	x.tabTo("Uninstall from globex")
	x.enter()
	x.see(200, frontPage)
	x.reads("Uninstalled.")
}
