package sunco_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/sunco-go/sunco"
)

// deadlines notes the read deadline, as a server's ResponseWriter would take it.
type deadlines struct {
	*httptest.ResponseRecorder
	set time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.set = at
	return nil
}

func TestBodiesThatNobodyReadsHaveADeadline(t *testing.T) {
	installer := newPartner(t).Installer
	removal := newRemovals(t).RemovalHandler
	removal.Keys = []sunco.Secret{sunco.NewSecret("the right key")}
	for name, tc := range map[string]struct {
		handler http.Handler
		request *http.Request
		status  int
	}{
		"removal without its key": {removal, removalRequest(removalBody), 403},
		"install by POST":         {installer, httptest.NewRequest("POST", installURL, strings.NewReader("x")), 405},
		"install with a body":     {installer, httptest.NewRequest("GET", installURL, strings.NewReader("x")), 303},
		"delivery without a key": {&sunco.EventHandler{Lookup: nobody, OnEvent: nothing},
			httptest.NewRequest("POST", "/", strings.NewReader("x")), 401},
	} {
		t.Run(name, func(t *testing.T) {
			w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
			tc.handler.ServeHTTP(w, tc.request)
			assert.Equal(t, tc.status, w.Code)
			assert.WithinDuration(t, time.Now().Add(15*time.Second), w.set, 6*time.Second)
		})
	}
}

func nobody(context.Context, [32]byte) (*sunco.Installation, error)    { return nil, nil }
func nothing(context.Context, *sunco.Installation, *sunco.Event) error { return nil }
