package sunco_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

func TestTokenInfo(t *testing.T) {
	const body = `{"app":{"id":"5963ba5b","displayName":"Ünïcode \"Inc\"","subdomain":"Acme","settings":{"conversationRetentionSeconds":3600,"maskCreditCardNumbers":true,"useAnimalNames":false,"echoPostback":true,
		"ignoreAutoConversationStart":true,"multiConvoEnabled":true,"appLocalizationEnabled":true,"endSessionEnabled":true,"disableConversationReopen":true,"new":{}},"metadata":{"a":"b","n":1.5,"t":true},"future":[1]},"other":1}`
	app, err := newClient(always(200, body)).TokenInfo(t.Context(), acme().Token)
	require.NoError(t, err)
	assert.Equal(t, "5963ba5b", app.ID)
	assert.Equal(t, `Ünïcode "Inc"`, app.DisplayName)
	assert.Equal(t, "Acme", app.Subdomain, "as Zendesk spells it")
	settings, err := app.Settings()
	require.NoError(t, err)
	assert.Equal(t, sunco.AppSettings{ConversationRetentionSeconds: 3600, MaskCreditCardNumbers: true, EchoPostback: true, IgnoreAutoConversationStart: true, MultiConvoEnabled: true,
		AppLocalizationEnabled: true, EndSessionEnabled: true, DisableConversationReopen: true}, settings)
	metadata, err := app.Metadata()
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"a": "b", "n": 1.5, "t": true}, metadata)
	assert.Contains(t, string(app.Raw()), `"future":[1]`, "unknown members are kept")
}

func TestTokenInfoLenient(t *testing.T) {
	for name, body := range map[string]string{
		"least": `{"app":{"id":"a"}}`, "nulls": `{"app":{"id":"a","displayName":null,"subdomain":null,"settings":null,"metadata":null}}`,
		"odd settings": `{"app":{"id":"a","settings":[1],"metadata":"x"}}`, "other case": `{"app":{"id":"a","Subdomain":"evil","SUBDOMAIN":"evil","ID":"b"},"App":{"id":"c"}}`,
	} {
		app, err := newClient(always(200, body)).TokenInfo(t.Context(), acme().Token)
		require.NoError(t, err, name)
		assert.Equal(t, "a", app.ID)
		assert.Empty(t, app.Subdomain, name)
		_, err = app.Settings()
		_, merr := app.Metadata()
		if name == "odd settings" {
			assert.ErrorIs(t, err, sunco.ErrBadReply, "a change of the settings breaks only them")
			assert.ErrorIs(t, merr, sunco.ErrBadReply)
		} else {
			assert.NoError(t, err)
			assert.NoError(t, merr)
		}
	}
}

func TestTokenInfoBadReply(t *testing.T) {
	for name, body := range map[string]string{
		"no app": `{}`, "null": `{"app":null}`, "no object": `{"app":"a"}`, "array": `[{"app":{"id":"a"}}]`, "no id": `{"app":{"displayName":"x"}}`, "empty id": `{"app":{"id":""}}`, "numeric id": `{"app":{"id":1}}`,
		"hostile id": `{"app":{"id":"../x"}}`, "long id": `{"app":{"id":"` + strings.Repeat("a", 65) + `"}}`, "APP": `{"APP":{"id":"a"}}`, "Id": `{"app":{"Id":"a"}}`, "subdomain no string": `{"app":{"id":"a","subdomain":1}}`,
		"id twice": `{"app":{"id":"a","id":"b"}}`, "app twice": `{"app":{"id":"a"},"app":{"id":"b"}}`, "subdomain twice, escaped": `{"app":{"id":"a","subdomain":"x","subdom\u0061in":"y"}}`,
		"twice in metadata": `{"app":{"id":"a","metadata":{"x":{"k":1,"k":2}}}}`, "twice outside": `{"app":{"id":"a"},"x":[{"k":1,"k":2}]}`, "trailing": `{"app":{"id":"a"}}x`, "error inside": `{"app":{"id":"a"},"errors":[{"code":"x","title":"y"}]}`,
		"truncated": `{"app":{"id":"a"`, "HTML": "<html>", "empty": "", "too long": `{"app":{"id":"a","x":"` + strings.Repeat("a", 64<<10) + `"}}`, "invalid UTF-8": "{\"app\":{\"id\":\"a\",\"x\":\"\xff\"}}",
	} {
		t.Run(name, func(t *testing.T) {
			w := always(200, body, "X-Request-Id", "req-7")
			app, err := newClient(w).TokenInfo(t.Context(), acme().Token)
			assert.Nil(t, app)
			require.ErrorIs(t, err, sunco.ErrBadReply)
			assert.NotErrorIs(t, err, sunco.ErrUnauthorized)
			assert.False(t, ambiguous(err))
			failed := requireError(t, err)
			assert.Equal(t, http.StatusOK, failed.Status)
			assert.Equal(t, "req-7", failed.RequestID)
			assert.Equal(t, 1, w.count())
		})
	}
}
