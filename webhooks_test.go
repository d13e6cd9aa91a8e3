package sunco_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

func assertHook(t *testing.T, got *sunco.Webhook) {
	t.Helper()
	require.NotNil(t, got)
	assertSecret(t, "whsec-1", got.Secret)
	plain := *got
	plain.Secret = sunco.Secret{}
	assert.Equal(
		t,
		sunco.Webhook{
			ID: testHook, Version: "v2", Target: "https://bot.example/hook",
			Triggers: []string{"conversation:message"},
		},
		plain,
	)
}

func TestCreateWebhook(t *testing.T) {
	w := always(201, webhookReply)
	given := &sunco.Webhook{
		ID: "ignored", Version: "v9", Secret: sunco.NewSecret("ignored"),
		Target: "http://bot.example:8080/h?a=<b>&c", Triggers: []string{"user:merge", "a:b"},
		IncludeFullSource: true,
	}
	before := *given
	got, err := newClient(w).CreateWebhook(t.Context(), acme(), given)
	require.NoError(t, err)
	assertHook(t, got)
	assert.Equal(t, []string{"POST " + hooksURL}, w.lines())
	assert.Equal(
		t,
		`{"target":"http://bot.example:8080/h?a=<b>&c","triggers":["user:merge","a:b"],`+
			`"includeFullUser":false,"includeFullSource":true}`,
		w.requests()[0].Body,
	)
	assert.Equal(t, before, *given)
}

func TestListWebhooks(t *testing.T) {
	w := always(200, webhooksReply)
	got, err := newClient(w).ListWebhooks(t.Context(), acme())
	require.NoError(t, err)
	require.Len(t, got, 1)
	assertHook(t, &got[0])
	assert.Empty(t, w.requests()[0].Body)

	got, err = newClient(always(200, `{"webhooks":[]}`)).ListWebhooks(t.Context(), acme())
	require.NoError(t, err)
	assert.Empty(t, got)
}

func TestGetWebhook(t *testing.T) {
	w := always(200, webhookReply)
	got, err := newClient(w).GetWebhook(t.Context(), acme(), testHook)
	require.NoError(t, err)
	assertHook(t, got)

	_, err = newClient(always(
		404, `{"errors":[{"code":"webhook_not_found","title":"Webhook not found"}]}`,
	)).GetWebhook(t.Context(), acme(), testHook)
	assert.ErrorIs(t, err, sunco.ErrNotFound)
}

func TestUpdateWebhookSendsOnlyWhatChanges(t *testing.T) {
	for body, update := range map[string]sunco.WebhookUpdate{
		`{"target":"https://new.example/"}`: {Target: "https://new.example/"},
		`{"triggers":["user:merge"]}`:       {Triggers: []string{"user:merge"}},
		`{"includeFullUser":false}`:         {IncludeFullUser: new(false)},
		`{"includeFullUser":true}`:          {IncludeFullUser: new(true)},
		`{"includeFullSource":false}`:       {IncludeFullSource: new(false)},
		`{"includeFullUser":false,"includeFullSource":true}`: {
			IncludeFullUser: new(false), IncludeFullSource: new(true),
		},
		`{"target":"https://n.example","triggers":["a:b","c:d:e"]}`: {
			Target: "https://n.example", Triggers: []string{"a:b", "c:d:e"},
		},
	} {
		w := always(200, webhookReply)
		got, err := newClient(w).UpdateWebhook(t.Context(), acme(), testHook, update)
		require.NoError(t, err)
		assertHook(t, got)
		assert.Equal(t, []string{"PATCH " + hooksURL + "/" + testHook}, w.lines())
		assert.Equal(t, body, w.requests()[0].Body)
	}
	requireRefused := func(about string, update sunco.WebhookUpdate) {
		t.Helper()
		_, err := newClient(silent(t)).UpdateWebhook(t.Context(), acme(), testHook, update)
		requireInput(t, about, err)
	}
	requireRefused("webhook update", sunco.WebhookUpdate{})
	requireRefused("webhook triggers", sunco.WebhookUpdate{Triggers: []string{}})
	requireRefused("webhook target", sunco.WebhookUpdate{Target: "ftp://x"})
}

