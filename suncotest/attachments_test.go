package suncotest_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

// formOf returns a form with one file, and its Content-Type.
func formOf(t *testing.T, part, name, kind string, file []byte) (string, string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	header := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename=%q`, part, name)}}
	if kind != "" {
		header.Set("Content-Type", kind)
	}
	require.NoError(t, form.WriteField("other", "ignored"))
	w, err := form.CreatePart(header)
	require.NoError(t, err)
	_, err = w.Write(file)
	require.NoError(t, err)
	require.NoError(t, form.Close())
	return body.String(), form.FormDataContentType()
}

// upload sends a file as the partner.
func (d *desk) upload(query, name, kind string, file []byte) answer {
	d.Helper()
	body, contentType := formOf(d.T, "source", name, kind, file)
	return d.do("POST", d.base+"/attachments?"+query, body, "Authorization", "Bearer "+d.token, "Content-Type",
		contentType)
}

func mediaOf(t *testing.T, a answer) string {
	t.Helper()
	require.Equal(t, 201, a.Status, a.Body)
	return field(t, a.Body, "attachment.mediaUrl")
}

func TestUpload(t *testing.T) {
	d := strictDesk(t)
	a := d.upload("access=public&for=message", "my file?.png", "image/png", []byte("\x89PNG"))
	media := mediaOf(t, a)
	assert.Regexp(t, `^https://acme\.zendesk\.com/sc/attachments/v2/[0-9a-f]{24}/my%20file_\.png$`, media)
	assert.Equal(t, "image/png", field(t, a.Body, "attachment.mediaType"))
	file := d.do("GET", media, "")
	assert.Equal(t, "200 \x89PNG image/png", fmt.Sprint(file.Status, " ", file.Body, " ", file.Header.Get("Content-Type")))
	assert.Equal(t, "nosniff", file.Header.Get("X-Content-Type-Options"))
	assert.Contains(t, file.Header.Get("Content-Security-Policy"), "sandbox")

	for name, want := range map[string]string{
		"../../x.pdf": "x.pdf", "..": "file", strings.Repeat("é", 300): strings.Repeat("%C3%A9", 100), "a#b": "a_b",
	} {
		media := mediaOf(t, d.upload("access=public", name, "", []byte("<html>")))
		assert.True(t, strings.HasSuffix(media, "/"+want), media)
		assert.Equal(t, "text/html", d.do("GET", media, "").Header.Get("Content-Type"), "guessed")
	}
	for name, a := range map[string]answer{
		"no access":       d.upload("", "x", "", nil),
		"private":         d.upload("access=private", "x", "", nil),
		"for a user":      d.upload("access=public&for=user", "x", "", nil),
		"no conversation": d.upload("access=public&conversationId=x", "x", "", nil),
		"unknown":         d.upload("access=public&x=y", "x", "", nil),
		"JSON":            d.post("/attachments?access=public", `{"source":"x"}`),
		"no form": d.do("POST", d.base+"/attachments?access=public", "x", "Authorization", "Bearer "+d.token,
			"Content-Type", "multipart/form-data"),
	} {
		assert.Equal(t, 400, a.Status, name)
		requireCode(t, a, 400, "bad_request")
	}
	body, contentType := formOf(t, "file", "x", "", []byte("x"))
	for name, body := range map[string]string{"another part": body, "cut": body[:len(body)-40], "empty": ""} {
		if name == "cut" {
			body = strings.Replace(body, `"file"`, `"source"`, 1)
		}
		a := d.do("POST", d.base+"/attachments?access=public", body, "Authorization", "Bearer "+d.token, "Content-Type",
			contentType)
		assert.Equal(t, 400, a.Status, "%s: %s", name, a.Body)
	}
	requireProblem(t, d.do("POST", d.base+"/attachments?access=public", body, "Content-Type", contentType), 401)
	requireCode(t, d.do("GET", strings.Replace(media, "/v2/", "/v2/0", 1), ""), 404, "not_found")
}

func TestUploadSize(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	file := bytes.Repeat([]byte("x"), 50_000_000)
	first := mediaOf(t, d.upload("access=public", "first.bin", "", file))
	assert.Equal(t, 413, d.upload("access=public", "x.bin", "", append(file, 'x')).Status, "one byte more")
	second := mediaOf(t, d.upload("access=public", "second.bin", "", file[:20_000_000]))
	assert.Equal(t, 404, d.do("GET", first, "").Status, "the oldest are forgotten")
	assert.Len(t, d.do("GET", second, "").Body, 20_000_000)
}

func TestDeleteAttachment(t *testing.T) {
	d := strictDesk(t)
	media := mediaOf(t, d.upload("access=public", "x.txt", "", []byte("x")))
	remove := func(media string) answer { return d.post("/attachments/remove", `{"mediaUrl":"`+media+`"}`) }
	requireCode(t, remove("https://x.example/x.txt"), 400, "bad_request")
	requireCode(t, remove("x"), 400, "bad_request")
	a := remove(media)
	assert.Equal(t, "200 {}", fmt.Sprint(a.Status, " ", a.Body))
	requireCode(t, remove(media), 404, "not_found")
	assert.Equal(t, 404, d.do("GET", media, "").Status)
}

