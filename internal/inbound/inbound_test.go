package inbound

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// lateWriter is like the server's own, with a body that arrives when the time is over.
type lateWriter struct {
	*httptest.ResponseRecorder
	over chan struct{}
}

func (w *lateWriter) SetReadDeadline(at time.Time) error {
	if at.Before(time.Now()) {
		close(w.over)
	}
	return nil
}

func (w *lateWriter) Read([]byte) (int, error) { <-w.over; return 1, io.EOF }
func (w *lateWriter) Close() error             { return nil }

// A body that arrives in the last moment finds that the time is over, also where
// somebody waits for that.
func TestBodyArrivesWhenTheTimeIsOver(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			w := &lateWriter{httptest.NewRecorder(), make(chan struct{})}
			r := httptest.NewRequest(http.MethodPost, "/", w)
			Serve(w, r, func(bool) {}, func(ctx context.Context) int {
				ended := ctx.Done()
				_, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				assert.Equal(t, context.DeadlineExceeded, ctx.Err())
				<-ended
				return http.StatusServiceUnavailable
			})
			assert.Equal(t, http.StatusServiceUnavailable, w.Code)
		})
	}
}
