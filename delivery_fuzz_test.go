package sunco_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sunco-go/sunco"
)

// FuzzReadDelivery compares the envelope with a plain decoding of the same
// bytes: what is read is there, what is there is read, nothing is changed.
func FuzzReadDelivery(f *testing.F) {
	for _, seed := range []string{
		deliveryBody(), deliveryBody(messageEvent(1)), deliveryBody(event("e1"), event("e2")),
		"null", "", "{}", `{"app":{},"webhook":{},"events":[]}`,
		deliveryBody(`{"id":"\ud83d","payload":[1,{"a":"b"}],"x":{"x":1}}`),
		`{"\u0061pp":1}`, "[", `{"events":[`, deliveryBody(`{"createdAt":"2020-01-01T00:00:00Z"}`),
		`{"app":{"id":","version":"v2"},"events":`, `{"app":{"id":"a"},"webhook":{"id":"b","version":"v2"},"events":[]} `,
		`[-0.5e+7,0,1E9,01,-,1.,1e,"\ud83d\n\x","tab	","\u12G4",true,fals,null,{}, [ ] ]`,
		`[1,]`, `{"a":1,}`, `{"a":1,"a":1}`, `{"a":1,"\u0061":1}`, `{"é":1,"é":2}`,
		`[0.5e-1 ,"12345678\"",""]`, "[\"1234567\x1f\"]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		// The body as it is, and as the payload of an event.
		checkDelivery(t, body)
		checkDelivery(t, []byte(deliveryBody(`{"id":"e1","payload":`+string(body)+`}`)))
	})
}

func checkDelivery(t *testing.T, body []byte) {
	before := bytes.Clone(body)
	d, err := sunco.ReadDelivery(deliveryRequest(string(body)), receiving())
	if !bytes.Equal(before, body) {
		t.Fatal("the input was changed")
	}
	var plain struct {
		App     struct{ ID string } `json:"app"`
		Webhook struct{ ID string } `json:"webhook"`
		Events  []jsontext.Value    `json:"events"`
	}
	lenient := jsonv2.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	strict := jsonv2.Unmarshal(body, new(jsontext.Value), lenient)
	if err != nil {
		if strings.Contains(err.Error(), "not JSON") && strict == nil {
			t.Fatal("JSON was refused as none")
		}
		return
	}
	if strict != nil {
		t.Fatal("accepted what is malformed: ", strict)
	}
	if jsonv2.Unmarshal(body, &plain, lenient) != nil || len(plain.Events) != len(d.Events) {
		t.Fatal("the number of events differs")
	}
	for i, e := range d.Events {
		if !bytes.Equal(plain.Events[i], e.Raw()) || !json.Valid(e.Raw()) {
			t.Fatalf("event %d differs", i)
		}
		var payload struct {
			Payload jsontext.Value `json:"payload"`
		}
		_ = jsonv2.Unmarshal(e.Raw(), &payload, lenient) // an event that is no object has no payload
		if !bytes.Equal(payload.Payload, e.Payload) {
			t.Fatalf("the payload of event %d differs", i)
		}
		text, err := e.MarshalJSON()
		again := new(sunco.Event)
		if err != nil || again.UnmarshalJSON(text) != nil || !reflect.DeepEqual(*again, e) {
			t.Fatalf("event %d is another after it was stored", i)
		}
	}
}

// distinctEvents counts what a delivery asks a handler to hand over.
func distinctEvents(body []byte) int {
	d, err := sunco.ReadDelivery(deliveryRequest(string(body)), receiving())
	if err != nil {
		return 0
	}
	seen, count := map[string]bool{}, 0
	for _, e := range d.Events {
		if e.ID == "" || !seen[e.ID] {
			count++
		}
		seen[e.ID] = true
	}
	return count
}

// FuzzEventHandler sends anything to a handler: it answers with a status of
// its policy, and nothing is handed over without the key.
func FuzzEventHandler(f *testing.F) {
	f.Add("POST", hookSecret, "application/json", "", []byte(deliveryBody(messageEvent(1))))
	f.Add("POST", "wrong", "application/json", "", []byte(deliveryBody(messageEvent(1))))
	f.Add("HEAD", "", "", "", []byte(nil))
	f.Add("POST", hookSecret, "application/json", "gzip", []byte("\x1f\x8b"))
	f.Add("POST", hookSecret, "text/plain", "", []byte(deliveryBody()))
	f.Add("POST", hookSecret, "application/json", "", []byte(" "))
	f.Fuzz(func(t *testing.T, method, key, contentType, encoding string, body []byte) {
		h, events := eventHandler(nil)
		h.Lookup = func(_ context.Context, digest [32]byte) (*sunco.Installation, error) {
			if digest != sha256.Sum256([]byte(key)) {
				t.Error("another key was looked up")
			}
			return receiving(), nil
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, deliveryRequest(string(body), withMethod(method), withHeader("X-API-Key", key),
			withHeader("Content-Type", contentType), withHeader("Content-Encoding", encoding)))
		handed := len(events.handed())
		switch w.Code {
		case http.StatusOK:
			if method == http.MethodHead {
				break
			}
			if method != http.MethodPost || key != hookSecret {
				t.Errorf("acknowledged %q with %q", method, key)
			}
			if want := distinctEvents(body); handed != want {
				t.Errorf("acknowledged %d events and handed over %d", want, handed)
			}
		case http.StatusBadRequest, http.StatusForbidden, http.StatusUnauthorized, http.StatusMethodNotAllowed:
			if handed > 0 {
				t.Errorf("refused with %d after handing over", w.Code)
			}
		case http.StatusServiceUnavailable: // asks for it again
			if handed > 0 || key != hookSecret || json.Valid(body) {
				t.Errorf("a whole body, or one without the key, answered with %d", w.Code)
			}
		default:
			t.Errorf("status %d", w.Code)
		}
		if handed > 0 && (method != http.MethodPost || key != hookSecret) {
			t.Error("handed over without the key")
		}
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