// An attachment that was uploaded for a message ends with it.
func TestAttachmentsEnd(t *testing.T) {
	d := newDesk(t)
	id := d.user("jane")
	d.conversation(id)
	conv := d.conversation(id)
	post := func(content string) string {
		a := d.post("/conversations/"+conv+"/messages", `{"author":{"type":"business"},"content":`+content+`}`)
		require.Equal(t, 201, a.Status, a.Body)
		ids, _, _, _ := records(t, d.get("/conversations/"+conv+"/messages"), "messages")
		return ids[len(ids)-1]
	}
	file := func(media string) string { return post(`{"type":"file","mediaUrl":"` + media + `"}`) }
	kept := mediaOf(t, d.upload("access=public", "kept", "", []byte("x")))
	single := mediaOf(t, d.upload("access=public&for=message", "single", "", []byte("x")))
	card := mediaOf(t, d.upload("access=public&for=message", "card", "", []byte("x")))
	last := mediaOf(t, d.upload("access=public&for=message", "last", "", []byte("x")))
	alive := func() (all []bool) {
		for _, media := range []string{kept, single, card, last} {
			all = append(all, d.do("GET", media, "").Status == 200)
		}
		return all
	}
	file(kept)
	require.Equal(t, 200, d.remove("/conversations/"+conv+"/messages/"+file(single)).Status)
	assert.Equal(t, []bool{true, false, true, true}, alive())
	post(`{"type":"carousel","items":[{"title":"T","mediaUrl":"` + card + `",` +
		`"actions":[{"type":"link","text":"L","uri":"u"}]}]}`)
	require.Equal(t, 200, d.remove("/conversations/"+conv+"/messages").Status)
	assert.Equal(t, []bool{true, false, false, true}, alive())
	file(last)
	require.Equal(t, 200, d.remove("/conversations/"+conv).Status)
	assert.Equal(t, []bool{true, false, false, false}, alive())
}

func TestForeignMedia(t *testing.T) {
	for _, accepted := range []bool{false, true} {
		d := deskWith(t, suncotest.Behavior{ForeignMedia: accepted})
		id := d.user("jane")
		mine, other := d.conversation(id), d.conversation(id)
		media := mediaOf(t, d.upload("access=public&conversationId="+other, "x.png", "image/png", []byte("123")))
		post := func(conv string) answer {
			return d.post("/conversations/"+conv+"/messages",
				`{"author":{"type":"business"},"content":{"type":"image","mediaUrl":"`+media+`"}}`)
		}
		a := post(other)
		require.Equal(t, 201, a.Status, a.Body)
		assert.Contains(t, a.Body, `"mediaSize":3`)
		assert.Contains(t, a.Body, `"mediaType":"image/png"`)
		assert.Equal(t, map[bool]int{true: 201, false: 400}[accepted], post(mine).Status)
	}
}

func TestPrivateAttachments(t *testing.T) {
	w := newWorld(t, suncotest.Config{
		Behavior: suncotest.Behavior{PrivateAttachments: true},
		Accounts: []suncotest.Account{{Subdomain: "acme"}, {Subdomain: "globex"}},
	})
	acme := &desk{w, w.install("acme"), acmeURL + "/v2/apps/" + w.appID("acme")}
	globex := w.install("globex")
	media := mediaOf(t, acme.upload("access=public", "x", "", []byte("x")))
	requireProblem(t, w.do("GET", media, ""), 401)
	requireProblem(t, w.api(globex, "GET", media, ""), 401)
	foreign := strings.Replace(media, "acme", "globex", 1)
	requireProblem(t, w.api(globex, "GET", foreign, ""), 404)
	requireProblem(t, w.api(globex, "POST", "https://globex.zendesk.com/sc/v2/apps/"+w.appID("globex")+
		"/attachments/remove", `{"mediaUrl":"`+foreign+`"}`), 404)
	assert.Equal(t, 200, w.api(acme.token, "GET", media, "").Status)
}

// On the host that answers everything, where the sandbox has its page, attachments have
// another host.
func TestAttachmentsHaveAnotherOrigin(t *testing.T) {
	p := suncotest.New(suncotest.Config{Accounts: []suncotest.Account{{}, {Legacy: suncotest.LegacyUS}}})
	t.Cleanup(p.Close)
	w := &world{T: t, p: p, client: p.Client()}
	for _, tc := range []struct{ account, host, want string }{
		{"acme", "127.0.0.1:8484", "http://acme.localhost:8484/sc/attachments/v2/"},
		{"acme", "localhost", "http://acme.localhost/sc/attachments/v2/"},
		{"acme", "acme.localhost:8484", "http://acme.localhost:8484/sc/attachments/v2/"},
		{"legacy-us", "api.smooch.io", "http://api.smooch.io/attachments/v2/"},
		{"legacy-us", "localhost:1", "http://localhost:1/sc/attachments/v2/"},
	} {
		prefix := "/sc"
		if strings.HasSuffix(tc.host, "smooch.io") {
			prefix = ""
		}
		body, contentType := formOf(t, "source", "x", "", []byte("x"))
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost,
			"http://"+tc.host+prefix+"/v2/apps/"+w.appID(tc.account)+"/attachments?access=public", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Authorization", "Bearer "+w.install(tc.account))
		recorder := httptest.NewRecorder()
		p.ServeHTTP(recorder, r)
		media := mediaOf(t, answer{Status: recorder.Code, Body: recorder.Body.String()})
		assert.True(t, strings.HasPrefix(media, tc.want), media)
		recorder = httptest.NewRecorder()
		p.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, media, nil))
		assert.Equal(t, 200, recorder.Code, media)
	}
}
