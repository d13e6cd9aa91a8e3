package sunco_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/suncotest"
)

// hold keeps the token endpoint from answering until the returned function is
// called.
func (p *partner) hold() (release func()) {
	held := make(chan struct{})
	p.platform.Inject(hit(tokenPath, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		<-held
		next.ServeHTTP(w, r)
	}))
	return func() { close(held) }
}

// copies sends n requests like r at once, each to the next of the handlers.
func copies(r *http.Request, n int, handlers ...http.Handler) (wait func() []*httptest.ResponseRecorder) {
	answers := make([]*httptest.ResponseRecorder, n)
	var all sync.WaitGroup
	for k := range n {
		answers[k] = httptest.NewRecorder()
		all.Go(func() { handlers[k%len(handlers)].ServeHTTP(answers[k], r.Clone(r.Context())) })
	}
	return func() []*httptest.ResponseRecorder {
		all.Wait()
		return answers
	}
}

func TestInstallHundredIdenticalCallbacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartner(t)
		defer p.platform.Close()
		b := p.browser()
		callback := p.allow(b.begin("?return_to=/x"))
		release := p.hold()
		wait := copies(b.request(http.MethodGet, callback), 100, p)
		synctest.Wait()
		assert.Equal(t, 1, p.exchanges())
		release()
		for _, w := range wait() {
			assertRedirect(t, w.Result(), "/x")
			assert.Contains(t, strings.Join(w.Header().Values("Set-Cookie"), "\n"), "Max-Age=0")
		}
		assert.Equal(t, 1, p.exchanges())
		assert.Len(t, p.installed, 1)
		assert.Empty(t, p.errs)
	})
}

func TestInstallHundredCallbacksThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartner(t)
		defer p.platform.Close()
		b := p.browser()
		callback := with(t, p.allow(b.begin()), "code", "stale")
		for _, w := range copies(b.request(http.MethodGet, callback), 100, p)() {
			assertPage(t, w.Result(), http.StatusBadGateway)
		}
		assert.Equal(t, 1, p.exchanges())
		assert.Len(t, p.errs, 100)
		assert.Empty(t, p.installed)
	})
}

// The same state with two codes is no repetition: one of them is refused.
func TestInstallSecondCodeForAFlow(t *testing.T) {
	p := newPartner(t)
	b := p.browser()
	zendesk := b.begin()
	first, second := p.allow(zendesk), p.allow(zendesk)
	r := b.request(http.MethodGet, second)
	assertRedirect(t, b.get(first), "/")
	assertPage(t, b.do(r), http.StatusBadRequest)
	assertPage(t, b.get(second), http.StatusBadRequest)
	assertRedirect(t, b.get(first), "/")
	assert.Equal(t, 1, p.exchanges())
}

// A receipt is this browser's, for this callback, until the flow would expire.
func TestInstallCallbackLoadedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartner(t)
		defer p.platform.Close()
		b := p.browser()
		callback := p.allow(b.begin("?return_to=/x"))
		assertRedirect(t, b.get(callback), "/x")
		for range 3 {
			assertRedirect(t, b.get(callback), "/x")
		}
		b.h = p.installer() // restarted
		assertRedirect(t, b.get(callback), "/x")
		assertPage(t, b.get(with(t, callback, "code", "c0de")), http.StatusBadRequest)
		assertPage(t, b.get(callback+"&error=access_denied"), http.StatusBadRequest)
		assertPage(t, b.get(callback+"&code=c0de"), http.StatusBadRequest)
		assertPage(t, b.get(callback+"&state=another"), http.StatusBadRequest)
		assertPage(t, p.browser().get(callback), http.StatusBadRequest)
		kept := b.request(http.MethodGet, callback)
		time.Sleep(10*time.Minute + time.Second)
		assertPage(t, b.do(kept), http.StatusBadRequest)
		assert.Equal(t, 1, p.exchanges())
		assert.Len(t, p.installed, 1)
	})
}

func TestInstallBrowserThatLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartner(t)
		defer p.platform.Close()
		b := p.browser()
		callback := p.allow(b.begin())
		release := p.hold()
		ctx, leave := context.WithCancel(t.Context())
		leader := copies(b.request(http.MethodGet, callback).WithContext(ctx), 1, p)
		synctest.Wait()
		follower := copies(b.request(http.MethodGet, callback).WithContext(ctx), 1, p)
		faithful := copies(b.request(http.MethodGet, callback), 1, p)
		synctest.Wait()
		leave()
		assertPage(t, follower()[0].Result(), http.StatusServiceUnavailable)
		release()
		assertRedirect(t, faithful()[0].Result(), "/")
		leader()
		assert.Len(t, p.installed, 1)
		assert.Empty(t, p.errs)
		assert.Equal(t, 1, p.exchanges())
	})
}

