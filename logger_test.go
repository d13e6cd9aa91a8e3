package sunco_test

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/synctest"
	"time"

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

// Strangers cannot fill the log; what the partner has to mend stands in it.
func TestLogLevels(t *testing.T) {
	logs := captureDefault(t)
	failing := errors.New("down")
	for name, tc := range map[string]struct {
		set func(*sunco.Installer)
		log string
	}{
		"made-up code": {func(i *sunco.Installer) {
			i.Client.HTTPClient = &http.Client{Transport: always(400, `{"error":"invalid_grant"}`)}
		}, ""},
		"wrong secret": {func(i *sunco.Installer) {
			i.Client.HTTPClient = &http.Client{Transport: always(401, `{"error":"invalid_client"}`)}
		}, "step=exchange status=502"},
		"nobody": {func(i *sunco.Installer) { i.Identity = func(*http.Request) (string, error) { return "", nil } }, ""},
		"session store down": {func(i *sunco.Installer) {
			i.Identity = func(*http.Request) (string, error) { return "", failing }
		}, "step=Identity status=403"},
	} {
		p := newPartner(t)
		p.OnError, p.Client.Logger, p.Logger = nil, nil, nil
		tc.set(p.Installer)
		b, before, asked := p.browser(), len(logs.String()), installURL
		if p.Identity == nil {
			asked = p.allow(b.begin())
		}
		assert.GreaterOrEqual(t, b.get(asked).StatusCode, 400)
		said := logs.String()[before:]
		assert.Equal(t, tc.log == "", said == "", "%s: %s", name, said)
		assert.Contains(t, said, tc.log, name)
	}
	ctx, hangUp := context.WithCancel(t.Context())
	before := logs.String()
	h, _ := eventHandler(nil)
	h.Logger = nil
	h.Lookup = func(ctx context.Context, _ [32]byte) (*sunco.Installation, error) {
		hangUp()
		return nil, ctx.Err()
	}
	withContext := func(r *http.Request) { *r = *r.WithContext(ctx) }
	assert.Equal(t, http.StatusServiceUnavailable, deliver(h, deliveryBody(event("e1")), withContext))
	r := newRemovals(t, deadToken)
	r.Logger = nil
	ctx, hangUp = context.WithCancel(t.Context())
	r.RemovalHandler.Lookup = func(ctx context.Context, _ string) (*sunco.Installation, error) {
		hangUp()
		return nil, ctx.Err()
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, removalRequest(removalBody).WithContext(ctx))
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.Equal(t, before, logs.String())
	r.RemovalHandler.Lookup = func(context.Context, string) (*sunco.Installation, error) { return nil, failing }
	r.ServeHTTP(httptest.NewRecorder(), removalRequest(removalBody))
	assert.Contains(t, logs.String(), `level=WARN msg="sunco: removal: Lookup failed"`)
	require.NoError(t, h.Close(t.Context()))
	require.NoError(t, r.Close(t.Context()))
}

// A Lookup that Close ends has not failed.
func TestRemovalCloseIsQuiet(t *testing.T) {
	logs := captureDefault(t)
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, deadToken)
		r.Logger = nil
		find := r.RemovalHandler.Lookup
		r.RemovalHandler.Lookup = func(ctx context.Context, appID string) (*sunco.Installation, error) {
			if r.lookups > 0 { // not the request's
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return find(ctx, appID)
		}
		r.call(removalBody)
		synctest.Wait()
		require.NoError(t, r.Close(t.Context()))
		assert.Empty(t, logs.String())
	})
}

// A look that Close ends is not one that settled nothing.
func TestRemovalCloseIsQuietAtTheLastLook(t *testing.T) {
	logs := captureDefault(t)
	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, alive)
		r.Logger = nil
		r.call(removalBody)
		wait(299 * time.Second)
		r.setAnswer(func(int, sentRequest) (*http.Response, error) {
			time.Sleep(10 * time.Second)
			return response(302, ""), nil
		})
		wait(2 * time.Second)
		require.NoError(t, r.Close(t.Context()))
		assert.Empty(t, logs.String())
	})
}

// Without a Logger the calls are silent, and what a handler could not do is not.
func TestWithoutLogger(t *testing.T) {
	logs := captureDefault(t)
	failing := errors.New("down")

	p := newPartner(t)
	p.Client.Logger, p.Logger = nil, nil
	b := p.browser()
	assertRedirect(t, b.get(p.allow(b.begin())), "/")
	assert.Equal(t, http.StatusBadRequest, b.get(installURL+"?code=c0de&state=forged").StatusCode)
	assert.Empty(t, logs.String(), "nothing failed but a stranger")
	p.OnError = nil
	p.Save = func(context.Context, *sunco.Installation) error { return failing }
	assert.Equal(t, http.StatusInternalServerError, b.get(p.allow(b.begin())).StatusCode)
	assert.Contains(t, logs.String(), `level=WARN msg="sunco: install failed" step=Save`)

	synctest.Test(t, func(t *testing.T) {
		r := newRemovals(t, deadToken)
		r.Logger = nil
		r.hook = func(*sunco.Installation) error { return failing }
		r.call(removalBody)
		synctest.Wait()
		const failed = `level=WARN msg="sunco: removal: OnRemoved failed" app_id=`
		assert.Contains(t, logs.String(), failed+testAppID+" error=down")
		require.NoError(t, r.Close(t.Context()))
	})

	h, _ := eventHandler(func(context.Context, *sunco.Event) error { return failing })
	h.Logger = nil
	assert.Equal(t, http.StatusServiceUnavailable, deliver(h, deliveryBody(event("e1"))))
	assert.Contains(t, logs.String(), `level=WARN msg="sunco: OnEvent failed" app_id=`+testAppID+` event_id=e1 error=down`)
}

// brokenError is a hook's error that cannot say what it is.
type brokenError struct{ text *string }

func (b brokenError) Error() string { return *b.text }

func TestErrorThatPanics(t *testing.T) {
	logs := captureDefault(t)
	h, _ := eventHandler(func(context.Context, *sunco.Event) error { return brokenError{} })
	h.Logger = nil
	assert.Equal(t, http.StatusServiceUnavailable, deliver(h, deliveryBody(event("e1"))))
	assert.Contains(t, logs.String(), "OnEvent failed")
}
