package main

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// webviewLink finds the latest button of a webview, and its size and whether it opens by itself.
func webviewLink(t *testing.T, page string) (address, size string, opens bool) {
	t.Helper()
	found := regexp.MustCompile(`href="(/sandbox/webview\?[^"]*)" title="[^"]*" target="_blank"\s+`+
		`data-size="(\w+)"( data-open)?>`).FindAllStringSubmatch(page, -1)
	require.NotEmpty(t, found)
	last := found[len(found)-1]
	return html.UnescapeString(last[1]), last[2], last[3] != ""
}

func TestWebview(t *testing.T) {
	t.Parallel()
	x := converse(t)
	assert.Contains(t, x.get("/").Header.Get("Content-Security-Policy"), "; frame-src 'self'; ", "its own documents only")
	const target, action = "https://w.example/a?b=1&c=%22", `"type":"webview","text":"Book <1>","uri":"` +
		`https://w.example/a?b=1&c=%22","fallback":"https://f.example/"`
	for _, test := range []struct {
		content, size string
		opens         bool
	}{
		{`{"type":"text","text":"w","actions":[{` + action + `}]}`, "full", false},
		{`{"type":"text","text":"w","actions":[{` + action + `,"size":"tall","openOnReceive":true}]}`, "tall", true},
		{`{"type":"list","items":[{"title":"w","actions":[{` + action + `,"size":"compact"}]}]}`, "compact", false},
	} {
		x.post(test.content)
		address, size, opens := webviewLink(t, x.look(""))
		assert.Equal(t, test.size, size)
		assert.Equal(t, test.opens, opens)
		document := x.get(address)
		require.Equal(t, http.StatusOK, document.StatusCode, document.text)
		assert.Contains(t, document.text, `<iframe src="`+html.EscapeString(target)+`" title="Book &lt;1&gt;" `+
			`sandbox="allow-forms allow-same-origin allow-scripts" referrerpolicy="no-referrer">`)
		assert.Contains(t, document.text, `<a href="https://f.example/" target="_blank" rel="noopener noreferrer">`)
		assert.Equal(t, "default-src 'none'; style-src 'self'; frame-src http: https:; form-action 'none'; "+
			"base-uri 'none'; frame-ancestors 'self'", document.Header.Get("Content-Security-Policy"))
		assert.Equal(t, "nosniff", document.Header.Get("X-Content-Type-Options"))

		// It frames nothing but what the bot sent.
		for name, value := range map[string]string{"url": "https://evil.example/", "msg": "m", "app": "a"} {
			asked, err := url.Parse(address)
			require.NoError(t, err)
			query := asked.Query()
			query.Set(name, value)
			got := x.get(asked.Path + "?" + query.Encode())
			assert.Equal(t, http.StatusNotFound, got.StatusCode, name)
			assert.NotContains(t, got.text, "evil", name)
		}
	}

	x.post(`{"type":"text","text":"w","actions":[{"type":"webview","text":"</title><script>alert(1)</script>",` +
		`"uri":"https://w.example/?\"><script>","fallback":"javascript:alert(1)"}]}`)
	address, _, _ := webviewLink(t, x.look(""))
	document := x.get(address)
	require.Equal(t, http.StatusOK, document.StatusCode, document.text)
	assert.NotContains(t, document.text, "<script")
	assert.NotContains(t, document.text, "javascript:")
	assert.NotContains(t, document.text, "Fallback")
}
