package store_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/e2e/engine"
	"github.com/sunco-go/sunco/sqlstore"
)

// order is what a child is told to do, as JSON on its standard input.
type order struct {
	Engine, DSN string
	Keys        []string
	Domain, URL string        // of the platform, and of the child itself
	Stop        string        // where the child stops for ever, having reported it
	Passed      time.Duration // that nobody worked on the database
	Reseal      bool
	Fails       int           // one of so many events fails; 0: none
	Answer      time.Duration // how long onEvent takes
	Message     bool          // onEvent sends one
	Race        *racer        // instead of the partner's program
}

// runChild is the whole of a child.
func runChild() error {
	var o order
	if err := json.NewDecoder(os.Stdin).Decode(&o); err != nil {
		return nil // the test ended without an order
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})))
	for _, e := range engine.All() {
		if e.Name != o.Engine {
			continue
		}
		db, err := sql.Open(e.Driver, o.DSN)
		if err != nil {
			return err
		}
		db.SetMaxIdleConns(16)
		if o.Race != nil {
			return o.Race.run(o, e, db)
		}
		return (&program{order: o, engine: e, db: db}).run()
	}
	return errors.New("no engine " + o.Engine)
}

// program is a partner's program, which reports what it does.
type program struct {
	order
	engine engine.Engine
	db     *sql.DB
	client *sunco.Client
	store  *sqlstore.Store
	events atomic.Int64
}

// open opens the store with the keys of an order.
func (o order) open(e engine.Engine, db *sql.DB, client *sunco.Client) (*sqlstore.Store, error) {
	var keys []sunco.Secret
	for _, key := range o.Keys {
		keys = append(keys, sunco.NewSecret(key))
	}
	return sqlstore.New(context.Background(), db, e.Dialect, client, keys...)
}

// run serves on the socket that the parent passed, until it is killed.
func (p *program) run() (err error) {
	ctx := context.Background()
	p.client = newClient(p.Domain, p.URL+"/zendesk/install")
	if p.store, err = p.open(p.engine, p.db, p.client); err != nil {
		return err
	}
	if err := pass(ctx, p.db, p.Passed); err != nil {
		return err
	}
	// An event during which ten processes ended is dead, which is another test's subject.
	if _, err := p.db.ExecContext(ctx, "UPDATE sunco_lanes SET attempts = 0"); err != nil {
		return err
	}
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	hook := &sunco.Webhook{Target: p.URL + "/zendesk/events", Triggers: []string{sunco.TriggerConversationMessage}}
	mux := http.NewServeMux()
	mux.Handle("/zendesk/install", &sunco.Installer{
		Client: p.client, Webhook: hook, FirstUse: p.firstUse, Save: p.save, InsecureCookie: true,
	})
	mux.Handle("/zendesk/events", &sunco.EventHandler{Lookup: p.store.ByKey, OnEvent: p.enqueue})
	mux.Handle("/zendesk/removed", &sunco.RemovalHandler{
		Client: p.client, Lookup: p.store.ForRemoval, OnRemoved: p.store.Delete,
	})
	mux.HandleFunc("/test/{do}", p.control)
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	go func() { _ = p.store.Maintain(ctx, hook) }()
	go func() { _ = p.store.Work(ctx, 8, p.onEvent) }()
	if p.Reseal {
		go func() {
			if _, err := p.store.Reseal(ctx); err != nil {
				report("failed", "reseal:", err)
			}
		}()
	}
	report("ready")
	return http.Serve(listener, mux)
}

// report writes one line to the parent, at once.
func report(words ...any) { _, _ = os.Stdout.WriteString(fmt.Sprintln(words...)) }

// at reports a point in the program, and stops for ever at the one that was ordered.
func (p *program) at(point string, about ...any) {
	report(append([]any{point}, about...)...)
	if point == p.Stop {
		select {}
	}
}

func (p *program) firstUse(ctx context.Context, flowID string) (bool, error) {
	first, err := p.store.FirstUse(ctx, flowID)
	if first && err == nil {
		p.at("first", flowID)
	}
	return first, err
}

func (p *program) save(ctx context.Context, in *sunco.Installation) error {
	err := p.store.Save(ctx, in)
	switch {
	case err != nil:
	case in.AppID == "":
		p.at("token", in.Generation())
	default:
		p.at("saved", in.Generation(), in.AppID)
	}
	return err
}

