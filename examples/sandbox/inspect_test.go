package main

import (
	"bufio"
	"encoding/json"
	"go/parser"
	"go/token"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/examples/internal/partner"
)

// idsOf returns the event ids of a delivery that an application saw.
func idsOf(t *testing.T, line string) string {
	t.Helper()
	_, events, found := strings.Cut(line, `"events":[`)
	require.True(t, found, line)
	return regexp.MustCompile(`"id":"(\w+)"`).FindStringSubmatch(events)[1]
}

func TestSendAgain(t *testing.T) {
	x := converse(t)
	x.act("say", "text", "again")
	first := <-x.seen
	page := x.row(x.look(""), "conversation:message")
	again := regexp.MustCompile(`name="delivery" value="(\w+)"`).FindStringSubmatch(page)
	require.NotNil(t, again)
	for _, ids := range []string{"same", "new"} {
		sent := x.act("redeliver", "delivery", again[1], "ids", ids)
		assert.Equal(t, http.StatusBadRequest, sent.StatusCode, "a member that it does not have")
		sent = x.send(http.MethodPost, "/sandbox/redeliver", asForm, "delivery="+again[1]+"&ids="+ids, x.own()...)
		require.Equal(t, http.StatusSeeOther, sent.StatusCode, sent.text)
		got := <-x.seen
		assert.Equal(t, ids == "same", idsOf(t, got) == idsOf(t, first), ids)
		assert.Contains(t, got, "again")
	}
	page = x.look("pane=row&trigger=user:merge&row=d" + again[1])
	edit := regexp.MustCompile(`href="/\?([^"]*)">Edit…`).FindStringSubmatch(page)
	require.NotNil(t, edit)
	assert.Contains(t, x.look(html.UnescapeString(edit[1])), "&#34;text&#34;: &#34;again&#34;",
		"its own payload, also after a look at a sample")
	x.send(http.MethodPost, "/sandbox/uninstall", asForm, "appId="+x.app, x.own()...)
	page = x.look("pane=row&row=d" + again[1])
	assert.NotContains(t, page, ">Send again</button>", "its webhook is gone")
	sent := x.send(http.MethodPost, "/sandbox/redeliver", asForm, "delivery="+again[1]+"&ids=new", x.own()...)
	assert.Equal(t, http.StatusBadRequest, sent.StatusCode)
}

// copied returns what the detail of a row has to copy.
func copied(t *testing.T, page, what string) string {
	t.Helper()
	_, text, found := strings.Cut(page, "<summary>Copy as "+what+"</summary>")
	require.True(t, found, "nothing to copy as %s", what)
	_, text, _ = strings.Cut(text, "<pre tabindex=\"0\">")
	text, _, _ = strings.Cut(text, "</pre>")
	return html.UnescapeString(text)
}

// What is copied does the same again, with credentials from the environment.
func TestCopyAsCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	x := converse(t)
	run := func(command string, env ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "sh", "-c", "curl() { "+curl+" -sS --noproxy '*' \"$@\"; }\n"+command)
		cmd.Env = append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s\n%s", command, out)
		return string(out)
	}
	const text = `it's "quoted" $HOME \ and <b>`
	quoted, err := json.Marshal(text)
	require.NoError(t, err)
	x.post(`{"type":"text","text":` + string(quoted) + `}`)
	page := x.look("")
	command := copied(t, x.row(page, "POST …/messages"), "curl")
	assert.NotContains(t, command, x.token)
	assert.Contains(t, run(command, "SUNCO_TOKEN="+x.token), `"messages":[`)
	assert.Contains(t, <-x.seen, string(quoted)[1:len(quoted)-6])

	exchange := copied(t, x.row(page, "POST /sc/oauth/token"), "curl")
	assert.NotContains(t, exchange, "sandbox-secret")
	answer := run(exchange, "SUNCO_CLIENT_SECRET=sandbox-secret", "SUNCO_CODE=spent")
	assert.Contains(t, answer, "code", "the code was spent")
	assert.NotContains(t, exchange, "REDACTED")

	delivery := copied(t, x.row(page, "conversation:message"), "curl")
	run(delivery, "SUNCO_WEBHOOK_SECRET=any")
	assert.Contains(t, <-x.seen, "POST /hooks ")
}

