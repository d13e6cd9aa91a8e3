package suncotest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// toldPayloads returns the payloads of a delivery, each with its type.
func toldPayloads(r *http.Request) (all []map[string]any) {
	body, _ := io.ReadAll(r.Body)
	var delivery struct {
		Events []struct {
			Type    string
			Payload map[string]any
		}
	}
	_ = json.Unmarshal(body, &delivery) // a probe has no body
	for _, e := range delivery.Events {
		e.Payload["type"] = e.Type
		all = append(all, e.Payload)
	}
	return all
}

// TestChatIsTold checks what a webhook hears of what the integration itself does.
func TestChatIsTold(t *testing.T) {
	for _, whole := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t)
			var told []map[string]any
			d.p.Mount("partner.example", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				told = append(told, toldPayloads(r)...)
			}))
			full := map[bool]string{false: "false", true: "true"}[whole]
			hook := `{"target":"` + hookTarget + `","triggers":["conversation:create","conversation:message"],` +
				`"includeFullUser":` + full + `}`
			require.Equal(t, 201, d.post("/integrations/me/webhooks", hook).Status)
			id := d.user("jane")
			conv := d.conversation(id)
			synctest.Wait()
			require.Equal(t, 201, d.post("/conversations/"+conv+"/messages",
				`{"author":{"type":"user","userId":"`+id+`"},"content":{"type":"text","text":"Hello"}}`).Status)
			synctest.Wait()
			require.Equal(t, 201, d.say(conv, "Welcome").Status)
			synctest.Wait()

			require.Len(t, told, 3)
			user := map[string]any{"id": id, "externalId": "jane", "authenticated": false}
			if whole {
				user = told[0]["user"].(map[string]any)
				assert.Contains(t, user, "profile")
			}
			bot := told[0]["conversation"].(map[string]any)["activeSwitchboardIntegration"].(map[string]any)
			short := map[string]any{"id": conv, "type": "personal", "activeSwitchboardIntegration": map[string]any{
				"id": bot["id"], "name": "shoplifter", "integrationType": "shoplifter",
				"integrationId": d.p.Installations()[0].IntegrationID,
			}}
			assert.Equal(t, map[string]any{
				"type": "conversation:create", "conversation": short, "creationReason": "none", "user": user,
				"source": map[string]any{"type": "api:conversations"},
			}, told[0])
			assert.Equal(t, short, told[1]["conversation"])
			message := told[1]["message"].(map[string]any)
			assert.Equal(t, map[string]any{"type": "user", "userId": id, "displayName": "jane", "user": user}, message["author"])
			assert.Equal(t, map[string]any{"type": "text", "text": "Hello"}, message["content"])
			message = told[2]["message"].(map[string]any)
			assert.Equal(t, map[string]any{"type": "business"}, message["author"])
		})
	}
}
