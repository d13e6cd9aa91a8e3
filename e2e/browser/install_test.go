package browser_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

const (
	frontPage   = "Shoplifter for Zendesk"
	consentPage = "Connect shoplifter?"
	sorryPage   = "Not connected"
	installPath = "/zendesk/install"
	acmePage    = "/installations/"
)

// ask walks from the front page to the platform's question.
func (p *person) ask() *tab {
	p.t.Helper()
	x := p.visit("/")
	x.see(200, frontPage)
	x.click("Add to Zendesk")
	x.see(200, consentPage)
	return x
}

// install walks on to the page of the connection.
func (p *person) install() *tab {
	p.t.Helper()
	x := p.ask()
	x.click("Allow")
	x.see(200, "acme")
	x.reads("Connected. Shoplifter now receives")
	if len(p.secrets) < 2 {
		p.t.Fatal("the token and the webhook's secret are not known, so nothing can be searched for them")
	}
	return x
}

// front looks at the front page, which lists so many connections.
func (p *person) front(connections int) *tab {
	p.t.Helper()
	x := p.visit("/")
	x.see(200, frontPage)
	if got := strings.Count(x.text(), "\nApp "); got != connections {
		p.t.Errorf("%d connections are listed, not %d:\n%s", got, connections, x.text())
	}
	return x
}

func TestInstall(t *testing.T) {
	p := begin(t).person()
	x := p.install()
	u, err := url.Parse(x.address())
	if err != nil || u.RawQuery != "said=connected" || !strings.HasPrefix(u.Path, acmePage) {
		t.Errorf("the flow ended at %s", x.address())
	}
	x.reads("conversation:message")
	x.click("Open the admin settings of this account")
	x.see(200, "Sandbox")
	x.back()
	x.see(200, "acme")
	x.click("All accounts")
	x.see(200, frontPage)
	x.reads("acme was connected.")
	p.front(1)
}

func TestDeny(t *testing.T) {
	p := begin(t).person()
	x := p.ask()
	x.click("Deny")
	x.see(403, sorryPage)
	x.reads("You pressed Deny, so nothing was changed.")
	p.front(0)

	x.click("Add to Zendesk")
	x.see(200, consentPage)
	x.click("Allow")
	x.see(200, "acme")
}

// TestTwoTabs has two flows under way in one browser, which end in the other order.
func TestTwoTabs(t *testing.T) {
	p := begin(t).person()
	x, y := p.ask(), p.ask()
	y.press("Globex Gardens")
	y.click("Allow")
	y.see(200, "globex")
	x.click("Allow")
	x.see(200, "acme")
	p.front(2)
}

// connectedOnce looks whether something has happened twice.
func (p *person) connectedOnce() {
	p.t.Helper()
	if news := p.front(1).text(); strings.Count(news, "acme was connected.") != 1 {
		p.t.Errorf("something happened twice:\n%s", news)
	}
}

// TestTwoCallbacks comes back from the platform in two tabs at the same time.
func TestTwoCallbacks(t *testing.T) {
	p := begin(t).person()
	callback := p.ask().answer()
	tabs := []*tab{p.tab(), p.tab()}
	var wait sync.WaitGroup
	for _, x := range tabs {
		wait.Go(func() {
			_, err := chromedp.Call(x.ctx, page.Navigate, page.NavigateParams{URL: callback})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for _, x := range tabs {
		x.see(200, "acme")
	}
	p.connectedOnce()
}

// answer presses Allow outside of the browser, and returns where it would go.
func (x *tab) answer() string {
	x.t.Helper()
	form, err := chromedp.Run(x.ctx, chromedp.Evaluate[string](
		`new URLSearchParams(new FormData(document.querySelector("form"))).toString() + "&decision=allow"`))
	x.must("reading the form", err)
	u, err := url.Parse(x.address())
	x.must("reading the address", err)
	target := "http://127.0.0.1:" + u.Port() + strings.Replace(u.Path, "authorize", "consent", 1)
	req, err := http.NewRequestWithContext(x.ctx, http.MethodPost, target, strings.NewReader(form))
	x.must("answering", err)
	req.Host = u.Host
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultTransport.RoundTrip(req)
	x.must("answering", err)
	x.must("answering", resp.Body.Close())
	if resp.StatusCode != http.StatusFound {
		x.t.Fatalf("the answer was answered %s", resp.Status)
	}
	return resp.Header.Get("Location")
}

// TestCallbackAgain loads the callback's address again, as browsers do that
// restore their tabs, and in a second tab.
func TestCallbackAgain(t *testing.T) {
	p := begin(t).person()
	x := p.install()
	callback := x.watch.visited(installPath)
	if callback == "" {
		t.Fatal("there was no callback")
	}
	x.reload()
	x.see(200, "acme")
	x.open(callback)
	x.see(200, "acme")
	y := p.tab()
	y.open(callback)
	y.see(200, "acme")
	p.connectedOnce()
}

// TestBack goes back to a question that was answered, and answers it again.
func TestBack(t *testing.T) {
	p := begin(t).person()
	x := p.install()
	x.back()
	x.see(200, consentPage) // which the browser may have kept, and the platform takes only once
	x.reload()
	x.see(200, consentPage)
	x.click("Allow")
	x.see(400, sorryPage)
	p.front(1)
	x.back()
	x.back()
	x.see(200, frontPage)
	x.reload()
	x.reads("acme was connected.")
}

// withState is an address with another state.
func withState(t *testing.T, address, state string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	if !query.Has("state") {
		t.Fatalf("there is no state in %s", address)
	}
	query.Set("state", state)
	u.RawQuery = query.Encode()
	return u.String()
}

// TestForeignState answers questions of flows that are not this browser's.
func TestForeignState(t *testing.T) {
	s := begin(t)
	mallory, alice := s.person(), s.person()
	theirs := mallory.ask()
	mine := alice.ask()
	for name, address := range map[string]string{
		"made up":         withState(t, mine.address(), strings.Repeat("A", 43)),
		"short":           withState(t, mine.address(), "x"),
		"empty":           withState(t, mine.address(), ""),
		"another browser": theirs.address(),
	} {
		x := alice.tab()
		x.open(address)
		x.see(200, consentPage)
		x.click("Allow")
		x.see(400, sorryPage)
		x.reads("did not begin in this browser")
		if t.Failed() {
			t.Fatalf("with a state that is %s", name)
		}
	}
	alice.front(0)

	theirs.click("Allow") // which no attempt has spoiled
	theirs.see(200, "acme")
	mine.press("Globex Gardens")
	mine.click("Allow")
	mine.see(200, "globex")
}

// TestExpired comes back without the flow's cookie, as browsers do after ten
// minutes.
func TestExpired(t *testing.T) {
	p := begin(t).person()
	x := p.ask()
	_, err := chromedp.Call(x.ctx, network.ClearBrowserCookies, cdp.Empty{})
	x.must("clearing the cookies", err)
	x.click("Allow")
	x.see(400, sorryPage)
	x.reads("more than ten minutes old")
	p.front(0)
	x.click("Add to Zendesk")
	x.see(200, consentPage)
	x.click("Allow")
	x.see(200, "acme")
}
