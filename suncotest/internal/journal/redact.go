package journal

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

const hidden = "REDACTED"

// Redacted returns a copy without the credentials of the platform and its partner:
// tokens, codes, states, client secrets, webhook secrets, nonces and cookies.
func (r Request) Redacted() Request {
	exchange := strings.HasSuffix(strings.ToLower(r.Path), "/oauth/token")
	r.RawQuery = redactQuery(r.RawQuery)
	r.Body = redactBody(r.Header, r.Body, exchange)
	r.ReplyBody = redactBody(r.ReplyHeader, r.ReplyBody, false)
	r.Header, r.ReplyHeader = redactHeader(r.Header), redactHeader(r.ReplyHeader)
	return r
}

func redactHeader(h http.Header) http.Header {
	h = h.Clone()
	for _, name := range []string{"Authorization", "X-Api-Key", "Cookie", "Set-Cookie"} {
		if h.Get(name) != "" {
			h.Set(name, hidden)
		}
	}
	for _, name := range []string{"Location", "Referer"} {
		if at, query, found := strings.Cut(h.Get(name), "?"); found {
			h.Set(name, at+"?"+redactQuery(query))
		}
	}
	return h
}

// redactQuery hides the values of a query or a form.
func redactQuery(query string) string {
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, _, _ := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil || slices.Contains([]string{"code", "state", "client_secret", "access_token", "nonce"}, plain) {
			pairs[i] = name + "=" + hidden
		}
	}
	return strings.Join(pairs, "&")
}

// redactBody hides what is in a form, a page or JSON. In the body of an exchange code is
// a credential; elsewhere it names an error.
func redactBody(h http.Header, body []byte, exchange bool) []byte {
	if strings.HasPrefix(h.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return []byte(redactQuery(string(body)))
	}
	members := "access_token|client_secret|secret"
	if exchange {
		members += "|code"
	}
	text := regexp.MustCompile(`("(?:`+members+`)"\s*:\s*)"(?:[^"\\]|\\.)*"?`).ReplaceAll(body, []byte(`$1"`+hidden+`"`))
	text = regexp.MustCompile(`(name="nonce" value=)"[^"]*"`).ReplaceAll(text, []byte(`$1"`+hidden+`"`))
	return regexp.MustCompile(`eyJ[\w-]+\.eyJ[\w-]+(?:\.[\w-]*)?`).ReplaceAll(text, []byte(hidden)) // a token
}
