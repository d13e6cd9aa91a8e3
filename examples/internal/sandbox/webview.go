package sandbox

import (
	"net/http"
	"net/url"

	"github.com/sunco-go/sunco/messaging"
	"github.com/sunco-go/sunco/suncotest"
)

// frame lets a button open its page in a frame, if the page is of the web. Otherwise the
// button is a link to the fallback.
func (b *button) frame(m suncotest.Message, a *messaging.WebviewAction) {
	b.Text, b.URL, b.Fallback, b.Note = a.Text, webURL(a.URI), webURL(a.Fallback), a.URI
	if b.URL == "" {
		b.URL = b.Fallback
		return
	}
	b.Frame = "/sandbox/webview?" + url.Values{"msg": {m.ID}, "url": {b.URL}}.Encode()
	b.Open, b.Size = a.OpenOnReceive, messaging.SizeFull
	if a.Size == messaging.SizeCompact || a.Size == messaging.SizeTall {
		b.Size = a.Size
	}
}

// webview answers with the document of a webview that is in a message: the frame, and a
// link to the fallback. A page can refuse to be framed, and nothing here can see that.
//
// Only this document may load a frame from another site. The page itself may frame this
// document and nothing else, so that the HTML texts on it cannot load frames either.
// Which sites a webview leads to is not known in advance.
func (s *Sandbox) webview(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	for _, v := range s.platform.Conversations(query.Get("app")) {
		for _, m := range v.Messages {
			if m.ID != query.Get("msg") {
				continue
			}
			shown := bubbleOf(m)
			all := shown.Buttons
			for _, c := range shown.Cards {
				all = append(all, c.Buttons...)
			}
			for _, b := range all {
				if b.Frame != "" && b.URL == query.Get("url") {
					s.show(w, r, "webview", b, "default-src 'none'; style-src 'self'; frame-src http: https:; "+
						"form-action 'none'; base-uri 'none'; frame-ancestors 'self'")
					return
				}
			}
		}
	}
	s.refuse(w, r, http.StatusNotFound, "There is no such webview.")
}
