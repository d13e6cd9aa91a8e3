package messaging

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"reflect"
	"time"

	"github.com/sunco-go/sunco"
)

// Conversation is a conversation of one user or of several. A field is zero
// when its member is absent or has another type; events leave many out.
type Conversation struct {
	ID          string   `json:"id,omitzero"`
	Type        string   `json:"type,omitzero"` // ConversationPersonal or ConversationGroup
	BrandID     string   `json:"brandId,omitzero"`
	Metadata    Metadata `json:"metadata,omitzero"`
	IsDefault   bool     `json:"isDefault,omitzero"` // the user's first personal conversation
	DisplayName string   `json:"displayName,omitzero"`
	Description string   `json:"description,omitzero"`
	IconURL     string   `json:"iconUrl,omitzero"`

	// ActiveSwitchboardIntegration is in control of the conversation: it
	// answers, and the others are silent. Nil: no integration is in control.
	ActiveSwitchboardIntegration *SwitchboardIntegration `json:"activeSwitchboardIntegration,omitzero"`

	// PendingSwitchboardIntegration was offered control. Nil: none was.
	PendingSwitchboardIntegration *SwitchboardIntegration `json:"pendingSwitchboardIntegration,omitzero"`

	BusinessLastRead time.Time `json:"businessLastRead,omitzero"`
	LastUpdatedAt    time.Time `json:"lastUpdatedAt,omitzero"` // when the last message came, or CreatedAt
	CreatedAt        time.Time `json:"createdAt,omitzero"`

	raw []byte
}

// Raw returns the conversation as Zendesk sent it. Do not modify it. It is nil
// for a conversation that was not received.
func (c *Conversation) Raw() []byte { return c.raw }

// UnmarshalJSON implements [encoding/json.Unmarshaler]. It never fails.
func (c *Conversation) UnmarshalJSON(value []byte) error {
	type fields Conversation
	*c = Conversation{raw: object(value)}
	decode(c.raw, (*fields)(c))
	return nil
}

// The types of a [Conversation].
const (
	ConversationPersonal = "personal" // of one user
	ConversationGroup    = "sdkGroup" // of several users of SDKs
)

// SwitchboardIntegration is a bot or the Agent Workspace, which control a
// conversation in turns. Control is passed to its ID, Name or IntegrationType.
type SwitchboardIntegration struct {
	ID              string `json:"id,omitzero"`
	Name            string `json:"name,omitzero"`
	IntegrationID   string `json:"integrationId,omitzero"`
	IntegrationType string `json:"integrationType,omitzero"` // of a bot: its client id
}

// ConversationCreate is a conversation to create.
type ConversationCreate struct {
	Type         string   `json:"type"`                  // ConversationPersonal or ConversationGroup
	Participants []Join   `json:"participants,omitzero"` // exactly 1 in a personal conversation, at most 10 in a group
	DisplayName  string   `json:"displayName,omitzero"`  // at most 100 characters
	Description  string   `json:"description,omitzero"`  // at most 100 characters
	IconURL      string   `json:"iconUrl,omitzero"`      // at most 2048 characters
	Metadata     Metadata `json:"metadata,omitzero"`
}

// ConversationUpdate is what to change about a conversation. A zero field
// changes nothing; one at least must not be zero. The limits are those of
// [ConversationCreate]. Whether metadata is merged or replaced is not
// documented.
type ConversationUpdate struct {
	DisplayName Nullable[string]   `json:"displayName,omitzero"`
	Description Nullable[string]   `json:"description,omitzero"`
	IconURL     Nullable[string]   `json:"iconUrl,omitzero"`
	Metadata    Nullable[Metadata] `json:"metadata,omitzero"`
}

// Participant is a user in a conversation.
type Participant struct {
	ID                 string              `json:"id,omitzero"`
	UserID             string              `json:"userId,omitzero"`
	UserExternalID     string              `json:"userExternalId,omitzero"`
	UnreadCount        int                 `json:"unreadCount,omitzero"`
	ClientAssociations []ClientAssociation `json:"clientAssociations,omitzero"` // the latest first
	LastRead           time.Time           `json:"lastRead,omitzero"`
}

// ClientAssociation is a client through which a participant takes part.
type ClientAssociation struct {
	Type     string `json:"type,omitzero"` // one of the Channel constants
	ClientID string `json:"clientId,omitzero"`
}

// Person names a user: exactly one of the fields is set.
type Person struct {
	UserID         string `json:"userId,omitzero"`
	UserExternalID string `json:"userExternalId,omitzero"`
}

// Join names a user who joins a conversation.
type Join struct {
	Person
	SubscribeSDKClient *bool `json:"subscribeSDKClient,omitzero"` // needed in groups; true: with push notifications
}

// Leaver names a user who leaves a conversation: exactly one of the fields is
// set.
type Leaver struct {
	Person
	ParticipantID string `json:"participantId,omitzero"`
}

func (p Person) check(l *limits, name string) {
	if (p.UserID == "") == (p.UserExternalID == "") {
		l.refuse(name, "exactly one of userId and userExternalId is needed")
	}
}

