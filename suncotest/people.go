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

// Say plays a person who writes a text to one of the customers, in the web widget.
// A person without a user gets one, signed in under userExternalId, and a personal
// conversation to begin with; otherwise the text goes to the person's latest personal
// conversation. Webhooks are told, as by [Platform.Emit], of a conversation:create if
// there was one and of a conversation:message whose author is a user. What the
// partner answers through the API comes as conversation:message too, its author the
// business. [Platform.Conversations] shows both.
//
// People can write whether the integration is installed or not. The error says that
// there is no such app, that a person cannot have such an id or say such a text, or
// that the conversation or the platform is full.
func (p *Platform) Say(appID, userExternalID, text string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.oauth.HasApp(appID) {
		return fmt.Errorf("suncotest: there is no app %q", appID)
	}
	return p.chat.Say(appID, userExternalID, text)
}

// AgentWorkspace is the integration through which human agents answer.
const AgentWorkspace = "zd-agentWorkspace"

// PassControl puts an integration in control of a conversation, and tells webhooks with
// a switchboard:passControl. to is [AgentWorkspace] for a human agent, or the partner's
// client id for its bot, which has control of every new conversation. Bots hear what
// people write in either case. The error says that there is no such app or conversation.
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
	Users       []string // external ids of those who take part
	Control     string   // the integration that is in control, as in [Platform.PassControl]
	Created     time.Time
	Messages    []Message // oldest first
}

// Message is a snapshot of one message.
type Message struct {
	ID          string
	AuthorType  string // user or business
	AuthorName  string // what it is displayed as; a user without a name has its external id
	ContentType string // text, image, carousel and so on
	Text        string // empty when the content has none
	Time        time.Time
}

// Conversations returns the conversations of an app, oldest first, with their
// messages. They belong to the customer and survive an uninstall. There are none
// when there is no such app.
//
// The platform keeps 32 MiB of messages in all, and forgets the oldest ones beyond
// that. It refuses users and conversations beyond another 32 MiB with status 507.
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

// Uninstall plays the customer who removes the integration from an app. Its tokens
// and webhooks are dead when Uninstall returns, unless [Behavior.RemoveFirst] says
// otherwise; the remove URL is called in the background, as after a revoke. The
// error says that there is no such app, or that the integration is not in it.
func (p *Platform) Uninstall(appID string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.oauth.Uninstall(appID)
}

// Rename moves a customer to another subdomain. App id, tokens and webhooks stay;
// what the old name answers is [Behavior.UnknownHost]. The error says
// that there is no such customer, or that the new name cannot be had.
func (p *Platform) Rename(from, to string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.oauth.Rename(from, to)
}

// AddAccount adds a customer. The error says what is wrong with it, or that its
// name or app id is taken.
func (p *Platform) AddAccount(a Account) error {
	a = a.withDefaults()
	if err := a.validate(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.oauth.Add(oauth.Account(a))
}

// Allow plays a customer's browser: it opens the authorize URL, chooses the
// account on the consent page and allows. It returns where the browser is sent
// next, with the code in the query, and does not go there. An empty subdomain
// chooses the first account. The error says which status the platform answered
// when that was not a redirect.
func (p *Platform) Allow(ctx context.Context, authorizeURL, subdomain string) (*url.URL, error) {
	return p.browse(ctx, authorizeURL, subdomain, "allow")
}

// Deny is like [Platform.Allow] for a customer who denies.
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
func visit(ctx context.Context, client *http.Client, method string, u *url.URL, form url.Values) (status int, text string, next *url.URL, err error) {
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
