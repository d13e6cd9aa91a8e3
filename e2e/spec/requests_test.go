package spec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/e2e/spec"
	"github.com/sunco-go/sunco/messaging"
	"github.com/sunco-go/sunco/suncotest"
)

// unsent are the members of requests that no call sends, and why. Each stands where the
// operations, by name, have it first.
var unsent = map[string]string{
	"CreateClient.confirmation.message.content.formResponse":       "a form is submitted by the user",
	"CreateClient.confirmation.message.content.form.fields.text":   "an answer of the user",
	"CreateClient.confirmation.message.content.form.fields.email":  "an answer of the user",
	"CreateClient.confirmation.message.content.form.fields.select": "an answer of the user",
}

// TestRequests makes a minimal call and calls with all members of every operation of
// an App, and holds what is sent against the description.
func TestRequests(t *testing.T) {
	d := load(t)
	t.Logf("%d of %d operations are sent as described", len(checkRequests(t, d)), len(messagingOperations(d)))
}

// messagingOperations returns the operations that are an App's, sorted: those for an
// integration except what package sunco does itself.
func messagingOperations(d *spec.Description) []string {
	var ids []string
	for id, op := range d.Operations() {
		if op.Integration && !slices.Contains(lived, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// checkRequests returns the operations whose requests are as described.
func checkRequests(t *testing.T, d *spec.Description) []string {
	t.Helper()
	all, seen := calls(), marks{}
	wrong := map[string][]error{}
	for id, list := range all {
		for _, do := range list {
			wrong[id] = append(wrong[id], send(t, d, id, do, seen)...)
		}
	}
	var right []string
	for _, id := range messagingOperations(d) {
		fine := t.Run(id, func(t *testing.T) {
			if len(all[id]) == 0 {
				t.Error("there is no call of it")
			}
			for _, violation := range wrong[id] {
				t.Error(violation)
			}
			if schema := d.Body(id); schema != nil {
				seen.missing(t, id, schema)
			}
			for _, name := range d.Queries(id) {
				if !seen[mark{nil, id + "?" + name}] {
					t.Errorf("%s?%s was not sent", id, name)
				}
			}
		})
		if fine {
			right = append(right, id)
		}
	}
	return right
}

// refused are the reasons for which the fake refuses calls that are as described, and
// why it may.
var refused = map[string]string{
	"A participant of a group needs subscribeSDKClient": "the description says so, in words",
	"There is no conversation with that conversationId": "the call names none of the customer's",
}

// TestFakeTakesRequests makes all calls to the fake at its strictest: it must not refuse
// one for what it says. What the calls are about does not exist.
func TestFakeTakesRequests(t *testing.T) {
	s := newStage(t, load(t), suncotest.Config{Behavior: suncotest.Behavior{Strict: true}})
	in := s.install(t.Context(), "")
	for id, list := range calls() {
		for i, do := range list {
			_, err := do(t.Context(), messaging.App{Client: s.client, Installation: in})
			if refusal, ok := errors.AsType[*sunco.Error](err); ok && refusal.Status == 400 && refused[refusal.Title] == "" {
				t.Errorf("%s #%d: %v", id, i+1, err)
			}
		}
	}
}

// send makes one call, which is answered by the published example, and returns what
// is wrong with it.
func send(t *testing.T, d *spec.Description, id string, do call, seen marks) []error {
	t.Helper()
	w := &answering{d: d, status: d.Statuses(id)[0], answer: []byte("{}")}
	if published := d.Examples(id, w.status); len(published) > 0 {
		w.answer = encode(t, published[0])
	}
	_, err := do(t.Context(), newApp(w))
	if err != nil {
		w.wrong = append(w.wrong, err)
	}
	if !slices.Equal(w.asked, []string{id}) {
		w.wrong = append(w.wrong, fmt.Errorf("asked for %q", w.asked))
	}
	for name := range w.query {
		seen[mark{nil, id + "?" + name}] = true
	}
	if id == "UploadAttachment" {
		seen[mark{d.Body(id), "source"}] = true // or it would be wrong
	} else if schema := d.Body(id); schema != nil {
		seen.add(schema, decode(t, w.body))
	}
	return w.wrong
}

// answering answers every request alike. It keeps the body, and what is wrong.
type answering struct {
	d      *spec.Description
	status int
	answer []byte
	query  url.Values
	body   []byte
	asked  []string
	wrong  []error // with the request
	untrue []error // with the answer
}

func (w *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		var err error
		if w.body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	w.query = r.URL.Query()
	w.asked = append(w.asked, w.d.OperationOf(r))
	w.wrong = slices.Concat(w.wrong, w.d.CheckRequest(r, w.body), spec.CheckHeaders(r.Header))
	res := &http.Response{
		StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {asJSON}},
		Body: io.NopCloser(bytes.NewReader(w.answer)), ContentLength: int64(len(w.answer)),
	}
	w.untrue = w.d.CheckReply(r, res, w.answer)
	return res, nil
}

// newApp is a customer's app behind a transport.
func newApp(transport http.RoundTripper) messaging.App {
	return messaging.App{
		Client: &sunco.Client{ClientID: "shoplifter", HTTPClient: &http.Client{Transport: transport}},
		Installation: &sunco.Installation{
			AppID: "0123", Subdomain: "acme", Token: sunco.Token{AccessToken: sunco.NewSecret("e30.e30.x")},
		},
	}
}

func encode(t *testing.T, value any) []byte {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func decode(t *testing.T, body []byte) (value any) {
	t.Helper()
	if err := json.Unmarshal(body, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// marks are the members and the alternatives of schemas that values had, and the query
// parameters, which have no schema here.
type marks map[mark]bool

type mark struct {
	schema *openapi3.Schema
	name   string
}

// add notes what a value has.
func (m marks) add(s *openapi3.Schema, value any) {
	for name, alternative := range spec.Alternatives(s) {
		if name == "" {
			continue
		}
		if object, _ := value.(map[string]any); s.Discriminator == nil && alternative.VisitJSON(value) == nil ||
			s.Discriminator != nil && object[s.Discriminator.PropertyName] == name {
			m[mark{s, name}] = true
			m.add(alternative, value)
		}
	}
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			m.add(s.Items.Value, element)
		}
	case map[string]any:
		for name, inner := range value {
			if property := s.Properties[name]; property != nil {
				m[mark{s, name}] = true
				m.add(property.Value, inner)
			}
		}
	}
}

// missing reports the members and the alternatives of a schema that no value had.
func (m marks) missing(t *testing.T, at string, s *openapi3.Schema) {
	t.Helper()
	if m[mark{s, "reported"}] {
		return
	}
	m[mark{s, "reported"}] = true
	if s.Items != nil {
		m.missing(t, at, s.Items.Value)
	}
	inner := maps.Clone(s.Properties)
	for name, alternative := range spec.Alternatives(s) {
		if name != "" {
			inner[name] = alternative.NewRef()
		}
	}
	for name, part := range inner {
		switch at := at + "." + name; {
		case part.Value.ReadOnly || unsent[at] != "":
		case m[mark{s, name}]:
			m.missing(t, at, part.Value)
		default:
			t.Errorf("%s was not sent", at)
		}
	}
}
