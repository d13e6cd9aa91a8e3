package browser_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// tab is a tab of a person's browser.
type tab struct {
	*person
	ctx    context.Context
	watch  *watch
	screen screen
}

func (x *tab) must(what string, err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatalf("%s: %v", what, err)
	}
}

// patiently waits for a condition.
func (x *tab) patiently(what string, condition func() bool) {
	x.t.Helper()
	timeout := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-timeout:
			x.t.Fatalf("waited in vain for %s; the page is %s:\n%s", what, x.address(), x.text())
		case <-tick.C:
		}
	}
}

// until waits for a condition, which is written in JavaScript. While a page goes
// and the next one comes there is no answer, and that is no failure.
func (x *tab) until(what, condition string) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.ctx, patience)
	defer cancel()
	x.patiently(what, func() bool {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](condition))
		return err == nil && ok
	})
}

// leave does something that loads another page, and waits until it is there.
func (x *tab) leave(what string, action func(ctx context.Context) error) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.ctx, patience)
	defer cancel()
	before := x.watch.arrived()
	_, err := chromedp.Call(ctx, page.BringToFront, cdp.Empty{})
	x.must(what, err)
	x.must(what, action(ctx))
	x.patiently("another page after "+what, func() bool { return x.watch.arrived() != before })
	x.until("the page to be complete", `document.readyState === "complete"`)
}

func (x *tab) open(address string) {
	x.t.Helper()
	x.leave("opening "+address, func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, page.Navigate, page.NavigateParams{URL: address})
		return err
	})
}

// spot is where something that can be clicked is, and how many of that name are.
type spot struct {
	X, Y  float64
	Found int
}

// find returns where the only link or button with this text is, and scrolls there.
const find = `((text) => {
	const found = [...document.querySelectorAll("a[href], button, summary, label")].filter(
		(e) => e.checkVisibility() && e.innerText.replace(/\s+/g, " ").trim().startsWith(text));
	if (found.length !== 1) return {Found: found.length};
	found[0].scrollIntoView({block: "center", behavior: "instant"});
	const at = found[0].getBoundingClientRect();
	return {X: at.x + at.width / 2, Y: at.y + at.height / 2, Found: 1};
})(%q)`

func (x *tab) find(text string) spot {
	x.t.Helper()
	at, err := chromedp.Run(x.ctx, chromedp.Evaluate[spot](fmt.Sprintf(find, text)))
	x.must("looking for "+text, err)
	if at.Found != 1 {
		x.t.Fatalf("%q is there %d times on %s:\n%s", text, at.Found, x.address(), x.text())
	}
	return at
}

// press clicks where no other page comes of it.
func (x *tab) press(text string) {
	x.t.Helper()
	at := x.find(text)
	x.must("pressing "+text, chromedp.Do(x.ctx, chromedp.MouseClickXY(at.X, at.Y)))
}

// click clicks on what loads another page.
func (x *tab) click(text string) {
	x.t.Helper()
	at := x.find(text)
	x.leave("clicking "+text, func(ctx context.Context) error {
		return chromedp.Do(ctx, chromedp.MouseClickXY(at.X, at.Y))
	})
}

// doubleClick is what impatient people do.
func (x *tab) doubleClick(text string) {
	x.t.Helper()
	at := x.find(text)
	x.leave("double clicking "+text, func(ctx context.Context) error {
		return chromedp.Do(ctx, chromedp.MouseClickXY(at.X, at.Y), chromedp.MouseClickXY(at.X, at.Y, chromedp.ClickCount(2)))
	})
}

func (x *tab) back() {
	x.t.Helper()
	x.leave("going back", func(ctx context.Context) error {
		history, err := chromedp.Call(ctx, page.GetNavigationHistory, cdp.Empty{})
		if err != nil || history.CurrentIndex == 0 {
			return errors.Join(err, errors.New("there is nothing before this page"))
		}
		entry := history.Entries[history.CurrentIndex-1]
		_, err = chromedp.Call(ctx, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: entry.ID})
		return err
	})
}

func (x *tab) reload() {
	x.t.Helper()
	x.leave("loading again", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, page.Reload, page.ReloadParams{})
		return err
	})
}

// see waits for a page with this heading, and checks what holds for all of them.
func (x *tab) see(status int64, heading string) {
	x.t.Helper()
	x.until(fmt.Sprintf("the heading %q", heading),
		fmt.Sprintf(`document.readyState === "complete" && `+
			`[...document.querySelectorAll("h1")].map((e) => e.innerText).join() === %q`, heading))
	html, err := chromedp.Run(x.ctx, chromedp.Evaluate[string](`document.documentElement.outerHTML`))
	x.must("reading the page", err)
	address := x.address()
	x.learn()
	x.watch.note(html, address)
	if got := x.watch.statusOf(address); got != status {
		x.t.Errorf("%s has the status %d, not %d", address, got, status)
	}
	if u, err := url.Parse(address); err != nil || u.Query().Has("code") && status < 400 {
		x.t.Errorf("the address still has the code: %s", u.Path)
	}
	x.holds("a title", `document.title !== ""`)
	x.holds("a language", `document.documentElement.lang === "en"`)
	x.holds("its width",
		fmt.Sprintf(`document.documentElement.scrollWidth <= innerWidth && innerWidth <= %d`, x.screen.width))
}

// holds fails where a condition does not hold, which is written in JavaScript.
func (x *tab) holds(what, condition string) {
	x.t.Helper()
	ok, err := chromedp.Run(x.ctx, chromedp.Evaluate[bool](condition))
	x.must("asking for "+what, err)
	if !ok {
		x.t.Errorf("%s does not have %s", x.address(), what)
	}
}

// reads waits for a text on the page.
func (x *tab) reads(text string) {
	x.t.Helper()
	x.until(fmt.Sprintf("the text %q", text), fmt.Sprintf(`document.body.innerText.includes(%q)`, text))
}

// again loads the page again until a text is on it that another process brings.
func (x *tab) again(text string, load func()) {
	x.t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(x.text(), text); load() {
		if time.Now().After(end) {
			x.t.Fatalf("waited in vain for %q on %s:\n%s", text, x.address(), x.text())
		}
	}
}

func (x *tab) text() string {
	text, err := chromedp.Run(x.ctx, chromedp.Evaluate[string](`document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return text
}

func (x *tab) address() string {
	address, err := chromedp.Run(x.ctx, chromedp.Location())
	if err != nil {
		return err.Error()
	}
	return address
}