// However long Zendesk took, each hook has 30 s of its own.
func TestInstallHooksHaveTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartner(t)
		defer p.platform.Close()
		slowly := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			time.Sleep(25 * time.Second)
			next.ServeHTTP(w, r)
		}
		p.platform.Inject(hit(tokenPath, slowly))
		p.platform.Inject(hit(infoPath, slowly))
		var heard []string
		hear := func(name string, ctx context.Context) {
			heard = append(heard, name)
			deadline, _ := ctx.Deadline()
			assert.Equal(t, 30*time.Second, time.Until(deadline), name)
			time.Sleep(29 * time.Second)
			assert.NoError(t, ctx.Err(), name)
		}
		p.Identity = func(r *http.Request) (string, error) { hear("Identity", r.Context()); return "alice", nil }
		p.FirstUse = func(ctx context.Context, _ string) (bool, error) { hear("FirstUse", ctx); return true, nil }
		p.Save = func(ctx context.Context, in *sunco.Installation) error {
			hear("Save", ctx)
			if len(heard) > 8 && in.AppID != "" {
				return errors.New("full")
			}
			return nil
		}
		p.OnInstall = func(_ http.ResponseWriter, r *http.Request, _ *sunco.Installation) { hear("OnInstall", r.Context()) }
		p.OnError = func(_ http.ResponseWriter, r *http.Request, _ *sunco.Installation, _ error) {
			hear("OnError", r.Context())
		}
		b := p.browser()
		assertRedirect(t, b.get(p.allow(b.begin())), "/")
		assert.Equal(t, []string{"Identity", "Identity", "FirstUse", "Save", "Save", "OnInstall"}, heard)
		assertPage(t, b.get(p.allow(b.begin())), http.StatusInternalServerError)
		assert.Equal(t, []string{"Identity", "Identity", "FirstUse", "Save", "Save", "OnError"}, heard[6:])
	})
}

func TestInstallEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartner(t)
		defer p.platform.Close()
		p.platform.Inject(suncotest.Fault{Path: "/sc/v2/tokenInfo", Times: -1, Handle: suncotest.Hang})
		b := p.browser()
		callback := p.allow(b.begin())
		begin := time.Now()
		assertPage(t, b.get(callback), http.StatusBadGateway)
		assert.LessOrEqual(t, time.Since(begin), 61*time.Second)
		require.Len(t, p.tokens, 1, "the token is saved already")
		assert.False(t, p.tokens[0].Token.AccessToken.IsZero())
	})
}

// Where OnError sends the browser with the half-finished installation that it
// keeps, all identical callbacks are sent.
func TestInstallFailureWithARedirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartner(t)
		defer p.platform.Close()
		p.Webhook = wantedHook()
		p.platform.Inject(hit(hooksPath, suncotest.Reply(http.StatusForbidden, "application/json", "{}")))
		heard := 0
		p.OnError = func(w http.ResponseWriter, r *http.Request, in *sunco.Installation, _ error) {
			heard++
			assert.NotNil(t, in)
			time.Sleep(time.Second)
			http.Redirect(w, r, "/unfinished", http.StatusSeeOther)
		}
		b := p.browser()
		callback := p.allow(b.begin("?return_to=/x"))
		for _, w := range copies(b.request(http.MethodGet, callback), 10, p)() {
			assertRedirect(t, w.Result(), "/unfinished")
			assert.NotContains(t, strings.Join(w.Header().Values("Set-Cookie"), "\n"), "install-done", "it did not end well")
		}
		assert.Equal(t, 1, heard)
		assert.Equal(t, 1, p.exchanges())
	})
}

