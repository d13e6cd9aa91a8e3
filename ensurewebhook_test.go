package sunco_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

// hookStore plays the platform's webhooks. answer may take a request over.
type hookStore struct {
	*wire
	hooks  []string // JSON
	takes  func(n int, r sentRequest) (*http.Response, error)
	writes []string
}

func newHookStore(hooks ...string) *hookStore {
	s := &hookStore{hooks: hooks}
	s.wire = &wire{answer: func(n int, r sentRequest) (*http.Response, error) {
		if r.Method != "GET" {
			s.writes = append(s.writes, r.Method+" "+strings.TrimPrefix(r.URL, hooksURL)+" "+r.Body)
		}
		if s.takes != nil {
			if resp, err := s.takes(n, r); resp != nil || err != nil {
				return resp, err
			}
		}
		switch r.Method {
		case "GET":
			return response(200, `{"webhooks":[`+strings.Join(s.hooks, ",")+`]}`), nil
		case "POST":
			s.add(r.Body)
			return response(201, `{"webhook":`+s.hooks[len(s.hooks)-1]+`}`), nil
		case "PATCH":
			return response(200, `{"webhook":`+s.hooks[0]+`}`), nil
		}
		return response(405, ""), nil
	}}
	return s
}

func (s *hookStore) add(body string) {
	made := fmt.Sprintf(`{"id":"new%d","version":"v2","secret":"made",`, len(s.hooks))
	s.hooks = append(s.hooks, made+strings.TrimPrefix(body, "{"))
}

func hookJSON(id, target string, full, source bool, triggers ...string) string {
	return fmt.Sprintf(`{"id":%q,"version":"v2","target":%q,"triggers":["%s"],"secret":"s-%s",`+
		`"includeFullUser":%t,"includeFullSource":%t}`,
		id, target, strings.Join(triggers, `","`), id, full, source)
}

const ourTarget = "https://bot.example/hook"

func TestEnsureWebhookRepairsOnlyWhatDiffers(t *testing.T) {
	other := hookJSON("other", "https://bot.example/hook/", true, true, "user:merge")
	want := &sunco.Webhook{Target: ourTarget, Triggers: []string{"a:b", "c:d"}, IncludeFullUser: true}
	for name, tc := range map[string]struct {
		found  string
		writes []string
	}{
		"as wanted":     {hookJSON("w1", ourTarget, true, false, "a:b", "c:d"), nil},
		"another order": {hookJSON("w1", ourTarget, true, false, "c:d", "a:b"), nil},
		"repeated":      {hookJSON("w1", ourTarget, true, false, "c:d", "a:b", "c:d"), nil},
		"trigger missing": {
			hookJSON("w1", ourTarget, true, false, "a:b"), []string{`PATCH /w1 {"triggers":["a:b","c:d"]}`},
		},
		"trigger too many": {
			hookJSON("w1", ourTarget, true, false, "a:b", "c:d", "e:f"),
			[]string{`PATCH /w1 {"triggers":["a:b","c:d"]}`},
		},
		"trigger's case": {
			hookJSON("w1", ourTarget, true, false, "a:b", "C:d"), []string{`PATCH /w1 {"triggers":["a:b","c:d"]}`},
		},
		"user off": {
			hookJSON("w1", ourTarget, false, false, "a:b", "c:d"), []string{`PATCH /w1 {"includeFullUser":true}`},
		},
		"source on": {
			hookJSON("w1", ourTarget, true, true, "a:b", "c:d"), []string{`PATCH /w1 {"includeFullSource":false}`},
		},
		"all": {
			hookJSON("w1", ourTarget, false, true, "x:y"),
			[]string{`PATCH /w1 {"triggers":["a:b","c:d"],"includeFullUser":true,"includeFullSource":false}`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newHookStore(tc.found, other)
			got, err := newClient(s).EnsureWebhook(t.Context(), acme(), want)
			require.NoError(t, err)
			assert.Equal(t, "w1", got.ID)
			assertSecret(t, "s-w1", got.Secret)
			assert.Equal(t, tc.writes, s.writes)
			assert.Equal(t, []string{"a:b", "c:d"}, want.Triggers, "the wish is not modified")
		})
	}
}

func TestEnsureWebhookCreates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which ends when a turn does not
		s := newHookStore(
			hookJSON("o", ourTarget+"/", false, false, "a:b"),
			hookJSON("p", "http://bot.example/hook", false, false, "a:b"),
		)
		c := newClient(s)
		first, err := c.EnsureWebhook(t.Context(), acme(), wantedHook())
		require.NoError(t, err)
		assert.Equal(t, "new2", first.ID)
		for range 3 {
			again, err := c.EnsureWebhook(t.Context(), acme(), wantedHook())
			require.NoError(t, err)
			assert.Equal(t, first.ID, again.ID)
		}
		assert.Equal(t, []string{`POST  {"target":"https://bot.example/hook","triggers":["conversation:message"],` +
			`"includeFullUser":false,"includeFullSource":false}`}, s.writes)
	})
}

