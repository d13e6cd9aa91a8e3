package messaging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/messaging"
)

// botTest is a bot that notes what its functions are called for.
type botTest struct {
	*messaging.Bot
	wire *wire
	log  bytes.Buffer

	mu    sync.Mutex
	calls []string
}

// newBot returns a bot whose functions do nothing.
func newBot(w *wire) *botTest {
	b := &botTest{wire: w}
	note := func(name string) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.calls = append(b.calls, name)
		return nil
	}
	b.Bot = &messaging.Bot{
		Client:    newApp(w).Client,
		Logger:    slog.New(slog.NewTextHandler(&b.log, nil)),
		OnMessage: func(context.Context, *messaging.Chat, *messaging.Message) error { return note("message") },
		OnPostback: func(context.Context, *messaging.Chat, *messaging.PostbackEvent) error {
			return note("postback")
		},
		OnControl: func(context.Context, *messaging.Chat, *messaging.SwitchboardEvent) error {
			return note("control")
		},
		OnOther: func(_ context.Context, _ *messaging.Chat, payload any) error {
			return note(fmt.Sprintf("other %T", payload))
		},
	}
	return b
}

func (b *botTest) handle(ctx context.Context, e *sunco.Event) error {
	return b.OnEvent(ctx, newApp(nil).Installation, e)
}

// said is a message of a user.
func said(conversation, text string) *sunco.Event {
	return event("conversation:message", fmt.Sprintf(`{"conversation":{"id":%q},`+
		`"message":{"id":"m","author":{"type":"user","userId":"u"},"content":{"type":"text","text":%q}}}`,
		conversation, text))
}

func event(kind, payload string) *sunco.Event {
	return &sunco.Event{ID: "e", AppID: appID, Type: kind, Payload: json.RawMessage(payload)}
}

const posted = `{"messages":[{"id":"m"}]}`

// TestBotWhoIsCalled has the function that each event is for.
func TestBotWhoIsCalled(t *testing.T) {
	const (
		text    = `"content":{"type":"text","text":"x"}`
		user    = `"author":{"type":"user"}`
		ours    = `"conversation":{"id":"c","activeSwitchboardIntegration":{"integrationType":"shop-bot"}}`
		theirs  = `"conversation":{"id":"c","activeSwitchboardIntegration":{"name":"zd-agentWorkspace","id":"1"}}`
		nobodys = `"conversation":{"id":"c"}`
		null    = `"conversation":{"id":"c","activeSwitchboardIntegration":null}`
		empty   = `"conversation":{"id":"c","activeSwitchboardIntegration":{}}`

		message  = "conversation:message"
		postback = "conversation:postback"
		passed   = "switchboard:passControl"
		other    = "other *messaging.MessageEvent"
	)
	of := func(conversation string, members ...string) string {
		return `{` + conversation + `,"message":{` + strings.Join(members, ",") + `}}`
	}
	for name, test := range map[string]struct{ kind, payload, want string }{
		"a user":              {message, of(ours, user, text), "message"},
		"nobody in control":   {message, of(nobodys, user, text), "message"},
		"null in control":     {message, of(null, user, text), "message"},
		"nothing in control":  {message, of(empty, user, text), "message"},
		"another in control":  {message, of(theirs, user, text), other},
		"the bot itself":      {message, of(ours, `"author":{"type":"business"}`, text), other},
		"an agent":            {message, of(ours, `"author":{"type":"business","subtypes":["agent"]}`, text), other},
		"an unknown author":   {message, of(ours, `"author":{"type":"robot"}`, text), other},
		"without a content":   {message, of(ours, user), other},
		"a content of null":   {message, of(ours, user, `"content":null`), other},
		"an unknown content":  {message, of(ours, user, `"content":{"type":"new"}`), "message"},
		"a deleted message":   {message, of(ours, user, text, `"deleted":true`), other},
		"without a message":   {message, `{` + ours + `}`, other},
		"no conversation":     {message, `{"message":{` + user + `,` + text + `}}`, other},
		"garbage":             {message, `[`, other},
		"postback":            {postback, `{` + ours + `,"postback":{"payload":"x"}}`, "postback"},
		"postback of another": {postback, `{` + theirs + `}`, "other *messaging.PostbackEvent"},
		"control":             {passed, `{` + theirs + `}`, "control"},
		"control failed":      {passed + ":failure", `{` + ours + `,"error":{"code":"x"}}`, "control"},
		"control of nothing":  {passed, `{}`, "other *messaging.SwitchboardEvent"},
		"typing":              {"conversation:typing", `{` + ours + `}`, "other *messaging.ActivityEvent"},
		"a user is removed":   {"user:remove", `{"user":{"id":"u"}}`, "other *messaging.UserEvent"},
		"what did not exist":  {"conversation:sing", `{` + theirs + `}`, "other *messaging.RawEvent"},
		"passthrough":         {"passthrough:messaging", `{}`, "other *messaging.RawEvent"},
		"without a type":      {"", ``, "other *messaging.RawEvent"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBot(silent(t))
			require.NoError(t, b.handle(t.Context(), event(test.kind, test.payload)))
			assert.Equal(t, []string{test.want}, b.calls)
			empty := &messaging.Bot{Client: b.Client}
			assert.NoError(t, empty.OnEvent(t.Context(), newApp(nil).Installation, event(test.kind, test.payload)))
		})
	}
}