// The Go test that is copied is the one in copied_test.go, but for ids and times.
func TestCopyAsGoTest(t *testing.T) {
	x := converse(t)
	source := copied(t, x.row(x.look(""), "conversation:message"), "Go test")
	vary := regexp.MustCompile(`[0-9a-f]{24}|"\d+"|\d{4}-\d\d-\d\dT[\d:.]+Z|time\.Date\([^)]*\)`)
	want, err := os.ReadFile("copied_test.go")
	require.NoError(t, err)
	_, body, found := strings.Cut(string(want), "func TestDelivery")
	require.True(t, found)
	assert.Equal(t, vary.ReplaceAllString("func TestDelivery"+body, "*"), vary.ReplaceAllString(source, "*"))

	x.act("say", "text", "with a ` in it")
	source = copied(t, x.row(x.look(""), "conversation:message"), "Go test")
	_, err = parser.ParseFile(token.NewFileSet(), "x_test.go", "package x\n"+source, parser.AllErrors)
	require.NoError(t, err, source)
}

func TestWhatWasCutCannotBeCopied(t *testing.T) {
	t.Parallel()
	x := converse(t)
	long := strings.Repeat("x", 200<<10)
	x.api("messages", `{"author":{"type":"business"},"content":{"type":"text","text":"`+long+`"}}`)
	page := x.row(x.look(""), "POST …/messages")
	assert.True(t, strings.Contains(page, "The platform read only the beginning."))
	assert.False(t, strings.Contains(page, "Copy as curl"))

	x.send(http.MethodPost, "/sc/v2/apps/"+x.app+"/attachments?access=public", "multipart/form-data; boundary=b",
		"--b\r\nContent-Disposition: form-data; name=source; filename=f\r\n\r\n"+long+"\r\n--b--",
		"Authorization", "Bearer "+x.token)
	page = x.row(x.look(""), "POST /attachments")
	assert.True(t, regexp.MustCompile(`The first 100000 of 20\d{4} bytes\.`).MatchString(page))
	assert.False(t, strings.Contains(page, "Copy as curl"))
}

func TestLog(t *testing.T) {
	x := converse(t)
	id := x.post(`{"type":"text","text":"answer"}`)
	x.get("/sc/v2/apps/"+x.app+"/conversations/nope", "Authorization", "Bearer "+x.token)
	page := x.look("msg=" + id)
	assert.Equal(t, 2, strings.Count(page, ` hit"><a href="/?`), "the request and the delivery of a message")
	assert.Regexp(t, `<li id="m-`+id+`" class="business hit">`, page)
	page = x.look("errors=1")
	assert.Contains(t, page, "GET /conversations/nope")
	assert.NotContains(t, page, "<code>conversation:message</code>")
	assert.Contains(t, page, "Errors 1</a>")
	page = x.look("q=MESSAGES")
	assert.Contains(t, page, "<code>POST …/messages</code>")
	assert.NotContains(t, page, "GET /conversations/nope")
	for in, rows := range map[string]int{"SHOPLIFTER": 3, "TYPE%22:%22business": 2, x.token: 0, "nothing-like-it": 0} {
		page = x.look("q=" + in)
		assert.Equal(t, rows, strings.Count(page, `<li id="row-`), "in bodies: %s", in)
		assert.Equal(t, rows == 0, strings.Contains(page, "Nothing that matches."))
	}
	assert.Contains(t, x.look("pane=row&row=dnope"), "This row is not kept any more.")
}

// parts reads the next event of a stream.
func parts(t *testing.T, lines *bufio.Reader) (id string, changed map[string]string) {
	t.Helper()
	for {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		if text, found := strings.CutPrefix(line, "id: "); found {
			id = strings.TrimSpace(text)
		}
		if data, found := strings.CutPrefix(line, "data: "); found {
			require.NoError(t, json.Unmarshal([]byte(data), &changed))
			return id, changed
		}
	}
}