// The platform may write a target in another form than it was given.
func TestEnsureWebhookComparesURLs(t *testing.T) {
	for _, tc := range []struct {
		want, found string
		same        bool
	}{
		{"https://h", "https://h/", true}, {"https://h/", "https://h", true},
		{"https://Bot.Example/Hook", "https://bot.example/Hook", true}, {"HTTPS://h/x", "https://h/x", true},
		{"https://h:443/x", "https://h/x", true}, {"http://h/x", "http://h:80/x", true},
		{"https://h/x?a=1", "https://h/x?a=1", true}, {"https://h?a=1", "https://h/?a=1", true},
		{"https://[2001:DB8::1]/x", "https://[2001:db8::1]:443/x", true},
		{"https://h/x", "http://h/x", false},
		{"https://h/x", "https://h/X", false},
		{"https://h/x", "https://h/x/", false},
		{"https://h:80/x", "https://h/x", false}, {"https://h/x", "https://h:8443/x", false},
		{"https://h/x", "https://i/x", false}, {"https://h/x?a=1", "https://h/x", false},
		{"https://h/x?a=1", "https://h/x?a=2", false}, {"https://h/a%2Fb", "https://h/a/b", false},
		{"https://h/x", "", false}, {"https://h/x", "%zz", false},
	} {
		t.Run(tc.want+" "+tc.found, func(t *testing.T) {
			s := newHookStore(hookJSON("w1", tc.found, false, false, "conversation:message"))
			hook := wantedHook()
			hook.Target = tc.want
			got, err := newClient(s).EnsureWebhook(t.Context(), acme(), hook)
			require.NoError(t, err)
			assert.Equal(t, tc.same, got.ID == "w1")
			assert.Equal(t, tc.same, len(s.writes) == 0)
		})
	}
}

// Calls for one app and target wait for each other, each until its own context
// ends.
func TestEnsureWebhookOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHookStore()
		s.takes = func(_ int, r sentRequest) (*http.Response, error) {
			time.Sleep(time.Second)
			return nil, nil
		}
		c := newClient(s)
		short, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				got, err := c.EnsureWebhook(t.Context(), acme(), wantedHook())
				if assert.NoError(t, err) {
					assert.Equal(t, "new0", got.ID)
				}
			})
		}
		synctest.Wait()
		_, err := c.EnsureWebhook(short, acme(), wantedHook())
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.False(t, ambiguous(err))
		wg.Wait()
		assert.Len(t, s.writes, 1, "one creation")
	})
}

// However a call ends, the next one for the same webhook has its turn, and nothing
// is remembered of any.
func TestEnsureWebhookTurnEnds(t *testing.T) {
	for name, first := range map[string]func(ctx context.Context) (*http.Response, error){
		"success": func(context.Context) (*http.Response, error) { return response(200, webhooksReply), nil },
		"refusal": func(context.Context) (*http.Response, error) { return response(403, errorBody), nil },
		"panic":   func(context.Context) (*http.Response, error) { panic("no transport") },
		"cancel":  func(ctx context.Context) (*http.Response, error) { <-ctx.Done(); return nil, ctx.Err() },
	} {
		inBubble(t, name, func(t *testing.T) {
			short, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			w := &wire{answer: func(n int, _ sentRequest) (*http.Response, error) {
				if n == 1 {
					time.Sleep(time.Millisecond) // for others to wait
					return first(short)
				}
				return response(200, webhooksReply), nil
			}}
			c := newClient(w)
			var calls sync.WaitGroup
			calls.Go(func() {
				defer func() { assert.Equal(t, name == "panic", recover() != nil) }()
				_, err := c.EnsureWebhook(short, acme(), wantedHook())
				assert.Equal(t, name == "success", err == nil)
			})
			synctest.Wait()
			for range 3 {
				calls.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), time.Microsecond)
					defer cancel()
					_, err := c.EnsureWebhook(ctx, acme(), wantedHook())
					assert.ErrorIs(t, err, context.DeadlineExceeded, "it gave up waiting")
				})
				calls.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					_, err := c.EnsureWebhook(ctx, acme(), wantedHook())
					assert.NoError(t, err)
				})
			}
			calls.Wait()
			assert.Equal(t, 4, w.count(), "who gave up sent nothing")
		})
	}
}

