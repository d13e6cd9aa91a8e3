package chat

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/sunco-go/sunco/suncotest/internal/content"
	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

const attachmentPath = "/attachments/v2/"

// attachment is a file that was uploaded.
type attachment struct {
	id, app      string
	conversation string // empty: none was named
	forMessage   bool   // it ends with the message
	name, kind   string
	bytes        []byte
}

// files are the attachments of all apps.
type files struct {
	byID   map[string]*attachment
	oldest []*attachment
	size   int
}

// add keeps an attachment, and forgets the oldest ones there is no room for.
func (f *files) add(fresh *attachment) {
	f.byID[fresh.id] = fresh
	f.oldest = append(f.oldest, fresh)
	f.size += len(fresh.bytes) + recordOverhead
	for f.size > maxFiles && len(f.oldest) > 1 {
		f.drop(f.oldest[0])
	}
}

func (f *files) drop(gone *attachment) {
	delete(f.byID, gone.id)
	f.oldest = slices.DeleteFunc(f.oldest, func(other *attachment) bool { return other == gone })
	f.size -= len(gone.bytes) + recordOverhead
}

// of returns the attachment of an app that a mediaUrl names, or nil.
func (f *files) of(appID, mediaURL string) *attachment {
	u, err := url.Parse(mediaURL)
	if err != nil {
		return nil
	}
	_, rest, found := strings.Cut(u.Path, attachmentPath)
	id, _, _ := strings.Cut(rest, "/")
	if held := f.byID[id]; found && held != nil && held.app == appID {
		return held
	}
	return nil
}

// dropOf drops the attachments that end with a message.
func (f *files) dropOf(m *message) {
	for _, mediaURL := range content.Media(m.Content) {
		for _, held := range f.oldest {
			if held.forMessage && strings.Contains(mediaURL, attachmentPath+held.id+"/") {
				f.drop(held)
				break
			}
		}
	}
}

// takeMedia looks at the attachments in a message of the API. One of another
// conversation may be refused. What is known about a file is written into the message.
// The lock is held.
func (s *Service) takeMedia(a *app, v *conversation, m *message) (refusal wire.Reply, fine bool) {
	for _, mediaURL := range content.Media(m.Content) {
		held := s.files.of(a.id, mediaURL)
		if held != nil && held.conversation != "" && held.conversation != v.ID && !s.opts.ForeignMedia {
			return wire.BadRequest("The mediaUrl is an attachment of another conversation"), false
		}
	}
	if held := s.files.of(a.id, wire.Given(m.Content, "mediaUrl")); held != nil {
		held.describe(m.Content)
	}
	return wire.Reply{}, true
}

// describe writes what is known about a file into a content.
func (held *attachment) describe(said map[string]json.RawMessage) {
	said["mediaType"], _ = json.Marshal(held.kind) // like the others, it cannot fail
	said["mediaSize"], _ = json.Marshal(len(held.bytes))
	said["attachmentId"], _ = json.Marshal(held.id)
}

func (s *Service) uploadAttachment(c *wire.Call) wire.Reply {
	query, refusal, fine := c.Query("access", "for", "conversationId")
	switch purpose, given := query["for"]; {
	case !fine:
		return refusal
	case query["access"] != "public":
		return wire.BadRequest("access must be public")
	case given && purpose != "message":
		return wire.BadRequest("for must be message")
	}
	fresh, wrong := readUpload(c)
	if wrong != "" {
		return wire.BadRequest(wrong)
	}
	if len(fresh.bytes) > wire.MaxUpload {
		return wire.Problem(http.StatusRequestEntityTooLarge, "The file has more than 50 MB")
	}
	fresh.conversation, fresh.forMessage = query["conversationId"], query["for"] != ""
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	a := s.app(c.AppID)
	if fresh.conversation != "" && a.byID[fresh.conversation] == nil {
		return wire.BadRequest("There is no conversation with that conversationId")
	}
	return wire.OK(http.StatusCreated, map[string]map[string]string{
		"attachment": {"mediaUrl": s.keep(a, fresh, c), "mediaType": fresh.kind},
	})
}

