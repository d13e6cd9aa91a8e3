package sunco

import (
	"io"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
)

const maxRemoval = 16 << 10 // bytes

// Removal is what Zendesk posts to the partner's remove URL when a customer
// removed the integration, or when it was revoked. It is not signed and the URL
// is public, so that anyone can send one: [RemovalHandler] checks whether it is
// true.
type Removal struct {
	AppID         string `json:"appId"`
	IntegrationID string `json:"integrationId"`
}

// ReadRemoval reads a removal from a request: a POST of at most 16 KiB of JSON.
// Members it does not know are ignored. It checks the form and not the truth,
// and does not close the body. The error is a [*RequestError], whose Status is
//
//   - 400 for JSON that is no removal: malformed, a member repeated at its top
//     level, an id missing
//   - 405 and 415 for another method or content type
//   - 413 for a longer body
//   - 503 for an empty body, and one that did not arrive whole: what stands
//     before the handler may have read it, and the caller may try again
func ReadRemoval(r *http.Request) (*Removal, error) {
	removal, refused := readRemoval(r)
	if refused != nil {
		return nil, refused
	}
	return removal, nil
}

func readRemoval(r *http.Request) (*Removal, *RequestError) {
	switch {
	case r == nil:
		return refuseRemoval(http.StatusBadRequest, "the request is nil")
	case r.Method != http.MethodPost:
		return refuseRemoval(http.StatusMethodNotAllowed, "the method is not POST")
	case !isJSON(r.Header.Get("Content-Type")):
		return refuseRemoval(http.StatusUnsupportedMediaType, "the content type is not application/json")
	case r.Body == nil:
		return refuseRemoval(http.StatusServiceUnavailable, "the body is empty")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRemoval+1))
	switch {
	case err != nil:
		return refuseRemoval(http.StatusServiceUnavailable, "the body did not arrive whole")
	case len(body) == 0:
		return refuseRemoval(http.StatusServiceUnavailable, "the body is empty")
	case len(body) > maxRemoval:
		return refuseRemoval(http.StatusRequestEntityTooLarge, "the body is longer than 16 KiB")
	}
	removal := new(Removal)
	err = readObject(body, func(name []byte, value jsontext.Value) {
		switch string(name) {
		case "appId":
			removal.AppID = text(value)
		case "integrationId":
			removal.IntegrationID = text(value)
		}
	})
	switch {
	case err == errNotJSON && int64(len(body)) < r.ContentLength:
		return refuseRemoval(http.StatusServiceUnavailable, "the body did not arrive whole")
	case err != nil:
		return refuseRemoval(http.StatusBadRequest, "the body is unusable: "+err.Error())
	case !validID(removal.AppID):
		return refuseRemoval(http.StatusBadRequest, "appId is missing or no id")
	case !validID(removal.IntegrationID):
		return refuseRemoval(http.StatusBadRequest, "integrationId is missing or no id")
	}
	return removal, nil
}

func refuseRemoval(status int, reason string) (*Removal, *RequestError) {
	return nil, &RequestError{"removal", reason, status}
}
