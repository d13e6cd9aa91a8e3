package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/internal/ident"
	"github.com/sunco-go/sunco/internal/lenient"
	"github.com/sunco-go/sunco/internal/redact"
	"github.com/sunco-go/sunco/suncotest"
)

const (
	maxReply = 1 << 20          // what is read of a reply
	maxWait  = 60 * time.Second // for which a Retry-After is obeyed
)

// api sends requests as they are, one after the other. Its token goes to the bridge and to
// the account only.
type api struct {
	sdk    *sunco.Client // knows the hosts
	http   *http.Client
	pause  time.Duration // between two requests
	bridge string
	home   string // of the account; empty: it is not known yet

	last       time.Time
	secrets    []string // that no output may have
	retryAfter []string // what was seen of it
}

func newAPI(sdk *sunco.Client, base http.RoundTripper, pause time.Duration) (*api, error) {
	authorize, err := sdk.AuthorizeURL("check")
	if err != nil {
		return nil, err
	}
	bridge, _, _ := strings.Cut(authorize, "/oauth/authorize")
	return &api{
		sdk: sdk, pause: pause, bridge: bridge, secrets: []string{sdk.ClientSecret.Reveal()},
		http: &http.Client{
			Transport: base, Timeout: 30 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// request is a request on its way.
type request struct {
	method, url string
	token       string
	json        any
	form        url.Values
	file        *bytes.Buffer // with its content type
	contentType string
	bare        bool // no marketplace headers
	limit       bool // 429 is an answer
}

// reply is an answer that Zendesk may have given.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// send makes one request. The error says why there is no answer: of the network, of
// something between here and Zendesk, or of a limit that was hit twice.
func (a *api) send(ctx context.Context, r request) (reply, error) {
	got, err := a.once(ctx, r)
	if err == nil && got.status == http.StatusTooManyRequests && !r.limit {
		if err := sleep(ctx, wait(got.header)); err != nil {
			return got, err
		}
		got, err = a.once(ctx, r)
	}
	switch {
	case err != nil:
		return got, err
	case got.status/100 == 3,
		got.status == http.StatusProxyAuthRequired, got.status == http.StatusTooManyRequests && !r.limit,
		got.status == http.StatusNetworkAuthenticationRequired, got.status >= 500:
		return got, noAnswer(fmt.Sprintf("no answer to the question: status %d", got.status))
	}
	return got, nil
}

// noAnswer is why a question stays open.
type noAnswer string

func (n noAnswer) Error() string { return string(n) }

// wait is how long to wait after a 429.
func wait(h http.Header) time.Duration {
	if seconds, err := strconv.Atoi(h.Get("Retry-After")); err == nil && seconds >= 0 {
		return min(time.Duration(seconds)*time.Second, maxWait)
	}
	return 10 * time.Second
}

func (a *api) once(ctx context.Context, r request) (reply, error) {
	if r.token != "" && !a.trusts(r.url) {
		return reply{}, errors.New("a credential may go to the bridge and to the account only")
	}
	req, err := a.encode(ctx, r)
	if err != nil {
		return reply{}, err
	}
	if err := sleep(ctx, time.Until(a.last.Add(a.pause))); err != nil {
		return reply{}, err
	}
	defer func() { a.last = time.Now() }()
	res, err := a.http.Do(req)
	if err != nil {
		if whole, ok := errors.AsType[*url.Error](err); ok { // its text has the URL
			err = whole.Err
		}
		if ctx.Err() != nil {
			return reply{}, context.Cause(ctx)
		}
		if redact.Contains(err.Error(), a.secrets...) { // it can quote the server
			err = errors.New(a.shown(err.Error()))
		}
		return reply{}, fmt.Errorf("no answer: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxReply))
	if err != nil {
		return reply{}, errors.New("no answer: it was cut short")
	}
	if after := res.Header.Get("Retry-After"); after != "" {
		a.retryAfter = append(a.retryAfter, fmt.Sprintf("%d with Retry-After %s", res.StatusCode, a.shown(after)))
	}
	return reply{res.StatusCode, res.Header, body}, nil
}

// trusts reports whether a URL is of the bridge or of the account.
func (a *api) trusts(raw string) bool {
	return strings.HasPrefix(raw, a.bridge+"/") || a.home != "" && strings.HasPrefix(raw, a.home+"/")
}

func (a *api) encode(ctx context.Context, r request) (*http.Request, error) {
	body, contentType := io.Reader(http.NoBody), "application/json"
	switch {
	case r.form != nil:
		body, contentType = strings.NewReader(r.form.Encode()), "application/x-www-form-urlencoded"
	case r.file != nil:
		body, contentType = r.file, r.contentType
	case r.json != nil:
		text, err := json.Marshal(r.json)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, body)
	if err != nil {
		return nil, errors.New("not a URL")
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("User-Agent", "sunco-probe")
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	for name, value := range map[string]string{
		"Name": a.sdk.Marketplace.Name, "Organization-Id": a.sdk.Marketplace.OrganizationID,
		"Bot-Id": a.sdk.Marketplace.BotID, "App-Id": a.sdk.Marketplace.AppID,
	} {
		if value != "" && !r.bare {
			req.Header.Set("X-Zendesk-Marketplace-"+name, value)
		}
	}
	return req, nil
}

// sleep waits, and returns why it was ended early.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// at returns a member of the JSON, or nil.
func (r reply) at(names ...string) any {
	var value any
	if lenient.Decode(r.body, &value) != nil {
		return nil
	}
	for _, name := range names {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

func (r reply) text(names ...string) string {
	text, _ := r.at(names...).(string)
	return text
}

// id is an id that can stand in a path, or nothing: another one could lead to what is not
// the probe's.
func (r reply) id(names ...string) string {
	id := r.text(names...)
	if !ident.Valid(id) {
		return ""
	}
	return id
}

func (r reply) list(names ...string) []any {
	list, _ := r.at(names...).([]any)
	return list
}

// ok reports whether the reply is a success with a JSON object.
func (r reply) ok() bool {
	_, object := r.at().(map[string]any)
	return r.status/100 == 2 && object
}

// shape is the format of an error.
func (r reply) shape() (shape suncotest.ErrorShape, known bool) {
	text := bytes.TrimSpace(r.body)
	object, isObject := r.at().(map[string]any)
	inner, isInner := object["error"].(map[string]any)
	sentence, isSentence := object["error"].(string)
	_, described := object["error_description"]
	media, _, _ := mime.ParseMediaType(r.header.Get("Content-Type"))
	switch {
	case len(text) == 0:
		return suncotest.ErrorEmpty, true
	case isObject && len(r.list("errors")) > 0:
		return suncotest.ErrorsArray, true
	case isInner && inner["code"] != nil:
		return suncotest.ErrorObject, true
	case isInner && inner["title"] != nil:
		return suncotest.ErrorFront, true
	case isSentence && (described || redact.Word(sentence) != ""):
		return suncotest.ErrorRFC6749, true
	case isSentence:
		return suncotest.ErrorSentence, true
	case media == "text/html" || text[0] == '<':
		return suncotest.ErrorHTML, true
	case media == "text/plain":
		return suncotest.ErrorText, true
	}
	return 0, false
}

// says is a reply in one line, without credentials.
func (a *api) says(r reply) string {
	if r.status/100 == 2 {
		return strconv.Itoa(r.status)
	}
	shape, known := r.shape()
	if !known {
		media, _, _ := mime.ParseMediaType(r.header.Get("Content-Type"))
		return fmt.Sprintf("%d, an unknown format (%s, %d bytes)", r.status, a.shown(media), len(r.body))
	}
	line := fmt.Sprintf("%d %s", r.status, spell(shape, ""))
	words := []string{
		r.text("error"), r.text("error_description"), r.text("error", "code"), r.text("error", "description"),
		r.text("error", "title"), r.text("error", "message"),
	}
	if list := r.list("errors"); len(list) > 0 {
		first, _ := list[0].(map[string]any)
		code, _ := first["code"].(string)
		title, _ := first["title"].(string)
		words = append(words, code, title)
	}
	words = slices.DeleteFunc(words, func(word string) bool { return word == "" })
	if len(words) > 0 {
		line += " (" + a.shown(strings.Join(words, ", ")) + ")"
	}
	return line
}

// shown is what another program said, in one line and without credentials.
func (a *api) shown(text string) string {
	if redact.Contains(text, a.secrets...) {
		return "withheld, it repeats a credential"
	}
	return redact.Line(text)
}
