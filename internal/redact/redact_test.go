package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const secret = `tk/9+=&"<~'7 ü\x`

func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02x", s[i])
	}
	return b.String()
}

// alternate escapes every other byte twice.
func alternate(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if i%2 == 0 {
			fmt.Fprintf(&b, "%%25%02x", s[i])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// forms are those in which a server, or a Go error, may repeat a credential.
func forms(secret string) map[string]string {
	quoted, _ := json.Marshal(secret)
	return map[string]string{
		"as it is":          secret,
		"hexadecimal":       hex.EncodeToString([]byte(secret)),
		"upper hexadecimal": strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"hex in pairs":      fmt.Sprintf("% x", secret),
		"query":             url.QueryEscape(secret),
		"path":              url.PathEscape(secret),
		"percent":           percent(secret),
		"upper percent":     strings.ToUpper(percent(secret)),
		"percent twice":     url.QueryEscape(percent(secret)),
		"half of it twice":  alternate(secret),
		"plus for a space":  strings.ReplaceAll(secret, " ", "+"),
		"Go":                strconv.Quote(secret),
		"Go in ASCII":       strconv.QuoteToASCII(secret),
		"JSON":              string(quoted),
		"JSON of PHP":       strings.ReplaceAll(string(quoted), "/", `\/`),
		"HTML":              html.EscapeString(secret),
	}
}

func TestContains(t *testing.T) {
	// One has letters, which are also found in pieces, the others do not.
	for _, secret := range []string{secret, `~"/ <&>\+='`, "~~ ~~", "üöäß", "\x01\x02\x03\x04"} {
		for name, form := range forms(secret) {
			t.Run(fmt.Sprintf("%q/%s", secret, name), func(t *testing.T) {
				assert.True(t, Contains(form, secret))
				assert.True(t, Contains("you sent "+form+", which is wrong", "another-secret", secret))
				assert.False(t, Contains(form, "another-secret"))
			})
		}
	}
}

// Wherever a credential lies in a longer text that was encoded.
func TestContainsBase64(t *testing.T) {
	for _, value := range []string{secret, "~~~~~~~~~~", "c0de-5f8a2b7c1d9e", "\xfb\xff\xfe\xfb\xff\xfe\xfb"} {
		for before := range 4 {
			for name, encoding := range map[string]*base64.Encoding{
				"standard": base64.StdEncoding, "raw": base64.RawStdEncoding,
				"URL": base64.URLEncoding, "raw URL": base64.RawURLEncoding,
			} {
				t.Run(fmt.Sprintf("%q/%d before/%s", value, before, name), func(t *testing.T) {
					text := encoding.EncodeToString([]byte(strings.Repeat("?", before) + value + "!!"))
					assert.True(t, Contains("basic "+text, value))
				})
			}
		}
	}
	assert.False(t, Contains("YWJjZGVmZ2hpamtsbW5vcA==", secret))
}

// Eight letters and digits of a credential are a piece of it, whatever stands
// between them; seven can be chance.
func TestContainsPieces(t *testing.T) {
	const code = "c0de5f8a2b7c1d9e"
	for name, tc := range map[string]struct {
		text string
		want bool
	}{
		"beginning":    {"code c0de5f8a", true},
		"end":          {"2b7c1d9e is spent", true},
		"middle":       {"…5f8a2b7c…", true},
		"seven":        {"c0de5f8", false},
		"seven in all": {"c0de5f8 2b7c1d9 c0de5f8", false},
		"upper case":   {"C0DE5F8A", true},
		"spaced":       {"c0 de 5f 8a", true},
		"hyphens":      {"c0de-5f8a", true},
		"zero width":   {"c0de\u200b5f8a", true},
		"umlaut":       {"c0deü5f8a", true},
		"others":       {"the code is wrong or has expired", false},
		"nothing":      {"", false},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, Contains(tc.text, code)) })
	}
	assert.True(t, Contains("say abc123 again", "abc123"), "a shorter one is one piece")
	assert.False(t, Contains("say abc12 again", "abc123"))
}

// What is too short to be a credential, and what has no letter and no digit,
// must not withhold every text.
func TestContainsNothing(t *testing.T) {
	for _, value := range []string{"", "a", "ab", "abc"} {
		assert.False(t, Contains("abc", value), "%q", value)
	}
	assert.True(t, Contains("abcd", "abcd"), "four bytes are looked for")
	assert.False(t, Contains("bad request", "~~~~"))
	assert.False(t, Contains("bad request", "    "))
	assert.False(t, Contains("bad request"))
	assert.True(t, Contains("bad ~~~~ request", "~~~~"))
}

func TestUnescape(t *testing.T) {
	for text, want := range map[string]string{
		"":             "",
		"plain+text":   "plain+text",
		"a%20b":        "a b",
		"%41%4a%4A":    "AJJ",
		"%c3%BC":       "ü",
		"%2541":        "%41",
		"100%":         "100%",
		"100%4":        "100%4",
		"%zz%41":       "%zzA",
		"%4":           "%4",
		"%%41":         "%A",
		"%4%41":        "%4A",
		"%00":          "\x00",
		"%E2%82%ACx%2": "€x%2",
	} {
		t.Run(text, func(t *testing.T) { assert.Equal(t, want, Unescape(text)) })
	}
}

// No text makes it panic, and one that repeats the secret is always found.
func FuzzContains(f *testing.F) {
	for _, text := range []string{"", `\`, `\u12`, `\"`, `a\`, "%", "%2", "&#99;", "&#x63;%63\\x63", "\xff", secret} {
		f.Add(text, secret)
		f.Add(text+secret, "~~~~")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		Contains(text, value)
		if len(value) >= 4 && !Contains(text+value+text, value) {
			t.Fatal("the secret as it is was not found")
		}
		if _, found := strings.CutPrefix(Unescape("a"+text), "a"); !found {
			t.Fatal("what is no escape has changed")
		}
	})
}