func TestDeleteWebhook(t *testing.T) {
	lost := step{err: errors.New("lost")}
	gone := step{status: 404, body: errorBody}
	for name, tc := range map[string]struct {
		steps []step
		want  error
	}{
		"done":                    {[]step{{status: 200, body: "{}"}}, nil},
		"204":                     {[]step{{status: 204}}, nil},
		"lost, then gone":         {[]step{lost, gone}, nil},
		"500, then gone":          {[]step{{status: 500}, gone}, nil},
		"lost, 429, then gone":    {[]step{lost, {status: 429}, gone}, nil},
		"lost, then a page":       {[]step{lost, {status: 404, body: "<html>"}}, sunco.ErrMoved},
		"502, then a page":        {[]step{{status: 502}, {status: 404, body: "<html>"}}, sunco.ErrMoved},
		"lost, then bare 404":     {[]step{lost, {status: 404}}, sunco.ErrNotFound},
		"lost, then done":         {[]step{lost, {status: 200, body: "{}"}}, nil},
		"not there at first":      {[]step{gone}, sunco.ErrNotFound},
		"429, then not there":     {[]step{{status: 429}, gone}, sunco.ErrNotFound},
		"lost, then forbidden":    {[]step{lost, {status: 403}}, sunco.ErrForbidden},
		"lost, then unauthorized": {[]step{lost, {status: 401}}, sunco.ErrUnauthorized},
		"HTML":                    {[]step{{status: 200, body: "<html>"}}, sunco.ErrBadReply},
		"an error inside":         {[]step{{status: 200, body: errorBody}}, sunco.ErrBadReply},
	} {
		inBubble(t, name, func(t *testing.T) {
			w := script(t, tc.steps...)
			err := newClient(w).DeleteWebhook(t.Context(), acme(), testHook)
			assert.ErrorIs(t, err, tc.want)
			assert.Equal(t, len(tc.steps), w.count())
			assert.False(t, ambiguous(err))
		})
	}
}

func TestWebhookInputs(t *testing.T) {
	targets := []string{
		"", "bot.example", "/hook", "//bot.example/hook", "ftp://bot.example", "https://", "https:///x",
		"https:bot.example", "https://:443/", "javascript:alert(1)", "https://u@bot.example/",
		"https://u:p@bot.example/", "https://@bot.example/", "https://bot.example/#", "https://bot.example/#frag",
		"https://bot.example/ x", "https://bot.example/\n", "https://bot.example/ü", "https://bot.example/%zz",
		"https://bot.example:port/", "HTTPS//x", "https://bot.example/\x00",
		"https://bot.example/" + strings.Repeat("a", 2048),
	}
	for _, target := range targets {
		hook := wantedHook()
		hook.Target = target
		_, err := newClient(silent(t)).CreateWebhook(t.Context(), acme(), hook)
		requireInput(t, "webhook target", err)
		_, err = newClient(silent(t)).EnsureWebhook(t.Context(), acme(), hook)
		requireInput(t, "webhook target", err)
		if target != "" {
			_, err = newClient(silent(t)).UpdateWebhook(
				t.Context(), acme(), testHook, sunco.WebhookUpdate{Target: target},
			)
			requireInput(t, "webhook target", err)
		}
	}
	for _, triggers := range [][]string{nil, {}, {""}, {"a:b", ""}, {"a b"}, {"a\n"}, {"ä"}, {"\xff"}} {
		hook := wantedHook()
		hook.Triggers = triggers
		_, err := newClient(silent(t)).CreateWebhook(t.Context(), acme(), hook)
		requireInput(t, "webhook triggers", err)
		_, err = newClient(silent(t)).EnsureWebhook(t.Context(), acme(), hook)
		requireInput(t, "webhook triggers", err)
	}
	hook := wantedHook()
	hook.Triggers = []string{strings.Repeat("t", 100_000)}
	_, err := newClient(silent(t)).CreateWebhook(t.Context(), acme(), hook)
	requireInput(t, "body", err)
	for _, target := range []string{
		"http://bot.example", "HTTPS://Bot.Example:8443/a?b=c&d", "http://127.0.0.1:8080/h", "http://[::1]/h",
	} {
		hook := wantedHook()
		hook.Target = target
		_, err := newClient(always(201, webhookReply)).CreateWebhook(t.Context(), acme(), hook)
		assert.NoError(t, err, target)
	}
}

