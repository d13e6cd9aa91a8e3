package netsim

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPipeCarriesBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := newPipe("acme.zendesk.com:443")
		assert.Equal(t, "acme.zendesk.com:443", client.RemoteAddr().String())
		assert.Equal(t, "acme.zendesk.com:443", server.LocalAddr().String())
		assert.Equal(t, "tcp", server.RemoteAddr().Network())
		sent := bytes.Repeat([]byte("0123456789"), pipeBuffer/5) // twice what fits
		go func() {
			n, err := client.Write(sent)
			assert.Equal(t, len(sent), n)
			assert.NoError(t, err)
			assert.NoError(t, client.Close())
		}()
		first, err := server.peek()
		require.NoError(t, err)
		assert.Equal(t, byte('0'), first)
		got, err := io.ReadAll(server)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(sent, got))
		_, err = server.Write([]byte("x"))
		require.ErrorIs(t, err, syscall.EPIPE)
		_, err = client.Read(make([]byte, 1))
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = client.Write([]byte("x"))
		require.ErrorIs(t, err, net.ErrClosed)
		require.NoError(t, client.Close(), "twice")
		require.NoError(t, server.Close())
	})
}

func TestPipeReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := newPipe("a:1")
		_, err := server.Write([]byte("lost"))
		require.NoError(t, err)
		server.Reset()
		_, err = client.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET)
		_, err = client.Write([]byte("x"))
		require.ErrorIs(t, err, syscall.ECONNRESET)
		var op *net.OpError
		require.ErrorAs(t, err, &op)
		_, err = server.Read(make([]byte, 1))
		require.ErrorIs(t, err, net.ErrClosed)
		require.NoError(t, client.Close())
	})
}

func TestPipeDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := newPipe("a:1")
		start := time.Now()
		expires := func(after time.Duration, err error) {
			t.Helper()
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			var timeout net.Error
			require.True(t, errors.As(err, &timeout) && timeout.Timeout())
			assert.Equal(t, after, time.Since(start))
		}
		require.NoError(t, client.SetReadDeadline(start.Add(time.Second)))
		_, err := client.Read(make([]byte, 1))
		expires(time.Second, err)
		_, err = client.Read(make([]byte, 1))
		expires(time.Second, err)

		// A later deadline takes the place of an earlier one, also while reading.
		require.NoError(t, client.SetReadDeadline(start.Add(2*time.Second)))
		go func() {
			time.Sleep(500 * time.Millisecond)
			assert.NoError(t, client.SetReadDeadline(start.Add(3*time.Second)))
		}()
		_, err = client.Read(make([]byte, 1))
		expires(3*time.Second, err)

		require.NoError(t, client.SetWriteDeadline(start.Add(4*time.Second)))
		n, err := client.Write(make([]byte, pipeBuffer+1))
		assert.Equal(t, pipeBuffer, n)
		expires(4*time.Second, err)

		require.NoError(t, client.SetDeadline(start))
		_, err = client.Read(make([]byte, 1))
		expires(4*time.Second, err)
		_, err = client.Write(make([]byte, 1))
		expires(4*time.Second, err)

		require.NoError(t, client.SetDeadline(time.Time{}))
		_, err = server.Write([]byte("x"))
		require.NoError(t, err)
		_, err = client.Read(make([]byte, 1))
		require.NoError(t, err)
		require.NoError(t, client.SetDeadline(time.Now().Add(time.Hour)))
		require.NoError(t, client.Close())
		require.NoError(t, server.Close())
	})
}

func TestPipeCloseWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := newPipe("a:1")
		go func() {
			_, err := client.Read(make([]byte, 1))
			assert.ErrorIs(t, err, net.ErrClosed)
		}()
		go func() {
			_, err := server.Read(make([]byte, 1))
			assert.ErrorIs(t, err, io.EOF)
		}()
		synctest.Wait()
		require.NoError(t, client.Close())
		synctest.Wait()
		require.NoError(t, server.Close())
	})
}
