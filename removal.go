package sunco

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
)

const maxRemoval = 16 << 10 // bytes

// Removal is what Zendesk posts to the partner's remove URL when a customer
// removed the integration, or when it was revoked. Nothing in it is signed and
// the URL is public, so that anyone can have sent it: it is a hint to look,
// and [RemovalHandler] looks.
type Removal struct {
	AppID         string `json:"appId"`
	IntegrationID string `json:"integrationId"`
}

// ReadRemoval reads a removal from a request: a POST of at most 16 KiB of
// JSON with both members, each exactly once. It checks the form and not the
// truth; [RemovalHandler] does both. The error is an [*InputError], to be
// answered with status 400. The request's body is not closed.
func ReadRemoval(r *http.Request) (*Removal, error) {
	removal, refusal := readRemoval(r)
	if refusal != nil {
		return nil, &refusal.InputError
	}
	return removal, nil
}

// refusal is an incoming request that is not taken.
type refusal struct {
	InputError
	status int
}

func refuseRemoval(status int, reason string) (*Removal, *refusal) {
	return nil, &refusal{InputError{Name: "removal", Reason: reason}, status}
}

var removalBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func readRemoval(r *http.Request) (*Removal, *refusal) {
	switch {
	case r == nil || r.Body == nil:
		return refuseRemoval(http.StatusBadRequest, "no request body")
	case r.Method != http.MethodPost:
		return refuseRemoval(http.StatusMethodNotAllowed, "the method is not POST")
	case !isJSON(r.Header.Get("Content-Type")):
		return refuseRemoval(http.StatusUnsupportedMediaType, "the content type is not application/json")
	}
	buffer := removalBuffers.Get().(*bytes.Buffer)
	defer removalBuffers.Put(buffer)
	buffer.Reset()
	if _, err := buffer.ReadFrom(io.LimitReader(r.Body, maxRemoval+1)); err != nil {
		if errors.As(err, new(*http.MaxBytesError)) {
			return refuseRemoval(http.StatusRequestEntityTooLarge, "longer than the server takes")
		}
		return refuseRemoval(http.StatusBadRequest, "the body did not arrive whole")
	}
	if buffer.Len() > maxRemoval {
		return refuseRemoval(http.StatusRequestEntityTooLarge, "longer than 16 KiB")
	}
	removal := new(Removal)
	switch {
	case json.Unmarshal(buffer.Bytes(), removal) != nil:
		return refuseRemoval(http.StatusBadRequest, "not a JSON object of strings, each given once")
	case !validID(removal.AppID):
		return refuseRemoval(http.StatusBadRequest, "appId is missing or no id")
	case !validID(removal.IntegrationID):
		return refuseRemoval(http.StatusBadRequest, "integrationId is missing or no id")
	}
	return removal, nil
}

// isJSON reports whether a Content-Type is JSON, with or without parameters.
func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(media), typeJSON)
}
