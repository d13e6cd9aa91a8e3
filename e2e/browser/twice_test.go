package browser_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/sunco-go/sunco/suncotest"
)

// beginWith is begin with a platform that the test can disturb.
func beginWith(t *testing.T) (*story, *suncotest.Platform) {
	t.Helper()
	s := prepare(t)
	port, secret := freePort(t), rand.Text()
	base := "http://localhost:" + port
	platform := suncotest.New(suncotest.Config{
		ClientSecret: secret, RedirectURIs: []string{base + installPath}, RemoveURL: base + "/zendesk/removed",
	})
	t.Cleanup(platform.Close)
	server := httptest.NewServer(platform)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	s.secrets[secret] = true
	s.app = startShoplifter(t, s.store, "PORT="+port, "ZENDESK_DOMAIN=localhost:"+u.Port(),
		"OAUTH_CLIENT_ID="+suncotest.DefaultClientID, "OAUTH_CLIENT_SECRET="+secret)
	s.checkOutput(s.app)
	return s, platform
}

// gate keeps requests from the platform until it is opened.
type gate struct {
	arrived chan struct{} // one for each
	open    func()
}

func hold(t *testing.T, platform *suncotest.Platform, method, path string) *gate {
	t.Helper()
	ctx, open := context.WithCancel(context.Background())
	t.Cleanup(open)
	g := &gate{make(chan struct{}, 100), open}
	handle := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		g.arrived <- struct{}{}
		<-ctx.Done()
		next.ServeHTTP(w, r)
	}
	platform.Inject(suncotest.Fault{Method: method, Path: path, Times: -1, Handle: handle})
	return g
}

// clickTwice is what impatient people do: they click again while the application
// still waits for the platform. The gate opens when the browser has asked for the
// address twice.
func (x *tab) clickTwice(text, address string, g *gate) {
	x.t.Helper()
	at := x.find(text)
	x.leave("clicking twice on "+text, func(ctx context.Context) error {
		if err := chromedp.Do(ctx, chromedp.MouseClickXY(at.X, at.Y)); err != nil {
			return err
		}
		select {
		case <-g.arrived:
		case <-time.After(patience):
			x.t.Fatalf("the platform was asked for nothing after clicking %s", text)
		}
		if err := chromedp.Do(ctx, chromedp.MouseClickXY(at.X, at.Y, chromedp.ClickCount(2))); err != nil {
			return err
		}
		x.patiently("the second request for "+address, func() bool { return x.watch.asked(address) == 2 })
		select { // the platform is not asked again, or has a moment to be
		case <-g.arrived:
		case <-time.After(300 * time.Millisecond):
		}
		g.open()
		return nil
	})
}

// asked returns how often a document was asked for at an address with this in it.
func (w *watch) asked(part string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, address := range w.documents {
		if strings.Contains(address, part) {
			n++
		}
	}
	return n
}

// TestDoubleClick clicks twice on everything that changes something, while the
// first click is still being answered: it happens once.
func TestDoubleClick(t *testing.T) {
	s, platform := beginWith(t)
	p := s.person()
	x := p.visit("/")
	x.see(200, frontPage)
	x.doubleClick("Add to Zendesk")
	x.see(200, consentPage)
	x.clickTwice("Allow", installPath+"?", hold(t, platform, http.MethodPost, "/sc/oauth/token"))
	x.see(200, "acme")
	x.reads("Connected. Shoplifter now receives")
	p.connectedOnce()
	if n := exchanges(platform); n != 1 {
		t.Errorf("there were %d exchanges", n)
	}

	x.clickTwice("Send the test message", "/message", hold(t, platform, http.MethodPost, "/sc/v2/apps/*/users"))
	x.see(200, "acme")
	x.reads("The test message was sent.")
	x.again("Shoplifter Visitor:", x.reload)
	all := platform.Conversations(platform.Accounts()[0].AppID)
	written := 0
	for _, m := range all[0].Messages {
		if m.AuthorType == "user" { // the bot answers meanwhile
			written++
		}
	}
	if len(all) != 1 || len(all[0].Users) != 1 || written != 2 {
		t.Errorf("two messages of one user in one conversation became %+v", all)
	}

	x.press("Give up the access")
	x.clickTwice("Uninstall from acme", "/uninstall", hold(t, platform, http.MethodDelete, "/sc/oauth/authorization"))
	x.see(200, frontPage)
	x.reads("Uninstalled.")
	if news := p.front(0).text(); strings.Count(news, "acme was disconnected.") != 1 {
		t.Errorf("something happened twice:\n%s", news)
	}
}

// exchanges counts the codes that were brought to the platform.
func exchanges(platform *suncotest.Platform) int {
	n := 0
	for _, r := range platform.Requests() {
		if r.Method == http.MethodPost && r.Path == "/sc/oauth/token" {
			n++
		}
	}
	return n
}
