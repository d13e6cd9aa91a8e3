package transport

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// counted is a reply body that knows how much of it was read, and whether it was
// closed.
type counted struct {
	io.Reader
	read   int64
	closed bool
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.read += int64(n)
	return n, err
}

func (c *counted) Close() error { c.closed = true; return nil }

func serve(status int, length int64, body *counted) *script {
	return play(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Body: body, ContentLength: length}, nil
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestReplyLimits(t *testing.T) {
	table := []struct {
		status      int
		limit, size int64
		tooLarge    bool
	}{
		{200, 10, 0, false}, {200, 10, 9, false}, {200, 10, 10, false}, {200, 10, 11, true},
		{200, 0, 0, false}, {200, 0, 1, true}, {200, -5, 0, false}, {200, -5, 1, true},
		{201, 1 << 20, 1 << 20, false}, {201, 1 << 20, 1<<20 + 1, true},
		{200, 1<<63 - 1, 1 << 20, false},
		{400, 10, 64 << 10, false}, {400, 10, 64<<10 + 1, true}, {400, 1 << 20, 64<<10 + 1, true},
		{302, 0, 5, false}, {501, 0, 64<<10 + 1, true},
	}
	for _, row := range table {
		for _, length := range []int64{-1, row.size, 0, 1 << 40} { // true and false promises
			body := &counted{Reader: io.LimitReader(zeros{}, row.size)}
			call := callTo(Create)
			call.Limit = row.limit
			reply, err := serve(row.status, length, body).client().Do(t.Context(), call)
			require.NoError(t, err)
			assert.Equal(t, row.tooLarge, reply.TooLarge, "%+v", row)
			assert.True(t, body.closed)
			if row.tooLarge {
				assert.Nil(t, reply.Body)
			} else {
				assert.Len(t, reply.Body, int(row.size))
				assert.NotNil(t, reply.Body)
			}
		}
	}
}

// A RoundTripper may leave the body out.
func TestReplyWithoutABody(t *testing.T) {
	for _, status := range []int{200, 404} {
		s := play(func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: status}, nil })
		reply, err := do(t, s, Create)
		require.NoError(t, err)
		assert.Equal(t, status, reply.Status)
		assert.Empty(t, reply.Body)
	}
}

// A reply without end costs what the limit allows, and a little more to drain.
func TestEndlessReply(t *testing.T) {
	for _, out := range []io.Writer{nil, io.Discard} {
		for _, status := range []int{200, 404} {
			body := &counted{Reader: io.LimitReader(zeros{}, 32<<20)} // whoever reads it all fails
			call := callTo(Read)
			call.Limit, call.Out = 1000, out
			reply, err := serve(status, 1<<40, body).client().Do(t.Context(), call)
			require.NoError(t, err)
			assert.True(t, reply.TooLarge)
			assert.True(t, body.closed)
			assert.Less(t, body.read, int64(4*refusalLimit))
		}
	}
}

func TestGzipBomb(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, err := io.CopyN(z, zeros{}, 4<<20)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "gzip", r.Header.Get("Accept-Encoding"))
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	}))
	defer srv.Close()
	c := New(Config{})
	defer c.CloseIdleConnections()
	call := callTo(Read)
	call.URL = parse(t, srv.URL)
	require.Less(t, int64(bomb.Len()), call.Limit, "small on the wire")
	reply, err := c.Do(t.Context(), call)
	require.NoError(t, err)
	assert.True(t, reply.TooLarge)
	assert.Nil(t, reply.Body)
}

