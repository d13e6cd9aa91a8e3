package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/doctor"
	"github.com/sunco-go/sunco/sqlstore"
)

// result is what one look found.
type result struct {
	who      string // an app id, an unfinished installation, or the store
	findings []doctor.Finding
	err      error // it could not be looked at
}

// one looks at one customer and at the store.
func (r *report) one(ctx context.Context, c *doctor.Checkup) error {
	in, err := c.Store.Get(ctx, r.appID)
	if _, sealed := errors.AsType[*sqlstore.SealError](err); err != nil && !sealed {
		return err
	}
	if in == nil && err == nil {
		return fmt.Errorf("no installation of app %q is stored", r.appID)
	}
	c.ConversationID = r.conversationID
	r.look(ctx, c, r.appID, in) // a row that does not open is a finding about the store
	return nil
}

// all looks at the store, and then at every customer.
func (r *report) all(ctx context.Context, c *doctor.Checkup) error {
	r.look(ctx, c, "store", nil)
	customers := &doctor.Checkup{Client: c.Client}
	var looks sync.WaitGroup
	defer looks.Wait()
	slots := make(chan struct{}, 10)
	pace := time.NewTicker(100 * time.Millisecond)
	defer pace.Stop()
	for _, rows := range []iter.Seq2[*sunco.Installation, error]{c.Store.All(ctx), c.Store.Unfinished(ctx)} {
		for in, err := range rows {
			if _, sealed := errors.AsType[*sqlstore.SealError](err); sealed {
				continue // a finding about the store
			}
			if err != nil {
				return err
			}
			slots <- struct{}{}
			looks.Go(func() {
				defer func() { <-slots }()
				r.look(ctx, customers, cmp.Or(in.AppID, "unfinished "+in.Generation()), in)
			})
			select {
			case <-pace.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// look adds a result.
func (r *report) look(ctx context.Context, c *doctor.Checkup, who string, in *sunco.Installation) {
	found, err := c.Check(ctx, in)
	r.mu.Lock()
	defer r.mu.Unlock()
	if in != nil {
		r.names.know(in.Subdomain)
	}
	r.results = append(r.results, result{who, found, err})
	if r.appID == "" {
		fmt.Fprintf(r.progress, "\rdoctor: %d looked at", len(r.results))
	}
}
