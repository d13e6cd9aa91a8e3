package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// One line per attempt, without anything that could be a secret.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		logger := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		s := play(connecting(errRefused), replies(429, "Retry-After", "3", "X-A", "canary"),
			replies(404, "X-A", "canary"))
		c := New(Config{HTTPClient: &http.Client{Transport: s}, Logger: logger})
		call := callTo(Create)
		call.URL.Path, call.URL.RawQuery = "/canary", "q=canary"
		call.Header, call.Body = http.Header{"Authorization": {"canary"}}, []byte("canary")
		_, err := c.Do(t.Context(), call)
		require.NoError(t, err)
		assert.NotContains(t, out.String(), "canary")

		var lines []map[string]any
		for dec := json.NewDecoder(&out); dec.More(); {
			var line map[string]any
			require.NoError(t, dec.Decode(&line))
			assert.Equal(t, "DEBUG", line["level"])
			assert.Equal(t, "op", line["op"])
			assert.Equal(t, "POST", line["method"])
			assert.Equal(t, "api.example", line["host"])
			lines = append(lines, line)
		}
		require.Len(t, lines, 3)
		assert.Equal(t, "unreached", lines[0]["fault"])
		assert.EqualValues(t, 1, lines[0]["attempt"])
		assert.NotContains(t, lines[0], "status")
		assert.EqualValues(t, 429, lines[1]["status"])
		assert.EqualValues(t, 3e9, lines[1]["wait"])
		assert.EqualValues(t, 404, lines[2]["status"])
		assert.NotContains(t, lines[2], "wait")
		assert.NotContains(t, lines[2], "fault")
	})
}

func TestTimeoutIsANetError(t *testing.T) {
	var err net.Error = timeoutError{}
	assert.True(t, err.Timeout())
	assert.NotErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, "no complete reply in time", err.Error())
}

func TestFaultWords(t *testing.T) {
	seen := map[string]bool{}
	for f := none; f <= local; f++ {
		assert.False(t, seen[f.String()], "%v", f)
		seen[f.String()] = true
	}
}

// Without a logger, or above its level, nothing is printed and nothing breaks;
// a header map is the caller's and is not touched.
func TestSilence(t *testing.T) {
	var out bytes.Buffer
	s := play(replies(200))
	c := New(Config{HTTPClient: &http.Client{Transport: s}, Logger: slog.New(slog.NewTextHandler(&out, nil))})
	call := callTo(Read)
	call.Header = http.Header{"X-A": {"b"}}
	_, err := c.Do(t.Context(), call)
	require.NoError(t, err)
	assert.Empty(t, out.String())
	assert.Equal(t, http.Header{"X-A": {"b"}}, call.Header)
}
