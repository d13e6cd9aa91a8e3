package sunco

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/sunco-go/sunco/internal/ident"
	"github.com/sunco-go/sunco/internal/lenient"
	"github.com/sunco-go/sunco/internal/transport"
)

const (
	typeJSON = "application/json"
	typeForm = "application/x-www-form-urlencoded"

	maxRequest    = 100_000    // bytes of JSON that Zendesk accepts
	maxUpload     = 50_100_000 // bytes of anything else: a file of 50 MB in a form
	maxTokenReply = 64 << 10   // bytes of a reply about a token
	maxReply      = 16 << 20   // bytes of any other JSON reply
	maxDownload   = 64 << 20   // bytes written to an io.Writer
)

// Call is a request to an endpoint of a customer's app, for [Client.Do].
type Call struct {
	// Op names the call in errors and log lines: "post message". Empty: the
	// method and the path do.
	Op string

	// Method is GET, HEAD, POST, PUT, PATCH or DELETE. Empty: GET.
	Method string

	// Path is relative to /v2/apps/{appId}, begins with a slash and is escaped:
	// "/conversations/"+url.PathEscape(id)+"/messages". A path with dot
	// segments, empty segments, an escaped slash, a query or a fragment is
	// refused.
	Path string

	// Query is the query of the URL, unescaped. Nil: none.
	Query url.Values

	// Body is nil, an [*Upload], or a value that encoding/json/v2 encodes to at
	// most 100 kB. JSON that is encoded already is a json.RawMessage.
	Body any

	// Out receives the reply: a pointer for JSON of at most 16 MiB, where names
	// match with exact case, or an [io.Writer] for at most 64 MiB of any type. Nil:
	// the reply is checked and dropped.
	Out any

	// Repeat says that this POST is idempotent, so that it is tried again like a
	// PUT. Other methods do not need it.
	Repeat bool
}

// Upload is a request body that is not JSON, for [Call.Body]. Open is called
// for every attempt, and what it returns is closed.
type Upload struct {
	ContentType string
	Length      int64 // bytes that Open's reader yields, at most 50.1 MB; 0: unknown
	Open        func() (io.ReadCloser, error)
}

// Do calls an endpoint of the customer's app that has no method of its own, with
// the hosts, limits and errors of the other methods.
//
// GET and HEAD are reads, which are tried again after every passing fault, as
// PUT, PATCH and DELETE are. After a lost answer to a DELETE, a 404 of the
// API's is success. A POST is tried again only where it provably never left,
// unless Repeat is set; otherwise an [*AmbiguousError] says that it may have
// happened.
//
// A member of the reply that does not fit into Out is skipped and the rest is
// filled in; the error, which matches [ErrBadReply], then names the first such
// member and is never an AmbiguousError. Once bytes of a reply were written to
// an io.Writer, the call is not tried again.
//
// https://developer.zendesk.com/api-reference/conversations/
func (c *Client) Do(ctx context.Context, in *Installation, call *Call) error {
	r, core, err := c.tenantRequest(in)
	if err != nil {
		return err
	}
	if call == nil {
		return &InputError{Name: "call", Reason: "nil"}
	}
	if err := checkID("app id", in.AppID); err != nil {
		return err
	}
	if err := r.address(in.AppID, call); err != nil {
		return err
	}
	if err := r.setBody(call.Body); err != nil {
		return err
	}
	if err := r.setOut(call.Out); err != nil {
		return err
	}
	err = core.do(ctx, r)
	if r.Method == http.MethodDelete && r.reply.MaybeApplied {
		if failed, ok := errors.AsType[*Error](err); ok && failed.refused(http.StatusNotFound) && failed.by == byAPI {
			return nil // an earlier attempt deleted it
		}
	}
	return err
}

