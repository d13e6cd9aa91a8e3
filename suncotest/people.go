package suncotest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/oauth"
)

// Say plays a person who writes a text to a customer in the web widget. userExternalID
// names the person. The first text creates the user and a personal conversation; later
// texts go to the person's latest personal conversation.
//
// Webhooks receive a conversation:create for a new conversation, and a
// conversation:message whose author is a user; see [Platform.Emit]. The partner's answers
// through the API cause a conversation:message whose author is the business.
// [Platform.Conversations] shows both.
//
// People can write while the integration is not installed. Say returns an error when there
// is no such app, when the id or the text is empty or too long, and when the conversation
// or the platform is full.
func (p *Platform) Say(appID, userExternalID, text string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.oauth.HasApp(appID) {
		return fmt.Errorf("suncotest: there is no app %q", appID)
	}
	return p.chat.Say(appID, userExternalID, text)
}

// AgentWorkspace is the integration with which human agents answer.
const AgentWorkspace = "zd-agentWorkspace"

// PassControl puts an integration in control of a conversation, and sends a
// switchboard:passControl to webhooks. to is [AgentWorkspace] for a human agent, or the
// partner's client id for its bot. The bot is in control of new conversations. Webhooks
// receive messages whoever is in control. PassControl returns an error when there is no
// such app or conversation.
func (p *Platform) PassControl(appID, conversationID, to string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.oauth.HasApp(appID) {
		return fmt.Errorf("suncotest: there is no app %q", appID)
	}
	return p.chat.PassControl(appID, conversationID, to)
}

// Conversation is a snapshot of one conversation of an app.
type Conversation struct {
	ID          string
	Type        string // personal or sdkGroup
	DisplayName string
	Users       []string // external ids of the participants
	Control     string   // the integration in control; see [Platform.PassControl]
	Created     time.Time
	Messages    []Message // oldest first
}

// Message is a snapshot of one message.
type Message struct {
	ID          string
	AuthorType  string // user or business
	AuthorName  string // the display name; a user without a name has its external id
	ContentType string // text, image, carousel and so on
	Text        string // empty when the content has none
	Time        time.Time
}

// Conversations returns the conversations of an app with their messages, oldest first, and
// nil when there is no such app. They belong to the customer and survive an uninstall.
//
// The platform keeps 32 MiB of messages and forgets the oldest ones beyond that. It keeps
// another 32 MiB of users and conversations and answers 507 when they are full.
func (p *Platform) Conversations(appID string) []Conversation {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.oauth.HasApp(appID) {
		return nil
	}
	var all []Conversation
	for _, v := range p.chat.Conversations(appID) {
		s := Conversation{
			ID: v.ID, Type: v.Type, DisplayName: v.DisplayName, Users: v.Users, Control: v.Control, Created: v.Created,
		}
		for _, m := range v.Messages {
			s.Messages = append(s.Messages, Message(m))
		}
		all = append(all, s)
	}
	return all
}

// Uninstall plays a customer who removes the integration from an app. Its tokens and
// webhooks have ended when Uninstall returns, unless [Behavior.RemoveFirst] is set. The
// platform then calls the remove URL in the background, as after a revoke. Uninstall
// returns an error when there is no such app or the integration is not installed in it.
func (p *Platform) Uninstall(appID string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.oauth.Uninstall(appID)
}

// Rename moves a customer to another subdomain. App id, tokens and webhooks stay the same.
// [Behavior.UnknownHost] is the answer of the old host. Rename returns an error when there
// is no such customer, and when the new name is taken or not a subdomain.
func (p *Platform) Rename(from, to string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.oauth.Rename(from, to)
}

// AddAccount adds a customer. It returns an error when a field is not valid, and when the
// subdomain or app id is taken.
func (p *Platform) AddAccount(a Account) error {
	a = a.withDefaults()
	if err := a.validate(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.oauth.Add(oauth.Account(a))
}

// Allow plays a customer's browser: it opens the authorize URL, chooses an account on the
// consent page and presses Allow. An empty subdomain chooses the first account. Allow
// returns the URL to which the browser is redirected, with the code in its query, and does
// not open it. When the platform does not redirect, the error has its status.
func (p *Platform) Allow(ctx context.Context, authorizeURL, subdomain string) (*url.URL, error) {
	return p.browse(ctx, authorizeURL, subdomain, "allow")
}

// Deny is like [Platform.Allow] for a customer who presses Deny.
func (p *Platform) Deny(ctx context.Context, authorizeURL string) (*url.URL, error) {
	return p.browse(ctx, authorizeURL, "", "deny")
}

func (p *Platform) browse(ctx context.Context, authorizeURL, subdomain, decision string) (*url.URL, error) {
	start, err := url.Parse(authorizeURL)
	if err != nil {
		return nil, errors.New("suncotest: the authorize URL is not a URL")
	}
	if subdomain == "" {
		if accounts := p.Accounts(); len(accounts) > 0 {
			subdomain = accounts[0].Subdomain
		}
	}
	client := p.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	status, text, next, err := visit(ctx, client, http.MethodGet, start, nil)
	switch {
	case err != nil:
		return nil, err
	case next != nil && decision == "allow" && p.cfg.Approve:
		return next, nil
	case next != nil:
		return nil, errors.New("suncotest: authorize redirected without asking")
	case status != http.StatusOK:
		return nil, fmt.Errorf("suncotest: authorize answered %d", status)
	}
	nonce := regexp.MustCompile(`name="nonce" value="([0-9a-f]+)"`).FindStringSubmatch(text)
	action := regexp.MustCompile(`<form method="post" action="([^"]+)"`).FindStringSubmatch(text)
	if nonce == nil || action == nil {
		return nil, errors.New("suncotest: authorize answered no consent page")
	}
	target, err := start.Parse(action[1])
	if err != nil {
		return nil, errors.New("suncotest: the consent page's form leads nowhere")
	}
	form := url.Values{"nonce": {nonce[1]}, "account": {subdomain}, "decision": {decision}}
	status, _, next, err = visit(ctx, client, http.MethodPost, target, form)
	switch {
	case err != nil:
		return nil, err
	case next == nil:
		return nil, fmt.Errorf("suncotest: the consent page answered %d", status)
	}
	return next, nil
}

// visit loads one page and returns where it redirects, if it does.
func visit(ctx context.Context, client *http.Client, method string, u *url.URL, form url.Values) (status int,
	text string, next *url.URL, err error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", nil, errors.New("suncotest: the authorize URL cannot be requested")
	}
	req.Header.Set("Accept", "text/html")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := client.Do(req)
	if err != nil {
		var whole *url.Error // whose text has the state in it
		if errors.As(err, &whole) {
			err = whole.Err
		}
		return 0, "", nil, fmt.Errorf("suncotest: %s %s: %w", method, u.Host, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return 0, "", nil, fmt.Errorf("suncotest: %s %s: %w", method, u.Host, err)
	}
	if res.StatusCode/100 == 3 {
		if next, err = res.Location(); err != nil {
			return 0, "", nil, errors.New("suncotest: a redirect leads nowhere")
		}
	}
	return res.StatusCode, string(body), next, nil
}
