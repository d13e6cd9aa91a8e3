package suncotest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

// Programs cut texts inside an emoji. Whatever the half is in, it goes out as it came
// in, and never costs more than itself.
func TestHalfEmojis(t *testing.T) {
	w := newWorld(t, suncotest.Config{Accounts: []suncotest.Account{{
		Subdomain:   "acme",
		DisplayName: "Bakery <\xed\xa0\xbe> \xed\xb8\x80\xff 😀",
		Metadata:    map[string]any{"motto": json.RawMessage(`"Bread \ud83c"`)},
	}}})
	d := &desk{w, w.install("acme"), acmeURL + "/v2/apps/" + w.appID("acme")}
	heard := make(chan string, 10)
	w.p.Mount("partner.example", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); len(body) > 0 {
			heard <- string(body)
		}
	}))
	require.Equal(t, 201, d.post("/integrations/me/webhooks", goodHook).Status)

	info := w.api(d.token, http.MethodGet, tokenInfoURL, "").Body
	info = strings.ReplaceAll(info, `\ufffd`, "\ufffd") // Go 1.26 and 1.27 write it differently
	assert.Contains(t, info, `"displayName":"Bakery \u003c\ud83e\u003e \ude00`+"\ufffd"+` 😀"`)
	assert.Contains(t, info, `"motto":"Bread \ud83c"`)

	require.NoError(t, w.p.Say(d.appID("acme"), "jane", "cake <\xed\xa0\xbc>"))
	assert.Contains(t, <-heard, `"text":"cake <\ud83c>"`)
	require.NoError(t, w.p.Emit(d.appID("acme"), suncotest.Event{
		Trigger: "conversation:message", Payload: json.RawMessage(`{"metadata":{"\ud83d":1,"\ude00":2}}`),
	}))
	assert.Contains(t, <-heard, `{"\ud83d":1,"\ude00":2}`)

	conv := w.p.Conversations(d.appID("acme"))[0].ID
	const halves = `{"author":{"type":"business"},"content":{"type":"text","text":"pie \ud83c"},` +
		`"metadata":{"\ud83d":1,"\ude00":2}}`
	a := d.post("/conversations/"+conv+"/messages", halves)
	require.Equal(t, 201, a.Status, a.Body)
	assert.Contains(t, a.Body, `"text":"pie \ud83c"`)
	assert.Contains(t, a.Body, `"metadata":{"\ud83d":1,"\ude00":2}`)
	requireCode(t, d.post("/users", `{"externalId":"x","metadata":{"\ud83d":1,"\ud83d":2}}`), 400, "bad_request")
}
