package messaging

import (
	"context"
	"net/http"

	"github.com/sunco-go/sunco"
)

// Activity says that the business or a user is typing or has read a
// conversation. The zero Author is the business. If the Author is a user, only
// ActivityRead can be sent.
type Activity struct {
	Type   string `json:"type"` // one of the Activity constants
	Author Author `json:"author"`
	Source Source `json:"source,omitzero"` // in events; not sent
}

// The types of an [Activity].
const (
	ActivityRead        = "conversation:read"
	ActivityTypingStart = "typing:start"
	ActivityTypingStop  = "typing:stop"
)

// PostActivity shows that the business is typing or has read a conversation,
// or that a user has read it. It is tried again after a lost answer.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/PostActivity
func (a App) PostActivity(ctx context.Context, id string, activity Activity) error {
	l := new(limits)
	l.id("conversation id", id)
	l.text("type", activity.Type, 1, unlimited)
	activity.Author = activity.Author.sent(l, "author")
	activity.Source = Source{}
	return a.do(ctx, l, &sunco.Call{
		Op: "post activity", Method: http.MethodPost, Path: "/conversations/" + id + "/activity", Body: activity,
		Repeat: true,
	})
}