// TestBotSelf has the names by which a bot knows itself.
func TestBotSelf(t *testing.T) {
	for _, test := range []struct {
		self, clientID, active string
		want                   bool
	}{
		{"", "shop-bot", `{"integrationType":"shop-bot"}`, true},
		{"", "shop-bot", `{"name":"shop-bot"}`, true},
		{"", "shop-bot", `{"integrationType":"custom"}`, false},
		{"barista", "shop-bot", `{"name":"barista","integrationType":"custom"}`, true},
		{"barista", "shop-bot", `{"id":"barista"}`, true},
		{"barista", "shop-bot", `{"integrationType":"shop-bot"}`, false},
		{"", "", `{"name":"zd-agentWorkspace"}`, false},
		{"", "", `{"name":"","id":"1"}`, false},
	} {
		b := newBot(silent(t))
		b.Self, b.Client = test.self, &sunco.Client{ClientID: test.clientID}
		got := false
		b.OnControl = func(_ context.Context, c *messaging.Chat, _ *messaging.SwitchboardEvent) error {
			got = c.InControl()
			return nil
		}
		payload := `{"conversation":{"id":"c","activeSwitchboardIntegration":` + test.active + `}}`
		require.NoError(t, b.handle(t.Context(), event("switchboard:passControl", payload)))
		assert.Equal(t, test.want, got, "%+v", test)
	}
}

// TestBotTurns has 1,000 events of 50 conversations at once.
func TestBotTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const conversations, each = 50, 20
		var running [conversations]atomic.Int32
		var most, all atomic.Int32
		var mu sync.Mutex
		order := map[string][]string{}
		b := newBot(silent(t))
		b.OnMessage = func(_ context.Context, c *messaging.Chat, m *messaging.Message) error {
			var n int
			_, _ = fmt.Sscanf(c.Conversation.ID, "c%d", &n)
			assert.EqualValues(t, 1, running[n].Add(1), "two events of one conversation")
			most.Store(max(most.Load(), all.Add(1)))
			time.Sleep(time.Second)
			mu.Lock()
			order[c.Conversation.ID] = append(order[c.Conversation.ID], m.Content.(*messaging.TextMessage).Text)
			mu.Unlock()
			running[n].Add(-1)
			all.Add(-1)
			return nil
		}
		start := time.Now()
		var group sync.WaitGroup
		for i := range each {
			for c := range conversations {
				group.Go(func() {
					assert.NoError(t, b.handle(t.Context(), said(fmt.Sprintf("c%d", c), fmt.Sprint(i))))
				})
			}
			synctest.Wait() // the next ones come later
		}
		group.Wait()
		assert.Equal(t, each*time.Second, time.Since(start), "no conversation waits for another")
		assert.EqualValues(t, conversations, most.Load())
		for conversation, texts := range order {
			for i, text := range texts {
				assert.Equal(t, fmt.Sprint(i), text, conversation)
			}
			assert.Len(t, texts, each)
		}
	})
}

// TestBotTurnsOfCustomers has conversations of two customers with one id, and
// events about no conversation: none waits.
func TestBotTurnsOfCustomers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBot(silent(t))
		wait := func(context.Context, *messaging.Chat, any) error { time.Sleep(time.Second); return nil }
		b.OnOther = wait
		b.OnPostback = func(ctx context.Context, c *messaging.Chat, p *messaging.PostbackEvent) error {
			return wait(ctx, c, p)
		}
		b.OnControl = func(ctx context.Context, c *messaging.Chat, p *messaging.SwitchboardEvent) error {
			return wait(ctx, c, p)
		}
		start := time.Now()
		var group sync.WaitGroup
		for _, e := range []*sunco.Event{
			{AppID: "1", Type: "conversation:join", Payload: []byte(`{"conversation":{"id":"c"}}`)},
			{AppID: "2", Type: "conversation:join", Payload: []byte(`{"conversation":{"id":"c"}}`)},
			event("user:update", `{}`), event("user:update", `{}`),
		} {
			group.Go(func() { assert.NoError(t, b.handle(t.Context(), e)) })
		}
		group.Wait()
		assert.Equal(t, time.Second, time.Since(start))

		for _, kind := range []string{ // all other events of a conversation do
			"conversation:message", "conversation:postback", "conversation:create", "conversation:join",
			"conversation:typing", "conversation:referral", "conversation:message:delivery:user",
			"switchboard:acceptControl", "client:add", "conversation:sing",
		} {
			group.Go(func() { assert.NoError(t, b.handle(t.Context(), event(kind, `{"conversation":{"id":"c"}}`))) })
		}
		start = time.Now()
		group.Wait()
		assert.Equal(t, 10*time.Second, time.Since(start))
	})
}