func TestOut(t *testing.T) {
	var out strings.Builder
	call := callTo(Read)
	call.Out = &out
	reply, err := play(replies(200)).client().Do(t.Context(), call)
	require.NoError(t, err)
	assert.Equal(t, `{"a":1}`, out.String())
	assert.Nil(t, reply.Body)

	out.Reset() // not for what is no success
	reply, err = play(replies(404)).client().Do(t.Context(), call)
	require.NoError(t, err)
	assert.Empty(t, out.String())
	assert.Equal(t, `{"a":1}`, string(reply.Body))

	out.Reset()
	call.Limit = 100_000 // several reads
	long := func() io.Reader { return io.LimitReader(zeros{}, 100_001) }
	reply, err = play(repliesWith(200, long)).client().Do(t.Context(), call)
	require.NoError(t, err)
	assert.True(t, reply.TooLarge)
	assert.Equal(t, 100_000, out.Len())

	out.Reset()
	call.Limit = 3
	reply, err = play(replies(200)).client().Do(t.Context(), call)
	require.NoError(t, err)
	assert.True(t, reply.TooLarge)
	assert.Equal(t, `{"a`, out.String())
}

func TestOutIsNeverWrittenTwice(t *testing.T) {
	for _, class := range classes() {
		synctest.Test(t, func(t *testing.T) {
			var out strings.Builder
			s, call := play(repliesWith(200, cut)), callTo(class)
			call.Out = &out
			reply, err := s.client().Do(t.Context(), call)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			assert.Len(t, s.at, 1)
			assert.Equal(t, `{"a":`, out.String())
			assert.Equal(t, 200, reply.Status)
			assert.Equal(t, class != Read, reply.MaybeApplied)
		})
	}
	synctest.Test(t, func(t *testing.T) { // nothing written yet: an ordinary fault
		var out strings.Builder
		s := play(repliesWith(200, func() io.Reader { return errorReader{io.ErrUnexpectedEOF} }), replies(200))
		call := callTo(Read)
		call.Out = &out
		_, err := s.client().Do(t.Context(), call)
		require.NoError(t, err)
		assert.Len(t, s.at, 2)
		assert.Equal(t, `{"a":1}`, out.String())
	})
	synctest.Test(t, func(t *testing.T) { // the writer's own fault
		s, call := play(replies(200)), callTo(Read)
		call.Out = brokenWriter{}
		_, err := s.client().Do(t.Context(), call)
		require.Equal(t, errMine, err, "as it is")
		assert.Len(t, s.at, 1)
	})
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errMine }

// Open is called once per attempt, and everything it opened is closed.
func TestOpen(t *testing.T) {
	for _, length := range []int64{4, 0, -1} {
		synctest.Test(t, func(t *testing.T) {
			var opened []*counted
			s := play(func(req *http.Request) (*http.Response, error) {
				assert.Equal(t, map[bool]int64{true: 4, false: -1}[length == 4], req.ContentLength)
				return replies(500)(req)
			})
			call := callTo(Repeat)
			call.Length = length
			call.Open = func() (io.ReadCloser, error) {
				opened = append(opened, &counted{Reader: strings.NewReader("file")})
				return opened[len(opened)-1], nil
			}
			_, err := s.client().Do(t.Context(), call)
			require.NoError(t, err)
			assert.Equal(t, []string{"file", "file", "file", "file"}, s.sent)
			assert.Len(t, opened, 4)
			for _, o := range opened {
				assert.True(t, o.closed)
			}
		})
	}
	s, call := play(replies(200)), callTo(Repeat)
	opens := 0
	call.Open = func() (io.ReadCloser, error) { opens++; return nil, errMine }
	reply, err := s.client().Do(t.Context(), call)
	require.Equal(t, errMine, err)
	assert.Equal(t, 1, opens, "it would fail again")
	assert.Empty(t, s.at)
	assert.False(t, reply.MaybeApplied, "nothing was sent")
}

// A small request leaves in one write, headers and body, which net/http only does
// with bodies of the types that it knows.
func TestBodyLeavesWithTheHeaders(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		assert.Equal(t, "body", string(b))
	}))
	defer srv.Close()
	for _, class := range []Class{Create, Repeat, Once} {
		t.Run(name(class), func(t *testing.T) {
			var writes atomic.Int32
			own := newTransport()
			t.Cleanup(own.CloseIdleConnections)
			dial := own.DialContext
			own.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := dial(ctx, network, addr)
				return countedConn{conn, &writes}, err
			}
			c := New(Config{HTTPClient: &http.Client{Transport: own}})
			call := callTo(class)
			call.URL = parse(t, srv.URL)
			_, err := c.Do(t.Context(), call)
			require.NoError(t, err)
			assert.EqualValues(t, 1, writes.Load())
		})
	}
}

