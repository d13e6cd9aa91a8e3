package sandbox

import (
	"bufio"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A stream outlives the server's timeouts, which are for ordinary requests.
func TestStreamOutlivesTimeouts(t *testing.T) {
	s, err := Listen(t.Context(), Config{Addr: "127.0.0.1:0", Log: log.New(io.Discard, "", 0)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.listener.Close(); s.platform.Close() })
	server := httptest.NewUnstartedServer(http.HandlerFunc(s.stream))
	server.Config.ReadTimeout, server.Config.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(s.ending) })
	res, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	defer res.Body.Close()
	app := s.platform.Accounts()[0].AppID
	time.AfterFunc(3*server.Config.ReadTimeout, func() { _ = s.platform.Say(app, "ada", "better than never") })
	lines := bufio.NewReader(res.Body)
	for found := false; !found; {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		found = strings.Contains(line, "better than never")
	}
}

// Beyond the limit of streams a tab is told so.
func TestStreamLimit(t *testing.T) {
	s, err := Listen(t.Context(), Config{Addr: "127.0.0.1:0", Log: log.New(io.Discard, "", 0)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.listener.Close(); s.platform.Close() })
	for range maxStreams {
		s.streams <- struct{}{}
	}
	answer := httptest.NewRecorder()
	s.stream(answer, httptest.NewRequest(http.MethodGet, "/", nil))
	assert.Equal(t, http.StatusServiceUnavailable, answer.Code)
}
