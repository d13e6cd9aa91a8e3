package sunco

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-querystring/query"

	"github.com/sunco-go/sunco/internal/lenient"
	"github.com/sunco-go/sunco/internal/redact"
	"github.com/sunco-go/sunco/internal/transport"
)

const (
	opExchange = "exchange"

	maxClientID = 512
	maxState    = 4096     // bytes
	maxCode     = 4096     // bytes
	maxCallback = 16 << 10 // bytes of a callback's query
)

// AuthorizeURL returns the URL to send the customer's browser to, where an
// administrator picks an account and presses Allow or Deny. Zendesk then sends the
// browser to the redirect URI, where [ParseCallback] reads the result. It makes no
// request. The error is an [*InputError].
//
// State comes back unchanged and binds the callback to the browser that began the
// flow. Take a new one for every flow, from [crypto/rand.Text] for example, and
// keep it where only that browser has it. An empty state is not sent, and
// ParseCallback then refuses the callback.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/Authorize
func (c *Client) AuthorizeURL(state string) (string, error) {
	core, err := c.core()
	if err != nil {
		return "", err
	}
	if core.oauth != nil {
		return "", core.oauth
	}
	if state == "" {
		return core.authorize, nil
	}
	if len(state) > maxState {
		return "", &InputError{Name: "state", Reason: "longer than 4096 bytes"}
	}
	return core.authorize + "&state=" + url.QueryEscape(state), nil
}

// authorizePrefix is the authorize URL without state.
func (c *Client) authorizePrefix(realm realm) (string, error) {
	switch {
	case c.ClientID == "":
		return "", &InputError{Name: "client id", Reason: "empty; set Client.ClientID"}
	case len(c.ClientID) > maxClientID || !printableASCII(c.ClientID):
		return "", &InputError{Name: "client id", Reason: "not up to 512 printable ASCII characters"}
	}
	u := realm.bridge("/oauth/authorize")
	prefix := u.String() + "?response_type=code&client_id=" + url.QueryEscape(c.ClientID)
	if c.RedirectURI == "" {
		return prefix, nil
	}
	redirect, err := url.Parse(c.RedirectURI)
	switch {
	case err != nil || redirect.Scheme == "" || redirect.Opaque != "" || strings.Contains(c.RedirectURI, "#"),
		redirect.Hostname() == "" && (redirect.Scheme == "http" || redirect.Scheme == "https" || redirect.Path == ""):
		return "", &InputError{Name: "redirect URI", Reason: "not an absolute URL without a fragment"}
	}
	return prefix + "&redirect_uri=" + url.QueryEscape(c.RedirectURI), nil
}

// ParseCallback reads the request with which the customer's browser came back
// from Zendesk, and returns the code for [Client.Exchange]. State is the one the
// flow began with; it is compared first and in constant time, and an empty one
// matches nothing. Answer a callback once: forget the state before the code is
// used.
//
// The errors are [ErrStateMismatch]; an [*AuthorizationError] when the customer
// pressed Deny, which matches [ErrAccessDenied], or Zendesk refused; and a
// [*RequestError] for a request that is not a callback: another method than GET,
// no code, a repeated parameter, both a code and an error, or an oversize query.
// Parameters that are unknown, have no value or cannot be decoded are ignored
// (RFC 6749, sections 3.1 and 4.1.2).
func ParseCallback(r *http.Request, state string) (code Secret, err error) {
	switch {
	case r == nil || r.URL == nil:
		return Secret{}, badCallback("the request is nil")
	case r.Method != http.MethodGet && r.Method != "":
		return Secret{}, &RequestError{"callback", "the method is not GET", http.StatusMethodNotAllowed}
	case len(r.URL.RawQuery) > maxCallback:
		return Secret{}, badCallback("the query is longer than 16 KiB")
	}
	values, _ := parseQuery(r.URL.RawQuery)
	return readCallback(values, state)
}

// parseQuery returns the parameters that have a value. With an error, they are
// those that could be decoded.
func parseQuery(raw string) (url.Values, error) {
	values, err := url.ParseQuery(raw)
	for name, list := range values {
		if list = slices.DeleteFunc(list, isBlank); len(list) > 0 {
			values[name] = list
		} else {
			delete(values, name)
		}
	}
	return values, err
}

func isBlank(value string) bool { return strings.TrimSpace(value) == "" }

