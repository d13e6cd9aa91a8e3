package messaging

import (
	"context"
	"net/http"
	"net/url"
	"reflect"
	"time"

	"github.com/sunco-go/sunco"
)

const (
	maxBrand      = 24
	maxLocale     = 64
	maxExternalID = 1024
)

// User is a person who talks to the business. A field is zero when its member
// is absent or has another type. Events name a user's ids only, unless their
// webhook has [sunco.Webhook.IncludeFullUser].
type User struct {
	ID             string     `json:"id,omitzero"`
	Authenticated  bool       `json:"authenticated,omitzero"`
	ExternalID     string     `json:"externalId,omitzero"` // the partner's or the customer's
	ZendeskID      string     `json:"zendeskId,omitzero"`  // of the user in Zendesk Support
	BrandID        string     `json:"brandId,omitzero"`    // of a user who belongs to one brand
	SignedUpAt     time.Time  `json:"signedUpAt,omitzero"`
	ToBeRetained   bool       `json:"toBeRetained,omitzero"`
	HasPaymentInfo bool       `json:"hasPaymentInfo,omitzero"`
	Profile        Profile    `json:"profile,omitzero"`
	Metadata       Metadata   `json:"metadata,omitzero"`
	Identities     []Identity `json:"identities,omitzero"`

	raw []byte
}

// Raw returns the user as Zendesk sent it. Do not modify it. It is nil for a
// user that was not received.
func (u *User) Raw() []byte { return u.raw }

// UnmarshalJSON implements [encoding/json.Unmarshaler]. It never fails.
func (u *User) UnmarshalJSON(value []byte) error {
	type fields User
	*u = User{raw: object(value)}
	decode(u.raw, (*fields)(u))
	return nil
}

// Profile is what is known about a user.
type Profile struct {
	GivenName    string `json:"givenName,omitzero"`    // at most 128 characters
	Surname      string `json:"surname,omitzero"`      // at most 128 characters
	Email        string `json:"email,omitzero"`        // at most 128 characters; see Identity for verified ones
	AvatarURL    string `json:"avatarUrl,omitzero"`    // at most 2048 characters
	Locale       string `json:"locale,omitzero"`       // BCP 47: "fr-CA"; at most 64 characters
	LocaleOrigin string `json:"localeOrigin,omitzero"` // how the locale became known; not sent
}

// Identity is something by which a user is known, such as an e-mail address.
type Identity struct {
	Type         string `json:"type,omitzero"` // "email"
	Value        string `json:"value,omitzero"`
	Verification string `json:"verification,omitzero"` // how it was verified
}

// UserCreate is a user to create.
type UserCreate struct {
	ExternalID   string    `json:"externalId,omitzero"` // at most 1024 characters
	BrandID      string    `json:"brandId,omitzero"`    // of a user who belongs to one brand
	SignedUpAt   time.Time `json:"signedUpAt,omitzero"`
	ToBeRetained *bool     `json:"toBeRetained,omitzero"`
	Profile      Profile   `json:"profile,omitzero"`
	Metadata     Metadata  `json:"metadata,omitzero"`
}

// UserUpdate is what to change about a user. A zero field changes nothing; one
// at least must not be zero.
type UserUpdate struct {
	SignedUpAt   time.Time          `json:"signedUpAt,omitzero"`
	ToBeRetained *bool              `json:"toBeRetained,omitzero"`
	Profile      ProfileUpdate      `json:"profile,omitzero"`
	Metadata     Nullable[Metadata] `json:"metadata,omitzero"`
}

// ProfileUpdate is what to change about a profile. The limits are those of
// [Profile].
type ProfileUpdate struct {
	GivenName Nullable[string] `json:"givenName,omitzero"`
	Surname   Nullable[string] `json:"surname,omitzero"`
	Email     Nullable[string] `json:"email,omitzero"`
	AvatarURL Nullable[string] `json:"avatarUrl,omitzero"`
	Locale    Nullable[string] `json:"locale,omitzero"`
}

// moment writes a time as Zendesk asks for it, and nothing for the zero time.
func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}

func (p *Profile) check(l *limits, name string) {
	l.text(name+".givenName", p.GivenName, 0, maxLine)
	l.text(name+".surname", p.Surname, 0, maxLine)
	l.text(name+".email", p.Email, 0, maxLine)
	l.text(name+".avatarUrl", p.AvatarURL, 0, maxURL)
	l.text(name+".locale", p.Locale, 0, maxLocale)
}