// TestBotWaitingEnds has an event whose context ends while it waits, and a
// function that panics: the turn passes on.
func TestBotWaitingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBot(silent(t))
		b.OnMessage = func(context.Context, *messaging.Chat, *messaging.Message) error {
			time.Sleep(time.Minute)
			panic("oh")
		}
		var group sync.WaitGroup
		group.Go(func() { assert.EqualError(t, b.handle(t.Context(), said("c", "x")), "panic: oh") })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		err := b.handle(ctx, said("c", "y"))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))
		require.NoError(t, b.handle(t.Context(), event("conversation:typing", `{"conversation":{"id":"c"}}`)))
		assert.Equal(t, time.Minute, time.Since(start))
		group.Wait()
	})
}

// TestBotErrors has what brings an event back: an error, unless something was
// sent or may have been.
func TestBotErrors(t *testing.T) {
	oh := errors.New("oh")
	type function = func(context.Context, *messaging.Chat) error
	for name, test := range map[string]struct {
		answers []any
		do      function
		back    bool
		logged  string
	}{
		"no error": {nil, func(context.Context, *messaging.Chat) error { return nil }, false, ""},
		"an error": {nil, func(context.Context, *messaging.Chat) error { return oh }, true, ""},
		"an error after a message": {[]any{201, posted}, func(ctx context.Context, c *messaging.Chat) error {
			assert.NoError(t, c.SendText(ctx, "x"))
			return oh
		}, false, "error=oh"},
		"the second message fails": {[]any{201, posted, 403, "{}"}, func(ctx context.Context, c *messaging.Chat) error {
			return c.Send(ctx, messaging.Text("x"), messaging.Text("y"))
		}, false, "403"},
		"the first message fails": {[]any{403, "{}"}, func(ctx context.Context, c *messaging.Chat) error {
			return c.Send(ctx, messaging.Text("x"), messaging.Text("y"))
		}, true, ""},
		"the second message is wrong": {nil, func(ctx context.Context, c *messaging.Chat) error {
			return c.Send(ctx, messaging.Text("x"), messaging.Text(""))
		}, true, ""},
		"a lost answer": {[]any{0, "reset"}, func(ctx context.Context, c *messaging.Chat) error {
			return c.Send(ctx, messaging.Text("x"))
		}, false, "outcome unknown"},
		"a lost answer that is not returned": {[]any{0, "reset"}, func(ctx context.Context, c *messaging.Chat) error {
			assert.Error(t, c.Send(ctx, messaging.Text("x")))
			return oh
		}, false, "error=oh"},
		"a lost answer beside the chat": {[]any{0, "reset"}, func(ctx context.Context, c *messaging.Chat) error {
			_, err := c.App.CreateUser(ctx, messaging.UserCreate{})
			return fmt.Errorf("user: %w", err)
		}, false, "outcome unknown"},
		"typing is nothing": {[]any{200, "{}"}, func(ctx context.Context, c *messaging.Chat) error {
			assert.NoError(t, c.Typing(ctx))
			return oh
		}, true, ""},
		"a panic after a message": {[]any{201, posted}, func(ctx context.Context, c *messaging.Chat) error {
			assert.NoError(t, c.SendText(ctx, "x"))
			panic(oh)
		}, false, "bot_test.go"},
		"a credential in the error": {[]any{201, posted}, func(ctx context.Context, c *messaging.Chat) error {
			assert.NoError(t, c.SendText(ctx, "x"))
			return errors.New("bearer tok-3ntr0py")
		}, false, "withheld"},
		"a webhook's secret in the error": {[]any{201, posted}, func(ctx context.Context, c *messaging.Chat) error {
			assert.NoError(t, c.SendText(ctx, "x"))
			return errors.New("key whs-3ntr0py")
		}, false, "withheld"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBot(script(test.answers...))
			b.OnMessage = func(ctx context.Context, c *messaging.Chat, _ *messaging.Message) error {
				return test.do(ctx, c)
			}
			err := b.handle(t.Context(), said("c", "private"))
			assert.Equal(t, test.back, err != nil, "%s: %v", name, err)
			assert.Len(t, b.wire.requests(), len(test.answers)/2, name)
			if test.logged == "" {
				assert.Empty(t, b.log.String(), name)
				return
			}
			assert.Contains(t, b.log.String(), test.logged, name)
			assert.Equal(t, 1, strings.Count(b.log.String(), "\n"), name)
			assert.NotContains(t, b.log.String(), "private")
			assert.NotContains(t, b.log.String(), "3ntr0py")
		})
	}
}

