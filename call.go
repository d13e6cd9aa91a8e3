package sunco

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sunco-go/sunco/internal/transport"
)

const (
	typeJSON = "application/json"
	typeForm = "application/x-www-form-urlencoded"

	maxRequest    = 100_000  // bytes of JSON that Zendesk accepts
	maxTokenReply = 64 << 10 // bytes of a reply about a token
	maxReply      = 1 << 20  // bytes of any other reply
)

// call is one operation on the platform: what the transport has to know, and
// what the answer means.
type call struct {
	transport.Call
	token       Token     // zero: none is sent
	secrets     [2]Secret // others that the request carries
	contentType string    // empty: JSON
	gone        []int     // statuses that are success once an earlier attempt may have done it

	reply transport.Reply
}

// do is the only function that touches the network. A 2xx reply is decoded
// into out; everything else becomes an error.
func (c *core) do(ctx context.Context, k *call, out any) error {
	if err := c.prepare(ctx, k); err != nil {
		return err
	}
	var err error
	k.reply, err = c.transport.Do(ctx, &k.Call)
	if err != nil || k.reply.Status/100 != 2 {
		if err == nil && k.reply.MaybeApplied && slices.Contains(k.gone, k.reply.Status) {
			return nil
		}
		return k.failure(err)
	}
	switch {
	case k.reply.TooLarge:
		err = badReply("longer than " + strconv.FormatInt(k.Limit, 10) + " bytes")
	case k.reply.Status == http.StatusNoContent || k.Method == http.MethodHead:
		// There is nothing to decode.
	case k.Out == nil:
		err = decodeReply(k.reply.Body, out)
	}
	if err != nil {
		return k.unusable(err)
	}
	return nil
}

// prepare checks what must be right before anything is sent, and completes
// the request.
func (c *core) prepare(ctx context.Context, k *call) error {
	if ctx == nil {
		return &InputError{Name: "context", Reason: "nil"}
	}
	if len(k.Body) > maxRequest {
		return &InputError{Name: k.Op, Reason: "the request body is longer than 100 kB"}
	}
	if !c.realm.trusts(&k.URL) {
		return &InputError{Name: "host", Reason: "not one that may see a credential"}
	}
	k.Header = make(http.Header, len(c.header)+1)
	for name, values := range c.header {
		k.Header[name] = values[:len(values):len(values)]
	}
	if k.contentType != "" {
		k.Header["Content-Type"] = []string{k.contentType}
	}
	if k.Class != transport.Exchange {
		if err := k.token.check(); err != nil {
			return err
		}
		k.Header["Authorization"] = []string{"Bearer " + k.token.AccessToken.Reveal()}
	}
	if k.Limit == 0 {
		k.Limit = maxReply
	}
	return nil
}

// unusable is a reply whose status says success and whose body does not do.
// What a creation made cannot be named then, and making it again makes two.
func (k *call) unusable(err error) error {
	k.reply.MaybeApplied = k.Class == transport.Exchange || k.Class == transport.Create
	return k.failure(err)
}

// failure says what a call came to that was no success. err is why there is
// no usable reply, nil when the reply's status is the failure.
func (k *call) failure(err error) error {
	secrets := credentials{k.token.AccessToken, k.secrets[0], k.secrets[1]}
	failed := &Error{
		Op:     k.Op,
		Status: k.reply.Status,
		tenant: !strings.HasPrefix(k.URL.Host, bridgeLabel+"."),
	}
	var details []ErrorDetail
	if err != nil {
		failed.Err = secrets.cleanError(err)
	}
	if k.reply.Status/100 != 2 {
		if !k.reply.TooLarge { // no answer of the API is so long
			failed.by, details = readRefusal(k.reply.Body)
		}
	}
	failed.Details, failed.RequestID = secrets.clean(details, k.reply.Header)
	if len(details) > 0 {
		failed.Code, failed.Title = failed.Details[0].Code, failed.Details[0].Title
	}
	var result error = failed
	if k.reply.RateLimited {
		result = &RateLimitError{RetryAfter: k.reply.RetryAfter, Err: failed}
	}
	settled := err == nil && k.reply.Status < 500 && k.reply.Status != http.StatusTooManyRequests
	if k.reply.MaybeApplied && !settled {
		return &AmbiguousError{Op: k.Op, Err: result}
	}
	return result
}

// tenantCall begins a call to where an installation's app lives.
func (c *Client) tenantCall(in *Installation) (*call, *core, error) {
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
	return &call{token: in.Token, Call: transport.Call{URL: home}}, core, nil
}