func (p *ProfileUpdate) check(l *limits, name string) {
	l.nullable(name+".givenName", p.GivenName, maxLine)
	l.nullable(name+".surname", p.Surname, maxLine)
	l.nullable(name+".email", p.Email, maxLine)
	l.nullable(name+".avatarUrl", p.AvatarURL, maxURL)
	l.nullable(name+".locale", p.Locale, maxLocale)
}

// CreateUser creates a user. Status 409 says that a user with this external id
// exists. After a [*sunco.AmbiguousError], get the user by the external id.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/CreateUser
func (a App) CreateUser(ctx context.Context, user UserCreate) (*User, error) {
	l := new(limits)
	l.text("externalId", user.ExternalID, 0, maxExternalID)
	l.text("brandId", user.BrandID, 0, maxBrand)
	user.Profile.check(l, "profile")
	user.Profile.LocaleOrigin = ""
	l.metadata("metadata", user.Metadata)
	body := struct {
		UserCreate
		SignedUpAt string `json:"signedUpAt,omitzero"`
	}{user, moment(user.SignedUpAt)}
	return a.user(ctx, l, &sunco.Call{Op: "create user", Method: http.MethodPost, Path: "/users", Body: body})
}

// ListUsers returns the users that have an e-mail address among their
// identities. The address in a profile does not count.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/ListUsers
func (a App) ListUsers(ctx context.Context, email string) ([]*User, error) {
	l := new(limits)
	l.text("email", email, 1, unlimited)
	query := url.Values{"filter[identities.email]": {email}}
	if a.BrandID != "" {
		query.Set("brandId", a.BrandID)
	}
	call := &sunco.Call{Op: "list users", Path: "/users", Query: query}
	got, err := a.call(ctx, l, call)
	if err != nil {
		return nil, err
	}
	return some(got.Users, call, "users")
}

// GetUser returns a user.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/GetUser
func (a App) GetUser(ctx context.Context, user string) (*User, error) {
	l := new(limits)
	return a.user(ctx, l, &sunco.Call{Op: "get user", Path: l.user(user), Query: a.brand()})
}

// UpdateUser changes a user and returns the changed user.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/UpdateUser
func (a App) UpdateUser(ctx context.Context, user string, update UserUpdate) (*User, error) {
	l := new(limits)
	path := l.user(user)
	if reflect.ValueOf(update).IsZero() {
		l.refuse("user update", "changes nothing")
	}
	update.Profile.check(l, "profile")
	l.metadata("metadata", update.Metadata.value)
	body := struct {
		UserUpdate
		SignedUpAt string `json:"signedUpAt,omitzero"`
	}{update, moment(update.SignedUpAt)}
	return a.user(ctx, l, &sunco.Call{
		Op: "update user", Method: http.MethodPatch, Path: path, Query: a.brand(), Body: body,
	})
}

// DeleteUser deletes a user with the user's clients and conversations. The
// deletion takes a while; the event user:remove says that it is done.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/DeleteUser
func (a App) DeleteUser(ctx context.Context, user string) error {
	l := new(limits)
	return a.do(ctx, l, &sunco.Call{
		Op: "delete user", Method: http.MethodDelete, Path: l.user(user), Query: a.brand(),
	})
}

// DeleteUserPersonalInformation removes the personal data in a user's profile,
// metadata and clients. The conversations stay.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/DeleteUserPersonalInformation
func (a App) DeleteUserPersonalInformation(ctx context.Context, user string) (*User, error) {
	l := new(limits)
	return a.user(ctx, l, &sunco.Call{
		Op: "delete user personal information", Method: http.MethodDelete,
		Path: l.user(user) + "/personalinformation", Query: a.brand(),
	})
}

// SyncUser updates a user from the Zendesk Support user with the id zendeskID.
// If Zendesk Support merged that user into another one, pass the id of the
// other as survivingZendeskID, and the users are merged here, too. If it is
// empty, no users are merged.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/SyncUser
func (a App) SyncUser(ctx context.Context, zendeskID, survivingZendeskID string) (*User, error) {
	l := new(limits)
	l.id("zendesk id", zendeskID)
	if survivingZendeskID != "" {
		l.id("surviving zendesk id", survivingZendeskID)
	}
	type body struct {
		SurvivingZendeskID string `json:"survivingZendeskId,omitzero"`
	}
	return a.user(ctx, l, &sunco.Call{
		Op: "sync user", Method: http.MethodPost, Path: "/users/" + zendeskID + "/sync", Body: body{survivingZendeskID},
	})
}

// user makes a call whose reply carries a user.
func (a App) user(ctx context.Context, l *limits, call *sunco.Call) (*User, error) {
	got, err := a.call(ctx, l, call)
	if err != nil {
		return nil, err
	}
	return one(got.User, call, "user")
}
