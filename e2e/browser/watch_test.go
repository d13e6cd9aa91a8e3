package browser_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// watch notes what a tab does.
type watch struct {
	mu        sync.Mutex
	arrivals  int              // documents that were shown
	status    map[string]int64 // of documents, by address
	documents []string         // their addresses in order, redirects included
	heard     []string         // everything in which no secret may be
	pages     []string         // the HTML of those that were looked at
	passing   map[string]bool  // codes and states, which are in addresses, but not for pages and logs
	problems  []string
	muted     bool // they were expected
}

func newWatch() *watch {
	return &watch{status: map[string]int64{}, passing: map[string]bool{}}
}

// hear is called with every event. It must not call the browser.
func (w *watch) hear(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *page.EventFrameNavigated:
		w.arrivals++
	case *network.EventRequestWillBeSent:
		w.request(e)
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument {
			w.status[e.Response.URL] = e.Response.Status
		} else if e.Response.Status >= 400 {
			w.problem("%s was answered %d", e.Response.URL, e.Response.Status)
		}
	case *network.EventResponseReceivedExtraInfo:
		w.heard = append(w.heard, fmt.Sprint(e.Headers))
		for _, cookie := range e.BlockedCookies {
			w.problem("a cookie was refused: %v", cookie.BlockedReasons)
		}
	case *network.EventLoadingFailed:
		if e.BlockedReason != "" {
			w.problem("something was blocked: %s", e.BlockedReason)
		}
	case *runtime.EventConsoleAPICalled:
		w.problem("console: %s", e.Type)
	case *runtime.EventExceptionThrown:
		w.problem("exception: %s", e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		w.entry(e.Entry)
	case *audits.EventIssueAdded:
		w.issue(e.Issue)
	}
}

func (w *watch) request(e *network.EventRequestWillBeSent) {
	w.heard = append(w.heard, e.Request.URL, fmt.Sprint(e.Request.Headers))
	if e.Type == network.ResourceTypeDocument {
		w.documents = append(w.documents, e.Request.URL)
	}
	u, err := url.Parse(e.Request.URL)
	if err == nil && e.Type == network.ResourceTypeDocument {
		for _, name := range []string{"code", "state"} {
			if value := u.Query().Get(name); len(value) > 20 {
				w.passing[value] = true
			}
		}
	}
	if err != nil || u.Scheme != "http" || u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost" &&
		!strings.HasSuffix(u.Hostname(), ".localhost") {
		w.problem("something else was asked for: %s", e.Request.URL)
	}
}

func (w *watch) issue(issue *audits.InspectorIssue) {
	if issue.Code == audits.InspectorIssueCodeBounceTrackingIssue {
		return // a site that sets a cookie and redirects before a person has touched it, as an install link does
	}
	more := ""
	if generic := issue.Details.GenericIssueDetails; generic != nil {
		if generic.ErrorType == audits.GenericIssueErrorTypeNavigationEntryMarkedSkippable {
			return // a page that was left by itself, as after a double click
		}
		more = string(generic.ErrorType)
	}
	w.problem("the browser has an issue: %s %s", issue.Code, more)
}

// entry judges a line of the console. Pages whose status is an error are in it,
// too; that status is checked where the page is looked at.
func (w *watch) entry(e *log.Entry) {
	if _, isDocument := w.status[e.URL]; isDocument && e.Source == log.EntrySourceNetwork {
		return
	}
	w.problem("console: %s %s %s", e.Level, e.Text, e.URL)
}

func (w *watch) problem(format string, args ...any) {
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}

// note keeps a page that was looked at, for the search for secrets.
func (w *watch) note(html, address string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pages = append(w.pages, html)
	w.heard = append(w.heard, address)
}

func (w *watch) arrived() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.arrivals
}

func (w *watch) statusOf(address string) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	address, _, _ = strings.Cut(address, "#")
	return w.status[address]
}

// visited returns the last document that was asked for at a path.
func (w *watch) visited(path string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := len(w.documents) - 1; i >= 0; i-- {
		if u, err := url.Parse(w.documents[i]); err == nil && u.Path == path && u.RawQuery != "" {
			return w.documents[i]
		}
	}
	return ""
}

// report fails the test for what was wrong, and leaves the pages to the story.
func (w *watch) report(s *story) {
	t := s.t
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.Copy(s.passing, w.passing)
	s.pages = append(s.pages, w.pages...)
	for _, problem := range w.problems {
		if !w.muted {
			t.Error(problem)
		}
	}
	for _, leak := range leaks(w.heard, s.secrets) {
		t.Errorf("a secret is in:\n%s", leak)
	}
}

// leaks returns the texts in which something unwanted is, without it.
func leaks(texts []string, unwanted ...map[string]bool) []string {
	var found []string
	for _, text := range texts {
		for _, secrets := range unwanted {
			if leak := findSecret(text, secrets); leak != "" {
				found = append(found, leak)
			}
		}
	}
	return found
}

// findSecret returns the text without the secret that is in it, raw or encoded, or
// nothing when there is none.
func findSecret(text string, secrets map[string]bool) string {
	for secret := range secrets {
		for _, form := range []string{secret, url.QueryEscape(secret),
			base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret))} {
			if strings.Contains(text, form) {
				return strings.ReplaceAll(text, form, "SECRET")
			}
		}
	}
	return ""
}
