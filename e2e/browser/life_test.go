package browser_test

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/sunco-go/sunco/suncotest"
)

// TestMessage sends the test message, and one as an end user, and reads what the
// webhook brings.
func TestMessage(t *testing.T) {
	p := begin(t).person()
	x := p.install()
	x.reads("None yet.")
	x.click("Send the test message")
	x.see(200, "acme")
	x.reads("The test message was sent.")
	x.again("Shoplifter Visitor:", x.reload)

	y := p.front(1)
	y.click("Sandbox")
	y.see(200, "Sandbox")
	y.reads("Shoplifter Visitor")
	y.press("Message to Acme Outdoor")
	y.must("writing", chromedp.Do(y.ctx, chromedp.KeyEvent("Where is <my> parcel?")))
	y.press("Send to Acme Outdoor")
	y.reads("Where is <my> parcel?")
	x.again("Where is <my> parcel?", x.reload)
	x.see(200, "acme")
}

// TestUnfinished has the platform fail when the token exists already.
func TestUnfinished(t *testing.T) {
	s, platform := beginWith(t)
	for _, screen := range []screen{desktop, phone} {
		platform.Inject(suncotest.Fault{Path: "/sc/v2/tokenInfo", Times: -1, Handle: suncotest.Reply(
			http.StatusForbidden, "application/json", `{"errors":[]}`)})
		p := s.person()
		x := p.ask()
		x.use(screen)
		x.click("Allow")
		x.see(200, frontPage)
		x.holds("the outcome in its title",
			`document.title.startsWith("Zendesk gave access, but the connection is not complete.")`)
		x.picture("unfinished")
		x.click("Finish connecting")
		x.see(502, frontPage)
		x.reads("Zendesk refused, or could not be reached.")
		platform.ClearFaults()
		x.click("Finish connecting")
		x.see(200, frontPage)
		x.holds("the outcome in its title", `document.title === "The connection is complete. Shoplifter"`)
		x.reads("acme was connected.")
		p.front(1)
	}
}

// TestUninstall ends the connection from the application's page.
func TestUninstall(t *testing.T) {
	p := begin(t).person()
	x := p.install()
	late := p.tab()
	late.open(x.address())
	late.see(200, "acme")
	late.press("Give up the access")
	x.press("Give up the access")
	x.click("Uninstall from acme")
	x.see(200, frontPage)
	x.reads("Uninstalled.")
	late.click("Uninstall from acme") // a second click that arrives when all is done
	late.see(200, frontPage)
	late.reads("Uninstalled.")
	p.front(0).reads("acme was disconnected.")
	x.back() // to a page that the browser may have kept
	x.reload()
	x.see(404, sorryPage)
	x.click("Sandbox")
	x.see(200, "Sandbox")
	x.reads("not installed")
	p.install()
}

// TestRemoval ends the connection from the customer's side.
func TestRemoval(t *testing.T) {
	p := begin(t).person()
	open, x := p.install(), p.front(1)
	x.click("Sandbox")
	x.see(200, "Sandbox")
	x.press("Settings")
	x.reads("Settings for an application")
	x.click("Uninstall from Acme Outdoor")
	x.see(200, "Sandbox")
	x.reads("The integration was removed from Acme Outdoor.")
	front := p.visit("/")
	front.again("acme was disconnected.", front.reload)
	front.see(200, frontPage)
	front.reads("None yet.")
	open.click("Send the test message") // on a page that does not know it yet
	open.see(404, sorryPage)
	p.install()
}

// TestRestart starts the application again with the same database, between the steps of
// a flow and after it. The platform stays.
func TestRestart(t *testing.T) {
	s := prepare(t)
	port := freePort(t)
	base := "http://localhost:" + port
	box := launch(t, "sandbox", nil, "-addr", "127.0.0.1:0",
		"-redirect-uri", base+installPath, "-remove-url", base+"/zendesk/removed")
	s.secrets[suncotest.DefaultClientSecret] = true
	s.checkOutput(box)
	start := func() {
		s.app = startShoplifter(t, s.store, "PORT="+port, "ZENDESK_DOMAIN=localhost:"+box.port(),
			"OAUTH_CLIENT_ID="+suncotest.DefaultClientID, "OAUTH_CLIENT_SECRET="+suncotest.DefaultClientSecret)
		s.checkOutput(s.app)
	}
	start()
	p := s.person()
	x := p.ask()
	s.app.stop()
	start()
	x.click("Allow")
	x.see(200, "acme")
	s.app.stop()
	start()
	x.reload()
	x.see(200, "acme")
	x.click("Send the test message")
	x.see(200, "acme")
	x.again("Shoplifter Visitor:", x.reload)
	front := p.front(1)
	front.click("acme")
	front.see(200, "acme")
	front.open(x.watch.visited(installPath))
	front.see(200, "acme")
}

// TestSandboxGone starts the application again. The platform that it brought along is
// gone, and with it the connection that was made there.
func TestSandboxGone(t *testing.T) {
	s := prepare(t)
	port := freePort(t)
	s.app = startShoplifter(t, s.store, "PORT="+port)
	s.checkOutput(s.app)
	p := s.person()
	x := p.install()
	s.app.stop()
	s.app = startShoplifter(t, s.store, "PORT="+port)
	s.checkOutput(s.app)
	x.reload()
	x.see(404, sorryPage)
	p.front(0).reads("None yet.")
	x.click("Add to Zendesk")
	x.see(200, consentPage)
	x.click("Allow")
	x.see(200, "acme")
}
