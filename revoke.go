package sunco

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/sunco-go/sunco/internal/transport"
)

const opRevoke = "revoke"

// Revoke gives the access to a customer's app back: the token dies, the
// integration's webhooks are deleted, and Zendesk calls the remove URL, just
// as when the customer removes the integration. There is no way back but a
// new installation. Never revoke an older token of an app to clean up: this
// removes the integration, whichever token asks for it.
//
// Nil means that the access is gone: delete what is stored, or leave it to the
// [RemovalHandler] that Zendesk now calls. Calling it again is safe: a 401 is
// confirmed with token info, and a token that is dead counts as revoked. When
// that cannot be told, the error is an [*AmbiguousError]; call again. A first
// 404 is an error: the host may have moved, see [Client.Locate].
//
// https://developer.zendesk.com/api-reference/conversations/#operation/RevokeAccess
func (c *Client) Revoke(ctx context.Context, in *Installation) error {
	k, core, err := c.tenantCall(in)
	if err != nil {
		return err
	}
	k.Class, k.Op, k.Method = transport.Revoke, opRevoke, http.MethodDelete
	k.URL.Path += "/oauth/authorization"
	k.gone = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}
	err = core.do(ctx, k, nil)
	if !errors.Is(err, ErrUnauthorized) {
		return err
	}
	_, alive := c.TokenInfo(ctx, in.Token)
	switch {
	case errors.Is(alive, ErrUnauthorized):
		return nil
	case alive == nil:
		return err // the token lives: the host refused it for another reason
	}
	return &AmbiguousError{Op: opRevoke, Err: fmt.Errorf("%w; %w", err, alive)}
}
