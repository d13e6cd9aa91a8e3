package sunco_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

func TestRevoke(t *testing.T) {
	lost := step{err: errors.New("lost")}
	alive, dead := step{status: 200, body: tokenInfoReply}, step{status: 401}
	for name, tc := range map[string]struct {
		steps   []step
		want    error
		unknown bool
	}{
		"done":                           {[]step{{status: 200, body: "{}"}}, nil, false},
		"done, empty":                    {[]step{{status: 200}}, nil, false},
		"401 first, dead at the bridge":  {[]step{{status: 401}, {status: 401}}, nil, false},
		"401 first, alive at the bridge": {[]step{{status: 401}, alive}, sunco.ErrUnauthorized, false},
		"401 first, bridge 503": {
			[]step{{status: 401}, {status: 503}, {status: 503}, {status: 503}, {status: 503}},
			sunco.ErrUnauthorized, true,
		},
		"401 first, bridge 403": {
			[]step{{status: 401}, {status: 403, body: errorBody}}, sunco.ErrForbidden, true,
		},
		"401 first, bridge 404": {
			[]step{{status: 401}, {status: 404, body: errorBody}}, sunco.ErrNotFound, true,
		},
		"401 first, bridge redirects": {[]step{{status: 401}, {status: 302}}, sunco.ErrUnauthorized, true},
		"401 first, bridge 401 page": {
			[]step{{status: 401}, {status: 401, body: "<html>"}}, sunco.ErrUnauthorized, true,
		},
		"401 first, bridge HTML": {
			[]step{{status: 401}, {status: 200, body: "<html>"}}, sunco.ErrBadReply, true,
		},
		"401 first, bridge lost": {
			[]step{{status: 401}, lost, lost, lost, lost}, sunco.ErrUnauthorized, true,
		},
		"403 first":                 {[]step{{status: 403}}, sunco.ErrForbidden, false},
		"404 first":                 {[]step{{status: 404, body: errorBody}}, sunco.ErrNotFound, false},
		"404 first, moved":          {[]step{{status: 404, body: "<html>"}}, sunco.ErrMoved, false},
		"redirect":                  {[]step{{status: 302}}, errAny, false},
		"lost, then 401, dead":      {[]step{lost, {status: 401}, dead}, nil, false},
		"lost, then 401 page, dead": {[]step{lost, {status: 401, body: "<html>"}, dead}, nil, false},
		"lost, then 403, dead":      {[]step{lost, {status: 403}, dead}, nil, false},
		"lost, then 404, dead":      {[]step{lost, {status: 404}, dead}, nil, false},
		"502, then 404 page, dead":  {[]step{{status: 502}, {status: 404, body: "<html>"}, dead}, nil, false},
		"502, then 404 page, alive": {
			[]step{{status: 502}, {status: 404, body: "<html>"}, alive}, sunco.ErrMoved, false,
		},
		"502, then 404, alive": {
			[]step{{status: 502}, {status: 404, body: errorBody}, alive}, sunco.ErrNotFound, false,
		},
		"502, then 404, bridge's page": {
			[]step{{status: 502}, {status: 404}, {status: 401, body: "<html>"}}, sunco.ErrNotFound, true,
		},
		"500, then 401, dead": {[]step{{status: 500}, {status: 401}, dead}, nil, false},
		"500, then 401, alive": {
			[]step{{status: 500}, {status: 401}, alive}, sunco.ErrUnauthorized, false,
		},
		"lost, 429, then 401, dead": {[]step{lost, {status: 429}, {status: 401}, dead}, nil, false},
		"429, then 404": {
			[]step{{status: 429}, {status: 404, body: errorBody}}, sunco.ErrNotFound, false,
		},
		"408, then 403": {[]step{{status: 408}, {status: 403}}, sunco.ErrForbidden, false},
		"429, then 401, alive": {
			[]step{{status: 429}, {status: 401}, alive}, sunco.ErrUnauthorized, false,
		},
		"lost, then 400, alive": {[]step{lost, {status: 400}, alive}, errAny, false},
		"lost, then 400, dead":  {[]step{lost, {status: 400}, dead}, nil, false},
		"always lost":           {[]step{lost, lost, lost, lost}, errAny, true},
		"always 500": {
			[]step{{status: 500}, {status: 500}, {status: 500}, {status: 500}}, errAny, true,
		},
		"error inside": {[]step{{status: 200, body: `{"error":"x"}`}}, sunco.ErrBadReply, false},
		"HTML":         {[]step{{status: 200, body: "<html>"}}, sunco.ErrBadReply, false},
	} {
		inBubble(t, name, func(t *testing.T) {
			w := script(t, tc.steps...)
			err := newClient(w).Revoke(t.Context(), acme())
			if tc.want == errAny {
				require.Error(t, err)
			} else {
				assert.ErrorIs(t, err, tc.want)
			}
			assert.Equal(t, tc.unknown, ambiguous(err))
			assert.Equal(t, len(tc.steps), w.count())
			for _, r := range w.requests() {
				switch {
				case r.Method == "DELETE":
					assert.Equal(t, acmeBase+"/oauth/authorization", r.URL)
				default:
					assert.Equal(t, "GET "+bridgeBase+"/v2/tokenInfo", r.line(), "asked at the bridge")
				}
				assert.Equal(t, digest("Bearer "+testToken), digest(r.Header.Get("Authorization")))
				assert.False(t, strings.Contains(r.Body, testToken))
			}
		})
	}
}

var errAny = errors.New("any error")
