package messaging_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/messaging"
)

const (
	appID  = "5963ba5b40e2610047cd2c51"
	appURL = "https://acme.zendesk.com/sc/v2/apps/" + appID
	chatID = "c0ffee0000000000000000aa"
)

// sent is one request as it arrived.
type sent struct {
	Line   string // method and URL
	Type   string // of the body
	Bearer bool
	Body   string
}

// wire is a RoundTripper that answers from a function and remembers what it
// was asked.
type wire struct {
	answer func(n int, r sent) (status int, body string, err error)

	mu   sync.Mutex
	sent []sent
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	got := sent{
		Line: r.Method + " " + r.URL.String(), Type: r.Header.Get("Content-Type"),
		Bearer: r.Header.Get("Authorization") != "",
	}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return nil, err
		}
		got.Body = string(body)
	}
	w.mu.Lock()
	w.sent = append(w.sent, got)
	n := len(w.sent)
	w.mu.Unlock()
	status, body, err := w.answer(n, got)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(body)),
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

func (w *wire) requests() []sent {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]sent(nil), w.sent...)
}

// always answers every request alike.
func always(status int, body string) *wire {
	return &wire{answer: func(int, sent) (int, string, error) { return status, body, nil }}
}

// script answers the requests one by one. An answer of status 0 is a lost one.
func script(answers ...any) *wire {
	return &wire{answer: func(n int, _ sent) (int, string, error) {
		if 2*n > len(answers) {
			return 0, "", errors.New("no answer is left")
		}
		status, body := answers[2*n-2].(int), answers[2*n-1].(string)
		if status == 0 {
			return 0, "", errors.New(body)
		}
		return status, body, nil
	}}
}

// newApp returns an App whose requests end at a wire.
func newApp(w *wire) messaging.App {
	return messaging.App{
		Client: &sunco.Client{ClientID: "shop-bot", HTTPClient: &http.Client{Transport: w}},
		Installation: &sunco.Installation{
			AppID: appID, Subdomain: "acme", Token: sunco.Token{AccessToken: sunco.NewSecret("tok-3ntr0py")},
			Webhooks: []sunco.Webhook{{ID: "h", Secret: sunco.NewSecret("whs-3ntr0py")}},
		},
	}
}

// requireInput requires an InputError about a field.
func requireInput(t *testing.T, name string, err error) {
	t.Helper()
	var input *sunco.InputError
	require.ErrorAs(t, err, &input)
	assert.Equal(t, name, input.Name, "%v", err)
}

// readFile returns a file of testdata.
func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return data
}

// readEvent returns an event of testdata.
func readEvent(t testing.TB, name string) *sunco.Event {
	t.Helper()
	var event struct {
		ID      string          `json:"id"`
		Type    string          `json:"type"`
		Payload json.RawMessage `json:"payload"`
	}
	require.NoError(t, json.Unmarshal(readFile(t, "events/"+name+".json"), &event))
	return &sunco.Event{ID: event.ID, Type: event.Type, AppID: appID, Payload: event.Payload}
}

// assertSame compares two JSON values. Members that say nothing, such as false
// and empty texts, need not be there; an id may be a number; a time has several
// forms.
func assertSame(t *testing.T, want, got []byte) {
	t.Helper()
	assert.Equal(t, plain(t, want), plain(t, got))
}

// plain returns a JSON value without members that say nothing.
func plain(t *testing.T, from []byte) any {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal(from, &value), "%s", from)
	return prune(value)
}

func prune(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			if number, ok := member.(float64); ok && (name == "externalId" || name == "datasetId") {
				member = strconv.FormatFloat(number, 'f', -1, 64)
			}
			if member = prune(member); member == nil || reflect.ValueOf(member).IsZero() {
				delete(v, name)
				continue
			}
			v[name] = member
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
		if len(v) == 0 {
			return nil
		}
	case string:
		if at, err := time.Parse(time.RFC3339, v); err == nil {
			return at.Format(time.RFC3339Nano)
		}
	}
	return value
}

func encode(t *testing.T, value any) []byte {
	t.Helper()
	encoded, err := json.Marshal(value)
	require.NoError(t, err)
	return encoded
}
