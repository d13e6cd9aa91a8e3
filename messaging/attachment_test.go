package messaging_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/messaging"
)

const uploaded = `{"attachment":{"mediaUrl":"https://acme.zendesk.com/sc/attachments/v2/1/x","mediaType":"image/png"}}`

// part returns the only part of a form.
func part(t *testing.T, contentType, body string) *multipart.Part {
	t.Helper()
	_, params, err := mime.ParseMediaType(contentType)
	require.NoError(t, err)
	form := multipart.NewReader(strings.NewReader(body), params["boundary"])
	part, err := form.NextPart()
	require.NoError(t, err)
	return part
}

func TestUpload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ein \"Bild\".png")
	require.NoError(t, os.WriteFile(path, []byte("a picture"), 0o600))
	file, err := messaging.FileUpload(path)
	require.NoError(t, err)
	unknownSize := messaging.BytesUpload("x.bin", []byte("a picture"))
	unknownSize.Size, unknownSize.ContentType = 0, ""
	for name, test := range map[string]struct {
		upload         messaging.Upload
		name, kind     string
		body           string
		lengthIsExact  bool
		conversationID string
	}{
		"bytes": {
			messaging.BytesUpload("cup.png", []byte("a picture")), "cup.png", "image/png", "a picture", true, "",
		},
		"file":         {file, "ein \"Bild\".png", "image/png", "a picture", true, ""},
		"unknown size": {unknownSize, "x.bin", "application/octet-stream", "a picture", false, ""},
		"empty":        {messaging.BytesUpload("empty", nil), "empty", "application/octet-stream", "", false, ""},
		"for a conversation": {
			edit(messaging.BytesUpload("ü.png", []byte("x")), func(u *messaging.Upload) { u.ConversationID = chatID }),
			"ü.png", "image/png", "x", true, chatID,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var length int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				length = r.ContentLength
				body, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				got := part(t, r.Header.Get("Content-Type"), string(body))
				assert.Equal(t, "source", got.FormName())
				assert.Equal(t, test.name, got.FileName())
				assert.Equal(t, test.kind, got.Header.Get("Content-Type"))
				data, err := io.ReadAll(got)
				assert.NoError(t, err)
				assert.Equal(t, test.body, string(data))
				assert.Equal(t, "public", r.URL.Query().Get("access"))
				assert.Equal(t, "message", r.URL.Query().Get("for"))
				assert.Equal(t, test.conversationID, r.URL.Query().Get("conversationId"))
				if test.lengthIsExact {
					assert.EqualValues(t, len(body), r.ContentLength)
				}
				w.WriteHeader(http.StatusCreated)
				_, _ = io.WriteString(w, uploaded)
			}))
			defer server.Close()
			got, err := socketApp(t, server).UploadAttachment(t.Context(), test.upload)
			require.NoError(t, err)
			assert.Equal(t, "image/png", got.MediaType)
			assert.Equal(t, test.lengthIsExact, length > 0)
		})
	}
}

// socketApp returns an App whose requests go to a server over TCP.
func socketApp(t *testing.T, server *httptest.Server) messaging.App {
	app := newApp(nil)
	client := server.Client()
	base := client.Transport
	client.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(server.URL, "http://")
		return base.RoundTrip(r)
	})
	app.Client = &sunco.Client{HTTPClient: client}
	t.Cleanup(server.CloseClientConnections)
	return app
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestUploadIsStreamed sends 50 MB, which is the most, and allocates little.
func TestUploadIsStreamed(t *testing.T) {
	const size = 50_000_000
	var received int64
	sum := make(chan [32]byte, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		part, err := multipart.NewReader(r.Body, params["boundary"]).NextPart()
		if assert.NoError(t, err) {
			hash := sha256.New()
			received, _ = io.Copy(hash, part)
			sum <- [32]byte(hash.Sum(nil))
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, uploaded)
	}))
	defer server.Close()
	app := socketApp(t, server)
	upload := messaging.Upload{Name: "big", Size: size, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(zeros{}, size)), nil
	}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := app.UploadAttachment(t.Context(), upload)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	assert.EqualValues(t, size, received)
	want := sha256.New()
	_, _ = io.CopyN(want, zeros{}, size)
	assert.Equal(t, [32]byte(want.Sum(nil)), <-sum)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2<<20), "client and server together")
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// TestUploadOpensForEachAttempt has a file that is opened, read to its end and
// closed for each of three attempts.
func TestUploadOpensForEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var opened, closed atomic.Int32
		upload := messaging.Upload{Name: "x", Size: 3, Open: func() (io.ReadCloser, error) {
			opened.Add(1)
			return struct {
				io.Reader
				io.Closer
			}{strings.NewReader("abc"), closer(func() error { closed.Add(1); return nil })}, nil
		}}
		w := script(429, "{}", 429, "{}", 201, uploaded)
		_, err := newApp(w).UploadAttachment(t.Context(), upload)
		require.NoError(t, err)
		require.Len(t, w.requests(), 3)
		for _, r := range w.requests() {
			data, err := io.ReadAll(part(t, r.Type, r.Body))
			require.NoError(t, err)
			assert.Equal(t, "abc", string(data))
		}
		assert.EqualValues(t, 3, opened.Load())
		assert.EqualValues(t, 3, closed.Load())

		gone := errors.New("the file is gone")
		upload.Open = func() (io.ReadCloser, error) { return nil, gone }
		_, err = newApp(silent(t)).UploadAttachment(t.Context(), upload)
		assert.ErrorIs(t, err, gone)
	})
}

type closer func() error

func (c closer) Close() error { return c() }

func TestUploadRefused(t *testing.T) {
	for name, change := range map[string]func(*messaging.Upload){
		"upload name":         func(u *messaging.Upload) { u.Name = "" },
		"upload content type": func(u *messaging.Upload) { u.ContentType = "text/plain\r\nX: y" },
		"upload size":         func(u *messaging.Upload) { u.Size = 50_000_001 },
		"upload open":         func(u *messaging.Upload) { u.Open = nil },
	} {
		upload := messaging.BytesUpload("x", []byte("x"))
		change(&upload)
		_, err := newApp(silent(t)).UploadAttachment(t.Context(), upload)
		requireInput(t, name, err)
	}
	upload := messaging.BytesUpload("x\r\nContent-Type: text/html", []byte("x"))
	_, err := newApp(silent(t)).UploadAttachment(t.Context(), upload)
	requireInput(t, "upload name", err)
	_, err = messaging.FileUpload("no such file")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}
