package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/e2e/engine"
	"github.com/sunco-go/sunco/sqlstore"
)

// racer is what a child does at the same time as others, on one database.
type racer struct {
	Process, Processes int    // this one from 1, and all
	Dir                string // of the files that say which conversation is handled
}

const (
	raceFlows         = 100
	raceConversations = 4
	raceMessages      = 20 // in each of them, of each process, and as many of all
	raceApps          = 10
)

// raceToken is what a process has of an app.
func raceToken(app string, process int) *sunco.Installation {
	return &sunco.Installation{
		AppID: app, Subdomain: "acme", Token: sunco.Token{AccessToken: sunco.NewSecret(fmt.Sprint("token ", app, process))},
		Webhooks: []sunco.Webhook{{ID: "hook", Secret: sunco.NewSecret(fmt.Sprint("secret ", app))}},
	}
}

// run does everything at once. When the parent has saved tokens of all processes for each
// app and closes the standard input, run completes its own and deletes the older ones.
func (r *racer) run(o order, e engine.Engine, db *sql.DB) error {
	ctx := context.Background()
	store, err := o.open(e, db, newClient("localhost:1", ""))
	if err != nil {
		return err
	}
	in := raceToken("app", 0)
	r.must(store.Save(ctx, &sunco.Installation{Token: in.Token}))
	r.must(store.Save(ctx, in))
	go func() { _ = store.Work(ctx, 4, r.onEvent) }()
	var all sync.WaitGroup
	all.Go(func() { r.flows(ctx, store) })
	for c := range raceConversations {
		all.Go(func() {
			for n := range raceMessages {
				for _, process := range []int{r.Process, -1} {
					id := fmt.Sprintf("%d-%d-%d", c, process, n)
					r.must(store.Enqueue(ctx, in, message("app", fmt.Sprint(c), id)))
				}
			}
		})
	}
	all.Wait()
	report("ready")
	_, _ = os.Stdin.Read(make([]byte, 1))
	for n := range raceApps {
		all.Go(func() {
			app := fmt.Sprint("race", n)
			r.must(store.Save(ctx, raceToken(app, r.Process)))
			if r.Process < r.Processes {
				r.must(store.Delete(ctx, raceToken(app, r.Process)))
			}
		})
	}
	all.Wait()
	report("over")
	select {}
}

func (r *racer) must(err error) {
	if err != nil {
		report("error", err)
	}
}

// flows uses the same flows as all others, at the same time.
func (r *racer) flows(ctx context.Context, store *sqlstore.Store) {
	for n := range raceFlows {
		first, err := store.FirstUse(ctx, fmt.Sprint("flow ", n))
		r.must(err)
		if first {
			report("first", n)
		}
	}
}

// onEvent handles a message while no other is handled in its conversation.
func (r *racer) onEvent(_ context.Context, _ *sunco.Installation, e *sunco.Event) error {
	id, conversation, err := messageOf(e)
	r.must(err)
	path := filepath.Join(r.Dir, conversation)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		report("overlap", id)
		return nil
	}
	if others, err := os.ReadDir(r.Dir); err == nil && len(others) > 1 {
		report("together")
	}
	time.Sleep(time.Millisecond)
	_ = file.Close()
	r.must(os.Remove(path))
	report("end", id)
	return nil
}
