package inbound

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

type key struct{}

// The context of a handle is like one of [context.WithTimeout], whether somebody waits
// for its end or not.
func TestDeadline(t *testing.T) {
	for name, tc := range map[string]struct {
		want error
		end  func(d *deadline, cancelRequest func())
	}{
		"its time is over": {context.DeadlineExceeded, func(d *deadline, _ func()) {
			time.Sleep(Limit)
			d.stop(context.DeadlineExceeded)
		}},
		"the request ends": {context.Canceled, func(_ *deadline, cancel func()) { cancel() }},
		"it is answered":   {context.Canceled, func(d *deadline, _ func()) { d.stop(context.Canceled) }},
	} {
		for _, waits := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					parent, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
					defer cancel()
					d := &deadline{Context: parent, end: time.Now().Add(Limit)}
					defer d.stop(context.Canceled)
					var child context.Context
					if waits {
						var end context.CancelFunc
						before := runtime.NumGoroutine()
						child, end = context.WithTimeoutCause(d, time.Hour, errors.New("another"))
						defer end()
						assert.Equal(t, before, runtime.NumGoroutine(), "nothing watches it")
					}
					end, limited := d.Deadline()
					assert.True(t, limited)
					assert.Equal(t, Limit, time.Until(end))
					assert.NoError(t, d.Err())
					assert.NoError(t, context.Cause(d))
					tc.end(d, cancel)
					synctest.Wait()
					assert.Equal(t, tc.want, d.Err())
					d.stop(context.DeadlineExceeded)
					d.stop(context.Canceled)
					assert.Equal(t, tc.want, d.Err(), "the first reason stays")
					time.Sleep(2 * Limit)
					cancel()
					assert.Equal(t, "value", d.Value(key{}))
					assert.Contains(t, fmt.Sprint(d), "WithDeadline")
					if waits {
						assert.Equal(t, tc.want, child.Err())
						assert.Equal(t, tc.want, context.Cause(child))
					}
					<-d.Done()
					assert.Equal(t, tc.want, d.Err(), "the same for who waits later")
				})
			})
		}
	}
}