// keep adds an attachment and returns its mediaUrl. The lock is held.
func (s *Service) keep(a *app, fresh *attachment, c *wire.Call) string {
	fresh.id, fresh.app = s.opts.Lock.NextID("attachment", a.id), a.id
	s.files.add(fresh)
	return s.origin(a.id, c) + attachmentPath + fresh.id + "/" + url.PathEscape(fresh.name)
}

// origin is where an app's attachments are: on the customer's host, which is never the
// host of a page of the sandbox. A call is nil when a person uploads.
func (s *Service) origin(appID string, c *wire.Call) string {
	host, prefix := s.opts.Host(appID)
	label, _, _ := strings.Cut(host, ".")
	scheme := "https"
	switch {
	case c == nil:
		if name, _, _ := strings.Cut(host, ":"); strings.HasSuffix(name, ".localhost") {
			scheme = "http"
		}
		return scheme + "://" + host + prefix
	case c.TLS == nil:
		scheme = "http"
	}
	switch {
	case c.At.Kind != wire.Anywhere || prefix == "":
		host, prefix = c.Host, c.At.Prefix
	default:
		host = label + ".localhost"
		if _, port, err := net.SplitHostPort(c.Host); err == nil {
			host += ":" + port
		}
	}
	return scheme + "://" + host + prefix
}

// readUpload reads the part called source.
func readUpload(c *wire.Call) (*attachment, string) {
	media, params, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" || params["boundary"] == "" {
		return nil, "The Content-Type must be multipart/form-data"
	}
	parts := multipart.NewReader(bytes.NewReader(c.Body), params["boundary"])
	for {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return nil, "The form must have a file source"
		case err != nil:
			return nil, "The form cannot be read"
		case part.FormName() != "source" || part.FileName() == "":
			continue
		}
		whole, err := io.ReadAll(part)
		if err != nil {
			return nil, "The form ends too early"
		}
		return newAttachment(part.FileName(), part.Header.Get("Content-Type"), whole), ""
	}
}

// newAttachment is a file under a name that is fit for a path.
func newAttachment(name, kind string, whole []byte) *attachment {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || strings.ContainsRune(`/\?#%`, r) {
			return '_'
		}
		return r
	}, path.Base(name))
	if name = strings.ToValidUTF8(name, "_"); strings.Trim(name, ".") == "" {
		name = "file"
	}
	if len(name) > 200 {
		name = strings.ToValidUTF8(name[len(name)-200:], "")
	}
	media, _, err := mime.ParseMediaType(kind)
	if err != nil || !strings.Contains(media, "/") {
		media, _, _ = strings.Cut(http.DetectContentType(whole), ";")
	}
	return &attachment{name: name, kind: media, bytes: whole}
}

func (s *Service) deleteAttachment(c *wire.Call) wire.Reply {
	body, refusal, fine := c.ReadMembers(wire.Members{"mediaUrl": wire.URI}, "mediaUrl")
	if !fine {
		return refusal
	}
	mediaURL := wire.Given(body, "mediaUrl")
	if !strings.Contains(mediaURL, attachmentPath) {
		return wire.BadRequest("The mediaUrl is not the URL of an attachment")
	}
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	held := s.files.of(c.AppID, mediaURL)
	if held == nil {
		return wire.Failure(http.StatusNotFound, "not_found", "Attachment not found")
	}
	s.files.drop(held)
	return done()
}

// download answers with a file, in a form that no browser takes for a page of this
// host.
func (s *Service) download(c *wire.Call) wire.Reply {
	if s.opts.PrivateAttachments {
		if refusal, ok := s.opts.Admit(c); !ok {
			return refusal
		}
	}
	s.opts.Lock.Lock()
	defer s.opts.Lock.Unlock()
	held := s.files.byID[c.Params["attachment"]]
	if held == nil || c.Holder != nil && c.AppID != held.app {
		return wire.Failure(http.StatusNotFound, "not_found", "Attachment not found")
	}
	return wire.Reply{Status: http.StatusOK, ContentType: cmp.Or(held.kind, "application/octet-stream"), Body: held.bytes}.
		With("Content-Security-Policy", "default-src 'none'; sandbox").
		With("Cache-Control", "max-age=900")
}