// Whatever ends the first of several identical callbacks, the others get an
// answer.
func TestInstallHooksThatEndBadlyKeepNobodyWaiting(t *testing.T) {
	boom := func() { panic("boom") }
	failing := func(context.Context, *sunco.Installation) error { return errors.New("disk full") }
	for name, set := range map[string]func(p *partner){
		"Save panics": func(p *partner) {
			p.Save = func(context.Context, *sunco.Installation) error { boom(); return nil }
		},
		"Save exits": func(p *partner) {
			p.Save = func(context.Context, *sunco.Installation) error { runtime.Goexit(); return nil }
		},
		"OnError panics": func(p *partner) {
			p.Save = failing
			p.OnError = func(http.ResponseWriter, *http.Request, *sunco.Installation, error) { boom() }
		},
		"OnError exits": func(p *partner) {
			p.Save = failing
			first := true
			p.OnError = func(http.ResponseWriter, *http.Request, *sunco.Installation, error) {
				if first {
					first = false
					runtime.Goexit()
				}
			}
		},
		"RoundTripper panics": func(p *partner) {
			p.Client.HTTPClient = &http.Client{Transport: &wire{answer: func(int, sentRequest) (*http.Response, error) {
				boom()
				return nil, nil
			}}}
		},
	} {
		inBubble(t, name, func(t *testing.T) {
			p := newPartner(t)
			defer p.platform.Close()
			set(p)
			begun := make(chan struct{})
			p.FirstUse = func(context.Context, string) (bool, error) {
				close(begun)
				time.Sleep(time.Second)
				return true, nil
			}
			b := p.browser()
			r := b.request(http.MethodGet, p.allow(b.begin()))
			go func() {
				defer func() { _ = recover() }() // as net/http does
				p.ServeHTTP(httptest.NewRecorder(), r.Clone(t.Context()))
			}()
			<-begun
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // so that nobody waits in vain
			defer cancel()
			for _, w := range copies(r.WithContext(ctx), 10, p)() {
				assertPage(t, w.Result(), http.StatusInternalServerError)
			}
		})
	}
}

// sharedUse is FirstUse over a store that processes share.
type sharedUse struct{ ids sync.Map }

func (s *sharedUse) first(_ context.Context, id string) (bool, error) {
	_, there := s.ids.LoadOrStore(id, true)
	return !there, nil
}

func TestInstallSeveralProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartner(t)
		defer p.platform.Close()
		var store sharedUse
		processes := []http.Handler{}
		for range 3 {
			process := p.installer()
			process.FirstUse = store.first
			processes = append(processes, process)
		}
		b := p.browser()
		b.h = processes[0]
		callback := p.allow(b.begin("?return_to=/x"))
		for _, w := range copies(b.request(http.MethodGet, callback), 99, processes...)() {
			assertRedirect(t, w.Result(), "/x")
			assert.Contains(t, strings.Join(w.Header().Values("Set-Cookie"), "\n"), "install-done", "a receipt")
		}
		assert.Equal(t, 1, p.exchanges())
		assert.Len(t, p.installed, 1)
		store.ids.Range(func(id, _ any) bool {
			assert.Len(t, id, 64)
			assertNoSecret(t, "flow id", id.(string), parameter(t, callback, "state"))
			return true
		})
	})
}

func TestInstallFirstUseThatFails(t *testing.T) {
	p := newPartner(t)
	failed := errors.New("no store")
	p.FirstUse = func(context.Context, string) (bool, error) { return true, failed }
	b := p.browser()
	callback := p.allow(b.begin())
	again := b.request(http.MethodGet, callback)
	assertPage(t, b.get(callback), http.StatusServiceUnavailable)
	require.ErrorIs(t, p.lastError(), failed)
	p.FirstUse = nil
	assertPage(t, b.do(again), http.StatusServiceUnavailable)
	assert.Zero(t, p.exchanges())
}

// A thousand flows in flight, each with its own goroutine, request and call.
func TestInstallThousandFlowsInMemory(t *testing.T) {
	const flows = 1000
	held := make(chan struct{})
	var arrived atomic.Int32
	client := newClient(&wire{answer: func(_ int, r sentRequest) (*http.Response, error) {
		if !strings.HasSuffix(r.URL, "/oauth/token") {
			return response(http.StatusOK, tokenInfoReply), nil
		}
		arrived.Add(1)
		<-held
		return response(http.StatusOK, tokenReply), nil
	}})
	var installed atomic.Int32
	i := &sunco.Installer{Client: client, Save: func(_ context.Context, in *sunco.Installation) error {
		if in.AppID != "" {
			installed.Add(1)
		}
		return nil
	}}
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc + m.StackInuse)
	}
	p := &partner{t: t, Installer: i}
	var callbacks []*http.Request
	before := heap()
	for range flows {
		b := p.browser()
		callbacks = append(callbacks, b.request(http.MethodGet, with(t, b.begin(), "code", "c0de")))
	}
	begun := heap()
	var all sync.WaitGroup
	for _, r := range callbacks {
		all.Go(func() { i.ServeHTTP(httptest.NewRecorder(), r) })
	}
	require.Eventually(t, func() bool { return arrived.Load() == flows }, time.Minute, time.Millisecond)
	inFlight := heap()
	close(held)
	all.Wait()
	after := heap()
	assert.EqualValues(t, flows, installed.Load())
	t.Logf("per flow: %d B begun (of the test), %d B in flight, %d B when done",
		(begun-before)/flows, (inFlight-begun)/flows, (after-begun)/flows)
	assert.Less(t, inFlight-begun, int64(64<<20))
	assert.Less(t, after-begun, int64(4<<20))
	runtime.KeepAlive(callbacks)
}
