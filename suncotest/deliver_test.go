package suncotest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

// wireDelivery is what a receiver sees.
type wireDelivery struct {
	App     struct{ ID string }
	Webhook struct{ ID, Version string }
	Events  []struct {
		ID, Type, CreatedAt string
		Payload             json.RawMessage
	}
}

// inbox is a partner's server that receives deliveries.
type inbox struct {
	*world
	answer func(w http.ResponseWriter, r *http.Request, nth int) // nil: 200

	mu   sync.Mutex
	got  []wireDelivery
	raw  []string
	keys []string
	at   []time.Time
	most int // requests at the same time
	now  int
}

func (b *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		return
	}
	var d wireDelivery
	body, err := io.ReadAll(r.Body)
	b.mu.Lock()
	assert.NoError(b, err)
	assert.NoError(b, json.Unmarshal(body, &d))
	assert.Equal(b, http.MethodPost+jsonType, r.Method+r.Header.Get("Content-Type"))
	b.got, b.raw, b.keys = append(b.got, d), append(b.raw, string(body)), append(b.keys, r.Header.Get("X-API-Key"))
	b.at = append(b.at, time.Now())
	b.now++
	b.most = max(b.most, b.now)
	nth := len(b.got)
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.now--
	}()
	if b.answer != nil {
		b.answer(w, r, nth)
	}
}

// status answers always the same.
func status(code int) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(code) }
}

func newInbox(t *testing.T, cfg suncotest.Config) *inbox {
	b := &inbox{world: newWorld(t, cfg)}
	b.p.Mount("partner.example", b)
	return b
}

// subscribe installs for acme, and returns the app and the webhook with its secret.
func (b *inbox) subscribe(members string) (app, hook, secret string) {
	b.Helper()
	token := b.install("acme")
	a := b.api(token, http.MethodPost, b.hooksURL(acmeURL, "acme"), `{"target":"`+hookTarget+`",`+members+`}`)
	require.Equal(b, 201, a.Status)
	return b.appID("acme"), field(b.T, a.Body, "webhook.id"), field(b.T, a.Body, "webhook.secret")
}

// pass lets virtual time pass, and everything that is due then happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

const messagesOnly = `"triggers":["conversation:message"]`

func everyTrigger() string {
	list, _ := json.Marshal(suncotest.SampleTriggers())
	return `"triggers":` + string(list)
}

func message(n int) suncotest.Event { return suncotest.SampleEvent("conversation:message", n) }

func TestDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInbox(t, suncotest.Config{})
		app, hook, secret := b.subscribe(messagesOnly)
		odd := message(3)
		odd.ID, odd.CreatedAt = "mine", time.Date(2026, 5, 4, 3, 2, 1, 9e6, time.FixedZone("", 3600))
		require.NoError(t, b.p.Emit(app, message(1), suncotest.SampleEvent("conversation:read", 1), message(2), odd))
		synctest.Wait()

		require.Len(t, b.got, 1)
		d := b.got[0]
		assert.Equal(t, app, d.App.ID)
		assert.Equal(t, hook+" v2", d.Webhook.ID+" "+d.Webhook.Version)
		require.Len(t, d.Events, 3, "what was not subscribed to is not sent")
		assert.Regexp(t, `^[0-9a-f]{24}$`, d.Events[0].ID)
		assert.NotEqual(t, d.Events[0].ID, d.Events[1].ID)
		assert.Equal(t, "conversation:message", d.Events[0].Type)
		assert.Equal(t, time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), d.Events[0].CreatedAt)
		assert.Equal(t, "mine 2026-05-04T02:02:01.009Z", d.Events[2].ID+" "+d.Events[2].CreatedAt)
		assert.NotEqual(t, field(t, string(d.Events[0].Payload), "conversation.id"),
			field(t, string(d.Events[1].Payload), "conversation.id"))
		assert.True(t, b.keys[0] == secret, "the key is the webhook's secret")

		calls := b.p.Calls()
		last := calls[len(calls)-1]
		assert.Equal(t, "POST partner.example/hooks 200", last.String())
		assert.True(t, last.Header.Get("X-API-Key") == secret)
		printed := fmt.Sprintf("%v %+v %#v %s", last, last, last, slog.AnyValue(last))
		assert.False(t, strings.Contains(printed, secret), "a printed call has no key in it")

		list := b.p.Deliveries()
		require.Len(t, list, 1)
		require.Len(t, list[0].Events, 3)
		assert.Equal(t, suncotest.DeliveredEvent{ID: "mine", Type: "conversation:message"}, list[0].Events[2])
		assert.Regexp(t, idPattern, list[0].ID)
		assert.Equal(t, string(last.Body), string(list[0].Body))
		list[0].Events, list[0].Body = nil, nil
		assert.Equal(t, suncotest.Delivery{
			ID: list[0].ID, AppID: app, WebhookID: hook, Target: hookTarget, Created: time.Now(),
			Outcome:  suncotest.Delivered,
			Attempts: []suncotest.Attempt{{CallID: last.ID, Status: 200, Start: time.Now()}},
		}, list[0])
	})
}

