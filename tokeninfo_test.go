package sunco_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

func TestTokenInfo(t *testing.T) {
	const body = `{"app":{"id":"5963ba5b","displayName":"Ünïcode \"Inc\"","subdomain":"Acme","settings":{
		"conversationRetentionSeconds":3600,"maskCreditCardNumbers":true,"useAnimalNames":false,"echoPostback":true,
		"ignoreAutoConversationStart":true,"multiConvoEnabled":true,"appLocalizationEnabled":true,
		"endSessionEnabled":true,"disableConversationReopen":true,"new":{}},
		"metadata":{"a":"b","n":1.5,"t":true},"future":[1]},"other":1}`
	app, err := newClient(always(200, body)).TokenInfo(t.Context(), acme().Token)
	require.NoError(t, err)
	assert.Equal(t, "5963ba5b", app.ID)
	assert.Equal(t, `Ünïcode "Inc"`, app.DisplayName)
	assert.Equal(t, "Acme", app.Subdomain, "as Zendesk spells it")
	assert.Equal(t, sunco.AppSettings{
		ConversationRetentionSeconds: 3600, MaskCreditCardNumbers: true, EchoPostback: true,
		IgnoreAutoConversationStart: true, MultiConvoEnabled: true, AppLocalizationEnabled: true,
		EndSessionEnabled: true, DisableConversationReopen: true,
	}, app.Settings())
	assert.Equal(t, map[string]any{"a": "b", "n": 1.5, "t": true}, app.Metadata())
	assert.Contains(t, string(app.Raw()), `"future":[1]`, "unknown members are kept")
}

func TestTokenInfoLenient(t *testing.T) {
	for name, body := range map[string]string{
		"least":        `{"app":{"id":"a"}}`,
		"nulls":        `{"app":{"id":"a","displayName":null,"subdomain":null,"settings":null,"metadata":null}}`,
		"odd settings": `{"app":{"id":"a","settings":[1],"metadata":"x"}}`,
		"half an emoji": `{"app":{"id":"a","displayName":"Bakery \ud83e",` +
			`"metadata":{"\ud83d":1,"\ude00":2}},"\ud83e":1}`,
		"halves of an emoji":  `{"app":{"id":"a"},"\ud83d":1,"\ude00":2}`,
		"invalid UTF-8":       "{\"app\":{\"id\":\"a\",\"displayName\":\"\xff\"}}",
		"subdomain no string": `{"app":{"id":"a","subdomain":1}}`,
		"name no string":      `{"app":{"displayName":[],"id":"a"}}`,
		"repeated inside":     `{"app":{"id":"b","id":"a","metadata":{"x":{"k":1,"k":2}}},"x":[{"k":1,"k":2}]}`,
		"empty error":         `{"app":{"id":"a"},"error":"","errors":[]}`,
		"other case":          `{"app":{"id":"a","Subdomain":"evil","SUBDOMAIN":"evil","ID":"b"},"App":{"id":"c"}}`,
	} {
		app, err := newClient(always(200, body)).TokenInfo(t.Context(), acme().Token)
		require.NoError(t, err, name)
		assert.Equal(t, "a", app.ID)
		assert.Empty(t, app.Subdomain, name)
		assert.Zero(t, app.Settings(), name)
	}
}

// One setting of another type costs no other.
func TestSettingsLenient(t *testing.T) {
	const body = `{"app":{"id":"a","metadata":{"a":{"b":1},"c":"d"},` +
		`"settings":{"conversationRetentionSeconds":"long","echoPostback":true,"useAnimalNames":1}}}`
	app, err := newClient(always(200, body)).TokenInfo(t.Context(), acme().Token)
	require.NoError(t, err)
	assert.Equal(t, sunco.AppSettings{EchoPostback: true}, app.Settings())
	assert.Equal(t, map[string]any{"a": map[string]any{"b": 1.0}, "c": "d"}, app.Metadata())
}

func TestTokenInfoBadReply(t *testing.T) {
	for name, body := range map[string]string{
		"no app":             `{}`,
		"null":               `{"app":null}`,
		"no object":          `{"app":"a"}`,
		"array":              `[{"app":{"id":"a"}}]`,
		"no id":              `{"app":{"displayName":"x"}}`,
		"empty id":           `{"app":{"id":""}}`,
		"numeric id":         `{"app":{"id":1}}`,
		"hostile id":         `{"app":{"id":"../x"}}`,
		"long id":            `{"app":{"id":"` + strings.Repeat("a", 65) + `"}}`,
		"APP":                `{"APP":{"id":"a"}}`,
		"Id":                 `{"app":{"Id":"a"}}`,
		"app twice":          `{"app":{"id":"a"},"app":{"id":"b"}}`,
		"app twice, escaped": `{"app":{"id":"a"},"\u0061pp":{"id":"a"}}`,
		"twice outside":      `{"app":{"id":"a"},"x":1,"x":1}`,
		"trailing":           `{"app":{"id":"a"}}x`,
		"error inside":       `{"app":{"id":"a"},"errors":[{"code":"x","title":"y"}]}`,
		"truncated":          `{"app":{"id":"a"`,
		"HTML":               "<html>",
		"empty":              "",
		"too long":           `{"app":{"id":"a","x":"` + strings.Repeat("a", 64<<10) + `"}}`,
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

func TestTokenInfoBadReplyReasons(t *testing.T) {
	for body, want := range map[string]string{
		`[]`: "not a JSON object", `"x"`: "not a JSON object", `[`: "not JSON", `{"app":{"id":"a"}`: "not JSON",
		`{"app":{"id":"a"},"app":{"id":"a"}}`: "a member is repeated", `{}`: "it names no app", ``: "it is empty",
	} {
		t.Run(body, func(t *testing.T) {
			_, err := newClient(always(200, body)).TokenInfo(t.Context(), acme().Token)
			assert.ErrorContains(t, err, want)
		})
	}
}

// However many members there are, only what is repeated at the top is refused,
// and nothing is remembered from one reply to the next.
func TestTokenInfoManyMembers(t *testing.T) {
	for _, n := range []int{0, 1, 6, 7, 8, 9, 50} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			var members strings.Builder
			for i := range n {
				fmt.Fprintf(&members, `"m%d":{"x":1,"x":2},`, i)
			}
			body := `{"":0,` + members.String() + `"app":{"id":"a"}`
			for range 3 {
				app, err := newClient(always(200, body+`}`)).TokenInfo(t.Context(), acme().Token)
				require.NoError(t, err)
				assert.Equal(t, "a", app.ID)
			}
			for _, repeated := range []string{"", "app", "m0", "m7", `m\u0038`, fmt.Sprint("m", n-1)} {
				twice := fmt.Sprintf(`%s,"%s":0,"%s":0}`, body, repeated, repeated)
				_, err := newClient(always(200, twice)).TokenInfo(t.Context(), acme().Token)
				assert.ErrorContains(t, err, "a member is repeated", "%q", repeated)
			}
		})
	}
}