// Download writes the file behind the mediaUrl of a message to out, at most 64
// MiB. It sends the token only for an attachment of the installation's own host,
// /sc/attachments/…, which private attachments need; every other URL is fetched
// without a credential. A mediaUrl may come from a user: Download fetches any
// https URL, and follows no redirect. Once bytes were written to out, the call is
// not tried again.
//
// https://developer.zendesk.com/api-reference/conversations/#tag/Attachments
func (c *Client) Download(ctx context.Context, in *Installation, mediaURL string, out io.Writer) error {
	r, core, err := c.tenantRequest(in)
	if err != nil {
		return err
	}
	u, err := url.Parse(mediaURL)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != core.realm.scheme:
		return &InputError{Name: "mediaUrl", Reason: "not an absolute https URL"}
	case u.User != nil:
		return &InputError{Name: "mediaUrl", Reason: "carries userinfo"}
	case out == nil:
		return &InputError{Name: "out", Reason: "nil"}
	}
	u.Fragment, u.RawFragment = "", ""
	r.foreign = !isAttachment(u, &r.URL)
	r.Op, r.Method, r.URL = "download", http.MethodGet, *u
	r.Out, r.Limit = out, maxDownload
	return core.do(ctx, r)
}

// isAttachment reports whether u is a file on the host of a customer's home,
// and by no reading an endpoint of the API there.
func isAttachment(u, home *url.URL) bool {
	if u.Scheme != home.Scheme || u.Host != home.Host {
		return false
	}
	rest, found := strings.CutPrefix(u.EscapedPath(), home.Path+"/attachments/")
	for segment := range strings.SplitSeq(rest, "/") {
		found = found && ident.OneSegment(segment)
	}
	return found
}

// request is one call on its way: what the transport has to know, and what the
// answer means.
type request struct {
	transport.Call
	path        string    // of a Call, for errors
	token       Token     // zero: none is sent
	secrets     [2]Secret // others that the request carries
	contentType string    // empty: JSON
	out         any       // nil, a pointer, or a replyReader
	foreign     bool      // to a host that gets neither the token nor the partner's names

	reply transport.Reply
}

// replyReader decodes and checks a reply by itself.
type replyReader interface {
	readReply(body []byte) error
}

// tenantRequest begins a call to where an installation's app lives.
func (c *Client) tenantRequest(in *Installation) (*request, *core, error) {
	core, err := c.core()
	if err != nil {
		return nil, nil, err
	}
	if in == nil {
		return nil, nil, errNoInstallation
	}
	home, err := core.realm.home(in)
	if err != nil {
		return nil, nil, err
	}
	return &request{token: in.Token, Call: transport.Call{URL: home}}, core, nil
}

// address sets method and URL, and with them what may be tried again.
func (r *request) address(appID string, call *Call) error {
	switch r.Method = call.Method; call.Method {
	case "":
		r.Method = http.MethodGet
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		r.Class = transport.Create
		if call.Repeat {
			r.Class = transport.Repeat
		}
	case http.MethodPut, http.MethodPatch, http.MethodDelete:
		r.Class = transport.Repeat
	default:
		return &InputError{Name: "method", Reason: "not GET, HEAD, POST, PUT, PATCH or DELETE"}
	}
	if err := checkPath(call.Path); err != nil {
		return err
	}
	r.URL.RawQuery = call.Query.Encode()
	if len(r.URL.RawQuery) > maxQuery {
		return &InputError{Name: "query", Reason: "longer than 4096 bytes"}
	}
	r.URL.RawPath = r.URL.Path + "/v2/apps/" + appID + call.Path
	r.URL.Path, _ = url.PathUnescape(r.URL.RawPath) // checkPath did it before
	r.Op, r.path = call.Op, call.Path
	return nil
}

// setBody puts Call.Body into the request.
func (r *request) setBody(body any) (err error) {
	switch body := body.(type) {
	case nil:
	case *Upload:
		switch {
		case body == nil || body.Open == nil:
			return &InputError{Name: "body", Reason: "Upload.Open is nil"}
		case body.Length < 0 || body.Length > maxUpload:
			return &InputError{Name: "body", Reason: "Upload.Length is negative or above 50.1 MB"}
		case body.ContentType == "" || !printableASCII(body.ContentType):
			return &InputError{Name: "body", Reason: "Upload.ContentType is empty or not printable ASCII"}
		}
		r.Open, r.Length, r.contentType = body.Open, body.Length, body.ContentType
	case Upload, []byte, string, io.Reader:
		return &InputError{Name: "body", Reason: fmt.Sprintf("a %T is neither an *Upload nor a value to encode; "+
			"JSON that is encoded already is a json.RawMessage", body)}
	default:
		if r.Body, err = lenient.Encode(body); err != nil {
			return &InputError{Name: "body", Reason: "cannot be encoded as JSON: " + err.Error()}
		}
	}
	return nil
}

