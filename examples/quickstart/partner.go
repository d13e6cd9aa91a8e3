package main

import (
	"context"
	"net/http"
	"sync"

	"github.com/sunco-go/sunco"
)

// partner is the server side of a partner that stores one customer at most.
type partner struct {
	mu      sync.Mutex
	stored  *sunco.Installation
	removed chan string
	removal sunco.RemovalHandler
}

func newPartner(client *sunco.Client) *partner {
	p := &partner{removed: make(chan string, 1)}
	p.removal = sunco.RemovalHandler{Client: client, Lookup: p.lookup, OnRemoved: p.delete}
	return p
}

// handler answers at the webhook's target and at the remove URL.
func (p *partner) handler() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/zendesk/events", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK) // Zendesk asks with HEAD whether somebody is there
	})
	mux.Handle("/zendesk/removed", &p.removal)
	return mux
}

func (p *partner) keep(in *sunco.Installation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stored = in
}

func (p *partner) lookup(_ context.Context, appID string) (*sunco.Installation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stored == nil || p.stored.AppID != appID {
		return nil, nil
	}
	return p.stored, nil
}

// delete compares the generation: the customer may have installed again.
func (p *partner) delete(_ context.Context, in *sunco.Installation) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stored != nil && p.stored.Generation() == in.Generation() {
		p.stored = nil
		p.removed <- in.AppID
	}
	return nil
}
