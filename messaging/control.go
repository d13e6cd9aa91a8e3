package messaging

import (
	"context"
	"net/http"

	"github.com/sunco-go/sunco"
)

// The targets of [App.PassControl] and [App.OfferControl]. The id, the name or
// the type of a switchboard integration is a target, too.
const (
	AgentWorkspace = "zd-agentWorkspace" // Zendesk's human agents
	Next           = "next"              // the next integration in the customer's switchboard
)

// PassControl gives control of a conversation to a switchboard integration,
// which answers from then on. AgentWorkspace hands off to a human agent;
// first_message_id in the metadata then says where the history on the ticket
// begins. It is tried again after a lost answer.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/PassControl
func (a App) PassControl(ctx context.Context, id, to string, metadata Metadata) error {
	return a.control(ctx, id, "passControl", &sunco.Call{Op: "pass control", Repeat: true}, &to, metadata)
}

// ReleaseControl gives up control of a conversation. Then no integration is in
// control. Zendesk refuses the call if the integration is not in control.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/ReleaseControl
func (a App) ReleaseControl(ctx context.Context, id string, metadata Metadata) error {
	return a.control(ctx, id, "releaseControl", &sunco.Call{Op: "release control"}, nil, metadata)
}

// OfferControl offers control of a conversation to a switchboard integration,
// which may accept it. An earlier offer ends.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/OfferControl
func (a App) OfferControl(ctx context.Context, id, to string, metadata Metadata) error {
	return a.control(ctx, id, "offerControl", &sunco.Call{Op: "offer control"}, &to, metadata)
}

// AcceptControl accepts the control that was offered. Zendesk refuses the call
// if the integration was not offered control.
//
// https://developer.zendesk.com/api-reference/conversations/#operation/AcceptControl
func (a App) AcceptControl(ctx context.Context, id string, metadata Metadata) error {
	return a.control(ctx, id, "acceptControl", &sunco.Call{Op: "accept control"}, nil, metadata)
}

func (a App) control(
	ctx context.Context, id, action string, call *sunco.Call, to *string, metadata Metadata,
) error {
	l := new(limits)
	l.id("conversation id", id)
	if to != nil {
		l.text("switchboardIntegration", *to, 1, unlimited)
	}
	l.metadata("metadata", metadata)
	call.Method, call.Path = http.MethodPost, "/conversations/"+id+"/"+action
	call.Body = struct {
		SwitchboardIntegration *string  `json:"switchboardIntegration,omitzero"`
		Metadata               Metadata `json:"metadata,omitzero"`
	}{to, metadata}
	return a.do(ctx, l, call)
}
