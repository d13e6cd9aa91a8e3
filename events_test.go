package sunco_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

func gzipped(t *testing.T, body string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(body))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.String()
}

func TestEventStatuses(t *testing.T) {
	t.Parallel()
	good := deliveryBody(event("e1"))
	large := good + strings.Repeat(" ", 16<<20-len(good))
	announced := func(length int) func(*http.Request) {
		return func(r *http.Request) { r.ContentLength = int64(length) }
	}
	key := func(values ...string) func(*http.Request) { return withHeader("X-API-Key", values...) }
	contentType := func(values ...string) func(*http.Request) { return withHeader("Content-Type", values...) }
	for name, tc := range map[string]struct {
		status int
		body   string
		edit   func(*http.Request)
	}{
		"good":           {200, good, nil},
		"no events":      {200, deliveryBody(), nil},
		"plain encoding": {200, good, withHeader("Content-Encoding", "identity")},

		"no key":          {401, good, key()},
		"empty key":       {401, good, key("")},
		"wrong key":       {401, good, key(otherSecret)},
		"prefix":          {401, good, key(hookSecret[:len(hookSecret)-1])},
		"longer":          {401, good, key(hookSecret + "x")},
		"other case":      {401, good, key(strings.ToUpper(hookSecret))},
		"doubled key":     {200, good, key(hookSecret, hookSecret)},
		"empty and right": {200, good, key("", hookSecret)},
		"right and wrong": {401, good, key(hookSecret, "x")},
		"joined":          {401, good, key(hookSecret + ", " + hookSecret)},
		"huge key":        {401, good, key(strings.Repeat("k", 1<<16))},
		"bearer": {401, good, func(r *http.Request) {
			key()(r)
			r.Header.Set("Authorization", "Bearer "+hookSecret)
		}},
		"key in query":   {401, good, func(r *http.Request) { key()(r); r.URL.RawQuery = "X-API-Key=" + hookSecret }},
		"wrong type too": {401, good, func(r *http.Request) { key("x")(r); contentType("text/plain")(r) }},

		"other app":     {403, strings.ReplaceAll(good, testAppID, otherAppID), nil},
		"other webhook": {403, strings.ReplaceAll(good, testHook, otherHook), nil},
		"case of app":   {403, strings.ReplaceAll(good, testAppID, strings.ToUpper(testAppID)), nil},

		"no content type":    {400, good, contentType()},
		"form":               {400, good, contentType("application/x-www-form-urlencoded")},
		"like JSON":          {400, good, contentType("application/json-seq")},
		"doubled type":       {200, good, contentType("application/json", "application/json")},
		"two content types":  {400, good, contentType("application/json", "text/plain")},
		"gzip":               {400, gzipped(t, good), withHeader("Content-Encoding", "gzip")},
		"gzip, undeclared":   {400, gzipped(t, good), nil},
		"empty":              {503, "", nil},
		"null":               {400, "null", nil},
		"array":              {400, "[" + good + "]", nil},
		"text":               {400, "hello", nil},
		"truncated":          {503, good[:len(good)-1], nil},
		"within a text":      {503, good[:len(good)/2], nil},
		"read by another":    {503, "", announced(len(good))},
		"begun by another":   {503, good[20:], announced(len(good))},
		"no body":            {503, "", func(r *http.Request) { r.Body = nil }},
		"limited":            {503, good, func(r *http.Request) { r.Body = http.MaxBytesReader(nil, r.Body, 5) }},
		"shortened":          {200, good, announced(2 * len(good))},
		"two":                {400, good + good, nil},
		"trailing":           {400, good + "x", nil},
		"no app":             {400, `{"webhook":{"id":"` + testHook + `"},"events":[]}`, nil},
		"null app":           {400, `{"app":null,"webhook":{"id":"` + testHook + `"},"events":[]}`, nil},
		"app in other case":  {400, strings.Replace(good, `"app"`, `"App"`, 1), nil},
		"events in case":     {400, strings.Replace(good, `"events"`, `"Events"`, 1), nil},
		"numeric webhook":    {400, strings.Replace(good, `"`+testHook+`"`, "7", 1), nil},
		"no webhook":         {400, `{"app":{"id":"` + testAppID + `"},"events":[]}`, nil},
		"no list":            {400, `{"app":{"id":"` + testAppID + `"},"webhook":{"id":"` + testHook + `"}}`, nil},
		"null list":          {400, strings.Replace(deliveryBody(), "[]", "null", 1), nil},
		"event no object":    {200, deliveryBody(`"e1"`), nil},
		"numeric id":         {200, deliveryBody(`{"id":1,"type":"x"}`), nil},
		"numeric version":    {200, strings.Replace(good, `"v2"`, `2`, 1), nil},
		"repeated app":       {400, `{"app":{"id":"` + otherAppID + `"},` + good[1:], nil},
		"escaped repetition": {400, `{"\u0061pp":{"id":"` + otherAppID + `"},` + good[1:], nil},
		"repeated unknown":   {400, `{"x":1,"x":2,` + good[1:], nil},
		"repeated app id":    {400, strings.Replace(good, `{"id":`, `{"id":"`+otherAppID+`","id":`, 1), nil},
		"repeated in app":    {200, strings.Replace(good, `{"id":`, `{"x":1,"x":2,"id":`, 1), nil},
		"repeated id":        {200, strings.Replace(good, `"id":"e1"`, `"id":"e1","id":"e2"`, 1), nil},
		"repeated inside":    {200, strings.Replace(good, `"id":"m-e1"`, `"id":"a","id":"b"`, 1), nil},
		"half emoji":         {200, strings.Replace(good, `m-e1`, `Bakery \ud83e`, 1), nil},
		"invalid UTF-8":      {200, strings.Replace(good, `m-e1`, "\xff\xc0", 1), nil},
		"names that collide": {200, strings.Replace(good, `"id":"m-e1"`, `"metadata":{"\ud83d":1,"\ude00":2}`, 1), nil},
		"collide in UTF-8":   {200, strings.Replace(good, `"id":"m-e1"`, "\"\xff\":3,\"\xfe\":4", 1), nil},
		"no name":            {200, `{"":1,` + good[1:], nil},
		"collide outside":    {200, `{"\ud83d":1,"\ude00":2,` + good[1:], nil},
		"deep":               {400, deliveryBody(strings.Repeat("[", 20000) + strings.Repeat("]", 20000)), nil},
		"large":              {200, large, nil},
		"large, unannounced": {200, "", withBody(strings.NewReader(large))},
		"huge":               {400, large + " ", nil},
		"huge, unannounced":  {400, "", withBody(strings.NewReader(large + " "))},

		"GET":              {405, good, withMethod(http.MethodGet)},
		"PUT":              {405, good, withMethod(http.MethodPut)},
		"PATCH":            {405, good, withMethod(http.MethodPatch)},
		"DELETE":           {405, good, withMethod(http.MethodDelete)},
		"body that fails":  {503, good, withBody(brokenBody{})},
		"body that panics": {503, good, withBody(panickingBody{})},
	} {
		t.Run(name, func(t *testing.T) {
			h, events := eventHandler(nil)
			if tc.edit == nil {
				tc.edit = func(*http.Request) {}
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, deliveryRequest(tc.body, tc.edit))
			assert.Equal(t, tc.status, w.Code)
			assert.Empty(t, w.Body.String())
			if tc.status != http.StatusOK {
				assert.Empty(t, events.handed())
			}
			require.NoError(t, h.Close(t.Context()))
		})
	}
}

