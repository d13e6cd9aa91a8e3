package sandbox

import (
	"encoding/json"
	"fmt"
	"go/format"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sunco-go/sunco/suncotest"
)

var (
	targetMember     = regexp.MustCompile(`"target"\s*:\s*"(?:[^"\\]|\\.)*"?`)
	conversationPath = regexp.MustCompile(`^/conversations/[0-9a-f]{24}/`)

	longID      = regexp.MustCompile(`([0-9a-f]{6})[0-9a-f]{18}\b`)
	hiddenValue = regexp.MustCompile(`(\w+)("?\s*[:=]\s*"?)REDACTED`)
)

// variables stand for credentials in what is copied.
var variables = map[string]string{
	"access_token":  "$SUNCO_TOKEN",
	"client_secret": "$SUNCO_CLIENT_SECRET",
	"code":          "$SUNCO_CODE",
	"nonce":         "$SUNCO_NONCE",
	"secret":        "$SUNCO_WEBHOOK_SECRET",
	"state":         "$SUNCO_STATE",
}

// command starts an example that this platform knows. Of the secrets it shows only the
// default one, which is none.
func (s *Sandbox) command() string {
	secret := `"$SUNCO_CLIENT_SECRET"`
	if s.cfg.Platform.ClientSecret == suncotest.DefaultClientSecret {
		secret = suncotest.DefaultClientSecret
	}
	return "SUNCO_DOMAIN=" + s.Domain() + " SUNCO_CLIENT_ID=" + shell(s.cfg.Platform.ClientID) +
		" SUNCO_CLIENT_SECRET=" + secret + " go run ./examples/hello"
}

// curlOfRequest returns the command that repeats a whole request to the platform, given
// without its credentials. It returns nothing when its path is hidden or its body no text.
func (s *Sandbox) curlOfRequest(r suncotest.Request) string {
	body := s.hide(string(r.Body))
	if s.shown(r.Path) != r.Path || strings.ContainsRune(body, 0) || !utf8.ValidString(body) {
		return ""
	}
	address := s.scheme + "://" + r.Host + r.Path
	if r.RawQuery != "" {
		address += "?" + s.hide(r.RawQuery)
	}
	lines := []string{"curl -X " + shell(r.Method) + " " + withVariables(shell(address))}
	if r.Header.Get("Authorization") != "" {
		lines = append(lines, `-H "Authorization: Bearer $SUNCO_TOKEN"`)
	}
	for name, values := range r.Header {
		if name == "Content-Type" || strings.HasPrefix(name, "X-Zendesk-") {
			lines = append(lines, "-H "+shell(name+": "+values[0]))
		}
	}
	slices.Sort(lines[1:])
	if body != "" {
		lines = append(lines, "--data-binary "+withVariables(shell(body)))
	}
	return strings.Join(lines, " \\\n  ")
}

// curlOfDelivery returns the command that repeats a delivery.
func (s *Sandbox) curlOfDelivery(d suncotest.Delivery) string {
	target := shell(d.Target)
	if s.shownURL(d.Target) != d.Target {
		target = `"$SUNCO_EVENTS_URL"`
	}
	return "curl -X POST " + target + " \\\n  -H \"X-API-Key: $SUNCO_WEBHOOK_SECRET\" \\\n" +
		"  -H 'Content-Type: application/json' \\\n  --data-binary " + shell(string(d.Body))
}

// shell quotes a word.
func shell(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// withVariables replaces what was hidden in a quoted word by variables.
func withVariables(word string) string {
	return hiddenValue.ReplaceAllStringFunc(word, func(found string) string {
		part := hiddenValue.FindStringSubmatch(found)
		if name, known := variables[part[1]]; known {
			return part[1] + part[2] + `'"` + name + `"'`
		}
		return found
	})
}

// goTest returns a test that plays a delivery.
func goTest(d suncotest.Delivery) string {
	var body struct {
		Events []struct {
			ID, Type  string
			CreatedAt time.Time
			Payload   json.RawMessage
		}
	}
	if json.Unmarshal(d.Body, &body) != nil {
		return ""
	}
	u, err := url.Parse(d.Target)
	if err != nil {
		return ""
	}
	target := u.EscapedPath()
	if slices.ContainsFunc(strings.Split(target, "/"), func(part string) bool { return len(part) > maxShown }) {
		target = "/" // a part of the path may be a key
	}
	var out strings.Builder
	fmt.Fprintf(&out, `func TestDelivery(t *testing.T) {
		delivery := suncotest.NewDelivery(
			suncotest.Webhook{AppID: %q, ID: %q, Target: %q},
			os.Getenv("SUNCO_WEBHOOK_SECRET"),
`, d.AppID, d.WebhookID, target)
	for _, e := range body.Events {
		fmt.Fprintf(&out, "suncotest.Event{\nID: %q,\nTrigger: %q,\n", e.ID, e.Type)
		if at := e.CreatedAt.UTC(); !at.IsZero() {
			fmt.Fprintf(&out, "CreatedAt: time.Date(%d, %d, %d, %d, %d, %d, %d, time.UTC),\n", at.Year(), at.Month(), at.Day(),
				at.Hour(), at.Minute(), at.Second(), at.Nanosecond())
		}
		fmt.Fprintf(&out, "Payload: json.RawMessage(%s),\n},\n", goText(pretty(e.Payload)))
	}
	fmt.Fprintf(&out, `)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, delivery) // handler is your EventHandler
		if answer.Code != %d {
			t.Errorf("the handler answered %%d", answer.Code)
		}
	}
`, http.StatusOK)
	source, err := format.Source([]byte(out.String()))
	if err != nil {
		return ""
	}
	return string(source)
}

// goText is a text in Go, readable where that is possible.
func goText(text string) string {
	if strconv.CanBackquote(strings.ReplaceAll(text, "\n", "")) {
		return "`" + text + "`"
	}
	return strconv.Quote(text)
}
