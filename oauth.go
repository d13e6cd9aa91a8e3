package sunco

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/google/go-querystring/query"

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
// administrator picks an account and presses Allow or Deny. Zendesk then
// sends the browser to the redirect URI, where [ParseCallback] reads what
// came back.
//
// State comes back unchanged and binds the callback to the browser that began
// the flow: take a new one of 128 random bits or more for every flow
// (crypto/rand.Text) and keep it where only that browser has it. An empty
// state is not sent, and ParseCallback refuses the callback.
//
// It makes no request. The error is an [*InputError].
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

// ParseCallback reads what Zendesk sent the browser back with, and returns the
// code for [Client.Install] or [Client.Exchange]. State is the one the flow
// began with; it is compared first and in constant time, and an empty one
// matches nothing. Only the request's method and query are looked at, never
// its Host. A callback should be answered once: forget the state before the
// code is used.
//
// The errors are [ErrStateMismatch]; an [*AuthorizationError] when the
// customer pressed Deny ([ErrAccessDenied]) or Zendesk refused; and an
// [*InputError] for everything that is no callback: another method than GET,
// no code, a repeated parameter, both a code and an error, or an oversize
// query. Unknown parameters are ignored (RFC 6749, section 4.1.2).
func ParseCallback(r *http.Request, state string) (code Secret, err error) {
	if r == nil || r.URL == nil {
		return Secret{}, &InputError{Name: "callback", Reason: "nil request"}
	}
	if r.Method != http.MethodGet && r.Method != "" {
		return Secret{}, &InputError{Name: "callback", Reason: "the method is not GET"}
	}
	if len(r.URL.RawQuery) > maxCallback {
		return Secret{}, &InputError{Name: "callback", Reason: "the query is longer than 16 KiB"}
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return Secret{}, &InputError{Name: "callback", Reason: "the query is malformed"}
	}
	if got := values["state"]; len(got) != 1 || !sameState(got[0], state) {
		return Secret{}, ErrStateMismatch
	}
	failures, codes := values["error"], values["code"]
	switch {
	case len(failures) > 0 && len(codes) > 0:
		return Secret{}, &InputError{Name: "callback", Reason: "both a code and an error"}
	case len(failures) > 1 || len(codes) > 1:
		return Secret{}, &InputError{Name: "callback", Reason: "a parameter is repeated"}
	case len(failures) == 1:
		return Secret{}, authorizationError(failures[0], values.Get("error_description"), state)
	case len(codes) == 0 || codes[0] == "":
		return Secret{}, &InputError{Name: "callback", Reason: "neither a code nor an error"}
	}
	code = NewSecret(codes[0])
	if err := checkCode(code); err != nil {
		return Secret{}, err
	}
	return code, nil
}

func authorizationError(code, description, state string) error {
	secrets := credentials{NewSecret(state)}
	details, _ := secrets.clean([]ErrorDetail{{code, description}}, nil)
	return &AuthorizationError{
		Code:        cmp.Or(cleanCode(details[0].Code), "unknown_error"),
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

// exchange is a token request and its reply (RFC 6749, sections 4.1.3 and 4.1.4).
type exchange struct {
	call
	request struct {
		GrantType    string `json:"grant_type" url:"grant_type"`
		Code         string `json:"code" url:"code"`
		ClientID     string `json:"client_id" url:"client_id"`
		ClientSecret string `json:"client_secret" url:"client_secret"`
	}
	answer struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
	}
}

// Exchange exchanges the code of a callback for a token. Most partners call
// [Client.Install], which also asks where the token is good.
//
// A code works once, so that it is sent again only where the first request
// provably never left: over a connection of its own that could not be opened,
// or after status 429. Whenever the code may be spent and there is no token,
// the error is an [*AmbiguousError], and the customer has to connect again.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/GetToken
func (c *Client) Exchange(ctx context.Context, code Secret) (*Token, error) {
	core, err := c.core()
	if err != nil {
		return nil, err
	}
	if core.oauth != nil {
		return nil, core.oauth
	}
	if c.ClientSecret.IsZero() {
		return nil, &InputError{Name: "client secret", Reason: "empty; set Client.ClientSecret"}
	}
	if err := checkCode(code); err != nil {
		return nil, err
	}
	x := new(exchange)
	x.Call = transport.Call{
		Class: transport.Exchange, Op: opExchange, Method: http.MethodPost,
		URL: core.exchange, Limit: maxTokenReply,
	}
	x.secrets = [2]Secret{code, c.ClientSecret}
	if err := x.encode(c); err != nil {
		return nil, err
	}
	if err := core.do(ctx, &x.call, &x.answer); err != nil {
		return nil, err
	}
	return x.token()
}

// encode makes the body.
func (x *exchange) encode(c *Client) (err error) {
	x.request.GrantType, x.request.ClientID = "authorization_code", c.ClientID
	x.request.Code, x.request.ClientSecret = x.secrets[0].Reveal(), x.secrets[1].Reveal()
	if c.FormExchange {
		values, err := query.Values(x.request)
		if err != nil {
			return &InputError{Name: "token request", Reason: "cannot be encoded as a form"}
		}
		x.Body, x.contentType = []byte(values.Encode()), typeForm
		return nil
	}
	if x.Body, err = json.Marshal(&x.request); err != nil {
		return &InputError{Name: "client secret", Reason: "not valid UTF-8"}
	}
	return nil
}

// token checks the reply.
func (x *exchange) token() (*Token, error) {
	token := &Token{AccessToken: NewSecret(x.answer.AccessToken)}
	unusable := ""
	if token.check() != nil {
		unusable = "it carries no usable token"
	} else if x.answer.TokenType != "" && !strings.EqualFold(x.answer.TokenType, "Bearer") {
		unusable = "the token is of another type than Bearer"
	}
	if unusable != "" {
		return nil, x.unusable(badReply(unusable))
	}
	return token, nil
}