// One odd member costs itself alone.
func TestOddWebhooks(t *testing.T) {
	const hook = `{"id":"a","version":2,"target":["x"],"triggers":["user:merge",7,"client:add"],"secret":"wh\ud83e",` +
		`"includeFullUser":"true","includeFullSource":true,"includeFullSource":true,"\ud83d":1,"\ude00":2}`
	want := &sunco.Webhook{ID: "a", Triggers: []string{"user:merge", "client:add"}, IncludeFullSource: true}
	check := func(t *testing.T, got *sunco.Webhook, err error) {
		require.NoError(t, err)
		assertSecret(t, "wh\ufffd", got.Secret)
		got.Secret = sunco.Secret{}
		assert.Equal(t, want, got)
	}
	got, err := newClient(always(201, `{"webhook":`+hook+`}`)).CreateWebhook(t.Context(), acme(), wantedHook())
	check(t, got, err)
	list, err := newClient(always(
		200, `{"webhooks":[1,{},{"id":"../x"},{"id":5},`+hook+`],"error":""}`,
	)).ListWebhooks(t.Context(), acme())
	require.NoError(t, err)
	require.Len(t, list, 1)
	check(t, &list[0], err)
}

// A creation whose reply cannot be used may have happened.
func TestBadWebhookReplies(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty":        "",
		"HTML":         "<html>",
		"array":        "[]",
		"null":         "null",
		"no webhook":   "{}",
		"null webhook": `{"webhook":null}`,
		"no id":        `{"webhook":{"target":"x"}}`,
		"hostile id":   `{"webhook":{"id":"../x"}}`,
		"numeric id":   `{"webhook":{"id":1}}`,
		"other case":   `{"Webhook":{"id":"a"}}`, "Id": `{"webhook":{"Id":"a"}}`,
		"truncated":    `{"webhook":{"id":"a"`,
		"trailing":     `{"webhook":{"id":"a"}}]`,
		"error inside": `{"webhook":{"id":"a"},"error":{"code":"x"}}`,
		"too long":     `{"webhook":{"id":"a","x":"` + strings.Repeat("x", 16<<20) + `"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			c := func() (*sunco.Client, *wire) {
				w := always(http.StatusCreated, body, "X-Request-Id", "req-3")
				return newClient(w), w
			}
			client, w := c()
			_, err := client.CreateWebhook(t.Context(), acme(), wantedHook())
			require.ErrorIs(t, err, sunco.ErrBadReply)
			assert.True(t, ambiguous(err))
			assert.Equal(t, 1, w.count())
			failed := requireError(t, err)
			assert.Equal(t, 201, failed.Status)
			assert.Equal(t, "req-3", failed.RequestID)
			client, _ = c()
			_, err = client.GetWebhook(t.Context(), acme(), testHook)
			require.ErrorIs(t, err, sunco.ErrBadReply)
			assert.False(t, ambiguous(err))
			client, _ = c()
			_, err = client.UpdateWebhook(
				t.Context(), acme(), testHook, sunco.WebhookUpdate{IncludeFullUser: new(true)},
			)
			require.ErrorIs(t, err, sunco.ErrBadReply)
		})
	}
	for _, body := range []string{
		"", "{}", "[]", `{"webhooks":null}`, `{"webhooks":{}}`, `{"Webhooks":[]}`, `{"webhooks":[]}x`,
		`{"webhooks":[],"errors":[1]}`,
	} {
		_, err := newClient(always(200, body)).ListWebhooks(t.Context(), acme())
		require.ErrorIs(t, err, sunco.ErrBadReply, body)
	}
}