// readCallback is ParseCallback for a query that was parsed.
func readCallback(values url.Values, state string) (Secret, error) {
	if got := values["state"]; len(got) != 1 || !sameState(got[0], state) {
		return Secret{}, ErrStateMismatch
	}
	failures, codes := values["error"], values["code"]
	switch {
	case len(failures) > 0 && len(codes) > 0:
		return Secret{}, badCallback("both a code and an error")
	case len(failures) > 1 || len(codes) > 1:
		return Secret{}, badCallback("a parameter is repeated")
	case len(failures) == 1:
		return Secret{}, authorizationError(failures[0], values.Get("error_description"), state)
	case len(codes) == 0:
		return Secret{}, badCallback("neither a code nor an error")
	}
	code := NewSecret(codes[0])
	if checkCode(code) != nil {
		return Secret{}, badCallback("the code is longer than 4096 bytes or not printable ASCII")
	}
	return code, nil
}

func badCallback(reason string) error {
	return &RequestError{"callback", reason, http.StatusBadRequest}
}

func authorizationError(code, description, state string) error {
	secrets := credentials{NewSecret(state)}
	details, _ := secrets.clean([]ErrorDetail{{code, strings.ToValidUTF8(description, "\uFFFD")}}, nil)
	return &AuthorizationError{
		Code:        cmp.Or(redact.Word(details[0].Code), "unknown_error"),
		Description: details[0].Title,
	}
}

// sameState compares in constant time; an empty or oversize state matches
// nothing.
func sameState(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && want != "" && len(want) <= maxState
}

func checkCode(code Secret) error {
	switch value := code.Reveal(); {
	case value == "":
		return &InputError{Name: "code", Reason: "empty"}
	case len(value) > maxCode:
		return &InputError{Name: "code", Reason: "longer than 4096 bytes"}
	case !printableASCII(value):
		return &InputError{Name: "code", Reason: "contains characters that no code has"}
	}
	return nil
}

// tokenRequest is what the token endpoint is sent (RFC 6749, section 4.1.3).
type tokenRequest struct {
	GrantType    string `json:"grant_type" url:"grant_type"`
	Code         string `json:"code" url:"code"`
	ClientID     string `json:"client_id" url:"client_id"`
	ClientSecret string `json:"client_secret" url:"client_secret"`
}

// encode makes the body, and returns its type when that is not JSON.
func (t *tokenRequest) encode(form bool) (body []byte, contentType string, err error) {
	if form {
		values, err := query.Values(t)
		if err != nil {
			return nil, "", &InputError{Name: "token request", Reason: "cannot be encoded as a form"}
		}
		return []byte(values.Encode()), typeForm, nil
	}
	if body, err = json.Marshal(t); err != nil {
		return nil, "", &InputError{Name: "client secret", Reason: "not valid UTF-8"}
	}
	return body, "", nil
}

// tokenReply is what it answers (RFC 6749, section 4.1.4).
type tokenReply struct{ token Token }

func (t *tokenReply) readReply(body []byte) error {
	kind := ""
	err := lenient.Object(body, func(name []byte, value jsontext.Value) {
		switch string(name) {
		case "access_token":
			t.token.AccessToken = NewSecret(lenient.Text(value))
		case "token_type":
			if !bytes.EqualFold(value, []byte(`"Bearer"`)) {
				kind = lenient.Text(value)
			}
		}
	})
	switch {
	case err != nil:
		return err
	case t.token.check() != nil:
		return errors.New("it carries no usable token")
	case kind != "" && !strings.EqualFold(kind, "Bearer"):
		return errors.New("the token is of another type than Bearer")
	}
	return nil
}

// Exchange exchanges the code of a callback for a token. Store the token before
// anything else is asked of Zendesk; then [Client.Locate] finds its app.
//
// A code works once. It is sent again only when the first request provably never
// left, or was answered with status 429. When the code may be spent and there is no
// token, the error is an [*AmbiguousError]: let the customer connect again.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/GetToken
func (c *Client) Exchange(ctx context.Context, code Secret) (Token, error) {
	core, err := c.core()
	if err != nil {
		return Token{}, err
	}
	if core.oauth != nil {
		return Token{}, core.oauth
	}
	if c.ClientSecret.IsZero() {
		return Token{}, &InputError{Name: "client secret", Reason: "empty; set Client.ClientSecret"}
	}
	if err := checkCode(code); err != nil {
		return Token{}, err
	}
	x := new(struct { // one allocation
		request
		form  tokenRequest
		reply tokenReply
	})
	x.Call = transport.Call{
		Class: transport.Once, Op: opExchange, Method: http.MethodPost,
		URL: core.exchange, Limit: maxTokenReply,
	}
	x.secrets, x.out = [2]Secret{code, c.ClientSecret}, &x.reply
	x.form = tokenRequest{"authorization_code", code.Reveal(), c.ClientID, c.ClientSecret.Reveal()}
	if x.Body, x.contentType, err = x.form.encode(c.FormExchange); err != nil {
		return Token{}, err
	}
	if err := core.do(ctx, &x.request); err != nil {
		return Token{}, err
	}
	return x.reply.token, nil
}