func (x *talk) listen(query string, header ...string) *bufio.Reader {
	x.t.Helper()
	req, err := http.NewRequestWithContext(x.t.Context(), http.MethodGet, x.base+"/sandbox/stream?"+query, nil)
	require.NoError(x.t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := x.client.Do(req)
	require.NoError(x.t, err)
	x.t.Cleanup(func() { _ = res.Body.Close() })
	require.Equal(x.t, http.StatusOK, res.StatusCode)
	assert.Equal(x.t, "text/event-stream", res.Header.Get("Content-Type"))
	return bufio.NewReader(res.Body)
}

func TestStream(t *testing.T) {
	t.Parallel()
	x := converse(t)
	lines := x.listen("user=ada")
	id, all := parts(t, lines)
	for _, part := range []string{"top", "chat", "log", "side"} {
		assert.Contains(t, all, part, "a tab that knows nothing gets everything")
	}
	x.post(`{"type":"text","text":"live"}`)
	var next string
	chat := ""
	for !strings.Contains(chat, `<p class="text">live</p>`) {
		var changed map[string]string
		next, changed = parts(t, lines)
		chat += changed["chat"]
		assert.NotContains(t, changed, "top", "it has not changed")
	}

	_, changed := parts(t, x.listen("user=ada", "Last-Event-ID", id))
	assert.Contains(t, changed["chat"], "live")
	assert.NotContains(t, changed, "top", "a tab that comes back gets what differs")
	page := x.look("")
	since := regexp.MustCompile(`data-since="([^"]+)"`).FindStringSubmatch(page)
	require.NotNil(t, since)
	_, changed = parts(t, x.listen("user=ada&pane=settings&since="+since[1]))
	assert.Contains(t, changed["side"], "Settings for an application", "going elsewhere")
	assert.NotEqual(t, id, next)

	begin := time.Now()
	assert.Equal(t, 0, x.stop(), "open streams do not keep the program")
	assert.Less(t, time.Since(begin), 3*time.Second)
}

// A script gets an answer, and a form the page that it came from.
func TestScriptStays(t *testing.T) {
	x := converse(t)
	sent := x.send(http.MethodPost, "/sandbox/say", asForm, "appId="+x.app+"&user=ada&text=hi",
		"Accept", "application/json")
	assert.Equal(t, http.StatusOK, sent.StatusCode)
	assert.JSONEq(t, `{"did":"say"}`, sent.text)
	for _, back := range []string{"https://evil.example/", "//evil.example", "%zz", "app=x&next=//evil.example"} {
		sent := x.act("say", "text", "hi", "back", back)
		assert.Regexp(t, `^/\?app=\w+&did=say$`, sent.Header.Get("Location"), back)
	}
}

// The command on the start page is the right one for this sandbox.
func TestStartCommand(t *testing.T) {
	p := start(t, "-approve")
	page := p.get("/?pane=start").text
	_, command, found := strings.Cut(page, `<pre tabindex="0">`)
	require.True(t, found)
	command, _, _ = strings.Cut(command, "</pre>")
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `go() { echo "$*"; env; }`+"\n"+html.UnescapeString(command))
	out, err := cmd.Output()
	require.NoError(t, err)
	started, env, _ := strings.Cut(string(out), "\n")
	assert.Equal(t, "run ./examples/hello", started)
	settings, err := partner.Read(func(name string) string {
		_, value, _ := strings.Cut("\n"+env, "\n"+name+"=")
		value, _, _ = strings.Cut(value, "\n")
		return value
	})
	require.NoError(t, err)
	assert.Equal(t, "localhost:"+p.port, settings.Domain)
	p.install(settings.ClientID, settings.ClientSecret.Reveal())

	page = start(t, "-client-id", "it's", "-client-secret", "canary-secret").get("/?pane=start").text
	assert.NotContains(t, page, "canary")
	assert.Contains(t, html.UnescapeString(page),
		`SUNCO_CLIENT_ID='it'\''s' SUNCO_CLIENT_SECRET="$SUNCO_CLIENT_SECRET" go`)
	for _, other := range [][]string{{"-legacy", "us"}, {"-redirect-uri", "http://localhost/x"}} {
		page := start(t, other...).get("/?pane=start").text
		assert.Contains(t, page, "Open the consent page by hand", other)
		assert.NotContains(t, page, "go run", "no example can be connected: %s", other)
	}
}

func TestStartSteps(t *testing.T) {
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer hook.Close()
	p := start(t, "-approve")
	page := p.get("/?pane=start").text
	assert.Contains(t, page, "Open the consent page by hand")
	assert.Contains(t, page, "the code is in the address")
	assert.Contains(t, p.get("/?pane=settings").text, "<code>-client-secret</code>", "where the secret is told")
	assert.Contains(t, page, ">Write hello</button>")
	assert.Contains(t, page, "has no webhook in Acme yet")
	assert.Equal(t, 0, strings.Count(page, `class="done"`))
	token, app := p.install("shoplifter", "sandbox-secret")
	p.subscribe(token, app, hook.URL)
	assert.Equal(t, 1, strings.Count(p.get("/?pane=start").text, `class="done"`))
	p.send(http.MethodPost, "/sandbox/say", asForm, "appId="+app+"&user=ada&text=hello", p.own()...)
	page = p.get("/?pane=start").text
	assert.Equal(t, 3, strings.Count(page, `class="done"`))
	assert.Contains(t, page, "Open the latest delivery")
}