type panickingBody struct{}

func (panickingBody) Read([]byte) (int, error) { panic("a middleware's reader") }

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestEventHead(t *testing.T) {
	h, _ := eventHandler(nil)
	h.Lookup = func(context.Context, [32]byte) (*sunco.Installation, error) {
		t.Error("HEAD was looked up")
		return nil, nil
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodHead, "/", nil))
	assert.Equal(t, http.StatusOK, w.Code)
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodOptions, "/", nil))
	assert.Equal(t, "HEAD, POST", w.Header().Get("Allow"))
}

func TestEventHandlerIncomplete(t *testing.T) {
	for _, h := range []*sunco.EventHandler{
		{},
		{Lookup: func(context.Context, [32]byte) (*sunco.Installation, error) { return nil, nil }},
		{OnEvent: func(context.Context, *sunco.Installation, *sunco.Event) error { return nil }},
	} {
		assert.PanicsWithValue(t, "sunco: EventHandler needs Lookup and OnEvent", func() { deliver(h, "") })
		require.NoError(t, h.Close(t.Context()))
	}
}

func TestEventAuthenticatedBeforeBodyIsRead(t *testing.T) {
	h, _ := eventHandler(nil)
	assert.Equal(t, 401, deliver(h, "", withBody(untouched{t}), withHeader("X-API-Key", "wrong")))
	assert.Equal(t, 401, deliver(h, "", withBody(untouched{t}), withHeader("X-API-Key")))
	assert.Equal(t, 400, deliver(h, "", withBody(untouched{t}), withHeader("Content-Type", "text/html")))
	assert.Equal(t, 400, deliver(h, "", withBody(untouched{t}), withHeader("Content-Encoding", "gzip")))
	assert.Equal(t, 400, deliver(h, "", withBody(untouched{t}), func(r *http.Request) { r.ContentLength = 16<<20 + 1 }))
	h.Lookup = func(context.Context, [32]byte) (*sunco.Installation, error) { return nil, nil }
	assert.Equal(t, 503, deliver(h, "", withBody(untouched{t})), "its installation may be stored in a moment")
	h.Lookup = func(context.Context, [32]byte) (*sunco.Installation, error) {
		return nil, errors.New("down")
	}
	assert.Equal(t, 503, deliver(h, "", withBody(untouched{t})))
}