// TestBotLoggerPanics has a logger that fails after a message was sent.
func TestBotLoggerPanics(t *testing.T) {
	b := newBot(script(201, posted))
	b.Logger = slog.New(slog.NewTextHandler(failingWriter{}, nil))
	b.OnMessage = func(ctx context.Context, c *messaging.Chat, _ *messaging.Message) error {
		return errors.Join(c.SendText(ctx, "x"), errors.New("oh"))
	}
	assert.NoError(t, b.handle(t.Context(), said("c", "x")))
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { panic("the disk is full") }

// TestChat has what each method sends.
func TestChat(t *testing.T) {
	for want, do := range map[string]func(context.Context, *messaging.Chat) error{
		`/messages {"author":{"type":"business"},"content":{"type":"text","text":"x"}}`: func(
			ctx context.Context, c *messaging.Chat) error {
			return c.SendText(ctx, "x")
		},
		`/activity {"type":"typing:start","author":{"type":"business"}}`: func(
			ctx context.Context, c *messaging.Chat) error {
			return c.Typing(ctx)
		},
		`/activity {"type":"conversation:read","author":{"type":"business"}}`: func(
			ctx context.Context, c *messaging.Chat) error {
			return c.Read(ctx)
		},
		`/passControl {"switchboardIntegration":"next","metadata":{"a":1}}`: func(
			ctx context.Context, c *messaging.Chat) error {
			return c.PassControl(ctx, messaging.Next, messaging.Metadata{"a": 1})
		},
		`/releaseControl {"metadata":{"a":1}}`: func(ctx context.Context, c *messaging.Chat) error {
			return c.ReleaseControl(ctx, messaging.Metadata{"a": 1})
		},
	} {
		b := newBot(always(200, posted))
		b.OnMessage = func(ctx context.Context, c *messaging.Chat, _ *messaging.Message) error {
			assert.Equal(t, "e", c.Event.ID)
			return do(ctx, c)
		}
		require.NoError(t, b.handle(t.Context(), said("c", "x")))
		require.Len(t, b.wire.requests(), 1)
		got := b.wire.requests()[0]
		assert.Equal(t, want, strings.TrimPrefix(got.Line, "POST "+appURL+"/conversations/c")+" "+got.Body)
	}

	b := newBot(always(200, posted))
	b.OnMessage = func(ctx context.Context, c *messaging.Chat, _ *messaging.Message) error {
		return c.SendText(ctx, strings.Repeat("x", 100_000))
	}
	require.NoError(t, b.handle(t.Context(), said("c", "x")))
	assert.Len(t, b.wire.requests(), 25)

	b = newBot(silent(t)) // an event about no conversation
	b.OnOther = func(ctx context.Context, c *messaging.Chat, _ any) error {
		assert.True(t, c.InControl())
		for _, err := range []error{
			c.SendText(ctx, "x"), c.Typing(ctx), c.Read(ctx), c.PassControl(ctx, "x", nil), c.ReleaseControl(ctx, nil),
			c.Send(ctx, nil), c.SendText(ctx, ""),
		} {
			assert.ErrorAs(t, err, new(*sunco.InputError))
		}
		return nil
	}
	require.NoError(t, b.handle(t.Context(), event("user:remove", `{}`)))
}

func FuzzParseEvent(f *testing.F) {
	for _, name := range []string{"conversation-message", "conversation-postback", "user-merge", "client-remove"} {
		e := readEvent(f, name)
		f.Add(e.Type, []byte(e.Payload))
	}
	f.Add("conversation:message", []byte(`{"message":{"content":{"type":"list","items":[{"actions":[{"type":"x"}]}]}}}`))
	f.Add("conversation:message", []byte(`{"message":{"content":{"type":"form","fields":[{"type":"\ud83d"}]}}}`))
	f.Add("conversation:message", []byte(`{"message":{"quotedMessage":{"message":{"quotedMessage":{}}}}}`))
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		e := &sunco.Event{Type: kind, Payload: payload}
		got := messaging.ParseEvent(e)
		require.NotNil(t, got)
		require.Equal(t, payload, got.(interface{ Raw() []byte }).Raw())
		message, ok := got.(*messaging.MessageEvent)
		if !ok || !json.Valid(payload) {
			return
		}
		if m := message.Message; m != nil && m.Content != nil {
			require.NotPanics(t, func() { _ = m.Content.ContentType() })
			_, err := json.Marshal(m)
			require.NoError(t, err, "what was read can be written")
		}
	})
}
