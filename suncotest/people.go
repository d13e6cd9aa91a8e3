package suncotest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/chat"
	"github.com/sunco-go/sunco/suncotest/internal/oauth"
)

// Say plays a person who writes a text to a customer in the web widget. userExternalID
// names the person. The first text creates the user and a personal conversation; later
// texts go to the person's latest personal conversation, as everything does that a person
// does here, unless [Platform.Open] chose another.
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
	return p.play(appID, func() error { return p.chat.Say(appID, userExternalID, text) })
}

// Open plays a person who turns to one of several personal conversations: what the person
// does next is done there, and not in the latest one. Open returns an error when the
// person has no such conversation.
func (p *Platform) Open(appID, userExternalID, conversationID string) error {
	return p.play(appID, func() error { return p.chat.Open(appID, userExternalID, conversationID) })
}

// Press plays a person who presses a button: the latest one with this payload, or else
// with this text, in the person's latest personal conversation.
//
// A quick reply writes its text, and a request for the location writes a location. A
// postback sends a conversation:postback; see [Behavior.EchoPostback]. The platform tells
// nobody of links, webviews and purchases. Press returns an error when there is no such
// button.
func (p *Platform) Press(appID, userExternalID, button string) error {
	return p.play(appID, func() error { return p.chat.Press(appID, userExternalID, button) })
}

// Submit plays a person who fills in the latest form that is open in the person's latest
// personal conversation. values has a value for each field, by the field's name; the
// value of a select is the name or the label of an option. Submit returns an error when
// no form is open, or when a field does not take its value.
func (p *Platform) Submit(appID, userExternalID string, values map[string]string) error {
	return p.play(appID, func() error { return p.chat.Submit(appID, userExternalID, values) })
}

// Upload plays a person who sends a file of at most 50 MB to the person's latest personal
// conversation. The message is an image or a file, depending on contentType, which is
// guessed when it is empty. The platform keeps 64 MiB of files and forgets the oldest
// ones beyond that.
func (p *Platform) Upload(appID, userExternalID, name, contentType string, file []byte) error {
	return p.play(appID, func() error {
		return p.chat.Upload(appID, userExternalID, name, contentType, bytes.Clone(file))
	})
}

// Type plays a person who starts or stops typing in the person's latest personal
// conversation.
func (p *Platform) Type(appID, userExternalID string, typing bool) error {
	kind := "typing:stop"
	if typing {
		kind = "typing:start"
	}
	return p.play(appID, func() error { return p.chat.Activity(appID, userExternalID, kind) })
}

// Read plays a person who reads the person's latest personal conversation.
func (p *Platform) Read(appID, userExternalID string) error {
	return p.play(appID, func() error { return p.chat.Activity(appID, userExternalID, "conversation:read") })
}

// play lets somebody do something in an app, while it holds the lock.
func (p *Platform) play(appID string, do func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.oauth.HasApp(appID) {
		return fmt.Errorf("suncotest: there is no app %q", appID)
	}
	return do()
}

// Conversation is a snapshot of one conversation of an app.
type Conversation struct {
	ID          string
	Type        string // personal or sdkGroup
	DisplayName string
	Metadata    json.RawMessage // nil: none
	Users       []string        // external ids of the participants; empty: the user has none
	Control     string          // the integration in control; empty: none. See [Platform.PassControl]
	Pending     string          // the integration that was offered control; empty: none
	Typing      bool            // the business began to type less than 10 seconds ago
	Created     time.Time
	Messages    []Message // oldest first
}

// Message is a snapshot of one message.
type Message struct {
	ID             string
	AuthorType     string          // user or business
	AuthorSubtype  string          // AI, agent or activity; often empty
	AuthorName     string          // the display name; a user without a name has its external id
	AvatarURL      string          // of the author; often empty
	UserExternalID string          // of the author; empty for the business
	ContentType    string          // text, image, carousel and so on
	Text           string          // empty when the content has none
	Content        json.RawMessage // the whole content; nil when the message is deleted
	Metadata       json.RawMessage // nil: none
	Activity       string          // ticket:closed or ticket:transfer:email where that happened; otherwise empty
	Deleted        bool            // see [Behavior.Placeholders]
	Receipt        string          // the last one: user or failure; often empty. See [Behavior.DeliveryReceipts]
	Time           time.Time
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
		all = append(all, Conversation{
			ID: v.ID, Type: v.Type, DisplayName: v.DisplayName, Metadata: v.Metadata, Users: v.Users, Control: v.Control,
			Pending: v.Pending, Typing: v.Typing, Created: v.Created, Messages: snapshots(v.Messages),
		})
	}
	return all
}

func snapshots(messages []chat.Message) []Message {
	var all []Message
	for _, m := range messages {
		all = append(all, Message(m))
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