func TestEventLookup(t *testing.T) {
	h, events := eventHandler(nil)
	body := deliveryBody(event("e1"))
	bySecret := map[[32]byte]*sunco.Installation{sha256.Sum256([]byte(hookSecret)): receiving()}
	h.Lookup = func(_ context.Context, key [32]byte) (*sunco.Installation, error) { return bySecret[key], nil }
	assert.Equal(t, 503, deliver(h, body, withHeader("X-API-Key", otherSecret)))
	assert.Equal(t, 200, deliver(h, body))
	assert.Equal(t, []string{"e1"}, events.handed())

	failures := map[string]func(context.Context, [32]byte) (*sunco.Installation, error){
		"error": func(context.Context, [32]byte) (*sunco.Installation, error) {
			return nil, errors.New("down")
		},
		"error and more": func(context.Context, [32]byte) (*sunco.Installation, error) {
			return receiving(), errors.New("stale")
		},
		"panic": func(context.Context, [32]byte) (*sunco.Installation, error) { panic("down") },
	}
	for name, lookup := range failures {
		h.Lookup = lookup
		assert.Equal(t, 503, deliver(h, deliveryBody(event(name))), name)
		assert.Equal(t, 503, deliver(h, deliveryBody(event(name)), withHeader("X-API-Key", "wrong")), name)
	}
	assert.Equal(t, []string{"e1"}, events.handed())
}

func TestEventRotation(t *testing.T) {
	h, events := eventHandler(nil)
	in := receiving()
	in.Webhooks = []sunco.Webhook{
		{ID: testHook, Secret: sunco.NewSecret("old")}, {ID: testHook, Secret: sunco.NewSecret("new")},
		{ID: otherHook, Secret: sunco.NewSecret("second")},
	}
	h.Lookup = func(context.Context, [32]byte) (*sunco.Installation, error) { return in, nil }
	assert.Equal(t, 200, deliver(h, deliveryBody(event("e1")), withHeader("X-API-Key", "old")))
	assert.Equal(t, 200, deliver(h, deliveryBody(event("e2")), withHeader("X-API-Key", "new")))
	assert.Equal(t, 403, deliver(h, deliveryBody(event("e3")), withHeader("X-API-Key", "second")), "another webhook's")
	second := strings.ReplaceAll(deliveryBody(event("e1")), testHook, otherHook)
	assert.Equal(t, 200, deliver(h, second, withHeader("X-API-Key", "second")))
	assert.Equal(t, 401, deliver(h, deliveryBody(event("e4")), withHeader("X-API-Key", "older")))
	assert.Equal(t, []string{"e1", "e2"}, events.handed(), "two webhooks report one event")
}

func TestEventEmptySecret(t *testing.T) {
	h, events := eventHandler(nil)
	var log syncBuffer
	h.Logger = slog.New(slog.NewTextHandler(&log, nil))
	in := receiving()
	in.Webhooks = append(in.Webhooks, sunco.Webhook{ID: otherHook})
	h.Lookup = func(context.Context, [32]byte) (*sunco.Installation, error) { return in, nil }
	other := strings.ReplaceAll(deliveryBody(event("e1")), testHook, otherHook)
	assert.Equal(t, 401, deliver(h, other, withHeader("X-API-Key", "")))
	assert.Equal(t, 503, deliver(h, other, withHeader("X-API-Key", "anything")), "its real secret, for all we know")
	assert.Contains(t, log.String(), "no webhook secret")
	assert.Equal(t, 403, deliver(h, other), "another's secret")
	assert.Empty(t, events.handed())
	assert.Equal(t, 200, deliver(h, deliveryBody(event("e1"))), "the webhook that is complete works")

	in.Webhooks = nil
	assert.Equal(t, 503, deliver(h, other), "a delivery may be faster than the store")
}

func TestEventDuplicates(t *testing.T) {
	h, events := eventHandler(nil)
	for range 3 {
		assert.Equal(t, 200, deliver(h, deliveryBody(event("e1"), event("e2"), event("e1"))))
	}
	assert.Equal(t, []string{"e1", "e2"}, events.handed())
	nameless := deliveryBody(`{"type":"passthrough:messaging","payload":7}`)
	assert.Equal(t, 200, deliver(h, nameless))
	assert.Equal(t, 200, deliver(h, nameless))
	assert.Len(t, events.handed(), 4, "without an id nobody can tell")

	other := receiving()
	other.AppID = otherAppID
	h.Lookup = func(context.Context, [32]byte) (*sunco.Installation, error) { return other, nil }
	body := strings.ReplaceAll(deliveryBody(event("e1")), testAppID, otherAppID)
	assert.Equal(t, 200, deliver(h, body))
	assert.Len(t, events.handed(), 5, "another app's event with the same id")
}

