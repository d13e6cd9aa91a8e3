package sunco

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/sunco-go/sunco/internal/transport"
)

const opRevoke = "revoke"

// Revoke gives the access to a customer's app back. The token dies, Zendesk
// deletes the integration's webhooks and calls the remove URL, as when the
// customer removes the integration; only a new installation restores the access.
// Never revoke an older token of an app to clean up: that removes the
// integration, whichever token asks for it.
//
// Nil means that the access is gone: delete what is stored, or leave it to the
// [RemovalHandler] that Zendesk calls. Calling Revoke again is safe. When the
// host refuses the token, or the answer to an attempt was lost, Revoke asks token
// info: a token that it refuses with [ErrUnauthorized] counts as revoked, because
// you asked for that, a living one gets the refusal as the error, and an
// [*AmbiguousError] says that token info did not settle it.
// [ErrMoved] says that the subdomain may have been renamed, see [Client.Locate].
//
// https://developer.zendesk.com/api-reference/conversations/#operation/RevokeAccess
func (c *Client) Revoke(ctx context.Context, in *Installation) error {
	r, core, err := c.tenantRequest(in)
	if err != nil {
		return err
	}
	r.Class, r.Op, r.Method = transport.Repeat, opRevoke, http.MethodDelete
	r.URL.Path += "/oauth/authorization"
	err = core.do(ctx, r)
	refused, ok := err.(*Error)
	if !ok || refused.Err != nil || refused.Status/100 != 4 ||
		refused.Status != http.StatusUnauthorized && !r.reply.MaybeApplied {
		return err
	}
	_, alive := c.TokenInfo(ctx, in.Token)
	switch {
	case alive == nil:
		return err // the host refused it for another reason
	case errors.Is(alive, ErrUnauthorized):
		return nil
	default:
		return &AmbiguousError{Op: opRevoke, Err: fmt.Errorf("%w; %w", err, alive), repeat: true}
	}
}
