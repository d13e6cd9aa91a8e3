package main

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

// atOnce posts to an address so many times, and returns where each answer leads.
func (p *program) atOnce(times int, path string) []string {
	p.t.Helper()
	var wait sync.WaitGroup
	answers := make([]string, times)
	for i := range answers {
		req := mustRequest(p.t, http.MethodPost, p.base+path, "")
		wait.Go(func() {
			res, err := http.DefaultTransport.RoundTrip(req)
			if assert.NoError(p.t, err) {
				answers[i] = res.Header.Get("Location")
				assert.NoError(p.t, res.Body.Close())
			}
		})
	}
	wait.Wait()
	return answers
}

func TestManyMessagesAtOnce(t *testing.T) {
	env, zendesk := faulty(t)
	p, b := start(t, env), newBrowser(t)
	path := b.connect(p, "acme").Request.URL.Path
	for _, answer := range p.atOnce(8, path+"/message") {
		assert.Equal(t, path+"?said=sent", answer)
	}
	assert.Equal(t, []string{visitorID}, answered(t, zendesk, 8).Users)
}

// answered waits until so many messages of the visitor are answered, and returns the only
// conversation.
func answered(t *testing.T, zendesk *suncotest.Platform, messages int) suncotest.Conversation {
	t.Helper()
	app := zendesk.Accounts()[0].AppID
	count := func() (asked, said int) {
		for _, m := range zendesk.Conversations(app)[0].Messages {
			switch {
			case m.AuthorType == "user":
				asked++
			case m.Text == greeting:
				said++
			}
		}
		return asked, said
	}
	require.Len(t, zendesk.Conversations(app), 1)
	require.Eventually(t, func() bool {
		_, said := count()
		return said >= messages
	}, 10*time.Second, time.Millisecond)
	asked, said := count()
	assert.Equal(t, messages, asked)
	assert.Equal(t, messages, said, "it answers each message once, and never itself")
	return zendesk.Conversations(app)[0]
}

func TestSilentBesideAnAgent(t *testing.T) {
	env, zendesk := faulty(t)
	p, b := start(t, env), newBrowser(t)
	page := b.press(b.connect(p, "acme"), "Send the test message")
	app := zendesk.Accounts()[0].AppID
	require.NoError(t, zendesk.PassControl(app, answered(t, zendesk, 1).ID, suncotest.AgentWorkspace))
	page = b.press(page, "Send the test message")
	require.Contains(t, page.text, "was sent")
	require.Eventually(t, func() bool {
		all := zendesk.Deliveries()
		return !slices.ContainsFunc(all, func(d suncotest.Delivery) bool { return d.Outcome != suncotest.Delivered })
	}, 10*time.Second, time.Millisecond)
	handled(t, env)
	for _, m := range zendesk.Conversations(app)[0].Messages[2:] {
		assert.Equal(t, "user", m.AuthorType)
	}
}

// TestUserMadeByAnother has somebody else make the user between the question
// whether there is one and the order to make it.
func TestUserMadeByAnother(t *testing.T) {
	env, zendesk := faulty(t)
	p, b := start(t, env), newBrowser(t)
	page := b.press(b.connect(p, "acme"), "Send the test message")
	none := suncotest.Reply(http.StatusNotFound, "application/json",
		`{"errors":[{"code":"not_found","title":"User not found"}]}`)
	zendesk.Inject(suncotest.Fault{Method: http.MethodGet, Path: "/sc/v2/apps/*/users/" + visitorID, Handle: none})
	assert.Contains(t, b.press(page, "Send the test message").text, "The test message was sent.")
	answered(t, zendesk, 2)
}

func TestUninstallTwice(t *testing.T) {
	env, _ := faulty(t)
	p, b := start(t, env), newBrowser(t)
	page := b.connect(p, "acme")
	for _, answer := range p.atOnce(8, page.Request.URL.Path+"/uninstall") {
		assert.Equal(t, "/?said=uninstalled", answer)
	}
	page = b.press(page, "Uninstall from acme") // which is gone
	assert.Equal(t, http.StatusOK, page.StatusCode)
	assert.Contains(t, page.text, `role="status">Uninstalled.`)
	assert.Equal(t, 1, strings.Count(page.text, "acme was disconnected."))
	assert.Empty(t, secrets(t, env))
}

// TestAnswerRefused refuses the first answer. The event is tried again, is answered, and
// is shown once.
func TestAnswerRefused(t *testing.T) {
	env, zendesk := faulty(t)
	p, b := start(t, env), newBrowser(t)
	page := b.connect(p, "acme")
	zendesk.Inject(suncotest.Fault{Method: http.MethodPost, Path: "/sc/v2/apps/*/conversations/*/messages",
		Skip: 1, Handle: refusal}) // after the visitor's own
	b.press(page, "Send the test message")
	answered(t, zendesk, 1)
	assert.Contains(t, p.stderr.String(), "an event failed, and is tried again")
	page = b.until(p.base+page.Request.URL.Path, greeting, true)
	assert.Equal(t, 1, strings.Count(page.text, testMessage))
}