// Each line says what failed and why. What strangers can cause has level Debug.
func TestEventLog(t *testing.T) {
	good := deliveryBody(event("e1"))
	long := strings.Repeat("long ", 1000)
	type lookup = func(context.Context, [32]byte) (*sunco.Installation, error)
	fails := func(err error) lookup {
		return func(context.Context, [32]byte) (*sunco.Installation, error) { return nil, err }
	}
	panics := func(context.Context, [32]byte) (*sunco.Installation, error) { panic("no table") }
	refused := func(level, status, reason, app string) string {
		return `level=` + level + ` msg="sunco: delivery not acknowledged" status=` + status +
			` app_id=` + app + ` error="sunco: delivery: ` + reason + "\"\n"
	}
	for name, tc := range map[string]struct {
		body    string
		edit    func(*http.Request)
		lookup  lookup
		onEvent func() error
		want    []string
	}{
		"acknowledged": {body: good},
		"HEAD":         {edit: withMethod(http.MethodHead)},
		"no key":       {edit: withHeader("X-API-Key"), want: []string{"level=DEBUG", "status=401"}},
		"wrong key":    {edit: withHeader("X-API-Key", "x"), want: []string{"level=DEBUG", "status=401"}},
		"GET":          {edit: withMethod(http.MethodGet), want: []string{"level=DEBUG", "status=405"}},
		"nobody":       {lookup: fails(nil), want: []string{"level=DEBUG", "status=503", "no installation has this key"}},
		"another's app": {body: strings.ReplaceAll(good, testAppID, otherAppID),
			want: []string{"level=WARN", "status=403", testAppID}},
		"not JSON": {body: "x", want: []string{refused("WARN", "400", "not JSON", testAppID)}},
		"Lookup fails": {lookup: fails(errors.New("no database")), want: []string{
			`level=WARN msg="sunco: Lookup failed" error="no database"`, "level=DEBUG", "status=503"}},
		"Lookup panics": {lookup: panics, want: []string{
			`level=ERROR msg="sunco: Lookup failed" error="panic: no table" stack=`, "events_test.go"}},
		"OnEvent fails": {body: good, onEvent: func() error { return errors.New("no disk") }, want: []string{
			`level=WARN msg="sunco: OnEvent failed" app_id=` + testAppID + ` event_id=e1 error="no disk"`,
			refused("WARN", "503", "not every event is handled", testAppID)}},
		"OnEvent panics": {body: good, onEvent: func() error { panic(errors.New("no memory")) }, want: []string{
			`level=ERROR msg="sunco: OnEvent failed" app_id=` + testAppID + ` event_id=e1 error="panic: no memory" stack=`,
			"events_test.go"}},
		"long": {body: good, onEvent: func() error { return errors.New(long) }, want: []string{
			`error="` + long[:1024] + `"`}},
	} {
		t.Run(name, func(t *testing.T) {
			var log syncBuffer
			h, _ := eventHandler(func(context.Context, *sunco.Event) error {
				if tc.onEvent == nil {
					return nil
				}
				return tc.onEvent()
			})
			h.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			if tc.lookup != nil {
				h.Lookup = tc.lookup
			}
			if tc.edit == nil {
				tc.edit = func(*http.Request) {}
			}
			deliver(h, tc.body, tc.edit)
			require.NoError(t, h.Close(t.Context()))
			for _, want := range tc.want {
				assert.Contains(t, log.String(), want)
			}
			assert.Equal(t, len(tc.want) == 0, log.String() == "", log.String())
		})
	}
}

// A Lookup that hangs has a bounded number of requests hanging in it.
func TestEventLookupsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang, running := make(chan struct{}), make(chan struct{}, 10_000)
		h := &sunco.EventHandler{OnEvent: nothing, Lookup: func(context.Context, [32]byte) (*sunco.Installation, error) {
			running <- struct{}{}
			<-hang
			return nil, nil
		}}
		for range 1000 {
			go func() {
				r := httptest.NewRequest("POST", "/", strings.NewReader("{}"))
				r.Header.Set("X-API-Key", "stranger")
				h.ServeHTTP(httptest.NewRecorder(), r)
			}()
		}
		time.Sleep(time.Minute)
		assert.Len(t, running, 256)
		close(hang)
		require.NoError(t, h.Close(t.Context()))
	})
}
