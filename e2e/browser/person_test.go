package browser_test

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

const patience = 40 * time.Second // with anything that a test waits for

// story is one test: an application, and the people who use it.
type story struct {
	t       *testing.T
	browser context.Context
	store   string // the directory of the database
	app     *program
	secrets map[string]bool // that may be in no page and no output
	passing map[string]bool // codes and states; they may be in no page and no output either
	pages   []string        // the HTML of all that were looked at
}

// person is a browser with cookies of its own.
type person struct {
	*story
	ctx context.Context
}

// begin starts the application with the platform that it brings along.
func begin(t *testing.T) *story {
	t.Helper()
	s := prepare(t)
	s.app = startShoplifter(t, s.store)
	s.checkOutput(s.app)
	return s
}

// prepare is begin without an application.
func prepare(t *testing.T) *story {
	t.Helper()
	s := &story{
		t: t, browser: browser(t), store: t.TempDir(),
		secrets: map[string]bool{}, passing: map[string]bool{},
	}
	t.Cleanup(func() { // after those of all tabs
		for _, leak := range leaks(s.pages, s.secrets, s.passing) {
			t.Errorf("a secret is in the page:\n%s", leak)
		}
	})
	return s
}

// checkOutput searches what the program has written when the test ends.
func (s *story) checkOutput(p *program) {
	s.t.Cleanup(func() {
		s.learn() // before the program deletes a temporary database
		p.stop()
		s.learn()
		for _, leak := range leaks([]string{p.output.String()}, s.secrets, s.passing) {
			s.t.Errorf("a secret is in the output:\n%s", leak)
		}
	})
}

// learn reads what is secret at this moment.
func (s *story) learn() {
	for _, secret := range stored(s.store) {
		s.secrets[secret] = true
	}
}

// person returns somebody who never was here before.
func (s *story) person() *person {
	s.t.Helper()
	ctx, cancel := chromedp.NewContext(s.browser, chromedp.WithNewBrowserContext())
	s.t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		s.t.Fatal(err)
	}
	return &person{s, ctx}
}

// tab opens an empty tab.
func (p *person) tab() *tab {
	p.t.Helper()
	w := newWatch()
	ctx, cancel := chromedp.NewContext(p.ctx, chromedp.WithListener(w.hear))
	p.t.Cleanup(func() {
		cancel()
		p.learn()
		w.report(p.story)
	})
	x := &tab{person: p, ctx: ctx, watch: w, screen: desktop}
	x.must("opening a tab", chromedp.Do(ctx))
	_, err := chromedp.Call(ctx, audits.Enable, cdp.Empty{})
	x.must("listening to issues", err)
	return x
}

// visit opens a tab at a path of the application.
func (p *person) visit(path string) *tab {
	p.t.Helper()
	x := p.tab()
	x.open(p.app.url + path)
	return x
}