// CreateConversation creates a conversation.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/CreateConversation
func (a App) CreateConversation(ctx context.Context, create ConversationCreate) (*Conversation, error) {
	l := new(limits)
	l.text("type", create.Type, 1, unlimited)
	switch create.Type {
	case ConversationPersonal:
		l.count("participants", len(create.Participants), 1, 1)
	default:
		l.count("participants", len(create.Participants), 0, 10)
	}
	for i, p := range create.Participants {
		p.check(l, fmt.Sprintf("participants[%d]", i))
	}
	l.text("displayName", create.DisplayName, 0, maxName)
	l.text("description", create.Description, 0, maxName)
	l.text("iconUrl", create.IconURL, 0, maxURL)
	l.metadata("metadata", create.Metadata)
	return a.conversation(ctx, l, &sunco.Call{
		Op: "create conversation", Method: http.MethodPost, Path: "/conversations", Body: create,
	})
}

// ListConversations returns a page of a user's conversations.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/ListConversations
func (a App) ListConversations(ctx context.Context, of Person, at Cursor) (*Page[*Conversation], error) {
	l := new(limits)
	of.check(l, "filter")
	query := url.Values{"filter[userExternalId]": {of.UserExternalID}}
	if of.UserID != "" {
		query = url.Values{"filter[userId]": {of.UserID}}
	}
	call := &sunco.Call{Op: opListConversations, Path: "/conversations", Query: at.query(l, query)}
	got, err := a.call(ctx, l, call)
	if err != nil {
		return nil, err
	}
	return page(got, got.Conversations, call, "conversations")
}

// Conversations ranges over all conversations of a user. It ends after the
// first error.
func (a App) Conversations(ctx context.Context, of Person) iter.Seq2[*Conversation, error] {
	return forward(opListConversations, func(at Cursor) (*Page[*Conversation], error) {
		return a.ListConversations(ctx, of, at)
	})
}

// GetConversation returns a conversation, with the integration that is in
// control.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/GetConversation
func (a App) GetConversation(ctx context.Context, id string) (*Conversation, error) {
	l := new(limits)
	l.id("conversation id", id)
	return a.conversation(ctx, l, &sunco.Call{Op: "get conversation", Path: "/conversations/" + id})
}

// UpdateConversation changes a conversation and returns the changed
// conversation.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/UpdateConversation
func (a App) UpdateConversation(ctx context.Context, id string, update ConversationUpdate) (*Conversation, error) {
	l := new(limits)
	l.id("conversation id", id)
	if reflect.ValueOf(update).IsZero() {
		l.refuse("conversation update", "changes nothing")
	}
	l.nullable("displayName", update.DisplayName, maxName)
	l.nullable("description", update.Description, maxName)
	l.nullable("iconUrl", update.IconURL, maxURL)
	l.metadata("metadata", update.Metadata.value)
	return a.conversation(ctx, l, &sunco.Call{
		Op: "update conversation", Method: http.MethodPatch, Path: "/conversations/" + id, Body: update,
	})
}

// DeleteConversation deletes a conversation with its messages and attachments.
// A user's default conversation cannot be deleted; see [App.DeleteAllMessages].
//
// https://developer.zendesk.com/api-reference/conversations/#operation/DeleteConversation
func (a App) DeleteConversation(ctx context.Context, id string) error {
	l := new(limits)
	l.id("conversation id", id)
	return a.do(ctx, l, &sunco.Call{
		Op: "delete conversation", Method: http.MethodDelete, Path: "/conversations/" + id,
	})
}

// JoinConversation adds a user to a group conversation.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/JoinConversation
func (a App) JoinConversation(ctx context.Context, id string, join Join) (*Participant, error) {
	l := new(limits)
	l.id("conversation id", id)
	join.check(l, "participant")
	call := &sunco.Call{
		Op: "join conversation", Method: http.MethodPost, Path: "/conversations/" + id + "/join", Body: join,
	}
	got, err := a.call(ctx, l, call)
	if err != nil {
		return nil, err
	}
	return one(got.Participant, call, "participant")
}

// ListParticipants returns a page of a conversation's participants.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/ListParticipants
func (a App) ListParticipants(ctx context.Context, id string, at Cursor) (*Page[*Participant], error) {
	l := new(limits)
	l.id("conversation id", id)
	call := &sunco.Call{
		Op: opListParticipants, Path: "/conversations/" + id + "/participants", Query: at.query(l, nil),
	}
	got, err := a.call(ctx, l, call)
	if err != nil {
		return nil, err
	}
	return page(got, got.Participants, call, "participants")
}

// Participants ranges over all participants of a conversation. It ends after
// the first error.
func (a App) Participants(ctx context.Context, id string) iter.Seq2[*Participant, error] {
	return forward(opListParticipants, func(at Cursor) (*Page[*Participant], error) {
		return a.ListParticipants(ctx, id, at)
	})
}

// LeaveConversation removes a user from a conversation.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/LeaveConversation
func (a App) LeaveConversation(ctx context.Context, id string, who Leaver) error {
	l := new(limits)
	l.id("conversation id", id)
	switch {
	case who.ParticipantID == "":
		who.check(l, "participant")
	case who.Person != Person{}:
		l.refuse("participant", "exactly one of userId, userExternalId and participantId is needed")
	}
	return a.do(ctx, l, &sunco.Call{
		Op: "leave conversation", Method: http.MethodPost, Path: "/conversations/" + id + "/leave", Body: who,
	})
}

const (
	opListConversations = "list conversations"
	opListParticipants  = "list participants"
)

// conversation makes a call whose reply carries a conversation.
func (a App) conversation(ctx context.Context, l *limits, call *sunco.Call) (*Conversation, error) {
	got, err := a.call(ctx, l, call)
	if err != nil {
		return nil, err
	}
	return one(got.Conversation, call, "conversation")
}