func TestEmitRefuses(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	app := w.appID("acme")
	require.ErrorContains(t, w.p.Emit("nobody", message(1)), `no app "nobody"`)
	require.ErrorContains(t, w.p.Emit(app, message(1)), "not installed")
	w.install("acme")
	require.NoError(t, w.p.Emit(app, message(1)), "nobody subscribed")
	require.NoError(t, w.p.Emit(app))
	require.Error(t, w.p.Emit(app, suncotest.Event{}))
	require.Error(t, w.p.Emit(app, message(1), suncotest.Event{Trigger: "x", Payload: func() {}}))
	require.Error(t, w.p.Emit(app, suncotest.Event{Trigger: "x", Payload: json.RawMessage(`{`)}))
	assert.Empty(t, w.p.Deliveries())
	w.p.Close()
	require.ErrorContains(t, w.p.Emit(app, message(1)), "closed")
}

func TestDeliveriesToManyCustomers(t *testing.T) { synctest.Test(t, manyCustomers) }

// One webhook of each of a dozen customers, and hundreds of deliveries at once.
func manyCustomers(t *testing.T) {
	const customers, each = 12, 25
	var cfg suncotest.Config
	for i := range customers {
		cfg.Accounts = append(cfg.Accounts, suncotest.Account{Subdomain: "shop-" + strconv.Itoa(i)})
	}
	b := newInbox(t, cfg)
	secrets := map[string]string{}
	for _, a := range cfg.Accounts {
		token := b.install(a.Subdomain)
		reply := b.api(token, http.MethodPost, b.hooksURL("https://"+a.Subdomain+".zendesk.com/sc", a.Subdomain), goodHook)
		require.Equal(t, 201, reply.Status)
		secrets[b.appID(a.Subdomain)] = field(t, reply.Body, "webhook.secret")
	}
	var wg sync.WaitGroup
	for app := range secrets {
		wg.Go(func() {
			for n := range each {
				assert.NoError(t, b.p.Emit(app, message(n), message(n+1)))
			}
			b.p.Deliveries()
		})
	}
	wg.Wait()
	synctest.Wait()
	assert.False(t, slices.ContainsFunc(b.p.Deliveries(),
		func(d suncotest.Delivery) bool { return d.Outcome != suncotest.Delivered }))
	ids := map[string]bool{}
	for i, d := range b.got {
		require.True(t, b.keys[i] == secrets[d.App.ID], "the key of the app's own webhook")
		for _, e := range d.Events {
			ids[e.ID] = true
		}
	}
	assert.Len(t, b.got, customers*each)
	assert.Len(t, ids, 2*customers*each)
	assert.LessOrEqual(t, b.most, customers*64)
}

// The real network of this machine, as the sandbox has it.
func TestDeliveryOnLoopback(t *testing.T) {
	b := newInbox(t, suncotest.Config{})
	server := httptest.NewServer(b)
	defer server.Close()
	token := b.install("acme")
	a := b.api(token, http.MethodPost, b.hooksURL(acmeURL, "acme"), `{"target":"`+server.URL+`/x",`+messagesOnly+`}`)
	require.Equal(t, 201, a.Status)
	for n := range 30 {
		require.NoError(t, b.p.Emit(b.appID("acme"), message(n)))
	}
	require.Eventually(t, func() bool {
		return !slices.ContainsFunc(b.p.Deliveries(),
			func(d suncotest.Delivery) bool { return d.Outcome == suncotest.Pending })
	}, time.Minute, 5*time.Millisecond)
	assert.Len(t, b.got, 30)
}

func TestDeliveriesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInbox(t, suncotest.Config{})
		app, _, _ := b.subscribe(messagesOnly)
		b.answer = func(http.ResponseWriter, *http.Request, int) { time.Sleep(time.Second) }
		for n := range 1010 {
			require.NoError(t, b.p.Emit(app, message(n)))
		}
		pass(time.Minute)
		assert.Len(t, b.p.Deliveries(), 1000)
		assert.Len(t, b.got, 1010, "what is forgotten is delivered all the same")
		assert.Equal(t, 64, b.most)
	})
}
