package main

import (
	"net/http"
	"sync"
	"testing"

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
	all := zendesk.Conversations(zendesk.Accounts()[0].AppID)
	require.Len(t, all, 1)
	assert.Equal(t, []string{visitorID}, all[0].Users)
	assert.Len(t, all[0].Messages, 8)
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
	all := zendesk.Conversations(zendesk.Accounts()[0].AppID)
	require.Len(t, all, 1)
	assert.Len(t, all[0].Messages, 2)
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
	assert.Empty(t, secrets(t, env))
}
