package sunco

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/sunco-go/sunco/internal/transport"
)

const (
	maxUpload   = 50_000_000 // bytes that Zendesk accepts
	maxDownload = 64 << 20   // bytes written to an io.Writer
	maxPath     = 2048       // bytes of path and query
)

// Body is a request body for [Client.Do] that is not JSON, an upload for
// example. Open is called for every attempt, and what it returns is closed.
type Body struct {
	ContentType string
	Length      int64 // bytes that Open's reader yields, at most 50 MB; 0: unknown, and Zendesk's to limit
	Open        func() (io.ReadCloser, error)
}

// Do calls any other endpoint of the customer's app, with the hosts, the
// retries, the limits and the errors of the methods that have a name. Path is
// relative to /v2/apps/{appId}, begins with a slash, is escaped, and may carry
// a query: "/conversations/"+url.PathEscape(id)+"/messages". Dot segments,
// empty segments, an escaped slash and a fragment are refused, in whatever
// encoding.
//
// Body is nil, a [*Body], or a value that encoding/json/v2 encodes to at most
// 100 kB, a json.RawMessage where it is encoded already. Out is nil, an
// [io.Writer] for at most 64 MiB of a reply of any kind, or a pointer that a
// JSON reply of at most 1 MiB is decoded into; names match with exact case
// there. A reply is not written twice: once the first bytes are in an
// io.Writer, a fault is an error.
//
// The method decides what is tried again: GET and HEAD are reads, PUT and
// PATCH updates. DELETE is tried again, and 404 is success then but not at
// first. POST creates: it is tried again only where it provably never left,
// and otherwise an [*AmbiguousError] says that it may have happened.
//
// https://developer.zendesk.com/api-reference/conversations/
func (c *Client) Do(ctx context.Context, in *Installation, method, path string, body, out any) error {
	k, core, err := c.tenantCall(in)
	if err != nil {
		return err
	}
	if err := checkID("app id", in.AppID); err != nil {
		return err
	}
	if err := checkPath(path); err != nil {
		return err
	}
	switch method {
	case http.MethodGet, http.MethodHead:
		k.Class = transport.Read
	case http.MethodPost:
		k.Class = transport.Create
	case http.MethodPut, http.MethodPatch:
		k.Class = transport.Update
	case http.MethodDelete:
		k.Class, k.gone = transport.Delete, []int{http.StatusNotFound}
	default:
		return &InputError{Name: "method", Reason: "not GET, HEAD, POST, PUT, PATCH or DELETE"}
	}
	k.Op, k.Method = "do "+method, method
	k.setPath("/v2/apps/" + in.AppID + path)
	if err := k.setBody(body); err != nil {
		return err
	}
	v := reflect.ValueOf(out)
	to, writes := out.(io.Writer)
	switch {
	case v.Kind() == reflect.Pointer && v.IsNil(), out != nil && !writes && v.Kind() != reflect.Pointer:
		return &InputError{Name: "out", Reason: "neither nil, an io.Writer nor a pointer to decode into"}
	case writes:
		k.Out, k.Limit, out = to, maxDownload, nil
	}
	return core.do(ctx, k, out)
}

// setPath appends an escaped and checked path, with its query, to the URL.
func (k *call) setPath(path string) {
	path, k.URL.RawQuery, _ = strings.Cut(path, "?")
	decoded, _ := url.PathUnescape(path)
	k.URL.RawPath = k.URL.Path + path
	k.URL.Path += decoded
}

// setBody puts Do's body into the call.
func (k *call) setBody(body any) error {
	switch body := body.(type) {
	case nil:
	case *Body:
		if body == nil || body.Open == nil {
			return &InputError{Name: "body", Reason: "Body.Open is nil"}
		}
		if body.Length < 0 || body.Length > maxUpload {
			return &InputError{Name: "body", Reason: "the length is negative or above 50 MB"}
		}
		if body.ContentType == "" || !printableASCII(body.ContentType) {
			return &InputError{Name: "body", Reason: "the content type is empty or not printable ASCII"}
		}
		k.Open, k.Length, k.contentType = body.Open, body.Length, body.ContentType
	case Body, []byte, string, io.Reader:
		return &InputError{Name: "body", Reason: "neither a *Body nor a value to encode; JSON that is encoded already goes into a json.RawMessage"}
	default:
		encoded, err := json.Marshal(body)
		if err != nil {
			return &InputError{Name: "body", Reason: "cannot be encoded as JSON: " + err.Error()}
		}
		k.Body = encoded
	}
	return nil
}

// checkPath refuses every path that a server could read as another one than
// it looks like, also when something on the way decodes it once more.
func checkPath(path string) error {
	if len(path) > maxPath || !visibleASCII(path) || strings.Contains(path, "#") {
		return &InputError{Name: "path", Reason: "longer than 2048 bytes, with a fragment, or not escaped"}
	}
	path, query, _ := strings.Cut(path, "?")
	if _, err := url.QueryUnescape(query); err != nil {
		return &InputError{Name: "path", Reason: "the query is not validly escaped"}
	}
	if !strings.HasPrefix(path, "/") || path == "/" {
		return &InputError{Name: "path", Reason: "does not begin with a slash and a segment"}
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		if !safeSegment(segment) {
			return &InputError{Name: "path", Reason: "a segment is empty, a dot segment, or hides a slash"}
		}
	}
	return nil
}

// safeSegment decodes again and again, as a chain of servers might, and leaves
// alone what is no escape then, as lenient ones do.
func safeSegment(segment string) bool {
	if _, err := url.PathUnescape(segment); err != nil {
		return false
	}
	const decodings = 3
	for range decodings {
		name, _, _ := strings.Cut(segment, ";") // some servers drop such parameters first
		if name == "" || name == "." || name == ".." || !utf8.ValidString(segment) || strings.ContainsFunc(segment, leadsElsewhere) {
			return false
		}
		decoded := unescape(segment)
		if decoded == segment {
			return true
		}
		segment = decoded
	}
	return false
}

func leadsElsewhere(r rune) bool { return r == '/' || r == '\\' || unicode.IsControl(r) }
