package messaging

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/sunco-go/sunco"
)

const maxUpload = 50_000_000 // bytes of a file

// Attachment is a file that was uploaded. Zendesk may refuse a message with an
// attachment that was uploaded for another conversation.
type Attachment struct {
	MediaURL  string `json:"mediaUrl,omitzero"` // for Image, File and Item; private ones need sunco.Client.Download
	MediaType string `json:"mediaType,omitzero"`
}

// Upload is a file to upload. [FileUpload] and [BytesUpload] make the usual
// ones.
type Upload struct {
	Name           string // of the file; the user sees it
	ContentType    string // empty: "application/octet-stream"
	Size           int64  // bytes that Open's reader yields, at most 50 MB; 0: unknown
	ConversationID string // that the attachment belongs to; empty: none

	// Open returns the file from its beginning. It is called for every attempt,
	// and what it returns is closed.
	Open func() (io.ReadCloser, error)
}

// FileUpload makes an Upload of a file. Its content type comes from the
// extension.
func FileUpload(path string) (Upload, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Upload{}, err
	}
	return Upload{
		Name: filepath.Base(path), ContentType: mime.TypeByExtension(filepath.Ext(path)), Size: info.Size(),
		Open: func() (io.ReadCloser, error) { return os.Open(path) },
	}, nil
}

// BytesUpload makes an Upload of b, which must not change until the upload has
// ended. Its content type comes from the extension of the name.
func BytesUpload(name string, b []byte) Upload {
	return Upload{
		Name: name, ContentType: mime.TypeByExtension(filepath.Ext(name)), Size: int64(len(b)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil },
	}
}

// UploadAttachment uploads a file for a message. It streams the file. Zendesk
// deletes the attachment with the message.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/UploadAttachment
func (a App) UploadAttachment(ctx context.Context, upload Upload) (*Attachment, error) {
	l := new(limits)
	query := url.Values{"access": {"public"}, "for": {"message"}}
	if upload.ConversationID != "" {
		l.id("conversation id", upload.ConversationID)
		query.Set("conversationId", upload.ConversationID)
	}
	call := &sunco.Call{
		Op: "upload attachment", Method: http.MethodPost, Path: "/attachments", Query: query, Body: upload.form(l),
	}
	got, err := a.call(ctx, l, call)
	if err != nil {
		return nil, err
	}
	return one(got.Attachment, call, "attachment")
}

// form makes the body: what stands before the file in a multipart form, the
// file, and what stands after it.
func (u *Upload) form(l *limits) *sunco.Upload {
	switch {
	case u.Name == "" || strings.ContainsFunc(u.Name, unicode.IsControl):
		l.refuse("upload name", "empty, or has control characters")
	case strings.ContainsFunc(u.ContentType, unicode.IsControl):
		l.refuse("upload content type", "has control characters")
	case u.Size < 0 || u.Size > maxUpload:
		l.refuse("upload size", "negative or above 50 MB")
	case u.Open == nil:
		l.refuse("upload open", "nil")
	}
	if u.ContentType == "" {
		u.ContentType = "application/octet-stream"
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	_, err := w.CreatePart(textproto.MIMEHeader{ // a Buffer has no errors
		"Content-Disposition": {multipart.FileContentDisposition("source", u.Name)},
		"Content-Type":        {u.ContentType},
	})
	head := form.Len()
	if err = errors.Join(err, w.Close()); err != nil {
		l.refuse("upload", "cannot be written as a form: "+err.Error())
	}
	before, after := form.Bytes()[:head], form.Bytes()[head:]
	length := int64(0)
	if u.Size > 0 {
		length = u.Size + int64(form.Len())
	}
	open := u.Open
	return &sunco.Upload{
		ContentType: w.FormDataContentType(),
		Length:      length,
		Open: func() (io.ReadCloser, error) {
			file, err := open()
			if err != nil {
				return nil, err
			}
			return struct {
				io.Reader
				io.Closer
			}{io.MultiReader(bytes.NewReader(before), file, bytes.NewReader(after)), file}, nil
		},
	}
}

// DeleteAttachment deletes a file that was uploaded, by its mediaUrl. After a
// lost answer it tries again, and an attachment that does not exist counts as
// deleted. Zendesk's caches can serve the file for another 15 minutes.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/DeleteAttachment
func (a App) DeleteAttachment(ctx context.Context, mediaURL string) error {
	l := new(limits)
	l.text("mediaUrl", mediaURL, 1, unlimited)
	type body struct {
		MediaURL string `json:"mediaUrl"`
	}
	call := &sunco.Call{
		Op: "delete attachment", Method: http.MethodPost, Path: "/attachments/remove", Body: body{mediaURL},
	}
	err := a.do(ctx, l, call)
	if _, lost := errors.AsType[*sunco.AmbiguousError](err); !lost || ctx.Err() != nil {
		return err
	}
	call.Repeat = true
	err = a.do(ctx, l, call)
	if failed, ok := errors.AsType[*sunco.Error](err); ok && errors.Is(err, sunco.ErrNotFound) && failed.Code != "" {
		return nil
	}
	return err
}

// MessageRef refers to data that a channel keeps. The event
// passthrough:messaging brings the reference. Only Apple's are supported.
type MessageRef struct {
	UserID string           `json:"userId"`
	Apple  *AppleMessageRef `json:"apple,omitzero"`
}

// AppleMessageRef refers to data that Apple keeps.
type AppleMessageRef struct {
	InteractiveDataRef InteractiveDataRef `json:"interactiveDataRef"`
}

// InteractiveDataRef is Apple's reference.
type InteractiveDataRef struct {
	URL       string `json:"url"`
	BID       string `json:"bid"`
	Key       string `json:"key"`
	Signature string `json:"signature"`
	Owner     string `json:"owner"`
}

// DownloadMessageRef writes the data that ref refers to, a JSON object of at
// most 64 MiB. It is tried again after a lost answer unless bytes were
// written.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/DownloadMessageRef
func (a App) DownloadMessageRef(ctx context.Context, id string, ref MessageRef, to io.Writer) error {
	l := new(limits)
	l.id("conversation id", id)
	l.id("userId", ref.UserID)
	if to == nil {
		l.refuse("to", "nil")
	}
	return a.do(ctx, l, &sunco.Call{
		Op: "download message ref", Method: http.MethodPost, Path: "/conversations/" + id + "/download", Body: ref,
		Out: to, Repeat: true,
	})
}
