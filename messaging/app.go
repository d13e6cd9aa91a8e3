package messaging

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"

	"github.com/sunco-go/sunco"
)

// App makes the calls for one customer. Make one wherever you need it:
//
//	app := messaging.App{Client: client, Installation: in}
//
// Where a method takes a user, it takes the user's id or external id.
//
// The errors are those of [sunco.Client.Do]. The limits that Zendesk documents
// are checked before anything is sent; a [*sunco.InputError] then names the field
// by its path in the JSON, such as "content.items[2].actions[0].text".
type App struct {
	Client       *sunco.Client
	Installation *sunco.Installation

	// BrandID is the brand of the user that a method is about. It is needed with
	// the external id of a user who belongs to one brand. Empty: none.
	BrandID string
}

// reply is what a call brought: the one thing or the list that it is about.
type reply struct {
	User             *User             `json:"user"`
	Users            []*User           `json:"users"`
	Client           *Client           `json:"client"`
	Clients          []*Client         `json:"clients"`
	Device           *Device           `json:"device"`
	Devices          []*Device         `json:"devices"`
	Conversation     *Conversation     `json:"conversation"`
	Conversations    []*Conversation   `json:"conversations"`
	Participant      *Participant      `json:"participant"`
	Participants     []*Participant    `json:"participants"`
	Messages         []*Message        `json:"messages"`
	Attachment       *Attachment       `json:"attachment"`
	ConversionEvents *ConversionResult `json:"conversionEvents"`
	Meta             struct {
		HasMore      bool   `json:"hasMore"`
		AfterCursor  string `json:"afterCursor"`
		BeforeCursor string `json:"beforeCursor"`
	} `json:"meta"`
}

// UnmarshalJSON is what makes reading a reply lenient.
func (r *reply) UnmarshalJSON(value []byte) error {
	type fields reply
	decode(value, (*fields)(r))
	return nil
}

// call makes a call that keeps the limits, and returns its reply.
func (a App) call(ctx context.Context, l *limits, call *sunco.Call) (*reply, error) {
	if err := l.err(); err != nil {
		return nil, err
	}
	got := new(reply)
	call.Out = got
	if err := a.Client.Do(ctx, a.Installation, call); err != nil {
		return nil, err
	}
	return got, nil
}

// do makes a call whose reply says nothing.
func (a App) do(ctx context.Context, l *limits, call *sunco.Call) error {
	if err := l.err(); err != nil {
		return err
	}
	return a.Client.Do(ctx, a.Installation, call)
}

// brand returns the query of a call about a user.
func (a App) brand() url.Values {
	if a.BrandID == "" {
		return nil
	}
	return url.Values{"brandId": {a.BrandID}}
}

// one returns what a reply carries, or an error if it carries nothing.
func one[T any](got *T, call *sunco.Call, name string) (*T, error) {
	if isEmpty(got) {
		return nil, missing(call, name)
	}
	return got, nil
}

// some returns the list that a reply carries, without empty elements, or an
// error if it carries no list.
func some[T any](got []*T, call *sunco.Call, name string) ([]*T, error) {
	if got == nil {
		return nil, missing(call, name)
	}
	return slices.DeleteFunc(got, isEmpty), nil
}

// isEmpty reports whether a reply has nothing where a thing is expected: null,
// another type, or an object without a member that is known.
func isEmpty[T any](got *T) bool { return got == nil || reflect.ValueOf(got).Elem().IsZero() }

// missing is the error of a reply that does not carry what it should. What a
// POST made then cannot be named, and making it again makes two.
func missing(call *sunco.Call, name string) error {
	err := error(&sunco.Error{Op: call.Op, Err: fmt.Errorf("%w: it carries no %s", sunco.ErrBadReply, name)})
	if call.Method == http.MethodPost {
		return &sunco.AmbiguousError{Op: call.Op, Err: err}
	}
	return err
}
