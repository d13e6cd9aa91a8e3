package exampletest

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/suncotest"
)

const publicURL = "https://partner.example"

// Stage is the fake platform with a partner in its network, for use in a synctest bubble.
// The person who writes is ada.
type Stage struct {
	*testing.T
	*suncotest.Platform
	App string // the customer's app

	seen int // messages of the conversation that Said has returned
}

// NewStage mounts a partner and installs it as an administrator does.
func NewStage(t *testing.T, newPartner func(*sunco.Client, string) (partner.Partner, error)) *Stage {
	t.Helper()
	platform := suncotest.New(suncotest.Config{
		RedirectURIs: []string{publicURL + partner.InstallPath},
		RemoveURL:    publicURL + partner.RemovedPath,
		Approve:      true,
		Behavior:     suncotest.Behavior{DeliverySerial: true, Strict: true},
	})
	client := &sunco.Client{
		ClientID:     suncotest.DefaultClientID,
		ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
		HTTPClient:   platform.Client(),
	}
	p, err := newPartner(client, publicURL)
	require.NoError(t, err)
	platform.Mount("partner.example", p.Handler)
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan struct{})
	t.Cleanup(func() {
		platform.Close()
		cancel()
		<-started
		require.NoError(t, p.Close(context.WithoutCancel(t.Context())))
		client.CloseIdleConnections()
	})
	go func() {
		defer close(started)
		if p.Start != nil {
			p.Start(ctx)
		}
	}()
	s := &Stage{T: t, Platform: platform, App: platform.Accounts()[0].AppID}
	s.Install()
	return s
}

// Install plays the administrator's browser.
func (s *Stage) Install() {
	s.Helper()
	browser := s.Client()
	browser.Jar, _ = cookiejar.New(nil) // the state is in a cookie
	res, err := browser.Get(publicURL + partner.InstallPath)
	require.NoError(s, err)
	require.NoError(s, res.Body.Close())
	require.Len(s, s.Installations(), 1)
	require.Equal(s, http.StatusNotFound, res.StatusCode, "the page that a program adds")
}

// Conversation is ada's.
func (s *Stage) Conversation() suncotest.Conversation {
	s.Helper()
	all := s.Conversations(s.App)
	require.Len(s, all, 1)
	return all[0]
}

// Said waits until all is done and returns what the bot has said since the last call: the
// text, or for other contents their type.
func (s *Stage) Said() []string {
	s.Helper()
	synctest.Wait()
	all := s.Conversation().Messages
	said := []string{}
	for _, m := range all[s.seen:] {
		if m.AuthorType != "business" || m.AuthorSubtype == "agent" || m.Activity != "" {
			continue
		}
		if m.ContentType == "text" {
			said = append(said, m.Text)
		} else {
			said = append(said, m.ContentType)
		}
	}
	s.seen = len(all)
	return said
}

// DeliverAgain delivers everything once more, as Zendesk does when an answer was lost, and
// requires that the bot says nothing.
func (s *Stage) DeliverAgain() {
	s.Helper()
	require.Empty(s, s.Said())
	before := s.Deliveries()
	for _, d := range before {
		require.Equal(s, suncotest.Delivered, d.Outcome)
		require.NoError(s, s.Redeliver(d.ID, false))
	}
	assert.Empty(s, s.Said())
	assert.Len(s, s.Deliveries(), 2*len(before))
}