type countedConn struct {
	net.Conn
	writes *atomic.Int32
}

func (c countedConn) Write(p []byte) (int, error) { c.writes.Add(1); return c.Conn.Write(p) }

// Over sockets: the whole body arrives in every attempt, whatever the server
// does with it, and redirects arrive as they are.
func TestBodiesAndRedirectsOverSockets(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("0123456789", 30_000)
	var hits, elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	status := http.StatusInternalServerError
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.True(t, string(b) == big, "complete")
		hits.Add(1)
		w.Header().Set("Location", other.URL)
		w.WriteHeader(status)
		_, _ = w.Write([]byte("sorry"))
	}))
	defer srv.Close()
	c := New(Config{})
	defer c.CloseIdleConnections()
	call := callTo(Repeat)
	call.URL, call.Body = parse(t, srv.URL), []byte(big)
	reply, err := c.Do(t.Context(), call)
	require.NoError(t, err)
	assert.Equal(t, 500, reply.Status)
	assert.EqualValues(t, 4, hits.Load())

	for _, status = range []int{301, 302, 303, 307, 308} {
		for _, class := range classes() {
			call.Class = class
			hits.Store(0)
			reply, err := c.Do(t.Context(), call)
			require.NoError(t, err)
			assert.Equal(t, status, reply.Status)
			assert.Equal(t, other.URL, reply.Header.Get("Location"))
			assert.Equal(t, "sorry", string(reply.Body))
			assert.EqualValues(t, 1, hits.Load())
		}
	}
	assert.Zero(t, elsewhere.Load())
}

func TestSchemeMismatch(t *testing.T) {
	for head, plain := range map[string]bool{"HTTP/": true, "SSH-2": false} {
		record := tls.RecordHeaderError{Msg: "no TLS", RecordHeader: [5]byte([]byte(head))}
		_, err := do(t, play(connecting(record)), Read)
		require.Error(t, err)
		assert.Equal(t, plain, errors.Is(err, http.ErrSchemeMismatch), head)
	}
}

// What may be quoted from the server, or from a URL, is in no error.
func TestErrorsSayNothingTheyShouldNot(t *testing.T) {
	t.Parallel()
	secret := "canary"
	wrapped := errors.Join(errMine, errors.New(secret))
	for _, err := range []error{wrapped, errors.New(secret)} {
		s := play(fails(err))
		_, got := do(t, s, Create)
		require.Error(t, got)
		assert.NotContains(t, printed(got), secret)
		assert.ErrorIs(t, got, err)
		assert.Nil(t, errors.Unwrap(got))
	}
	for _, answer := range []string{"canary\r\n\r\n", "HTTP/1.1 canary\r\n\r\n", "HTTP/1.1 200 OK\r\ncanary\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: canary\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: canary\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: canary\r\n\r\n"} {
		call := callTo(Create)
		call.URL = parse(t, rawServer(t, answer)+"/?q="+secret)
		c := New(Config{})
		reply, err := c.Do(t.Context(), call)
		c.CloseIdleConnections()
		require.Error(t, err, answer)
		assert.NotContains(t, printed(err), secret)
		assert.True(t, reply.MaybeApplied)
	}
	s := play(func(req *http.Request) (*http.Response, error) { // a RoundTripper built on a client
		return http.Get("http://127.0.0.1:1/?q=" + secret)
	})
	_, err := do(t, s, Create)
	require.Error(t, err)
	assert.NotContains(t, printed(err), secret)
	assert.Contains(t, err.Error(), "refused")
}
