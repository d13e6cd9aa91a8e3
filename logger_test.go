package sunco_test

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

// captureDefault makes slog.Default, for as long as the test runs, one that a
// test can read.
func captureDefault(t *testing.T) *syncBuffer {
	logs, previous := new(syncBuffer), slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(logs, nil)))
	t.Cleanup(func() {
		slog.SetDefault(previous)
		log.SetOutput(os.Stderr) // which SetDefault redirected
	})
	return logs
}

// panickingLog is a Logger's handler that is broken.
type panickingLog struct{ slog.Handler }

func (panickingLog) Handle(context.Context, slog.Record) error { panic("no log") }

func TestLoggerPanics(t *testing.T) {
	broken := slog.New(panickingLog{slog.NewTextHandler(io.Discard, nil)})
	h, _ := eventHandler(func(context.Context, *sunco.Event) error { panic("no event") })
	h.Logger = broken
	assert.Equal(t, http.StatusServiceUnavailable, deliver(h, deliveryBody(event("e1"))))
	require.NoError(t, h.Close(t.Context()))
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, step{status: 401})
		r.Client.Logger = broken
		r.hook = func(*sunco.Installation) error { panic("no database") }
		r.call(removalBody)
		synctest.Wait()
		require.NoError(t, r.Close(t.Context()))
	})
}

// Without a Logger the calls are silent, and what a handler could not do is not.
func TestWithoutLogger(t *testing.T) {
	logs := captureDefault(t)
	failing := errors.New("down")

	p := newPartner(t)
	p.Client.Logger = nil
	b := p.browser()
	assertRedirect(t, b.get(p.allow(b.begin())), "/")
	assert.Equal(t, http.StatusBadRequest, b.get(installURL+"?code=c0de&state=forged").StatusCode)
	assert.Empty(t, logs.String(), "nothing failed but a stranger")
	p.OnError = nil
	p.OnInstall = func(http.ResponseWriter, *http.Request, *sunco.Installation) error { return failing }
	assert.Equal(t, http.StatusInternalServerError, b.get(p.allow(b.begin())).StatusCode)
	assert.Contains(t, logs.String(), `level=WARN msg="sunco: install: failed" step=OnInstall`)

	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, step{status: 401})
		r.Client.Logger = nil
		r.hook = func(*sunco.Installation) error { return failing }
		r.call(removalBody)
		synctest.Wait()
		assert.Contains(t, logs.String(), `level=WARN msg="sunco: removal: OnRemoved failed`)
		require.NoError(t, r.Close(t.Context()))
	})

	h, _ := eventHandler(func(context.Context, *sunco.Event) error { return failing })
	h.Logger = nil
	assert.Equal(t, http.StatusServiceUnavailable, deliver(h, deliveryBody(event("e1"))))
	assert.Contains(t, logs.String(), `level=WARN msg="sunco: OnEvent failed"`)
	assert.NotContains(t, logs.String(), failing.Error())
}