// The target in another form is the same webhook, for callers at the same time too.
func TestEnsureWebhookOneTurnForAllForms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHookStore()
		s.takes = func(int, sentRequest) (*http.Response, error) {
			time.Sleep(time.Second)
			return nil, nil
		}
		c := newClient(s)
		var calls sync.WaitGroup
		for _, target := range []string{"https://h", "https://H/", "https://h:443", "HTTPS://h/"} {
			calls.Go(func() {
				hook := wantedHook()
				hook.Target = target
				_, err := c.EnsureWebhook(t.Context(), acme(), hook)
				assert.NoError(t, err)
			})
		}
		calls.Wait()
		assert.Len(t, s.writes, 1, "one creation")
	})
}

func TestEnsureWebhookOthersDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := &wire{answer: func(n int, r sentRequest) (*http.Response, error) {
			if n == 1 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			if r.Method == "POST" {
				return response(201, webhookReply), nil
			}
			return response(200, webhooksReply), nil
		}}
		c, another := newClient(w), acme()
		another.AppID = "another"
		var calls sync.WaitGroup
		calls.Go(func() {
			_, err := c.EnsureWebhook(ctx, acme(), wantedHook())
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		soon, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		_, err := c.EnsureWebhook(soon, another, wantedHook())
		assert.NoError(t, err, "another app")
		other := wantedHook()
		other.Target += "/other"
		_, err = c.EnsureWebhook(soon, acme(), other)
		assert.NoError(t, err, "another target")
		cancel()
		calls.Wait()
	})
}

func TestEnsureWebhookAdoptsTheFirst(t *testing.T) {
	s := newHookStore(
		hookJSON("w1", ourTarget, false, false, "conversation:message"),
		hookJSON("w2", ourTarget, false, false, "conversation:message"),
	)
	got, err := newClient(s).EnsureWebhook(t.Context(), acme(), wantedHook())
	require.NoError(t, err)
	assert.Equal(t, "w1", got.ID)
	assert.Empty(t, s.writes)
}

func threeHooks() []string {
	return []string{
		hookJSON("a", "https://a.example", false, false, "a:b"),
		hookJSON("b", "https://b.example", false, false, "a:b"),
		hookJSON("c", "https://c.example", false, false, "a:b"),
	}
}

func TestEnsureWebhookLimit(t *testing.T) {
	for _, status := range []int{400, 403, 409, 422, 423} {
		s := newHookStore(threeHooks()...)
		s.takes = func(_ int, r sentRequest) (*http.Response, error) {
			if r.Method == "POST" {
				return response(status, errorBody, "X-Request-Id", "req-4"), nil
			}
			return nil, nil
		}
		_, err := newClient(s).EnsureWebhook(t.Context(), acme(), wantedHook())
		var limit *sunco.WebhookLimitError
		require.ErrorAs(t, err, &limit, "%d", status)
		require.Len(t, limit.Existing, 3)
		assert.Equal(t, "https://b.example", limit.Existing[1].Target)
		assert.Equal(t, status, requireError(t, err).Status)
		assert.ErrorContains(t, err, "already has 3 webhooks")
		assert.Len(t, s.writes, 1, "nothing of others is deleted or changed")

		s.hooks = s.hooks[:2]
		_, err = newClient(s).EnsureWebhook(t.Context(), acme(), wantedHook())
		require.Error(t, err)
		assert.False(t, errors.As(err, &limit), "with two the refusal has another reason")
	}
	s := newHookStore(threeHooks()...)
	_, err := newClient(s).EnsureWebhook(t.Context(), acme(), wantedHook())
	require.NoError(t, err, "Zendesk decides about the limit")
}

// What the look after a refusal came to is said beside the refusal.
func TestEnsureWebhookRefusedAndLookFails(t *testing.T) {
	s := newHookStore()
	lists := 0
	s.takes = func(_ int, r sentRequest) (*http.Response, error) {
		if r.Method == "POST" {
			return response(403, errorBody), nil
		}
		if lists++; lists > 1 {
			return response(401, ""), nil
		}
		return nil, nil
	}
	_, err := newClient(s).EnsureWebhook(t.Context(), acme(), wantedHook())
	require.ErrorIs(t, err, sunco.ErrForbidden)
	require.ErrorIs(t, err, sunco.ErrUnauthorized)
	assert.Equal(t, 403, requireError(t, err).Status)
	assert.NotContains(t, err.Error(), "\n")
}

