package sunco

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/sunco-go/sunco/internal/transport"
)

// Trusts asks the last line of defence about a URL.
func Trusts(t *testing.T, domain, raw string) bool {
	t.Helper()
	realm, err := newRealm(domain)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return realm.trusts(u)
}

// CallHost makes a call with a base URL that no exported function would build.
func CallHost(ctx context.Context, c *Client, token Token, base string) error {
	core, err := c.core()
	if err != nil {
		return err
	}
	u, err := url.Parse(base)
	if err != nil {
		return err
	}
	call := transport.Call{Class: transport.Read, Op: "test", Method: http.MethodGet, URL: *u}
	return core.do(ctx, &request{token: token, Call: call})
}
