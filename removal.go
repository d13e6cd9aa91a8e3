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
		return nil, refusal
	}
	return removal, nil
}

func refuseRemoval(status int, reason string) (*Removal, *RequestError) {
	return nil, &RequestError{"removal", reason, status}
}

func readRemoval(r *http.Request) (*Removal, *RequestError) {
	switch {
	case r == nil:
		return refuseRemoval(http.StatusBadRequest, "nil request")
	case r.Method != http.MethodPost:
		return refuseRemoval(http.StatusMethodNotAllowed, "the method is not POST")
	case r.Body == nil:
		return refuseRemoval(http.StatusBadRequest, "no request body")
	case !isJSON(r.Header.Get("Content-Type")):
		return refuseRemoval(http.StatusUnsupportedMediaType, "the content type is not application/json")
	}
	buffer := removalBuffers.Get().(*[maxRemoval + 1]byte)
	defer removalBuffers.Put(buffer)
	n, err := readUpTo(r.Body, buffer[:])
	switch {
	case n > maxRemoval || err != nil && errors.As(err, new(*http.MaxBytesError)):
		return refuseRemoval(http.StatusRequestEntityTooLarge, "longer than 16 KiB or than the server takes")
	case err != nil:
		return refuseRemoval(http.StatusBadRequest, "the body did not arrive whole")
	}
	removal := new(Removal)
	switch {
	case !removal.compact(buffer[:n]) && json.Unmarshal(buffer[:n], removal) != nil:
		return refuseRemoval(http.StatusBadRequest, "not a JSON object of strings, each given once")
	case !validID(removal.AppID):
		return refuseRemoval(http.StatusBadRequest, "appId is missing or no id")
	case !validID(removal.IntegrationID):
		return refuseRemoval(http.StatusBadRequest, "integrationId is missing or no id")
	}
	return removal, nil
}

var removalBuffers = sync.Pool{New: func() any { return new([maxRemoval + 1]byte) }}

// compact reads the form in which the documents show a removal, without white
// space and with the members in this order, and leaves every other form to the
// decoder. Anyone may post to the remove URL, so its cost counts. What stands
// between the quotes is still to be checked: an id has no character that JSON
// treats specially.
func (r *Removal) compact(body []byte) bool {
	rest, found := bytes.CutPrefix(body, []byte(`{"appId":"`))
	if !found {
		return false
	}
	rest, found = bytes.CutSuffix(rest, []byte(`"}`))
	if !found {
		return false
	}
	appID, integrationID, found := strings.Cut(string(rest), `","integrationId":"`)
	if found = found && validID(appID) && validID(integrationID); found {
		r.AppID, r.IntegrationID = appID, integrationID
	}
	return found
}

// readUpTo reads r to its end, or until the buffer is full. The end is no error.
func readUpTo(r io.Reader, buffer []byte) (n int, err error) {
	for n < len(buffer) && err == nil {
		var more int
		more, err = r.Read(buffer[n:])
		n += more
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}