func (p *program) enqueue(ctx context.Context, in *sunco.Installation, e *sunco.Event) error {
	p.at("receiving", e.ID)
	err := p.store.Enqueue(ctx, in, e)
	if err == nil {
		p.at("received", e.ID)
	}
	return err
}

// onEvent handles a message whose text is the name of a conversation and a number.
func (p *program) onEvent(ctx context.Context, in *sunco.Installation, e *sunco.Event) error {
	text, conversation, err := messageOf(e)
	if err != nil {
		return err
	}
	p.at("begin", text)
	if p.Fails > 0 && p.events.Add(1)%int64(p.Fails) == 0 {
		return errors.New("one of the events that fail")
	}
	time.Sleep(p.Answer)
	if p.Message {
		_ = p.client.Do(ctx, in, &sunco.Call{ // the conversation does not exist
			Method: http.MethodPost, Path: "/conversations/" + conversation + "/messages", Body: map[string]any{},
		})
	}
	p.at("end", text)
	return nil
}

// control does what the parent asks for, and answers with JSON.
func (p *program) control(w http.ResponseWriter, r *http.Request) {
	var answer any
	var err error
	ctx := r.Context()
	switch about := r.FormValue("about"); r.PathValue("do") {
	case "first":
		answer, err = p.store.FirstUse(ctx, about)
	case "get":
		var in *sunco.Installation
		if in, err = p.store.Get(ctx, about); in != nil {
			answer = in.Generation()
		}
	case "uninstall":
		var in *sunco.Installation
		if in, err = p.store.Get(ctx, about); in != nil {
			err = p.store.Uninstall(ctx, in)
		}
	case "update":
		var in *sunco.Installation
		if in, err = p.store.Get(ctx, about); in != nil {
			err = p.store.Update(ctx, in)
		}
	case "left":
		answer, err = left(ctx, p.db)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// messageOf returns the text of an event's message, and its conversation.
func messageOf(e *sunco.Event) (text, conversation string, err error) {
	var payload struct {
		Conversation struct{ ID string }
		Message      struct{ Content struct{ Text string } }
	}
	if err := json.Unmarshal(e.Payload, &payload); err != nil {
		return "", "", err
	}
	return payload.Message.Content.Text, payload.Conversation.ID, nil
}

// pass lets time pass: it moves back all times that something waits for. What waits to
// be forgotten stays, because Zendesk delivers again for 15 minutes only.
func pass(ctx context.Context, db *sql.DB, passed time.Duration) error {
	for _, statement := range []string{
		"UPDATE sunco_lanes SET run_at = run_at - %d",
		"UPDATE sunco_installations SET check_at = check_at - %d",
	} {
		if _, err := db.ExecContext(ctx, fmt.Sprintf(statement, passed.Microseconds())); err != nil {
			return err
		}
	}
	return nil
}

// left counts what still has to be done, and what contradicts itself.
func left(ctx context.Context, db *sql.DB) (n struct{ Lanes, Pending, Due, Wrong int }, err error) {
	for _, count := range []struct {
		into  *int
		query string
	}{
		{&n.Lanes, "SELECT count(*) FROM sunco_lanes"},
		{&n.Pending, "SELECT count(*) FROM sunco_installations WHERE pending <> ''"},
		{&n.Due, fmt.Sprintf("SELECT count(*) FROM sunco_installations WHERE check_at < %d", time.Now().UnixMicro())},
		{&n.Wrong, "SELECT count(*) FROM sunco_lanes l WHERE waiting <> " +
			"(SELECT count(*) FROM sunco_events e WHERE e.lane = l.lane AND dead = 0)"},
		{&n.Wrong, "SELECT count(*) FROM sunco_events WHERE dead = 0 AND lane NOT IN (SELECT lane FROM sunco_lanes)"},
		{&n.Wrong, "SELECT count(*) FROM sunco_webhook_keys WHERE app_id NOT IN (SELECT app_id FROM sunco_installations)"},
	} {
		found := 0
		if err := db.QueryRowContext(ctx, count.query).Scan(&found); err != nil {
			return n, err
		}
		*count.into += found
	}
	return n, nil
}

// newKey returns a key for New.
func newKey() string {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	return base64.StdEncoding.EncodeToString(key[:])
}