// setOut puts Call.Out into the request.
func (r *request) setOut(out any) error {
	if to, ok := out.(io.Writer); ok {
		r.Out, r.Limit = to, maxDownload
	} else {
		r.out = out
	}
	if v := reflect.ValueOf(out); out != nil && v.Kind() == reflect.Pointer && v.IsNil() ||
		r.out != nil && v.Kind() != reflect.Pointer {
		return &InputError{Name: "out", Reason: "neither nil, an io.Writer nor a pointer to decode into"}
	}
	return nil
}

// do is the only function that touches the network. A 2xx reply is decoded
// into r.out; everything else becomes an error.
func (c *core) do(ctx context.Context, r *request) error {
	if err := c.prepare(ctx, r); err != nil {
		return err
	}
	var err error
	r.reply, err = c.transport.Do(ctx, &r.Call)
	if err != nil || r.reply.Status/100 != 2 {
		return r.failure(err)
	}
	switch {
	case r.reply.TooLarge:
		err = badReply(fmt.Sprintf("longer than %d bytes", r.Limit))
	case r.Out == nil && r.Method != http.MethodHead:
		err = decodeReply(r.reply.Status, r.reply.Body, r.out)
	}
	if err == nil {
		return nil
	}
	// What an unusable reply made cannot be named, and making it again makes
	// two. A member that only does not fit leaves no doubt.
	r.reply.MaybeApplied = !errors.As(err, new(*lenient.Misfit)) &&
		(r.Class == transport.Once || r.Class == transport.Create)
	return r.failure(err)
}

// prepare checks what must be right before anything is sent, and completes
// the request.
func (c *core) prepare(ctx context.Context, r *request) error {
	if ctx == nil {
		return &InputError{Name: "context", Reason: "nil"}
	}
	if len(r.Body) > maxRequest {
		return &InputError{Name: "body", Reason: "longer than the 100 kB that Zendesk accepts"}
	}
	if r.foreign {
		r.Header = http.Header{"User-Agent": c.header["User-Agent"]}
		return nil
	}
	if !c.realm.trusts(&r.URL) {
		return &InputError{Name: "host", Reason: "not one that may see a credential"}
	}
	r.Header = make(http.Header, len(c.header)+1)
	for name, values := range c.header {
		r.Header[name] = values[:len(values):len(values)]
	}
	if r.contentType != "" {
		r.Header["Content-Type"] = []string{r.contentType}
	}
	if r.Class != transport.Once {
		if err := r.token.check(); err != nil {
			return err
		}
		r.Header["Authorization"] = []string{"Bearer " + r.token.AccessToken.Reveal()}
	}
	if r.Limit == 0 {
		r.Limit = maxReply
	}
	return nil
}

// failure says what a call came to that was no success. err is why there is
// no usable reply, nil when the reply's status is the failure.
func (r *request) failure(err error) error {
	secrets := credentials{r.token.AccessToken, r.secrets[0], r.secrets[1]}
	failed := &Error{
		Op:     r.Op,
		Status: r.reply.Status,
		tenant: !r.foreign && !strings.HasPrefix(r.URL.Host, bridgeLabel+"."),
	}
	if r.path != "" {
		failed.target = r.Method + " " + shownPath(r.path)
	}
	if secrets.within(failed.target) {
		failed.target = r.Method
	}
	var details []ErrorDetail
	if err != nil {
		failed.Err = secrets.cleanError(err)
	}
	switch {
	case r.reply.TooLarge, r.foreign:
		failed.by = byOther // no answer of the API
	case r.reply.Status/100 != 2:
		failed.by, details = readRefusal(r.reply.Body)
	}
	failed.Details, failed.RequestID = secrets.clean(details, r.reply.Header)
	if len(details) > 0 {
		failed.Code, failed.Title = failed.Details[0].Code, failed.Details[0].Title
	}
	var result error = failed
	if r.reply.RateLimited {
		result = &RateLimitError{RetryAfter: r.reply.RetryAfter, Err: failed}
	}
	settled := err == nil && r.reply.Status < 500 && r.reply.Status != http.StatusTooManyRequests
	if r.reply.MaybeApplied && !settled {
		return &AmbiguousError{Op: cmp.Or(failed.Op, failed.target), Err: result, repeat: r.Class == transport.Repeat}
	}
	return result
}