// A call at the same time has made the webhook, and with it the last there may be.
func TestEnsureWebhookMadeMeanwhile(t *testing.T) {
	s := newHookStore(threeHooks()[:2]...)
	s.takes = func(_ int, r sentRequest) (*http.Response, error) {
		if r.Method != "POST" {
			return nil, nil
		}
		s.hooks = append(s.hooks, hookJSON("theirs", ourTarget, false, false, "conversation:message"))
		return response(400, errorBody), nil
	}
	got, err := newClient(s).EnsureWebhook(t.Context(), acme(), wantedHook())
	require.NoError(t, err)
	assert.Equal(t, "theirs", got.ID)
	assert.Len(t, s.writes, 1)
}

// A refusal that says something else is not mistaken for the limit.
func TestEnsureWebhookOtherRefusals(t *testing.T) {
	for _, status := range []int{401, 404, 408, 425, 429, 500, 501, 302} {
		inBubble(t, fmt.Sprint(status), func(t *testing.T) {
			s := newHookStore(threeHooks()...)
			s.takes = func(_ int, r sentRequest) (*http.Response, error) {
				if r.Method == "POST" {
					return response(status, errorBody), nil
				}
				return nil, nil
			}
			_, err := newClient(s).EnsureWebhook(t.Context(), acme(), wantedHook())
			require.Error(t, err)
			assert.False(t, errors.As(err, new(*sunco.WebhookLimitError)))
			assert.Equal(t, status, requireError(t, err).Status)
			assert.Equal(t, status == 429, errors.As(err, new(*sunco.RateLimitError)))
		})
	}
}

func TestEnsureWebhookAmbiguousCreate(t *testing.T) {
	lost := errors.New("lost")
	for name, tc := range map[string]struct {
		happened []bool // for each lost creation
		posts    int
		unknown  bool
	}{
		"happened":            {[]bool{true}, 1, false},
		"did not happen":      {[]bool{false}, 2, false},
		"second one happened": {[]bool{false, true}, 2, false},
		"none happened":       {[]bool{false, false, false, false}, 2, true},
	} {
		inBubble(t, name, func(t *testing.T) {
			s := newHookStore(hookJSON("o", "https://o.example", false, false, "a:b"))
			posts := 0
			s.takes = func(_ int, r sentRequest) (*http.Response, error) {
				if r.Method != "POST" {
					return nil, nil
				}
				posts++
				if posts > len(tc.happened) {
					return nil, nil
				}
				if tc.happened[posts-1] {
					s.add(r.Body)
				}
				return nil, lost
			}
			got, err := newClient(s).EnsureWebhook(t.Context(), acme(), wantedHook())
			assert.Equal(t, tc.posts, posts)
			assert.Equal(t, tc.unknown, ambiguous(err))
			if !tc.unknown {
				require.NoError(t, err)
				assert.Equal(t, "new1", got.ID)
				assertSecret(t, "made", got.Secret)
				assert.Len(t, s.hooks, 2, "exactly one was made")
			}
			for _, write := range s.writes {
				assert.Equal(t, "POST", write[:4])
			}
		})
	}
}

func TestEnsureWebhookKeepsTheAmbiguity(t *testing.T) {
	for name, status := range map[string]int{"list fails": 403, "list broken": 500, "second create refused": 400} {
		inBubble(t, name, func(t *testing.T) {
			s := newHookStore()
			posts := 0
			s.takes = func(_ int, r sentRequest) (*http.Response, error) {
				switch {
				case r.Method == "POST":
					if posts++; posts == 1 {
						return nil, errors.New("lost")
					}
					return response(status, errorBody), nil
				case posts > 0 && strings.HasPrefix(name, "list"):
					return response(status, errorBody), nil
				}
				return nil, nil
			}
			_, err := newClient(s).EnsureWebhook(t.Context(), acme(), wantedHook())
			assert.True(t, ambiguous(err), "the lost creation is not forgotten")
			assert.Equal(t, status == 403, errors.Is(err, sunco.ErrForbidden))
			assert.ErrorContains(t, err, "the webhook may exist")
		})
	}
}

func TestEnsureWebhookContextEndsInBetween(t *testing.T) {
	for _, at := range []int{1, 2, 3} {
		inBubble(t, fmt.Sprint(at), func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s := newHookStore()
			s.takes = func(n int, r sentRequest) (*http.Response, error) {
				if n == at {
					cancel()
					return nil, context.Canceled
				}
				if r.Method == "POST" {
					return nil, errors.New("lost")
				}
				return nil, nil
			}
			_, err := newClient(s).EnsureWebhook(ctx, acme(), wantedHook())
			assert.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, at > 1, ambiguous(err), "a creation may have happened")
			assert.Equal(t, at, s.count())
		})
	}
}
