package main

import (
	"bytes"
	"encoding/json"
	"html"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// talk is a conversation of ada's with a bot.
type talk struct {
	*program
	seen                     <-chan string
	token, app, conversation string
}

// converse installs a bot that gets messages and postbacks, and lets ada say hello.
func converse(t *testing.T, args ...string) *talk {
	t.Helper()
	server, seen := application(t)
	p := start(t, append([]string{"-approve"}, args...)...)
	x := &talk{program: p, seen: seen}
	x.token, x.app = p.install("shoplifter", "sandbox-secret")
	p.subscribeTo(x.token, x.app, server.URL+"/hooks", `"conversation:message","conversation:postback"`)
	require.Equal(t, "HEAD /hooks", <-seen)
	x.act("say", "text", "hello")
	first := <-seen
	found := regexp.MustCompile(`"conversation":\{"id":"(\w+)"`).FindStringSubmatch(first)
	require.NotNil(t, found, first)
	x.conversation = found[1]
	return x
}

// act sends one of the page's forms as ada.
func (x *talk) act(name string, fields ...string) answer {
	x.t.Helper()
	form := url.Values{"appId": {x.app}, "user": {"ada"}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return x.send(http.MethodPost, "/sandbox/"+name, asForm, form.Encode(), x.own()...)
}

// post makes the bot write, and returns the id of the message.
func (x *talk) post(content string) string {
	x.t.Helper()
	var got struct{ Messages []struct{ ID string } }
	posted := x.api("messages", `{"author":{"type":"business","displayName":"Bot"},"content":`+content+`}`)
	require.Equal(x.t, http.StatusCreated, posted.StatusCode, posted.text)
	require.NoError(x.t, json.Unmarshal([]byte(posted.text), &got))
	<-x.seen
	return got.Messages[0].ID
}

// api calls an operation on the conversation.
func (x *talk) api(path, body string) answer {
	x.t.Helper()
	return x.send(http.MethodPost, "/sc/v2/apps/"+x.app+"/conversations/"+x.conversation+"/"+path, asJSON, body,
		"Authorization", "Bearer "+x.token)
}

// look returns the page.
func (x *talk) look(query string) string {
	x.t.Helper()
	got := x.get("/?user=ada&" + query)
	require.Equal(x.t, http.StatusOK, got.StatusCode, got.text)
	require.NotContains(x.t, got.text, "cannot be shown")
	require.True(x.t, strings.HasSuffix(got.text, "</html>\n"), "the page ends")
	return got.text
}

func TestContents(t *testing.T) {
	x := converse(t)
	for name, test := range map[string]struct {
		content string
		want    []string
	}{
		"text": {`{"type":"text","text":"a <i>text</i>"}`, []string{`<p class="text">a &lt;i&gt;text&lt;/i&gt;</p>`}},
		"HTML": {`{"type":"text","htmlText":"<p onclick=\"x\">a \"text\"</p>"}`, []string{
			`<iframe sandbox="" title="HTML text" srcdoc="&lt;p onclick=&#34;x&#34;&gt;a &#34;text&#34;&lt;/p&gt;"`}},
		"image": {`{"type":"image","mediaUrl":"https://media.example/a.png","altText":"a view"}`, []string{
			`src="https://media.example/a.png"`, `alt="a view"`}},
		"file": {`{"type":"file","mediaUrl":"https://media.example/terms.pdf"}`, []string{
			`<a href="https://media.example/terms.pdf" target="_blank" rel="noopener noreferrer">terms.pdf</a>`}},
		"carousel": {`{"type":"carousel","items":[{"title":"Tacos","mediaUrl":"https://media.example/t.png",` +
			`"actions":[{"type":"postback","text":"Order","payload":"TACOS"}]}]}`, []string{
			`<ul class="carousel" tabindex="0"`, `<strong>Tacos</strong>`, `name="button" value="TACOS"`,
			`src="https://media.example/t.png"`}},
		"list": {`{"type":"list","items":[{"title":"Soup","description":"hot","actions":` +
			`[{"type":"link","text":"Read","uri":"https://example.org/soup"}]}]}`, []string{
			`<ul class="list">`, `<p>hot</p>`, `href="https://example.org/soup"`}},
		"form": {`{"type":"form","fields":[{"type":"text","name":"n","label":"Number","format":"integer","minSize":2},` +
			`{"type":"email","name":"e","label":"Mail"},` +
			`{"type":"select","name":"s","label":"Size","options":[{"name":"l","label":"Large"}]}]}`, []string{
			`name="f.n"`, `minlength="2" maxlength="128" pattern=`, `type="email" name="f.e"`,
			`<option value="l">Large</option>`}},
		"location": {`{"type":"location","coordinates":{"lat":48.5,"long":-16},"location":{"name":"Office"}}`, []string{
			`<p class="text">Office</p>`, `>48.5, -16</a>`}},
		"webview": {`{"type":"text","text":"w","actions":[{"type":"webview","text":"Open","uri":"app://w",` +
			`"fallback":"https://f.example/"}]}`, []string{
			`href="https://f.example/" title="app://w" target="_blank" rel="noopener noreferrer">Open ↗</a>`}},
	} {
		t.Run(name, func(t *testing.T) {
			id := x.post(test.content)
			page := x.look("")
			_, bubble, found := strings.Cut(page, `<li id="m-`+id+`"`)
			require.True(t, found)
			for _, want := range test.want {
				assert.Contains(t, bubble, want)
			}
		})
	}
	t.Run("template", func(t *testing.T) {
		posted := x.api("messages",
			`{"author":{"type":"business"},"schema":"whatsapp","content":{"type":"template","template":{"name":"welcome"}}}`)
		require.Equal(t, http.StatusCreated, posted.StatusCode, posted.text)
		assert.Contains(t, x.look(""), "<strong>business</strong>", "it has no name")
		assert.Regexp(t, `(?s)open><summary>JSON</summary>\s*<pre>[^<]*&#34;name&#34;: &#34;welcome&#34;`, x.look(""))
	})
}

// Hostile names, texts, HTML and URLs, of the bot and of the person.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	x := converse(t)
	const evil = `</textarea></script><script>alert(1)</script><img src=x onerror=alert(1)>"'` + "`{{.}}\u2028\u202e"
	quoted, err := json.Marshal(evil)
	require.NoError(t, err)
	text := string(quoted)
	short, err := json.Marshal(`"><script>alert(1)</script>`)
	require.NoError(t, err)
	title := string(short)
	for _, content := range []string{
		`{"type":"text","text":` + text + `}`, `{"type":"text","htmlText":` + text + `}`,
		`{"type":"text","text":"half \ud83d","payload":` + text + `}`,
		`{"type":"text","text":"x","actions":[{"type":"reply","text":` + text + `,"payload":` + text + `},` +
			`{"type":"link","text":` + text + `,"uri":"javascript:alert(1)"},` +
			`{"type":"link","text":"x","uri":"//evil.example"},` +
			`{"type":"webview","text":"x","uri":"data:text/html,x","fallback":"vbscript:x"},` +
			`{"type":"buy","text":` + text + `,"amount":1,"currency":` + text + `}]}`,
		`{"type":"carousel","items":[{"title":` + title + `,"description":` + title + `,"mediaUrl":"javascript:alert(1)",` +
			`"actions":[{"type":"postback","text":` + text + `,"payload":` + text + `,"metadata":{"x":` + title + `}}]}]}`,
		`{"type":"form","fields":[{"type":"text","name":` + title + `,"label":` + title + `,"placeholder":` + title + `}]}`,
		`{"type":"image","mediaUrl":"data:text/html,<script>alert(1)</script>","altText":` + title + `}`,
		`{"type":"file","mediaUrl":"javascript:alert(1)","altText":` + title + `}`,
	} {
		posted := x.api("messages", `{"author":{"type":"business","displayName":`+text+
			`,"avatarUrl":"https://a.example/\"onload=alert(1)"},"content":`+content+`}`)
		require.Equal(t, http.StatusCreated, posted.StatusCode, posted.text)
	}
	x.act("say", "text", evil)
	x.act("say", "user", evil, "text", "I am evil")
	x.api("passControl", `{"switchboardIntegration":"zd-agentWorkspace","metadata":{"x":`+title+`}}`)
	x.get("/sc/v2/apps/"+x.app+"/conversations/"+url.PathEscape(evil), "Authorization", "Bearer "+x.token)
	evilQuery := url.QueryEscape(evil)
	pages := []string{"", "pane=agent", "pane=event", "pane=log&q=" + evilQuery, "trigger=" + evilQuery,
		"pane=" + evilQuery, "row=" + evilQuery, "msg=" + evilQuery, "ticket=" + evilQuery, "app=" + evilQuery,
		"did=" + evilQuery}
	for _, row := range regexp.MustCompile(`row=\w+`).FindAllString(x.look(""), -1) {
		pages = append(pages, "pane=row&"+row)
	}
	pages = append(pages, "user="+evilQuery)
	link := regexp.MustCompile(`(?:href|src|action)="([^"]*)"`)
	for _, query := range pages {
		page := x.look(query)
		if strings.HasPrefix(query, "user=") {
			page = x.get("/?" + query).text
		}
		assert.Equal(t, 1, strings.Count(page, "<script"), query)
		assert.NotContains(t, page, "<img src=x", query)
		assert.NotContains(t, page, "onload=alert(1)\"", query)
		for _, found := range link.FindAllStringSubmatch(page, -1) {
			address := html.UnescapeString(found[1])
			assert.Regexp(t, `^(/(\?|sandbox/|$)|https?://[^/])`, address, query)
			assert.NotContains(t, address, "evil.example", query)
		}
	}
}

// What was chosen in one person's conversation is not kept for another's.
func TestAnotherPerson(t *testing.T) {
	x := converse(t)
	page := x.look("pane=agent&msg=m1&row=r1&ticket=1")
	_, form, _ := strings.Cut(page, `<form method="get"`)
	form, _, _ = strings.Cut(form, "</form>")
	assert.Contains(t, form, `name="pane" value="agent"`)
	assert.NotRegexp(t, `name="(msg|row|ticket)"`, form)
	assert.Contains(t, page, `<li><a href="/?app=`+x.app+`&amp;pane=agent&amp;user=ada">ada</a>`)
}

// Each of a person's conversations can be seen, and what the person does is done in it.
func TestSeveralConversations(t *testing.T) {
	t.Parallel()
	x := converse(t)
	assert.NotContains(t, x.look(""), `id="talks"`, "there is one")
	user := regexp.MustCompile(`"user":\{"id":"(\w+)"|"userId":"(\w+)"`).FindStringSubmatch(
		x.get("/sc/v2/apps/"+x.app+"/conversations/"+x.conversation+"/participants", "Authorization", "Bearer "+x.token).text)
	require.NotNil(t, user)
	name, err := json.Marshal(`<b>"Second"`)
	require.NoError(t, err)
	made := x.send(http.MethodPost, "/sc/v2/apps/"+x.app+"/conversations", asJSON, `{"type":"personal","displayName":`+
		string(name)+`,"participants":[{"userId":"`+user[1]+user[2]+`"}]}`, "Authorization", "Bearer "+x.token)
	require.Equal(t, http.StatusCreated, made.StatusCode, made.text)

	page := x.look("")
	assert.Contains(t, page, `id="talks"><summary>&lt;b&gt;&#34;Second&#34;</summary>`, "the latest is shown")
	assert.NotContains(t, page, `<p class="text">hello</p>`)
	link := regexp.MustCompile(`<a href="([^"]*)">Conversation 1</a>`).FindStringSubmatch(page)
	require.NotNil(t, link)
	page = x.get(html.UnescapeString(link[1])).text
	assert.Contains(t, page, `<p class="text">hello</p>`)
	assert.Contains(t, page, `aria-current="true">Conversation 1</a>`)
	said := regexp.MustCompile(`(?s)id="say".*?name="conversation" value="(\w+)"`).FindStringSubmatch(page)
	require.NotNil(t, said)
	assert.Equal(t, x.conversation, said[1])

	x.post(`{"type":"form","fields":[{"type":"text","name":"n","label":"N"}]}`)
	for _, act := range [][]string{{"say", "text", "again"}, {"submit", "f.n", "7"}} {
		done := x.act(act[0], append(act[1:], "conversation", x.conversation)...)
		require.Equal(t, http.StatusSeeOther, done.StatusCode, done.text)
		assert.Contains(t, <-x.seen, `"conversation":{"id":"`+x.conversation+`"`)
		refused := x.act(act[0], append(act[1:], "conversation", "canary")...)
		assert.Equal(t, http.StatusBadRequest, refused.StatusCode)
		refused = x.act(act[0], append(act[1:], "user", "bob", "conversation", x.conversation)...)
		assert.Equal(t, http.StatusBadRequest, refused.StatusCode, "another person's")
	}
	for conversation, status := range map[string]int{
		x.conversation: http.StatusSeeOther, "canary": http.StatusBadRequest,
	} {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		for name, value := range map[string]string{"appId": x.app, "user": "ada", "conversation": conversation} {
			require.NoError(t, form.WriteField(name, value))
		}
		_, err := form.CreateFormFile("file", "a.txt")
		require.NoError(t, err)
		require.NoError(t, form.Close())
		sent := x.send(http.MethodPost, "/sandbox/upload", form.FormDataContentType(), body.String(), x.own()...)
		assert.Equal(t, status, sent.StatusCode, conversation)
	}
	assert.Contains(t, <-x.seen, `"conversation":{"id":"`+x.conversation+`"`)
}

func TestButtons(t *testing.T) {
	x := converse(t)
	x.post(`{"type":"text","text":"Which?","actions":[{"type":"reply","text":"Menu","payload":"MENU"},` +
		`{"type":"postback","text":"Buy","payload":"BUY"},{"type":"locationRequest","text":"Where"}]}`)
	page := x.look("")
	for _, button := range []string{"MENU", "BUY", "Where"} {
		assert.Contains(t, page, `name="button" value="`+button+`"`)
	}
	assert.Equal(t, http.StatusSeeOther, x.act("press", "button", "BUY").StatusCode)
	assert.Contains(t, <-x.seen, `"payload":"BUY"`)
	page = x.look("")
	assert.Contains(t, page, `value="MENU"`, "a postback is no answer")
	assert.Contains(t, page, "<code>conversation:postback</code> ada: BUY", "the log says which button")
	x.act("press", "button", "MENU")
	assert.Contains(t, <-x.seen, `"payload":"MENU"`)
	page = x.look("")
	assert.NotContains(t, page, `name="button" value="MENU"`, "quick replies vanish when one is used")
	assert.NotContains(t, page, `name="button" value="Where"`)
	assert.Contains(t, page, `name="button" value="BUY"`)
	assert.Regexp(t, `(?s)<summary>Details</summary>\s*<pre>payload MENU`, page, "the payload is shown on demand")
	assert.Equal(t, http.StatusBadRequest, x.act("press", "button", "canary").StatusCode)

	x.post(`{"type":"text","text":"Only these","blockChatInput":true,"actions":` +
		`[{"type":"reply","text":"Yes","payload":"Y"}]}`)
	assert.Contains(t, x.look(""), `maxlength="4096" disabled`)
	x.act("press", "button", "Y")
	assert.NotContains(t, x.look(""), `maxlength="4096" disabled`)
}

func TestForm(t *testing.T) {
	x := converse(t)
	const form = `{"type":"form","fields":[{"type":"email","name":"e","label":"Mail"},` +
		`{"type":"select","name":"s","label":"Size","options":[{"name":"l","label":"Large"}]}]}`
	x.post(form)
	x.post(form)
	assert.Contains(t, x.look(""), "<code>conversation:message</code> Bot: (form)", "the log names the content")
	assert.Equal(t, 1, strings.Count(x.look(""), ">Submit</button>"), "only the latest takes an answer")
	for name, fields := range map[string][]string{
		"no address": {"f.e", "nobody", "f.s", "l"},
		"no option":  {"f.e", "a@b.example", "f.s", "x"},
		"missing":    {"f.e", "a@b.example"},
	} {
		refused := x.act("submit", fields...)
		assert.Equal(t, http.StatusBadRequest, refused.StatusCode, name)
		assert.Contains(t, refused.text, "Not sent: the form's field", name)
	}
	assert.Equal(t, http.StatusSeeOther, x.act("submit", "f.e", "a@b.example", "f.s", "l").StatusCode)
	assert.Contains(t, <-x.seen, `"type":"formResponse"`)
	page := x.look("")
	assert.Contains(t, page, "<dt>Mail</dt><dd>a@b.example</dd>")
	assert.Contains(t, page, "<dt>Size</dt><dd>Large </dd>")
	assert.Equal(t, 1, strings.Count(page, ">Submit</button>"), "the other one")
	x.act("submit", "f.e", "a@b.example", "f.s", "l")
	assert.NotContains(t, x.look(""), ">Submit</button>", "each once")
	assert.Equal(t, http.StatusBadRequest, x.act("submit", "f.e", "a@b.example", "f.s", "l").StatusCode)
}

func TestUploadAndDownload(t *testing.T) {
	x := converse(t)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	require.NoError(t, form.WriteField("appId", x.app))
	require.NoError(t, form.WriteField("user", "ada"))
	part, err := form.CreateFormFile("file", "a<b>.html")
	require.NoError(t, err)
	_, _ = part.Write([]byte("<script>alert(1)</script>"))
	require.NoError(t, form.Close())
	sent := x.send(http.MethodPost, "/sandbox/upload", form.FormDataContentType(), body.String(), x.own()...)
	require.Equal(t, http.StatusSeeOther, sent.StatusCode, sent.text)
	assert.Contains(t, <-x.seen, `"type":"file"`)
	link := regexp.MustCompile(`<a href="(http://[^"]*)"[^>]*>a&lt;b&gt;.html</a> <span class="soft">25 bytes`).
		FindStringSubmatch(x.look(""))
	require.NotNil(t, link)
	address, err := url.Parse(html.UnescapeString(link[1]))
	require.NoError(t, err)
	assert.Equal(t, "acme.localhost:"+x.port, address.Host, "another origin than the page's")
	file := x.get(address.String())
	assert.Equal(t, http.StatusOK, file.StatusCode)
	assert.Regexp(t, `<code>GET /sc/attachments/v2/\w{6}…/`, x.look(""), "a short row")
	assert.Equal(t, "nosniff", file.Header.Get("X-Content-Type-Options"))
	assert.Contains(t, file.Header.Get("Content-Security-Policy"), "sandbox")

	nothing := x.send(http.MethodPost, "/sandbox/upload", asForm, "appId="+x.app, x.own()...)
	assert.Equal(t, http.StatusBadRequest, nothing.StatusCode)
}

func TestSignals(t *testing.T) {
	t.Parallel()
	x := converse(t)
	assert.Contains(t, x.look(""), `<p class="state">delivered</p>`)
	assert.NotContains(t, x.look(""), "The bot is typing")
	x.api("activity", `{"author":{"type":"business"},"type":"typing:start"}`)
	assert.Contains(t, x.look(""), "The bot is typing")
	x.api("activity", `{"author":{"type":"business"},"type":"conversation:read"}`)
	assert.Contains(t, x.look(""), `<p class="state">read</p>`)
	x.act("say", "user", "bob", "text", "hello")
	for range 200 {
		x.api("activity", `{"author":{"type":"business"},"type":"typing:stop"}`)
	}
	page := x.get("/?user=bob").text
	assert.Contains(t, page, `<p class="text">hello</p>`)
	assert.NotContains(t, page, `class="state"`, "the log does not reach back to it")
	for kind, status := range map[string]int{
		"typing": http.StatusSeeOther, "stopped": http.StatusSeeOther, "read": http.StatusSeeOther,
		"x": http.StatusBadRequest,
	} {
		assert.Equal(t, status, x.act("signal", "kind", kind).StatusCode, kind)
	}
}

// Receipts are below their message in the log, and what came of it is at the bubble.
func TestReceipts(t *testing.T) {
	t.Parallel()
	const under = "conversation:message:delivery:"
	x := converse(t, "-delivery-receipts")
	server, told := application(t)
	x.subscribeTo(x.token, x.app, server.URL+"/receipts", `"`+under+`channel","`+under+`user","`+under+`failure"`)
	require.Equal(t, "HEAD /receipts", <-told)
	rows := regexp.MustCompile(`(?s)class="delivery( receipt)? hit">.*?<code>([\w:]+)`)
	for _, test := range []struct{ destination, state, rows string }{
		{``, "delivered", "conversation:message channel receipt user receipt"},
		{`,"destination":{"integrationType":"whatsapp"}`, "failed", "conversation:message failure receipt"},
	} {
		posted := x.api("messages",
			`{"author":{"type":"business"},"content":{"type":"text","text":"hi"}`+test.destination+`}`)
		require.Equal(t, http.StatusCreated, posted.StatusCode, posted.text)
		<-x.seen
		for range strings.Count(test.rows, "receipt") {
			<-told
		}
		id := regexp.MustCompile(`"id":"(\w+)"`).FindStringSubmatch(posted.text)[1]
		page := x.look("msg=" + id)
		var found []string
		for _, row := range rows.FindAllStringSubmatch(page, -1) {
			found = append(found, strings.TrimPrefix(row[2], under)+row[1])
		}
		assert.Equal(t, test.rows, strings.Join(found, " "))
		_, bubble, _ := strings.Cut(page, `<li id="m-`+id+`"`)
		bubble, _, _ = strings.Cut(bubble, "</li>")
		assert.Contains(t, bubble, `<p class="state">`+test.state+`</p>`)
		own := regexp.MustCompile(`class="pick" href="([^"]*)"`).FindStringSubmatch(bubble)
		require.NotNil(t, own)
		assert.Contains(t, x.get(html.UnescapeString(own[1])).text, "<h2><code>conversation:message</code></h2>")
	}
}

func TestAgent(t *testing.T) {
	x := converse(t)
	agent := func(do string, more ...string) int {
		return x.act("agent", append([]string{"conversation", x.conversation, "do", do}, more...)...).StatusCode
	}
	assert.Contains(t, x.look("pane=agent"), "ada has no ticket.")
	assert.Equal(t, http.StatusBadRequest, agent("answer", "text", "too early"))
	x.post(`{"type":"file","mediaUrl":"https://media.example/terms.pdf"}`)
	x.post(`{"type":"carousel","items":[{"title":"x","actions":[{"type":"postback","text":"y","payload":"z"}]}]}`)
	passed := x.api("passControl", `{"switchboardIntegration":"zd-agentWorkspace","metadata":{"topic":"refund"}}`)
	require.Equal(t, http.StatusOK, passed.StatusCode, passed.text)
	page := x.look("pane=agent")
	for _, want := range []string{
		"Agent (1)</a>", "agent in control", "Ticket 1</h3>", "&#34;topic&#34;: &#34;refund&#34;", "hello</li>",
		`<a href="https://media.example/terms.pdf" target="_blank" rel="noopener noreferrer">terms.pdf</a></li>`,
		"(carousel)</li>",
		">Solve</button>", ">Transfer to e-mail</button>", ">Pass back</button>",
	} {
		assert.Contains(t, page, want)
	}
	answer, history := strings.Index(page, `id="answer"`), strings.Index(page, ">History</h4>")
	assert.Greater(t, history, answer, "the answer needs no scrolling")
	assert.Equal(t, http.StatusBadRequest, agent("answer", "text", " \n"), "blank")
	assert.Equal(t, http.StatusSeeOther, agent("answer", "text", "I am Robin."))
	assert.Contains(t, <-x.seen, "I am Robin.")
	assert.Contains(t, x.look(""), `<span class="mark">agent</span>`)
	assert.Equal(t, http.StatusSeeOther, agent("solve"))
	page = x.look("pane=agent")
	assert.Contains(t, page, "Ticket 1, solved</h3>")
	assert.NotContains(t, page, ">Solve</button>")
	assert.Contains(t, page, "<strong>nobody</strong>")
	for _, do := range []string{"agents", "email"} {
		assert.Equal(t, http.StatusSeeOther, agent(do), do)
	}
	page = x.look("pane=agent")
	for _, want := range []string{
		"Agent</a>", "Ticket 2, by e-mail</h3>", "ticket:transfer:email", "1 (solved)</a>", "2 (by e-mail)</a>",
	} {
		assert.Contains(t, page, want)
	}
	assert.NotContains(t, page, `id="answer"`)
	assert.NotContains(t, page, "once they are in control again", "not with this ticket")
	assert.Equal(t, http.StatusBadRequest, agent("email"), "once")
	assert.Equal(t, http.StatusSeeOther, agent("agents"))
	assert.NotContains(t, x.look("pane=agent&ticket=2"), `id="answer"`, "another ticket is open")
	for _, do := range []string{"bot", "offer", "accept", "release", "agents", "bot"} {
		assert.Equal(t, http.StatusSeeOther, agent(do), do)
	}
	page = x.look("pane=agent")
	assert.Contains(t, page, "bot in control")
	assert.Contains(t, page, "Agents can answer once they are in control again.")
	assert.NotContains(t, page, `id="answer"`, "it would be refused")
	assert.Equal(t, http.StatusBadRequest, agent("canary"))
	page = x.get("/?user=bob&pane=agent").text
	assert.Contains(t, page, "bob has no ticket.")
	assert.Contains(t, page, `ticket=3&amp;user=ada">`, "a ticket leads to its person")
	x.send(http.MethodPost, "/sandbox/uninstall", asForm, "appId="+x.app, x.own()...)
	page = x.look("pane=agent")
	assert.Contains(t, page, "nobody in control", "the bot is gone")
	assert.NotContains(t, page, "Pass to the bot")
	x.token, _ = x.install("shoplifter", "sandbox-secret")
	assert.Contains(t, x.look(""), "bot in control", "a new installation answers again")
}
