package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/messaging"
)

// checkConversation asks who is in control of the conversation.
func (r *run) checkConversation(ctx context.Context) error {
	if r.home == nil || r.ConversationID == "" {
		return nil
	}
	app := messaging.App{Client: r.Client, Installation: r.home}
	conversation, err := app.GetConversation(ctx, r.ConversationID)
	switch {
	case errors.Is(err, sunco.ErrNotFound):
		r.add("no-conversation", fmt.Sprintf("App %s has no conversation %s.", r.home.AppID, r.ConversationID),
			"It belongs to another customer, or it was deleted.",
			"Take the conversation's id from an event of this customer.", err)
		return nil
	case err != nil:
		return r.explain(ctx, err, false)
	}
	active := conversation.ActiveSwitchboardIntegration
	if active == nil || *active == (messaging.SwitchboardIntegration{}) ||
		slices.Contains([]string{active.ID, active.Name, active.IntegrationType}, r.Client.ClientID) {
		return nil
	}
	r.add("not-in-control", fmt.Sprintf("%q is in control of conversation %s.",
		cmp.Or(active.Name, active.IntegrationType), r.ConversationID),
		"The bot is installed, but it is not its turn: another bot or a human agent answers.",
		"An administrator makes the bot the first responder of the channel, in Zendesk's Admin Center. "+
			"After a hand-off the bot has its turn again when the ticket is solved.", nil)
	return nil
}
